"""The verbs of a workspace's life: checked, accepted in one transaction, then run as an operation."""

from __future__ import annotations

import asyncio
import logging
import re
import time
from collections.abc import Awaitable, Callable, Collection, Coroutine, Mapping
from datetime import UTC, datetime
from pathlib import Path
from types import MappingProxyType
from typing import Any

import msgspec
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import (
    InternalError,
    InvalidName,
    InvalidParams,
    LimitWorkspaces,
    NexusError,
    OperationDone,
    OperationNotFound,
    PortsExhausted,
    WorkspaceBusy,
    WorkspaceExists,
    WorkspaceNotFound,
)
from nexus_sdk.protocol.errors import WorkspaceState as WorkspaceStateError

from nexusd.git import repositories, worktrees
from nexusd.ids import new_id
from nexusd.store import keys as key_rows
from nexusd.store import operations as operation_rows
from nexusd.store import ports as port_rows
from nexusd.store import workspaces as rows
from nexusd.store.connection import Connection
from nexusd.store.errors import StoreError
from nexusd.store.operations import OperationRecord
from nexusd.store.ports import PortRecord
from nexusd.store.workspaces import WorkspaceRecord
from nexusd.workspaces import view
from nexusd.workspaces.checkpoint_plans import checkpoint_plans
from nexusd.workspaces.journal import Journal, Run
from nexusd.workspaces.parts import Parts
from nexusd.workspaces.plans import plans
from nexusd.workspaces.ports import STANDARD, allocate
from nexusd.workspaces.steps import dirty

log = logging.getLogger(__name__)

TOUCH_SECONDS = 60.0

NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")

STARTABLE = ("stopped", "running", "paused", "error")
STOPPABLE = ("stopped", "running", "paused", "error")


