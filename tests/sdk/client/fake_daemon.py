"""A daemon that misbehaves on demand, over real WebSockets and the shared wire code.

Methods are answered by handlers that a test registers. A handler may drop the connection, stay silent, answer twice,
lie about offsets or ignore credit; what the client sent is recorded.
"""

from __future__ import annotations

import asyncio
import contextlib
import json
from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from nexus_sdk.protocol.errors import NexusError
from nexus_sdk.protocol.methods import METHODS
from nexus_sdk.wire import frames, messages
from nexus_sdk.wire.frames import Frame, FrameType
from websockets.asyncio.server import ServerConnection, serve, unix_serve
from websockets.exceptions import ConnectionClosed
from websockets.http11 import Request as HttpRequest
from websockets.http11 import Response as HttpResponse
from websockets.typing import Subprotocol

NOW = "2026-01-02T03:04:05Z"

Handler = Callable[["Call"], Awaitable[Any]]


class Call:
    """One request, and the means to answer it."""

    def __init__(self, session: Session, id: int | str, method: str, params: dict[str, Any]) -> None:
        self.session = session
        self.id = id
        self.method = method
        self.params = params
        self.answered = False
        self.stream = 0
        self.up = bytearray()
        self.up_ended: int | None = None
        self.granted = 0
        self.changed = asyncio.Event()

    async def respond(self, result: Any) -> None:
        self.answered = True
        await self.session.text(messages.encode_response(self.id, result))

    async def refuse(self, error: NexusError) -> None:
        self.answered = True
        wire = error.to_wire()
        await self.session.text(messages.encode_error(self.id, wire["code"], wire["message"], wire["data"]))

    async def open(self, info: Any = None) -> None:
        self.stream = self.session.next_stream()
        self.session.streams[self.stream] = self
        params = {"id": self.id, "stream": self.stream}
        if info is not None:
            params["info"] = info
        await self.session.notify("stream.open", params)

    async def data(self, channel: int, offset: int, payload: bytes) -> None:
        await self.session.binary(frames.encode_data(channel, self.stream, offset, payload))

    async def eof(self, channel: int, offset: int) -> None:
        await self.session.binary(frames.encode_eof(channel, self.stream, offset))

    async def credit(self, limit: int) -> None:
        await self.session.binary(frames.encode_credit(frames.UP, self.stream, limit))

    async def event(self, event: Any, cursor: str | None = None) -> None:
        params = {"stream": self.stream, "event": event}
        if cursor is not None:
            params["cursor"] = cursor
        await self.session.notify("stream.event", params)

    async def until(self, condition: Callable[[], bool]) -> None:
        """Wait until something that the client sent makes a condition true."""
        async with asyncio.timeout(10):
            while not condition():
                self.changed.clear()
                await self.changed.wait()

    async def room(self, end: int, start: int = 0) -> None:
        """Wait until the client allows bytes, or events, up to `end` of a stream that began at `start`."""
        spec = METHODS[self.method].stream
        assert spec is not None
        limit = start + self.params.get("window", spec.window)
        await self.until(lambda: max(limit, self.granted) >= end)

    def received(self, frame: Frame) -> None:
        if frame.type is FrameType.DATA:
            if frame.offset == self.params.get("_up_start", 0) + len(self.up):
                self.up += frame.payload
        elif frame.type is FrameType.EOF:
            self.up_ended = frame.offset
        else:
            self.granted = max(self.granted, frame.offset)
        self.changed.set()


class Session:
    """One connection of a client."""

    def __init__(self, daemon: FakeDaemon, websocket: ServerConnection) -> None:
        self.daemon = daemon
        self.websocket = websocket
        self.streams: dict[int, Call] = {}
        self.calls: list[Call] = []
        self.cancelled: list[int | str] = []
        self.cancel_seen = asyncio.Event()
        self._streams = 0
        self.tasks: set[asyncio.Task[None]] = set()

    def next_stream(self) -> int:
        self._streams += 1
        return self._streams

    async def text(self, data: bytes) -> None:
        await self.websocket.send(data, text=True)

    async def binary(self, data: bytes) -> None:
        await self.websocket.send(data)

    async def notify(self, method: str, params: Any) -> None:
        await self.text(messages.encode_notification(method, params))

    def drop(self) -> None:
        """Cut the TCP connection."""
        self.websocket.transport.abort()

    async def run(self) -> None:
        if self.daemon.greeting is not None:
            await self.text(self.daemon.greeting)
        async for message in self.websocket:
            if isinstance(message, bytes):
                frame = frames.decode(message)
                call = self.streams.get(frame.stream)
                if call is not None:
                    call.received(frame)
                continue
            decoded = messages.decode_message(message)
            if isinstance(decoded, messages.Notification):
                if decoded.method == "$/cancel":
                    self.cancelled.append(json.loads(bytes(decoded.params))["id"])
                    self.cancel_seen.set()
                continue
            assert isinstance(decoded, messages.Request)
            call = Call(self, decoded.id, decoded.method, json.loads(bytes(decoded.params)))
            self.calls.append(call)
            self.daemon.calls.append(call)
            task = asyncio.create_task(self.answer(call))
            self.tasks.add(task)
            task.add_done_callback(self.tasks.discard)

    async def answer(self, call: Call) -> None:
        handler = self.daemon.handlers.get(call.method)
        with contextlib.suppress(ConnectionClosed):
            try:
                assert handler is not None, f"no handler for {call.method}"
                result = await handler(call)
            except NexusError as error:
                await call.refuse(error)
            except AssertionError as error:
                self.daemon.failures.append(error)
                self.drop()
            else:
                if result is not None and not call.answered:
                    await call.respond(result)


