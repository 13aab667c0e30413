"""The one place where it is decided whether a call may happen.

What a method needs is data, generated from the schema: a scope, a target, a capability. Whoever serves calls, over
whatever transport, asks `Gate.admit` and nobody else; a lint test forbids other modules to look at scopes.
"""

from __future__ import annotations

import time
from collections.abc import Awaitable, Callable, Mapping
from inspect import isawaitable
from typing import Any, Final, Protocol, TypeVar

from nexus_sdk.protocol.errors import (
    CapabilityMissing,
    CheckpointNotFound,
    Draining,
    Forbidden,
    MethodNotFound,
    NexusError,
    OperationNotFound,
    ProcessNotFound,
    Unauthenticated,
    WorkspaceNotFound,
)
from nexus_sdk.protocol.methods import METHODS, Method

from nexusd.auth.identity import Identity

__all__ = ["Gate", "GatedCall", "Resolved", "Resolver"]

T = TypeVar("T")


class Resolved(Protocol):
    """What the gate looks at in a workspace's record."""

    @property
    def id(self) -> str: ...

    @property
    def owner(self) -> str: ...

    @property
    def backend(self) -> str: ...


class Resolver(Protocol):
    """Finds what a call is about. Answers from memory or from an index; each method may be a coroutine."""

    def workspace(self, ref: str, identity: Identity) -> Resolved | Awaitable[Resolved | None] | None:
        """The workspace with this id, else the one that `identity` calls so; destroyed ones by id only."""
        ...

    def process(self, id: str) -> str | Awaitable[str | None] | None:
        """Id of the workspace that a process belongs to."""
        ...

    def operation(self, id: str) -> str | Awaitable[str | None] | None:
        """Id of the workspace that an operation is about."""
        ...

    def checkpoint(self, id: str) -> str | Awaitable[str | None] | None:
        """Id of the workspace that a checkpoint was made of."""
        ...


class GatedCall(Protocol):
    """What the gate needs of a call; `nexusd.wire.call.Call` is one."""

    method: Method
    params: Any
    identity: Any
    workspace: Any


class Gate:
    """Admits calls.

    Args:
        resolver: finds workspaces, processes, operations and checkpoints.
        capable: whether a backend, by name, has a capability; None leaves that question to the backend itself.
        methods: the method table.
        clock: seconds since the epoch.

    Attributes:
        draining: whether the daemon stops and takes no new work; calls about the session itself still pass.
    """

    def __init__(
        self,
        resolver: Resolver,
        *,
        capable: Callable[[str, str], bool] | None = None,
        methods: Mapping[str, Method] = METHODS,
        clock: Callable[[], float] = time.time,
    ) -> None:
        self._resolver = resolver
        self._capable = capable
        self._methods = methods
        self._clock = clock
        self.draining = False
        self._find: Final = {
            "process": resolver.process,
            "operation": resolver.operation,
            "checkpoint": resolver.checkpoint,
        }

    def admit(self, call: GatedCall) -> Awaitable[None] | None:
        """Let a call pass, or raise. Sets `call.workspace` to the record of the workspace it is about.

        Returns None when it is decided, or something to await when the resolver has to look it up first.

        Raises:
            Unauthenticated: the identity has expired since it was established.
            MethodNotFound: the method is not in the schema.
            Draining: the daemon stops.
            Forbidden: the identity lacks the method's scope.
            WorkspaceNotFound, ProcessNotFound, OperationNotFound, CheckpointNotFound: there is no such thing, or not
                for this identity; the two cannot be told apart.
            CapabilityMissing: the workspace's backend cannot do this.
        """
        method: Method = call.method
        identity: Identity = call.identity
        if self._methods.get(method.name) is not method:
            raise MethodNotFound(f"no method `{method.name[:64]}`")
        if identity.expires_at is not None and identity.expired(self._clock()):
            raise Unauthenticated("the identity has expired", hint="Renew it with session.refresh, or reconnect.")
        scope = method.scope or ""
        if not identity.may(method.scope):
            raise Forbidden(f"{method.name} needs the scope {scope}", scope=scope, method=method.name)
        if self.draining and method.scope is not None:
            raise Draining(f"the daemon stops and takes no {method.name}")
        if method.target is None:
            return None
        if method.target == "node":
            # It concerns everybody's workspaces: a tenant's `*` is over its own and does not reach that far.
            if identity.workspaces != "*":
                raise Forbidden(
                    f"{method.name} concerns the whole node",
                    hint="It needs a token for all workspaces.",
                    scope=scope,
                    method=method.name,
                )
            return None
        return self._admit_target(call, method, identity, getattr(call.params, method.target))

    def _admit_target(self, call: GatedCall, method: Method, identity: Identity, ref: str) -> Awaitable[None] | None:
        if method.target == "workspace":
            record = self._resolver.workspace(ref, identity)
            if isawaitable(record):
                return self._admit_later(call, method, identity, ref, record)
            self._decide(call, method, identity, ref, record)
            return None
        found = self._find[method.target or ""](ref)
        if not isawaitable(found):
            if found is None:
                raise _absent(method, ref)
            record = self._resolver.workspace(found, identity)
            if not isawaitable(record):
                self._decide(call, method, identity, ref, record, found)
                return None
            return self._admit_later(call, method, identity, ref, record, found)
        return self._admit_found(call, method, identity, ref, found)

    async def _admit_found(
        self, call: GatedCall, method: Method, identity: Identity, ref: str, found: Awaitable[str | None]
    ) -> None:
        workspace = await found
        if workspace is None:
            raise _absent(method, ref)
        record = await _settled(self._resolver.workspace(workspace, identity))
        self._decide(call, method, identity, ref, record, workspace)

    async def _admit_later(
        self,
        call: GatedCall,
        method: Method,
        identity: Identity,
        ref: str,
        record: Awaitable[Resolved | None],
        workspace: str | None = None,
    ) -> None:
        self._decide(call, method, identity, ref, await record, workspace)

    def _decide(
        self,
        call: GatedCall,
        method: Method,
        identity: Identity,
        ref: str,
        record: Resolved | None,
        workspace: str | None = None,
    ) -> None:
        # `workspace` was found by id: a record that merely bears that id as its name is another workspace
        if record is None or (workspace is not None and record.id != workspace):
            raise _absent(method, ref)
        if not identity.sees(record.id, record.owner):
            raise _absent(method, ref)
        capability = method.capability
        if capability is not None and self._capable is not None and not self._capable(record.backend, capability):
            raise CapabilityMissing(
                f"the backend {record.backend} cannot {capability}", backend=record.backend, capability=capability
            )
        call.workspace = record


def _absent(method: Method, ref: str) -> NexusError:
    if method.target == "process":
        return ProcessNotFound(f"no process {ref!r}", process=ref)
    if method.target == "operation":
        return OperationNotFound(f"no operation {ref!r}", operation=ref)
    if method.target == "checkpoint":
        return CheckpointNotFound(f"no checkpoint {ref!r}", checkpoint=ref)
    return WorkspaceNotFound(f"no workspace {ref!r}", workspace=ref)


async def _settled(value: T | Awaitable[T]) -> T:
    return await value if isawaitable(value) else value
