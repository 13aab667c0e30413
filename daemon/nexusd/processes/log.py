"""A process's output on disk: one sequence of bytes over both channels, of which the last few MiB are kept.

File layout, little-endian; the file is sparse and appears with the first byte::

    0      header: magic, capacity, run slots, start, end, first run, next run
    4096   ring of run slots: u64 = offset * 4 + channel; a run is bytes of one channel in a row
    ...    ring of bytes: the byte at offset o lies at o modulo capacity

A reader of the file never sees what was not finished: an append writes its bytes, then the slot of a new run, and last
the header, in one small write. Before bytes are overwritten, the header says that they are gone. So the log is whole
after the daemon was killed at any instruction; power loss may cost its end.

Many tiny runs use the slots up before the bytes: then the oldest runs are dropped earlier. There is one slot for every
`BYTES_PER_RUN` bytes of capacity, `MAX_RUNS` at most.
"""

from __future__ import annotations

import os
import struct
from array import array
from bisect import bisect_right
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

from msgspec import Struct

from nexusd.backends.base import new_file

CHUNK: Final = 262144
"""The most bytes that one `read` returns and one `append` takes: a few frames, so that their costs are shared."""
BYTES_PER_RUN: Final = 64
MAX_RUNS: Final = 1 << 18
MIN_CAPACITY: Final = 65536
_MAGIC: Final = b"NXLOG\0\0\1"
_HEADER: Final = struct.Struct("<8sQQQQQQ")
_SLOT: Final = struct.Struct("<Q")
_SLOTS_AT: Final = 4096
_RECENT: Final = 2 * CHUNK
"""Bytes kept in memory for attached readers that keep up."""
_RECENT_CHUNKS: Final = 512


class Chunk(NamedTuple):
    """Bytes of one channel in a row.

    Attributes:
        channel: 1 stdout, 2 stderr.
        offset: position of the first byte in the log.
    """

    channel: int
    offset: int
    data: bytes


class LogDamaged(Exception):
    """The file is not a log, or its header contradicts itself."""


class Hold(Struct, eq=False):
    """A promise to a reader: nothing from `offset` on is overwritten until it moves on or lets go."""

    log: OutputLog
    offset: int

    def move(self, offset: int) -> None:
        """Let go of everything before `offset`. Going back does nothing."""
        if offset > self.offset:
            self.offset = offset
            self.log._holds_moved()

    def release(self) -> None:
        """Let go of everything. Releasing twice is harmless."""
        if self in self.log._holds:
            self.log._holds.remove(self)
            self.log._holds_moved()


