"""Live connections and the life of the identities behind them.

A connection must not outlive its identity: it is expelled when the token it came with is revoked or expires. One timer
serves all connections; it runs only while some identity has an end, and at least every few seconds, so that it notices
a clock that jumps, as that of a laptop that slept.
"""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Hashable, Iterable
from typing import Any, Final, Protocol, TypeAlias

from nexusd.auth.identity import Identity

__all__ = ["EXPIRED", "LATENESS", "Expel", "Holder", "SessionRegistry"]

EXPIRED: Final = 4401
"""Close code of a connection whose identity has ended."""

LATENESS: Final = 4.0
"""Most seconds between the end of an identity and our noticing it."""


class Holder(Hashable, Protocol):
    """Whatever has an identity for as long as it lives; `nexusd.wire.connection.Connection` is one."""

    @property
    def identity(self) -> Any:
        """Who is on the other end: an `Identity`."""
        ...


Expel: TypeAlias = Callable[[int, str], None]
"""Announces the end of a connection with `session.closing` and closes it, given close code and reason. Returns at once
and may be called again."""


class SessionRegistry:
    """Knows every live connection.

    Args:
        clock: seconds since the epoch, for expiry.
        lateness: longest sleep of the timer, in seconds.
    """

    def __init__(self, *, clock: Callable[[], float] = time.time, lateness: float = LATENESS) -> None:
        self._clock = clock
        self._lateness = lateness
        self._expel: dict[Holder, Expel] = {}
        self._tokens: dict[Holder, tuple[str, ...]] = {}
        self._by_token: dict[str, set[Holder]] = {}
        self._ends: dict[Holder, float] = {}
        self._by_end: dict[float, set[Holder]] = {}
        self._timer: asyncio.TimerHandle | None = None

    def __len__(self) -> int:
        return len(self._expel)

    def add(self, holder: Holder, expel: Expel) -> None:
        """Watch over a connection from now on."""
        self._expel[holder] = expel
        self._watch(holder)

    def renew(self, holder: Holder) -> None:
        """Take note that a connection has another identity.

        The tokens it had before still count: revoking any of them ends the connection, because streams that were
        opened under an earlier one go on.
        """
        if holder in self._expel:
            self._unschedule(holder)
            self._watch(holder)

    def remove(self, holder: Holder) -> None:
        """Forget a connection; does nothing if it is not known."""
        self._expel.pop(holder, None)
        for token in self._tokens.pop(holder, ()):
            holders = self._by_token[token]
            holders.discard(holder)
            if not holders:
                del self._by_token[token]
        self._unschedule(holder)
        if not self._by_end:
            self._disarm()

    def revoked(self, token_ids: Iterable[str]) -> None:
        """Expel every connection that came by one of these tokens."""
        for token in token_ids:
            for holder in tuple(self._by_token.get(token, ())):
                self._end(holder, EXPIRED, "the token was revoked")

    def expel_all(self, code: int, reason: str) -> None:
        """Expel every connection."""
        for holder in tuple(self._expel):
            self._end(holder, code, reason)

    def holders(self) -> list[Holder]:
        """Every connection."""
        return list(self._expel)

    def close(self) -> None:
        """Stop the timer."""
        self._by_end.clear()
        self._ends.clear()
        self._disarm()

    def sweep(self) -> None:
        """Expel the connections whose identity has expired, and set the timer for the next."""
        self._disarm()
        now = self._clock()
        for end in [end for end in self._by_end if end <= now]:
            for holder in tuple(self._by_end.get(end, ())):
                self._unschedule(holder)
                self._end(holder, EXPIRED, "the token has expired")
        if self._by_end:
            self._arm(min(self._by_end))

    def _end(self, holder: Holder, code: int, reason: str) -> None:
        expel = self._expel.get(holder)
        if expel is not None:
            expel(code, reason)

    def _watch(self, holder: Holder) -> None:
        identity: Identity = holder.identity
        token = identity.token_id
        known = self._tokens.get(holder, ())
        if token is not None and token not in known:
            self._tokens[holder] = (*known, token)
            self._by_token.setdefault(token, set()).add(holder)
        if identity.expires_at is not None:
            end = identity.expires_at.timestamp()
            self._ends[holder] = end
            self._by_end.setdefault(end, set()).add(holder)
            self._arm(end)

    def _unschedule(self, holder: Holder) -> None:
        end = self._ends.pop(holder, None)
        if end is not None:
            waiting = self._by_end[end]
            waiting.discard(holder)
            if not waiting:
                del self._by_end[end]

    def _arm(self, end: float) -> None:
        delay = max(0.0, min(self._lateness, end - self._clock()))
        loop = asyncio.get_running_loop()
        if self._timer is not None:
            if self._timer.when() <= loop.time() + delay:
                return
            self._timer.cancel()
        self._timer = loop.call_later(delay, self.sweep)

    def _disarm(self) -> None:
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
