"""A whole tree copied by descriptors, with everything that can be kept: what a checkpoint holds, and what comes back.

Unlike `copytree`, which makes new files for a caller, this keeps modes, times, owners where we are root, hard links
among the files of the tree, holes, and FIFOs. No link is followed and no path is resolved twice, so whoever changes the
tree meanwhile can spoil the copy and reach nothing outside. Blocks are shared where the filesystem can (FICLONE).

The copy's top belongs to the daemon alone (mode 0700) until all below it is finished; its own mode comes last.
"""

from __future__ import annotations

import errno
import os
import stat
from collections.abc import Callable, Container
from typing import Final

import msgspec
from nexus_sdk.protocol.errors import Cancelled

from nexusd.files.beneath import open_entry
from nexusd.files.remove import remove_tree
from nexusd.files.stage import is_ours
from nexusd.files.syscalls import clone
from nexusd.files.walk import MAX_DEPTH
from nexusd.files.walker import O_PATH

RESERVE: Final = 256 << 20
"""Bytes that a copy leaves free on a disk, or a twentieth of it: a full one stops the daemon's own records."""

_CHUNK: Final = 16 << 20
_BUFFER: Final = 1 << 20
_PERMISSIONS: Final = 0o1777
_NO_KERNEL_COPY: Final = (errno.ENOSYS, errno.EXDEV, errno.EINVAL, errno.EOPNOTSUPP, errno.EPERM)
_FLAGS: Final = os.O_NOFOLLOW | os.O_CLOEXEC


class Unsavable(Exception):
    """An entry cannot be copied, and leaving it out would be a lie.

    Attributes:
        path: where it is, relative to the top.
        reason: why not.
    """

    def __init__(self, path: str, reason: str) -> None:
        super().__init__(f"{path}: {reason}")
        self.path = path
        self.reason = reason


class Extent(msgspec.Struct):
    """How large a tree is.

    Attributes:
        entries: files, directories and links, the top not counted.
        size: bytes on disk of its files, each inode once; of a copy, those that were written or shared.
        skipped: sockets, device nodes and directories of other filesystems, which no copy holds.
    """

    entries: int = 0
    size: int = 0
    skipped: int = 0


Tell = Callable[[Extent], None]


