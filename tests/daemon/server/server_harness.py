"""A server of its own on loopback and on a Unix socket, on uvloop as in the daemon, in a thread beside the test."""

from __future__ import annotations

import asyncio
import os
import ssl
import threading
import time
from collections.abc import Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

import uvloop
from nexus_sdk.protocol import types
from nexus_sdk.protocol.methods import METHODS
from nexusd.api import session as session_api
from nexusd.api.announcement import Announcement
from nexusd.auth.gate import Gate
from nexusd.auth.identity import Identity
from nexusd.auth.keys import Keyring, load_or_create_pair
from nexusd.auth.sessions import SessionRegistry
from nexusd.auth.tokens import Tokens
from nexusd.backends.base import RootHandle
from nexusd.files.beneath import Beneath
from nexusd.server.app import App, Route
from nexusd.server.authenticate import Authenticator
from nexusd.server.files_http import FilesHttp
from nexusd.server.guard import Guard
from nexusd.server.listeners import bind_tcp, bind_unix
from nexusd.server.pages import Pages, Probes
from nexusd.server.peers import Turnstile
from nexusd.server.rpc import RPC_PATH, RpcEndpoint
from nexusd.server.server import Server
from nexusd.server.websocket import Socket, Tuning
from nexusd.wire.call import Call
from nexusd.wire.connection import ConnectionLimits
from nexusd.wire.dispatch import Dispatcher
from nexusd.wire.stream import ServerStream

T = TypeVar("T")


@dataclass
class Workspace:
    """As much of a record as the gate looks at."""

    id: str
    owner: str
    root: Path
    backend: str = "host"


class Resolver:
    """Finds the workspaces of a test."""

    def __init__(self) -> None:
        self.workspaces: dict[str, Workspace] = {}

    def workspace(self, ref: str, identity: Identity) -> Workspace | None:
        return self.workspaces.get(ref)

    def process(self, id: str) -> str | None:
        return "ws_a" if id.startswith("p_") else None

    def operation(self, id: str) -> str | None:
        return None

    def checkpoint(self, id: str) -> str | None:
        return None


class Files:
    """Opens the roots of the test's workspaces."""

    def __init__(self) -> None:
        self.descriptors: list[int] = []

    async def place(self, record: Workspace, params: object) -> Beneath:
        self.descriptors.append(os.open(record.root, os.O_RDONLY | os.O_DIRECTORY))
        return Beneath(RootHandle(fd=self.descriptors[-1], path=str(record.root)))


@dataclass
class Options:
    """What a test may want to be different."""

    allowed_hosts: list[str] = field(default_factory=list)
    allowed_origins: list[str] = field(default_factory=list)
    trust_peer: bool = True
    tuning: Tuning = field(default_factory=Tuning)
    limits: ConnectionLimits = field(default_factory=ConnectionLimits)
    turnstile: Turnstile = field(default_factory=Turnstile)
    head_deadline: float = 10.0
    clock: Callable[[], float] = time.time
    ready: tuple[bool, str] = (True, "")
    tls: ssl.SSLContext | None = None


