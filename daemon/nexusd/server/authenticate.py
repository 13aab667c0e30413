"""From a request's head to an identity."""

from __future__ import annotations

import base64
import binascii
from http import HTTPStatus
from typing import Final

from nexus_sdk.protocol.errors import Unauthenticated

from nexusd.auth.identity import Identity
from nexusd.auth.peer import peer_identity
from nexusd.auth.tokens import Tokens
from nexusd.server.head import Head, Refused

__all__ = ["BEARER_PREFIX", "SUBPROTOCOL", "Authenticator", "offered"]

SUBPROTOCOL: Final = "nexus.v1"
"""The WebSocket subprotocol that a client must offer, and the only one that is ever chosen."""

BEARER_PREFIX: Final = "nexus.bearer."
"""Starts the subprotocol that carries a token where headers cannot be set: then base64url of the token, unpadded."""


def offered(head: Head) -> list[str]:
    """The subprotocols that a WebSocket request offers."""
    values = head.all("sec-websocket-protocol")
    return [word.strip() for value in values for word in value.split(",") if word.strip()]


class Authenticator:
    """Establishes identities.

    Args:
        tokens: verifies tokens.
        trust_peer: whether the daemon's own user and root need no token on the Unix socket.
    """

    def __init__(self, tokens: Tokens, *, trust_peer: bool = True) -> None:
        self._tokens = tokens
        self._trust_peer = trust_peer

    def identify(self, head: Head) -> Identity:
        """The identity behind a request. A token, where there is one, decides alone, on the Unix socket, too.

        Raises:
            Refused: 401, the same for whatever reason.
        """
        try:
            token = self._token(head)
            if token is not None:
                identity = self._tokens.verify(token)
            elif head.peer.credentials is not None:
                identity = peer_identity(head.peer.credentials, trust=self._trust_peer)
            else:
                raise Unauthenticated("no token")
        except Unauthenticated as error:
            raise Refused(
                HTTPStatus.UNAUTHORIZED,
                error.name,
                error.message,
                error.hint,
                [("www-authenticate", 'Bearer realm="nexus"')],
            ) from None
        if head.peer.ticket is not None:
            head.peer.ticket.admitted()
        return identity

    def _token(self, head: Head) -> str | None:
        header = head.one("authorization")
        if header is not None:
            scheme, _, token = header.partition(" ")
            return token.strip() if scheme.lower() == "bearer" else ""
        if not head.websocket:
            return None
        carried = [word.removeprefix(BEARER_PREFIX) for word in offered(head) if word.startswith(BEARER_PREFIX)]
        if not carried:
            return None
        return _unbase64(carried[0]) if len(carried) == 1 else ""


def _unbase64(text: str) -> str:
    try:
        return base64.b64decode(text + "=" * (-len(text) % 4), altchars=b"-_", validate=True).decode("ascii")
    except (binascii.Error, UnicodeDecodeError, ValueError):
        return ""
