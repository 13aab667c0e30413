"""Where git keeps things, read without starting git (gitrepository-layout(5)).

A worktree is known by the entry that the repository holds for it, ``worktrees/<id>`` in the common directory, never by
the ``.git`` file inside the worktree: that one belongs to whoever works there.
"""

from __future__ import annotations

import os
from pathlib import Path
from typing import Final

import msgspec
from nexus_sdk.protocol.errors import GitFailed, RepositoryUnusable

from nexusd.git.command import Git

_SMALL = 64 * 1024
_IN_PROGRESS: Final = {
    "rebase-merge": "rebase",
    "rebase-apply": "rebase",
    "MERGE_HEAD": "merge",
    "CHERRY_PICK_HEAD": "cherry-pick",
    "REVERT_HEAD": "revert",
}


class Checkout(msgspec.Struct, frozen=True):
    """A worktree of a repository, as git is told about it.

    Attributes:
        path: the worktree.
        git_dir: its own git directory: HEAD, index, what is in progress.
        common: the repository's: objects, branches, configuration.
    """

    path: Path
    git_dir: Path
    common: Path

    @classmethod
    def find(cls, repository: Path, worktree: Path) -> Checkout:
        """The worktree at this path of this repository.

        Raises:
            RepositoryUnusable: the repository is gone.
            GitFailed: the repository has no such worktree.
        """
        common = common_dir(repository)
        if worktree == repository:
            return cls(worktree, common, common)
        entry = entry_of(common, worktree)
        if entry is None:
            raise GitFailed(
                f"{worktree} is not a worktree of {repository}",
                hint="Its registration was removed; `git worktree list` shows what there is.",
                command="worktree",
                reason="not registered",
            )
        return cls(worktree, entry, common)

    @property
    def git(self) -> Git:
        """Git in this worktree."""
        return Git(cwd=self.path, git_dir=self.git_dir, work_tree=self.path)

    @property
    def in_progress(self) -> str | None:
        """What somebody is in the middle of here, by git's name of it: a merge, a rebase and the like."""
        return next((what for name, what in _IN_PROGRESS.items() if (self.git_dir / name).exists()), None)


def common_dir(repository: Path) -> Path:
    """The common git directory of a repository given by its main worktree, or by itself if it is bare.

    Raises:
        RepositoryUnusable: there is none.
    """
    dot = repository / ".git"
    try:
        if dot.is_dir():
            return dot
        pointer = read_line(dot)
    except OSError:
        pointer = None
    if pointer is not None and pointer.startswith("gitdir: "):
        git_dir = Path(os.path.normpath(repository / pointer.removeprefix("gitdir: ")))
        shared = read_line(git_dir / "commondir")
        return git_dir if shared is None else Path(os.path.normpath(git_dir / shared))
    if (repository / "HEAD").exists() and (repository / "objects").is_dir():
        return repository
    raise RepositoryUnusable(
        f"there is no git repository in {repository}",
        hint="It may have been moved or deleted.",
        url=str(repository),
        reason="not a git repository",
    )


def at_common(common: Path, cwd: Path | None = None) -> Git:
    """Git in a repository as a whole, not in one of its worktrees."""
    return Git(cwd=cwd or common, git_dir=common)


def entries(common: Path) -> list[Path]:
    """The directories that the repository holds for its linked worktrees."""
    try:
        return sorted(entry for entry in (common / "worktrees").iterdir() if entry.is_dir())
    except OSError:
        return []


def entry_of(common: Path, worktree: Path) -> Path | None:
    """The entry for the worktree at this path, whether the worktree exists or not."""
    wanted = os.path.realpath(worktree.parent) + f"/{worktree.name}/.git"
    first = common / "worktrees" / worktree.name
    for entry in (first, *(other for other in entries(common) if other != first)):
        pointer = read_line(entry / "gitdir")
        if pointer is None:
            continue
        target = os.path.normpath(entry / pointer)
        if target == wanted or os.path.realpath(os.path.dirname(target)) + "/.git" == wanted:
            return entry
    return None


def read_line(path: Path) -> str | None:
    """The first line of one of git's small files; None if it cannot be read."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return None
    try:
        data = os.read(fd, _SMALL)
    except OSError:
        return None
    finally:
        os.close(fd)
    return os.fsdecode(data).split("\n", 1)[0].rstrip("\r")
