"""Ports of a workspace: what listens, one connection to it, or a local port that leads there."""

from __future__ import annotations

import asyncio
import logging
from types import TracebackType
from typing import Any

from nexus_sdk.attachment import Attachment
from nexus_sdk.connection import Connection
from nexus_sdk.exceptions import NexusError
from nexus_sdk.link import LinkDown
from nexus_sdk.output import Output
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import TunnelLost
from nexus_sdk.sender import ByteSender

__all__ = ["Listener", "Ports", "Tunnel"]

_log = logging.getLogger("nexus_sdk")

WINDOW = 1_048_576
_CHUNK = 65_536


class Tunnel(Attachment):
    """One TCP connection to a port of a workspace. Use it in `async with`; each half closes alone.

    TCP cannot be resumed: when the link breaks, reading and writing raise `TunnelLost`.
    """

    method = "port.forward"
    resumable = False

    def __init__(self, connection: Connection, workspace: str, port: int, *, window: int = WINDOW) -> None:
        super().__init__(connection)
        self._workspace = workspace
        self._port = port
        self._output = Output(window, (1,), self._grant)
        self._lane = self._output.claim(None)
        self._sender = ByteSender(self._post)

    @property
    def port(self) -> int:
        """The port in the workspace."""
        return self._port

    async def __aenter__(self) -> Tunnel:
        await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Tunnel:
        return self

    async def __anext__(self) -> bytes:
        data = await self.receive()
        if not data:
            raise StopAsyncIteration
        return data

    async def receive(self) -> bytes:
        """Return the next bytes, at most 64 KiB; `b""` when the other side has ended its half.

        Raises:
            TunnelLost: the connection to the daemon, or into the workspace, broke.
        """
        chunk = await self._output.take(self._lane)
        return b"" if chunk is None else chunk.data

    async def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes, waiting while the other side does not read.

        Raises:
            TunnelLost: the connection broke.
            ValueError: this half was ended before.
        """
        await self._sender.write(data)

    async def send_eof(self) -> None:
        """End this half; the other one goes on. Ending it twice does nothing."""
        self._sender.close()

    async def aclose(self) -> None:
        """Close both halves."""
        await self._stop()

    def _params(self) -> types.PortForwardParams:
        return types.PortForwardParams(workspace=self._workspace, port=self._port, window=self._output.next_window())

    def _on_open(self, info: types.PortForwardOpen) -> None:
        self._output.attach(0, first=True)
        self._sender.attach(self._number, 0, info.window)

    def _broken(self, lost: LinkDown) -> NexusError:
        return TunnelLost(f"the tunnel to port {self._port} broke: {lost}", port=self._port)

    def data(self, channel: int, offset: int, payload: memoryview) -> None:
        self._output.data(channel, offset, payload)

    def eof(self, channel: int, offset: int) -> None:
        self._output.eof(channel, offset)

    def credit(self, channel: int, limit: int) -> None:
        self._sender.credit(limit)

    def _ended(self, result: Any, error: BaseException | None) -> None:
        self._output.finish(error)
        closed = TunnelLost(f"the tunnel to port {self._port} is closed", port=self._port)
        self._sender.fail(error if isinstance(error, NexusError) else closed)


class Listener:
    """A local port whose connections lead to a port of the workspace. Use it in `async with`."""

    def __init__(self, ports: Ports, port: int, host: str, local_port: int, limit: int) -> None:
        self._ports = ports
        self._port = port
        self._host = host
        self._local_port = local_port
        self._limit = limit
        self._server: asyncio.Server | None = None
        self._tasks: set[asyncio.Task[None]] = set()
        self._last_error: NexusError | None = None

    @property
    def local_address(self) -> tuple[str, int]:
        """Host and port that accept connections here."""
        if self._server is None:
            raise RuntimeError("this listener is not open; use it in `async with`")
        host, port = self._server.sockets[0].getsockname()[:2]
        return str(host), int(port)

    @property
    def last_error(self) -> NexusError | None:
        """Why the last connection that failed was closed; None while none did."""
        return self._last_error

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return len(self._tasks)

    async def __aenter__(self) -> Listener:
        self._server = await asyncio.start_server(self._accepted, self._host, self._local_port, limit=_CHUNK)
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    async def serve_forever(self) -> None:
        """Wait until cancelled, or until the listener is closed."""
        if self._server is None:
            raise RuntimeError("this listener is not open; use it in `async with`")
        await self._server.serve_forever()

    async def aclose(self) -> None:
        """Stop accepting and close every connection."""
        if self._server is not None:
            self._server.close()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)

    def _accepted(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        if len(self._tasks) >= self._limit:
            writer.transport.abort()
            return
        task = asyncio.create_task(self._carry(reader, writer), name="nexus-forward")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _carry(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        try:
            async with self._ports.dial(self._port) as tunnel, asyncio.TaskGroup() as group:
                group.create_task(_up(reader, tunnel))
                group.create_task(_down(tunnel, writer))
        except* NexusError as errors:
            self._last_error = next(error for error in errors.exceptions if isinstance(error, NexusError))
            _log.debug("forwarded connection ended: %s", self._last_error)
            writer.transport.abort()
        except* OSError:
            writer.transport.abort()
        finally:
            writer.close()


async def _up(reader: asyncio.StreamReader, tunnel: Tunnel) -> None:
    while data := await reader.read(_CHUNK):
        await tunnel.send(data)
    await tunnel.send_eof()


async def _down(tunnel: Tunnel, writer: asyncio.StreamWriter) -> None:
    while data := await tunnel.receive():
        writer.write(data)
        await writer.drain()
    if writer.can_write_eof():
        writer.write_eof()


class Ports:
    """Ports of one workspace; `workspace.ports`."""

    def __init__(self, connection: Connection, workspace: str) -> None:
        self._connection = connection
        self._workspace = workspace

    async def list(self) -> list[types.ListeningPort]:
        """Return the ports that are allocated to the workspace, and those that its processes listen on."""
        listed: types.PortList = await self._connection.call(
            "port.list", types.PortListParams(workspace=self._workspace)
        )
        return listed.ports

    def dial(self, port: int, *, window: int = WINDOW) -> Tunnel:
        """Connect to a port of the workspace, on the machine's own loopback.

        Args:
            port: 1 to 65535.
            window: how much may wait here unread, in bytes.

        Raises on entering:
            PortRefused: nothing accepts connections there.
            PortForbidden: the port does not belong to the workspace.
        """
        return Tunnel(self._connection, self._workspace, port, window=window)

    def forward(
        self, port: int, *, local_port: int = 0, host: str = "127.0.0.1", max_connections: int = 256
    ) -> Listener:
        """Listen here, and carry each connection to a port of the workspace.

        Args:
            port: the port in the workspace.
            local_port: the port here; 0 takes a free one.
            host: the address to listen on here. Anybody who reaches it reaches the workspace.
            max_connections: connections beyond these are closed at once.

        Raises on entering:
            OSError: the local port cannot be listened on.
        """
        return Listener(self, port, host, local_port, max_connections)