class Served:
    """The running server.

    Attributes:
        release: set it to let `exec.wait` return.
        calls: names of the methods that were served.
    """

    def __init__(self, home: Path, options: Options | None = None) -> None:
        self.home = home
        self.options = options if options is not None else Options()
        self.tokens = Tokens(Keyring(load_or_create_pair(home / "keys")), clock=self.options.clock)
        self.resolver = Resolver()
        self.files = Files()
        self.sessions = SessionRegistry(clock=self.options.clock, lateness=0.02)
        self.release = threading.Event()
        self.calls: list[str] = []
        self.loop: asyncio.AbstractEventLoop
        self.server: Server
        self.app: App
        self._up = threading.Event()
        self._thread = threading.Thread(target=self._run, daemon=True)

    @property
    def port(self) -> int:
        return self.server.listeners[0].port

    @property
    def socket_path(self) -> str:
        return str(self.home / "run" / "nexusd.sock")

    def start(self) -> Served:
        self._thread.start()
        assert self._up.wait(10)
        return self

    def stop(self) -> None:
        self.release.set()
        self.run(self.server.stop())
        self.loop.call_soon_threadsafe(self.loop.stop)
        self._thread.join(10)
        for descriptor in self.files.descriptors:
            os.close(descriptor)

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine in the server's loop."""
        return asyncio.run_coroutine_threadsafe(work, self.loop).result(20)

    def see(self, look: Callable[[], T]) -> T:
        """Call a function in the server's loop."""

        async def call() -> T:
            return look()

        return self.run(call())

    def sockets(self) -> list[Socket]:
        """The open WebSockets; call it in the loop."""
        return [protocol for protocol in self.server._state.connections if isinstance(protocol, Socket)]

    def mint(
        self,
        *,
        subject: str = "alice",
        scopes: Any = ("*",),
        workspaces: Any = "*",
        ttl: float = 600,
        id: str = "tok_1",
    ) -> str:
        return self.tokens.mint(
            token_id=id,
            subject=subject,
            scopes=scopes,
            workspaces=workspaces,
            expires_at=self.options.clock() + ttl,
        )

    def bearer(self, **grant: Any) -> dict[str, str]:
        return {"Authorization": f"Bearer {self.mint(**grant)}"}

    def add_workspace(self, id: str, owner: str = "alice") -> Path:
        root = self.home / id
        root.mkdir()
        self.resolver.workspaces[id] = Workspace(id, owner, root)
        return root

    def _run(self) -> None:
        self.loop = uvloop.new_event_loop()
        asyncio.set_event_loop(self.loop)
        self.loop.run_until_complete(self._serve())
        self._up.set()
        self.loop.run_forever()
        self.loop.run_until_complete(self.loop.shutdown_asyncgens())
        self.loop.run_until_complete(self.loop.shutdown_default_executor())
        self.loop.close()

    async def _serve(self) -> None:
        options = self.options
        gate = Gate(self.resolver, clock=options.clock)
        guard = Guard(options.allowed_hosts, options.allowed_origins)
        authenticator = Authenticator(self.tokens, trust_peer=options.trust_peer)
        dispatcher = Dispatcher(METHODS, admit=gate.admit)
        server_info = types.ServerInfo(name="nexusd", version="0.1.0", node="test", instance="i")
        announcement = Announcement.of(
            server_info, connection=options.limits, max_output=1, max_read=1, ping_s=options.tuning.ping_s
        )
        session_api.register(
            dispatcher,
            announcement=announcement,
            tokens=self.tokens,
            sessions=self.sessions,
            openrpc=lambda: b'{"openrpc":"1.3.2"}',
        )
        dispatcher.register("exec.wait", self._wait)
        dispatcher.register("exec.attach", self._attach)
        endpoint = RpcEndpoint(
            guard=guard,
            authenticator=authenticator,
            dispatcher=dispatcher,
            sessions=self.sessions,
            announcement=announcement,
            limits=options.limits,
            tuning=options.tuning,
        )
        pages = Pages(
            version="0.1.0",
            probes=Probes(started=lambda: options.ready[0], ready=lambda: options.ready),
            metrics=lambda: b"nexus_connections 1\n",
            openrpc=lambda: b'{"openrpc":"1.3.2"}',
            gate=gate,
            authenticator=authenticator,
        )
        files = FilesHttp(authenticator, gate.admit, self.files)
        rpc = Route(RPC_PATH, {"POST": endpoint.post, "GET": endpoint.upgrade_required})
        self.app = App([rpc, *pages.routes(), *files.routes()], guard)
        listeners = [*bind_tcp("127.0.0.1", 0), bind_unix(self.home / "run" / "nexusd.sock")]
        self.server = Server(
            self.app,
            endpoint,
            listeners,
            turnstile=options.turnstile,
            tls=options.tls,
            head_deadline=options.head_deadline,
        )
        await self.server.start()

    async def _wait(self, call: Call, params: types.ExecWaitParams) -> types.SessionPong:
        self.calls.append("exec.wait")
        while not self.release.is_set():  # noqa: ASYNC110 - set by another thread
            await asyncio.sleep(0.005)
        return types.SessionPong(time="2026-11-20T00:00:00Z")  # type: ignore[arg-type]  # any result will do

    async def _attach(self, call: Call, params: types.ExecAttachParams, stream: ServerStream) -> types.SessionPong:
        """Sends without end."""
        self.calls.append("exec.attach")
        await stream.open()
        block, offset = bytes(65536), 0
        while True:
            await stream.send(1, offset, block)
            offset += len(block)
