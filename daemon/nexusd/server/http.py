"""HTTP on the wire: uvicorn's protocol, with limits that it leaves to a proxy."""

from __future__ import annotations

import asyncio
from http import HTTPStatus
from typing import Final

from uvicorn.protocols.http.httptools_impl import HttpToolsProtocol

from nexusd.server.head import Refused
from nexusd.server.peers import Peer, Turnstile
from nexusd.server.replies import refusal

__all__ = ["HEAD_DEADLINE", "MAX_HEAD", "HttpProtocol"]

HEAD_DEADLINE: Final = 10.0
"""Seconds within which the head of a request must have come."""

MAX_HEAD: Final = 65_536
"""Most bytes of a request's head."""


class HttpProtocol(HttpToolsProtocol):
    """One HTTP connection; becomes a WebSocket when a request asks for it.

    Knows who its peer is before it reads, takes a place at the turnstile, and gives the head of each request so much
    time and so much room.
    """

    _deadline: asyncio.TimerHandle | None = None
    _head_size = 0
    _held = b""
    _in_head = True
    _peer: Peer | None = None

    def connection_made(self, transport: asyncio.Transport) -> None:  # type: ignore[override]
        """Take a place, or leave again."""
        super().connection_made(transport)
        peer = Peer.of(transport)
        peer.transport = transport
        turnstile: Turnstile = self.app_state["turnstile"]
        self._peer = peer
        self.app_state = {**self.app_state, "peer": peer}
        peer.ticket = turnstile.enter(peer.address, self._proceed)
        if peer.ticket is None:
            self._refuse(
                HTTPStatus.SERVICE_UNAVAILABLE, "too_many_connections", "too many connections", "Try again in a while."
            )
            return
        self._deadline = self.loop.call_later(self.app_state["head_deadline"], self._too_slow)

    def connection_lost(self, exc: Exception | None) -> None:
        """Give the place back."""
        self._stop_deadline()
        super().connection_lost(exc)
        if self._peer is not None and self._peer.ticket is not None:
            self._peer.ticket.left()

    def data_received(self, data: bytes) -> None:
        """Bytes have come."""
        if self._held or (self._peer is not None and self._peer.ticket is not None and self._peer.ticket.waiting):
            # no sooner than here: a loop starts to read after connection_made, whatever that did
            self._held += data
            self.transport.pause_reading()
            return
        self._head_size += len(data)
        super().data_received(data)
        if self._in_head and self._head_size > MAX_HEAD and not self.transport.is_closing():
            self._refuse(
                HTTPStatus.REQUEST_HEADER_FIELDS_TOO_LARGE,
                "head_too_large",
                f"the head of the request has more than {MAX_HEAD} bytes",
            )

    def handle_websocket_upgrade(self) -> None:
        """Hand the connection over."""
        super().handle_websocket_upgrade()
        # nothing comes here any more; without its parser this object is freed at once and not by the collector
        self._stop_deadline()
        self._in_head = False
        self.parser = None  # type: ignore[assignment]

    def on_message_begin(self) -> None:
        """Parser: a request begins."""
        super().on_message_begin()
        self._in_head = True
        if self._deadline is None:
            self._deadline = self.loop.call_later(self.app_state["head_deadline"], self._too_slow)

    def on_headers_complete(self) -> None:
        """Parser: the head is there."""
        self._in_head = False
        self._head_size = 0
        self._stop_deadline()
        super().on_headers_complete()

    def on_message_complete(self) -> None:
        """Parser: the request is there."""
        self._head_size = 0
        super().on_message_complete()

    def _proceed(self) -> None:
        self.loop.call_soon(self._catch_up)

    def _catch_up(self) -> None:
        held, self._held = self._held, b""
        if held and not self.transport.is_closing():
            self.transport.resume_reading()
            self.data_received(held)

    def _too_slow(self) -> None:
        self._deadline = None
        self._refuse(HTTPStatus.REQUEST_TIMEOUT, "head_timeout", "the request did not come in time")

    def _stop_deadline(self) -> None:
        if self._deadline is not None:
            self._deadline.cancel()
            self._deadline = None

    def _refuse(self, status: HTTPStatus, name: str, message: str, hint: str = "") -> None:
        headers, body = refusal(Refused(status, name, message, hint, [("connection", "close")]))
        lines = "".join(f"{key}: {value}\r\n" for key, value in headers)
        self.transport.write(f"HTTP/1.1 {status.value} {status.phrase}\r\n{lines}\r\n".encode("latin-1") + body)
        self.transport.close()
