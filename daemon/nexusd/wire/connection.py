"""One WebSocket connection: what arrives becomes calls, every request becomes exactly one answer.

Knows no socket: a transport feeds it frames and sends what it is given. Knows no method: the dispatcher does.

A call is in flight from its request until its answer is handed to the transport. It may be interrupted once: by
`$/cancel`, by its deadline, by a frame that breaks its stream, or by the end of the connection. An interrupted handler
is cancelled and has a grace period to let go; after that it is answered without it, and what it still does is ignored.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from typing import Any, Final

import msgspec
from nexus_sdk.protocol.errors import InvalidRequest, NexusError, StreamProtocol, TooManyRequests
from nexus_sdk.wire.frames import MAX_STREAM, FrameError, decode
from nexus_sdk.wire.messages import (
    MAX_MESSAGE,
    MessageError,
    MessageId,
    Notification,
    Request,
    decode_message,
    encode_error,
    encode_notification,
)
from nexus_sdk.wire.streams import StreamError

from nexusd.wire.call import Call, Interruption
from nexusd.wire.dispatch import Dispatcher, Route
from nexusd.wire.errors import ConnectionLost, ProtocolViolation
from nexusd.wire.faults import as_error, deadline_exceeded, encode_fault, withdrawn
from nexusd.wire.progress import Progress
from nexusd.wire.stream import ServerStream, window_of

__all__ = ["Connection", "ConnectionLimits"]

_log = logging.getLogger("nexusd.wire")

_MESSAGES_PER_TURN: Final = 64
_FRAMES_PER_TURN: Final = 16
"""How much one connection does before others get a turn of the event loop: about a millisecond either way."""

_ARM_AFTER_S: Final = 0.05
"""How long a call may be in flight before its deadline gets a timer. A timer costs as much as a small call."""


@dataclass(frozen=True, slots=True)
class ConnectionLimits:
    """What one connection may use."""

    max_message: int = MAX_MESSAGE
    """Most bytes in one text frame."""
    max_requests: int = 256
    """Calls in flight, streams not counted."""
    max_streams: int = 1024
    """Streams in flight."""
    grace_s: float = 5.0
    """How long an interrupted handler may take to let go, in seconds."""


class _Flight:
    """A call in flight."""

    __slots__ = ("answered", "broken", "call", "deadline", "handled", "route", "stream", "task", "timer")

    def __init__(self, route: Route, call: Call, stream: ServerStream | None) -> None:
        self.route = route
        self.call = call
        self.stream = stream
        self.task: asyncio.Task[None] | None = None
        self.timer: asyncio.TimerHandle | None = None
        self.deadline: float | None = None
        """When its method's time is over, by the loop's clock; None when it has no deadline."""
        self.broken: StreamError | None = None
        self.handled = False
        """The handler has ended."""
        self.answered = False
        """The answer was handed over, or nobody is there to get it."""


class Connection:
    """One connection.

    Args:
        send_text: sends one text frame; awaiting it waits for the transport. It may raise anything when the transport
            is gone, which counts as the end of the connection.
        send_bytes: the same for one binary frame, given as its beginning and maybe the rest, which it may keep.
        dispatcher: serves the calls.
        identity: who is on the other end; handlers see it as `call.identity`. Assign to it to renew it in place.
        limits: what the connection may use.
    """

    def __init__(
        self,
        send_text: Callable[[bytes], Awaitable[Any]],
        send_bytes: Callable[..., Awaitable[Any]],
        dispatcher: Dispatcher,
        identity: Any,
        limits: ConnectionLimits | None = None,
    ) -> None:
        self.identity = identity
        self.limits = limits if limits is not None else ConnectionLimits()
        self._transport_text = send_text
        self._transport_bytes = send_bytes
        self._dispatcher = dispatcher
        self._flights: dict[MessageId, _Flight] = {}
        self._streams: dict[int, _Flight] = {}
        self._sending: set[_Flight] = set()
        self._last_stream = 0
        self._messages = 0
        self._frames = 0
        self._arming = False
        self._closed = False

    @property
    def closed(self) -> bool:
        """Whether the connection has ended."""
        return self._closed

    @property
    def in_flight(self) -> int:
        """How many requests wait for their answer, streams included."""
        return len(self._flights)

    @property
    def streams(self) -> int:
        """How many streams are in flight."""
        return len(self._streams)

    @property
    def _calls(self) -> int:
        return len(self._flights) - len(self._streams)

    # --- what the transport feeds ---------------------------------------------------------------------------------

    @property
    def ready(self) -> bool:
        """Whether `begin` may take the next text frame: others have had their turn, and there is room for a call."""
        return self._messages < _MESSAGES_PER_TURN - 1 and self._calls < self.limits.max_requests

    async def feed_text(self, data: str | bytes) -> None:
        """Take one text frame. Whatever is wrong with it is answered; the connection stays usable.

        Returns when the next frame may be fed, which is before the call has been served.
        """
        if not self.ready:
            self._messages = 0
            await asyncio.sleep(0)
        answer = self.begin(data)
        if answer is not None:
            await self._answer(answer)

    def begin(self, data: str | bytes) -> bytes | None:
        """The same without waiting, for as long as the connection is `ready`.

        Returns:
            The answer to be sent, where there is one already.
        """
        if self._closed:
            return None
        self._messages += 1
        try:
            message = decode_message(data, self.limits.max_message)
        except MessageError as error:
            return encode_error(error.id, error.code, error.message, error.data)
        if isinstance(message, Request):
            return self._begin(message)
        if isinstance(message, Notification):
            self._notified(message)
            return None
        # without an id: with one it could be taken for the answer to a request of that id
        return encode_fault(None, InvalidRequest("nothing was asked, so there is nothing to respond to"))

    def feed_bytes(self, data: bytes) -> None:
        """Take one binary frame. Frames of streams that have ended are in order: they were under way at the end.

        Raises:
            ProtocolViolation: it is not a frame, or names a stream that never was; close the connection.
        """
        if self._closed:
            return
        try:
            frame = decode(data)
        except FrameError as error:
            raise ProtocolViolation(f"{error.fault}: {error}") from None
        flight = self._streams.get(frame.stream)
        if flight is None or flight.stream is None:
            if frame.stream > self._last_stream:
                raise ProtocolViolation(f"stream: stream {frame.stream} was never opened")
            return
        if flight.broken is not None:
            return
        try:
            flight.stream.feed(frame)
        except StreamError as error:
            flight.broken = error
            self._interrupt(flight, "protocol")

    async def notify(self, method: str, params: object | None = None) -> None:
        """Send a notification.

        Raises:
            ConnectionLost: the connection has ended.
        """
        await self._send_text(encode_notification(method, params))

    def close(self) -> None:
        """Note that the connection has ended; returns at once, may be called again.

        Streams get ConnectionLost. Idempotent calls are cancelled. Other calls run to their end or deadline, because
        losing a connection neither stops nor repeats anything; their answers are dropped.
        """
        if self._closed:
            return
        self._closed = True
        flights = list(self._flights.values())
        self._flights.clear()
        self._streams.clear()
        for flight in flights:
            flight.answered = True
            method = flight.call.method
            if flight.call.interruption is None:
                if flight.stream is not None:
                    self._lose(flight, flight.stream)
                elif method.idempotent and method.cancel != "none":
                    flight.call.interruption = "lost"
                    _cancel(flight)
                else:
                    self._arm(flight)
        for flight in self._sending:
            if flight.task is not None:
                flight.task.cancel()

    # --- calls ----------------------------------------------------------------------------------------------------

    def _begin(self, request: Request) -> bytes | None:
        """Start to serve a request; returns the answer if there is one already."""
        id = request.id
        if id in self._flights:
            hint = "use an id again only after its answer has come"
            return encode_fault(id, InvalidRequest("a request with this id is in flight", hint=hint))
        route: Route | None = None
        try:
            route = self._dispatcher.route(request.method)
            params = self._dispatcher.params(route, request.params)
            method = route.method
            stream: ServerStream | None = None
            progress: Progress | None = None
            if method.stream is not None:
                stream = self._new_stream(id, route, params)
            elif self._calls >= self.limits.max_requests:
                raise _over("max_requests", self.limits.max_requests)
            if method.progress and getattr(params, "progress", False) is True:
                progress = Progress(id, self._send_text)
            call = Call(id, method, params, self.identity, self, progress)
            admission = self._dispatcher.admission(call)
            if self._dispatcher.immediate(route, call, admission):
                return self._dispatcher.encode(call, id, route.handler(call, params))
        except Exception as error:
            return encode_fault(id, as_error(error, route.method if route is not None else None))
        flight = _Flight(route, call, stream)
        self._flights[id] = flight
        if stream is not None:
            self._last_stream = stream.number
            self._streams[stream.number] = flight
        loop = asyncio.get_running_loop()
        if method.timeout_ms is not None:
            flight.deadline = loop.time() + method.timeout_ms / 1000
            if method.timeout_ms <= _ARM_AFTER_S * 1000:
                self._arm(flight)
            elif not self._arming:
                self._arming = True
                loop.call_later(_ARM_AFTER_S, self._arm_all)
        flight.task = loop.create_task(self._serve(flight, id, admission))
        self._dispatcher.hold(flight.task)
        return None

    def _new_stream(self, id: MessageId, route: Route, params: Any) -> ServerStream:
        spec = route.method.stream
        assert spec is not None
        if len(self._streams) >= self.limits.max_streams or self._last_stream >= MAX_STREAM:
            raise _over("max_streams", self.limits.max_streams)
        number = self._last_stream + 1
        return ServerStream(number, id, spec, window_of(params, spec), self._send_text, self._send_bytes)

    async def _serve(self, flight: _Flight, id: MessageId, admission: Awaitable[None] | None) -> None:
        try:
            answer = await self._outcome(flight, id, admission)
            if not flight.answered and answer is not None:
                flight.answered = True
                self._sending.add(flight)
                await self._answer(answer)
        except asyncio.CancelledError:
            # while the answer was being sent: the connection has ended, or the daemon
            pass
        finally:
            self._sending.discard(flight)
            self._dispatcher.release(flight.task)

    async def _outcome(self, flight: _Flight, id: MessageId, admission: Awaitable[None] | None) -> bytes | None:
        """Run the handler and return what to answer; None when nobody is there to get it."""
        call = flight.call
        try:
            result = await self._dispatcher.serve(flight.route, call, admission, flight.stream)
            answer = self._dispatcher.encode(call, id, result)
        except asyncio.CancelledError as error:
            answer = encode_fault(id, self._interrupted(flight, error))
        except (Exception, BaseExceptionGroup) as error:
            if flight.answered and _only_lost(error):
                return None
            answer = encode_fault(id, as_error(error, call.method))
        finally:
            flight.handled = True
            self._release(flight, id)
        if flight.broken is not None:
            # whatever the handler made of it, a stream that broke has not succeeded
            return encode_fault(id, self._interrupted(flight))
        return answer

    def _release(self, flight: _Flight, id: MessageId) -> None:
        if flight.timer is not None:
            flight.timer.cancel()
            flight.timer = None
        if self._flights.get(id) is flight:
            del self._flights[id]
        if flight.stream is not None:
            self._streams.pop(flight.stream.number, None)
            flight.stream.lose()
        flight.call.end()

    # --- interruption ---------------------------------------------------------------------------------------------

    def _notified(self, message: Notification) -> None:
        if message.method != "$/cancel":
            return
        try:
            wanted = _decode_cancel(message.params).id
        except (msgspec.MsgspecError, UnicodeError):
            return
        flight = self._flights.get(wanted) if isinstance(wanted, int | str) else None
        if flight is not None and flight.call.method.cancel != "none":
            self._interrupt(flight, "cancelled")

    def _interrupt(self, flight: _Flight, why: Interruption) -> None:
        if flight.handled or flight.call.interruption is not None:
            return
        flight.call.interruption = why
        _cancel(flight)
        if flight.timer is not None:
            flight.timer.cancel()
        flight.timer = asyncio.get_running_loop().call_later(self.limits.grace_s, self._abandon, flight)

    def _abandon(self, flight: _Flight) -> None:
        """Answer for a handler that did not let go."""
        id = flight.call.id
        if flight.answered or id is None:
            return
        _log.error("%s did not end when it was cancelled", flight.call.method.name)
        flight.answered = True
        self._release(flight, id)
        answer = encode_fault(id, self._interrupted(flight))
        self._dispatcher.keep(asyncio.get_running_loop().create_task(self._answer(answer)))

    def _interrupted(self, flight: _Flight, error: BaseException | None = None) -> NexusError:
        """The error of a call whose handler was cancelled."""
        call = flight.call
        if flight.broken is not None and flight.stream is not None:
            number = flight.stream.number
            message = f"stream {number} of {call.method.name}: {flight.broken}"
            return StreamProtocol(message, stream=number, reason=f"{flight.broken.fault}: {flight.broken}")
        if call.interruption == "deadline":
            return deadline_exceeded(call.method)
        if call.interruption is None and error is not None:
            return self._dispatcher.stopped(call, error)
        return withdrawn(call.method)

    def _arm(self, flight: _Flight) -> None:
        if flight.deadline is not None and flight.timer is None and flight.call.interruption is None:
            loop = asyncio.get_running_loop()
            flight.timer = loop.call_at(flight.deadline, self._interrupt, flight, "deadline")

    def _arm_all(self) -> None:
        """Arm the deadlines of the calls that are still in flight; most are over before anybody looks."""
        self._arming = False
        for flight in self._flights.values():
            self._arm(flight)

    def _lose(self, flight: _Flight, stream: ServerStream) -> None:
        flight.call.interruption = "lost"
        if stream.lose():
            # whoever waited on the stream ends the handler; if not, it is cancelled after all
            if flight.timer is not None:
                flight.timer.cancel()
            flight.timer = asyncio.get_running_loop().call_later(self.limits.grace_s, _cancel, flight)
        else:
            _cancel(flight)

    # --- sending --------------------------------------------------------------------------------------------------

    async def _answer(self, data: bytes) -> None:
        """Send an answer; one that nobody is there to get any more is dropped."""
        try:
            await self._send_text(data)
        except ConnectionLost:
            pass

    async def _send_text(self, data: bytes) -> None:
        if self._closed:
            raise ConnectionLost
        try:
            await self._transport_text(data)
        except Exception as error:
            self.close()
            raise ConnectionLost from error

    async def _send_bytes(self, data: bytes, payload: bytes | memoryview = b"") -> None:
        if self._closed:
            raise ConnectionLost
        self._frames += 1
        if self._frames >= _FRAMES_PER_TURN:
            self._frames = 0
            await asyncio.sleep(0)
        try:
            await self._transport_bytes(data, payload)
        except Exception as error:
            self.close()
            raise ConnectionLost from error


class _Cancel(msgspec.Struct):
    # a float is accepted and ignored: as a type it keeps 1.0 from being read as the integer 1
    id: int | float | str


_decode_cancel = msgspec.json.Decoder(_Cancel).decode


def _cancel(flight: _Flight) -> None:
    # Not at once: a task that is cancelled before its first step never runs, so it could not answer. One turn later it
    # has run, and may even be done.
    asyncio.get_running_loop().call_soon(_cancel_now, flight)


def _cancel_now(flight: _Flight) -> None:
    if flight.task is not None and not flight.handled:
        flight.task.cancel()


def _only_lost(error: BaseException) -> bool:
    if isinstance(error, BaseExceptionGroup):
        return all(_only_lost(inner) for inner in error.exceptions)
    return isinstance(error, ConnectionLost | asyncio.CancelledError)


def _over(limit: str, value: int) -> TooManyRequests:
    return TooManyRequests(f"this connection has reached {limit} ({value})", limit=limit, value=value)
