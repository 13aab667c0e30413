"""System calls that the standard library has no name for: openat2 and renameat2 (Linux), renameatx_np (macOS),
sync_file_range, syncfs, statx and FICLONE (Linux).

They are `None`-like when the system lacks them: they raise `OSError` with ENOSYS and the caller takes its other way.
Numbers: openat2 is 437 on every architecture (added after the tables were unified). renameat2 comes from the C library.
"""

from __future__ import annotations

import ctypes
import errno
import fcntl
import os
import struct
import sys
from typing import Final

RESOLVE_NO_MAGICLINKS: Final = 0x02
RESOLVE_BENEATH: Final = 0x08
RESOLVE_IN_ROOT: Final = 0x10

_OPENAT2: Final = 437
_RENAME_NOREPLACE: Final = 1
_RENAME_EXCHANGE: Final = 2
_FICLONE: Final = 0x40049409
_SYNC_FILE_RANGE_WRITE: Final = 2
_RENAME_SWAP: Final = 2
_RENAME_EXCL: Final = 4
_AT_EMPTY_PATH: Final = 0x1000
_STATX_MNT_ID: Final = 0x1000
_STATX_SIZE: Final = 256
_STATX_MNT_ID_AT: Final = 144


class _OpenHow(ctypes.Structure):
    """``struct open_how``: flags, mode, resolve; 64 bits each."""

    _fields_ = [("flags", ctypes.c_uint64), ("mode", ctypes.c_uint64), ("resolve", ctypes.c_uint64)]


_libc: Final = ctypes.CDLL(None, use_errno=True)
_libc.syscall.restype = ctypes.c_long


def openat2(dirfd: int, path: bytes, flags: int, resolve: int) -> int:
    """Open `path` below `dirfd` under the RESOLVE_* rules of openat2(2). The descriptor is close-on-exec.

    Raises:
        OSError: as openat2(2); ENOSYS where the kernel (before 5.6) or the system has no such call.
    """
    if sys.platform != "linux":
        raise OSError(errno.ENOSYS, "no openat2 on this system")
    how = _OpenHow(flags | os.O_CLOEXEC, 0, resolve)
    fd: int = _libc.syscall(
        ctypes.c_long(_OPENAT2),
        ctypes.c_int(dirfd),
        ctypes.c_char_p(path),
        ctypes.byref(how),
        ctypes.c_size_t(ctypes.sizeof(how)),
    )
    if fd < 0:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    return fd


def rename_exclusive(source_dir: int, source: str, target_dir: int, target: str) -> None:
    """Rename, failing with EEXIST where something is at the target: check and rename are one step.

    Raises:
        OSError: as renameat2(2); ENOSYS or EINVAL where the system or the filesystem cannot do it.
    """
    _rename(source_dir, source, target_dir, target, linux=_RENAME_NOREPLACE, darwin=_RENAME_EXCL)


def rename_exchange(first_dir: int, first: str, second_dir: int, second: str) -> None:
    """Let two entries change places in one step: nobody ever sees neither, or one of them twice.

    Raises:
        OSError: as renameat2(2); ENOSYS or EINVAL where the system or the filesystem cannot do it.
    """
    _rename(first_dir, first, second_dir, second, linux=_RENAME_EXCHANGE, darwin=_RENAME_SWAP)


def _rename(source_dir: int, source: str, target_dir: int, target: str, *, linux: int, darwin: int) -> None:
    old, new = os.fsencode(source), os.fsencode(target)
    if sys.platform == "linux" and hasattr(_libc, "renameat2"):
        failed = _libc.renameat2(source_dir, old, target_dir, new, ctypes.c_uint(linux))
    elif sys.platform == "darwin":
        failed = _libc.renameatx_np(source_dir, old, target_dir, new, ctypes.c_uint(darwin))
    else:
        raise OSError(errno.ENOSYS, "no rename with flags on this system")
    if failed:
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def clone(source: int, target: int) -> bool:
    """Let an empty file share the blocks of another (FICLONE); False where the filesystem cannot, or not across two."""
    if sys.platform != "linux":
        return False
    try:
        fcntl.ioctl(target, _FICLONE, source)
    except OSError as error:
        if error.errno in (errno.EOPNOTSUPP, errno.EXDEV, errno.EINVAL, errno.ENOTTY, errno.ENOSYS, errno.EPERM):
            return False
        raise
    return True


def sync_filesystem(fd: int) -> None:
    """Write everything of a filesystem to its disk: for a tree, cheaper than each file by itself. Raises OSError."""
    if sys.platform != "linux":
        os.sync()
    elif _libc.syncfs(ctypes.c_int(fd)):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))


def start_writeback(fd: int, offset: int, size: int) -> None:
    """Begin to write pages of a file to the disk without waiting for them, so that a later fsync has little left to do.

    A hint: where the system has no such call nothing happens, and errors are fsync's to tell.
    """
    if sys.platform == "linux":
        _libc.sync_file_range(
            ctypes.c_int(fd), ctypes.c_int64(offset), ctypes.c_int64(size), ctypes.c_uint(_SYNC_FILE_RANGE_WRITE)
        )


def mount_id(fd: int) -> int:
    """The id of the mount that an open file was reached through, as in the first column of /proc/self/mountinfo.

    It tells a bind mount from the filesystem that it shows a part of, which device numbers do not.

    Raises:
        OSError: as statx(2); ENOSYS where the kernel (before 5.8) or the system does not tell.
    """
    if not hasattr(_libc, "statx"):
        raise OSError(errno.ENOSYS, "no statx on this system")
    found = ctypes.create_string_buffer(_STATX_SIZE)
    if _libc.statx(ctypes.c_int(fd), b"", ctypes.c_int(_AT_EMPTY_PATH), ctypes.c_uint(_STATX_MNT_ID), found):
        number = ctypes.get_errno()
        raise OSError(number, os.strerror(number))
    if not struct.unpack_from("=I", found)[0] & _STATX_MNT_ID:
        raise OSError(errno.ENOSYS, "this kernel does not tell mounts apart")
    number = struct.unpack_from("=Q", found, _STATX_MNT_ID_AT)[0]
    return int(number)
