"""One HTTP request and its answer, over ASGI."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Awaitable, Callable, Coroutine, Iterable, MutableMapping
from http import HTTPStatus
from typing import Any, Final, TypeVar

import msgspec

from nexusd.server.head import Head, Refused
from nexusd.server.replies import JSON, common, refusal

__all__ = ["Exchange", "Gone"]

T = TypeVar("T")
Message = MutableMapping[str, Any]

CHUNK_DEADLINE: Final = 30.0
"""Seconds to wait for the next part of a body, or for the client to take some of ours."""


_DISCARD: Final = 4 << 20
_DISCARD_S: Final = 1.0


class Gone(Exception):
    """The client has gone; nobody is there to answer."""


class Exchange:
    """One request being answered.

    Attributes:
        head: the request's head.
        started: whether the answer has begun.
    """

    def __init__(
        self,
        head: Head,
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        self.head = head
        self.started = False
        self._receive = receive
        self._send = send
        self._body_done = False

    async def chunks(self) -> AsyncIterator[bytes]:
        """The body, part by part.

        Raises:
            Gone: the client went away.
            Refused: 408, nothing has come for 30 seconds.
        """
        while not self._body_done:
            try:
                async with asyncio.timeout(CHUNK_DEADLINE):
                    message = await self._receive()
            except TimeoutError:
                raise Refused(
                    HTTPStatus.REQUEST_TIMEOUT,
                    "body_timeout",
                    "the body stopped coming",
                    headers=[("connection", "close")],
                ) from None
            if message["type"] != "http.request":
                raise Gone
            self._body_done = not message.get("more_body", False)
            if message["body"]:
                yield message["body"]

    async def body(self, limit: int) -> bytes:
        """The whole body.

        Raises:
            Refused: 413, it has more than `limit` bytes, said or sent.
            Gone: the client went away.
        """
        stated = self.head.one("content-length")
        if stated is not None and stated.isdecimal() and int(stated) > limit:
            raise _too_large(limit)
        parts: list[bytes] = []
        size = 0
        async for chunk in self.chunks():
            size += len(chunk)
            if size > limit:
                raise _too_large(limit)
            parts.append(chunk)
        return parts[0] if len(parts) == 1 else b"".join(parts)

    async def unless_gone(self, work: Coroutine[Any, Any, T]) -> T:
        """Run `work`; it is cancelled when the client goes away. The body must have been read.

        Raises:
            Gone: the client went away.
        """
        task = asyncio.ensure_future(work)
        watch = asyncio.ensure_future(self._receive())
        try:
            await asyncio.wait((task, watch), return_when=asyncio.FIRST_COMPLETED)
            if not task.done():
                raise Gone
            return task.result()
        finally:
            for waiting in (task, watch):
                waiting.cancel()
            await asyncio.wait((task, watch))

    async def start(self, status: HTTPStatus, headers: Iterable[tuple[str, str]]) -> None:
        """Begin the answer."""
        merged = dict(common(self.head.peer.secure))
        merged.update(headers)
        self.started = True
        await self._bounded(
            {
                "type": "http.response.start",
                "status": int(status),
                "headers": [(name.encode("latin-1"), value.encode("latin-1")) for name, value in merged.items()],
            }
        )

    async def write(self, body: bytes | memoryview) -> None:
        """Send a part of the answer's body; waits while the client does not take what was sent.

        Raises:
            Gone: the client took nothing for 30 seconds.
        """
        await self._bounded({"type": "http.response.body", "body": body, "more_body": True})

    async def end(self, body: bytes | memoryview = b"") -> None:
        """Finish the answer."""
        await self._bounded({"type": "http.response.body", "body": body, "more_body": False})

    async def reply(self, status: HTTPStatus, body: bytes = b"", headers: Iterable[tuple[str, str]] = ()) -> None:
        """The whole answer at once."""
        length = (
            () if status in (HTTPStatus.NO_CONTENT, HTTPStatus.NOT_MODIFIED) else (("content-length", str(len(body))),)
        )
        await self.start(status, [*headers, *length])
        await self.end(body)

    async def json(self, value: object, status: HTTPStatus = HTTPStatus.OK) -> None:
        """Answer with a JSON value."""
        await self.reply(status, msgspec.json.encode(value), [("content-type", JSON)])

    async def refuse(self, refused: Refused) -> None:
        """Answer with an error. A body that was not read ends the connection, because it is still to come."""
        headers, body = refusal(refused)
        if not self._body_done and self.head.method not in ("GET", "HEAD"):
            headers.append(("connection", "close"))
            if self.head.one("expect") is None:
                await self._discard()
        await self.start(refused.status, headers)
        await self.end(body)

    async def _discard(self) -> None:
        # a connection that is closed over unread bytes is reset, and the answer may never be seen
        discarded = 0
        try:
            async with asyncio.timeout(_DISCARD_S):
                async for chunk in self.chunks():
                    discarded += len(chunk)
                    if discarded > _DISCARD:
                        return
        except (TimeoutError, Refused):
            return

    async def _bounded(self, message: Message) -> None:
        try:
            async with asyncio.timeout(CHUNK_DEADLINE):
                await self._send(message)
        except (TimeoutError, OSError):
            raise Gone from None


def _too_large(limit: int) -> Refused:
    return Refused(
        HTTPStatus.REQUEST_ENTITY_TOO_LARGE,
        "message_too_large",
        f"the body has more than {limit} bytes",
        "Send large content to /files, or as a stream.",
    )
