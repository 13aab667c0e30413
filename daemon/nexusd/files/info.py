"""What the protocol says of an entry: `FileInfo` from a stat result, and the etag."""

from __future__ import annotations

import datetime
import hashlib
import os
import stat
from typing import Final

import msgspec
from nexus_sdk.protocol.types import EntryType, FileInfo

_EPOCH: Final = datetime.datetime(1970, 1, 1, tzinfo=datetime.UTC)
_MAX_INTEGER: Final = 2**53 - 1


def etag(status: os.stat_result) -> str:
    """A short value that changes with the content or the identity of a file: 16 hex digits.

    From device, inode, size, mtime and ctime: the ctime cannot be set back by a process, so restoring an old mtime does
    not hide a change. Permission changes and renames change it too.
    """
    facts = (status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns, status.st_ctime_ns)
    return hashlib.blake2b(repr(facts).encode(), digest_size=8).hexdigest()


def content_stamp(status: os.stat_result) -> tuple[int, int, int, int]:
    """What stays the same of an open file while its bytes do: unlike the etag it survives chmod, link and unlink."""
    return status.st_dev, status.st_ino, status.st_size, status.st_mtime_ns


def printable(name: str) -> str:
    """A name as it can travel in JSON: bytes that are not UTF-8 become U+FFFD, so no caller can name such an entry."""
    return os.fsencode(name).decode("utf-8", "replace")


def entry_type(mode: int) -> EntryType:
    """The kind of entry a mode stands for."""
    if stat.S_ISREG(mode):
        return "file"
    if stat.S_ISDIR(mode):
        return "directory"
    if stat.S_ISLNK(mode):
        return "symlink"
    return "other"


def octal(mode: int) -> str:
    """Permission bits in octal, three digits or four."""
    return f"{stat.S_IMODE(mode):03o}"


def file_info(path: str, status: os.stat_result, *, target: str | None = None) -> FileInfo:
    """The `FileInfo` of an entry.

    Args:
        path: as results show it (`Beneath.relative`).
        status: from stat or lstat.
        target: for a link, where it points.
    """
    return FileInfo(
        path=printable(path),
        name=printable(path.rpartition("/")[2] or path),
        type=entry_type(status.st_mode),
        size=min(status.st_size, _MAX_INTEGER),
        mode=octal(status.st_mode),
        mtime=_moment(status.st_mtime_ns),
        etag=etag(status),
        uid=status.st_uid,
        gid=status.st_gid,
        target=msgspec.UNSET if target is None else printable(target),
    )


def _moment(nanoseconds: int) -> datetime.datetime:
    """The time to the microsecond, clamped to the years that RFC 3339 can write: a tenant may set any mtime."""
    try:
        return _EPOCH + datetime.timedelta(microseconds=nanoseconds // 1000)
    except OverflowError:
        edge = datetime.datetime.max if nanoseconds > 0 else datetime.datetime.min
        return edge.replace(tzinfo=datetime.UTC)
