"""One WebSocket connection, from its handshake to its end. It is never repaired; `connection` makes another.

One task reads, one task writes. The reader hands every message on synchronously: answers to futures, frames and events
to the sink of their stream. A sink therefore must not wait; credit keeps what it holds bounded.

Raised here, for `connection` to translate:

    Exception
     └── LinkDown       the WebSocket ended while something was under way
"""

from __future__ import annotations

import asyncio
import logging
from collections import deque
from collections.abc import Callable
from typing import Any, Protocol

import msgspec
from websockets.asyncio.client import ClientConnection
from websockets.asyncio.client import connect as open_websocket
from websockets.exceptions import ConnectionClosed, NegotiationError
from websockets.protocol import State
from websockets.typing import Subprotocol

from nexus_sdk.calling import check_size, remote_error
from nexus_sdk.discovery import Address
from nexus_sdk.exceptions import ConnectionFailed, ConnectionLost, ProtocolViolation
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import NexusError, TooManyRequests
from nexus_sdk.wire import frames, messages
from nexus_sdk.wire.frames import Frame, FrameError, FrameType
from nexus_sdk.wire.messages import ErrorResponse, MessageError, Notification, Response
from nexus_sdk.wire.streams import StreamError

__all__ = ["Link", "LinkDown", "Progress", "Request", "StreamSink"]

_log = logging.getLogger("nexus_sdk")

_SUBPROTOCOL = Subprotocol("nexus.v1")
_MAX_SIZE = 4 * 1024 * 1024
_CLOSE_TIMEOUT = 2.0
_SMALL = 4096
_BATCH = 1024
"""How much is written at once. No more, so that the daemon works on the first while the next are made."""
_VIOLATION = 4400
_MAX_STREAM = 2**32 - 1
_REFUSED = frozenset((1002, 1003, 1007, 1009))
"""Close codes with which the WebSocket below refuses what a peer sends."""


class LinkDown(Exception):
    """The WebSocket ended.

    Attributes:
        cause: what the transport said, or the ProtocolViolation for which this end left.
        sent: whether the request had been handed to the transport.
    """

    def __init__(self, message: str, cause: BaseException, *, sent: bool = False) -> None:
        super().__init__(message)
        self.cause = cause
        self.sent = sent

    def error(self, message: str, *, hint: str | None = None, may_have_run: bool = False) -> NexusError:
        """Return what to raise: ProtocolViolation where the peer broke the protocol, else ConnectionLost."""
        if isinstance(self.cause, ProtocolViolation):
            return ProtocolViolation(message, may_have_run=may_have_run)
        return ConnectionLost(message, hint=hint, may_have_run=may_have_run)


class Progress(msgspec.Struct, frozen=True):
    """How far a call or transfer is."""

    done: int
    """Units done; never decreases."""
    total: int | None
    """Units in all; None while that is not known."""
    message: str = ""
    """What is being done, for a person."""


class StreamSink(Protocol):
    """What receives the messages of one stream. Methods may raise; the stream then fails with that error."""

    def opened(self, link: Link, number: int, info: msgspec.Raw) -> None:
        """The stream has this number; `info` is undecoded, `null` when there is none."""

    def data(self, channel: int, offset: int, payload: memoryview) -> None:
        """Bytes came; the view is valid during the call only."""

    def eof(self, channel: int, offset: int) -> None:
        """A channel ends at `offset`."""

    def credit(self, channel: int, limit: int) -> None:
        """This end may send up to `limit`."""

    def event(self, cursor: str | None, event: msgspec.Raw) -> None:
        """An event came, undecoded."""


class Request:
    """One request on one link, until its single answer."""

    __slots__ = ("answer", "id", "on_progress", "sent", "sink", "stream")

    def __init__(self, id: int, on_progress: Callable[[Progress], object] | None, sink: StreamSink | None) -> None:
        self.id = id
        self.answer: asyncio.Future[msgspec.Raw] = asyncio.get_running_loop().create_future()
        self.on_progress = on_progress
        self.sink = sink
        self.stream: int | None = None
        self.sent = False


class _OpenParams(msgspec.Struct):
    id: int | str
    stream: int
    info: msgspec.Raw = msgspec.Raw(b"null")


class _EventParams(msgspec.Struct):
    stream: int
    event: msgspec.Raw
    cursor: str | None = None


