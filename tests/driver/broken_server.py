"""A server that speaks the protocol as badly as a script of schema/broken says; the README there has the steps."""

from __future__ import annotations

import asyncio
import contextlib
import json
import struct
from collections import Counter
from collections.abc import Awaitable, Callable
from dataclasses import dataclass, field
from http import HTTPStatus
from pathlib import Path
from types import TracebackType
from typing import Any

from nexus_sdk.protocol.errors import ERRORS
from nexus_sdk.protocol.methods import METHODS
from nexus_sdk.wire.frames import FrameType, decode
from websockets.asyncio.server import Server, ServerConnection, serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response as HttpResponse
from websockets.typing import Subprotocol

FOLDER = Path(__file__).resolve().parents[2] / "schema" / "broken"
RECORDS: dict[str, Any] = json.loads((FOLDER / "records.json").read_text(encoding="utf-8"))
NUMBERS = {row.name: code for code, row in ERRORS.items()}
HEADER = struct.Struct(">BBIQ")
"""Type, channel, stream and offset of a frame: packed here, because `encode` refuses to write what is wrong."""

PATIENCE_S = 20.0
"""How long the server waits for what a client must send; only ever reached by a failure."""

Json = dict[str, Any]
DEFAULT: dict[str, list[Any]] = {
    "session.ping": [{"result": {"$": "pong"}}],
    "workspace.get": [{"result": {"$": "workspace"}}],
    "workspace.update": [{"result": {"$": "workspace"}}],
    "exec.get": [{"result": {"$": "process"}}],
    "exec.start": [{"result": {"$": "process"}}],
    "exec.signal": [{"result": {"$": "process"}}],
    "fs.stat": [{"result": {"$": "file"}}],
    "fs.write": [{"result": {"$": "file"}}],
}
"""What is answered where a script says nothing of a method."""


@dataclass(frozen=True)
class Script:
    """One script; the attributes are its members."""

    name: str
    cases: list[Json]
    on: dict[str, list[list[Json]]] = field(default_factory=dict)
    handshake: Json = field(default_factory=dict)
    greet: list[Json] | None = None
    connect: Json = field(default_factory=lambda: {"ok": True})
    options: Json = field(default_factory=dict)
    topic: str = ""


def load_all() -> list[Script]:
    """Every script of the folder."""
    found = []
    for path in sorted(FOLDER.glob("*.json")):
        if path.name != "records.json":
            document = json.loads(path.read_text(encoding="utf-8"))
            assert set(document) == {"title", "scripts"}, path
            found += [Script(**one, topic=path.stem) for one in document["scripts"]]
    return found


def filled(value: Any, names: Json) -> Any:
    """Put in records, ``{"$": "process", "state": "exited"}``, and variables, ``"$id"``."""
    if isinstance(value, list):
        return [filled(inner, names) for inner in value]
    if isinstance(value, dict):
        inner = {key: filled(member, names) for key, member in value.items()}
        if "$" not in inner:
            return inner
        record = filled(RECORDS[inner.pop("$")], names)
        return {key: member for key, member in {**record, **inner}.items() if member != "$absent"}
    if isinstance(value, str) and value[:1] == "$" and value[1:] in names:
        return names[value[1:]]
    return value


