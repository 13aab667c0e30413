"""How a daemon and a keeper prove to each other that they know the machine's secret, which neither sends."""

from __future__ import annotations

import base64
import hmac
import secrets
from typing import Any, Final

from nexusd.backends.keeper.failures import ProtocolUnknown
from nexusd.backends.keeper.messages import Hello

__all__ = ["PROTOCOL", "Handshake"]

PROTOCOL: Final = 1


class Handshake:
    """One, from the daemon's side.

    Args:
        secret: 32 bytes that both know.
        hello: what the keeper began with.

    Raises:
        ProtocolUnknown: it speaks no protocol of ours.
    """

    def __init__(self, secret: bytes, hello: Hello) -> None:
        if PROTOCOL not in hello.protocols:
            raise ProtocolUnknown(hello, PROTOCOL)
        self._secret = secret
        self._theirs = base64.b64decode(hello.nonce)
        self._ours = secrets.token_bytes(32)

    def params(self) -> dict[str, Any]:
        """Those of ``authenticate``."""
        return {
            "protocol": PROTOCOL,
            "nonce": base64.b64encode(self._ours).decode(),
            "proof": base64.b64encode(self._proof(b"daemon", self._theirs, self._ours)).decode(),
        }

    def proven(self, proof: str) -> bool:
        """Whether what the keeper answered is its proof."""
        return hmac.compare_digest(base64.b64decode(proof), self._proof(b"machine", self._ours, self._theirs))

    def _proof(self, role: bytes, first: bytes, second: bytes) -> bytes:
        return hmac.digest(self._secret, b"nexus-init " + role + first + second, "sha256")
