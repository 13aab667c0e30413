"""Standard streams as bytes, without blocking the event loop."""

from __future__ import annotations

import asyncio
import os
import stat
from concurrent.futures import ThreadPoolExecutor
from types import TracebackType

__all__ = ["InputReader", "OutputWriter", "is_piped"]

_BLOCK = 65536


def is_piped(descriptor: int = 0) -> bool:
    """Whether somebody feeds this descriptor: a pipe, a socket or a file, and no terminal or device."""
    try:
        mode = os.fstat(descriptor).st_mode
    except OSError:
        return False
    return stat.S_ISFIFO(mode) or stat.S_ISREG(mode) or stat.S_ISSOCK(mode)


class OutputWriter:
    """Writes bytes to stdout and stderr in order, waiting while whoever reads them is slow.

    A terminal or pipe may block for long, and must not be switched to non-blocking, because others share it: so writes
    go to one thread. A regular file is written at once.
    """

    def __init__(self) -> None:
        self._thread = ThreadPoolExecutor(1, "boulder-output")
        self._plain = {1: _is_file(1), 2: _is_file(2)}

    async def __aenter__(self) -> OutputWriter:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._thread.shutdown(wait=False)

    async def write(self, descriptor: int, data: bytes | memoryview) -> None:
        """Write all of it.

        Raises:
            BrokenPipeError: nobody reads any more.
        """
        if self._plain[descriptor]:
            _write_all(descriptor, data)
        else:
            await asyncio.get_running_loop().run_in_executor(self._thread, _write_all, descriptor, data)


def _is_file(descriptor: int) -> bool:
    try:
        return stat.S_ISREG(os.fstat(descriptor).st_mode)
    except OSError:
        return False


def _write_all(descriptor: int, data: bytes | memoryview) -> None:
    view = memoryview(data)
    while view:
        try:
            view = view[os.write(descriptor, view) :]
        except BlockingIOError:
            # somebody who shares the descriptor made it non-blocking
            import select

            select.select([], [descriptor], [])


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
