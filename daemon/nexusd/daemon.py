"""The composition root: builds the parts of a daemon, starts them in order, and stops them in the reverse order."""

from __future__ import annotations

import asyncio
import gc
import logging
import os
import resource
import signal
import ssl
from collections.abc import Mapping
from contextlib import AsyncExitStack, ExitStack
from datetime import UTC, datetime, timedelta
from importlib import resources
from pathlib import Path
from typing import Any

from nexus_sdk.protocol.errors import BackendFailed, NexusError, WorkspaceNotFound
from nexus_sdk.protocol.errors import WorkspaceState as WorkspaceStateError
from nexus_sdk.protocol.methods import LEVEL, METHODS
from nexus_sdk.protocol.types import ServerInfo

from nexusd.api import session as session_api
from nexusd.api.admission import admission
from nexusd.api.announcement import Announcement
from nexusd.api.health import Health
from nexusd.api.keyed import KeyedCalls
from nexusd.api.observing import Observer
from nexusd.api.outcomes import recovery
from nexusd.api.register import register_all
from nexusd.api.resolver import Resolver
from nexusd.api.services import Services
from nexusd.auth.gate import Gate
from nexusd.auth.issuing import TokenService
from nexusd.auth.keys import Keyring, load_hs256, load_jwks, load_or_create_pair
from nexusd.auth.sessions import SessionRegistry
from nexusd.auth.tokens import Tokens
from nexusd.backends.base import Backend, Machine
from nexusd.backends.docker import address
from nexusd.backends.host.backend import HostBackend
from nexusd.backends.host.keepers import Keeping
from nexusd.backends.keeper.binary import binary
from nexusd.config.loading import ConfigError, Loaded, load
from nexusd.config.model import Config
from nexusd.config.paths import Home
from nexusd.files.service import FileService
from nexusd.git.layout import common_dir
from nexusd.ids import new_id
from nexusd.observe import logs
from nexusd.observe.audit import AuditLog
from nexusd.observe.metrics import Metrics
from nexusd.processes.table import ProcessTable
from nexusd.server.app import App, Route
from nexusd.server.authenticate import Authenticator
from nexusd.server.files_http import FilesHttp
from nexusd.server.guard import Guard
from nexusd.server.listeners import BindProblem, Listener, PortTaken, activated, bind_tcp, bind_unix
from nexusd.server.notify import Notifier
from nexusd.server.pages import Pages, Probes
from nexusd.server.peers import Turnstile
from nexusd.server.rpc import RPC_PATH, RpcEndpoint
from nexusd.server.server import Server
from nexusd.server.websocket import Tuning
from nexusd.store.database import Database
from nexusd.upkeep import Upkeep
from nexusd.version import VERSION
from nexusd.wire.connection import ConnectionLimits
from nexusd.wire.dispatch import Dispatcher
from nexusd.workspaces import reconcile
from nexusd.workspaces.checkpoints import Checkpoints
from nexusd.workspaces.copies import Copies
from nexusd.workspaces.manager import Manager
from nexusd.workspaces.parts import Defaults, Limits, Parts
from nexusd.workspaces.ports import PortRange
from nexusd.workspaces.registry import Registry
from nexusd.workspaces.usage import Usage

log = logging.getLogger("nexusd")

MAX_OUTPUT = 1_048_576
MAX_READ = 1_048_576
MOST_FILES = 65_536
STOP_GRACE = 5.0
"""Seconds that processes get to end by themselves when the daemon stops and its backend cannot keep them."""


