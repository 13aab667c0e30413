"""Bytes that came from the machine and wait for a reader.

What is held is bounded by credit: the daemon sends no further than one window past what was read, so a reader who
does not read makes the process wait, and nothing is lost.
"""

from __future__ import annotations

import asyncio
import codecs
from collections import deque
from collections.abc import Callable
from typing import Literal

import msgspec

from nexus_sdk.exceptions import OutputGap
from nexus_sdk.wire.credit import ReceiveCredit
from nexus_sdk.wire.streams import Inbound, StreamError

__all__ = ["Chunk", "ChunkReader", "Lines", "Output", "OutputReader"]

RETAINED = 262_144
"""How much of a channel is kept at least for later while only the other one is read, in bytes."""

EXCERPT = 65_536
"""How much of each channel's end is kept for errors, in bytes."""

MIN_WINDOW = 4096

_NAMES: dict[int, Literal["stdout", "stderr"]] = {1: "stdout", 2: "stderr"}


class Chunk(msgspec.Struct, frozen=True, gc=False):
    """Some output, as it came."""

    channel: Literal["stdout", "stderr"]
    """Where it was written; a terminal writes everything to stdout."""
    offset: int
    """Position of its first byte in the process's one output log."""
    data: bytes
    """The bytes, at most 64 KiB."""


class _Lane:
    """What one reader gets: one channel, or all of them."""

    __slots__ = ("chunks", "claimed", "dropped", "ended", "failure", "retained", "unpaid", "waiter")

    def __init__(self) -> None:
        self.chunks: deque[Chunk] = deque()
        self.claimed = False
        self.ended = False
        self.dropped = 0
        self.retained = 0
        self.unpaid = 0  # how many of the first chunks have had their credit returned already
        self.waiter: asyncio.Future[None] | None = None
        self.failure: BaseException | None = None

    def wake(self) -> None:
        if self.waiter is not None and not self.waiter.done():
            self.waiter.set_result(None)


