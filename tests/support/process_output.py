"""What a started process writes, and how it is written to: one way for handles with descriptors and for kept ones."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable

from nexusd.backends.base import Growth, ProcessHandle
from nexusd.processes.log import OutputLog

PATIENCE = 20
CAPACITY = 1 << 20
"""Bytes of output that a machine is asked to keep here; no test writes more."""


class Output:
    """Reads a process from its start on, as it writes.

    Args:
        handle: as `Machine.spawn` returned it.
    """

    def __init__(self, handle: ProcessHandle) -> None:
        self._handle = handle
        self._channels = {1: bytearray(), 2: bytearray()}
        self._open = 0
        self._news = asyncio.Event()
        self._log: OutputLog | None = None
        kept = handle.kept
        if kept is not None:
            assert (handle.stdout, handle.stderr, handle.stdin) == (None, None, None)
            self._open = 1
            self._log = OutputLog.kept(kept.log, CAPACITY)
            self._seen = 0
            kept.watch(self._grown, self._ended, lambda why, reason: None)
            return
        for channel, fd in ((1, handle.stdout), (2, handle.stderr)):
            if fd is not None:
                self._open += 1
                asyncio.get_running_loop().add_reader(fd, self._readable, channel, fd)

    async def until(self, text: bytes) -> bytes:
        """Wait until a text has appeared on stdout; all there is of it by then."""
        await self._wait(lambda: text in self._channels[1], f"{text!r} did not appear")
        return bytes(self._channels[1])

    async def all(self) -> bytes:
        """All of stdout, to the end of the output."""
        await self._wait(lambda: not self._open, "the output did not end")
        return bytes(self._channels[1])

    @property
    def errors(self) -> bytes:
        """What has come on stderr."""
        return bytes(self._channels[2])

    def close(self) -> None:
        """Read no more, and release the handle."""
        if self._log is not None:
            self._log.close()
        else:
            for fd in (self._handle.stdout, self._handle.stderr):
                if fd is not None:
                    asyncio.get_running_loop().remove_reader(fd)
        self._handle.close()

    async def _wait(self, condition: Callable[[], bool], failure: str) -> None:
        end = asyncio.get_running_loop().time() + PATIENCE
        while not condition():
            self._news.clear()
            try:
                async with asyncio.timeout_at(end):
                    await self._news.wait()
            except TimeoutError:
                raise AssertionError(f"{failure} in {PATIENCE} s: {self._channels}") from None

    # --- descriptors ---

    def _readable(self, channel: int, fd: int) -> None:
        try:
            data = os.read(fd, 65536)
        except BlockingIOError:
            return
        except OSError:
            data = b""  # a terminal whose last process ended
        if not data:
            asyncio.get_running_loop().remove_reader(fd)
            self._open -= 1
        self._channels[channel] += data
        self._news.set()

    # --- kept ---

    def _grown(self, growth: Growth) -> None:
        log = self._log
        assert log is not None
        log.grown(growth.start, growth.end, growth.first_run, growth.from_run, growth.runs)
        while (chunk := log.read(self._seen)) is not None:
            self._channels[chunk.channel] += chunk.data
            self._seen += len(chunk.data)
        self._news.set()

    def _ended(self, complete: bool) -> None:
        assert complete, "the output was not read to its end"
        self._open = 0
        self._news.set()


async def feed(handle: ProcessHandle, data: bytes) -> None:
    """Write to a process: to its stdin, or its terminal."""
    kept = handle.kept
    if kept is None:
        fd = handle.stdin if handle.stdin is not None else handle.stdout
        assert fd is not None and os.write(fd, data) == len(data), "tests write less than a pipe holds"
        return
    room = asyncio.Event()
    kept.on_writable = room.set
    async with asyncio.timeout(PATIENCE):
        while data:
            room.clear()
            taken = kept.write(data)
            data = data[taken:]
            if not taken:
                await room.wait()
    kept.on_writable = None
