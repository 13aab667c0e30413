# Generated from nexus_sdk's asynchronous classes; do not edit.
"""Synchronous twin of nexus_sdk.ports."""

from __future__ import annotations

from types import TracebackType

import nexus_sdk.ports
from nexus_sdk.exceptions import NexusError
from nexus_sdk.portal import Facade
from nexus_sdk.ports import WINDOW
from nexus_sdk.protocol import types

__all__ = ["Listener", "Ports", "Tunnel"]


class Ports(Facade):
    """Ports of one workspace; `workspace.ports`."""

    _inner: nexus_sdk.ports.Ports

    def list(self) -> list[types.ListeningPort]:
        """Return the ports that are allocated to the workspace, and those that its processes listen on."""
        return self._run(self._inner.list())

    def dial(
        self,
        port: int,
        *,
        window: int = WINDOW,
    ) -> Tunnel:
        """Connect to a port of the workspace, on the machine's own loopback.

        Args:
            port: 1 to 65535.
            window: how much may wait here unread, in bytes.

        Raises on entering:
            PortRefused: nothing accepts connections there.
            PortForbidden: the port does not belong to the workspace.
        """
        return self._wrap(Tunnel, self._inner.dial(port, window=window))

    def forward(
        self,
        port: int,
        *,
        local_port: int = 0,
        host: str = "127.0.0.1",
        max_connections: int = 256,
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
        inner = self._inner.forward(
            port,
            local_port=local_port,
            host=host,
            max_connections=max_connections,
        )
        return self._wrap(Listener, inner)


class Tunnel(Facade):
    """One TCP connection to a port of a workspace. Use it in `with`; each half closes alone.

    TCP cannot be resumed: when the link breaks, reading and writing raise `TunnelLost`.
    """

    _inner: nexus_sdk.ports.Tunnel

    @property
    def port(self) -> int:
        """The port in the workspace."""
        return self._inner.port

    def __enter__(self) -> Tunnel:
        self._run(self._inner.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._inner.__aexit__(kind, error, trace))

    def __iter__(self) -> Tunnel:
        return self

    def __next__(self) -> bytes:
        item: bytes = self._next()
        return item

    def receive(self) -> bytes:
        """Return the next bytes, at most 64 KiB; `b""` when the other side has ended its half.

        Raises:
            TunnelLost: the connection to the daemon, or into the workspace, broke.
        """
        return self._run(self._inner.receive())

    def send(self, data: bytes | bytearray | memoryview) -> None:
        """Send bytes, waiting while the other side does not read.

        Raises:
            TunnelLost: the connection broke.
            ValueError: this half was ended before.
        """
        self._run(self._inner.send(data))

    def send_eof(self) -> None:
        """End this half; the other one goes on. Ending it twice does nothing."""
        self._run(self._inner.send_eof())

    def close(self) -> None:
        """Close both halves."""
        self._run(self._inner.aclose())

    @property
    def reconnects(self) -> int:
        """How often the stream was attached again after a break."""
        return self._inner.reconnects

    @property
    def finished(self) -> bool:
        """Whether the stream is over."""
        return self._inner.finished


class Listener(Facade):
    """A local port whose connections lead to a port of the workspace. Use it in `with`."""

    _inner: nexus_sdk.ports.Listener

    @property
    def local_address(self) -> tuple[str, int]:
        """Host and port that accept connections here."""
        return self._inner.local_address

    @property
    def last_error(self) -> NexusError | None:
        """Why the last connection that failed was closed; None while none did."""
        return self._inner.last_error

    @property
    def connections(self) -> int:
        """How many connections are open now."""
        return self._inner.connections

    def __enter__(self) -> Listener:
        self._run(self._inner.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._inner.__aexit__(kind, error, trace))

    def serve_forever(self) -> None:
        """Wait until cancelled, or until the listener is closed."""
        self._run(self._inner.serve_forever())

    def close(self) -> None:
        """Stop accepting and close every connection."""
        self._run(self._inner.aclose())
