"""When to connect again, and after how long.

What is transient is decided by one pure function, `is_transient`, which `connect(is_transient=...)` replaces.
"""

from __future__ import annotations

import random
import ssl
from collections.abc import Callable
from typing import TypeAlias

from websockets.exceptions import (
    ConnectionClosed,
    InvalidHandshake,
    InvalidMessage,
    InvalidStatus,
    InvalidURI,
    NegotiationError,
)

__all__ = ["Backoff", "IsTransient", "is_transient"]

IsTransient: TypeAlias = Callable[[BaseException], bool]

_FATAL_CLOSE = frozenset((1002, 1003, 1007, 1009, 1010, 4400))
_TRANSIENT_STATUS = frozenset((408, 425, 429, 500, 502, 503, 504))


def is_transient(error: BaseException) -> bool:
    """Whether connecting again may help.

    Args:
        error: what broke a connection, or kept one from being made: an `OSError`, a `TimeoutError`, or an exception of
            `websockets`.

    Returns:
        True for a refused, reset or timed out connection, a socket that is not there (the daemon is restarting), HTTP
        408, 425, 429 and 5xx, and every WebSocket close code but these: 1002, 1003, 1007, 1009, 1010 and 4400, which
        say that one side does not speak the protocol. An identity that expired or was revoked (4401) is worth one
        attempt, whose handshake is answered with 401 if it is still refused.
        False for a certificate that cannot be verified, HTTP 4xx, a server that does not speak WebSocket or the
        subprotocol, an unusable URL, and whatever is not known here.
    """
    if isinstance(error, ConnectionClosed):
        received = error.rcvd.code if error.rcvd is not None else 1006
        sent = error.sent.code if error.sent is not None and error.rcvd is None else 1006
        return received not in _FATAL_CLOSE and sent not in _FATAL_CLOSE
    if isinstance(error, InvalidStatus):
        return error.response.status_code in _TRANSIENT_STATUS
    if isinstance(error, InvalidMessage):
        # what a server that dies during the handshake looks like
        return isinstance(error.__cause__, EOFError | OSError)
    if isinstance(error, InvalidHandshake | InvalidURI | NegotiationError | ssl.SSLCertVerificationError):
        return False
    return isinstance(error, OSError | TimeoutError | EOFError)


class Backoff:
    """Delays between attempts: none at first, then growing, each between half and the whole of its step.

    Args:
        first: the first step, in seconds.
        limit: the longest step, in seconds.
        factor: how fast steps grow.
    """

    __slots__ = ("_factor", "_first", "_limit", "_random", "_step")

    def __init__(
        self, first: float = 0.05, limit: float = 5.0, factor: float = 2.0, random: Callable[[], float] = random.random
    ) -> None:
        self._first = first
        self._limit = limit
        self._factor = factor
        self._random = random
        self._step = 0.0

    def reset(self) -> None:
        """Begin anew: the connection proved useful."""
        self._step = 0.0

    def next(self) -> float:
        """Return how many seconds to wait before the next attempt."""
        step = self._step
        self._step = self._first if step == 0 else min(step * self._factor, self._limit)
        return step * (0.5 + self._random() / 2)
