"""The way in: `connect`, and what a daemon offers."""

from __future__ import annotations

import os
from collections.abc import Generator, Mapping, Sequence
from types import TracebackType
from typing import Any

import msgspec
from msgspec import UNSET

from nexus_sdk.connection import Connection, Options, ProgressCallback
from nexus_sdk.discovery import Token, discover
from nexus_sdk.events import WorkspaceWatch
from nexus_sdk.protocol import types
from nexus_sdk.retry import IsTransient, is_transient
from nexus_sdk.workspace import Workspace

__all__ = ["Backends", "Config", "Connector", "Nexus", "Operations", "System", "Tokens", "Workspaces", "connect"]


def connect(
    url: str | None = None,
    token: Token | None = None,
    *,
    # Timeouts
    open_timeout: float = 10.0,
    reconnect_timeout: float = 60.0,
    ping_interval: float | None = 20.0,
    # Behaviour
    is_transient: IsTransient = is_transient,
    auto_key: bool = True,
    # Transport
    ssl: Any = None,
    environ: Mapping[str, str] | None = None,
) -> Connector:
    """Connect to a daemon: `async with connect() as nexus`, or `nexus = await connect()`.

    Args:
        url: `http://`, `https://`, `ws://` or `wss://`, or `unix:<path>`; None takes `NEXUS_URL`, else the Unix socket
            below `NEXUS_HOME`.
        token: the token, or a function that returns a fresh one for each connection; None takes `NEXUS_TOKEN`.
        open_timeout: seconds for connecting, handshake and the daemon's first message.
        reconnect_timeout: seconds to go on trying after a connection broke; 0 never reconnects.
        ping_interval: seconds between pings, and until a missing pong ends the connection; None sends none.
        is_transient: decides which failures are worth another attempt; see `nexus_sdk.retry`.
        auto_key: give calls that take a key a random one, so that they can be repeated after a break.
        ssl: an `ssl.SSLContext` for `wss://`; None verifies against the system's certificates.
        environ: the environment to look at; None takes the process's own.

    Raises on entering or awaiting:
        DaemonNotFound: no URL was given and there is no socket.
        ConnectionFailed: nothing answers there.
        Unauthenticated: the token was refused.
    """
    options = Options(
        open_timeout=open_timeout,
        reconnect_timeout=reconnect_timeout,
        ping_interval=ping_interval,
        is_transient=is_transient,
        auto_key=auto_key,
        ssl=ssl,
    )
    return Connector(url, token, options, environ)


class Connector:
    """What `connect` returns: enter it, or await it."""

    def __init__(
        self, url: str | None, token: Token | None, options: Options, environ: Mapping[str, str] | None
    ) -> None:
        self._arguments = (url, token, environ)
        self._options = options
        self._nexus: Nexus | None = None

    def __await__(self) -> Generator[Any, None, Nexus]:
        return self._open().__await__()

    async def __aenter__(self) -> Nexus:
        self._nexus = await self._open()
        return self._nexus

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._nexus is not None:
            await self._nexus.close()

    async def _open(self) -> Nexus:
        url, token, environ = self._arguments
        connection = Connection(discover(url, token, environ=environ), self._options)
        await connection.open()
        return Nexus(connection)