class Output:
    """The receiving end of a stream of bytes.

    Args:
        window: how much may be on its way or waiting here, in bytes.
        channels: the channels that may come.
        grant: called with an absolute limit to be granted to the daemon.
        held: the daemon holds what was not consumed, and reads off the credit what was: it takes the window that was
            asked for from the limit. So the whole window is asked for each time, and up to two may wait here.
    """

    def __init__(
        self, window: int, channels: tuple[int, ...], grant: Callable[[int], None], *, held: bool = False
    ) -> None:
        self._window = max(window, MIN_WINDOW)
        self._held = held
        self._channels = channels
        self._grant = grant
        self._credit = ReceiveCredit(self._window)
        self._inbound: Inbound | None = None
        self._next = 0
        self._lanes = {channel: _Lane() for channel in channels}
        self._merged = _Lane()
        self._mode: Literal["undecided", "merged", "split"] = "undecided"
        self._tails: dict[int, deque[bytes]] = {channel: deque() for channel in channels}
        self._tail_sizes = dict.fromkeys(channels, 0)
        self.told = False
        """Whether a reader has had the failure already."""

    # -- fed by the stream --

    @property
    def offset(self) -> int:
        """Offset of the next byte expected."""
        return self._next

    def next_window(self) -> int:
        """Return the initial credit to ask for when attaching at `offset`: what is free of the window."""
        if self._held:
            return self._window
        return max(self._credit.consumed + self._window - self._next, MIN_WINDOW)

    def attach(self, start: int, *, first: bool) -> None:
        """A stream was opened whose data begins at `start`.

        Raises:
            OutputGap: bytes between what is here and `start` are gone.
        """
        if first:
            self._next = start
            self._credit = ReceiveCredit(self._window, start)
        elif start > self._next:
            raise OutputGap(f"output from {self._next} to {start} is no longer kept", expected=self._next, offset=start)
        limit = self._next + self.next_window()
        self._credit.limit = max(self._credit.limit, limit)
        self._inbound = Inbound(self._channels, self._next, limit, allow_replay=True)

    def data(self, channel: int, offset: int, payload: memoryview) -> None:
        """Bytes came."""
        inbound = self._inbound
        if inbound is None:
            raise StreamError("channel", "data before the stream was opened")
        start = inbound.offset
        try:
            fresh = inbound.data(channel, offset, payload)
        except StreamError as error:
            if error.fault == "gap":
                raise OutputGap(f"output from {start} to {offset} is missing", expected=start, offset=offset) from None
            raise
        if not fresh:
            return
        data = bytes(fresh)
        self._next = inbound.offset
        self._remember(channel, data)
        chunk = Chunk(_NAMES[channel], start, data)
        lane = self._lanes[channel]
        if self._mode != "split":
            self._merged.chunks.append(chunk)
            self._merged.wake()
        elif lane.claimed:
            lane.chunks.append(chunk)
            lane.wake()
        else:
            self._retain(lane, chunk)

    def eof(self, channel: int, offset: int) -> None:
        """A channel ended."""
        try:
            ended = self._inbound is not None and self._inbound.eof(channel, offset)
        except StreamError as error:
            if error.fault == "gap":
                raise OutputGap(
                    f"output from {self._next} to {offset} is missing", expected=self._next, offset=offset
                ) from None
            raise
        if ended:
            self._lanes[channel].ended = True
            self._lanes[channel].wake()
            if all(lane.ended for lane in self._lanes.values()):
                self._merged.ended = True
                self._merged.wake()

    def finish(self, failure: BaseException | None = None) -> None:
        """Nothing more comes: readers end after what is here, or raise `failure`."""
        for lane in (self._merged, *self._lanes.values()):
            if not lane.ended:
                lane.ended, lane.failure = True, failure
                lane.wake()

    # -- for readers --

    def tail(self, channel: int) -> bytes:
        """Return the last bytes of a channel, read or not, at most 64 KiB."""
        return b"".join(self._tails[channel])[-EXCERPT:]

    def claim(self, channel: int | None) -> _Lane:
        """Take a channel, or with None all of them in order, to be read by one reader."""
        if channel is None:
            if self._mode == "split":
                raise RuntimeError("stdout or stderr is being read already; read either them or output")
            self._mode = "merged"
            lane = self._merged
        else:
            if self._mode == "merged":
                raise RuntimeError("output is being read already; read either it or stdout and stderr")
            self._split(channel)
            lane = self._lanes[channel]
        lane.claimed = True
        return lane

    def release(self) -> None:
        """Let go of what nobody reads: from now on unread channels are dropped but for their ends."""
        if self._mode == "undecided":
            self._split()

    def discard(self) -> None:
        """Drop what waits and what still comes: nobody reads on."""
        self._split()
        for lane in self._lanes.values():
            lane.claimed = False
            waiting, lane.chunks = lane.chunks, deque()
            paid, lane.unpaid = lane.unpaid, 0
            for chunk in waiting:
                if paid:
                    paid -= 1
                    lane.chunks.append(chunk)
                    lane.unpaid += 1
                else:
                    self._retain(lane, chunk)

    @property
    def unfinished(self) -> bool:
        """Whether a reader stopped before the end of what it reads."""
        lanes = (self._merged, *self._lanes.values())
        return any(lane.claimed and (lane.chunks or not lane.ended) for lane in lanes)

    @property
    def read_to_end(self) -> bool:
        """Whether something was read, and everything that was being read has been read."""
        return not self.unfinished and any(lane.claimed for lane in (self._merged, *self._lanes.values()))

    async def take(self, lane: _Lane) -> Chunk | None:
        """Return a lane's next chunk; None at its end.

        Raises:
            OutputGap: bytes of this channel were dropped before they were asked for.
        """
        while True:
            if lane.dropped:
                dropped, lane.dropped = lane.dropped, 0
                first = lane.chunks[0].offset if lane.chunks else self._next
                raise OutputGap(
                    f"{dropped} bytes came while only the other channel was read, and were dropped",
                    expected=max(first - dropped, 0),
                    offset=first,
                    hint="read output, or stdout and stderr at the same time",
                )
            if lane.chunks:
                chunk = lane.chunks.popleft()
                if lane.unpaid:
                    lane.unpaid -= 1
                else:
                    self._consumed(len(chunk.data))
                return chunk
            if lane.ended:
                if lane.failure is not None:
                    self.told = True
                    raise lane.failure
                return None
            if lane.waiter is not None:
                raise RuntimeError("two tasks read the same channel")
            lane.waiter = asyncio.get_running_loop().create_future()
            try:
                await lane.waiter
            finally:
                lane.waiter = None

    def _split(self, wanted: int | None = None) -> None:
        if self._mode == "split":
            return
        self._mode = "split"
        waiting, self._merged.chunks = self._merged.chunks, deque()
        for chunk in waiting:
            channel = 1 if chunk.channel == "stdout" else 2
            if channel == wanted:
                self._lanes[channel].chunks.append(chunk)
            else:
                self._retain(self._lanes[channel], chunk)

    def _retain(self, lane: _Lane, chunk: Chunk) -> None:
        # its credit is returned at once, so that a channel nobody asked for cannot stop the other one
        lane.chunks.append(chunk)
        lane.unpaid += 1
        lane.retained += len(chunk.data)
        # at least a window, so that who asks for both channels at once loses nothing by the order of asking
        while lane.retained > max(RETAINED, self._window):
            gone = lane.chunks.popleft()
            lane.unpaid -= 1
            lane.retained -= len(gone.data)
            lane.dropped += len(gone.data)
        self._consumed(len(chunk.data))

    def _consumed(self, amount: int) -> None:
        limit = self._credit.consume(amount)
        if limit is not None and self._inbound is not None and self._inbound.grant(limit):
            self._grant(limit)

    def _remember(self, channel: int, data: bytes) -> None:
        tail = self._tails[channel]
        tail.append(data)
        size = self._tail_sizes[channel] + len(data)
        while size - len(tail[0]) >= EXCERPT:
            size -= len(tail.popleft())
        self._tail_sizes[channel] = size


