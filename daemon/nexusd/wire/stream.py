"""What a stream handler sends and receives by.

A handler opens its stream, sends and receives within the credit that each side grants, and returns the result that
ends it::

    async def download(call, params, stream):
        await stream.open(DownloadOpen(...), offset=params.offset)
        async for position, chunk in ...:
            await stream.send(1, position, chunk)
        await stream.eof(1, end)
        return Downloaded(...)

When the connection ends, every pending and later await here raises ConnectionLost. When the caller cancels, the handler
itself is cancelled (`asyncio.CancelledError`). Either way a handler only lets go of its resource; ending the resource
is another method's business.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Awaitable, Callable
from typing import Any, Final

from msgspec import UNSET
from nexus_sdk.protocol.methods import StreamSpec
from nexus_sdk.protocol.types import StreamEventParams, StreamOpenParams
from nexus_sdk.wire.credit import ReceiveCredit, SendCredit
from nexus_sdk.wire.frames import (
    DOWN,
    MAX_PAYLOAD,
    UP,
    Frame,
    FrameType,
    data_header,
    encode_credit,
    encode_data,
    encode_eof,
)
from nexus_sdk.wire.messages import MessageId, encode_notification
from nexus_sdk.wire.streams import Inbound, Outbound, StreamError

from nexusd.wire.errors import ConnectionLost

__all__ = ["ServerStream", "window_of"]

_CHANNELS: Final = {"stdin": 0, "stdout": 1, "stderr": 2}


class ServerStream:
    """The daemon's end of one stream.

    Args:
        number: its number in binary frames.
        id: id of the request that it belongs to.
        spec: the method's stream block.
        window: credit that the caller gave with the request, in bytes or events; counts from the offset at which the
            stream opens.
        send_text: sends one text frame, waits for the transport, raises ConnectionLost.
        send_bytes: the same for a binary frame, given as its beginning and maybe the rest, which it may keep.

    Attributes:
        on_credit: called, where set, when the caller has granted more; must return at once and not raise.
    """

    __slots__ = (
        "_arrivals",
        "_busy",
        "_credits",
        "_events",
        "_lost",
        "_opened",
        "_out",
        "_queue",
        "_send_bytes",
        "_send_text",
        "_sent_events",
        "_taken",
        "_up",
        "_up_credit",
        "_widest",
        "_window",
        "id",
        "number",
        "on_credit",
        "spec",
    )

    def __init__(
        self,
        number: int,
        id: MessageId,
        spec: StreamSpec,
        window: int,
        send_text: Callable[[bytes], Awaitable[None]],
        send_bytes: Callable[..., Awaitable[None]],
    ) -> None:
        self.number = number
        self.id = id
        self.spec = spec
        self._window = self._widest = window
        self._send_text = send_text
        self._send_bytes = send_bytes
        self.on_credit: Callable[[], None] | None = None
        self._opened = False
        self._lost = False
        self._busy = 0
        self._out = Outbound(())
        self._events = SendCredit(window if spec.down == "events" else 0)
        self._sent_events = 0
        self._up: Inbound | None = None
        self._up_credit = ReceiveCredit(0)
        self._queue: deque[bytes] = deque()
        self._taken = 0
        self._credits: list[asyncio.Future[None]] = []
        self._arrivals: list[asyncio.Future[None]] = []

    # --- the handler's side ---------------------------------------------------------------------------------------

    @property
    def opened(self) -> bool:
        """Whether `open` was called."""
        return self._opened

    async def open(
        self, info: object | None = None, *, offset: int = 0, up_offset: int = 0, up_window: int = 0, widest: int = 0
    ) -> None:
        """Tell the caller that the stream is there; must come before anything else, once.

        Args:
            info: struct of the method's `stream.open` type; None when it has none.
            offset: position at which bytes down begin; the caller's window counts from here.
            up_offset: position at which bytes up begin. Earlier bytes are taken for resent ones and dropped, where the
                method resumes by offset.
            up_window: how many bytes the caller may send beyond what `grant` has acknowledged. `info` tells the caller
                the same number.
            widest: the largest window that the caller ever asked for here. Who comes back asks for what is free of its
                window, and then grants all of it again.

        Raises:
            ConnectionLost: nobody is there any more.
        """
        if self._opened:
            raise AssertionError("a stream is opened once")
        self._opened = True
        self._widest = max(self._window, widest)
        numbers = tuple(_CHANNELS[name] for name in self.spec.channels)
        if self.spec.down == "bytes":
            self._out = Outbound(tuple(n for n in numbers if n != UP), offset, offset + self._window)
        if self.spec.up is not None:
            replay = self.spec.resume == "offset"
            self._up = Inbound((UP,), up_offset, up_offset + up_window, allow_replay=replay)
            self._up_credit = ReceiveCredit(up_window, up_offset)
            self._taken = up_offset
        params = StreamOpenParams(id=self.id, stream=self.number, info=UNSET if info is None else info)
        await self._text(encode_notification("stream.open", params))

    @property
    def send_offset(self) -> int:
        """Position of the next byte down."""
        return self._out.offset

    @property
    def acknowledged(self) -> int:
        """Position before which the caller has taken everything, as far as its credit tells.

        A receiver grants its whole window beyond what it has consumed, so what it has consumed is its limit less the
        window. One that grants more has not taken what was never sent, so this is never beyond `send_offset`.
        `on_credit`, where set, is called each time this may have moved.
        """
        return min(self._out.credit.limit - self._widest, self._out.offset)

    @property
    def send_window(self) -> int:
        """How many bytes may be sent now without waiting for credit."""
        return self._out.window

    async def send(self, channel: int, offset: int, data: bytes | bytearray | memoryview) -> None:
        """Send bytes down, cut into frames, as fast as credit and transport allow.

        Does not suspend while both allow it, but for a turn of the event loop now and then. After a cancelled send the
        stream cannot go on: how much of `data` went out is not known.

        Args:
            channel: 1, or 2 for stderr.
            offset: position of the first byte; must be `send_offset`, the channels share one sequence.
            data: bytes of any length. Only what is not `bytes`, so that it may change afterwards, is copied.

        Raises:
            ConnectionLost: nobody is there any more.
            StreamError: `offset` leaves a gap or goes back, or the channel has ended or does not exist.
        """
        if self._lost:
            raise ConnectionLost
        out, number = self._out, self.number
        lasting = type(data) is bytes
        view = memoryview(data)
        total = len(view)
        done = 0
        while done < total:
            size = total - done
            taken = out.reserve(channel, offset + done, size if size < MAX_PAYLOAD else MAX_PAYLOAD)
            if not taken:
                await self._wait(self._credits)
                continue
            payload = view[done : done + taken]
            if lasting:
                await self._bytes(data_header(channel, number, offset + done), payload)
            else:
                await self._bytes(encode_data(channel, number, offset + done, payload))
            done += taken

    async def wait_credit(self, offset: int) -> int:
        """Wait until the byte at `offset` may be sent, for producers that fetch data only when it can go out.

        Returns:
            How many bytes may be sent from `offset` on, at least 1.

        Raises:
            ConnectionLost: nobody is there any more.
        """
        while not (available := self._out.credit.available(offset)):
            await self._wait(self._credits)
        if self._lost:
            raise ConnectionLost
        return available

    async def eof(self, channel: int, offset: int) -> None:
        """End a channel at `offset`. Other channels and the other direction go on.

        Raises:
            ConnectionLost: nobody is there any more.
            StreamError: the channel has ended before, does not exist, or `offset` was not reached yet.
        """
        self._out.eof(channel, offset)
        await self._bytes(encode_eof(channel, self.number, offset))

    @property
    def event_credit(self) -> int:
        """How many events may be sent now; at 0 a lossy producer coalesces instead of waiting in `event`."""
        return self._events.available(self._sent_events)

    async def event(self, event: object, cursor: str | None = None) -> None:
        """Send one event, waiting for credit.

        Args:
            event: struct of one of the method's event types.
            cursor: where to continue after this event, opaque; None when the stream cannot be resumed.

        Raises:
            ConnectionLost: nobody is there any more.
        """
        while not self._events.available(self._sent_events):
            await self._wait(self._credits)
        self._sent_events += 1
        params = StreamEventParams(stream=self.number, event=event, cursor=UNSET if cursor is None else cursor)
        await self._text(encode_notification("stream.event", params))

    async def wait_event_credit(self) -> int:
        """Wait until an event may be sent; returns how many may. Raises ConnectionLost as `event` does."""
        while not (available := self._events.available(self._sent_events)):
            await self._wait(self._credits)
        if self._lost:
            raise ConnectionLost
        return available

    @property
    def receive_offset(self) -> int:
        """Position of the first byte that the next `receive` will return."""
        return self._taken

    async def receive(self) -> bytes | None:
        """Wait for bytes from the caller.

        Taking them grants no credit; `grant` does, when they have gone where they belong.

        Returns:
            The next bytes, at most 64 KiB; None after the caller ended the direction.

        Raises:
            ConnectionLost: nobody is there any more, and everything that had arrived was returned.
        """
        while not self._queue:
            if self._up is None or self._up.ended:
                return None
            await self._wait(self._arrivals)
        chunk = self._queue.popleft()
        self._taken += len(chunk)
        return chunk

    async def grant(self, consumed: int) -> None:
        """Acknowledge everything before the position `consumed`, and give new credit once half the window is used.

        Raises:
            ConnectionLost: nobody is there any more.
        """
        limit = self._up_credit.consumed_to(consumed)
        if limit is not None:
            await self.grant_up(limit)

    async def grant_up(self, limit: int) -> None:
        """Let the caller send up to the absolute position `limit`; a lower one than before changes nothing.

        Raises:
            ConnectionLost: nobody is there any more.
        """
        if self._up is None:
            raise AssertionError("open the stream, with an upward direction, before granting")
        if self._up.grant(limit):
            self._up_credit.limit = limit
            await self._bytes(encode_credit(UP, self.number, limit))

    # --- the connection's side ------------------------------------------------------------------------------------

    def feed(self, frame: Frame) -> None:
        """Take a frame that arrived for this stream.

        Raises:
            StreamError: it breaks the rules of the stream.
        """
        if not self._opened:
            raise StreamError("channel", "the stream is not open yet")
        if frame.type is FrameType.CREDIT:
            if frame.channel != DOWN or self.spec.down is None:
                raise StreamError("channel", f"channel {frame.channel} is not for the caller to credit")
            credit = self._events if self.spec.down == "events" else self._out.credit
            if credit.grant(frame.offset):
                _wake(self._credits)
                if self.on_credit is not None:
                    self.on_credit()
            return
        if self._up is None:
            raise StreamError("channel", "nothing flows towards the machine here")
        if frame.type is FrameType.DATA:
            news = self._up.data(frame.channel, frame.offset, frame.payload)
            if news:
                self._queue.append(bytes(news))
                _wake(self._arrivals)
        elif self._up.eof(frame.channel, frame.offset):
            _wake(self._arrivals)

    def lose(self) -> bool:
        """Note that nobody is there any more; returns whether somebody was busy here and so will be told."""
        self._lost = True
        waiting = bool(self._credits or self._arrivals or self._busy)
        _wake(self._credits)
        _wake(self._arrivals)
        return waiting

    async def _text(self, data: bytes) -> None:
        if self._lost:
            raise ConnectionLost
        self._busy += 1
        try:
            await self._send_text(data)
        finally:
            self._busy -= 1

    async def _bytes(self, data: bytes, payload: bytes | memoryview = b"") -> None:
        if self._lost:
            raise ConnectionLost
        self._busy += 1
        try:
            await self._send_bytes(data, payload)
        finally:
            self._busy -= 1

    async def _wait(self, waiters: list[asyncio.Future[None]]) -> None:
        if self._lost:
            raise ConnectionLost
        waiter: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        waiters.append(waiter)
        try:
            await waiter
        finally:
            if waiter in waiters:
                waiters.remove(waiter)


def _wake(waiters: list[asyncio.Future[None]]) -> None:
    for waiter in waiters:
        if not waiter.done():
            waiter.set_result(None)
    waiters.clear()


def window_of(params: Any, spec: StreamSpec) -> int:
    """The credit that a request brings along: its `window`, else what the schema says."""
    window = getattr(params, "window", None)
    return window if isinstance(window, int) else spec.window
