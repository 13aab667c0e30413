"""The worktree of a workspace: made on a branch of its own, inspected, removed.

It lies in ``<repo>/.nexus/worktrees/<name>``, for a bare repository in ``$NEXUS_HOME/worktrees/<repo>/<name>``, on
branch ``nexus/<name>``. ``.nexus/`` is hidden from git by ``info/exclude`` of the repository, never by a tracked file.

Every change here can be repeated after a kill at any moment and then completes: git may have been killed as well, or
may still be running without its daemon. A lock file beside the worktree is handed down to git, so that a second attempt
begins only when nothing of the first one runs any more.
"""

from __future__ import annotations

import asyncio
import os
import re
import secrets
import shutil
import stat
import weakref
from collections.abc import AsyncIterator, Awaitable, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Any, Final

import msgspec
from nexus_sdk.protocol.errors import BranchExists, GitFailed, RepositoryUnusable, StorageFull

from nexusd.failpoints import failpoint
from nexusd.git import nested, refs
from nexusd.git.command import Git
from nexusd.git.layout import Checkout, at_common, common_dir, entries, entry_of, read_line
from nexusd.git.locks import locked
from nexusd.git.repositories import RepositoryHandle
from nexusd.git.status import read_status

CREATE_SECONDS: Final = 300.0
"""Deadline of a checkout, and of waiting for somebody else's work on the same worktree."""
LISTED_FILES: Final = 20
"""How many changed files `inspect_work` names."""

_WORKERS = max(1, min(8, os.cpu_count() or 1))
# Parallel checkout pays from some hundred files on (measured: 0.6 of the time for 5,000 files on 4 cores).
_CHECKOUT = (f"checkout.workers={_WORKERS}", "checkout.thresholdForParallelism=100")
_AT_ONCE = 4
_EXCLUDED: Final = (b".nexus/", b".nexus-tmp-" + b"[0-9a-f]" * 16, b".nexus-upload-" + b"[0-9a-f]" * 32)
"""What git shall not see: the worktrees, and the files of writes and uploads under way (`nexusd.files.stage`)."""


class Work(msgspec.Struct, frozen=True, kw_only=True):
    """Work in a worktree that exists nowhere else.

    Attributes:
        changed: files changed or new and not committed.
        files: the first of them, at most 20.
        unpushed: commits that no remote and no other branch has.
        detached: those of them that the workspace's branch does not hold either: only HEAD has them.
        nested: commits in submodules, and in other repositories inside the worktree, that no remote has.
        in_progress: what somebody is in the middle of: a merge, a rebase and the like; None for nothing.
    """

    changed: int
    files: list[str]
    unpushed: int
    detached: int
    nested: int = 0
    in_progress: str | None = None

    @property
    def lost(self) -> bool:
        """Whether removing the worktree and keeping the branch loses something."""
        return bool(self.losses)

    @property
    def losses(self) -> list[str]:
        """What removing the worktree and keeping the branch loses, in words."""
        words = []
        if self.changed:
            words.append(_count_of(self.changed, "uncommitted file"))
        if self.detached:
            words.append(_count_of(self.detached, "commit") + " that no branch holds")
        if self.nested:
            words.append(_count_of(self.nested, "commit") + " in submodules that no remote has")
        if self.in_progress:
            words.append(f"a {self.in_progress} in progress")
        return words


def _count_of(count: int, what: str) -> str:
    return f"{count} {what}{'s' if count != 1 else ''}"


class WorktreeInfo(msgspec.Struct, frozen=True, kw_only=True):
    """A worktree that a repository knows. `branch` is None when detached; `missing`: its directory is gone."""

    path: Path
    branch: str | None
    locked: bool
    missing: bool


def location(repository: RepositoryHandle, name: str, home: Path) -> Path:
    """Where the worktree of a workspace of this name belongs."""
    if not repository.is_bare:
        return repository.path / ".nexus" / "worktrees" / name
    return home / "worktrees" / repository.path.name.removesuffix(".git") / name