class Manager:
    """Lifecycle of the workspaces of this node.

    Every verb takes the accepted caller's subject and the call's params and answers with the operation under way; the
    api decides whether to wait for it. A verb whose goal is reached already succeeds with an operation of no steps.
    """

    def __init__(self, parts: Parts) -> None:
        self.parts = parts
        self.journal = Journal(parts.db, self.refresh, self._note_end)
        self.plans = {**plans(parts), **checkpoint_plans(parts)}
        self._touched: dict[str, float] = {}
        self._ended: list[Callable[[str, str], None]] = []
        self._destroyed: list[Callable[[str], Awaitable[None]]] = []
        self._leaving: set[asyncio.Task[None]] = set()
        self.unsettled: set[str] = set()
        """Workspaces whose backend was away when the daemon started."""

    def on_ended(self, listener: Callable[[str, str], None]) -> None:
        """Call `listener` with kind and state of each operation that ends."""
        self._ended.append(listener)

    def on_destroyed(self, listener: Callable[[str], Awaitable[None]]) -> None:
        """Call `listener` with the id of each workspace that is gone."""
        self._destroyed.append(listener)

    def touch(self, record: WorkspaceRecord) -> None:
        """Note that something runs in a workspace; written at most once a minute, and never waited for."""
        now = time.monotonic()
        if now - self._touched.get(record.id, -TOUCH_SECONDS) < TOUCH_SECONDS:
            return
        self._touched[record.id] = now
        at = datetime.now(UTC)
        record.last_active_at = at
        task = asyncio.get_running_loop().create_task(self._touch(record.id, at))
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    def background(self, work: Coroutine[Any, Any, None]) -> None:
        """Run something that nobody waits for; a failure is logged."""

        async def run() -> None:
            try:
                await work
            except (NexusError, StoreError) as error:
                log.error("%s", error)

        task = asyncio.get_running_loop().create_task(run())
        self._leaving.add(task)
        task.add_done_callback(self._leaving.discard)

    def _note_end(self, kind: str, state: str) -> None:
        for listener in self._ended:
            listener(kind, state)

    async def _touch(self, workspace: str, at: datetime) -> None:
        try:
            await self.parts.db.run(lambda conn: rows.touch(conn, workspace, at), durable="crash")
        except (NexusError, StoreError) as error:
            log.warning("workspace %s: its last activity was not noted: %s", workspace, error)

    # -- records -------------------------------------------------------------------------------------------------

    async def refresh(self, workspace: str) -> None:
        """Read a workspace's row and ports after a commit, and let everybody know."""

        def read(conn: Connection) -> tuple[WorkspaceRecord | None, list[PortRecord]]:
            return rows.get(conn, workspace), port_rows.by_workspace(conn, workspace)

        record, ports = await self.parts.db.read(read)
        if record is None:
            return
        if ports:
            self.parts.ports[workspace] = {port.name: port.port for port in ports}
        else:
            self.parts.ports.pop(workspace, None)
        self.parts.registry.put(record)
        if record.state == "destroyed":
            self._touched.pop(workspace, None)
            for listener in self._destroyed:
                await listener(workspace)

    def show(self, record: WorkspaceRecord) -> types.Workspace:
        """A workspace as the protocol shows it."""
        return view.workspace(record, self.parts.ports.get(record.id, {}))

    async def record(self, workspace: str) -> WorkspaceRecord:
        """The row of a workspace, destroyed ones too. Raises WorkspaceNotFound."""
        record = self.parts.registry.get(workspace) or await self.parts.db.read(lambda conn: rows.get(conn, workspace))
        if record is None:
            raise WorkspaceNotFound(f"there is no workspace {workspace}", workspace=workspace)
        return record

    async def operation(self, operation: str) -> OperationRecord:
        """The journal row of an operation. Raises OperationNotFound."""
        run = self.journal.running(operation)
        record = run.record if run else await self.parts.db.read(lambda conn: operation_rows.get(conn, operation))
        if record is None:
            raise OperationNotFound(f"there is no operation {operation}", operation=operation)
        return record

    # -- verbs ---------------------------------------------------------------------------------------------------

    async def create(self, owner: str, source: str, params: types.WorkspaceCreateParams) -> Run:
        """Accept a new workspace from `source`, which the caller was found to have a right to.

        Raises:
            InvalidName, WorkspaceExists, LimitWorkspaces, PortsExhausted, BackendNotFound, RepositoryUnusable,
            OptionUnsupported.
        """
        if not NAME.fullmatch(params.name):
            raise InvalidName(f"{params.name!r} is not a valid workspace name", name=params.name)
        check_env(params.env)
        url = await repositories.normalise(source)
        defaults = await self.parts.defaults_for(url)
        backend = params.backend if params.backend is not msgspec.UNSET else defaults.backend
        asked = params.options if params.options is not msgspec.UNSET else types.MachineOptions()
        options = await self.parts.backend(backend).check(asked, [*STANDARD, *params.ports])
        now = datetime.now(UTC)
        record = WorkspaceRecord(
            id=self.parts.backend(backend).ahead(options) or new_id("ws"),
            name=params.name,
            owner=owner,
            state="pending",
            message="",
            backend=backend,
            display_name=params.display_name if params.display_name is not msgspec.UNSET else None,
            repo_url=repositories.redact_url(url),
            repo_path="",
            repo_ref="",
            repo_commit="",
            branch=f"nexus/{params.name}",
            root="",
            worktree="",
            env={**defaults.env, **params.env},
            labels=params.labels,
            current=False,
            generation=0,
            created_at=now,
            updated_at=now,
            last_active_at=now,
            operation=None,
            options=msgspec.to_builtins(options),
        )
        stored = {
            "url": url,
            "ref": params.repository.ref if params.repository.ref is not msgspec.UNSET else None,
            "start": params.start,
        }
        operation = self.operation_for("create", record, stored, params.key)
        operation.steps = self.steps_of(operation)
        record.operation = operation.id

        def accept(conn: Connection) -> None:
            if rows.find(conn, owner, params.name) is not None:
                raise WorkspaceExists(f"you already have a workspace named {params.name}", workspace=params.name)
            self.check_limits(conn, owner)
            taken = {port.port for port in port_rows.all_ports(conn)}
            ports = allocate(self.parts.port_range, owner, params.name, params.ports, taken)
            rows.insert(conn, record)
            for name, port in ports.items():
                port_rows.insert(conn, PortRecord(port=port, workspace=record.id, name=name, created_at=now))
            self.insert_operation(conn, owner, operation)

        try:
            await self.parts.db.run(accept)
        except (WorkspaceExists, LimitWorkspaces, PortsExhausted, InvalidParams):
            # Only where that is certain: of anything else nobody knows whether it was written.
            self.parts.backend(backend).give_back(record.id)
            raise
        await self.refresh(record.id)
        return self.journal.begin(self.plans["create"], operation)

    async def start(self, owner: str, workspace: str, params: types.WorkspaceChangeParams) -> Run:
        """Run it; running already is success."""
        return await self.change("start", owner, workspace, params, STARTABLE, goal="running")

    async def stop(self, owner: str, workspace: str, params: types.WorkspaceChangeParams) -> Run:
        """End everything in it; stopped already is success."""
        return await self.change("stop", owner, workspace, params, STOPPABLE, goal="stopped")

    async def restart(self, owner: str, workspace: str, params: types.WorkspaceChangeParams) -> Run:
        """Stop, then start."""
        return await self.change("restart", owner, workspace, params, STOPPABLE, goal=None)

    async def pause(self, owner: str, workspace: str, params: types.WorkspaceChangeParams) -> Run:
        """Freeze it; paused already is success."""
        self.parts.require(await self.record(workspace), "pause")
        return await self.change("pause", owner, workspace, params, ("running", "paused"), goal="paused")

    async def resume(self, owner: str, workspace: str, params: types.WorkspaceChangeParams) -> Run:
        """Thaw it; running already is success."""
        self.parts.require(await self.record(workspace), "pause")
        return await self.change("resume", owner, workspace, params, ("running", "paused"), goal="running")

    async def switch(self, owner: str, workspace: str, params: types.WorkspaceSwitchParams) -> Run:
        """Make it the current one of its repository: run it, then leave the former one as asked.

        The former one is left in the background by an operation of its own: it never delays the switch, and its
        failure is its own. One that is busy is left alone.
        """
        record = await self.record(workspace)
        former = next(
            (
                other
                for other in self.parts.registry.all()
                if other.current
                and other.id != record.id
                and (other.repo_path, other.owner) == (record.repo_path, record.owner)
            ),
            None,
        )
        if params.leave == "pause" and former is not None:
            self.parts.require(former, "pause")
        run = await self.change("switch", owner, workspace, params, STARTABLE, goal=None)
        if former is not None and former.state == "running":
            task = asyncio.get_running_loop().create_task(self._leave(run, owner, former, params.leave))
            self._leaving.add(task)
            task.add_done_callback(self._leaving.discard)
        return run

    async def _leave(
        self, switch: Run, owner: str, former: WorkspaceRecord, mode: types.LeaveMode | msgspec.UnsetType
    ) -> None:
        await switch.wait()
        await self.refresh(former.id)
        if switch.error is not None:
            return
        if mode is msgspec.UNSET:
            mode = "pause" if self.parts.backend(former.backend).capabilities.pause else "keep"
        change = types.WorkspaceChangeParams(workspace=former.id)
        try:
            if mode == "pause":
                await self.pause(owner, former.id, change)
            elif mode == "stop":
                await self.stop(owner, former.id, change)
        except (WorkspaceBusy, WorkspaceStateError, WorkspaceNotFound):
            pass  # somebody is changing it on purpose: theirs wins

    async def destroy(self, owner: str, workspace: str, params: types.WorkspaceDestroyParams) -> Run:
        """Take it down.

        Raises:
            WorkspaceDirty: it has uncommitted changes and `force` is not given; nothing was touched.
        """
        record = await self.record(workspace)
        if record.state == "destroyed":
            raise WorkspaceNotFound(f"no workspace {workspace!r}", workspace=workspace)
        if not params.force and record.worktree and await asyncio.to_thread(Path(record.worktree).is_dir):
            work = await worktrees.inspect_work(Path(record.repo_path), Path(record.worktree), record.branch)
            if work.lost:
                raise dirty(record, work)
        return await self.change(
            "destroy",
            owner,
            workspace,
            params,
            ("stopped", "running", "paused", "error", "destroying"),
            goal=None,
            enter="destroying",
        )

    async def update(self, workspace: str, params: types.WorkspaceUpdateParams) -> WorkspaceRecord:
        """Change a record's display name, environment or labels."""
        columns: dict[str, object] = {"updated_at": datetime.now(UTC)}
        if params.display_name is not msgspec.UNSET:
            columns["display_name"] = params.display_name or None
        if params.env is not msgspec.UNSET:
            check_env(params.env)
            columns["env"] = params.env
        if params.labels is not msgspec.UNSET:
            columns["labels"] = params.labels

        def write(conn: Connection) -> None:
            row = rows.get(conn, workspace)
            if row is None or row.state == "destroyed":
                raise WorkspaceNotFound(f"there is no workspace {workspace}", workspace=workspace)
            rows.update(conn, workspace, **columns)

        await self.parts.db.run(write)
        await self.refresh(workspace)
        return await self.record(workspace)

    async def cancel(self, operation: str) -> OperationRecord:
        """Cancel an operation and wait until it is undone. Raises OperationNotFound, OperationDone."""
        record = await self.operation(operation)
        if record.ended_at is not None:
            raise OperationDone(f"operation {operation} has ended", operation=operation)
        run = self.journal.cancel(operation, self.plans[record.kind])
        await run.wait()
        return await self.operation(operation)

    # -- accepting -----------------------------------------------------------------------------------------------

    async def change(
        self,
        kind: str,
        owner: str,
        workspace: str,
        params: Any,
        allowed: Collection[str],
        *,
        goal: str | None,
        enter: str | None = None,
        stored: Mapping[str, Any] = MappingProxyType({}),
        also: Callable[[Connection, WorkspaceRecord, OperationRecord], None] | None = None,
    ) -> Run:
        """Accept an operation on a workspace, and begin it.

        Args:
            kind: the verb.
            owner: who asks.
            workspace: its id.
            params: as the caller gave them.
            allowed: the states in which it may be.
            goal: a state in which there is nothing to do; None: there always is.
            enter: the state it is in meanwhile; None: as before.
            stored: what the steps need to know, besides what all verbs have.
            also: what else is checked and written in the same transaction.

        Raises:
            WorkspaceNotFound, WorkspaceBusy, WorkspaceStateError, and what `also` raises.
        """
        known = {
            name: getattr(params, name) for name in ("timeout_ms", "force", "keep_branch") if hasattr(params, name)
        }
        record = await self.record(workspace)
        operation = self.operation_for(kind, record, {**known, **stored}, params.key)
        reached = False

        def accept(conn: Connection) -> None:
            nonlocal reached
            row = rows.get(conn, workspace)
            if row is None or row.state == "destroyed":
                raise WorkspaceNotFound(f"there is no workspace {record.name}", workspace=record.name)
            require_free(row, kind, allowed)
            operation.data = {"was": row.state}
            reached = row.state == goal
            if reached:
                operation.state, operation.steps, operation.ended_at = "done", [], operation.created_at
            else:
                if also is not None:
                    also(conn, row, operation)
                operation.steps = self.steps_of(operation)
                columns: dict[str, object] = {"operation": operation.id, "updated_at": operation.created_at}
                if enter is not None:
                    columns["state"] = enter
                rows.update(conn, workspace, **columns)
            self.insert_operation(conn, owner, operation)

        await self.parts.db.run(accept)
        await self.refresh(workspace)
        if reached:
            return self.journal.ended(operation)
        return self.journal.begin(self.plans[kind], operation)

    def operation_for(self, kind: str, record: WorkspaceRecord, params: dict[str, Any], key: object) -> OperationRecord:
        """A new operation on a workspace, without its steps: they may depend on what is found when it is accepted."""
        return OperationRecord(
            id=new_id("op"),
            kind=kind,
            workspace=record.id,
            owner=record.owner,
            state="running",
            steps=[],
            message="",
            error=None,
            params=params,
            key=key if isinstance(key, str) else None,
            created_at=datetime.now(UTC),
            ended_at=None,
            data={"was": record.state},
        )

    def steps_of(self, operation: OperationRecord) -> list[dict[str, Any]]:
        """The steps of an operation, none of them begun."""
        run = self.journal.draft(operation)
        return [{"name": step.name, "state": "waiting"} for step in self.plans[operation.kind].steps(run)]

    def insert_operation(self, conn: Connection, owner: str, operation: OperationRecord) -> None:
        """Keep an accepted operation, and bind its key to it."""
        operation_rows.insert(conn, operation)
        if operation.key is not None:
            # In the same transaction: after a crash the key leads to the operation or nothing was accepted.
            key_rows.attach(conn, owner, operation.key, operation.id)

    def check_limits(self, conn: Connection, owner: str) -> None:
        """Raise LimitWorkspaces where there may be no more."""
        total, own = rows.count(conn), rows.count(conn, owner)
        limits = self.parts.limits
        if total >= limits.total:
            raise LimitWorkspaces(
                f"this node has {total} workspaces, as many as it may", limit="max_workspaces_total", value=limits.total
            )
        if own >= limits.per_owner:
            raise LimitWorkspaces(
                f"you have {own} workspaces, as many as you may",
                limit="max_workspaces_per_user",
                value=limits.per_owner,
            )