class Daemon:
    """One daemon on one home.

    Args:
        home: where its state is.
        loaded: the configuration, without problems.
        flags: the flags it was loaded with, for reading it again.
    """

    def __init__(self, home: Home, loaded: Loaded, flags: Mapping[str, Any]) -> None:
        self.home = home
        self.loaded = loaded
        self.flags = flags
        self._stop = asyncio.Event()
        self._drain_seconds = loaded.config.daemon.drain_timeout
        self._started = False
        self._draining = False
        self._notifier = Notifier()
        self._output: logs.LogOutput | None = None

    # -- life ----------------------------------------------------------------------------------------------------

    async def run(self) -> None:
        """Start, serve until a signal or `request_stop`, drain, stop.

        Raises:
            BindProblem: a socket cannot be had.
            NexusError, StoreError, KeyProblem: what is needed to start is not usable; the message says what to do.
        """
        config = self.loaded.config
        _raise_file_limit()
        self._output = logs.setup(config.log.level, config.log.format)
        async with AsyncExitStack() as stack:
            # Sockets first: a second daemon on the same home must fail before it touches anything.
            listeners = self._listen(config)
            sockets = stack.enter_context(ExitStack())
            for listener in listeners:
                sockets.callback(listener.close)
            services, server = await self._build(config, listeners, stack)
            await reconcile.load(services.manager)
            await reconcile.recover(services.manager)
            reconcile.follow(services.manager)
            await server.start()
            stack.push_async_callback(server.stop)
            sockets.pop_all()  # from here on the server closes them
            upkeep = Upkeep(services, config)
            upkeep.start()
            stack.push_async_callback(upkeep.stop)
            self._handle_signals(services)
            self._started = True
            # What was made until now lives as long as the daemon: the collector need not look at it again.
            gc.collect()
            gc.freeze()
            log.info("ready", extra=logs.fields(listen=server.addresses, version=VERSION, level=LEVEL))
            self._notifier.ready(f"serving {', '.join(server.addresses)}")
            self._notifier.start_watchdog()
            await self._stop.wait()
            self._draining = services.gate.draining = True
            self._notifier.stopping("draining")
            log.info("stopping", extra=logs.fields(deadline_s=self._drain_seconds))
            left = await server.drain(self._drain_seconds)
            if left:
                log.warning("%d calls were still in flight after %.0f s", left, self._drain_seconds)
            await services.dispatcher.drain(1.0)
            await services.keyed.drain(1.0)
            await services.manager.journal.drain(self._drain_seconds)
        log.info("stopped")
        self._output.close()

    def request_stop(self, drain_seconds: float | None = None) -> None:
        """Begin to stop; returns at once."""
        if drain_seconds is not None:
            self._drain_seconds = drain_seconds
        self._stop.set()

    def _handle_signals(self, services: Services) -> None:
        loop = asyncio.get_running_loop()
        for number in (signal.SIGTERM, signal.SIGINT):
            loop.add_signal_handler(number, self.request_stop)
        loop.add_signal_handler(signal.SIGHUP, self._reload, services)

    def _reload(self, services: Services) -> None:
        """Read the configuration again. What is wrong changes nothing; what needs a restart says so."""
        self._notifier.reloading()
        loaded = load(self.home.path, flags=self.flags)
        if loaded.problems:
            log.error(
                "the configuration was not reloaded: it has %d problems; see nexusd --check", len(loaded.problems)
            )
        else:
            before, after = self.loaded.config, loaded.config
            if self._output is not None:
                self._output.close()
            self._output = logs.setup(after.log.level, after.log.format)
            services.parts.limits = _limits(after)
            services.parts.port_range = _port_range(after)
            services.parts.default_backend = after.defaults.backend
            services.loaded = self.loaded = loaded
            for section in ("daemon", "auth", "processes", "resources", "docker", "node"):
                if getattr(before, section) != getattr(after, section):
                    log.warning("changes of %s take effect when the daemon starts again", section)
            log.info("configuration reloaded")
        self._notifier.ready()

    # -- building ------------------------------------------------------------------------------------------------

    def _listen(self, config: Config) -> list[Listener]:
        found = activated()
        path = self.home.socket(config.daemon.socket)
        listeners = found or [bind_unix(path)]
        if not any(listener.kind == "tcp" for listener in found):
            try:
                listeners += self._bind_tcp(config)
            except BindProblem:
                for listener in listeners:
                    listener.close()
                raise
        return listeners

    def _bind_tcp(self, config: Config) -> list[Listener]:
        try:
            return bind_tcp(config.daemon.host, config.daemon.port)
        except PortTaken as error:
            # Many programs like 8080. Who asked for no port needs none: local clients come by the Unix socket.
            if {self.loaded.provenance[key] for key in ("daemon.host", "daemon.port")} != {"default"}:
                raise
            listeners = bind_tcp(config.daemon.host, 0)
            log.warning("%s; listening on port %d instead. Set daemon.port to choose", error, listeners[0].port)
            return listeners

    async def _build(self, config: Config, listeners: list[Listener], stack: AsyncExitStack) -> tuple[Services, Server]:
        instance = new_id("in")
        db = await Database.open(self.home.database)
        stack.push_async_callback(db.close)
        tokens = Tokens(_keyring(self.home, config), issuer=config.auth.jwt.issuer or "nexusd")
        token_service = TokenService(db, tokens)
        await token_service.open()
        audit = AuditLog(self.home.audit_log)
        stack.callback(audit.close)

        registry = Registry(instance)
        backends: dict[str, Backend] = {"host": HostBackend(self.home.state, self._keeping(config))}
        if (host := address.find(config.docker.host)) is not None:
            backends["docker"] = self._docker(config, host)
        if os.environ.get("NEXUS_MOCK") == "1":
            from nexusd.backends.mock.backend import MockBackend

            backends["mock"] = MockBackend(self.home.state)

        async def machine_for(workspace: str) -> Machine:
            record = registry.get(workspace)
            if record is None:
                raise WorkspaceNotFound(f"no workspace {workspace!r}", workspace=workspace)
            if record.state != "running":
                raise WorkspaceStateError(
                    f"workspace {record.name} is {record.state}; processes need it to be running",
                    hint=f"Start it: boulder workspace start {record.name}",
                    workspace=record.id,
                    state=record.state,
                    allowed=["running"],
                )
            return parts.machine(record)

        processes = ProcessTable(
            db,
            self.home.state,
            machine_for,
            max_per_workspace=config.limits.max_processes_per_workspace,
            log_limit=int(config.processes.log_limit),
            keep=timedelta(seconds=config.processes.keep),
            drain_wait=config.processes.drain_wait,
        )
        parts = Parts(
            db=db,
            registry=registry,
            processes=processes,
            backends=backends,
            home=self.home.path,
            default_backend=config.defaults.backend,
            defaults_for=self._defaults_for,
            port_range=_port_range(config),
            limits=_limits(config),
            ports={},
            copies=Copies(self.home.path),
        )
        for backend in backends.values():
            try:
                await backend.open()
            except NexusError as error:
                log.error("backend %s is not usable: %s", backend.name, error)
            stack.push_async_callback(backend.close)
        stack.push_async_callback(processes.close, STOP_GRACE)
        manager = Manager(parts)
        files = FileService(parts.machine, instance)
        stack.push_async_callback(files.close)
        usage = Usage(parts)
        manager.on_destroyed(files.forget)
        manager.on_destroyed(usage.forget)
        resolver = Resolver(registry, processes, db)
        gate = Gate(resolver, capable=parts.capable)
        metrics = Metrics(version=VERSION, level=LEVEL, methods=METHODS)
        manager.on_ended(metrics.operation)

        def needed() -> set[str]:
            return {parts.default_backend, *(record.backend for record in registry.all())}

        services = Services(
            home=self.home,
            flags=self.flags,
            loaded=self.loaded,
            instance=instance,
            started_at=datetime.now(UTC),
            db=db,
            registry=registry,
            parts=parts,
            manager=manager,
            checkpoints=Checkpoints(manager),
            processes=processes,
            files=files,
            usage=usage,
            tokens=token_service,
            resolver=resolver,
            gate=gate,
            health=Health(db, backends, needed, self.home, lambda: self._draining),
            request_drain=self.request_stop,
        )
        services.keyed = KeyedCalls(db, recovery(services))
        services.dispatcher = Dispatcher(
            METHODS, admit=admission(gate, lambda call, error: observer.refused(call, error)), keyed=services.keyed
        )
        observer = Observer(services.dispatcher, metrics, audit)
        server = self._server(config, listeners, services, gate, tokens, observer, metrics)
        return services, server

    def _keeping(self, config: Config) -> Keeping | None:
        """What the host backend needs to keep processes; None where it cannot, or is not to."""
        if not config.processes.outlive_daemon:
            return None
        try:
            program = binary(keep=self.home.programs)
        except BackendFailed as error:
            log.warning("processes on this host end with the daemon: %s", error.message)
            return None
        return Keeping(program, self.home.run / "keepers", self._log_of)

    def _log_of(self, process: str) -> Path:
        """Where the output of a process is kept."""
        return self.home.state / "output" / f"{process}.log"

    def _docker(self, config: Config, host: str) -> Backend:
        # Not loaded where there is no engine: it would be a tenth of the time until a daemon is ready.
        from nexusd.backends.docker.backend import DockerBackend
        from nexusd.backends.docker.helper import NexusInit

        return DockerBackend(
            self.home.state,
            self.home.run,
            host=host,
            settings=config.docker,
            resources=config.resources,
            helper=NexusInit(self._log_of, self.home.programs),
            git_dir=lambda repository: common_dir(Path(repository)),
        )

    def _server(
        self,
        config: Config,
        listeners: list[Listener],
        services: Services,
        gate: Gate,
        tokens: Tokens,
        observer: Observer,
        metrics: Metrics,
    ) -> Server:
        dispatcher = services.dispatcher
        guard = Guard(config.daemon.allowed_hosts, config.daemon.allowed_origins)
        authenticator = Authenticator(tokens, trust_peer=config.auth.trust_peer)
        sessions = SessionRegistry()
        services.tokens.on_revoked(sessions.revoked)
        connection_limits = ConnectionLimits()
        tuning = Tuning()
        announcement = Announcement.of(
            ServerInfo(name="nexusd", version=VERSION, node=config.node.name, instance=services.instance),
            connection=connection_limits,
            max_output=MAX_OUTPUT,
            max_read=MAX_READ,
            ping_s=tuning.ping_s,
        )

        def counted(change: int) -> None:
            metrics.connections += change

        endpoint = RpcEndpoint(
            guard=guard,
            authenticator=authenticator,
            dispatcher=dispatcher,
            sessions=sessions,
            announcement=announcement,
            limits=connection_limits,
            tuning=tuning,
            counted=counted,
        )
        register_all(observer, services)
        session_api.register(observer, announcement=announcement, tokens=tokens, sessions=sessions, openrpc=openrpc)
        if dispatcher.unserved:
            raise AssertionError(f"methods of the schema that nobody serves: {', '.join(dispatcher.unserved)}")

        def rendered() -> bytes:
            metrics.processes = services.processes.running_count
            metrics.workspaces = services.registry.states()
            return metrics.render()

        pages = Pages(
            version=VERSION,
            probes=Probes(started=lambda: self._started, ready=services.health.ready),
            metrics=rendered,
            openrpc=openrpc,
            gate=gate,
            authenticator=authenticator,
        )
        files = FilesHttp(authenticator, admission(gate, observer.refused), services.files)
        routes = [
            Route(RPC_PATH, {"POST": endpoint.post, "GET": endpoint.upgrade_required}),
            *files.routes(),
            *pages.routes(),
        ]
        server = Server(
            App(routes, guard),
            endpoint,
            listeners,
            turnstile=Turnstile(
                max_connections=config.limits.max_connections,
                per_address=config.limits.max_unauthenticated_per_address,
            ),
            tls=_tls(config),
        )
        services.server = server
        return server

    async def _defaults_for(self, repository: str) -> Defaults:
        """The defaults in force for a local repository, its own layer included."""
        if not repository.startswith("/"):
            return _defaults(self.loaded)
        loaded = await asyncio.to_thread(load, self.home.path, repository, self.flags)
        theirs = [problem for problem in loaded.problems if problem.source.startswith(f"{repository}/")]
        if theirs:
            raise ConfigError(theirs)
        # A file of the node or the user that was broken since is not this caller's fault: what is in force decides.
        return _defaults(self.loaded if loaded.problems else loaded)


