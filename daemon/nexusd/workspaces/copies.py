"""Where checkpoints keep their files, and how files come into one and out of it. All of it blocks, in own threads.

``$NEXUS_HOME/state/checkpoints/<id>`` holds ``tree``, the worktree, and ``git``, the repository's entry for it. One in
the making is called ``<id>.new`` until all of it is on the disk. Nobody but the daemon may look inside (mode 0700).
"""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import shutil
import stat
import threading
from collections.abc import Callable, Collection, Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Final, TypeVar

from nexus_sdk.protocol.errors import BackendFailed, Cancelled, StorageFull

from nexusd.failpoints import failpoint
from nexusd.files import replica
from nexusd.files.errors import named
from nexusd.files.replica import Extent, Replica, Tell
from nexusd.files.syscalls import rename_exchange, sync_filesystem
from nexusd.git import snapshots

T = TypeVar("T")

AT_ONCE: Final = 2
"""Copies that are made at the same time: they share one disk."""
TREE: Final = "tree"
GIT: Final = "git"


class Copies:
    """The copies of all checkpoints.

    Args:
        home: NEXUS_HOME.
    """

    def __init__(self, home: Path) -> None:
        self.root = home / "state" / "checkpoints"
        self._threads = ThreadPoolExecutor(AT_ONCE, "nexus-copy")

    def path(self, checkpoint: str) -> Path:
        """Where a finished one is."""
        return self.root / checkpoint

    def partial(self, checkpoint: str) -> Path:
        """Where one in the making is."""
        return self.root / f"{checkpoint}.new"

    async def run(self, work: Callable[[Callable[[], bool]], T], *, what: str) -> T:
        """Run something that copies in a thread.

        It is given a function to ask whether it shall give up, which it shall when the caller is cancelled.

        Args:
            work: what to do.
            what: what is being copied, for errors.

        Raises:
            StorageFull: the disk is full.
            BackendFailed: the system refused.
        """
        gone = threading.Event()
        try:
            return await asyncio.get_running_loop().run_in_executor(self._threads, work, gone.is_set)
        except OSError as error:
            raise _told(error, what) from error
        finally:
            gone.set()

    def names(self) -> list[str]:
        """Ids of all that there is something of, finished or not."""
        try:
            return sorted({name.removesuffix(".new") for name in os.listdir(self.root)})
        except FileNotFoundError:
            return []

    def prepare(self) -> None:
        """Make the directory that holds them. Raises OSError."""
        self.root.mkdir(mode=0o700, parents=True, exist_ok=True)
        os.chmod(self.root, 0o700)

    def save(self, checkpoint: str, worktree: Path, entry: Path, tell: Tell, cancelled: Callable[[], bool]) -> Extent:
        """Copy a worktree and its entry into one in the making; what an earlier attempt left is removed first.

        Raises:
            Unsavable: something in it cannot be copied.
            Cancelled: `cancelled` said so.
            OSError: the disk is full, or cannot be written.
        """
        self.prepare()
        self.remove(checkpoint)
        place = self.partial(checkpoint)
        place.mkdir(mode=0o700)
        extent = _copy(worktree, place / TREE, _without(worktree), tell, cancelled)
        failpoint("checkpoint.files.tree")
        git = _copy(entry, place / GIT, snapshots.LEFT_OUT, lambda _: None, cancelled)
        return Extent(extent.entries, extent.size + git.size, extent.skipped)

    def finish(self, checkpoint: str) -> None:
        """Bring one that is complete to the disk, then under its name; done already is success."""
        if self.path(checkpoint).is_dir():
            return
        with _opened(self.root) as directory:
            sync_filesystem(directory)
            failpoint("checkpoint.files.synced")
            os.rename(self.partial(checkpoint), self.path(checkpoint))
            os.fsync(directory)

    def complete(self, checkpoint: str) -> bool:
        """Whether both parts of a finished one are there."""
        path = self.path(checkpoint)
        return (path / TREE).is_dir() and (path / GIT).is_dir()

    def remove(self, checkpoint: str) -> None:
        """Remove one, finished or not; nothing there is success."""
        if not self.root.is_dir():
            return
        with _opened(self.root) as directory:
            for name in (self.path(checkpoint).name, self.partial(checkpoint).name):
                replica.discard(directory, name)

    def extent(self, worktree: Path, cancelled: Callable[[], bool]) -> Extent:
        """How much a worktree holds. Raises Unsavable, OSError."""
        with _opened(worktree) as source:
            return Replica(leave_out=_without(worktree), cancelled=cancelled).measure(source)

    def require_room(self, size: int) -> None:
        """Raise StorageFull where a copy of this size does not fit."""
        self.prepare()
        require_room(self.root, size)

    def bring_out(self, checkpoint: str, tree: Path, files: int, tell: Tell, cancelled: Callable[[], bool]) -> Extent:
        """Copy the files of a checkpoint to where there is nothing, or an empty directory, yet.

        Args:
            checkpoint: its id.
            tree: where to.
            files: how many entries it held when it was made.
            tell: as in `Replica`.
            cancelled: the same.

        Raises:
            Damaged: it does not hold them any more.
        """
        source = self.path(checkpoint) / TREE
        if not source.is_dir():
            raise Damaged
        if os.path.lexists(source / ".git"):
            discard(tree / ".git")  # somebody had made something else of it
        extent = _copy(source, tree, (), tell, cancelled)
        if extent.entries != files:
            raise Damaged
        return extent

    def bring_out_git(self, checkpoint: str, entry: Path, keep_out: Callable[[str], bool]) -> None:
        """Copy what git knew to a new or an existing directory, the index last and in one step.

        Raises:
            Damaged: it is gone.
        """
        source = self.path(checkpoint) / GIT
        if not source.is_dir():
            raise Damaged
        names = set(os.listdir(source))
        wanted = {name for name in names if not keep_out(name)} - {"index"}
        entry.mkdir(mode=0o755, exist_ok=True)
        with _opened(source) as directory, _opened(entry) as target:
            for name in wanted:
                replica.discard(target, name)
            Replica(leave_out=names - wanted).copy(directory, target)
        if "index" in names:
            fresh = entry / "index.nexus"
            shutil.copyfile(source / "index", fresh, follow_symlinks=False)
            owner = os.stat(entry)
            if os.geteuid() == 0:
                os.chown(fresh, owner.st_uid, owner.st_gid)
            os.replace(fresh, entry / "index")