async def check_free(repo: Path, worktree: Path, branch: str) -> None:
    """Make sure that neither branch nor worktree exists.

    Raises:
        BranchExists: one of them does, or a branch is in the way (``nexus`` bars every ``nexus/<name>``).
    """
    if await asyncio.to_thread(os.path.lexists, worktree):
        raise BranchExists(f"{worktree} exists already", hint="Choose another name, or remove it.", ref=str(worktree))
    git = at_common(common_dir(repo))
    output = await git.run(
        "for-each-ref", "--format=%(refname)", f"refs/heads/{branch}", *(f"refs/heads/{up}" for up in _above(branch))
    )
    found = [refs.short(line) for line in output.stdout.decode("utf-8", "surrogateescape").splitlines()]
    # git takes a pattern for a folder as well: below `nexus` lie the branches of every other workspace
    for name in found:
        if name in _above(branch) or name.startswith(branch + "/"):
            raise BranchExists(
                f"a branch named {name} leaves no room for {branch}", hint=f"Rename the branch {name}.", ref=name
            )
    if branch in found:
        raise BranchExists(f"the branch {branch} exists already", ref=branch)


async def create(
    repo: Path,
    worktree: Path,
    branch: str,
    commit: str,
    *,
    resume: bool = False,
    timeout: float = CREATE_SECONDS,
    fill: Callable[[Checkout], Awaitable[None]] | None = None,
) -> Path:
    """Make `branch` at `commit` and check it out in `worktree`; gives the worktree.

    Args:
        repo: the repository's main worktree, or the bare repository.
        worktree: as `location` says.
        branch: short name of the branch, which must not exist.
        commit: full hash.
        resume: an earlier attempt of ours may have begun: what it left is finished, or removed and made again.
        timeout: seconds.
        fill: puts the files there, and at last the index, instead of a checkout.

    Raises:
        BranchExists: branch or worktree exist and are not what an earlier attempt left.
        RepositoryUnusable: there is no place for it: ``.nexus`` is not a plain directory.
        GitFailed, StorageFull, DeadlineExceeded: git could not; call again with `resume`, or remove what is there.
    """
    common = common_dir(repo)
    await asyncio.to_thread(_prepare, repo, common, worktree.parent)
    lock = _lock_file(worktree)
    async with locked(lock, timeout=timeout, what=f"the worktree {worktree}", remove=True) as fd:
        failpoint("git.worktree.locked")
        git = at_common(common)
        if resume:
            if await asyncio.to_thread(_complete, common, worktree):
                return worktree
            async with worktree_lock(common, timeout):
                await asyncio.to_thread(_discard, common, worktree, branch)
            await asyncio.to_thread(_sweep, worktree)
            at = (await refs.commits(git, [f"refs/heads/{branch}"]))[0]
            if at not in (None, commit):
                raise BranchExists(f"the branch {branch} exists already, at another commit", ref=branch)
        elif await asyncio.to_thread(os.path.lexists, worktree):
            raise BranchExists(f"{worktree} exists already", ref=str(worktree))
        async with worktree_lock(common, timeout) as inner:
            await _register(git, worktree, branch, commit, reset=resume, fds=(fd, inner))
        failpoint("git.worktree.registered")
        async with _slots():
            if fill is not None:
                await fill(Checkout.find(repo, worktree))
            else:
                await _check_out(Checkout.find(repo, worktree), timeout=timeout, fd=fd)
        failpoint("git.worktree.added")
    return worktree


async def remove(repo: Path, worktree: Path, *, force: bool = False, timeout: float = CREATE_SECONDS) -> None:
    """Remove a worktree and the repository's entry for it; the branch stays. Nothing there is success.

    The directory is renamed away first, so that there is never half a worktree under its name.

    Raises:
        GitFailed: without `force`: it holds uncommitted files, or commits that no branch holds, or somebody locked it.
        GitFailed: files could not be removed (permissions).
        RepositoryUnusable: the repository is gone and the worktree is still there; `force` removes it.
    """
    try:
        common = common_dir(repo)
    except RepositoryUnusable:
        # The repository went first: no git can say what the directory is worth, so only force removes it.
        if force and await asyncio.to_thread(os.path.lexists, worktree):
            await asyncio.to_thread(_remove_tree, worktree)
        elif await asyncio.to_thread(os.path.lexists, worktree):
            raise
        return
    if not await asyncio.to_thread(worktree.parent.is_dir):
        async with worktree_lock(common, timeout):
            await asyncio.to_thread(_forget, common, worktree)
        return
    async with locked(_lock_file(worktree), timeout=timeout, what=f"the worktree {worktree}", remove=True):
        if not force:
            await _refuse_loss(repo, common, worktree)
        try:
            async with worktree_lock(common, timeout):
                await asyncio.to_thread(_set_aside, common, worktree)
            await asyncio.to_thread(_sweep, worktree)
        except OSError as error:
            reason = f"{error.strerror}: {error.filename}"
            raise GitFailed(
                f"cannot remove the worktree {worktree}: {reason}",
                hint="Remove the files that are left by hand, then destroy the workspace again.",
                command="worktree",
                reason=reason,
            ) from error