class ChunkReader:
    """Everything in the order in which it was written, as `Chunk`. Iterate it with `async for`."""

    def __init__(self, output: Output) -> None:
        self._output = output
        self._lane: _Lane | None = None

    def __aiter__(self) -> ChunkReader:
        return self

    async def __anext__(self) -> Chunk:
        if self._lane is None:
            self._lane = self._output.claim(None)
        chunk = await self._output.take(self._lane)
        if chunk is None:
            raise StopAsyncIteration
        return chunk

    async def aclose(self) -> None:
        """Do nothing: there is nothing to give back. What is not read waits in the process."""


class OutputReader:
    """One channel's bytes. Iterate it with `async for`, or read it whole.

    While one channel is read and the other was never asked for, the end of the other is kept, as long as the window (at
    least 256 KiB); asking for it later raises `OutputGap` if more came. Once both are asked for, both must be read.
    """

    def __init__(self, output: Output, channel: int) -> None:
        self._output = output
        self._channel = channel
        self._lane: _Lane | None = None

    def __aiter__(self) -> OutputReader:
        return self

    async def __anext__(self) -> bytes:
        data = await self.read()
        if not data:
            raise StopAsyncIteration
        return data

    async def read(self) -> bytes:
        """Return the next bytes, as many as came together; `b""` at the end."""
        if self._lane is None:
            self._lane = self._output.claim(self._channel)
        chunk = await self._output.take(self._lane)
        return b"" if chunk is None else chunk.data

    async def read_all(self) -> bytes:
        """Return everything to the end; it is held in memory."""
        parts: list[bytes] = []
        while data := await self.read():
            parts.append(data)
        return b"".join(parts)

    async def text(self, encoding: str = "utf-8", errors: str = "replace") -> str:
        """Return everything to the end as text; it is held in memory."""
        return (await self.read_all()).decode(encoding, errors)

    def lines(self, encoding: str = "utf-8", errors: str = "replace") -> Lines:
        """Return an iterator over lines, without their line ends."""
        return Lines(self, encoding, errors)

    async def aclose(self) -> None:
        """Do nothing: there is nothing to give back. What is not read waits in the process."""


class Lines:
    """The lines of a channel. A last line without a line end is a line too."""

    def __init__(self, reader: OutputReader, encoding: str = "utf-8", errors: str = "replace") -> None:
        self._reader = reader
        self._decoder = codecs.getincrementaldecoder(encoding)(errors)
        self._ready: deque[str] = deque()
        self._parts: list[str] = []
        self._done = False

    def __aiter__(self) -> Lines:
        return self

    async def __anext__(self) -> str:
        while not self._ready:
            if self._done:
                raise StopAsyncIteration
            data = await self._reader.read()
            self._done = not data
            head, *rest = self._decoder.decode(data, final=self._done).split("\n")
            self._parts.append(head)
            if rest:
                self._ready.append("".join(self._parts))
                self._ready.extend(rest[:-1])
                self._parts = [rest[-1]]
            if self._done and (last := "".join(self._parts)):
                self._ready.append(last)
                self._parts = []
        return self._ready.popleft().removesuffix("\r")

    async def aclose(self) -> None:
        """Do nothing: there is nothing to give back."""
