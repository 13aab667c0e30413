"""From a process's pipes into its log, no faster than the log has room."""

from __future__ import annotations

import array
import asyncio
import contextlib
import fcntl
import os
import termios
from collections.abc import Callable, Sequence
from typing import Final

from nexusd.processes.log import CHUNK, Chunk, OutputLog
from nexusd.processes.parking import Parking

_PIPE: Final = 256 * 1024
_FULL: Final = 65536
"""What a pipe holds at first: one that is found with so much would take more."""
_TOO_LITTLE: Final = 4096
_ENOUGH: Final = 16384
"""Room at which reading goes on after it stopped for want of it; less than what a caught-up reader leaves free."""
RETRY: Final = 1.0
"""Seconds between attempts to write after the disk was full or broken."""


class Pump:
    """Reads descriptors on the event loop and appends to a log. Begins at once.

    Where the log has no room because an attached reader holds it, or the disk cannot take more, nothing is read: the
    pipe fills, and the process waits in its write. No byte is lost then.

    Args:
        log: where the output goes.
        sources: (descriptor, channel) pairs, non-blocking; they stay the caller's.
        on_chunk: called with each chunk after it was appended.
        on_end: called once, after all descriptors have reached their end.

    Attributes:
        ended: all descriptors have reached their end, or reading was closed.
        complete: all descriptors have reached their end.
        total: bytes read.
        trouble: why the disk does not take output now; None where it does.
    """

    def __init__(
        self,
        log: OutputLog,
        sources: Sequence[tuple[int, int]],
        on_chunk: Callable[[Chunk], None],
        on_end: Callable[[], None],
    ) -> None:
        self._log = log
        self._open = dict(sources)
        self._on_chunk = on_chunk
        self._on_end = on_end
        self._loop = asyncio.get_running_loop()
        self._widened: set[int] = set()
        self._pending: tuple[int, bytes] | None = None
        self._retry: asyncio.TimerHandle | None = None
        self._reading = False
        self._parking = Parking()
        self.ended = False
        self.complete = False
        self.total = 0
        self.trouble: OSError | None = None
        log.on_room = self._room_made
        self._resume()

    @property
    def held(self) -> bool:
        """Whether reading waits, for a reader or for the disk."""
        return not self._reading and not self.ended

    def backlog(self) -> int:
        """Bytes that were written to the descriptors and not read yet."""
        count = array.array("i", [0])
        total = 0
        for fd in self._open:
            with contextlib.suppress(OSError):
                fcntl.ioctl(fd, termios.FIONREAD, count)
                total += count[0]
        return total

    async def wait(self, timeout: float) -> None:
        """Wait until all has ended, or for `timeout` seconds."""
        if not self.ended:
            await self._parking.wait(timeout)

    def close(self) -> None:
        """Stop reading for good. What the log could not take yet is lost. Closing twice is harmless."""
        if not self.ended:
            self._pause()
            self._open.clear()
            self._finish()

    def _readable(self, fd: int, channel: int) -> None:
        log = self._log
        room = log.room()
        if room < _TOO_LITTLE:
            self._pause()
            return
        try:
            data = os.read(fd, CHUNK if room >= CHUNK else room)
        except BlockingIOError:
            return
        except OSError:
            # A terminal whose other side was closed by all says EIO; that is its end.
            data = b""
        if not data:
            self._end_of(fd)
            return
        self.total += len(data)
        if self._append(channel, data) and len(data) >= _FULL and fd not in self._widened:
            self._widen(fd)

    def _append(self, channel: int, data: bytes) -> bool:
        try:
            chunk = self._log.append(channel, data)
        except OSError as error:
            self.trouble = error
            self._pending = (channel, data)
            self._pause()
            self._retry = self._loop.call_later(RETRY, self._try_again)
            return False
        self.trouble = None
        self._on_chunk(chunk)
        return True

    def _try_again(self) -> None:
        self._retry = None
        if self._pending is not None:
            channel, data = self._pending
            self._pending = None
            if self._append(channel, data):
                self._resume()

    def _room_made(self) -> None:
        if not self._reading and not self.ended and self._pending is None and self._log.room() >= _ENOUGH:
            self._resume()

    def _resume(self) -> None:
        self._reading = True
        for fd, channel in self._open.items():
            self._loop.add_reader(fd, self._readable, fd, channel)

    def _pause(self) -> None:
        if self._reading:
            self._reading = False
            for fd in self._open:
                self._loop.remove_reader(fd)

    def _end_of(self, fd: int) -> None:
        self._loop.remove_reader(fd)
        del self._open[fd]
        if not self._open:
            self.complete = True
            self._finish()

    def _finish(self) -> None:
        self.ended = True
        self._log.on_room = None
        self._pending = None
        if self._retry is not None:
            self._retry.cancel()
        self._parking.release()
        self._on_end()

    def _widen(self, fd: int) -> None:
        # Only for pipes that were seen full: most processes write little, and the kernel counts each user's pages.
        self._widened.add(fd)
        with contextlib.suppress(OSError):
            fcntl.fcntl(fd, fcntl.F_SETPIPE_SZ, _PIPE)