async def inspect_work(repo: Path, worktree: Path, branch: str) -> Work:
    """What would be lost. A worktree that is gone holds nothing; its branch may.

    Raises:
        RepositoryUnusable: the repository is gone.
        GitFailed: git could not say.
    """
    common = common_dir(repo)
    entry = await asyncio.to_thread(entry_of, common, worktree)
    if entry is None or not await asyncio.to_thread(worktree.is_dir):
        # Without its entry no git can say what a worktree is worth: whatever is there counts.
        left = await asyncio.to_thread(_names_in, worktree)
        unique = await branch_unique_commits(repo, branch)
        return Work(changed=len(left), files=left[:LISTED_FILES], unpushed=unique, detached=0)
    checkout = Checkout(worktree, entry, common)
    status, (unpushed, detached), held = await asyncio.gather(
        read_status(checkout), _unpushed(checkout, branch), nested.inspect(checkout)
    )
    # A file may be staged and have an edit that git was told not to see.
    files = list(dict.fromkeys([*(file.path for file in status.files), *held.files]))
    return Work(
        changed=len(files),
        files=files[:LISTED_FILES],
        unpushed=unpushed,
        detached=detached,
        nested=held.commits,
        in_progress=checkout.in_progress,
    )


async def branch_unique_commits(repo: Path, branch: str) -> int:
    """How many commits of a branch no remote and no other branch has; 0 if there is no such branch."""
    git = at_common(common_dir(repo))
    tip = (await refs.commits(git, [f"refs/heads/{branch}"]))[0]
    return 0 if tip is None else await _count(git, [tip], branch)


async def delete_branch(repo: Path, branch: str, *, at: str | None = None, only_if_merged: bool = False) -> bool:
    """Delete a branch. Gives whether it was deleted: not if there is none, or if another worktree is on it.

    Args:
        at: delete it only if it still points at this commit.
        only_if_merged: delete it only if a remote or another branch has all its commits.
    """
    try:
        git = at_common(common_dir(repo))
    except RepositoryUnusable:
        return False  # the branch went with its repository
    name = f"refs/heads/{branch}"
    tip = (await refs.commits(git, [name]))[0]
    if tip is None or (at is not None and tip != at):
        return False
    if only_if_merged and await _count(git, [tip], branch):
        return False
    try:
        await git.run("branch", "-D", "--quiet", "--end-of-options", branch, writes=True, patience=5.0)
    except GitFailed as error:
        if error.details is not None and re.search(r"checked out at|used by worktree at", error.details.reason):
            return False
        if (await refs.commits(git, [name]))[0] is not None:
            raise
    failpoint("git.branch.deleted")
    return True


async def list_worktrees(repo: Path) -> list[WorktreeInfo]:
    """All worktrees that the repository knows, its main one first."""
    output = await at_common(common_dir(repo)).run("worktree", "list", "--porcelain")
    found = []
    for block in os.fsdecode(output.stdout).split("\n\n"):
        facts: dict[str, str] = {}
        for line in block.splitlines():
            key, _, value = line.partition(" ")
            facts[key] = value
        if "worktree" in facts:
            path = Path(facts["worktree"])
            found.append(
                WorktreeInfo(
                    path=path,
                    branch=refs.short(facts["branch"]) if "branch" in facts else None,
                    locked="locked" in facts,
                    missing=not await asyncio.to_thread(path.is_dir),
                )
            )
    return found


async def prune(repo: Path, place: Path) -> list[Path]:
    """Forget worktrees below `place` whose directories are gone; gives their paths.

    Unlike ``git worktree prune`` it leaves those elsewhere alone: they may be on a disk that is not there now.
    """
    common = common_dir(repo)
    gone = []
    for entry in await asyncio.to_thread(entries, common):
        path = Path(os.path.normpath(entry / (read_line(entry / "gitdir") or ""))).parent
        if path.parent == place and place.is_dir() and not path.exists():
            async with locked(_lock_file(path), timeout=5.0, what=f"the worktree {path}", remove=True):
                async with worktree_lock(common, 5.0):
                    if not path.exists():
                        await asyncio.to_thread(_forget, common, path)
                        gone.append(path)
    return gone


# -- making ------------------------------------------------------------------------------------------------------


