"""Single calls, each by a `POST /rpc` of its own: without an event loop, a WebSocket or a thread.

For programs that ask one thing and end. Methods and params, results and errors are those of `nexus.call`; streams and
progress need a connection.
"""

from __future__ import annotations

import math
import socket
import time
from collections.abc import Mapping
from typing import Any, Final
from urllib.parse import urlsplit

import msgspec

from nexus_sdk.calling import (
    check_size,
    deadline,
    decode_result,
    find,
    prepare,
    refusal,
    remote_error,
    unreachable,
)
from nexus_sdk.discovery import Address, Token, discover
from nexus_sdk.exceptions import CallTimeout, ConnectionFailed, ConnectionLost, ProtocolViolation
from nexus_sdk.wire.messages import (
    MAX_MESSAGE,
    ErrorResponse,
    MessageError,
    Response,
    decode_message,
    encode_request,
)

__all__ = ["OneShot"]

_ID: Final = 1
_MAX_HEAD: Final = 65_536
_MAX_BODY: Final = 4 * 1024 * 1024
_READ: Final = 65_536
_NO_HTTP: Final = "did not receive a valid HTTP response"


class OneShot:
    """Makes calls one at a time, each over a connection of its own. Safe to use from many threads.

    Nothing is repeated: a call whose answer was lost raises `ConnectionLost` with `may_have_run`. Proxies of the
    environment are not used.

    Args:
        url, token, environ: as for `connect`; a function as `token` must be synchronous.
        open_timeout: seconds for making a connection.
        ssl: an `ssl.SSLContext` for https; None verifies against the system's certificates.

    Raises:
        DaemonNotFound: no URL was given and there is no socket.
        ConnectionFailed: the URL cannot be used.
    """

    def __init__(
        self,
        url: str | None = None,
        token: Token | None = None,
        *,
        open_timeout: float = 10.0,
        ssl: Any = None,
        environ: Mapping[str, str] | None = None,
    ) -> None:
        self.address: Address = discover(url, token, environ=environ)
        self._open_timeout = open_timeout
        self._ssl = ssl

    def call(
        self, method: str, params: msgspec.Struct | dict[str, Any] | None = None, *, timeout: float | None = None
    ) -> Any:
        """Call a method and return its result.

        Args:
            method: its name.
            params: a struct of `nexus_sdk.protocol.types`, or a mapping; None for no params.
            timeout: seconds until `CallTimeout`; None takes the method's own deadline and a margin; `math.inf` none.

        Returns:
            The method's result struct; of a method this client does not know, JSON types.

        Raises:
            ConnectionFailed: nothing answers there, or not a daemon; nothing was done.
            Unauthenticated: the token was refused.
            ConnectionLost: the connection broke before the answer had come.
            CallTimeout: the deadline passed.
            ProtocolViolation: the answer is not what the schema says.
            NexusError: whatever the daemon answered.
        """
        spec = find(method)
        prepared = prepare(spec, params)
        request = encode_request(_ID, method, prepared)
        check_size(method, request, MAX_MESSAGE)
        limit = deadline(spec, prepared) if timeout is None else timeout
        status, body = self._post(method, request, limit)
        if status != 200:
            raise refusal(status, body, self.address)
        try:
            message = decode_message(body, _MAX_BODY)
        except (MessageError, UnicodeDecodeError) as error:
            raise ProtocolViolation(f"the answer to {method} is no message: {error}", may_have_run=True) from None
        if isinstance(message, ErrorResponse):
            raise remote_error(message)
        if not isinstance(message, Response) or message.id != _ID:
            raise ProtocolViolation(f"what {self.address} sent is no answer to {method}", may_have_run=True)
        return decode_result(method, spec, message.result)

    def _post(self, method: str, body: bytes, limit: float) -> tuple[int, bytes]:
        end = time.monotonic() + limit
        try:
            connected = self._connect(min(limit, self._open_timeout))
        except OSError as error:
            raise unreachable(self.address, error) from error
        with connected:
            try:
                connected.settimeout(_left(end))
                connected.sendall(self._head(len(body)) + body)
                return _Reader(connected, end).answer()
            except TimeoutError:
                raise CallTimeout(
                    f"{method} was not answered within {limit:g} s", timeout=limit, may_have_run=True
                ) from None
            except ValueError as error:
                raise ConnectionFailed(f"cannot connect to {self.address}: {error}") from None
            except OSError as error:
                message = f"the connection broke while {method} was under way: {error}"
                hint = "find out whether it had its effect before you repeat it, or give it a key"
                raise ConnectionLost(message, hint=hint, may_have_run=True) from error

    def _connect(self, timeout: float) -> socket.socket:
        if self.address.socket is not None:
            local = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
            try:
                local.settimeout(timeout)
                local.connect(self.address.socket)
            except BaseException:
                local.close()
                raise
            return local
        parts = urlsplit(self.address.url)
        secure = parts.scheme == "wss"
        host = parts.hostname or ""
        plain = socket.create_connection((host, parts.port or (443 if secure else 80)), timeout)
        if not secure:
            return plain
        import ssl

        try:
            context = ssl.create_default_context() if self._ssl is None else self._ssl
            wrapped: socket.socket = context.wrap_socket(plain, server_hostname=host)
        except BaseException:
            plain.close()
            raise
        return wrapped

    def _head(self, length: int) -> bytes:
        parts = urlsplit(self.address.url)
        token: Any = self.address.token
        if callable(token):
            token = token()
        lines = [
            f"POST {parts.path} HTTP/1.1",
            f"Host: {parts.netloc}",
            "Content-Type: application/json",
            f"Content-Length: {length}",
            "Connection: close",
        ]
        if token is not None:
            if not isinstance(token, str) or not token.isascii() or not token.isprintable():
                raise ConnectionFailed("the token cannot be sent: it is not text of one line in ASCII")
            lines.append(f"Authorization: Bearer {token}")
        return "\r\n".join([*lines, "", ""]).encode("ascii")


