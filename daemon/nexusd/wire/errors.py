"""What may go wrong between a handler and its connection.

    Exception
    ├── ConnectionLost      the connection ended; nobody is there to send to or receive from
    └── ProtocolViolation   the peer does not speak this protocol; the connection must be closed

Neither is sent to anybody: the first has no addressee left, the second becomes a close code.
"""

from __future__ import annotations

__all__ = ["VIOLATION", "ConnectionLost", "ProtocolViolation"]

VIOLATION = 4400
"""Close code for a peer that breaks the framing of the connection, as HTTP's 400 is for a request."""


class ConnectionLost(Exception):
    """The connection ended while a handler was using it. The handler lets go of its resource and returns or raises."""


class ProtocolViolation(Exception):
    """The peer does not speak this protocol; close the connection with `code` and `reason`.

    Attributes:
        code: WebSocket close code.
        reason: what was wrong, at most 123 bytes as a close frame can carry.
    """

    def __init__(self, reason: str, code: int = VIOLATION) -> None:
        super().__init__(reason)
        self.code = code
        self.reason = reason.encode()[:123].decode(errors="ignore")
