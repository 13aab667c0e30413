"""How processes ended, noted before anybody is told: one small file, ahead of the store.

A line is appended to the page cache, which the end of the daemon at any instruction does not lose, in a hundredth of
the time of a commit. The store follows; then the line is not needed any more. What the file still holds when a daemon
starts is what its predecessor was killed before committing. Power loss may cost the newest lines, as it may in the
store.
"""

from __future__ import annotations

import contextlib
import errno
import os
from collections.abc import Iterable
from pathlib import Path
from typing import Final

import msgspec
from nexus_sdk.protocol.types import ExitStatus

from nexusd.store.processes import ProcessRecord

LIMIT: Final = 1024 * 1024
"""Bytes at which lines that are not needed any more are dropped though others still are."""

_encoder = msgspec.json.Encoder()


class End(msgspec.Struct, frozen=True):
    """How a process ended.

    Attributes:
        id: ``pr_…``.
        exit: what callers are told.
        complete: whether its output was read to the end.
        output_end: where its output ends, as far as it was read.
        pty: the terminal's last size; None without a terminal.
        record: the whole record, where the process had ended before the store was told of it. A later line for the same
            process that has none takes that back.
    """

    id: str
    exit: ExitStatus
    complete: bool
    output_end: int
    pty: tuple[int, int] | None = None
    record: ProcessRecord | None = None


_decoder = msgspec.json.Decoder(End)


class EndsFile:
    """The file. Used on one thread at a time.

    Args:
        path: where; its directory exists when `open` is called.
        limit: as `LIMIT`.
    """

    def __init__(self, path: Path, *, limit: int = LIMIT) -> None:
        self._path = path
        self._limit = limit
        self._fd = -1
        self._size = 0

    def open(self) -> dict[str, End]:
        """Open the file, make it if there is none; returns what is in it, by process, the last of each. Blocking.

        Raises:
            OSError: it cannot be opened or read.
        """
        self.close()
        flags = os.O_RDWR | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        self._fd = os.open(self._path, flags, 0o600)
        content = self._path.read_bytes()
        # What follows the last line's end was cut off in the middle; it must not spoil the next line.
        whole = content.rfind(b"\n") + 1
        os.ftruncate(self._fd, whole)
        self._size = whole
        found: dict[str, End] = {}
        for line in content[:whole].splitlines():
            with contextlib.suppress(msgspec.MsgspecError, UnicodeDecodeError):
                end = _decoder.decode(line)
                found[end.id] = end
        return found

    @property
    def empty(self) -> bool:
        """Whether there is nothing in it."""
        return self._size == 0

    def note(self, end: End) -> None:
        """Append one end; when this returns, the daemon's death cannot lose it.

        Raises:
            OSError: the disk is full or broken, or the file is not open; nothing was noted.
        """
        if self._fd < 0:
            raise OSError(errno.EBADF, f"{self._path} is not open")
        self._size += self._append(self._fd, _encoder.encode(end) + b"\n", self._size)

    def keep(self, needed: Iterable[End]) -> None:
        """Drop all lines but those of `needed`: at once where there are none, else when the file has grown.

        Raises:
            OSError: the disk is full or broken; nothing was dropped.
        """
        if self._fd < 0 or not self._size:
            return
        ends = list(needed)
        if not ends:
            os.ftruncate(self._fd, 0)
            self._size = 0
        elif self._size > self._limit:
            self._rewrite(ends)

    def _rewrite(self, ends: list[End]) -> None:
        beside = self._path.with_name(f"{self._path.name}.new")
        data = b"".join(_encoder.encode(end) + b"\n" for end in ends)
        flags = os.O_RDWR | os.O_CREAT | os.O_TRUNC | os.O_APPEND | os.O_CLOEXEC | os.O_NOFOLLOW
        fd = os.open(beside, flags, 0o600)
        try:
            self._append(fd, data, 0)
            os.rename(beside, self._path)
        except BaseException:
            os.close(fd)
            raise
        os.close(self._fd)
        self._fd, self._size = fd, len(data)

    @staticmethod
    def _append(fd: int, data: bytes, size: int) -> int:
        written = os.write(fd, data)
        if written < len(data):
            os.ftruncate(fd, size)
            raise OSError(errno.ENOSPC, os.strerror(errno.ENOSPC))
        return written

    def close(self) -> None:
        """Close the file. Closing twice is harmless."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
