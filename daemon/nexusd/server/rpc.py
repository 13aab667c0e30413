"""The `/rpc` endpoint: what a connection is told first, and calls by POST."""

from __future__ import annotations

from collections.abc import Callable
from http import HTTPStatus
from typing import Any, Final

from nexus_sdk.wire.messages import MAX_MESSAGE, encode_notification

from nexusd.api.announcement import Announcement
from nexusd.auth.sessions import SessionRegistry
from nexusd.server.authenticate import SUBPROTOCOL, Authenticator, offered
from nexusd.server.exchange import Exchange
from nexusd.server.guard import Guard
from nexusd.server.head import Head, Refused
from nexusd.server.replies import JSON
from nexusd.server.websocket import Socket, Tuning
from nexusd.wire.connection import Connection, ConnectionLimits
from nexusd.wire.dispatch import Dispatcher

__all__ = ["RPC_PATH", "RpcEndpoint"]

RPC_PATH: Final = "/rpc"


class RpcEndpoint:
    """Accepts connections and makes them speak.

    Args:
        guard: checks Host and Origin.
        authenticator: establishes identities.
        dispatcher: serves calls.
        sessions: watches over connections.
        announcement: what to say first.
        limits: what one connection may use.
        tuning: of the sockets.
        counted: called with 1 and -1 as connections come and go.
    """

    def __init__(
        self,
        *,
        guard: Guard,
        authenticator: Authenticator,
        dispatcher: Dispatcher,
        sessions: SessionRegistry,
        announcement: Announcement,
        limits: ConnectionLimits | None = None,
        tuning: Tuning | None = None,
        counted: Callable[[int], None] | None = None,
    ) -> None:
        self.tuning = tuning if tuning is not None else Tuning()
        self.sessions = sessions
        self.dispatcher = dispatcher
        self.announcement = announcement
        self.draining = False
        self._guard = guard
        self._authenticator = authenticator
        self._limits = limits if limits is not None else ConnectionLimits()
        self._counted = counted

    def accept(self, head: Head) -> tuple[str, Any]:
        """Check a WebSocket handshake; returns the subprotocol to choose and the identity. Raises Refused."""
        self._guard.check(head)
        if head.path != RPC_PATH:
            raise Refused(HTTPStatus.NOT_FOUND, "not_found", "no WebSocket is here", f"Connect to {RPC_PATH}.")
        if self.draining:
            raise Refused(
                HTTPStatus.SERVICE_UNAVAILABLE, "draining", "the daemon stops", headers=[("retry-after", "5")]
            )
        identity = self._authenticator.identify(head)
        if SUBPROTOCOL not in offered(head):
            raise Refused(
                HTTPStatus.BAD_REQUEST,
                "subprotocol_missing",
                f"the WebSocket must offer the subprotocol {SUBPROTOCOL}",
                f"Send Sec-WebSocket-Protocol: {SUBPROTOCOL}.",
            )
        return SUBPROTOCOL, identity

    def opened(self, socket: Socket, identity: Any) -> Connection:
        """Make the connection of an accepted socket."""
        connection = Connection(socket.send_text, socket.send_bytes, self.dispatcher, identity, self._limits)
        socket.post(encode_notification("session.ready", self.announcement.ready(identity)))
        self.sessions.add(connection, socket.expel)
        if self._counted is not None:
            self._counted(1)
        return connection

    def closed(self, socket: Socket, connection: Connection) -> None:
        """A socket is gone."""
        self.sessions.remove(connection)
        if self._counted is not None:
            self._counted(-1)

    async def post(self, exchange: Exchange) -> None:
        """`POST /rpc`: one call, answered in the body with 200, be it a result or an error; 204 for a notification."""
        identity = self._authenticator.identify(exchange.head)
        kind = (exchange.head.one("content-type") or "").partition(";")[0].strip().lower()
        if kind != JSON:
            raise Refused(HTTPStatus.UNSUPPORTED_MEDIA_TYPE, "media_type", f"the body must be {JSON}")
        body = await exchange.body(MAX_MESSAGE)
        answer = await exchange.unless_gone(self.dispatcher.dispatch_one(body, identity))
        if answer is None:
            await exchange.reply(HTTPStatus.NO_CONTENT)
        else:
            await exchange.reply(HTTPStatus.OK, answer, [("content-type", JSON)])

    async def upgrade_required(self, exchange: Exchange) -> None:
        """`GET /rpc` without an upgrade."""
        raise Refused(
            HTTPStatus.UPGRADE_REQUIRED,
            "upgrade_required",
            "this is a WebSocket endpoint",
            f"Connect with the subprotocol {SUBPROTOCOL}, or POST one call.",
            [("upgrade", "websocket"), ("connection", "upgrade")],
        )
