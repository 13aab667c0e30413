"""Bytes on their way to the machine, kept until they are acknowledged.

The daemon's credit is its acknowledgement: with a limit L and the window W that it announced, everything before L - W
was taken. What was not is kept, and sent again from where the daemon says it stands after a break.
"""

from __future__ import annotations

import asyncio
from collections import deque
from collections.abc import Callable

from nexus_sdk.exceptions import ProtocolViolation
from nexus_sdk.wire import frames

__all__ = ["ByteSender"]


class ByteSender:
    """The sending end of a stream of bytes.

    Args:
        post: hands an encoded frame to the link, without waiting.
        rewindable: whether the writer can produce bytes again that were acknowledged before (a file, not a pipe).
    """

    def __init__(self, post: Callable[[bytes], None], *, rewindable: bool = False) -> None:
        self._post = post
        self._rewindable = rewindable
        self._number = 0
        self._window = 0
        self._limit = 0
        self._sent = 0
        self._unsent: deque[memoryview] = deque()
        self._unacknowledged: deque[memoryview] = deque()
        self._waiter: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None
        self._started = False
        self._closed = False
        self._eof_sent = False
        self._over = False
        self.acknowledged = 0
        """Offset before which everything was taken by the machine."""
        self.end = 0
        """Offset of the next byte to be written."""
        self.on_acknowledged: Callable[[int], object] | None = None

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    # -- fed by the stream --

    def attach(self, number: int, offset: int, window: int) -> None:
        """A stream was opened which takes bytes from `offset` on, `window` of them for now.

        Raises:
            ProtocolViolation: the daemon asks for bytes that are gone, or have not been written yet.
        """
        self._number, self._window = number, window
        if not self._started:
            self._started = True
            self.acknowledged = self._sent = self.end = offset
        elif offset < self.acknowledged or offset > self.end:
            if not self._rewindable:
                raise ProtocolViolation(
                    f"the daemon continues input at {offset}; this end has {self.acknowledged} to {self.end}"
                )
            self._unsent.clear()
            self._unacknowledged.clear()
            self._closed = False
            self.acknowledged = self._sent = self.end = offset
        else:
            self._unsent.extendleft(reversed(self._unacknowledged))
            self._unacknowledged.clear()
            self._sent = self.acknowledged
            self._discard(self._unsent, offset)
            self._sent = offset
        self._limit = offset + window
        self._eof_sent = False
        self._wake()
        self._pump()

    def detach(self) -> None:
        """The link is gone; nothing can be sent until the next `attach`."""
        self._number = 0
        self._limit = 0

    def credit(self, limit: int) -> None:
        """The daemon allows bytes up to `limit`."""
        if limit <= self._limit:
            return
        self._limit = limit
        taken = min(limit - self._window, self._sent)
        if taken > self.acknowledged:
            self._discard(self._unacknowledged, taken)
            if self.on_acknowledged is not None:
                self.on_acknowledged(self.acknowledged)
        self._pump()
        self._wake()

    def fail(self, error: BaseException) -> None:
        """Writing is over: who waits, and who writes from now on, gets `error`."""
        self._failure = self._failure or error
        self._wake()

    def finish(self) -> None:
        """The stream ended well."""
        self._over = True
        self._wake()

    # -- for the writer --

    async def write(self, data: bytes | bytearray | memoryview) -> None:
        """Hand bytes over, waiting while the daemon allows none.

        Raises:
            ValueError: the end was sent before.
            NexusError: what ended the stream.
        """
        if self._closed:
            raise ValueError("write after the end was sent")
        view = memoryview(data if isinstance(data, bytes) else bytes(data))
        while len(view):
            await self._room()
            part = view[: self._limit - self.end]
            self._put(part)
            view = view[len(part) :]

    async def write_at(self, offset: int, data: bytes) -> bool:
        """Hand over bytes that belong at `offset`; returns False when the stream was rewound and wants others."""
        view = memoryview(data)
        while len(view):
            await self._room()
            if self.end != offset:
                return False
            part = view[: self._limit - self.end]
            self._put(part)
            offset += len(part)
            view = view[len(part) :]
        return True

    def close(self) -> None:
        """End the input after what was written. It is sent as soon as credit allows; closing twice does nothing."""
        self._closed = True
        self._pump()

    async def settle(self) -> bool:
        """Wait, after `close`, for what becomes of it: True when the stream is over, False when it was rewound.

        Raises:
            NexusError: what ended the stream.
        """
        while True:
            if self._failure is not None:
                raise self._failure
            if self._over:
                return True
            if not self._closed:
                return False
            await self._pause()

    async def _room(self) -> None:
        while True:
            if self._failure is not None:
                raise self._failure
            if self._number and self._limit > self.end:
                return
            await self._pause()

    async def _pause(self) -> None:
        if self._waiter is not None:
            raise RuntimeError("two tasks write to the same stream")
        self._waiter = asyncio.get_running_loop().create_future()
        try:
            await self._waiter
        finally:
            self._waiter = None

    def _put(self, part: memoryview) -> None:
        self._unsent.append(part)
        self.end += len(part)
        self._pump()

    def _pump(self) -> None:
        if not self._number:
            return
        unsent = self._unsent
        while unsent and self._sent < self._limit:
            view = unsent.popleft()
            size = min(len(view), frames.MAX_PAYLOAD, self._limit - self._sent)
            if size < len(view):
                unsent.appendleft(view[size:])
                view = view[:size]
            self._unacknowledged.append(view)
            self._post(frames.encode_data(frames.UP, self._number, self._sent, view))
            self._sent += size
        if self._closed and not unsent and not self._eof_sent:
            self._eof_sent = True
            self._post(frames.encode_eof(frames.UP, self._number, self._sent))

    def _discard(self, views: deque[memoryview], offset: int) -> None:
        while self.acknowledged < offset:
            view = views.popleft()
            size = min(len(view), offset - self.acknowledged)
            if size < len(view):
                views.appendleft(view[size:])
            self.acknowledged += size

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)