class Nexus:
    """A connected client. Made by `connect`.

    Safe to share between the tasks of one event loop. Calls and streams survive a broken connection as far as the
    schema allows; see `Connection.call`.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._workspaces = Workspaces(connection)
        self._operations = Operations(connection)
        self._tokens = Tokens(connection)
        self._system = System(connection)
        self._backends = Backends(connection)
        self._config = Config(connection)

    async def __aenter__(self) -> Nexus:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.close()

    @property
    def workspaces(self) -> Workspaces:
        """Workspaces."""
        return self._workspaces

    @property
    def operations(self) -> Operations:
        """Lifecycle changes, under way and done."""
        return self._operations

    @property
    def tokens(self) -> Tokens:
        """Tokens of this identity."""
        return self._tokens

    @property
    def system(self) -> System:
        """The daemon itself."""
        return self._system

    @property
    def backends(self) -> Backends:
        """What can run workspaces here."""
        return self._backends

    @property
    def config(self) -> Config:
        """The daemon's configuration."""
        return self._config

    @property
    def session(self) -> types.SessionReady:
        """What the daemon announced when the connection was last made: level, limits, identity, expiry."""
        return self._connection.ready

    @property
    def address(self) -> str:
        """Where the daemon is."""
        return str(self._connection.address)

    @property
    def reconnects(self) -> int:
        """How often the connection was made anew."""
        return self._connection.reconnects

    async def call(
        self,
        method: str,
        params: msgspec.Struct | dict[str, Any] | None = None,
        *,
        timeout: float | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> Any:
        """Call any method of the protocol.

        Args:
            method: its name.
            params: a struct of `nexus_sdk.protocol.types`, or a mapping.
            timeout: seconds until `CallTimeout`; None takes the method's own deadline; `math.inf` none.
            on_progress: called with `Progress`, where the method knows progress.

        Returns:
            The method's result struct; of a method this client does not know, JSON types.
        """
        return await self._connection.call(method, params, timeout=timeout, on_progress=on_progress)

    async def ping(self) -> types.SessionPong:
        """Ask the daemon for a sign of life; the answer has its clock."""
        pong: types.SessionPong = await self._connection.call("session.ping")
        return pong

    async def refresh(self, token: str) -> types.SessionRefreshed:
        """Renew the identity of this connection with a new token for the same subject, in place."""
        renewed: types.SessionRefreshed = await self._connection.call(
            "session.refresh", types.SessionRefreshParams(token=token)
        )
        if not callable(self._connection.address.token):
            self._connection.address = self._connection.address._replace(token=token)
        return renewed

    async def discover(self) -> Any:
        """Return the schema as an OpenRPC document."""
        result: types.DiscoverResult = await self._connection.call("rpc.discover")
        return result.document

    async def close(self) -> None:
        """Close the connection; what is under way raises `ConnectionClosed`. Processes run on. Twice does nothing."""
        await self._connection.close()


class Workspaces:
    """The workspaces of a daemon; `nexus.workspaces`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(
        self,
        name: str,
        repository: str | os.PathLike[str] | types.RepositorySource,
        *,
        ref: str | None = None,
        backend: str | None = None,
        machine: types.MachineOptions | None = None,
        display_name: str | None = None,
        env: dict[str, str] | None = None,
        labels: dict[str, str] | None = None,
        ports: Sequence[str] = (),
        start: bool = True,
        wait: bool = True,
        on_progress: ProgressCallback | None = None,
        key: str | None = None,
    ) -> Workspace:
        """Make a workspace from a git repository, and start it.

        Args:
            name: lower-case letters, digits and inner hyphens, at most 63; unique for its owner.
            repository: a path on the daemon's machine, made absolute here if it is one on this machine too, or a URL
                that git can fetch.
            ref: branch, tag or commit to start from; None for the repository's HEAD.
            backend: what runs it; None for the configured one.
            machine: what its machine is made of, and how large, where the backend makes one; None for its defaults.
            display_name: a name for people.
            env: environment of every process in it.
            labels: labels to find it by.
            ports: names of ports to allocate, besides the standard ones.
            start: start it too.
            wait: return when it is done; otherwise at once, in state `pending`.
            on_progress: called with `Progress`, in steps.
            key: makes repeating the call safe; None makes a random one.

        Raises:
            WorkspaceExists: there is one of this name.
            RepositoryUnusable, RefNotFound: git cannot make a worktree of it.
        """
        if isinstance(repository, types.RepositorySource):
            source = repository
        else:
            url = os.fspath(repository)
            if os.path.isdir(url):
                url = os.path.abspath(url)
            source = types.RepositorySource(url=url, ref=UNSET if ref is None else ref)
        params = types.WorkspaceCreateParams(
            name=name,
            repository=source,
            backend=UNSET if backend is None else backend,
            options=UNSET if machine is None else machine,
            display_name=UNSET if display_name is None else display_name,
            env=dict(env or {}),
            labels=dict(labels or {}),
            ports=list(ports),
            start=start,
            wait=wait,
            key=UNSET if key is None else key,
        )
        result: types.LifecycleResult = await self._connection.call("workspace.create", params, on_progress=on_progress)
        return Workspace(self._connection, result.workspace)

    async def fork(
        self,
        name: str,
        *,
        checkpoint: str | None = None,
        workspace: str | None = None,
        display_name: str | None = None,
        env: dict[str, str] | None = None,
        labels: dict[str, str] | None = None,
        ports: Sequence[str] = (),
        start: bool = True,
        wait: bool = True,
        on_progress: ProgressCallback | None = None,
        key: str | None = None,
    ) -> Workspace:
        """Make a workspace that begins as another one is, or as a checkpoint of it. Give one of the two.

        It has a branch, ports and copies of everything of its own; backend, machine and environment are the other's.

        Args:
            name: as of `create`.
            checkpoint: id of the checkpoint that it begins as.
            workspace: id or name of the workspace that it begins as.
            display_name: a name for people.
            env: added to the environment of the other one.
            labels: labels to find it by.
            ports: names of ports to allocate, besides those that the other one has.
            start: start it too.
            wait: return when it is done; otherwise at once, in state `pending`.
            on_progress: called with `Progress`, in steps.
            key: makes repeating the call safe; None makes a random one.

        Raises:
            CheckpointNotFound, WorkspaceNotFound: there is none such.
            WorkspaceExists: there is one of this name.
        """
        params = types.CheckpointForkParams(
            name=name,
            checkpoint=UNSET if checkpoint is None else checkpoint,
            workspace=UNSET if workspace is None else workspace,
            display_name=UNSET if display_name is None else display_name,
            env=dict(env or {}),
            labels=dict(labels or {}),
            ports=list(ports),
            start=start,
            wait=wait,
            key=UNSET if key is None else key,
        )
        result: types.LifecycleResult = await self._connection.call("checkpoint.fork", params, on_progress=on_progress)
        return Workspace(self._connection, result.workspace)

    async def get(self, workspace: str) -> Workspace:
        """Return a workspace by its id or name.

        Raises:
            WorkspaceNotFound: there is none for this identity.
        """
        record: types.Workspace = await self._connection.call(
            "workspace.get", types.WorkspaceGetParams(workspace=workspace)
        )
        return Workspace(self._connection, record)

    async def list(
        self,
        *,
        repository: str | None = None,
        state: types.WorkspaceState | None = None,
        labels: dict[str, str] | None = None,
        destroyed: bool = False,
        limit: int | None = None,
    ) -> list[Workspace]:
        """Return workspaces, newest first.

        Args:
            repository: only those of this one, by path or URL.
            state: only those in this state.
            labels: only those that have all of these.
            destroyed: include destroyed ones.
            limit: at most so many; None for all.
        """
        found: list[Workspace] = []
        cursor: str | None = None
        while True:
            page: types.WorkspaceList = await self._connection.call(
                "workspace.list",
                types.WorkspaceListParams(
                    repository=UNSET if repository is None else repository,
                    state=UNSET if state is None else state,
                    labels=dict(labels or {}),
                    destroyed=destroyed,
                    limit=1000 if limit is None else max(1, min(1000, limit - len(found))),
                    cursor=UNSET if cursor is None else cursor,
                ),
            )
            found += [Workspace(self._connection, record) for record in page.workspaces]
            if page.next_cursor is UNSET or (limit is not None and len(found) >= limit):
                return found
            cursor = str(page.next_cursor)

    def watch(self, workspace: str | None = None, *, cursor: str | None = None, window: int = 256) -> WorkspaceWatch:
        """Follow changes: `async with nexus.workspaces.watch() as events`, then `async for event in events`.

        Args:
            workspace: only this one, by id or name; None for all that the identity can see.
            cursor: continue after this, from `events.cursor` of an earlier watch; None begins now.
            window: how many events may wait here unread.
        """
        params = types.WorkspaceWatchParams(
            workspace=UNSET if workspace is None else workspace,
            cursor=UNSET if cursor is None else cursor,
            window=window,
        )
        return WorkspaceWatch(self._connection, params)


class Operations:
    """Lifecycle changes; `nexus.operations`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(
        self, *, workspace: str | None = None, running: bool = False, limit: int = 100
    ) -> list[types.Operation]:
        """Return operations, newest first: of one workspace or of all, with `running` only those under way."""
        params = types.OperationListParams(
            workspace=UNSET if workspace is None else workspace, running=running, limit=limit
        )
        listed: types.OperationList = await self._connection.call("operation.list", params)
        return listed.operations

    async def get(self, operation: str) -> types.Operation:
        """Return one operation by its id."""
        params = types.OperationGetParams(operation=operation)
        found: types.Operation = await self._connection.call("operation.get", params)
        return found

    async def wait(
        self, operation: str, *, timeout: float = 300.0, on_progress: ProgressCallback | None = None
    ) -> types.Operation:
        """Wait until an operation ends, for at most `timeout` seconds (up to 3600), and return how it stands."""
        params = types.OperationWaitParams(operation=operation, timeout_ms=round(timeout * 1000))
        found: types.Operation = await self._connection.call("operation.wait", params, on_progress=on_progress)
        return found

    async def cancel(self, operation: str) -> types.Operation:
        """Cancel an operation; what it did is undone.

        Raises:
            OperationDone: it has ended.
        """
        params = types.OperationGetParams(operation=operation)
        found: types.Operation = await self._connection.call("operation.cancel", params)
        return found


class Tokens:
    """Tokens; `nexus.tokens`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def create(
        self,
        subject: str,
        *,
        scopes: Sequence[str] = ("*",),
        workspaces: Sequence[str] = ("own",),
        ttl: float = 2_592_000.0,
        name: str = "",
    ) -> types.TokenCreated:
        """Make a token. It is shown once.

        Args:
            subject: who it is for.
            scopes: what it may do; never more than the caller may.
            workspaces: workspace ids, `*` for all, or `own` for those that the subject creates.
            ttl: seconds for which it is valid; 30 days.
            name: what it is for.
        """
        params = types.TokenCreateParams(
            subject=subject,
            scopes=list(scopes),
            workspaces=list(workspaces),
            ttl_ms=round(ttl * 1000),
            name=name,
        )
        created: types.TokenCreated = await self._connection.call("token.create", params)
        return created

    async def list(self) -> list[types.TokenInfo]:
        """Return tokens without their secrets, newest first."""
        listed: types.TokenList = await self._connection.call("token.list")
        return listed.tokens

    async def revoke(self, id: str) -> types.TokenInfo:
        """Revoke a token: connections made with it are closed within seconds."""
        revoked: types.TokenInfo = await self._connection.call("token.revoke", types.TokenRevokeParams(id=id))
        return revoked


class System:
    """The daemon; `nexus.system`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def info(self) -> types.SystemInfo:
        """Return what the daemon is and does."""
        info: types.SystemInfo = await self._connection.call("system.info")
        return info

    async def health(self) -> types.SystemHealth:
        """Return whether the daemon is well, check by check."""
        health: types.SystemHealth = await self._connection.call("system.health")
        return health

    async def drain(self, *, timeout: float = 30.0) -> None:
        """Stop the daemon: no new work, then its end when calls in flight are done or `timeout` seconds passed."""
        await self._connection.call("system.drain", types.SystemDrainParams(timeout_ms=round(timeout * 1000)))


class Backends:
    """Backends; `nexus.backends`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def list(self) -> list[types.BackendInfo]:
        """Return the backends of this node, with what they can do."""
        listed: types.BackendList = await self._connection.call("backend.list")
        return listed.backends


class Config:
    """Configuration; `nexus.config`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    async def get(self, prefix: str = "", *, repository: str | None = None) -> list[types.ConfigEntry]:
        """Return the values in force whose keys begin with `prefix`, each with where it came from."""
        params = types.ConfigGetParams(prefix=prefix, repository=UNSET if repository is None else repository)
        values: types.ConfigValues = await self._connection.call("config.get", params)
        return values.entries

    async def validate(self, text: str, *, layer: types.ConfigLayer = "user") -> types.ConfigValidated:
        """Check a configuration in YAML, without using it."""
        params = types.ConfigValidateParams(text=text, layer=layer)
        checked: types.ConfigValidated = await self._connection.call("config.validate", params)
        return checked
