"""WebSockets: from TCP to `nexusd.wire.Connection` and back.

The handshake and everything that arrives go through the sans-I/O core of `websockets`; frames that leave are framed
here, since an unmasked, unfragmented frame is a header of at most ten bytes. An idle connection has no task and no
queue: what arrives is handled at once, and by a task only while something has to wait.

Reading stops while frames wait to be handled, and handling waits while the peer does not take what we send. So a peer
that never reads costs one write buffer, and is closed when it does not answer a ping.

Close codes: 1000 and 1001 as RFC 6455 has them, 1002 and 1009 by the core, 1011 when a ping stays unanswered, 4400 for
frames that are none, 4401 when the identity has ended.
"""

from __future__ import annotations

import asyncio
import logging
import struct
from collections import deque
from http import HTTPStatus
from typing import Any, Final, Protocol, cast

from nexus_sdk.protocol.types import SessionClosingParams
from nexus_sdk.wire.messages import encode_notification
from websockets.datastructures import Headers
from websockets.frames import Frame, Opcode
from websockets.http11 import Request, Response
from websockets.protocol import CLOSING, OPEN
from websockets.server import ServerProtocol

from nexusd.server.head import Head, Refused
from nexusd.server.peers import Peer
from nexusd.server.replies import refusal
from nexusd.server.splitter import FrameSplitter
from nexusd.wire.connection import Connection
from nexusd.wire.errors import ProtocolViolation

__all__ = ["Endpoint", "Socket", "Tuning"]

_TEXT: Final = 0x81
_BINARY: Final = 0x82
_SMALL: Final = 8192
"""Up to here a frame is joined with its header; above, copying it would cost more than a second write."""

_BACKLOG: Final = 262_144
_BACKLOG_FRAMES: Final = 512
_TURN_S: Final = 0.003
_LINGER_S: Final = 2.0
_short = struct.Struct("!BBH").pack
_long = struct.Struct("!BBQ").pack

_log = logging.getLogger("nexusd.server")
_core_log = logging.getLogger("nexusd.server.frames")
# at DEBUG the core logs handshakes with their tokens
_core_log.setLevel(logging.WARNING)


class Tuning:
    """What the sockets of one daemon share.

    Args:
        max_size: most bytes of one message before the connection is closed with 1009. It is more than a text message
            may have, so that one which is a little too long still gets a named error.
        ping_s: seconds of silence after which the peer is pinged, and then closed.
        high_water: bytes that wait to be sent before senders have to wait.
    """

    __slots__ = ("high_water", "max_size", "ping_s")

    def __init__(self, *, max_size: int = 4 << 20, ping_s: float = 20.0, high_water: int = 262_144) -> None:
        self.max_size = max_size
        self.ping_s = ping_s
        self.high_water = high_water


class Endpoint(Protocol):
    """Decides about handshakes and makes connections; `nexusd.server.rpc.RpcEndpoint` is one."""

    tuning: Tuning

    def accept(self, head: Head) -> tuple[str, Any]:
        """Check a handshake. Returns the subprotocol to choose, and the identity. Raises Refused."""
        ...

    def opened(self, socket: Socket, identity: Any) -> Connection:
        """Make the connection of an accepted socket, and send what comes first on it."""
        ...

    def closed(self, socket: Socket, connection: Connection) -> None:
        """Take note that a socket is gone."""
        ...