class FakeDaemon:
    """Listens on a loopback port, or on a Unix socket. Use it in `async with`.

    Args:
        path: of the Unix socket; None for TCP.
        ssl: speak TLS with this context.
    """

    def __init__(self, path: str | None = None, ssl: Any = None) -> None:
        self.path = path
        self.ssl = ssl
        self.handlers: dict[str, Handler] = {"session.ping": self._ping}
        self.calls: list[Call] = []
        self.sessions: list[Session] = []
        self.requests: list[HttpRequest] = []
        self.failures: list[BaseException] = []
        self.greeting: bytes | None = ready()
        self.refusals: list[tuple[int, bytes]] = []
        self.port = 0

    @property
    def url(self) -> str:
        return f"{'http' if self.ssl is None else 'https'}://127.0.0.1:{self.port}"

    @property
    def session(self) -> Session:
        """The connection made last."""
        return self.sessions[-1]

    def on(self, method: str) -> Callable[[Handler], Handler]:
        def register(handler: Handler) -> Handler:
            self.handlers[method] = handler
            return handler

        return register

    def methods(self) -> list[str]:
        return [call.method for call in self.calls]

    async def __aenter__(self) -> FakeDaemon:
        await self.listen()
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.stop()
        assert not self.failures, self.failures

    async def listen(self) -> None:
        options: dict[str, Any] = {
            "subprotocols": [Subprotocol("nexus.v1")],
            "compression": None,
            "process_request": self._request,
            "ping_interval": None,
            "max_size": None,
            "close_timeout": 0.2,
            "ssl": self.ssl,
        }
        if self.path is not None:
            self._server = await unix_serve(self._serve, self.path, **options)
        else:
            self._server = await serve(self._serve, "127.0.0.1", self.port, **options)
            self.port = next(iter(self._server.sockets)).getsockname()[1]

    async def stop(self) -> None:
        """Stop listening and cut every connection."""
        self._server.close(close_connections=False)
        for session in self.sessions:
            session.drop()
            for task in session.tasks:
                task.cancel()
        await self._server.wait_closed()

    async def _serve(self, websocket: ServerConnection) -> None:
        session = Session(self, websocket)
        self.sessions.append(session)
        with contextlib.suppress(ConnectionClosed):
            await session.run()

    def _request(self, connection: ServerConnection, request: HttpRequest) -> HttpResponse | None:
        self.requests.append(request)
        if self.refusals:
            status, body = self.refusals.pop(0)
            response = connection.respond(status, "")
            response.body = body
            del response.headers["Content-Length"]
            response.headers["Content-Length"] = str(len(body))
            return response
        return None

    async def _ping(self, call: Call) -> Any:
        return {"time": NOW}


def ready(level: int = 1, **limits: int) -> bytes:
    """The first message of a connection."""
    return messages.encode_notification(
        "session.ready",
        {
            "level": level,
            "server": {"name": "nexusd", "version": "0", "node": "n", "instance": "i"},
            "capabilities": [],
            "limits": {
                "max_message": 1048576,
                "max_payload": 65536,
                "max_requests": 256,
                "max_streams": 1024,
                "max_output": 1048576,
                "max_read": 1048576,
                "ping_interval_ms": 20000,
                **limits,
            },
            "identity": {"subject": "uid:0", "scopes": ["*"], "workspaces": ["*"], "via": "peer"},
            "expires_at": None,
        },
    )


def workspace_record(name: str = "demo", **fields: Any) -> dict[str, Any]:
    """A workspace, as JSON."""
    return {
        "id": "ws_1",
        "name": name,
        "owner": "uid:0",
        "state": "running",
        "message": "",
        "backend": "host",
        "repository": {"url": "/r", "path": "/r", "ref": "main", "commit": "c"},
        "branch": "nexus/demo",
        "root": "/w",
        "worktree": "/w",
        "ports": [],
        "env": {},
        "labels": {},
        "current": False,
        "generation": 1,
        "created_at": NOW,
        "updated_at": NOW,
        "last_active_at": NOW,
        **fields,
    }


def operation_record(**fields: Any) -> dict[str, Any]:
    """An operation, as JSON."""
    return {
        "id": "op_1",
        "kind": "start",
        "workspace": "ws_1",
        "state": "done",
        "steps": [],
        "message": "",
        "created_at": NOW,
        **fields,
    }


