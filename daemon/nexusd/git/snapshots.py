"""What git knows of a worktree, kept beside a copy of its files: HEAD, index, and what is in progress.

All of that lies in the entry that the repository holds for the worktree; a copy of it is the state (`LEFT_OUT` says
what belongs to its place alone). The objects that it needs (the commit, and whatever is staged) are held by a ref of
ours, or ``git gc`` would take them: it knows nothing of copies.
"""

from __future__ import annotations

import asyncio
import os
import re
from contextlib import AbstractAsyncContextManager
from pathlib import Path
from typing import Final

import msgspec
from nexus_sdk.protocol.errors import GitFailed

from nexusd.failpoints import failpoint
from nexusd.git import refs
from nexusd.git.layout import Checkout, at_common, common_dir, entries, read_line
from nexusd.git.worktrees import CREATE_SECONDS, worktree_lock

LEFT_OUT: Final = frozenset({"gitdir", "commondir", "locked", "index.lock", "HEAD.lock", "config.lock"})
"""Names in an entry that are about where it is, or of a git that is at work."""
_OF_BRANCH: Final = frozenset({"HEAD", "logs", "refs", "rebase-merge", "rebase-apply", "AUTO_MERGE"})
"""What a fork begins without: it is about the branch that the other worktree is on, and would change that one."""
_BISECT: Final = "BISECT_"
_HASH: Final = re.compile(rb"\b[0-9a-f]{40}(?:[0-9a-f]{24})?\b")
_PLACE: Final = re.compile(r"(\s*worktree\s*=\s*)")
_STATE_LIMIT: Final = 64 * 1024
_WHO: Final = {
    f"GIT_{role}_{part}": value
    for role in ("AUTHOR", "COMMITTER")
    for part, value in (("NAME", "Nexus"), ("EMAIL", "nexus@localhost"))
}


class Moment(msgspec.Struct, frozen=True):
    """Where HEAD was.

    Attributes:
        branch: full name of the ref that it was on; empty when detached.
        commit: its commit; empty on a branch without commits.
    """

    branch: str
    commit: str


def ref_of(checkpoint: str) -> str:
    """The ref that holds what a checkpoint needs."""
    return f"refs/nexus/checkpoints/{checkpoint}"


async def keep(checkout: Checkout, copy: Path, checkpoint: str) -> Moment:
    """Let the repository keep every object that a copy of a worktree's entry needs; done already is success.

    Args:
        checkout: the worktree.
        copy: the copy of its entry.
        checkpoint: whose ref holds them.

    Raises:
        GitFailed, StorageFull: git could not.
    """
    branch, commit = await _head(checkout.common, copy)
    git = checkout.git.having(GIT_INDEX_FILE=str(copy / "index"), **_WHO)
    wanted = await asyncio.to_thread(_mentioned, copy)
    listing = await git.run("ls-files", "--stage", "-z") if (copy / "index").exists() else None
    for line in listing.stdout.split(b"\0") if listing is not None else ():
        mode, _, rest = line.partition(b" ")
        if mode and mode != b"160000":
            wanted.add(rest.partition(b" ")[0].decode())
    if commit:
        wanted.add(commit)
    if not wanted:
        return Moment(branch, commit)
    found: dict[str, list[str]] = {"blob": [], "commit": []}
    # What was never written (an entry added by intent) or was collected before we came is no object to keep.
    asked = await git.run("cat-file", "--batch-check", stdin="".join(f"{name}\n" for name in sorted(wanted)).encode())
    for answer in asked.stdout.decode().splitlines():
        name, kind, *_ = [*answer.split(" "), ""]
        found.get(kind, []).append(name)
    lines = "".join(f"100644 blob {name}\t{name}\0" for name in found["blob"])
    tree = await git.run("mktree", "-z", stdin=lines.encode(), writes=True)
    parents = [word for name in found["commit"] for word in ("-p", name)]
    made = await git.run(
        "commit-tree", tree.stdout.decode().strip(), *parents, stdin=f"checkpoint {checkpoint}\n".encode(), writes=True
    )
    failpoint("checkpoint.ref.before")
    await git.run("update-ref", ref_of(checkpoint), made.stdout.decode().strip(), writes=True, patience=5.0)
    failpoint("checkpoint.ref.after")
    return Moment(branch, commit)


async def kept(repository: Path, checkpoint: str) -> bool:
    """Whether the ref of a checkpoint is there."""
    return (await refs.commits(at_common(common_dir(repository)), [ref_of(checkpoint)]))[0] is not None


async def forget(repository: Path, checkpoint: str) -> None:
    """Let go of what a checkpoint held; nothing there, or no repository any more, is success."""
    if not await asyncio.to_thread(repository.exists):
        return
    git, name = at_common(common_dir(repository)), ref_of(checkpoint)
    found = await git.run("for-each-ref", "--format=%(objectname)", name)
    if found.stdout.strip():
        await git.run("update-ref", "-d", name, writes=True, patience=5.0)


async def tip(repository: Path, branch: str) -> str:
    """The commit that a branch (a full ref) points to; empty where there is none."""
    return (await refs.commits(at_common(common_dir(repository)), [branch]))[0] or ""


async def point(repository: Path, branch: str, commit: str) -> None:
    """Let a branch (a full ref) point to a commit, made where it is missing."""
    git = at_common(common_dir(repository))
    await git.run("update-ref", "-m", "nexus: restore a checkpoint", branch, commit, writes=True, patience=5.0)


