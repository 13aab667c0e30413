"""`session.*` and `rpc.discover`: the connection itself."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, datetime

import msgspec
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import StreamNeedsWebsocket, Unauthenticated

from nexusd.api.announcement import Announcement
from nexusd.api.observing import Calls
from nexusd.auth.sessions import SessionRegistry
from nexusd.auth.tokens import Tokens
from nexusd.wire.call import Call

__all__ = ["register"]


def register(
    calls: Calls,
    *,
    announcement: Announcement,
    tokens: Tokens,
    sessions: SessionRegistry,
    openrpc: Callable[[], bytes],
) -> None:
    """Serve the domain.

    Args:
        calls: where to register.
        announcement: what the daemon says of itself.
        tokens: verifies the token of a refresh.
        sessions: watches over the connection that it renews.
        openrpc: the schema as an OpenRPC document, encoded.
    """

    def ping(call: Call, params: types.NoParams) -> types.SessionPong:
        return types.SessionPong(time=datetime.now(UTC))

    def info(call: Call, params: types.NoParams) -> types.SessionReady:
        return announcement.ready(call.identity)

    def refresh(call: Call, params: types.SessionRefreshParams) -> types.SessionRefreshed:
        if call.connection is None:
            raise StreamNeedsWebsocket("session.refresh renews a connection, and a POST has none")
        identity = tokens.verify(params.token)
        if not identity.covers(call.identity):
            raise Unauthenticated(
                "the token is for another subject, or grants less than this connection has",
                hint="Open a new connection with it.",
            )
        call.connection.identity = identity
        sessions.renew(call.connection)
        return types.SessionRefreshed(identity=identity.to_wire(), expires_at=identity.expires_at)

    def discover(call: Call, params: types.NoParams) -> types.DiscoverResult:
        return types.DiscoverResult(document=msgspec.Raw(openrpc()))

    calls.register("session.ping", ping)
    calls.register("session.info", info)
    calls.register("session.refresh", refresh)
    calls.register("rpc.discover", discover)
