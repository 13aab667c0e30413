"""A client that hides nothing: frames as they are, no retry, no resume. For tests at the level of the protocol."""

from __future__ import annotations

import asyncio
import itertools
import json
from collections.abc import Mapping
from pathlib import Path
from types import TracebackType
from typing import Any

from nexus_sdk.protocol.methods import METHODS
from nexus_sdk.wire.frames import FrameType, decode, encode
from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import ConnectionClosed

PATIENCE = 20.0
"""Seconds to wait for what must come; only ever reached by a failure."""

WINDOW = 64 * 1024 * 1024
SUBPROTOCOL = "nexus.v1"
ENDLESS = frozenset({"exec.attach", "fs.upload", "fs.watch", "port.forward", "workspace.watch"})
"""Streams that wait for somebody when they are left alone."""


async def open_socket(
    target: str | Path,
    token: str | None = None,
    *,
    headers: Mapping[str, str] | None = None,
    subprotocols: tuple[str, ...] = (SUBPROTOCOL,),
) -> ClientConnection:
    """A bare WebSocket to a daemon: `target` is its ``ws://`` URL, or the path of its Unix socket."""
    sent = dict(headers or {})
    if token is not None:
        sent["Authorization"] = f"Bearer {token}"
    options: dict[str, Any] = {
        "subprotocols": list(subprotocols),
        "additional_headers": sent,
        "compression": None,
        "max_size": None,
        "ping_interval": None,
        "open_timeout": PATIENCE,
        "close_timeout": 2.0,
        "proxy": None,
    }
    if isinstance(target, Path):
        return await unix_connect(str(target), "ws://localhost/rpc", **options)
    return await connect(target, **options)