class OutputLog:
    """The log of one process. Made by `create` or `load`; used on one thread at a time.

    Attributes:
        start: position of the first byte that is kept.
        end: position after the last byte.
        on_room: called when what is held has changed, so that whoever waits for `room` looks again.
    """

    def __init__(self, path: Path, capacity: int) -> None:
        self.path = path
        self.capacity = capacity
        self.start = 0
        self.end = 0
        self.on_room: Callable[[], None] | None = None
        self._slots = min(capacity // BYTES_PER_RUN, MAX_RUNS)
        self._bytes_at = _SLOTS_AT + (self._slots * _SLOT.size + 4095) // 4096 * 4096
        self._fd = -1
        self._readonly = False
        self._runs = array("Q")
        self._first_run = 0
        self._holds: list[Hold] = []
        self._floor: int | None = None
        self._readers = 0
        self._recent: dict[int, Chunk] = {}
        self._recent_bytes = 0

    @classmethod
    def create(cls, path: Path, capacity: int) -> OutputLog:
        """A new, empty log. The file appears with the first byte.

        Args:
            path: where; its directory exists.
            capacity: bytes to keep, at least 64 KiB.
        """
        return cls(path, max(capacity, MIN_CAPACITY))

    @classmethod
    def load(cls, path: Path, end: int = 0) -> OutputLog:
        """The log of a process that has ended, to be read only. Blocking.

        Args:
            end: where the output is known to have ended; where the file is gone, all of it has expired.

        Raises:
            LogDamaged: the file cannot be understood.
            OSError: it cannot be read.
        """
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except FileNotFoundError:
            return cls.expired(path, end)
        try:
            header = os.pread(fd, _HEADER.size, 0)
            if not header and not end:
                os.close(fd)
                return cls.expired(path, 0)  # nothing was ever written
            log = cls._restore(path, header)
            ring = os.pread(fd, log._slots * _SLOT.size, _SLOTS_AT)
            log._restore_runs(header, ring)
        except BaseException:
            os.close(fd)
            raise
        log._fd = fd
        log._readonly = True
        return log

    @classmethod
    def kept(cls, path: Path, capacity: int) -> OutputLog:
        """A log that somebody else writes and tells of by `grown`; here it is only read.

        Args:
            path: the file; opened when the first bytes are read.
            capacity: as it was asked for; the file's own header decides.
        """
        log = cls.create(path, capacity)
        log._readonly = True
        return log

    @classmethod
    def expired(cls, path: Path, end: int) -> OutputLog:
        """The log of a process that has ended, of which nothing is left but where it ended."""
        log = cls(path, MIN_CAPACITY)
        log.start = log.end = end
        log._readonly = True
        return log

    @staticmethod
    def bounds(path: Path, end: int) -> tuple[int, int]:
        """Start and end of a log that nobody writes, by its header alone; (end, end) where there is none. Blocking."""
        try:
            fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        except OSError:
            return end, end
        try:
            log = OutputLog._restore(path, os.pread(fd, _HEADER.size, 0))
        except (OSError, LogDamaged):
            return end, end
        finally:
            os.close(fd)
        return log.start, log.end

    @classmethod
    def _restore(cls, path: Path, header: bytes) -> OutputLog:
        if len(header) < _HEADER.size:
            raise LogDamaged(f"{path}: too short")
        magic, capacity, slots, start, end, first, after = _HEADER.unpack(header)
        log = cls(path, capacity)
        sound = (
            capacity >= MIN_CAPACITY
            and start <= end
            and end - start <= capacity
            and first <= after
            and after - first <= slots
        )
        if magic != _MAGIC or slots != log._slots or not sound or (start < end and first == after):
            raise LogDamaged(f"{path}: its header makes no sense")
        log.start, log.end, log._first_run = start, end, first
        return log

    def _restore_runs(self, header: bytes, ring: bytes) -> None:
        *_, first, after = _HEADER.unpack(header)
        size = _SLOT.size
        for number in range(first, after):
            at = number % self._slots * size
            if at + size > len(ring):
                raise LogDamaged(f"{self.path}: too short")
            self._runs.append(_SLOT.unpack_from(ring, at)[0])
        runs = self._runs
        if not runs:
            return
        ordered = all(runs[at] >> 2 < runs[at + 1] >> 2 for at in range(len(runs) - 1))
        if (
            not ordered
            or runs[0] >> 2 > self.start
            or runs[-1] >> 2 >= self.end
            or any(run & 3 not in (1, 2) for run in runs)
        ):
            raise LogDamaged(f"{self.path}: its runs make no sense")

    @property
    def floor(self) -> int | None:
        """The position from which on somebody holds everything; None where nothing is held."""
        return self._floor

    # --- writing ---

    def room(self) -> int:
        """How many bytes may be appended now without overwriting what somebody holds; `capacity` at most."""
        floor = self._floor
        if floor is None:
            return self.capacity
        if len(self._runs) >= self._slots and (len(self._runs) < 2 or self._runs[1] >> 2 > floor):
            return 0
        return max(self.capacity - (self.end - floor), 0)

    def append(self, channel: int, data: bytes) -> Chunk:
        """Add bytes to the end, all or none.

        Args:
            channel: 1 or 2.
            data: at least 1 and at most `CHUNK` bytes, and no more than `room` and `capacity`.

        Returns:
            The chunk, which readers that keep up are given without a look at the disk.

        Raises:
            OSError: the disk is full or broken; nothing was added.
        """
        size = len(data)
        assert 0 < size <= min(CHUNK, self.capacity) and not self._readonly
        if self._fd < 0:
            self._fd = new_file(self.path)
        runs = self._runs
        new_run = not runs or runs[-1] & 3 != channel
        self._make_room(size, new_run)
        at = self.end % self.capacity
        if at + size <= self.capacity:
            _write(self._fd, data, self._bytes_at + at)
        else:
            cut = self.capacity - at
            view = memoryview(data)
            _write(self._fd, view[:cut], self._bytes_at + at)
            _write(self._fd, view[cut:], self._bytes_at)
        count = len(runs)
        if new_run:
            slot = self.end << 2 | channel
            _write(self._fd, _SLOT.pack(slot), _SLOTS_AT + (self._first_run + count) % self._slots * _SLOT.size)
            count += 1
        self._write_header(self.start, self.end + size, self._first_run, count)
        if new_run:
            runs.append(slot)
        chunk = Chunk(channel, self.end, data)
        self.end += size
        if self._readers:
            self._remember(chunk)
        return chunk

    def _make_room(self, size: int, new_run: bool) -> None:
        start = self.start
        if self.end + size - start > self.capacity:
            # A little more than needed, so that the header is not written twice for each append from now on.
            start = self.end + size - self.capacity
            ahead = min(start + self.capacity // 16, self.end)
            start = ahead if self._floor is None else max(start, min(ahead, self._floor))
        dropped = 0
        if new_run and len(self._runs) >= self._slots:
            dropped = max(self._slots // 16, 1) if self._floor is None else 1
            start = max(start, self._runs[dropped] >> 2 if dropped < len(self._runs) else self.end)
        if start == self.start:
            return
        dropped = max(bisect_right(self._runs, start << 2 | 3) - 1, 0)
        if start == self.end and new_run:
            dropped = len(self._runs)
        assert self._floor is None or start <= self._floor
        self._write_header(start, self.end, self._first_run + dropped, len(self._runs) - dropped)
        self.start = start
        self._first_run += dropped
        del self._runs[:dropped]

    def _write_header(self, start: int, end: int, first_run: int, runs: int) -> None:
        header = _HEADER.pack(_MAGIC, self.capacity, self._slots, start, end, first_run, first_run + runs)
        _write(self._fd, header, 0)

    def grown(self, start: int, end: int, first_run: int, from_run: int, runs: Sequence[int]) -> None:
        """Take note of what the writer of a `kept` log has done: it goes forward only.

        Args:
            first_run: number of the first run that is kept.
            from_run: number of the first of `runs`.
            runs: the newest; those that are known already are passed over.

        Raises:
            LogDamaged: what it says contradicts itself or what it said before.
        """
        known = self._runs
        after = self._first_run + len(known)
        if from_run > after:
            # Some were dropped before anybody told of them: then all that are kept are told.
            del known[:]
            self._first_run = after = from_run
        known.extend(runs[after - from_run :])
        dropped = first_run - self._first_run
        # Who connects anew is told again from the beginning, piece by piece.
        end = max(end, self.end)
        if not self.start <= start <= end or not 0 <= dropped <= len(known):
            raise LogDamaged(f"{self.path}: its writer tells of {start}..{end} after {self.start}..{self.end}")
        del known[:dropped]
        if start < end and (not known or known[0] >> 2 > start or known[-1] >> 2 >= end):
            raise LogDamaged(f"{self.path}: its writer tells of runs that make no sense")
        self.start, self.end, self._first_run = start, end, first_run

    # --- reading ---

    def read(self, offset: int, limit: int = CHUNK) -> Chunk | None:
        """Bytes of one channel from `offset` on.

        Args:
            offset: between `start` and `end`.
            limit: at most so many bytes; what is kept in memory is handed out in one piece of up to `CHUNK`.

        Returns:
            The chunk, never empty; None at the end.

        Raises:
            ValueError: the offset is outside of what is kept.
            OSError: the disk is broken.
        """
        if not self.start <= offset <= self.end:
            raise ValueError(f"offset {offset} is outside of {self.start}..{self.end}")
        if offset == self.end:
            return None
        recent = self._recent.get(offset)
        if recent is not None:
            return self._gather(recent, limit)
        run = bisect_right(self._runs, offset << 2 | 3) - 1
        stop = self._runs[run + 1] >> 2 if run + 1 < len(self._runs) else self.end
        stop = min(stop, offset + limit)
        if self._recent:
            # Ending where a chunk in memory begins, the reader finds it next time.
            for position in self._recent:
                if position > offset:
                    stop = min(stop, position)
                    break
        return Chunk(self._runs[run] & 3, offset, self._pread(offset, stop))

    def _gather(self, first: Chunk, limit: int) -> Chunk:
        size = len(first.data)
        following = self._recent.get(first.offset + size)
        if following is None or following.channel != first.channel:
            return first
        parts = [first.data]
        while following is not None and following.channel == first.channel and size + len(following.data) <= limit:
            parts.append(following.data)
            size += len(following.data)
            following = self._recent.get(first.offset + size)
        return first if len(parts) == 1 else Chunk(first.channel, first.offset, b"".join(parts))

    def _open_kept(self) -> None:
        """Open a log that somebody else writes, and take its geometry from its header. Blocking, and short."""
        fd = os.open(self.path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW)
        header = os.pread(fd, _HEADER.size, 0)
        if len(header) < _HEADER.size or header[: len(_MAGIC)] != _MAGIC:
            os.close(fd)
            raise OSError(f"{self.path} has no header, though it was said to have grown")
        self._fd = fd
        _, self.capacity, self._slots, *_ = _HEADER.unpack(header)
        self._bytes_at = _SLOTS_AT + (self._slots * _SLOT.size + 4095) // 4096 * 4096

    def _pread(self, offset: int, stop: int) -> bytes:
        if self._fd < 0:
            self._open_kept()
        size = stop - offset
        at = offset % self.capacity
        cut = min(size, self.capacity - at)
        data = os.pread(self._fd, cut, self._bytes_at + at)
        if cut < size:
            data += os.pread(self._fd, size - cut, self._bytes_at)
        if len(data) < size:
            raise OSError(f"{self.path} is shorter than its header says")
        return data

    # --- who follows ---

    def hold(self, offset: int) -> Hold:
        """Keep everything from `offset` on until the hold moves or is released."""
        hold = Hold(self, max(offset, self.start))
        self._holds.append(hold)
        self._holds_moved()
        return hold

    def _holds_moved(self) -> None:
        floor = min((hold.offset for hold in self._holds), default=None)
        if floor != self._floor:
            self._floor = floor
            if self.on_room is not None:
                self.on_room()

    def follow(self) -> None:
        """A reader begins to follow; new chunks are kept in memory for a while."""
        self._readers += 1

    def unfollow(self) -> None:
        """A reader stops following."""
        self._readers -= 1
        if not self._readers:
            self._recent.clear()
            self._recent_bytes = 0

    def _remember(self, chunk: Chunk) -> None:
        recent = self._recent
        recent[chunk.offset] = chunk
        self._recent_bytes += len(chunk.data)
        while self._recent_bytes > _RECENT or len(recent) > _RECENT_CHUNKS:
            oldest = next(iter(recent))
            self._recent_bytes -= len(recent.pop(oldest).data)

    # --- the end ---

    def close(self) -> None:
        """Close the file; nothing can be read or appended afterwards. Closing twice is harmless."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1
        self._readonly = True


def _write(fd: int, data: bytes | memoryview, at: int) -> None:
    size = len(data)
    done = os.pwrite(fd, data, at)
    while done < size:
        done += os.pwrite(fd, memoryview(data)[done:], at + done)