_decode_open = msgspec.json.Decoder(_OpenParams).decode
_decode_event = msgspec.json.Decoder(_EventParams).decode
_decode_progress = msgspec.json.Decoder(types.ProgressParams).decode
_decode_ready = msgspec.json.Decoder(types.SessionReady).decode
_decode_closing = msgspec.json.Decoder(types.SessionClosingParams).decode


class Link:
    """A live connection. Made by `Link.open`; owned by one event loop.

    Attributes:
        ready: what the daemon announced first.
        useful: whether it carried an answer, bytes or an event; a link that does not is followed by a pause.
    """

    def __init__(self, websocket: ClientConnection, ready: types.SessionReady) -> None:
        self.ready = ready
        self.useful = False
        self._websocket = websocket
        self._requests: dict[int, Request] = {}
        self._streams: dict[int, Request] = {}
        self._calls = 0
        self._waiting: deque[asyncio.Future[None]] = deque()
        self._next_id = 1
        self._outbox: deque[tuple[bytes, bool, Request | None]] = deque()
        self._wake = asyncio.Event()
        self._down: LinkDown | None = None
        self._closing = ""
        self._reader = asyncio.create_task(self._read(), name="nexus-reader")
        self._writer = asyncio.create_task(self._write(), name="nexus-writer")

    @classmethod
    async def open(
        cls, address: Address, token: str | None, *, timeout: float, ping_interval: float | None, ssl: Any = None
    ) -> Link:
        """Connect, shake hands and take the daemon's first message.

        Args:
            address: where to.
            token: what to present in `Authorization`; None presents nothing.
            timeout: seconds for all of it.
            ping_interval: seconds between pings, and until a missing pong ends the link; None sends none.
            ssl: an `ssl.SSLContext` for `wss://`; None verifies against the system's certificates.

        Raises:
            OSError, TimeoutError, websockets exceptions: as they come; `retry.is_transient` judges them.
            Unauthenticated: the daemon refused the token.
            ProtocolViolation: what answers is not a daemon.
        """
        options: dict[str, Any] = {}
        if address.socket is not None:
            options = {"unix": True, "path": address.socket}
        elif ssl is not None:
            options = {"ssl": ssl}
        if address.loopback:
            # a proxy for this machine's own loopback would carry the token elsewhere
            options["proxy"] = None
        headers = None if token is None else {"Authorization": f"Bearer {token}"}
        async with asyncio.timeout(timeout):
            websocket = await open_websocket(
                address.url,
                subprotocols=[_SUBPROTOCOL],
                compression=None,
                additional_headers=headers,
                open_timeout=None,
                ping_interval=ping_interval,
                ping_timeout=ping_interval,
                close_timeout=_CLOSE_TIMEOUT,
                max_size=_MAX_SIZE,
                max_queue=64,
                **options,
            )
            try:
                if websocket.subprotocol != _SUBPROTOCOL:
                    raise NegotiationError("the server speaks WebSocket, but not nexus.v1")
                return cls(websocket, _first(await websocket.recv(), address))
            except BaseException:
                websocket.transport.abort()
                raise

    @property
    def alive(self) -> bool:
        """Whether requests can be sent."""
        return self._down is None

    @property
    def end(self) -> LinkDown | None:
        """Why the link ended; None while it lives."""
        return self._down

    async def admit(self) -> None:
        """Wait until the daemon's limit of calls in flight leaves room for one more."""
        while self._down is None and len(self._requests) >= self.ready.limits.max_requests > 0:
            if not self._calls:
                limit = self.ready.limits.max_requests
                raise TooManyRequests(
                    f"this connection has {limit} open streams and takes no more calls",
                    limit="max_requests",
                    value=limit,
                )
            turn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
            self._waiting.append(turn)
            try:
                await turn
            except asyncio.CancelledError:
                if turn.done() and not turn.cancelled():
                    self._pass_turn()
                raise

    def request(
        self,
        method: str,
        params: object | None,
        *,
        on_progress: Callable[[Progress], object] | None = None,
        sink: StreamSink | None = None,
    ) -> Request:
        """Queue a request; its `answer` is completed exactly once.

        Raises:
            LinkDown: the link is down already.
            MessageTooLarge: the request is over the daemon's limit.
        """
        if self._down is not None:
            raise LinkDown(str(self._down), self._down.cause)
        request = Request(self._next_id, on_progress, sink)
        encoded = messages.encode_request(request.id, method, params)
        limit = self.ready.limits.max_message or messages.MAX_MESSAGE
        check_size(method, encoded, limit)
        self._next_id += 1
        self._requests[request.id] = request
        if sink is None:
            self._calls += 1
        self._outbox.append((encoded, True, request))
        self._wake.set()
        return request

    def abandon(self, request: Request) -> None:
        """Stop waiting for a request and tell the daemon to cancel it. Its late answer is ignored."""
        if self._requests.get(request.id) is request:
            self._forget(request)
            if self._down is None and request.sent:
                self.post(messages.encode_notification("$/cancel", {"id": request.id}), text=True)
        if not request.answer.done():
            request.answer.cancel()

    def post(self, data: bytes, *, text: bool = False) -> None:
        """Queue a message without waiting. Senders are bounded by the credit of their stream."""
        if self._down is None:
            self._outbox.append((data, text, None))
            self._wake.set()

    async def close(self, code: int = 1000, reason: str = "") -> None:
        """Shake hands on the end, for at most two seconds, and end both tasks."""
        try:
            await self._websocket.close(code, reason)
        finally:
            for task in (self._reader, self._writer):
                task.cancel()
            await asyncio.gather(self._reader, self._writer, return_exceptions=True)
            self._end(LinkDown("the connection was closed", ConnectionResetError("closed")))

    async def _write(self) -> None:
        send, outbox = self._websocket.send, self._outbox
        try:
            while True:
                while outbox:
                    self._write_small()
                    data, text, request = outbox.popleft()
                    if request is not None:
                        if request.answer.done():
                            continue
                        request.sent = True
                    await send(data, text=text)
                self._wake.clear()
                await self._wake.wait()
        except ConnectionClosed:
            return  # the reader says why

    def _write_small(self) -> None:
        """Hand small messages to the transport together, all but the last: each alone would take a system call."""
        protocol, outbox = self._websocket.protocol, self._outbox
        if protocol.state is not State.OPEN:
            return
        size = 0
        while len(outbox) > 1 and size < _BATCH and len(outbox[0][0]) <= _SMALL:
            data, text, request = outbox.popleft()
            if request is not None:
                if request.answer.done():
                    continue
                request.sent = True
            (protocol.send_text if text else protocol.send_binary)(data)
            size += len(data)
        if size:
            self._websocket.transport.write(b"".join(protocol.data_to_send()))

    async def _read(self) -> None:
        receive = self._websocket.recv
        code = 1000
        cause: BaseException
        try:
            while True:
                message = await receive()
                if isinstance(message, bytes):
                    self._binary(frames.decode(message))
                else:
                    self._text(message)
        except ConnectionClosed as closed:
            cause = closed
            close = closed.rcvd or closed.sent
            text = self._closing or (close.reason if close is not None else "") or "the connection broke"
            text = f"{text} (close code {1006 if close is None else close.code})"
            if closed.sent is not None and not closed.rcvd_then_sent and closed.sent.code in _REFUSED:
                text = f"the daemon broke the protocol: {closed.sent.reason or text}"
                cause = ProtocolViolation(text)
        except (FrameError, MessageError, ProtocolViolation, msgspec.ValidationError, UnicodeDecodeError) as violation:
            cause, code = ProtocolViolation(f"the daemon broke the protocol: {violation}"), _VIOLATION
            text = str(cause)
        except Exception as error:
            # a mistake of ours: whoever waits on this link must hear of it rather than wait forever
            _log.exception("reading from the daemon failed")
            cause, code, text = error, 1011, f"the client failed: {type(error).__name__}"
        self._end(LinkDown(text, cause))
        if code != 1000:
            await self._websocket.close(code, "protocol violation")

    def _binary(self, frame: Frame) -> None:
        self.useful = True
        request = self._streams.get(frame.stream)
        if request is None or request.sink is None:
            return  # a stream this end has left
        try:
            if frame.type is FrameType.DATA:
                request.sink.data(frame.channel, frame.offset, frame.payload)
            elif frame.type is FrameType.EOF:
                request.sink.eof(frame.channel, frame.offset)
            elif frame.channel == frames.UP:
                request.sink.credit(frame.channel, frame.offset)
            else:
                raise StreamError("channel", f"credit on channel {frame.channel}")
        except (NexusError, StreamError) as error:
            self._fail(request, error)

    def _text(self, text: str) -> None:
        message = messages.decode_message(text)
        if isinstance(message, Response):
            self._answer(message.id, message.result)
        elif isinstance(message, ErrorResponse):
            self._refuse(message)
        elif isinstance(message, Notification):
            self._notified(message)
        # the daemon sends no requests; one of a newer level is not ours to answer

    def _answer(self, id: int | str, result: msgspec.Raw) -> None:
        self.useful = True
        request = self._requests.get(id) if type(id) is int else None
        if request is not None:
            self._forget(request)
            if not request.answer.done():
                request.answer.set_result(result.copy())

    def _refuse(self, message: ErrorResponse) -> None:
        error = remote_error(message)
        if message.id is None:
            raise ProtocolViolation(f"the daemon could not read a message of ours: {error}")
        request = self._requests.get(message.id) if type(message.id) is int else None
        if request is not None:
            self._forget(request)
            if not request.answer.done():
                request.answer.set_exception(error)

    def _notified(self, message: Notification) -> None:
        if message.method == "stream.event":
            self.useful = True
            event = _decode_event(message.params)
            request = self._streams.get(event.stream)
            if request is not None and request.sink is not None:
                try:
                    request.sink.event(event.cursor, event.event)
                except (NexusError, StreamError) as error:
                    self._fail(request, error)
        elif message.method == "stream.open":
            opened = _decode_open(message.params)
            if not 0 < opened.stream <= _MAX_STREAM:
                raise ProtocolViolation(f"there is no stream {opened.stream}")
            request = self._requests.get(opened.id) if type(opened.id) is int else None
            if request is not None and request.sink is not None:
                if request.stream is not None or opened.stream in self._streams:
                    raise ProtocolViolation(f"stream {opened.stream} was opened twice")
                request.stream = opened.stream
                self._streams[opened.stream] = request
                try:
                    request.sink.opened(self, opened.stream, opened.info)
                except (NexusError, StreamError, msgspec.ValidationError) as error:
                    self._fail(request, error)
        elif message.method == "$/progress":
            self._progress(_decode_progress(message.params))
        elif message.method == "session.closing":
            closing = _decode_closing(message.params)
            self._closing = f"the daemon closed the connection: {closing.reason}"

    def _progress(self, params: types.ProgressParams) -> None:
        request = self._requests.get(params.id) if type(params.id) is int else None
        if request is None or request.on_progress is None:
            return
        total = None if isinstance(params.total, msgspec.UnsetType) else params.total
        try:
            request.on_progress(Progress(params.done, total, params.message))
        except Exception as error:
            # a caller's own mistake belongs to the caller, not to everybody on this connection
            self._fail(request, error)

    def _fail(self, request: Request, error: Exception) -> None:
        if isinstance(error, StreamError | msgspec.ValidationError):
            error = ProtocolViolation(f"the daemon broke a stream: {error}")
        if not request.answer.done():
            request.answer.set_exception(error)
        self.abandon(request)

    def _forget(self, request: Request) -> None:
        del self._requests[request.id]
        if request.stream is not None:
            self._streams.pop(request.stream, None)
        if request.sink is None:
            self._calls -= 1
        self._pass_turn()

    def _pass_turn(self) -> None:
        while self._waiting:
            turn = self._waiting.popleft()
            if not turn.done():
                turn.set_result(None)
                return

    def _end(self, down: LinkDown) -> None:
        if self._down is not None:
            return
        self._down = down
        requests, self._requests = self._requests, {}
        self._streams = {}
        self._outbox.clear()
        self._writer.cancel()
        for request in requests.values():
            if not request.answer.done():
                request.answer.set_exception(LinkDown(str(down), down.cause, sent=request.sent))
        while self._waiting:
            self._pass_turn()
        _log.debug("link down: %s", down)


def _first(message: str | bytes, address: Address) -> types.SessionReady:
    try:
        first = messages.decode_message(message)
        if isinstance(first, Notification) and first.method == "session.ready":
            return _decode_ready(first.params)
        if isinstance(first, Notification) and first.method == "session.closing":
            closing = _decode_closing(first.params)
            raise ConnectionFailed(f"the daemon at {address} closed the connection: {closing.reason}")
    except (MessageError, msgspec.ValidationError, UnicodeDecodeError) as error:
        raise ProtocolViolation(f"the first message from {address} is not session.ready: {error}") from None
    raise ProtocolViolation(f"the first message from {address} is not session.ready")