def outcome(run: Run) -> None:
    """Raise what made an ended operation fail; a failure without a known cause is never called success."""
    if run.record.state == "done":
        return
    stored = run.record.error
    if run.error is None and stored:
        raise NexusError.from_wire(stored["code"], stored["message"], stored.get("data"))
    raise run.error or InternalError(f"operation {run.record.id} ended as {run.record.state} without a reason")


def check_env(env: dict[str, str]) -> None:
    """Raise InvalidParams for what cannot be an environment."""
    for name, value in env.items():
        if not name or "=" in name or "\0" in name or "\0" in value:
            raise InvalidParams(
                f"{name!r} cannot be an environment variable", path=f"$.env.{name}", reason="empty, or with '=' or NUL"
            )


def require_free(row: WorkspaceRecord, kind: str, allowed: Collection[str]) -> None:
    """Raise WorkspaceBusy or WorkspaceStateError where a verb cannot begin with a workspace."""
    if row.operation is not None:
        raise WorkspaceBusy(
            f"workspace {row.name} is being changed by operation {row.operation}",
            workspace=row.id,
            operation=row.operation,
        )
    if row.state not in allowed:
        raise WorkspaceStateError(
            f"workspace {row.name} is {row.state}; {kind} needs it to be {' or '.join(allowed)}",
            workspace=row.id,
            state=row.state,
            allowed=list(allowed),
        )