def _left(end: float) -> float | None:
    if math.isinf(end):
        return None
    left = end - time.monotonic()
    if left <= 0:
        raise TimeoutError
    return left


class _Reader:
    """Reads one HTTP answer.

    Its methods raise ValueError where that is not HTTP or too long, ConnectionResetError where it ends too early, and
    TimeoutError when the deadline has passed.
    """

    def __init__(self, connected: socket.socket, end: float) -> None:
        self._connected = connected
        self._end = end
        self._buffer = bytearray()

    def answer(self) -> tuple[int, bytes]:
        """Return status and body."""
        # a peer that speaks something else may never end a line
        while len(self._buffer) < 5:
            self._need()
        if not self._buffer.startswith(b"HTTP/"):
            raise ValueError(_NO_HTTP)
        words = self._line().split(maxsplit=2)
        if len(words) < 2 or not words[1].isdigit():
            raise ValueError(_NO_HTTP)
        fields: dict[bytes, bytes] = {}
        size = 0
        while line := self._line():
            size += len(line)
            if size > _MAX_HEAD:
                raise ValueError(_NO_HTTP)
            name, _, value = line.partition(b":")
            fields[name.strip().lower()] = value.strip().lower()
        return int(words[1]), self._body(fields)

    def _body(self, fields: Mapping[bytes, bytes]) -> bytes:
        if fields.get(b"transfer-encoding") == b"chunked":
            body = bytearray()
            while size := _number(self._line().partition(b";")[0].strip(), 16):
                body += self._take(size)
                self._take(2)
                _check_body(len(body))
            return bytes(body)
        if b"content-length" in fields:
            return self._take(_number(fields[b"content-length"], 10))
        while self._more():
            _check_body(len(self._buffer))
        return bytes(self._buffer)

    def _line(self) -> bytes:
        while (at := self._buffer.find(b"\r\n")) < 0:
            if len(self._buffer) > _MAX_HEAD:
                raise ValueError(_NO_HTTP)
            self._need()
        line = bytes(self._buffer[:at])
        del self._buffer[: at + 2]
        return line

    def _take(self, size: int) -> bytes:
        _check_body(size)
        while len(self._buffer) < size:
            self._need()
        taken = bytes(self._buffer[:size])
        del self._buffer[:size]
        return taken

    def _need(self) -> None:
        if not self._more():
            raise ConnectionResetError("it ended before the answer did")

    def _more(self) -> bool:
        self._connected.settimeout(_left(self._end))
        data = self._connected.recv(_READ)
        self._buffer += data
        return bool(data)


def _number(text: bytes, base: int) -> int:
    if not text.isalnum():
        raise ValueError(_NO_HTTP)
    return int(text, base)


def _check_body(size: int) -> None:
    if size > _MAX_BODY:
        raise ValueError(f"the answer has more than {_MAX_BODY} bytes")