class BrokenServer:
    """Serves one script on a port of its own. Use it in `async with`.

    Attributes:
        calls: how often each method was called, over all connections.
        failures: steps that could not be done, which are mistakes of the script.
    """

    def __init__(self, script: Script) -> None:
        self.script = script
        self.calls: Counter[str] = Counter()
        self.failures: list[str] = []
        self._server: Server | None = None
        self._connections: set[ServerConnection] = set()
        self._tasks: set[asyncio.Task[None]] = set()
        self.port = 0

    @property
    def url(self) -> str:
        """Where it listens."""
        return f"http://127.0.0.1:{self.port}"

    async def __aenter__(self) -> BrokenServer:
        subprotocol = self.script.handshake.get("subprotocol", "nexus.v1")
        self._server = await serve(
            self._accepted,
            "127.0.0.1",
            0,
            subprotocols=None if subprotocol is None else [Subprotocol(subprotocol)],
            select_subprotocol=None if subprotocol is None else lambda _connection, _offered: Subprotocol(subprotocol),
            process_request=self._requested,
            compression=None,
            open_timeout=None,
            ping_interval=None,
            close_timeout=0.2,
            max_size=None,
        )
        self.port = next(iter(self._server.sockets)).getsockname()[1]
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        assert self._server is not None
        self._server.close(close_connections=False)
        for connection in self._connections:
            connection.transport.abort()
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks)
        await self._server.wait_closed()

    async def _requested(self, connection: ServerConnection, request: HttpRequest) -> HttpResponse | None:
        self._connections.add(connection)
        handshake = self.script.handshake
        if handshake.get("silent"):
            await connection.wait_closed()
        if "status" in handshake:
            return connection.respond(HTTPStatus(handshake["status"]), json.dumps(handshake.get("body", {})))
        return None

    async def _accepted(self, connection: ServerConnection) -> None:
        peer = Peer(self, connection)
        with contextlib.suppress(ConnectionClosed):
            greet = [{"ready": {}}] if self.script.greet is None else self.script.greet
            await peer.play(greet, Call(None, "greet", {}))
            async for message in connection:
                if isinstance(message, bytes):
                    peer.frames.put_nowait(message)
                    continue
                text = json.loads(message)
                if "id" not in text:
                    if text["method"] == "$/cancel":
                        peer.cancelled.set()
                    continue
                task = asyncio.create_task(self._answer(peer, Call(text["id"], text["method"], text["params"])))
                self._tasks.add(task)
                task.add_done_callback(self._tasks.discard)

    async def _answer(self, peer: Peer, call: Call) -> None:
        visits = self.script.on.get(call.method)
        if visits is None:
            if call.method not in DEFAULT:
                self.failures.append(f"the script says nothing of {call.method}")
                return
            visits = [DEFAULT[call.method]]
        visit = visits[min(self.calls[call.method], len(visits) - 1)]
        self.calls[call.method] += 1
        with contextlib.suppress(ConnectionClosed):
            try:
                await peer.play(visit, call)
            except (KeyError, TypeError, ValueError, TimeoutError) as mistake:
                self.failures.append(f"{call.method}: {type(mistake).__name__}: {mistake}")

    def stop_listening(self) -> None:
        """Accept nobody any more; connections that are there stay."""
        assert self._server is not None
        self._server.close(close_connections=False)


@dataclass(frozen=True)
class Call:
    """A request that came."""

    id: Any
    method: str
    params: Json

    @property
    def window(self) -> int:
        """The credit that came with it, bytes or events."""
        spec = METHODS[self.method].stream
        assert spec is not None
        return int(self.params.get("window", spec.window))


