"""Putting a new file in place as one step: a temporary file beside it, fsync, rename, fsync of the directory.

Readers see the old file or the new one, never a part; a crash leaves at most a temporary file, which `transfer.sweep`
removes. The last look (`if_match`, exclusive) and the rename run under a short lock per place, so that of two calls
which expect the same etag exactly one wins. The lock covers two system calls on metadata, never data.

Replacing makes a new inode: hard links to the old one keep the old content, extended attributes and ACLs are not
carried over.
"""

from __future__ import annotations

import errno
import os
import re
import secrets
import stat
import threading
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from typing import Final

from nexus_sdk.protocol import errors

from nexusd.files.acting import check_entry
from nexusd.files.beneath import adopt
from nexusd.files.errors import not_a_file
from nexusd.files.info import etag
from nexusd.files.syscalls import rename_exclusive

TEMPORARY: Final = ".nexus-tmp-"
UPLOAD: Final = ".nexus-upload-"

_OURS: Final = re.compile(rf"{re.escape(TEMPORARY)}[0-9a-f]{{16}}|{re.escape(UPLOAD)}[0-9a-f]{{32}}")

_LOCK_WAIT: Final = 10.0
"""Seconds to wait for another call on the same place; beyond that its filesystem hangs."""

_LOCKS: Final = tuple(threading.Lock() for _ in range(256))
_PARTS: Final = 512
"""Most parts of one writev; IOV_MAX is 1024."""

_SET_ID: Final = stat.S_ISUID | stat.S_ISGID


def is_ours(name: str) -> bool:
    """Whether a name is that of a temporary file of ours; lists, walks and watches leave those out."""
    return name.startswith(".nexus-") and _OURS.fullmatch(name) is not None


def temporary_name() -> str:
    """A fresh name for a temporary entry."""
    return TEMPORARY + secrets.token_hex(8)


class Staged:
    """A temporary file, to be filled and then committed. Leaving the context without `commit` removes it.

    Attributes:
        fd: open for reading and writing.
        directory: the directory it is in; not owned.
        name: its temporary name.
    """

    def __init__(self, directory: int, *, name: str | None = None) -> None:
        """Create the file, exclusively and for us alone (mode 600).

        Raises:
            OSError: as openat(2).
        """
        self.directory = directory
        self.name = name or temporary_name()
        flags = os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_NOFOLLOW | os.O_CLOEXEC
        self.fd = os.open(self.name, flags, 0o600, dir_fd=directory)
        self._there = True

    @classmethod
    def adopted(cls, directory: int, name: str, fd: int) -> Staged:
        """Go on with a temporary file that is there, already open."""
        staged = cls.__new__(cls)
        staged.directory, staged.name, staged.fd = directory, name, fd
        staged._there = True
        return staged

    def __enter__(self) -> Staged:
        return self

    def __exit__(self, *_: object) -> None:
        os.close(self.fd)
        if self._there:
            try:
                os.unlink(self.name, dir_fd=self.directory)
            except FileNotFoundError:
                pass

    def commit(
        self,
        name: str,
        path: str,
        *,
        mode: int | None = None,
        if_match: str | None = None,
        exclusive: bool = False,
        durable: bool = True,
    ) -> os.stat_result:
        """Give the file its place and make that durable. Returns its status.

        Args:
            name: the final name, in the same directory.
            path: the path as the caller gave it, for errors.
            mode: permission bits; None keeps those of the file replaced (without set-ID), else 644.
            if_match: the etag that the file replaced must have; empty: there must be none; None: no matter.
            exclusive: there must be nothing at the place.
            durable: wait until the disk has it. A tree is copied without: one file more or less of it tells nothing.

        Raises:
            EtagMismatch: the file is not the expected one.
            PathExists: there is something and `exclusive` was asked for.
            NotAFile: there is something that is no regular file.
            OSError: as fsync(2), rename(2).
        """
        old = entry_status(self.directory, name)
        if old is None:
            adopt(self.fd, os.fstat(self.directory))
        elif exclusive:
            raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
        else:
            if not stat.S_ISREG(old.st_mode):
                raise not_a_file(path)
            adopt(self.fd, old)
        if mode is None:
            mode = 0o644 if old is None else stat.S_IMODE(old.st_mode) & ~_SET_ID
        os.fchmod(self.fd, mode)
        if durable:
            os.fsync(self.fd)
        with place_lock(self.directory, name, path):
            current = entry_status(self.directory, name)
            check_match(current, if_match, path)
            if current is not None and not stat.S_ISREG(current.st_mode):
                raise not_a_file(path)
            check_entry(self.directory, name)
            if exclusive or if_match == "":
                self._rename_exclusive(name, path, if_match)
            else:
                os.rename(self.name, name, src_dir_fd=self.directory, dst_dir_fd=self.directory)
            self._there = False
        if durable:
            fsync_directory(self.directory)
        return os.fstat(self.fd)

    def keep(self) -> None:
        """Leave the temporary file where it is when the context ends."""
        self._there = False

    def _rename_exclusive(self, name: str, path: str, if_match: str | None) -> None:
        try:
            rename_no_replace(self.directory, self.name, self.directory, name)
        except FileExistsError:
            if if_match == "":
                check_match(entry_status(self.directory, name), if_match, path)
            raise


