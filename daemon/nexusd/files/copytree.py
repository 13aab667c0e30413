"""Copying files and trees by descriptors: data inside the kernel where it can, links as links, all staged first."""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable
from typing import Final

from nexus_sdk.protocol import errors

from nexusd.files.beneath import adopts, make_directory, open_child, open_entry
from nexusd.files.errors import invalid, not_a_file
from nexusd.files.stage import Staged, is_ours, temporary_name
from nexusd.files.walk import MAX_DEPTH

_CHUNK: Final = 64 << 20
_BUFFER: Final = 1 << 20
_PERMISSIONS: Final = 0o1777
_UNSUPPORTED: Final = (errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM, errno.EIO)


class Copying:
    """One copy: what it is told and how far it is.

    Attributes:
        path: the source as the caller gave it, for errors.
        done: bytes copied.
    """

    def __init__(self, path: str, progress: Callable[[int], None] | None, cancelled: Callable[[], bool]) -> None:
        """Make ready.

        Args:
            path: the source as the caller gave it.
            progress: told the bytes copied so far, after each file and each 64 MiB.
            cancelled: asked at the same points; True ends the copy with `Cancelled`.
        """
        self.path = path
        self.done = 0
        self._progress = progress
        self._cancelled = cancelled
        self._forbidden: set[tuple[int, int]] = set()

    def forbid(self, directory: int) -> None:
        """Never copy this directory: it is where the copy goes, and meeting it means copying into itself."""
        status = os.fstat(directory)
        self._forbidden.add((status.st_dev, status.st_ino))

    def file(self, source: int, target: int) -> None:
        """Copy the bytes of one open file to another, from the start.

        Raises:
            Cancelled: `cancelled` said so.
            OSError: as copy_file_range(2), read(2), write(2).
        """
        in_kernel = hasattr(os, "copy_file_range")
        while True:
            try:
                count = (
                    os.copy_file_range(source, target, _CHUNK) if in_kernel else self._through_memory(source, target)
                )
            except OSError as error:
                if not in_kernel or error.errno not in _UNSUPPORTED:
                    raise
                in_kernel = False
                continue
            if count == 0 and in_kernel:
                # Some filesystems (procfs, FUSE) answer 0 here although there is something to read.
                in_kernel = False
                continue
            if count == 0:
                break
            self.done += count
            self._step()
        self._step()

    def tree(self, source: int, target: int, *, overwrite: bool, level: int = 1) -> None:
        """Copy what one open directory holds into another, which may hold something already.

        Raises:
            PathExists: an entry is there and `overwrite` is False, or is of another kind.
            NotAFile: the source holds a FIFO, socket or device.
            PathInvalid: the tree is nested deeper than 128 levels, or the copy lies inside of its source.
        """
        if level > MAX_DEPTH:
            raise invalid(self.path, f"nested deeper than {MAX_DEPTH} levels")
        status = os.fstat(source)
        if (status.st_dev, status.st_ino) in self._forbidden:
            raise invalid(self.path, "a directory cannot be copied into itself")
        with os.scandir(source) as scan:
            names = sorted(entry.name for entry in scan)
        for name in names:
            if not is_ours(name):
                self._entry(source, target, name, overwrite, level)

    def _entry(self, source: int, target: int, name: str, overwrite: bool, level: int) -> None:
        status = os.stat(name, dir_fd=source, follow_symlinks=False)
        if stat.S_ISLNK(status.st_mode):
            copy_link(source, name, target, name, overwrite=overwrite, path=self.path)
        elif stat.S_ISDIR(status.st_mode):
            inside = open_child(source, name)
            try:
                made = ensure_directory(target, name, self.path, status.st_mode & _PERMISSIONS)
                try:
                    self.tree(inside, made, overwrite=overwrite, level=level + 1)
                finally:
                    os.close(made)
            finally:
                os.close(inside)
        else:
            fd = open_entry(source, name)
            if fd is None:
                raise not_a_file(self.path, f"a FIFO, socket or device: {name!r}")
            try:
                with Staged(target) as staged:
                    self.file(fd, staged.fd)
                    staged.commit(
                        name,
                        self.path,
                        mode=os.fstat(fd).st_mode & _PERMISSIONS,
                        exclusive=not overwrite,
                        durable=False,
                    )
            finally:
                os.close(fd)

    def _step(self) -> None:
        if self._progress is not None:
            self._progress(self.done)
        if self._cancelled():
            raise errors.Cancelled(f"{self.path!r}: the copy was cancelled")

    @staticmethod
    def _through_memory(source: int, target: int) -> int:
        data = os.read(source, _BUFFER)
        view = memoryview(data)
        while view:
            view = view[os.write(target, view) :]
        return len(data)


def copy_link(source: int, name: str, target: int, target_name: str, *, overwrite: bool, path: str) -> None:
    """Make the same link in another directory; with `overwrite` it replaces a link, nothing else.

    Raises:
        PathExists: something is there that may not be replaced.
        OSError: as symlinkat(2).
    """
    make_link(os.readlink(name, dir_fd=source), target, target_name, overwrite=overwrite, path=path)


def make_link(text: str, directory: int, name: str, *, overwrite: bool, path: str) -> None:
    """Make a link; with `overwrite` it replaces a link in one step, nothing else.

    Raises:
        PathExists: something is there that may not be replaced.
        OSError: as symlinkat(2).
    """
    try:
        os.symlink(text, name, dir_fd=directory)
    except FileExistsError:
        if not overwrite:
            raise
        if not stat.S_ISLNK(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode):
            raise errors.PathExists(
                f"{path!r}: what is there is no link", hint="Only a link is replaced by a link.", path=path
            ) from None
        temporary = temporary_name()
        os.symlink(text, temporary, dir_fd=directory)
        try:
            os.rename(temporary, name, src_dir_fd=directory, dst_dir_fd=directory)
        except BaseException:
            os.unlink(temporary, dir_fd=directory)
            raise
    owner = os.fstat(directory)
    if adopts(owner):
        os.chown(name, owner.st_uid, owner.st_gid, dir_fd=directory, follow_symlinks=False)


def ensure_directory(parent: int, name: str, path: str, mode: int) -> int:
    """Open a directory, made if it is missing. The caller closes it.

    Raises:
        PathExists: something else is there.
    """
    try:
        make_directory(parent, name, mode | stat.S_IRWXU)
    except FileExistsError:
        pass
    try:
        return open_child(parent, name)
    except OSError as error:
        if error.errno in (errno.ENOTDIR, errno.ELOOP):
            raise errors.PathExists(f"{path!r}: {name!r} is there and is no directory", path=path) from None
        raise