class Replica:
    """One walk over a tree: measured or copied.

    Args:
        leave_out: names directly below the top that are not looked at.
        tell: told how far it is, in the walking thread, after each entry and each 16 MiB.
        cancelled: asked at the same points; True ends the walk with `Cancelled`.
    """

    def __init__(
        self,
        *,
        leave_out: Container[str] = (),
        tell: Tell = lambda extent: None,
        cancelled: Callable[[], bool] = lambda: False,
    ) -> None:
        self.extent = Extent()
        self._leave_out = leave_out
        self._tell = tell
        self._cancelled = cancelled
        self._seen: dict[tuple[int, int], str] = {}
        self._device = 0
        self._top = -1
        self._clones = True
        self._looked = -_CHUNK

    def measure(self, source: int) -> Extent:
        """How much there is below an open directory. What vanishes meanwhile is not counted.

        Raises:
            Unsavable: it is nested too deep, or a directory cannot be read.
        """
        self._device = os.fstat(source).st_dev
        self._directory(source, None, "", 1)
        return self.extent

    def copy(self, source: int, target: int) -> Extent:
        """Copy what an open directory holds into an open, empty one; the target gets the source's mode and times.

        Raises:
            Unsavable: an entry cannot be read, or is nested deeper than 128 levels.
            Cancelled: `cancelled` said so.
            OSError: the target cannot be written; ENOSPC also where less than `RESERVE` would be left.
        """
        status = os.fstat(source)
        self._device, self._top = status.st_dev, target
        os.fchmod(target, stat.S_IRWXU)
        self._directory(source, target, "", 1)
        _finish(target, status, directory=True)
        return self.extent

    def _directory(self, source: int, target: int | None, base: str, level: int) -> None:
        with os.scandir(source) as scan:
            names = [entry.name for entry in scan]
        for name in names:
            if is_ours(name) or (level == 1 and name in self._leave_out):
                continue
            path = f"{base}/{name}" if base else name
            try:
                self._entry(source, target, name, path, level)
            except FileNotFoundError:
                if target is not None and not _is_gone(source, name):
                    raise
                continue  # it vanished
            except PermissionError as error:
                raise Unsavable(path, error.strerror or "no permission") from error
            self._step()

    def _entry(self, source: int, target: int | None, name: str, path: str, level: int) -> None:
        status = os.stat(name, dir_fd=source, follow_symlinks=False)
        kind = stat.S_IFMT(status.st_mode)
        if kind == stat.S_IFDIR:
            self._enter(source, target, name, path, level)
        elif kind == stat.S_IFREG:
            self._file(source, target, name, path)
        elif kind == stat.S_IFLNK:
            self.extent.entries += 1
            if target is not None:
                os.symlink(os.readlink(name, dir_fd=source), name, dir_fd=target)
                if os.geteuid() == 0 and (status.st_uid, status.st_gid) != (0, 0):
                    os.chown(name, status.st_uid, status.st_gid, dir_fd=target, follow_symlinks=False)
                _times(name, status, target)
        elif kind == stat.S_IFIFO:
            self.extent.entries += 1
            if target is not None:
                os.mkfifo(name, 0o600, dir_fd=target)
                fd = os.open(name, O_PATH | _FLAGS, dir_fd=target)
                try:
                    # Such a descriptor takes none of the calls on descriptors.
                    _finish(f"/proc/self/fd/{fd}", status, directory=False)
                finally:
                    os.close(fd)
        else:
            self.extent.skipped += 1

    def _enter(self, source: int, target: int | None, name: str, path: str, level: int) -> None:
        if level >= MAX_DEPTH:
            raise Unsavable(path, f"nested deeper than {MAX_DEPTH} levels")
        inside, mode = _open_directory(source, name)
        made = None
        try:
            status = os.fstat(inside)
            self.extent.entries += 1
            if target is not None:
                os.mkdir(name, stat.S_IRWXU, dir_fd=target)
                made = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _FLAGS, dir_fd=target)
            if status.st_dev == self._device:
                self._directory(inside, made, path, level + 1)
            else:
                self.extent.skipped += 1
            if made is not None:
                _finish(made, status, directory=True, mode=mode)
        finally:
            if mode is not None:
                os.chmod(f"/proc/self/fd/{inside}", mode)
            os.close(inside)
            if made is not None:
                os.close(made)

    def _file(self, source: int, target: int | None, name: str, path: str) -> None:
        if target is None:
            status = os.stat(name, dir_fd=source, follow_symlinks=False)
            self.extent.entries += 1
            if status.st_nlink == 1 or (status.st_dev, status.st_ino) not in self._seen:
                self._seen.update({(status.st_dev, status.st_ino): path} if status.st_nlink > 1 else {})
                self.extent.size += min(status.st_blocks * 512, status.st_size)
            return
        fd, mode = _open_file(source, name)
        if fd is None:
            raise Unsavable(path, "it turned into something else while it was copied")
        try:
            status = os.fstat(fd)
            inode = (status.st_dev, status.st_ino)
            if status.st_nlink > 1 and (first := self._seen.get(inode)) is not None:
                os.link(first, name, src_dir_fd=self._top, dst_dir_fd=target, follow_symlinks=False)
            else:
                self._contents(fd, status, target, name, mode)
                if status.st_nlink > 1:
                    self._seen[inode] = path
            self.extent.entries += 1
        finally:
            if mode is not None:
                os.chmod(f"/proc/self/fd/{fd}", mode)
            os.close(fd)

    def _contents(self, source: int, status: os.stat_result, target: int, name: str, mode: int | None) -> None:
        fd = os.open(name, os.O_RDWR | os.O_CREAT | os.O_EXCL | _FLAGS, 0o600, dir_fd=target)
        try:
            if status.st_size and self._clones:
                # What one file cannot, none of this tree can: they are on one filesystem.
                self._clones = clone(source, fd)
            if status.st_size and self._clones:
                self.extent.size += min(status.st_blocks * 512, status.st_size)
            elif status.st_blocks * 512 >= status.st_size:
                self._range(source, fd, 0, status.st_size)
            else:
                os.ftruncate(fd, status.st_size)
                self._extents(source, fd, status.st_size)
            _finish(fd, status, directory=False, mode=mode)
        finally:
            os.close(fd)

    def _extents(self, source: int, target: int, size: int) -> None:
        """Copy what is not a hole, up to `size`: a file that grows meanwhile does not keep us here."""
        offset = 0
        while offset < size:
            try:
                start = os.lseek(source, offset, os.SEEK_DATA)
                end = min(os.lseek(source, start, os.SEEK_HOLE), size)
            except OSError as error:
                if error.errno == errno.ENXIO:
                    return  # only a hole follows
                if error.errno != errno.EINVAL:
                    raise
                start, end = offset, size  # a filesystem that knows no holes
            self._range(source, target, start, end)
            offset = max(end, offset + 1)

    def _range(self, source: int, target: int, start: int, end: int) -> None:
        while start < end:
            count = _copy_range(source, target, start, min(end - start, _CHUNK))
            if count == 0:
                return  # it was cut off meanwhile
            start += count
            self.extent.size += count
            if self.extent.size >= self._looked + _CHUNK:
                self._looked = self.extent.size
                if not free(target):
                    raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
                self._step()

    def _step(self) -> None:
        self._tell(self.extent)
        if self._cancelled():
            raise Cancelled("the copy was cancelled")