def _defaults(loaded: Loaded) -> Defaults:
    return Defaults(loaded.config.defaults.backend, loaded.config.defaults.env)


def openrpc() -> bytes:
    """The schema as an OpenRPC document."""
    return resources.files("nexus_sdk.protocol").joinpath("openrpc.json").read_bytes()


def _raise_file_limit() -> None:
    """Every connection, process and watch takes descriptors. Not without bound: what we start inherits the limit, and
    some programs close every descriptor up to it."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = MOST_FILES if hard == resource.RLIM_INFINITY else min(hard, MOST_FILES)
    if soft != resource.RLIM_INFINITY and soft < wanted:
        resource.setrlimit(resource.RLIMIT_NOFILE, (wanted, hard))


def _port_range(config: Config) -> PortRange:
    ports = config.ports
    return PortRange(start=ports.range.start, end=ports.range.end, per_workspace=ports.per_workspace)


def _keyring(home: Home, config: Config) -> Keyring:
    others = []
    if config.auth.jwt.hs256_secret_file is not None:
        others.append(load_hs256(config.auth.jwt.hs256_secret_file))
    if config.auth.jwt.jwks_file is not None:
        others += load_jwks(config.auth.jwt.jwks_file)
    return Keyring(load_or_create_pair(home.keys), others)


def _limits(config: Config) -> Limits:
    limits = config.limits
    return Limits(limits.max_workspaces_total, limits.max_workspaces_per_user, limits.max_checkpoints_per_workspace)


def _tls(config: Config) -> ssl.SSLContext | None:
    if config.daemon.tls.cert is None:
        return None
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.minimum_version = ssl.TLSVersion.TLSv1_2
    context.load_cert_chain(config.daemon.tls.cert, config.daemon.tls.key)
    return context