def check_match(current: os.stat_result | None, if_match: str | None, path: str) -> None:
    """Compare what is there with what the caller expects.

    Raises:
        EtagMismatch: it differs.
    """
    if if_match is None:
        return
    now = "" if current is None else etag(current)
    if now != if_match:
        what = "the file is gone" if not now else "a file is there" if not if_match else "the file changed"
        raise errors.EtagMismatch(f"{path!r}: {what}", path=path, etag=now)


def check_mode(mode: int, path: str) -> int:
    """Refuse set-user-ID and set-group-ID bits: the daemon may be root, and what it marks so would run as root.

    Raises:
        PermissionDenied: the mode has such a bit.
    """
    if mode & _SET_ID:
        raise errors.PermissionDenied(
            f"{path!r}: set-user-ID and set-group-ID bits cannot be set through fs",
            hint="Use chmod in a process of the workspace.",
            path=path,
        )
    return mode


def entry_status(directory: int, name: str) -> os.stat_result | None:
    """The status of an entry, links not followed; None where there is nothing."""
    try:
        return os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return None


def rename_no_replace(source_dir: int, source: str, target_dir: int, target: str) -> None:
    """Rename without replacing anything, on filesystems without that call, too.

    There, a file is linked and then unlinked, which is exclusive as well; a directory is looked for before the rename.

    Raises:
        OSError: EEXIST where something is at the target, and as renameat2(2).
    """
    try:
        rename_exclusive(source_dir, source, target_dir, target)
    except OSError as error:
        if error.errno not in (errno.ENOSYS, errno.EINVAL):
            raise
        if stat.S_ISDIR(os.stat(source, dir_fd=source_dir, follow_symlinks=False).st_mode):
            if entry_status(target_dir, target) is not None:
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST)) from None
            os.rename(source, target, src_dir_fd=source_dir, dst_dir_fd=target_dir)
        else:
            os.link(source, target, src_dir_fd=source_dir, dst_dir_fd=target_dir, follow_symlinks=False)
            os.unlink(source, dir_fd=source_dir)


@contextmanager
def place_lock(directory: int, name: str, path: str) -> Iterator[None]:
    """Hold the lock of one place; places share 256 locks.

    Raises:
        DeadlineExceeded: another call held it for 10 s.
    """
    status = os.fstat(directory)
    lock = _LOCKS[hash((status.st_dev, status.st_ino, name)) % len(_LOCKS)]
    if not lock.acquire(timeout=_LOCK_WAIT):
        raise errors.DeadlineExceeded(
            f"{path!r}: another call on this place does not end", timeout_ms=int(_LOCK_WAIT * 1000)
        )
    try:
        yield
    finally:
        lock.release()


def fsync_directory(directory: int) -> None:
    """Make the names of a directory durable. The descriptor may be O_PATH, which fsync does not take.

    A directory that we may not read cannot be synced; the rename itself was ordered by the filesystem.
    """
    try:
        fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=directory)
    except PermissionError:
        return
    try:
        os.fsync(fd)
    finally:
        os.close(fd)


def write_all(fd: int, data: bytes | bytearray | memoryview) -> int:
    """Write all of `data` at the descriptor's position. Returns how many bytes that were.

    Raises:
        OSError: as write(2).
    """
    view = memoryview(data)
    while view:
        view = view[os.write(fd, view) :]
    return len(data)


def write_parts(fd: int, parts: Sequence[bytes | memoryview]) -> int:
    """Write all parts, one after the other, at the descriptor's position, without joining them. Returns how many bytes.

    Raises:
        OSError: as writev(2).
    """
    total = 0
    for first in range(0, len(parts), _PARTS):
        some = parts[first : first + _PARTS]
        size = sum(map(len, some))
        done = os.writev(fd, some)
        if done < size:
            # what a signal or a full disk cut short
            write_all(fd, memoryview(b"".join(some))[done:])
        total += size
    return total