async def _register(git: Git, worktree: Path, branch: str, commit: str, *, reset: bool, fds: tuple[int, ...]) -> None:
    """Make the branch, the repository's entry and an empty worktree."""
    try:
        await git.run(
            "worktree",
            "add",
            "--quiet",
            "--no-checkout",
            "-B" if reset else "-b",
            branch,
            "--end-of-options",
            str(worktree),
            commit,
            writes=True,
            timeout=60,
            # Tried again, plain -b would take the branch of its own first attempt for somebody else's.
            patience=5.0 if reset else 0.0,
            pass_fds=fds,
        )
    except StorageFull:
        raise _full(worktree) from None
    except GitFailed as error:
        reason = error.details.reason if error.details is not None else ""
        if "already exists" in reason or "already used by worktree" in reason or "cannot lock ref" in reason:
            raise BranchExists(f"cannot make {branch}: {reason.splitlines()[-1]}", ref=branch) from error
        raise


async def _check_out(checkout: Checkout, *, timeout: float, fd: int) -> None:
    """Fill the new worktree. The index appears when the last file is there: that is how `_complete` knows."""
    try:
        await checkout.git.run(
            "reset",
            "--hard",
            "--quiet",
            "--no-recurse-submodules",
            writes=True,
            timeout=timeout,
            pass_fds=(fd,),
            config=_CHECKOUT,
        )
    except StorageFull:
        raise _full(checkout.path) from None


def _full(worktree: Path) -> StorageFull:
    return StorageFull(f"the disk is full; {worktree} could not be made", path=str(worktree))


def _prepare(repo: Path, common: Path, place: Path) -> None:
    """Make the directory that worktrees go to, without following a link inside the repository, and hide it from git."""
    if repo == common:
        place.mkdir(mode=0o700, parents=True, exist_ok=True)
        _exclude(repo, common)
        return
    above = repo
    for part in place.relative_to(repo).parts:
        above = above / part
        try:
            os.mkdir(above)
        except FileExistsError:
            pass
        except OSError as error:
            raise _no_place(repo, above, error.strerror or str(error)) from error
        if not stat.S_ISDIR(os.lstat(above).st_mode):
            raise _no_place(repo, above, "it is not a directory")
    _exclude(repo, common)


def _exclude(repo: Path, common: Path) -> None:
    path = common / "info" / "exclude"
    try:
        known = path.read_bytes()
    except FileNotFoundError:
        known = b""
    lines = {line.strip().removeprefix(b"/") for line in known.splitlines()}
    missing = [pattern for pattern in _EXCLUDED if not {pattern, pattern.removesuffix(b"/")} & lines]
    if not missing:
        return
    if path.is_symlink():
        if _EXCLUDED[0] not in missing:
            return  # somebody else's file, with what cannot be done without
        raise RepositoryUnusable(
            f"cannot hide .nexus/ from git: {path} is a symbolic link",
            hint=f"Add these lines to {path} yourself: {b' '.join(missing).decode()}",
            url=str(repo),
            reason="info/exclude is a symbolic link",
        )
    path.parent.mkdir(exist_ok=True)
    temporary = path.with_name(f"exclude.nexus-{secrets.token_hex(4)}")
    gap = b"" if not known or known.endswith(b"\n") else b"\n"
    temporary.write_bytes(known + gap + b"".join(pattern + b"\n" for pattern in missing))
    os.replace(temporary, path)


def _no_place(repo: Path, path: Path, reason: str) -> RepositoryUnusable:
    return RepositoryUnusable(
        f"there is no place for worktrees in {repo}: {path}: {reason}",
        hint=f"Rename or remove {path}.",
        url=str(repo),
        reason=f"{path.name}: {reason}",
    )


def _above(branch: str) -> list[str]:
    parts = branch.split("/")
    return ["/".join(parts[:count]) for count in range(1, len(parts))]


_slots_of: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, asyncio.Semaphore] = weakref.WeakKeyDictionary()


def _slots() -> asyncio.Semaphore:
    """Few checkouts at a time: each one keeps all cores busy by itself."""
    return _slots_of.setdefault(asyncio.get_running_loop(), asyncio.Semaphore(_AT_ONCE))


@asynccontextmanager
async def worktree_lock(common: Path, timeout: float) -> AsyncIterator[int]:
    """Change the repository's list of worktrees alone: git fails on an entry that another git is just making."""
    async with locked(common / "nexus-worktrees.lock", timeout=timeout, what=f"the worktrees of {common}") as fd:
        yield fd


def _lock_file(worktree: Path) -> Path:
    return worktree.with_name(f".{worktree.name}.lock")


# -- finishing and removing ----------------------------------------------------------------------------------------


