"""The bare client: WebSocket frames over a blocking socket, and nothing else, so that the server is what is measured.

It masks with zeros, which costs the sender nothing and the server as much as any other mask.
"""

from __future__ import annotations

import base64
import os
import socket
import struct
from collections.abc import Callable
from typing import Any

import msgspec
from nexus_sdk.wire.frames import HEADER, MAX_PAYLOAD, FrameType, encode_credit, encode_data, encode_eof

__all__ = ["BINARY", "TEXT", "Wire", "masked"]

TEXT = 0x81
BINARY = 0x82
_DATA = (TEXT, BINARY)
_CLOSE = 0x88
_PING = 0x89
_PONG = 0x8A
_BUFFER = 4 << 20
_NO_MASK = bytes(4)
_TIMEOUT_S = 60.0
_decode = msgspec.json.decode
_encode = msgspec.json.encode


def masked(kind: int, payload: bytes) -> bytes:
    """A client's frame, header and payload in one."""
    return _head(kind, len(payload)) + payload


def _head(kind: int, size: int) -> bytes:
    if size < 126:
        return bytes((kind, 0x80 | size)) + _NO_MASK
    if size < 65536:
        return struct.pack("!BBH", kind, 0x80 | 126, size) + _NO_MASK
    return struct.pack("!BBQ", kind, 0x80 | 127, size) + _NO_MASK