class WireClient:
    """One connection. `async with await WireClient.open(...)`, or `close` it.

    Attributes:
        ready: the params of `session.ready`.
        closing: the params of every `session.closing` that came.
        closed: done when the server has closed: its close code.
    """

    def __init__(self, socket: ClientConnection) -> None:
        self.socket = socket
        self.ready: dict[str, Any] = {}
        self.closing: list[dict[str, Any]] = []
        self.closed: asyncio.Future[int] = asyncio.get_running_loop().create_future()
        self.progress: list[dict[str, Any]] = []
        self.unasked: asyncio.Queue[dict[str, Any]] = asyncio.Queue()
        """Answers to ids that were not sent by `call`, such as those with the id null."""
        self._ids = itertools.count(1)
        self._answers: dict[Any, asyncio.Future[dict[str, Any]]] = {}
        self._opening: dict[Any, WireStream] = {}
        self._streams: dict[int, WireStream] = {}
        self._reader: asyncio.Task[None] | None = None

    @classmethod
    async def open(cls, target: str | Path, token: str | None = None, **options: Any) -> WireClient:
        """Connect and take the greeting."""
        client = cls(await open_socket(target, token, **options))
        greeting = json.loads(await asyncio.wait_for(client.socket.recv(), PATIENCE))
        assert greeting["method"] == "session.ready", greeting
        client.ready = greeting["params"]
        client._reader = asyncio.create_task(client._read())
        return client

    async def __aenter__(self) -> WireClient:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    async def close(self) -> None:
        """Close the connection."""
        await self.socket.close()
        if self._reader is not None:
            await self._reader

    async def drop(self) -> None:
        """Cut the connection, as a network does: no close handshake."""
        self.socket.transport.abort()
        if self._reader is not None:
            await self._reader

    async def send(self, method: str, params: Mapping[str, Any], id: Any = None) -> Any:
        """Send a request without waiting for its answer; returns its id."""
        id = next(self._ids) if id is None else id
        self._answers[id] = asyncio.get_running_loop().create_future()
        await self.socket.send(json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
        return id

    async def answer(self, id: Any, patience: float = PATIENCE) -> dict[str, Any]:
        """The whole answer to a request."""
        return await asyncio.wait_for(asyncio.shield(self._answers[id]), patience)

    async def rpc(self, method: str, /, **params: Any) -> dict[str, Any]:
        """One call; its whole answer. A stream that opens and would never end is cancelled: that is a result."""
        if method not in METHODS or METHODS[method].kind != "stream":
            return await self.answer(await self.send(method, params))
        stream = await self.begin(method, **params)
        if await asyncio.wait_for(asyncio.shield(stream.started), PATIENCE) and method in ENDLESS:
            await stream.cancel()
            await stream.answer()
            return {"result": {"opened": stream.info}}
        return await stream.answer()

    async def call(self, method: str, /, **params: Any) -> Any:
        """One call that must succeed; its result."""
        answer = await self.rpc(method, **params)
        assert "error" not in answer, f"{method}: {answer['error']}"
        return answer["result"]

    async def fails(self, method: str, /, **params: Any) -> dict[str, Any]:
        """One call that must fail; its error's data, with code and message beside."""
        return failed(method, await self.rpc(method, **params))

    async def cancel(self, id: Any) -> None:
        """Send `$/cancel`."""
        await self.socket.send(json.dumps({"jsonrpc": "2.0", "method": "$/cancel", "params": {"id": id}}))

    async def stream(self, method: str, /, **params: Any) -> WireStream:
        """Begin a stream and wait for its `stream.open`; raises AssertionError where it is refused."""
        stream = await self.begin(method, **params)
        await stream.opened()
        return stream

    async def begin(self, method: str, /, **params: Any) -> WireStream:
        """Begin a stream; whether it opens is still to be seen."""
        id = next(self._ids)
        stream = self._opening[id] = WireStream(self, id)
        await self.send(method, params, id)
        return stream

    async def raw(self, data: str | bytes) -> None:
        """Send one frame as it is."""
        await self.socket.send(data)

    async def alive(self) -> None:
        """Fail unless the connection still serves calls."""
        assert "time" in await self.call("session.ping")

    async def _read(self) -> None:
        code = 1006
        try:
            async for message in self.socket:
                if isinstance(message, bytes):
                    self._frame(message)
                else:
                    self._message(json.loads(message))
            code = self.socket.close_code or 1006
        except ConnectionClosed as closed:
            code = closed.rcvd.code if closed.rcvd is not None else 1006
        finally:
            if not self.closed.done():
                self.closed.set_result(code)
            for answer in self._answers.values():
                if not answer.done():
                    answer.set_exception(ConnectionError(f"the connection ended with {code}"))
                    answer.exception()
            for stream in [*self._opening.values(), *self._streams.values()]:
                stream.items.put_nowait(("end", code))
                if not stream.started.done():
                    stream.started.set_result(False)

    def _message(self, message: dict[str, Any]) -> None:
        method, params = message.get("method"), message.get("params")
        if method is None:
            id = message.get("id")
            waiting = self._answers.get(id)
            stream = self._opening.pop(id, None)
            if waiting is None or waiting.done():
                self.unasked.put_nowait(message)
                return
            waiting.set_result(message)
            if stream is not None:
                stream.started.set_result(False)
            for known in self._streams.values():
                if known.id == id:
                    known.items.put_nowait(("answer", message))
        elif method == "stream.open":
            assert params is not None
            stream = self._opening.pop(params["id"])
            stream.number, stream.info = params["stream"], params.get("info")
            self._streams[stream.number] = stream
            stream.started.set_result(True)
        elif method == "stream.event":
            assert params is not None
            self._streams[params["stream"]].items.put_nowait(("event", params.get("cursor"), params["event"]))
        elif method == "session.closing":
            assert params is not None
            self.closing.append(params)
        elif method == "$/progress":
            assert params is not None
            self.progress.append(params)

    def _frame(self, data: bytes) -> None:
        frame = decode(data)
        stream = self._streams[frame.stream]
        if frame.type is FrameType.DATA:
            stream.items.put_nowait(("data", frame.channel, frame.offset, bytes(frame.payload)))
        elif frame.type is FrameType.EOF:
            stream.items.put_nowait(("eof", frame.channel, frame.offset))
        else:
            stream.credit = max(stream.credit, frame.offset)
            stream.credited.set()


class WireStream:
    """One stream of a connection.

    Attributes:
        info: what `stream.open` said.
        items: everything that came, in order: ``("data", channel, offset, bytes)``, ``("eof", channel, offset)``,
            ``("event", cursor, event)``, ``("answer", message)``, ``("end", close code)``.
        credit: up to which offset we may send.
    """

    def __init__(self, client: WireClient, id: Any) -> None:
        self.client = client
        self.id = id
        self.number = 0
        self.info: Any = None
        self.started: asyncio.Future[bool] = asyncio.get_running_loop().create_future()
        self.items: asyncio.Queue[tuple[Any, ...]] = asyncio.Queue()
        self.credit = 0
        self.credited = asyncio.Event()

    async def opened(self) -> WireStream:
        """Wait until it is open."""
        if not await asyncio.wait_for(asyncio.shield(self.started), PATIENCE):
            raise AssertionError(f"the stream was refused: {await self.answer()}")
        return self

    async def next(self, patience: float = PATIENCE) -> tuple[Any, ...]:
        """What comes next."""
        return await asyncio.wait_for(self.items.get(), patience)

    async def event(self) -> dict[str, Any]:
        """The next event; fails on anything else."""
        item = await self.next()
        assert item[0] == "event", item
        return dict(item[2])

    async def data(self, size: int, channel: int = 1) -> bytes:
        """Exactly `size` bytes of a channel; what comes on other channels is dropped."""
        got = b""
        while len(got) < size:
            item = await self.next()
            assert item[0] in ("data", "eof"), item
            if item[0] == "data" and item[1] == channel:
                got += item[3]
        assert len(got) == size, (len(got), size)
        return got

    async def until(self, wanted: bytes, channel: int = 1) -> bytes:
        """Bytes of a channel until they contain `wanted`."""
        got = b""
        while wanted not in got:
            item = await self.next()
            assert item[0] in ("data", "eof"), (item, got[-500:])
            if item[0] == "data" and item[1] == channel:
                got += item[3]
        return got

    async def rest(self, channel: int = 1) -> tuple[bytes, dict[str, Any]]:
        """Everything of a channel to the end, and the answer. Credit is not renewed: ask for a large window."""
        got = b""
        while True:
            item = await self.next()
            if item[0] == "data" and item[1] == channel:
                got += item[3]
            elif item[0] == "answer":
                return got, item[1]
            elif item[0] == "end":
                raise ConnectionError(f"the connection ended with {item[1]}")

    async def answer(self) -> dict[str, Any]:
        """The answer to the request."""
        return await self.client.answer(self.id)

    async def send(self, offset: int, data: bytes) -> None:
        """Send bytes to the machine, in frames of at most 64 KiB, without looking at the credit."""
        for start in range(0, len(data), 65536):
            part = data[start : start + 65536]
            await self.client.raw(encode(FrameType.DATA, 0, self.number, offset + start, part))

    async def pump(self, data: bytes, offset: int = 0) -> None:
        """Send bytes as far as credit allows, until all are out or the stream has ended."""
        answered = self.client._answers[self.id]
        self.credit = max(self.credit, offset + (self.info.get("window") or self.info.get("stdin_window") or 0))
        sent = 0
        while sent < len(data) and not answered.done():
            room = min(self.credit - offset - sent, len(data) - sent)
            if room > 0:
                await self.send(offset + sent, data[sent : sent + room])
                sent += room
                continue
            self.credited.clear()
            more = asyncio.create_task(self.credited.wait())
            await asyncio.wait((more, answered), timeout=PATIENCE, return_when=asyncio.FIRST_COMPLETED)
            more.cancel()

    async def eof(self, offset: int) -> None:
        """Say that nothing more comes."""
        await self.client.raw(encode(FrameType.EOF, 0, self.number, offset))

    async def grant(self, limit: int) -> None:
        """Raise what the daemon may send, an absolute offset."""
        await self.client.raw(encode(FrameType.CREDIT, 1, self.number, limit))

    async def cancel(self) -> None:
        """Cancel it."""
        await self.client.cancel(self.id)


def failed(method: str, answer: Mapping[str, Any]) -> dict[str, Any]:
    """The error of an answer, as one mapping: code, message, name, hint, retryable, details."""
    assert "error" in answer, f"{method} succeeded: {str(answer)[:500]}"
    error = answer["error"]
    return {"code": error["code"], "message": error["message"], **error["data"]}
