"""A TCP proxy that cuts every connection through it, again and again, at chosen bytes."""

from __future__ import annotations

import asyncio
import contextlib
from collections.abc import Sequence
from types import TracebackType
from typing import Literal

CHUNK = 65_536


class CuttingProxy:
    """`async with CuttingProxy(port, cuts) as proxy`, then connect to `proxy.url`.

    Args:
        port: of the server on loopback.
        cuts: after how many bytes to cut, counted over all connections in one direction, ascending.
        direction: whose bytes are counted: those that come ``down`` from the server, or go ``up`` to it.

    Attributes:
        made: how many cuts were made.
        passed: how many bytes came through in the counted direction.
    """

    def __init__(self, port: int, cuts: Sequence[int], direction: Literal["down", "up"] = "down") -> None:
        self._port = port
        self._cuts = list(cuts)
        self._direction = direction
        self._server: asyncio.Server | None = None
        self._live: set[asyncio.StreamWriter] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.made = 0
        self.passed = 0

    @property
    def url(self) -> str:
        """Where it listens, as the URL of a daemon."""
        assert self._server is not None
        return f"http://127.0.0.1:{self._server.sockets[0].getsockname()[1]}"

    async def __aenter__(self) -> CuttingProxy:
        self._server = await asyncio.start_server(self._accepted, "127.0.0.1", 0)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close()
        self._cut()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    async def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        task = asyncio.current_task()
        assert task is not None
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        try:
            inner_reader, inner_writer = await asyncio.open_connection("127.0.0.1", self._port)
        except OSError:
            writer.transport.abort()
            return
        self._live |= {writer, inner_writer}
        await asyncio.gather(self._carry("up", reader, inner_writer), self._carry("down", inner_reader, writer))
        for end in (writer, inner_writer):
            self._live.discard(end)
            end.transport.abort()

    async def _carry(self, way: str, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        with contextlib.suppress(ConnectionError):
            while data := await reader.read(CHUNK):
                if way == self._direction and self._cuts and self.passed + len(data) >= self._cuts[0]:
                    data = data[: self._cuts.pop(0) - self.passed]
                    self.passed += len(data)
                    self.made += 1
                    writer.write(data)
                    # what was written before the cut may still arrive: then it cuts within a frame
                    with contextlib.suppress(TimeoutError):
                        async with asyncio.timeout(0.5):
                            await writer.drain()
                    self._cut()
                    return
                if way == self._direction:
                    self.passed += len(data)
                writer.write(data)
                await writer.drain()
            if writer.can_write_eof():
                writer.write_eof()

    def _cut(self) -> None:
        for writer in self._live:
            writer.transport.abort()
        self._live.clear()
