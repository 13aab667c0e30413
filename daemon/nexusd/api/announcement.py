"""What a daemon says of itself: first on every connection, and whenever it is asked."""

from __future__ import annotations

from dataclasses import dataclass

from nexus_sdk.protocol import types
from nexus_sdk.protocol.methods import LEVEL
from nexus_sdk.wire.frames import MAX_PAYLOAD
from nexus_sdk.wire.messages import MAX_MESSAGE

from nexusd.auth.identity import Identity
from nexusd.wire.connection import ConnectionLimits

__all__ = ["Announcement"]


@dataclass(frozen=True, slots=True)
class Announcement:
    """What `session.ready` and `session.info` say of this daemon.

    Attributes:
        server: name, version, node, instance.
        capabilities: optional features.
        limits: what is accepted.
    """

    server: types.ServerInfo
    limits: types.Limits
    capabilities: tuple[str, ...] = ()

    @classmethod
    def of(
        cls,
        server: types.ServerInfo,
        *,
        connection: ConnectionLimits,
        max_output: int,
        max_read: int,
        ping_s: float,
        capabilities: tuple[str, ...] = (),
    ) -> Announcement:
        """Put together from where the limits are kept."""
        limits = types.Limits(
            max_message=MAX_MESSAGE,
            max_payload=MAX_PAYLOAD,
            max_requests=connection.max_requests,
            max_streams=connection.max_streams,
            max_output=max_output,
            max_read=max_read,
            ping_interval_ms=int(ping_s * 1000),
        )
        return cls(server, limits, capabilities)

    def ready(self, identity: Identity) -> types.SessionReady:
        """The params of `session.ready`, and the result of `session.info`."""
        return types.SessionReady(
            level=LEVEL,
            server=self.server,
            capabilities=list(self.capabilities),
            limits=self.limits,
            identity=identity.to_wire(),
            expires_at=identity.expires_at,
        )
