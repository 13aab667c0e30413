"""A connection without a socket, and a few methods to call on it."""

from __future__ import annotations

import asyncio
import json
from collections.abc import Callable
from typing import Any, TypeVar

import msgspec
from nexus_sdk.protocol.errors import ProcessNotFound
from nexus_sdk.protocol.methods import Method, StreamSpec
from nexus_sdk.wire.frames import Frame, FrameType, decode, encode
from nexusd.wire.call import Call
from nexusd.wire.connection import Connection, ConnectionLimits
from nexusd.wire.dispatch import Dispatcher
from nexusd.wire.stream import ServerStream

T = TypeVar("T")

PATIENCE_S = 10.0
"""How long a test waits for what must come; only ever reached by a failure."""


class Nothing(msgspec.Struct, forbid_unknown_fields=True):
    pass


class Text(msgspec.Struct, forbid_unknown_fields=True):
    text: str
    key: str | msgspec.UnsetType = msgspec.UNSET
    progress: bool = False


class Nested(msgspec.Struct, forbid_unknown_fields=True):
    argv: list[str]
    env: dict[str, str] = msgspec.field(default_factory=dict)
    inner: Text | None = None


class Free(msgspec.Struct, forbid_unknown_fields=True):
    value: Any


class Window(msgspec.Struct, forbid_unknown_fields=True):
    window: int = 64
    offset: int = 0


class Echoed(msgspec.Struct):
    text: str


class Count(msgspec.Struct):
    count: int


def method(name: str, params: type = Nothing, **changes: Any) -> Method:
    """A row of a method table, idempotent and without deadline unless said otherwise."""
    row: dict[str, Any] = {
        "name": name,
        "kind": "call",
        "direction": "client",
        "params": params,
        "result": Echoed,
        "errors": (),
        "scope": None,
        "target": None,
        "idempotent": True,
        "keyed": False,
        "progress": False,
        "cancel": "abort",
        "timeout_ms": None,
        "capability": None,
        "since": 1,
        "stability": "stable",
        "deprecated": None,
        "stream": None,
    }
    row.update(changes)
    return Method(**row)


def stream_of(
    down: str | None, up: str | None, channels: tuple[str, ...], resume: str = "none", lossy: bool = False
) -> StreamSpec:
    return StreamSpec(
        down=down,  # type: ignore[arg-type]
        up=up,  # type: ignore[arg-type]
        channels=channels,
        resume=resume,  # type: ignore[arg-type]
        open=None,
        event=None,
        lossy=lossy,
        window=64,
    )


TABLE = {
    row.name: row
    for row in (
        method("test.echo", Text),
        method("test.later", Text, progress=True),
        method("test.nested", Nested),
        method("test.free", Free),
        method("test.wait"),
        method("test.short", timeout_ms=1),
        method("test.longer", timeout_ms=120, idempotent=False),
        method("test.change", Text, idempotent=False, keyed=True),
        method("test.firm", cancel="none"),
        method("test.refuse"),
        method("test.boom"),
        method("test.huge"),
        method("test.down", Window, kind="stream", stream=stream_of("bytes", None, ("stdout", "stderr"))),
        method("test.up", Window, kind="stream", stream=stream_of(None, "bytes", ("stdin",), "offset")),
        method("test.pipe", Window, kind="stream", stream=stream_of("bytes", "bytes", ("stdin", "stdout"))),
        method("test.events", Window, kind="stream", stream=stream_of("events", None, ())),
        method("test.unopened", Window, kind="stream", stream=stream_of("bytes", None, ("stdout",))),
        method("test.unserved"),
        method("test.ready", kind="notify", direction="server"),
        method("$/cancel", kind="notify"),
    )
}


