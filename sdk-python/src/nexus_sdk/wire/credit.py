"""Credit: how a receiver keeps a sender from running ahead.

Limits are absolute positions, not increments, so a grant that is lost with a connection or arrives twice does no harm.
The unit is the stream's own: bytes of an offset, or a number of events.
"""

from __future__ import annotations

__all__ = ["DEFAULT_EVENT_WINDOW", "DEFAULT_WINDOW", "ReceiveCredit", "SendCredit"]

DEFAULT_WINDOW = 262_144
"""Initial window of a byte stream when the schema names no other."""

DEFAULT_EVENT_WINDOW = 256
"""Initial window of an event stream when the schema names no other."""


class SendCredit:
    """How far a sender may go.

    Args:
        limit: first position that may not be reached yet; 0 means nothing may be sent before a grant.
    """

    __slots__ = ("limit",)

    def __init__(self, limit: int = 0) -> None:
        self.limit = limit

    def grant(self, limit: int) -> bool:
        """Raise the limit to an absolute position.

        Returns:
            Whether the limit rose. A lower or equal grant is late or repeated and changes nothing: credit that was
            given is never taken back.
        """
        if limit <= self.limit:
            return False
        self.limit = limit
        return True

    def available(self, offset: int) -> int:
        """Return how much may be sent from `offset` on; 0 when the limit is reached."""
        return self.limit - offset if offset < self.limit else 0


class ReceiveCredit:
    """How far a receiver has allowed its peer to go.

    Args:
        window: how much may be under way at a time; 0 allows nothing.
        start: position at which the stream begins, for one that is resumed.
    """

    __slots__ = ("consumed", "limit", "window")

    def __init__(self, window: int, start: int = 0) -> None:
        self.window = window
        self.consumed = start
        self.limit = start + window

    def consume(self, amount: int) -> int | None:
        """Note that `amount` more was taken out of the receiver's hands.

        Returns:
            The limit to grant, when half of the window or less is left; None while a grant would not be worth a frame.
        """
        self.consumed += amount
        if self.limit - self.consumed > self.window // 2:
            return None
        return self._top_up()

    def consumed_to(self, offset: int) -> int | None:
        """Note that everything before `offset` was taken; an earlier position changes nothing. Returns as `consume`."""
        return self.consume(max(0, offset - self.consumed))

    def widen(self, window: int) -> int | None:
        """Change the window; a smaller one takes effect as data is consumed. Returns the limit to grant, or None."""
        self.window = window
        return self._top_up()

    def _top_up(self) -> int | None:
        limit = self.consumed + self.window
        if limit <= self.limit:
            return None
        self.limit = limit
        return limit
