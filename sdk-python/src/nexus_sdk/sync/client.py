# Generated from nexus_sdk's asynchronous classes; do not edit.
"""Synchronous twin of nexus_sdk.client."""

from __future__ import annotations

import os
from collections.abc import Sequence
from types import TracebackType
from typing import Any

import msgspec

import nexus_sdk.client
from nexus_sdk.connection import ProgressCallback
from nexus_sdk.portal import Facade
from nexus_sdk.protocol import types
from nexus_sdk.sync.events import WorkspaceWatch
from nexus_sdk.sync.workspace import Workspace

__all__ = ["Backends", "Config", "Nexus", "Operations", "System", "Tokens", "Workspaces"]


class Nexus(Facade):
    """A connected client. Made by `connect`.

    Safe to share between the tasks of one event loop. Calls and streams survive a broken connection as far as the
    schema allows; see `Connection.call`.
    """

    _inner: nexus_sdk.client.Nexus

    def __enter__(self) -> Nexus:
        self._run(self._inner.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._inner.__aexit__(kind, error, trace))

    @property
    def workspaces(self) -> Workspaces:
        """Workspaces."""
        return self._wrap(Workspaces, self._inner.workspaces)

    @property
    def operations(self) -> Operations:
        """Lifecycle changes, under way and done."""
        return self._wrap(Operations, self._inner.operations)

    @property
    def tokens(self) -> Tokens:
        """Tokens of this identity."""
        return self._wrap(Tokens, self._inner.tokens)

    @property
    def system(self) -> System:
        """The daemon itself."""
        return self._wrap(System, self._inner.system)

    @property
    def backends(self) -> Backends:
        """What can run workspaces here."""
        return self._wrap(Backends, self._inner.backends)

    @property
    def config(self) -> Config:
        """The daemon's configuration."""
        return self._wrap(Config, self._inner.config)

    @property
    def session(self) -> types.SessionReady:
        """What the daemon announced when the connection was last made: level, limits, identity, expiry."""
        return self._inner.session

    @property
    def address(self) -> str:
        """Where the daemon is."""
        return self._inner.address

    @property
    def reconnects(self) -> int:
        """How often the connection was made anew."""
        return self._inner.reconnects

    def call(
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
        return self._run(self._inner.call(method, params, timeout=timeout, on_progress=on_progress))

    def ping(self) -> types.SessionPong:
        """Ask the daemon for a sign of life; the answer has its clock."""
        return self._run(self._inner.ping())

    def refresh(self, token: str) -> types.SessionRefreshed:
        """Renew the identity of this connection with a new token for the same subject, in place."""
        return self._run(self._inner.refresh(token))

    def discover(self) -> Any:
        """Return the schema as an OpenRPC document."""
        return self._run(self._inner.discover())

    def close(self) -> None:
        """Close the connection; what is under way raises `ConnectionClosed`. Processes run on. Twice does nothing."""
        self._run(self._inner.close())


class Workspaces(Facade):
    """The workspaces of a daemon; `nexus.workspaces`."""

    _inner: nexus_sdk.client.Workspaces

    def create(
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
        inner = self._run(
            self._inner.create(
                name,
                repository,
                ref=ref,
                backend=backend,
                machine=machine,
                display_name=display_name,
                env=env,
                labels=labels,
                ports=ports,
                start=start,
                wait=wait,
                on_progress=on_progress,
                key=key,
            )
        )
        return self._wrap(Workspace, inner)

    def fork(
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
        inner = self._run(
            self._inner.fork(
                name,
                checkpoint=checkpoint,
                workspace=workspace,
                display_name=display_name,
                env=env,
                labels=labels,
                ports=ports,
                start=start,
                wait=wait,
                on_progress=on_progress,
                key=key,
            )
        )
        return self._wrap(Workspace, inner)

    def get(self, workspace: str) -> Workspace:
        """Return a workspace by its id or name.

        Raises:
            WorkspaceNotFound: there is none for this identity.
        """
        return self._wrap(Workspace, self._run(self._inner.get(workspace)))

    def list(
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
        items = self._run(
            self._inner.list(
                repository=repository,
                state=state,
                labels=labels,
                destroyed=destroyed,
                limit=limit,
            )
        )
        return [self._wrap(Workspace, item) for item in items]

    def watch(
        self,
        workspace: str | None = None,
        *,
        cursor: str | None = None,
        window: int = 256,
    ) -> WorkspaceWatch:
        """Follow changes: `with nexus.workspaces.watch() as events`, then `for event in events`.

        Args:
            workspace: only this one, by id or name; None for all that the identity can see.
            cursor: continue after this, from `events.cursor` of an earlier watch; None begins now.
            window: how many events may wait here unread.
        """
        return self._wrap(WorkspaceWatch, self._inner.watch(workspace, cursor=cursor, window=window))


class Operations(Facade):
    """Lifecycle changes; `nexus.operations`."""

    _inner: nexus_sdk.client.Operations

    def list(
        self,
        *,
        workspace: str | None = None,
        running: bool = False,
        limit: int = 100,
    ) -> list[types.Operation]:
        """Return operations, newest first: of one workspace or of all, with `running` only those under way."""
        return self._run(self._inner.list(workspace=workspace, running=running, limit=limit))

    def get(self, operation: str) -> types.Operation:
        """Return one operation by its id."""
        return self._run(self._inner.get(operation))

    def wait(
        self,
        operation: str,
        *,
        timeout: float = 300.0,
        on_progress: ProgressCallback | None = None,
    ) -> types.Operation:
        """Wait until an operation ends, for at most `timeout` seconds (up to 3600), and return how it stands."""
        return self._run(self._inner.wait(operation, timeout=timeout, on_progress=on_progress))

    def cancel(self, operation: str) -> types.Operation:
        """Cancel an operation; what it did is undone.

        Raises:
            OperationDone: it has ended.
        """
        return self._run(self._inner.cancel(operation))


class Tokens(Facade):
    """Tokens; `nexus.tokens`."""

    _inner: nexus_sdk.client.Tokens

    def create(
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
        return self._run(
            self._inner.create(
                subject,
                scopes=scopes,
                workspaces=workspaces,
                ttl=ttl,
                name=name,
            )
        )

    def list(self) -> list[types.TokenInfo]:
        """Return tokens without their secrets, newest first."""
        return self._run(self._inner.list())

    def revoke(self, id: str) -> types.TokenInfo:
        """Revoke a token: connections made with it are closed within seconds."""
        return self._run(self._inner.revoke(id))


class System(Facade):
    """The daemon; `nexus.system`."""

    _inner: nexus_sdk.client.System

    def info(self) -> types.SystemInfo:
        """Return what the daemon is and does."""
        return self._run(self._inner.info())

    def health(self) -> types.SystemHealth:
        """Return whether the daemon is well, check by check."""
        return self._run(self._inner.health())

    def drain(
        self,
        *,
        timeout: float = 30.0,
    ) -> None:
        """Stop the daemon: no new work, then its end when calls in flight are done or `timeout` seconds passed."""
        self._run(self._inner.drain(timeout=timeout))


class Backends(Facade):
    """Backends; `nexus.backends`."""

    _inner: nexus_sdk.client.Backends

    def list(self) -> list[types.BackendInfo]:
        """Return the backends of this node, with what they can do."""
        return self._run(self._inner.list())


class Config(Facade):
    """Configuration; `nexus.config`."""

    _inner: nexus_sdk.client.Config

    def get(
        self,
        prefix: str = "",
        *,
        repository: str | None = None,
    ) -> list[types.ConfigEntry]:
        """Return the values in force whose keys begin with `prefix`, each with where it came from."""
        return self._run(self._inner.get(prefix, repository=repository))

    def validate(
        self,
        text: str,
        *,
        layer: types.ConfigLayer = "user",
    ) -> types.ConfigValidated:
        """Check a configuration in YAML, without using it."""
        return self._run(self._inner.validate(text, layer=layer))
