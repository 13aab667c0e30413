"""Standard streams as bytes, without blocking the event loop."""

from __future__ import annotations

import asyncio
import os
import select
import stat
import threading
from collections import deque
from collections.abc import Iterator
from itertools import groupby
from types import TracebackType

__all__ = ["InputReader", "OutputWriter", "is_piped"]

_BLOCK = 65536
_ROOM = 1_048_576
_AT_ONCE = 64


def is_piped(descriptor: int = 0) -> bool:
    """Whether somebody feeds this descriptor: a pipe, a socket or a file, and no terminal or device."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


class OutputWriter:
    """Writes bytes to stdout and stderr in order, waiting while whoever reads them is slow.

    A terminal or pipe may block for long, and must not be switched to non-blocking, because others share it: so a
    thread writes, and `write` waits only while a mebibyte is before it.
    """

    def __init__(self) -> None:
        self._loop = asyncio.get_running_loop()
        self._queue: deque[tuple[int, bytes | memoryview]] = deque()
        self._waiting = 0
        self._state = threading.Condition()
        self._closed = False
        self._error: OSError | None = None
        self._room = asyncio.Event()
        self._room.set()
        self._thread = threading.Thread(target=self._run, name="boulder-output", daemon=True)

    async def __aenter__(self) -> OutputWriter:
        self._thread.start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        try:
            if kind is None:
                await self.drain()
        finally:
            with self._state:
                self._closed = True
                self._state.notify()

    async def write(self, descriptor: int, data: bytes | memoryview) -> None:
        """Hand bytes over to be written.

        Raises:
            BrokenPipeError: nobody reads any more.
            OSError: bytes of before could not be written.
        """
        with self._state:
            self._check()
            self._queue.append((descriptor, data))
            self._waiting += len(data)
            if self._waiting > _ROOM:
                self._room.clear()
            self._state.notify()
        await self._room.wait()

    async def drain(self) -> None:
        """Wait until everything is written.

        Raises:
            OSError: it could not be.
        """
        while True:
            with self._state:
                self._check()
                if not self._waiting:
                    return
                self._room.clear()
            await self._room.wait()

    def _check(self) -> None:
        if self._error is not None:
            raise self._error

    def _run(self) -> None:
        while True:
            with self._state:
                while not self._queue and not self._closed:
                    self._state.wait()
                if self._closed:
                    return
                batch = list(self._queue)
                self._queue.clear()
            error = None
            try:
                for descriptor, views in _grouped(batch):
                    _write_all(descriptor, views)
            except OSError as failure:
                error = failure
            with self._state:
                self._error = error
                self._waiting -= sum(len(data) for _, data in batch)
            try:
                self._loop.call_soon_threadsafe(self._room.set)
            except RuntimeError:
                return  # the loop has ended: nobody waits
            if error is not None:
                return


def _grouped(batch: list[tuple[int, bytes | memoryview]]) -> Iterator[tuple[int, list[bytes | memoryview]]]:
    """Neighbours that go to the same descriptor, together."""
    for descriptor, items in groupby(batch, key=lambda item: item[0]):
        views = [data for _, data in items]
        for start in range(0, len(views), _AT_ONCE):
            yield descriptor, views[start : start + _AT_ONCE]


def _is_file(descriptor: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _write_all(descriptor: int, views: list[bytes | memoryview]) -> None:
    while views:
        try:
            written = os.writev(descriptor, views)
        except BlockingIOError:
            # somebody who shares the descriptor made it non-blocking
            select.select([], [descriptor], [])
            continue
        while views and written >= len(views[0]):
            written -= len(views.pop(0))
        if views and written:
            views[0] = memoryview(views[0])[written:]


class InputReader:
    """Reads bytes from stdin. A read that waits ends when it is cancelled, which one in a thread would not."""

    def __init__(self, descriptor: int = 0) -> None:
        self._fd = descriptor
        self._file = _is_file(descriptor)

    async def read(self) -> bytes:
        """Return some bytes; ``b""`` at the end."""
        if self._file:
            return await asyncio.to_thread(os.read, self._fd, _BLOCK)
        loop = asyncio.get_running_loop()
        while True:
            ready: asyncio.Future[None] = loop.create_future()
            loop.add_reader(self._fd, _settle, ready)
            try:
                await ready
            finally:
                loop.remove_reader(self._fd)
            try:
                return os.read(self._fd, _BLOCK)
            except BlockingIOError:
                continue
            except OSError:
                return b""  # the terminal has gone


def _settle(ready: asyncio.Future[None]) -> None:
    if not ready.done():
        ready.set_result(None)
