"""Serving: listeners, protocols and the application in one event loop."""

from __future__ import annotations

import asyncio
import logging
import ssl
from collections.abc import Sequence
from typing import Any

from nexus_sdk.protocol.types import SessionClosingParams
from uvicorn.config import Config
from uvicorn.server import ServerState

from nexusd.server.app import App
from nexusd.server.http import HEAD_DEADLINE, HttpProtocol
from nexusd.server.listeners import BACKLOG, Listener
from nexusd.server.peers import Turnstile
from nexusd.server.rpc import RpcEndpoint
from nexusd.server.websocket import Socket
from nexusd.wire.connection import Connection
from nexusd.wire.errors import ConnectionLost

__all__ = ["GOING_AWAY", "Server"]

GOING_AWAY = 1001
"""Close code of a daemon that stops."""

_POLL_S = 0.02
_log = logging.getLogger("nexusd.server")


class Server:
    """Serves one application on any number of listeners. Installs no signal handler and owns no loop.

    Args:
        app: answers HTTP.
        endpoint: answers WebSockets.
        listeners: where to serve; closed by `stop`.
        turnstile: limits connections.
        tls: for the TCP listeners; None serves in the clear.
        head_deadline: seconds within which the head of a request must have come.
    """

    def __init__(
        self,
        app: App,
        endpoint: RpcEndpoint,
        listeners: Sequence[Listener],
        *,
        turnstile: Turnstile | None = None,
        tls: ssl.SSLContext | None = None,
        head_deadline: float = HEAD_DEADLINE,
    ) -> None:
        self.endpoint = endpoint
        self.listeners = tuple(listeners)
        self.turnstile = turnstile if turnstile is not None else Turnstile()
        self._app = app
        self._tls = tls
        self._head_deadline = head_deadline
        self._state = ServerState()
        self._servers: list[asyncio.Server] = []

    @property
    def connections(self) -> int:
        """How many connections there are, of all kinds."""
        return self.turnstile.inside

    @property
    def addresses(self) -> list[str]:
        """Where it serves, as URLs."""
        return [_secured(listener.address) if self._tls else listener.address for listener in self.listeners]

    async def start(self) -> None:
        """Serve. Returns when every listener accepts connections."""
        config = Config(
            self._app,
            http=HttpProtocol,
            ws=Socket,
            lifespan="off",
            interface="asgi3",
            log_config=None,
            log_level=None,
            access_log=False,
            proxy_headers=False,
            server_header=False,
            date_header=False,
            timeout_keep_alive=30,
        )
        config.load()
        # at INFO uvicorn logs the paths of handshakes, at WARNING what strangers send
        logging.getLogger("uvicorn.error").setLevel(logging.ERROR)
        shared: dict[str, Any] = {
            "endpoint": self.endpoint,
            "turnstile": self.turnstile,
            "head_deadline": self._head_deadline,
        }
        loop = asyncio.get_running_loop()
        for listener in self.listeners:
            tls = self._tls if listener.kind == "tcp" else None
            server = await loop.create_server(
                lambda: HttpProtocol(config, self._state, shared, loop),
                sock=listener.socket,
                backlog=BACKLOG,
                ssl=tls,
                ssl_handshake_timeout=self._head_deadline if tls is not None else None,
            )
            self._servers.append(server)

    async def drain(self, deadline_s: float) -> int:
        """Take no new connections, tell the present ones, wait for their calls, close them with 1001.

        Streams are not waited for: an attachment is resumed elsewhere, and would never end by itself.

        Args:
            deadline_s: seconds to wait for the calls in flight.

        Returns:
            How many calls were still in flight when it gave up.
        """
        self.endpoint.draining = True
        for server in self._servers:
            server.close()
        closing = SessionClosingParams(code=GOING_AWAY, reason="the daemon stops")
        await asyncio.gather(*(_tell(connection, closing) for connection in self._rpcs()))
        loop = asyncio.get_running_loop()
        end = loop.time() + deadline_s
        while (left := self._calls()) and loop.time() < end:  # noqa: ASYNC110 - a count over parts, seconds at most
            await asyncio.sleep(_POLL_S)
        for protocol in list(self._state.connections):
            if isinstance(protocol, Socket):
                protocol.close(GOING_AWAY, "the daemon stops")
            else:
                protocol.shutdown()
        return left

    async def stop(self, deadline_s: float = 3.0) -> None:
        """Close everything that is left: connections, then listeners. Cuts off whoever does not go in time."""
        loop = asyncio.get_running_loop()
        end = loop.time() + deadline_s
        for server in self._servers:
            server.close()
        for protocol in list(self._state.connections):
            protocol.shutdown()
        while (self._state.connections or self._state.tasks) and loop.time() < end:  # noqa: ASYNC110 - uvicorn's sets
            await asyncio.sleep(_POLL_S)
        for protocol in list(self._state.connections):
            protocol.transport.abort()
        for task in list(self._state.tasks):
            task.cancel()
        if self._state.tasks:
            await asyncio.wait(list(self._state.tasks), timeout=1.0)
        self.endpoint.sessions.close()
        for listener in self.listeners:
            listener.close()

    def _rpcs(self) -> list[Connection]:
        return [holder for holder in self.endpoint.sessions.holders() if isinstance(holder, Connection)]

    def _calls(self) -> int:
        answers = sum(not isinstance(protocol, Socket) for protocol in self._state.connections if _busy(protocol))
        return answers + sum(rpc.in_flight - rpc.streams for rpc in self._rpcs())


async def _tell(connection: Connection, closing: SessionClosingParams) -> None:
    try:
        async with asyncio.timeout(1.0):
            await connection.notify("session.closing", closing)
    except (ConnectionLost, TimeoutError):
        return


def _busy(protocol: Any) -> bool:
    """Whether an HTTP connection is in the middle of an answer."""
    cycle = getattr(protocol, "cycle", None)
    return cycle is not None and not cycle.response_complete


def _secured(address: str) -> str:
    return address.replace("http://", "https://", 1)