def free(directory: int) -> int:
    """Bytes that a copy may take on the filesystem of an open file or directory."""
    space = os.fstatvfs(directory)
    reserve = min(RESERVE, space.f_blocks * space.f_frsize // 20)
    return max(space.f_bavail * space.f_frsize - reserve, 0)


def discard(parent: int, name: str) -> None:
    """Remove a copy, or a part of one; nothing there is success. Directories without permissions are no obstacle.

    Raises:
        OSError: as unlinkat(2).
    """
    try:
        _unlock(parent, name, 1)
        remove_tree(parent, name)
    except FileNotFoundError:
        pass


def _unlock(parent: int, name: str, level: int) -> None:
    """Make directories that we own writable for us; root needs none of it."""
    if os.geteuid() == 0 or level > MAX_DEPTH + 8:
        return
    fd = os.open(name, O_PATH | _FLAGS, dir_fd=parent)
    try:
        mode = os.fstat(fd).st_mode
        if not stat.S_ISDIR(mode):
            return
        if mode & stat.S_IRWXU != stat.S_IRWXU:
            os.chmod(f"/proc/self/fd/{fd}", stat.S_IMODE(mode) | stat.S_IRWXU)
        inside = os.open(name, os.O_RDONLY | os.O_DIRECTORY | _FLAGS, dir_fd=parent)
    finally:
        os.close(fd)
    try:
        with os.scandir(inside) as scan:
            folders = [entry.name for entry in scan if entry.is_dir(follow_symlinks=False)]
        for folder in folders:
            _unlock(inside, folder, level + 1)
    finally:
        os.close(inside)


def _open_directory(parent: int, name: str) -> tuple[int, int | None]:
    """Open a directory; and the mode to give back to it, where it had to be lent a permission first."""
    flags = os.O_RDONLY | os.O_DIRECTORY | _FLAGS
    try:
        return os.open(name, flags, dir_fd=parent), None
    except PermissionError:
        mode = _lend(parent, name, stat.S_IRUSR | stat.S_IXUSR)
        return os.open(name, flags, dir_fd=parent), mode


def _open_file(parent: int, name: str) -> tuple[int | None, int | None]:
    """The same for a regular file; None where it is anything else."""
    try:
        return open_entry(parent, name), None
    except PermissionError:
        mode = _lend(parent, name, stat.S_IRUSR)
        return open_entry(parent, name), mode


def _lend(parent: int, name: str, bits: int) -> int:
    """Give ourselves permission to read what is ours; the mode that it had. Raises PermissionError where it is not."""
    fd = os.open(name, O_PATH | _FLAGS, dir_fd=parent)
    try:
        status = os.fstat(fd)
        shared = stat.S_ISREG(status.st_mode) and status.st_nlink > 1
        if status.st_uid != os.geteuid() or shared:
            # What has other names may be somebody's outside of the tree.
            raise PermissionError(errno.EACCES, "the daemon may not read it")
        mode = stat.S_IMODE(status.st_mode)
        os.chmod(f"/proc/self/fd/{fd}", mode | bits)
        return mode
    finally:
        os.close(fd)


def _finish(entry: int | str, status: os.stat_result, *, directory: bool, mode: int | None = None) -> None:
    """Owner, mode and times, in this order: a change of owner takes away bits of the mode."""
    if os.geteuid() == 0 and (status.st_uid, status.st_gid) != (0, 0):
        os.chown(entry, status.st_uid, status.st_gid)
    wanted = stat.S_IMODE(status.st_mode) if mode is None else mode
    os.chmod(entry, wanted & (_PERMISSIONS | (stat.S_ISGID if directory else 0)))
    os.utime(entry, ns=(status.st_atime_ns, status.st_mtime_ns))


def _times(name: str, status: os.stat_result, directory: int) -> None:
    os.utime(name, ns=(status.st_atime_ns, status.st_mtime_ns), dir_fd=directory, follow_symlinks=False)


def _copy_range(source: int, target: int, offset: int, count: int) -> int:
    try:
        copied = os.copy_file_range(source, target, count, offset, offset)
        if copied:
            return copied
    except OSError as error:
        if error.errno not in _NO_KERNEL_COPY:
            raise
    data = os.pread(source, min(count, _BUFFER), offset)
    view, position = memoryview(data), offset
    while view:
        written = os.pwrite(target, view, position)
        view, position = view[written:], position + written
    return len(data)


def _is_gone(directory: int, name: str) -> bool:
    try:
        os.stat(name, dir_fd=directory, follow_symlinks=False)
    except FileNotFoundError:
        return True
    return False
