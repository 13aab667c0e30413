"""The two directions of a stream: who may send what next.

A stream has one direction up (channel 0, towards the machine) and one down (channels 1 and 2). Each counts one
sequence of offsets: the channels of a process share the positions of its one output log, so the order between stdout
and stderr survives. Each channel ends by itself, with an EOF that names the position.

`Inbound` judges what arrives, `Outbound` guards what is sent. Neither keeps data.

Raised here:

    Exception
    └── StreamError     the peer broke the rules of one stream; other streams are not concerned
"""

from __future__ import annotations

from typing import Literal

from nexus_sdk.wire.credit import SendCredit

__all__ = ["Inbound", "Outbound", "StreamError", "StreamFault"]

StreamFault = Literal["gap", "overlap", "after_eof", "over_credit", "channel"]
"""What is wrong: bytes are missing, bytes come twice where nothing may be resent, a channel goes on after its end, the
sender ran past its credit, or the channel does not flow in this direction."""


class StreamError(Exception):
    """The peer broke the rules of one stream. That stream fails, the connection need not.

    Attributes:
        fault: machine-readable kind of the mistake.
    """

    def __init__(self, fault: StreamFault, message: str) -> None:
        super().__init__(message)
        self.fault: StreamFault = fault


class Inbound:
    """The direction that this end receives.

    Args:
        channels: channels that flow this way.
        start: position of the first byte expected.
        limit: absolute position granted to the peer so far.
        allow_replay: whether the peer may resend what it is not sure about (stdin and uploads after a reconnect); bytes
            before the expected position are then dropped.
    """

    __slots__ = ("_allow_replay", "_channels", "_ends", "_reached", "limit", "offset")

    def __init__(
        self, channels: tuple[int, ...], start: int = 0, limit: int = 0, *, allow_replay: bool = False
    ) -> None:
        self._channels = channels
        self._allow_replay = allow_replay
        self._ends: dict[int, int] = {}
        self._reached: dict[int, int] = {}
        self.offset = start
        """Position of the next byte expected."""
        self.limit = limit
        """Absolute position granted to the peer."""

    @property
    def ended(self) -> bool:
        """Whether every channel has ended."""
        return len(self._ends) == len(self._channels)

    def grant(self, limit: int) -> bool:
        """Raise the granted limit; returns whether it rose, and with that whether a CREDIT frame is worth sending."""
        if limit <= self.limit:
            return False
        self.limit = limit
        return True

    def data(self, channel: int, offset: int, payload: memoryview) -> memoryview:
        """Judge a DATA frame and return the part of its payload that is new, possibly empty.

        Raises:
            StreamError: "channel", "gap", "overlap", "after_eof" or "over_credit". Nothing has changed then.
        """
        if channel not in self._channels:
            raise StreamError("channel", f"channel {channel} does not flow this way")
        expected = self.offset
        if offset != expected:
            if offset > expected:
                raise StreamError("gap", f"data at offset {offset} leaves a gap; expected {expected}")
            if not self._allow_replay:
                raise StreamError("overlap", f"data at offset {offset} was already received; expected {expected}")
            payload = payload[expected - offset :]
        if not payload:
            return payload
        if self._ends and channel in self._ends:
            raise StreamError("after_eof", f"channel {channel} ended at offset {self._ends[channel]}")
        end = expected + len(payload)
        if end > self.limit:
            raise StreamError("over_credit", f"data up to offset {end} exceeds the credit of {self.limit}")
        self.offset = end
        self._reached[channel] = end
        return payload

    def eof(self, channel: int, offset: int) -> bool:
        """Judge an EOF frame: `channel` ends at `offset`.

        Returns:
            Whether the end is news; a repeated end is not, where replay is allowed.

        Raises:
            StreamError: "channel"; "gap" when bytes before the end are missing; "overlap" when bytes after it were
                received; "after_eof" when the channel has ended before.
        """
        if channel not in self._channels:
            raise StreamError("channel", f"channel {channel} does not flow this way")
        if channel in self._ends:
            if self._allow_replay and self._ends[channel] == offset:
                return False
            raise StreamError("after_eof", f"channel {channel} ended at offset {self._ends[channel]}")
        if offset > self.offset:
            raise StreamError("gap", f"the end at offset {offset} leaves a gap; expected {self.offset}")
        # channels that share offsets end wherever their own last byte was; one alone ends where the direction stands
        floor = self._reached.get(channel, 0) if len(self._channels) > 1 else self.offset
        if offset < floor:
            raise StreamError("overlap", f"channel {channel} cannot end at offset {offset}; it reached {floor}")
        self._ends[channel] = offset
        return True


class Outbound:
    """The direction that this end sends.

    Args:
        channels: channels that flow this way.
        start: position of the first byte to send.
        limit: absolute position the peer allows to begin with.
    """

    __slots__ = ("_channels", "_ended", "credit", "offset")

    def __init__(self, channels: tuple[int, ...], start: int = 0, limit: int = 0) -> None:
        self._channels = channels
        self._ended: set[int] = set()
        self.offset = start
        """Position of the next byte to send."""
        self.credit = SendCredit(limit)
        """How far the peer lets this end go."""

    @property
    def ended(self) -> bool:
        """Whether every channel has ended."""
        return len(self._ended) == len(self._channels)

    @property
    def window(self) -> int:
        """How many bytes may be sent now."""
        return self.credit.available(self.offset)

    def reserve(self, channel: int, offset: int, amount: int) -> int:
        """Take up to `amount` bytes of credit for data at `offset`.

        Returns:
            How many bytes may be sent; the position has moved by as many. 0 when the credit is used up.

        Raises:
            StreamError: "channel"; "gap" or "overlap" when `offset` is not the next position; "after_eof".
        """
        if offset != self.offset:
            fault: StreamFault = "gap" if offset > self.offset else "overlap"
            raise StreamError(fault, f"the next offset to send is {self.offset}, not {offset}")
        self._check(channel)
        allowed = self.credit.limit - offset
        if allowed <= 0:
            return 0
        taken = amount if amount < allowed else allowed
        self.offset = offset + taken
        return taken

    def eof(self, channel: int, offset: int) -> None:
        """End a channel at `offset`, which is not after the position reached.

        Raises:
            StreamError: "channel", "gap", "after_eof".
        """
        self._check(channel)
        if offset > self.offset:
            raise StreamError("gap", f"channel {channel} cannot end at offset {offset}; {self.offset} is reached")
        self._ended.add(channel)

    def _check(self, channel: int) -> None:
        if channel not in self._channels:
            raise StreamError("channel", f"channel {channel} does not flow this way")
        if channel in self._ended:
            raise StreamError("after_eof", f"channel {channel} has ended")