def process_record(**fields: Any) -> dict[str, Any]:
    """A process, as JSON."""
    return {
        "id": "pr_1",
        "workspace": "ws_1",
        "argv": ["make"],
        "cwd": ".",
        "state": "running",
        "pid": 7,
        "stdin": True,
        "output_start": 0,
        "output_end": 0,
        "attached": 1,
        "labels": {},
        "generation": 1,
        "started_at": NOW,
        **fields,
    }


def file_record(path: str = "f", size: int = 0, etag: str = "e1") -> dict[str, Any]:
    """A file, as JSON."""
    return {
        "path": path,
        "name": path.rsplit("/", 1)[-1],
        "type": "file",
        "size": size,
        "mode": "644",
        "mtime": NOW,
        "etag": etag,
        "uid": 0,
        "gid": 0,
    }


class FakeProcess:
    """A process whose output is known beforehand, with a log that can be attached to at any offset.

    Args:
        output: (channel, bytes) runs in the order of the log.
        drop_after: cut the connection after so many bytes of each attachment; None never.
        code: its exit code.
        stdin_window: credit for stdin.
    """

    def __init__(
        self,
        output: list[tuple[int, bytes]],
        *,
        drop_after: int | None = None,
        code: int = 0,
        reason: str = "exited",
        stdin_window: int = 0,
        read_stdin: int | None = None,
        frame: int = 65536,
    ) -> None:
        self.output = output
        self.drop_after = drop_after
        self.code = code
        self.reason = reason
        self.stdin_window = stdin_window
        self.read_stdin = read_stdin
        self.frame = frame
        self.stdin = bytearray()
        self.stdin_ended = False
        self.attaches: list[dict[str, Any]] = []
        self.signals: list[str] = []
        self.hang = False
        self.killed = asyncio.Event()
        self.total = sum(len(data) for _, data in output)

    def install(self, daemon: FakeDaemon) -> FakeProcess:
        daemon.handlers["exec.start"] = self._start
        daemon.handlers["exec.attach"] = self.attach
        daemon.handlers["exec.signal"] = self._signal
        return self

    async def _start(self, call: Call) -> Any:
        return process_record(argv=call.params["argv"])

    async def _signal(self, call: Call) -> Any:
        self.signals.append(call.params["signal"])
        self.killed.set()
        return process_record()

    def runs(self, start: int) -> list[tuple[int, int, bytes]]:
        """(channel, offset, bytes) from a position on, in frames."""
        found, offset = [], 0
        for channel, data in self.output:
            for begin in range(0, len(data), self.frame):
                part = data[begin : begin + self.frame]
                at = offset + begin
                if at + len(part) > start:
                    cut = max(0, start - at)
                    found.append((channel, at + cut, part[cut:]))
            offset += len(data)
        return found

    async def attach(self, call: Call) -> Any:
        self.attaches.append(call.params)
        offset = call.params.get("offset", 0)
        if "tail" in call.params:
            offset = max(0, self.total - call.params["tail"])
        call.params["_up_start"] = len(self.stdin)
        await call.open(
            {
                "process": process_record(stdin=self.stdin_window > 0),
                "role": "controller",
                "offset": offset,
                "stdin_offset": len(self.stdin),
                "stdin_window": self.stdin_window,
            }
        )
        if self.stdin_window:
            await self._take_stdin(call)
        sent = 0
        for channel, at, data in self.runs(offset):
            if self.drop_after is not None and sent + len(data) > self.drop_after:
                data = data[: self.drop_after - sent]
                if data:
                    await self._send(call, channel, at, data)
                call.session.drop()
                return None
            await self._send(call, channel, at, data)
            sent += len(data)
        if self.hang:
            await self.killed.wait()
            self.reason, self.code = "signalled", -1
        for channel in (1, 2):
            await call.eof(channel, self.total)
        return self.exit()

    def exit(self) -> dict[str, Any]:
        status: dict[str, Any] = {"reason": self.reason, "at": NOW}
        status.update({"signal": "KILL"} if self.code < 0 else {"code": self.code})
        return {
            "process": process_record(state="exited", exit=status),
            "exit": status,
            "output_end": self.total,
            "output_complete": True,
        }

    async def _send(self, call: Call, channel: int, offset: int, data: bytes) -> None:
        await call.room(offset + len(data), call.params.get("offset", 0))
        await call.data(channel, offset, data)

    async def _take_stdin(self, call: Call) -> None:
        quota = self.read_stdin
        while True:
            await call.until(lambda: bool(call.up) or call.up_ended is not None)
            if call.up:
                taken = bytes(call.up) if quota is None else bytes(call.up[:quota])
                self.stdin += taken
                call.params["_up_start"] += len(call.up)
                if quota is not None:
                    # what was received beyond the quota was never taken by the process, and is lost with the link
                    call.up.clear()
                    await call.credit(len(self.stdin) + self.stdin_window)
                    call.session.drop()
                    raise ConnectionError("dropped")
                call.up.clear()
                await call.credit(len(self.stdin) + self.stdin_window)
            if call.up_ended is not None and call.up_ended == len(self.stdin):
                self.stdin_ended = True
                return


def raw(value: Any) -> bytes:
    """A value as JSON."""
    return msgspec.json.encode(value)