class Peer:
    """One connection, from the server's side.

    Attributes:
        frames: binary frames that came.
        cancelled: whether the client has cancelled something.
    """

    def __init__(self, server: BrokenServer, connection: ServerConnection) -> None:
        self._server = server
        self._connection = connection
        self.frames: asyncio.Queue[bytes] = asyncio.Queue()
        self.cancelled = asyncio.Event()

    async def play(self, steps: list[Json], call: Call) -> None:
        """Do the steps, one after the other."""
        for step in steps:
            names = {"id": call.id, "window": call.params.get("window")}
            action = next(iter(step))
            if action not in STEPS:
                raise ValueError(f"there is no step {action!r}")
            await STEPS[action](self, filled(step, names), call)

    async def json(self, message: Json) -> None:
        await self._connection.send(json.dumps({"jsonrpc": "2.0", **message}))

    async def frame(self, kind: FrameType, step: Json, offset: int, payload: bytes = b"", channel: int = 1) -> None:
        head = HEADER.pack(kind, step.get("channel", channel), step.get("stream", 1), offset)
        await self._connection.send(head + payload)

    # -- the steps --

    async def _ready(self, step: Json, call: Call) -> None:
        await self.json({"method": "session.ready", "params": filled({"$": "ready", **step["ready"]}, {})})

    async def _result(self, step: Json, call: Call) -> None:
        await self.json({"id": step.get("id", call.id), "result": step["result"]})

    async def _error(self, step: Json, call: Call) -> None:
        told = step["error"]
        data = {"name": told["name"], "hint": "", "retryable": False, "details": told.get("details", {})}
        error = {"code": told.get("code", NUMBERS.get(told["name"])), "message": "refused", "data": data}
        await self.json({"id": step.get("id", call.id), "error": error})

    async def _send(self, step: Json, call: Call) -> None:
        await self.json(step["send"])

    async def _raw(self, step: Json, call: Call) -> None:
        await self._connection.send(step["raw"].replace("$id", str(call.id)) * step.get("times", 1))

    async def _text_bytes(self, step: Json, call: Call) -> None:
        await self._connection.send(bytes.fromhex(step["text_bytes"]), text=True)

    async def _bytes(self, step: Json, call: Call) -> None:
        await self._connection.send(bytes.fromhex(step["bytes"]))

    async def _wire(self, step: Json, call: Call) -> None:
        self._connection.transport.write(bytes.fromhex(step["wire"]))

    async def _open(self, step: Json, call: Call) -> None:
        params = {"id": step.get("id", call.id), "stream": step.get("stream", 1), "info": step["open"]}
        await self.json({"method": "stream.open", "params": {k: v for k, v in params.items() if v != "$absent"}})

    async def _data(self, step: Json, call: Call) -> None:
        payload = step["data"].encode() * step.get("times", 1)
        await self.frame(FrameType.DATA, step, step.get("offset", 0), payload)

    async def _eof(self, step: Json, call: Call) -> None:
        await self.frame(FrameType.EOF, step, step["eof"])

    async def _credit(self, step: Json, call: Call) -> None:
        await self.frame(FrameType.CREDIT, step, step["credit"], channel=0)

    async def _event(self, step: Json, call: Call) -> None:
        params = {"stream": step.get("stream", 1), "event": step["event"], "cursor": step.get("cursor", "c")}
        await self.json({"method": "stream.event", "params": params})

    async def _flood(self, step: Json, call: Call) -> None:
        if step["flood"] == "events":
            for _ in range(call.window + 1):
                await self._event({"event": RECORDS["change"]}, call)
            return
        for offset in range(0, call.window + 1, 65536):
            size = min(65536, call.window + 1 - offset)
            await self.frame(FrameType.DATA, step, offset, b"x" * size)

    async def _await(self, step: Json, call: Call) -> None:
        async with asyncio.timeout(PATIENCE_S):
            if step["await"] == "cancel":
                await self.cancelled.wait()
                return
            kind = {"bytes": FrameType.DATA, "eof": FrameType.EOF, "credit": FrameType.CREDIT}[step["await"]]
            while decode(await self.frames.get()).type is not kind:
                pass

    async def _drop(self, step: Json, call: Call) -> None:
        self._connection.transport.abort()

    async def _end(self, step: Json, call: Call) -> None:
        self._connection.transport.close()

    async def _close(self, step: Json, call: Call) -> None:
        await self._connection.close(step["close"], step.get("reason", ""))

    async def _deaf(self, step: Json, call: Call) -> None:
        self._connection.transport.pause_reading()  # type: ignore[attr-defined]

    async def _gone(self, step: Json, call: Call) -> None:
        self._server.stop_listening()


STEPS: dict[str, Callable[[Peer, Json, Call], Awaitable[None]]] = {
    "ready": Peer._ready,
    "result": Peer._result,
    "error": Peer._error,
    "send": Peer._send,
    "raw": Peer._raw,
    "text_bytes": Peer._text_bytes,
    "bytes": Peer._bytes,
    "wire": Peer._wire,
    "open": Peer._open,
    "data": Peer._data,
    "eof": Peer._eof,
    "credit": Peer._credit,
    "event": Peer._event,
    "flood": Peer._flood,
    "await": Peer._await,
    "drop": Peer._drop,
    "end": Peer._end,
    "close": Peer._close,
    "deaf": Peer._deaf,
    "gone": Peer._gone,
}
"""What a step is called, and what it does."""