class Service:
    """What the test methods do, and what they saw."""

    def __init__(self) -> None:
        self.started: asyncio.Queue[Call] = asyncio.Queue()
        self.ended: asyncio.Queue[tuple[str, Call]] = asyncio.Queue()
        self.go = asyncio.Event()
        self.changes = 0
        self.content = b""
        self.streams: asyncio.Queue[ServerStream] = asyncio.Queue()

    def echo(self, call: Call, params: Text) -> Echoed:
        return Echoed(params.text)

    async def later(self, call: Call, params: Text) -> Echoed:
        for step in (1, 2, 2, 1, 3):
            call.progress(step, 3, f"step {step}")
        await asyncio.sleep(0)
        self.started.put_nowait(call)
        await self.go.wait()
        return Echoed(params.text)

    def nested(self, call: Call, params: Nested) -> Echoed:
        return Echoed(" ".join(params.argv))

    def free(self, call: Call, params: Free) -> Echoed:
        return Echoed(type(params.value).__name__)

    async def wait(self, call: Call, params: Nothing) -> Echoed:
        self.started.put_nowait(call)
        try:
            await self.go.wait()
        except asyncio.CancelledError:
            self.ended.put_nowait(("cancelled", call))
            raise
        self.ended.put_nowait(("done", call))
        return Echoed("waited")

    async def change(self, call: Call, params: Text) -> Echoed:
        self.started.put_nowait(call)
        await self.go.wait()
        self.changes += 1
        self.ended.put_nowait(("done", call))
        return Echoed(params.text)

    async def refuse(self, call: Call, params: Nothing) -> Echoed:
        async with asyncio.TaskGroup() as group:
            group.create_task(self._refuse())
        return Echoed("")

    async def _refuse(self) -> None:
        raise ProcessNotFound("no process p1", process="p1")

    def boom(self, call: Call, params: Nothing) -> Echoed:
        raise RuntimeError("the password is hunter2")

    def huge(self, call: Call, params: Nothing) -> Echoed:
        return Echoed("x" * 2_000_000)

    async def down(self, call: Call, params: Window, stream: ServerStream) -> Count:
        await stream.open(Echoed("here"), offset=params.offset)
        self.streams.put_nowait(stream)
        try:
            await stream.send(1, params.offset, self.content[params.offset :])
            await stream.eof(1, len(self.content))
            await stream.eof(2, len(self.content))
        except BaseException as error:
            self.ended.put_nowait((type(error).__name__, call))
            raise
        return Count(len(self.content) - params.offset)

    async def up(self, call: Call, params: Window, stream: ServerStream) -> Count:
        await stream.open(offset=0, up_offset=params.offset, up_window=params.window)
        self.streams.put_nowait(stream)
        got = bytearray()
        try:
            while (chunk := await stream.receive()) is not None:
                got += chunk
                assert stream.receive_offset == params.offset + len(got)
                await stream.grant(stream.receive_offset)
        except BaseException as error:
            self.content = bytes(got)
            self.ended.put_nowait((type(error).__name__, call))
            raise
        self.content = bytes(got)
        return Count(len(got))

    async def pipe(self, call: Call, params: Window, stream: ServerStream) -> Count:
        await stream.open(up_window=params.window)
        self.streams.put_nowait(stream)
        position = 0
        while (chunk := await stream.receive()) is not None:
            await stream.send(1, position, chunk.upper())
            position += len(chunk)
            await stream.grant(position)
        await stream.eof(1, position)
        return Count(position)

    async def events(self, call: Call, params: Window, stream: ServerStream) -> Count:
        await stream.open()
        self.streams.put_nowait(stream)
        count = 0
        for number in range(params.offset):
            await stream.event(Count(number), cursor=f"c{number}")
            count += 1
        return Count(count)

    async def unopened(self, call: Call, params: Window, stream: ServerStream) -> Count:
        return Count(0)

    def dispatcher(self, **options: Any) -> Dispatcher:
        dispatcher = Dispatcher(TABLE, **options)
        for name in TABLE:
            handler: Callable[..., Any] | None = getattr(self, name.partition(".")[2], None)
            if name in ("test.short", "test.longer", "test.firm"):
                handler = self.wait
            if handler is not None:
                dispatcher.register(name, handler)
        return dispatcher


class Peer:
    """The client's end: sends what it is told, sees everything that comes, in order."""

    def __init__(
        self,
        service: Service,
        dispatcher: Dispatcher | None = None,
        limits: ConnectionLimits | None = None,
        identity: Any = "somebody",
    ) -> None:
        self.service = service
        self.dispatcher = dispatcher if dispatcher is not None else service.dispatcher()
        self.arrived: asyncio.Queue[bytes | str] = asyncio.Queue()
        self.open = asyncio.Event()
        self.open.set()
        self.broken = False
        self.connection = Connection(self._text, self._bytes, self.dispatcher, identity, limits)

    async def _text(self, data: bytes) -> None:
        await self._through()
        self.arrived.put_nowait(data.decode())

    async def _bytes(self, data: bytes, payload: bytes | memoryview = b"") -> None:
        await self._through()
        self.arrived.put_nowait(data + payload)

    async def _through(self) -> None:
        if self.broken:
            raise OSError("the socket is gone")
        await self.open.wait()

    async def send(self, id: int | str | None, name: str, **params: Any) -> None:
        message: dict[str, Any] = {"jsonrpc": "2.0", "method": name, "params": params}
        if id is not None:
            message["id"] = id
        await self.connection.feed_text(json.dumps(message))

    async def cancel(self, id: int | str) -> None:
        await self.connection.feed_text(json.dumps({"jsonrpc": "2.0", "method": "$/cancel", "params": {"id": id}}))

    def frame(self, kind: FrameType, channel: int, stream: int, offset: int, payload: bytes = b"") -> None:
        self.connection.feed_bytes(encode(kind, channel, stream, offset, payload))

    async def next(self) -> bytes | str:
        return await asyncio.wait_for(self.arrived.get(), PATIENCE_S)

    async def json(self) -> dict[str, Any]:
        message = await self.next()
        assert isinstance(message, str), f"expected text, got a frame: {message!r}"
        decoded = json.loads(message)
        assert isinstance(decoded, dict)
        return decoded

    async def bin(self) -> Frame:
        message = await self.next()
        assert isinstance(message, bytes), f"expected a frame, got {message!r}"
        return decode(message)

    async def result(self, id: int | str) -> Any:
        answer = await self.json()
        assert answer["id"] == id, answer
        assert "error" not in answer, answer
        return answer["result"]

    async def error(self, id: int | str | None) -> dict[str, Any]:
        answer = await self.json()
        assert "error" in answer, answer
        assert answer["id"] == id, answer
        assert isinstance(answer["error"], dict)
        return answer["error"]

    async def opened(self, id: int | str) -> int:
        message = await self.json()
        assert message["method"] == "stream.open", message
        assert message["params"]["id"] == id
        return int(message["params"]["stream"])

    async def quiet(self) -> None:
        """Prove that nothing else was sent: a ping's answer is the very next thing."""
        await self.send("quiet", "test.echo", text="q")
        assert await self.result("quiet") == {"text": "q"}


async def soon(queue: asyncio.Queue[T]) -> T:
    """The next thing out of a queue."""
    return await asyncio.wait_for(queue.get(), PATIENCE_S)
