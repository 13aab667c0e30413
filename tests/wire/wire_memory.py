"""A server in memory: real connections, and just enough behind them for the wire scripts."""

from __future__ import annotations

import asyncio
import datetime
from typing import Any

from nexus_sdk.protocol import types
from nexus_sdk.protocol.methods import LEVEL, METHODS
from nexus_sdk.wire.frames import MAX_PAYLOAD
from nexus_sdk.wire.messages import MAX_MESSAGE
from nexusd.wire.call import Call
from nexusd.wire.connection import Connection
from nexusd.wire.dispatch import Dispatcher, Handler
from nexusd.wire.errors import ProtocolViolation
from nexusd.wire.stream import ServerStream
from runner import LinkClosed

WINDOW = 65_536
NOW = datetime.datetime(2026, 1, 1, tzinfo=datetime.UTC)
OFFERED = frozenset({"session", "files", "processes"})


class MemoryServer:
    """Files by path, uploads by id, and processes that do what cat does."""

    def __init__(self) -> None:
        self.files: dict[str, bytes] = {}
        self.uploads: dict[str, bytearray] = {}
        self.outputs: dict[str, bytearray] = {}
        self.dispatcher = Dispatcher(METHODS)
        handlers: dict[str, Handler] = {
            "session.ping": lambda call, params: types.SessionPong(time=NOW),
            "session.info": lambda call, params: self.ready(),
            "session.refresh": self.refresh,
            "fs.upload": self.upload,
            "fs.download": self.download,
            "exec.start": self.start,
            "exec.attach": self.attach,
        }
        for name, handler in handlers.items():
            self.dispatcher.register(name, handler)

    def ready(self) -> types.SessionReady:
        return types.SessionReady(
            level=LEVEL,
            server=types.ServerInfo(name="memory", version="0", node="here", instance="i1"),
            capabilities=[],
            limits=types.Limits(
                max_message=MAX_MESSAGE,
                max_payload=MAX_PAYLOAD,
                max_requests=256,
                max_streams=1024,
                max_output=1,
                max_read=1,
                ping_interval_ms=1,
            ),
            identity=types.Identity(subject="s", scopes=[], workspaces=[], via="peer"),
            expires_at=None,
        )

    async def connect(self) -> MemoryLink:
        link = MemoryLink(self.dispatcher)
        await link.connection.notify("session.ready", self.ready())
        return link

    def refresh(self, call: Call, params: types.SessionRefreshParams) -> Any:
        return types.SessionRefreshed(identity=self.ready().identity, expires_at=None)

    async def upload(self, call: Call, params: types.FsUploadParams, stream: ServerStream) -> Any:
        content = self.uploads.setdefault(params.upload, bytearray())
        info = types.FsUploadOpen(offset=len(content), window=WINDOW)
        await stream.open(info, up_offset=len(content), up_window=WINDOW)
        while (chunk := await stream.receive()) is not None:
            content += chunk
            await stream.grant(len(content))
        self.files[params.path] = bytes(content)
        return {"info": {}}

    async def download(self, call: Call, params: types.FsDownloadParams, stream: ServerStream) -> Any:
        content = self.files[params.path]
        await stream.open({"info": {}, "length": len(content) - params.offset}, offset=params.offset)
        await stream.send(1, params.offset, content[params.offset :])
        await stream.eof(1, len(content))
        return {"info": {}, "sha256": ""}

    def start(self, call: Call, params: types.ExecStartParams) -> Any:
        id = f"p{len(self.outputs) + 1}"
        self.outputs[id] = bytearray()
        return {"id": id}

    async def attach(self, call: Call, params: types.ExecAttachParams, stream: ServerStream) -> Any:
        output, begin = self.outputs[params.process], params.offset
        taken = len(output)  # what cat has said is what it has read
        info = {"process": {}, "role": "controller", "offset": begin, "stdin_offset": taken, "stdin_window": WINDOW}
        await stream.open(info, offset=begin, up_offset=taken, up_window=WINDOW)
        await stream.send(1, begin, bytes(output[begin:]))
        while (chunk := await stream.receive()) is not None:
            await stream.send(1, len(output), chunk)
            output += chunk
            await stream.grant(len(output))
        position = len(output)
        await stream.eof(1, position)
        await stream.eof(2, position)
        return {"process": {}, "exit": {}, "output_end": position, "output_complete": True}


class MemoryLink:
    """The client's end of a connection in memory."""

    def __init__(self, dispatcher: Dispatcher) -> None:
        self._arrived: asyncio.Queue[str | bytes | None] = asyncio.Queue()
        self._code = 1006
        self.connection = Connection(self._text, self._bytes, dispatcher, "somebody")

    async def _text(self, data: bytes) -> None:
        await self._arrived.put(data.decode())

    async def _bytes(self, data: bytes, payload: bytes | memoryview = b"") -> None:
        await self._arrived.put(data + payload)

    async def send_text(self, data: str) -> None:
        await self.connection.feed_text(data)

    async def send_bin(self, data: bytes) -> None:
        try:
            self.connection.feed_bytes(data)
        except ProtocolViolation as violation:
            self._code = violation.code
            self.connection.close()
            self._arrived.put_nowait(None)

    async def recv(self) -> str | bytes:
        message = await self._arrived.get()
        if message is None:
            raise LinkClosed(self._code)
        return message

    async def drop(self) -> None:
        self.connection.close()