class Socket(asyncio.Protocol):
    """One WebSocket, as the protocol class that uvicorn hands the connection to when a request asks for an upgrade."""

    __slots__ = (
        "_backlog",
        "_backlog_size",
        "_close_timer",
        "_core",
        "_endpoint",
        "_heard",
        "_late_pong",
        "_leftover",
        "_loop",
        "_partial",
        "_partial_text",
        "_paused_reading",
        "_paused_writing",
        "_peer",
        "_ping_timer",
        "_pinged",
        "_pump_task",
        "_rpc",
        "_server",
        "_splitter",
        "_transport",
        "_waiters",
    )

    def __init__(
        self,
        config: Any,
        server_state: Any,
        app_state: dict[str, Any],
        _loop: asyncio.AbstractEventLoop | None = None,
    ) -> None:
        self._endpoint: Endpoint = app_state["endpoint"]
        self._peer: Peer = app_state["peer"]
        self._server = server_state
        self._loop = _loop or asyncio.get_running_loop()
        self._core = ServerProtocol(max_size=self._endpoint.tuning.max_size, logger=_core_log)
        self._transport: asyncio.Transport = None  # type: ignore[assignment]  # until connection_made
        self._rpc: Connection | None = None
        self._heard = self._loop.time()
        self._pinged = False
        self._splitter = FrameSplitter(self._deliver, self._feed_core, self._endpoint.tuning.max_size)
        self._leftover: bytes | None = None
        self._partial: bytearray | None = None
        self._partial_text = False
        self._backlog: deque[tuple[bool, bytes]] | None = None
        self._backlog_size = 0
        self._pump_task: asyncio.Task[None] | None = None
        self._paused_reading = False
        self._paused_writing = False
        self._waiters: deque[asyncio.Future[None]] | None = None
        self._late_pong: bytes | None = None
        self._ping_timer: asyncio.TimerHandle | None = None
        self._close_timer: asyncio.TimerHandle | None = None

    @property
    def transport(self) -> asyncio.Transport:
        """The TCP or Unix connection."""
        return self._transport

    @property
    def peer(self) -> Peer:
        """Who is on the other end."""
        return self._peer

    # --- transport ------------------------------------------------------------------------------------------------

    def connection_made(self, transport: asyncio.BaseTransport) -> None:
        """The TCP or Unix connection is there; called once."""
        self._transport = cast(asyncio.Transport, transport)
        self._server.connections.add(self)

    def connection_lost(self, exc: Exception | None) -> None:
        """The TCP or Unix connection is gone; called once."""
        self._server.connections.discard(self)
        for timer in (self._ping_timer, self._close_timer):
            if timer is not None:
                timer.cancel()
        self._ping_timer = self._close_timer = None
        self._leftover = self._partial = self._late_pong = None
        self._backlog = None
        self._splitter.clear()
        self._finish()
        self._paused_writing = False
        waiters, self._waiters = self._waiters, None
        for waiter in waiters or ():
            if not waiter.done():
                waiter.set_exception(ConnectionResetError("the connection was lost"))
        if self._peer.ticket is not None:
            self._peer.ticket.left()

    def eof_received(self) -> bool:
        """The peer finished its half: so do we."""
        return False

    def pause_writing(self) -> None:
        """Too much waits to be sent."""
        self._paused_writing = True

    def resume_writing(self) -> None:
        """There is room again."""
        self._paused_writing = False
        if self._late_pong is not None and self._core.state is OPEN:
            self._transport.write(self._late_pong)
        self._late_pong = None
        self._wake()

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        self._heard = self._loop.time()
        if self._leftover is not None:
            self._leftover += data
        else:
            self._receive(data)

    def shutdown(self) -> None:
        """Close, going away. uvicorn calls it on what it takes for its own protocol."""
        self.close(1001, "the daemon stops")

    # --- reading --------------------------------------------------------------------------------------------------

    def _receive(self, data: bytes) -> None:
        # a flood of tiny frames must not hold the loop
        if self._splitter.feed(data, _TURN_S) and not self._transport.is_closing():
            self._leftover = self._splitter.rest()
            self._pause_reading()
            self._loop.call_soon(self._go_on)

    def _go_on(self) -> None:
        data, self._leftover = self._leftover, None
        if data is not None and not self._transport.is_closing():
            self._receive(data)
            self._resume_reading()

    def _feed_core(self, data: bytes | memoryview) -> None:
        core = self._core
        if core.reader.eof or core.eof_sent:
            return
        core.receive_data(data)  # type: ignore[arg-type]  # bytes-like
        for event in core.events_received():
            if type(event) is Frame:
                opcode = event.opcode
                if opcode is Opcode.TEXT or opcode is Opcode.BINARY:
                    if event.fin:
                        self._deliver(opcode is Opcode.TEXT, event.data)  # type: ignore[arg-type]  # bytes-like
                    else:
                        self._partial = bytearray(event.data)
                        self._partial_text = opcode is Opcode.TEXT
                elif opcode is Opcode.CONT:
                    self._continue(event)
                elif opcode is Opcode.PONG:
                    self._pinged = False
            elif isinstance(event, Request):
                self._handshake(event)
        if core.writes:
            self._flush()
        if core.parser_exc is not None:
            self._finish()
        self._splitter.plain = core.state is OPEN and self._partial is None

    def _continue(self, event: Frame) -> None:
        assert self._partial is not None
        self._partial += event.data
        if event.fin:
            whole, self._partial = bytes(self._partial), None
            self._deliver(self._partial_text, whole)

    def _deliver(self, text: bool, data: bytes) -> None:
        rpc = self._rpc
        if rpc is None or self._core.state is not OPEN:
            return
        if self._pump_task is None:
            if not text:
                self._binary(rpc, data)
                return
            if rpc.ready and not self._paused_writing and not self._waiters:
                self._text(rpc, data)
                return
        if self._backlog is None:
            self._backlog = deque()
        self._backlog.append((text, data))
        self._backlog_size += len(data)
        if self._pump_task is None:
            self._pump_task = self._loop.create_task(self._pump(rpc, self._backlog))
        if self._backlog_size > _BACKLOG or len(self._backlog) > _BACKLOG_FRAMES:
            self._pause_reading()

    async def _pump(self, rpc: Connection, backlog: deque[tuple[bool, bytes]]) -> None:
        """Handle what has come, in order, until nothing is left."""
        try:
            while backlog and not rpc.closed:
                text, data = backlog.popleft()
                self._backlog_size -= len(data)
                if text:
                    await rpc.feed_text(data)
                else:
                    self._binary(rpc, data)
        except Exception:
            self._broke()
        finally:
            self._pump_task = None
            self._backlog = None
            self._backlog_size = 0
        self._resume_reading()

    def _text(self, rpc: Connection, data: bytes) -> None:
        try:
            answer = rpc.begin(data)
            if answer is not None and not rpc.closed:
                self.post(answer)
        except Exception:
            self._broke()

    def _broke(self) -> None:
        _log.exception("a connection broke")
        self.close(1011, "internal error")

    def _binary(self, rpc: Connection, data: bytes) -> None:
        try:
            rpc.feed_bytes(data)
        except ProtocolViolation as violation:
            self.expel(violation.code, violation.reason)

    def _pause_reading(self) -> None:
        if not self._paused_reading and not self._transport.is_closing():
            self._paused_reading = True
            self._transport.pause_reading()

    def _resume_reading(self) -> None:
        if self._paused_reading and self._leftover is None and self._pump_task is None:
            self._paused_reading = False
            if not self._transport.is_closing():
                self._transport.resume_reading()

    # --- handshake ------------------------------------------------------------------------------------------------

    def _handshake(self, request: Request) -> None:
        core = self._core
        response = core.accept(request)
        identity: Any = None
        try:
            head = _head_of(request, self._peer)
            subprotocol, identity = self._endpoint.accept(head)
            if response.status_code == HTTPStatus.SWITCHING_PROTOCOLS:
                response.headers["Sec-WebSocket-Protocol"] = subprotocol
        except Refused as refused:
            response = _response(refused)
        except Exception:
            _log.exception("a handshake failed")
            response = _response(
                Refused(HTTPStatus.INTERNAL_SERVER_ERROR, "internal_error", "the daemon failed; its log says why")
            )
        core.send_response(response)
        self._flush()
        if core.state is not OPEN:
            return
        tuning = self._endpoint.tuning
        self._transport.set_write_buffer_limits(tuning.high_water)
        self._splitter.framed = True
        self._rpc = self._endpoint.opened(self, identity)
        self._ping_timer = self._loop.call_later(tuning.ping_s, self._keep_alive)

    # --- writing --------------------------------------------------------------------------------------------------

    async def send_text(self, data: bytes) -> None:
        """Send one text frame; waits while the peer does not take what was sent. Raises ConnectionError if it left."""
        if self._paused_writing:
            await self._room()
        self.post(data)
        if self._waiters and not self._paused_writing:
            self._wake()

    async def send_bytes(self, data: bytes, payload: bytes | memoryview = b"") -> None:
        """Send one binary frame of `data` and what follows it, as `send_text`.

        Args:
            data: its beginning.
            payload: the rest. It is kept, not copied, until the peer has taken it, so it must not change any more.
        """
        if self._paused_writing:
            await self._room()
        self._frame(_BINARY, data, payload)
        if self._waiters and not self._paused_writing:
            self._wake()

    def post(self, data: bytes) -> None:
        """Send one text frame without waiting. Raises ConnectionError if the peer is gone."""
        self._frame(_TEXT, data)

    def _frame(self, kind: int, data: bytes, payload: bytes | memoryview = b"") -> None:
        if self._core.state is not OPEN or self._transport.is_closing():
            raise ConnectionResetError("the connection is closed")
        size = len(data) + len(payload)
        if size < 126:
            head = bytes((kind, size))
        else:
            head = _short(kind, 126, size) if size < 65536 else _long(kind, 127, size)
        if size <= _SMALL:
            self._transport.write(b"".join((head, data, payload)))
        elif payload:
            self._transport.writelines((head + data, payload))
        else:
            self._transport.writelines((head, data))

    async def _room(self) -> None:
        while self._paused_writing:
            if self._waiters is None:
                self._waiters = deque()
            waiter = self._loop.create_future()
            self._waiters.append(waiter)
            try:
                await waiter
            except asyncio.CancelledError:
                # it may have been its turn: then it is the next one's
                if not self._paused_writing:
                    self._wake()
                raise

    def _wake(self) -> None:
        # one at a time, in order: all at once would each add a frame to a buffer that has room for few
        waiters = self._waiters
        while waiters:
            waiter = waiters.popleft()
            if not waiter.done():
                waiter.set_result(None)
                return

    def _flush(self) -> None:
        """Send what the core wants to send: pongs, close frames, the end."""
        chunks = self._core.data_to_send()
        if self._transport.is_closing():
            return
        if self._paused_writing and self._core.state is OPEN:
            # only the last of many pings has to be answered, and not before there is room
            self._late_pong = chunks[-1]
            return
        for chunk in chunks:
            if chunk:
                self._transport.write(chunk)
            else:
                self._end()

    # --- the end --------------------------------------------------------------------------------------------------

    def _keep_alive(self) -> None:
        ping_s = self._endpoint.tuning.ping_s
        silence = self._loop.time() - self._heard
        if silence < ping_s * 0.95:
            self._pinged = False
            self._ping_timer = self._loop.call_later(ping_s - silence, self._keep_alive)
            return
        if self._pinged:
            self._ping_timer = None
            if self._core.state is OPEN:
                self._core.fail(1011, "no answer to a ping")
                self._flush()
            self._finish()
            return
        self._pinged = True
        if self._core.state is OPEN:
            self._core.send_ping(b"")
            self._flush()
        self._ping_timer = self._loop.call_later(ping_s, self._keep_alive)

    def expel(self, code: int, reason: str) -> None:
        """Send `session.closing`, then close."""
        if self._core.state is OPEN and not self._transport.is_closing():
            self.post(encode_notification("session.closing", SessionClosingParams(code=code, reason=reason)))
        self.close(code, reason)

    def close(self, code: int, reason: str = "") -> None:
        """Close; returns at once. A peer that does not close its side within two seconds is cut off."""
        core = self._core
        if core.state is OPEN:
            core.send_close(code, reason.encode()[:123].decode(errors="ignore"))
            self._flush()
            self._linger()
        elif core.state is not CLOSING:
            self._transport.abort()
        self._finish()

    def _end(self) -> None:
        # Closing while bytes of the peer lie unread would reset the connection, and our close frame with it: finish our
        # half, drop what still comes, and wait for the peer to finish its own.
        if self._transport.can_write_eof():
            self._transport.write_eof()
            self._leftover = None
            self._backlog_size = 0
            if self._paused_reading:
                self._paused_reading = False
                self._transport.resume_reading()
        else:
            self._transport.close()
        self._linger()

    def _linger(self) -> None:
        if self._close_timer is None:
            self._close_timer = self._loop.call_later(_LINGER_S, self._transport.abort)

    def _finish(self) -> None:
        """The connection serves no more calls."""
        rpc, self._rpc = self._rpc, None
        if rpc is not None:
            rpc.close()
            self._endpoint.closed(self, rpc)


def _head_of(request: Request, peer: Peer) -> Head:
    path, _, query = request.path.partition("?")
    headers = [(name.lower(), value) for name, value in request.headers.raw_items()]
    return Head("GET", path, query, headers, peer, websocket=True)


def _response(refused: Refused) -> Response:
    headers, body = refusal(refused)
    return Response(refused.status.value, refused.status.phrase, Headers([*headers, ("connection", "close")]), body)