class Damaged(Exception):
    """A copy is not whole any more."""


def _without(worktree: Path) -> Collection[str]:
    """What of a worktree is about its place alone: the file that leads to its entry."""
    try:
        return (".git",) if stat.S_ISREG(os.lstat(worktree / ".git").st_mode) else ()
    except OSError:
        return ()


def _copy(source: Path, target: Path, leave_out: Collection[str], tell: Tell, cancelled: Callable[[], bool]) -> Extent:
    target.mkdir(mode=0o700, exist_ok=True)
    with _opened(source) as from_, _opened(target) as to:
        return Replica(leave_out=leave_out, tell=tell, cancelled=cancelled).copy(from_, to)


@contextlib.contextmanager
def _opened(directory: Path) -> Iterator[int]:
    fd = os.open(directory, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC)
    try:
        yield fd
    finally:
        os.close(fd)


def require_room(directory: Path, size: int) -> None:
    """Raise StorageFull where a copy of this size does not fit on the filesystem of a directory."""
    with _opened(directory) as fd:
        left = replica.free(fd)
    if size > left:
        raise StorageFull(
            f"{size / 1e6:,.0f} MB are needed in {directory}, and only {left / 1e6:,.0f} MB can be had",
            hint="Remove checkpoints or files that are no longer needed, or give the node a larger disk.",
            path=str(directory),
        )


def discard(path: Path) -> None:
    """Remove a tree; nothing there is success."""
    if path.parent.is_dir():
        with _opened(path.parent) as directory:
            replica.discard(directory, path.name)


def discard_all(parent: Path, prefix: str) -> None:
    """Remove every tree in a directory whose name begins so."""
    if parent.is_dir():
        with _opened(parent) as directory:
            for name in os.listdir(parent):
                if name.startswith(prefix):
                    replica.discard(directory, name)


def place_pointer(tree: Path, entry: Path) -> None:
    """Write the file that leads from a worktree to its entry, unless something else was made of it there."""
    path = tree / ".git"
    if os.path.lexists(path):
        return
    path.write_text(f"gitdir: {entry}\n")
    owner = os.stat(tree)
    if os.geteuid() == 0:
        os.chown(path, owner.st_uid, owner.st_gid)
    os.utime(tree, ns=(owner.st_atime_ns, owner.st_mtime_ns))


def git_files(worktree: Path) -> list[Path]:
    """Every file called ``.git`` below a worktree, not that of the worktree itself, relative to it."""
    found = []
    for folder, _, files in os.walk(worktree):
        if ".git" in files and Path(folder) != worktree:
            found.append(Path(folder, ".git").relative_to(worktree))
    return found


def sync(directory: Path) -> None:
    """Bring everything of a directory's filesystem to the disk."""
    with _opened(directory) as fd:
        sync_filesystem(fd)


def inode(path: Path) -> int:
    """What tells two directories apart, whatever they are called; 0 where there is none."""
    try:
        return os.lstat(path).st_ino
    except FileNotFoundError:
        return 0


def swap(place: Path, other: Path, wanted: int) -> None:
    """Let the directory with the inode `wanted` be at `place`, and what is there at `other`; done already is success.

    One step where the filesystem can exchange two names. Elsewhere three renames, which a crash may cut: called again,
    for either of the two, it first mends what was cut.

    Raises:
        OSError: as rename(2); ENOENT where `wanted` is at neither place.
    """
    aside = other.with_name(f"{other.name}.aside")
    if inode(aside):
        os.rename(aside, other if inode(place) else place)
    if inode(place) == wanted:
        return
    if inode(other) != wanted:
        raise FileNotFoundError(errno.ENOENT, os.strerror(errno.ENOENT), str(other))
    with _opened(place.parent) as first, _opened(other.parent) as second:
        try:
            rename_exchange(first, place.name, second, other.name)
        except OSError as error:
            if error.errno not in (errno.ENOSYS, errno.EINVAL, errno.EOPNOTSUPP):
                raise
            os.rename(place, aside)
            failpoint("checkpoint.swap.aside")
            os.rename(other, place)
            failpoint("checkpoint.swap.placed")
            os.rename(aside, other)
        os.fsync(first)
        os.fsync(second)


def _told(error: OSError, what: str) -> Exception:
    told = named(error, what)
    if isinstance(told, StorageFull):
        return StorageFull(
            f"{what}: the disk is full; everything is as it was",
            hint="Remove checkpoints or files that are no longer needed, or give the node a larger disk.",
            path=str(error.filename or what),
        )
    if isinstance(told, Cancelled):
        return told
    reason = f"{error.strerror or error}{f': {error.filename}' if error.filename else ''}"
    return BackendFailed(f"{what}: {reason}", backend="daemon", step=what, reason=reason)