def _complete(common: Path, worktree: Path) -> bool:
    """Whether this worktree was finished: registered, not in the making, and with the index that comes last."""
    entry = entry_of(common, worktree)
    return (
        entry is not None
        and worktree.is_dir()
        and (worktree / ".git").exists()
        and not (entry / "locked").exists()
        and not (entry / "index.lock").exists()
        and (entry / "index").exists()
    )


def _discard(common: Path, worktree: Path, branch: str) -> None:
    """Remove what an attempt left that never finished: nothing in it is anybody's work."""
    _set_aside(common, worktree)
    for entry in entries(common):
        mark = read_line(entry / "locked")
        stem = entry.name.rstrip("0123456789")
        if mark == "initializing" and not (entry / "gitdir").exists() and worktree.name in (entry.name, stem):
            shutil.rmtree(entry, ignore_errors=True)
    # Nobody but us makes this branch, and nothing of ours runs: we hold the lock that it would have inherited.
    refs.branch_path(common, f"{branch}.lock").unlink(missing_ok=True)


async def _refuse_loss(repo: Path, common: Path, worktree: Path) -> None:
    if not await asyncio.to_thread(worktree.is_dir):
        return
    entry = await asyncio.to_thread(entry_of, common, worktree)
    if entry is not None and (reason := read_line(entry / "locked")) is not None:
        raise _kept(worktree, f"it is locked{': ' + reason if reason else ''}")
    work = await inspect_work(repo, worktree, "")
    if work.lost:
        raise _kept(worktree, f"it holds {' and '.join(work.losses)}")


def _kept(worktree: Path, reason: str) -> GitFailed:
    return GitFailed(
        f"the worktree {worktree} was kept: {reason}",
        hint="Commit to a branch, or force the removal.",
        command="worktree",
        reason=reason,
    )


def _names_in(directory: Path) -> list[str]:
    try:
        return sorted(name for name in os.listdir(directory) if name != ".git")
    except OSError:
        return []


def _set_aside(common: Path, worktree: Path) -> None:
    if os.path.lexists(worktree):
        removed = worktree.with_name(f".removed-{worktree.name}-{secrets.token_hex(4)}")
        os.rename(worktree, removed)
        failpoint("git.remove.renamed")
    _forget(common, worktree)
    failpoint("git.remove.forgotten")


def _sweep(worktree: Path) -> None:
    """Remove what was set aside, now or by an attempt that was killed."""
    for left in worktree.parent.glob(f".removed-{worktree.name}-????????"):
        _remove_tree(left)


def _forget(common: Path, worktree: Path) -> None:
    while (entry := entry_of(common, worktree)) is not None:
        shutil.rmtree(entry)


def _remove_tree(path: Path) -> None:
    if not path.is_dir() or path.is_symlink():
        path.unlink(missing_ok=True)
        return

    def unlocked(function: Callable[..., Any], name: str, error: Any) -> None:
        """Directories without write permission (module caches) are made writable and tried once more."""
        if not isinstance(error[1], PermissionError):
            if not isinstance(error[1], FileNotFoundError):
                raise error[1]
            return
        for directory in (os.path.dirname(name), name):
            if stat.S_ISDIR(os.lstat(directory).st_mode):
                os.chmod(directory, 0o700)
        if function in (os.open, os.scandir, os.rmdir, os.lstat):
            shutil.rmtree(name)
        else:
            os.unlink(name)

    shutil.rmtree(path, onerror=unlocked)


# -- counting ----------------------------------------------------------------------------------------------------


async def _unpushed(checkout: Checkout, branch: str) -> tuple[int, int]:
    """(commits that no remote and no other branch has, those of them that `branch` does not hold)."""
    git = checkout.git
    head, tip = await refs.commits(git, ["HEAD", f"refs/heads/{branch}" if branch else "HEAD"])
    if head is None:
        return (0 if tip is None else await _count(git, [tip], branch)), 0
    every = [head] if tip in (None, head) or tip is None else [head, tip]
    if not branch:
        return 0, await _count(git, [head], "")
    unpushed = await _count(git, every, branch)
    detached = await _count(git, [head], "") if unpushed and head != tip else 0
    return unpushed, detached


async def _count(git: Git, tips: list[str], branch: str) -> int:
    """Commits reachable from `tips` but from no remote's branch and no branch other than `branch`."""
    besides = (f"--exclude={branch}",) if branch else ()
    output = await git.run("rev-list", "--count", *tips, "--not", *besides, "--branches", "--remotes")
    return int(output.stdout)