async def head_for(checkout: Checkout, moment: Moment, own: str) -> str:
    """What HEAD is to say when a moment comes back.

    The workspace's own branch goes back with it. Any other branch belongs to somebody else, too: HEAD is on it again
    only if it still is where it was and no other worktree is on it; otherwise it is detached at that commit.

    Args:
        checkout: the worktree.
        moment: where HEAD was.
        own: full name of the workspace's own branch.
    """
    if not moment.branch:
        return moment.commit
    if moment.branch == own or not moment.commit:
        return f"ref: {moment.branch}"
    tip = (await refs.commits(at_common(checkout.common), [moment.branch]))[0]
    heads = [read_line(entry / "HEAD") for entry in entries(checkout.common) if entry != checkout.git_dir]
    heads.append(read_line(checkout.common / "HEAD"))
    free = f"ref: {moment.branch}" not in heads
    return f"ref: {moment.branch}" if tip == moment.commit and free else moment.commit


def place_entry(staged: Path, current: Path, head: str) -> None:
    """Finish a copied entry that is to take the place of another one of the same worktree. Blocking."""
    for name in ("gitdir", "commondir"):
        (staged / name).write_bytes((current / name).read_bytes())
    (staged / "HEAD").write_text(f"{head}\n")


def entry_path(repository: Path, worktree: Path) -> Path:
    """The entry of a worktree. Raises GitFailed, RepositoryUnusable."""
    return Checkout.find(repository, worktree).git_dir


def staging(repository: Path, operation: str) -> Path:
    """Where an entry is prepared: on the filesystem of the entries, where git does not look for worktrees."""
    return common_dir(repository) / f"nexus-restore-{operation}"


def lock(repository: Path, timeout: float = CREATE_SECONDS) -> AbstractAsyncContextManager[int]:
    """Change the repository's list of worktrees alone."""
    return worktree_lock(common_dir(repository), timeout)


def begins_without(name: str) -> bool:
    """Whether a fork's entry does not take over this name from the other's."""
    return name in LEFT_OUT or name in _OF_BRANCH or name.startswith(_BISECT)


async def refresh(checkout: Checkout) -> None:
    """Let the index know the files that are there now, or each `git status` would read all of them. Never fails."""
    try:
        await checkout.git.run(
            "update-index", "-q", "--ignore-submodules", "--refresh", ok=None, timeout=CREATE_SECONDS, writes=True
        )
    except GitFailed:
        pass


def relocate(worktree: Path, entry: Path, former_worktree: Path, former_entry: Path, found: list[Path]) -> None:
    """Let submodules that were copied with a worktree belong to the copy. Blocking.

    A submodule's ``.git`` file names its store in the entry, and the store names the submodule's directory; both must
    mean the copy, or work in the fork would be done in the other workspace.

    Args:
        worktree: the copy.
        entry: its entry.
        former_worktree: what was copied.
        former_entry: its entry.
        found: every ``.git`` file below the copy, relative to it.
    """
    for relative in found:
        pointer = read_line(worktree / relative)
        if pointer is None or not pointer.startswith("gitdir: "):
            continue
        place = former_worktree / relative.parent
        store = Path(os.path.normpath(place / pointer.removeprefix("gitdir: ")))
        try:
            inside = store.relative_to(former_entry)
        except ValueError:
            continue
        ours = entry / inside
        if os.path.realpath(ours) != os.path.join(os.path.realpath(entry), inside):
            continue  # a link leads elsewhere: not a store of ours
        _replace(worktree / relative, f"gitdir: {os.path.relpath(ours, (worktree / relative).parent)}\n")
        config = ours / "config"
        if config.is_symlink() or not config.is_file():
            continue  # a store without a configuration is none
        directory = os.path.relpath((worktree / relative).parent, ours)
        before = config.read_text(errors="surrogateescape")
        lines = (f"{match[1]}{directory}" if (match := _PLACE.match(line)) else line for line in before.split("\n"))
        config.write_text("\n".join(lines), errors="surrogateescape")


def _replace(path: Path, text: str) -> None:
    path.unlink()
    path.write_text(text)


async def _head(common: Path, copy: Path) -> tuple[str, str]:
    text = read_line(copy / "HEAD") or ""
    if not text.startswith("ref: "):
        return "", text
    branch = text.removeprefix("ref: ").strip()
    return branch, (await refs.commits(at_common(common), [branch]))[0] or ""


def _mentioned(copy: Path) -> set[str]:
    """Hashes in the small files of a state in progress: heads of merges, steps of a rebase. Blocking."""
    found: set[str] = set()
    folders = [copy, *(copy / name for name in ("rebase-merge", "rebase-apply", "sequencer"))]
    for folder in folders:
        try:
            names = sorted(os.listdir(folder))
        except OSError:
            continue
        for name in names:
            if folder == copy and not name.endswith("_HEAD"):
                continue
            try:
                fd = os.open(folder / name, os.O_RDONLY | os.O_NOFOLLOW | os.O_NONBLOCK | os.O_CLOEXEC)
            except OSError:
                continue
            try:
                found.update(match.decode() for match in _HASH.findall(os.read(fd, _STATE_LIMIT)))
            except OSError:
                pass
            finally:
                os.close(fd)
    return found