class Wire:
    """One WebSocket.

    Args:
        port: on 127.0.0.1.
        path: of the endpoint.
        token: for the Authorization header; None sends none.
        subprotocol: to offer; None offers none.
        buffered: bytes of the receive buffer; frames must fit.
    """

    def __init__(
        self,
        port: int,
        path: str = "/rpc",
        *,
        token: str | None = None,
        subprotocol: str | None = None,
        buffered: int = _BUFFER,
    ) -> None:
        self.socket = socket.create_connection(("127.0.0.1", port), _TIMEOUT_S)
        self.socket.setsockopt(socket.IPPROTO_TCP, socket.TCP_NODELAY, 1)
        self._buffer = bytearray(buffered)
        self._view = memoryview(self._buffer)
        self._start = self._end = 0
        self._next_id = 1
        self.socket.sendall(handshake(port, path, token, subprotocol))

    def opened(self) -> Wire:
        """Wait for the end of the handshake.

        Raises:
            ConnectionError: the server refused it.
        """
        while (end := self._buffer.find(b"\r\n\r\n", 0, self._end)) < 0:
            count = self.socket.recv_into(self._view[self._end :])
            if not count:
                raise ConnectionError("the server hung up during the handshake")
            self._end += count
        if not self._buffer.startswith(b"HTTP/1.1 101"):
            raise ConnectionError(bytes(self._buffer[: self._end]).decode(errors="replace"))
        self._start = end + 4
        return self

    def close(self, *, reset: bool = False) -> None:
        """Hang up; with `reset` so that the port is free again at once."""
        if reset:
            self.socket.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
        self._view.release()
        self.socket.close()

    def __enter__(self) -> Wire:
        try:
            return self.opened()
        except BaseException:
            self.close()
            raise

    def __exit__(self, *exception: object) -> None:
        self.close()

    # --- frames ---------------------------------------------------------------------------------------------------

    def send(self, payload: bytes, kind: int = TEXT) -> None:
        """Send one frame."""
        self.socket.sendall(_head(kind, len(payload)) + payload)

    def frames(self) -> list[tuple[int, memoryview]]:
        """Wait for at least one whole data frame; all that are there, as kind and payload, valid until the next call.

        Raises:
            ConnectionError: the server closed.
        """
        found: list[tuple[int, memoryview]] = []
        while True:
            self._parse(found)
            if found:
                return found
            self._fill()

    def _parse(self, found: list[tuple[int, memoryview]]) -> None:
        buffer, view, at, end = self._buffer, self._view, self._start, self._end
        while end - at >= 2:
            size = buffer[at + 1]
            start = at + 2
            if size == 126:
                start = at + 4
                size = int.from_bytes(view[at + 2 : start], "big")
            elif size == 127:
                start = at + 10
                size = int.from_bytes(view[at + 2 : start], "big")
            stop = start + size
            if stop > end:
                break
            kind = buffer[at]
            if kind in _DATA:
                found.append((kind, view[start:stop]))
            elif kind == _PING:
                self.send(bytes(view[start:stop]), _PONG)
            elif kind == _CLOSE:
                raise ConnectionError(f"the server closed: {bytes(view[start:stop])!r}")
            at = stop
        self._start = at

    def _fill(self) -> None:
        left = self._end - self._start
        if self._start:
            self._buffer[:left] = self._view[self._start : self._end].tobytes()
            self._start, self._end = 0, left
        count = self.socket.recv_into(self._view[left:])
        if not count:
            raise ConnectionError("the server hung up")
        self._end += count

    # --- calls ----------------------------------------------------------------------------------------------------

    def request(self, method: str, params: dict[str, Any]) -> int:
        """Send a request; its id."""
        id = self._next_id
        self._next_id += 1
        self.send(_encode({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
        return id

    def call(self, method: str, **params: Any) -> Any:
        """One call; its result.

        Raises:
            RuntimeError: it was answered with an error.
        """
        id = self.request(method, params)
        while True:
            for kind, payload in self.frames():
                if kind == TEXT:
                    message = _decode(payload)
                    if message.get("id") == id and "method" not in message:
                        return _result(method, message)

    def events(self, method: str, **params: Any) -> None:
        """Open a stream of events and wait until it is in place."""
        self.request(method, params)
        while True:
            for _, payload in self.frames():
                message = _decode(payload)
                if "error" in message:
                    _result(method, message)
                if message.get("method") == "stream.open":
                    return

    # --- streams of bytes -----------------------------------------------------------------------------------------

    def pull(
        self,
        method: str,
        window: int,
        take: Callable[[memoryview], object],
        first_input: bytes = b"",
        **params: Any,
    ) -> int:
        """Follow a stream of bytes to its end, granting credit as a client does; returns how many bytes came.

        Args:
            method: of the stream.
            window: credit, in bytes.
            take: is given each payload.
            first_input: sent up the stream when it is open; nothing where empty.
            params: of the method.

        Raises:
            RuntimeError: it failed, or the offsets had a gap.
        """
        id = self.request(method, {**params, "window": window})
        number = position = 0
        granted = window
        data = FrameType.DATA
        unpack = HEADER.unpack_from
        while True:
            for kind, payload in self.frames():
                if kind == BINARY:
                    type_, _, _, offset = unpack(payload)
                    if type_ == data:
                        if offset != position:
                            raise RuntimeError(f"{method}: offset {offset} instead of {position}")
                        bytes_ = payload[HEADER.size :]
                        take(bytes_)
                        position += len(bytes_)
                    continue
                message = _decode(payload)
                if message.get("method") == "stream.open":
                    number = message["params"]["stream"]
                    if first_input:
                        self.send(encode_data(0, number, 0, first_input), BINARY)
                elif message.get("id") == id:
                    _result(method, message)
                    return position
            if granted - position <= window // 2:
                granted = position + window
                self.send(encode_credit(1, number, granted), BINARY)

    def push(self, method: str, source: int, size: int, **params: Any) -> None:
        """Send `size` bytes of an open file up a stream, as far as credit goes, and wait for its end."""
        id = self.request(method, {**params, "size": size})
        number = position = limit = 0
        block = memoryview(bytearray(MAX_PAYLOAD))
        ended = False
        while True:
            for kind, payload in self.frames():
                if kind == BINARY:
                    type_, channel, _, offset = HEADER.unpack_from(payload)
                    if type_ == FrameType.CREDIT and channel == 0:
                        limit = max(limit, offset)
                    continue
                message = _decode(payload)
                if message.get("method") == "stream.open":
                    number = message["params"]["stream"]
                    info = message["params"]["info"]
                    limit = info["offset"] + info["window"]
                elif message.get("id") == id:
                    _result(method, message)
                    return
            while position < min(limit, size):
                count = os.preadv(source, [block[: min(MAX_PAYLOAD, limit - position, size - position)]], position)
                frame = encode_data(0, number, position, block[:count])
                self._send_all(frame)
                position += count
            if number and position == size and not ended:
                ended = True
                self.send(encode_eof(0, number, size), BINARY)

    def _send_all(self, frame: bytes) -> None:
        head = _head(BINARY, len(frame))
        sent = self.socket.sendmsg([head, frame])
        if sent < len(head) + len(frame):
            self.socket.sendall(memoryview(frame)[sent - len(head) :])


def handshake(port: int, path: str, token: str | None, subprotocol: str | None) -> bytes:
    """The opening request."""
    lines = [
        f"GET {path} HTTP/1.1",
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        "Sec-WebSocket-Version: 13",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
    ]
    if subprotocol is not None:
        lines.append(f"Sec-WebSocket-Protocol: {subprotocol}")
    if token is not None:
        lines.append(f"Authorization: Bearer {token}")
    return ("\r\n".join(lines) + "\r\n\r\n").encode()


def _result(method: str, message: dict[str, Any]) -> Any:
    if "error" in message:
        raise RuntimeError(f"{method}: {message['error']}")
    return message["result"]
