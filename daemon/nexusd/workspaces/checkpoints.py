"""The verbs of checkpoints: checked, accepted in one transaction, then run as an operation."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import msgspec
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import (
    CheckpointElsewhere,
    CheckpointExists,
    CheckpointNotFound,
    InvalidName,
    LimitCheckpoints,
    WorkspaceExists,
    WorkspaceNotFound,
)

from nexusd.ids import new_id
from nexusd.store import checkpoints as rows
from nexusd.store import operations as operation_rows
from nexusd.store import ports as port_rows
from nexusd.store import workspaces as workspace_rows
from nexusd.store.checkpoints import CheckpointRecord
from nexusd.store.connection import Connection
from nexusd.store.operations import OperationRecord
from nexusd.store.ports import PortRecord
from nexusd.store.workspaces import WorkspaceRecord
from nexusd.workspaces.journal import Run
from nexusd.workspaces.manager import NAME, Manager, check_env, require_free
from nexusd.workspaces.ports import STANDARD, allocate
from nexusd.workspaces.registry import Sees

SAVEABLE = ("stopped", "running", "paused", "error")
KINDS = ("checkpoint", "restore", "fork", "forget")
"""The kinds of operation that speak of checkpoints."""


class Checkpoints:
    """What workspaces were.

    Args:
        manager: the workspaces.
    """

    def __init__(self, manager: Manager) -> None:
        self._manager = manager
        self._parts = manager.parts

    async def record(self, checkpoint: str) -> CheckpointRecord:
        """The row of a checkpoint, removed ones too. Raises CheckpointNotFound."""
        record = await self._parts.db.read(lambda conn: rows.get(conn, checkpoint))
        if record is None:
            raise absent(checkpoint)
        return record

    async def create(self, owner: str, workspace: str, params: types.CheckpointCreateParams) -> Run:
        """Save a workspace.

        Raises:
            CheckpointExists, LimitCheckpoints, WorkspaceBusy, WorkspaceStateError, CapabilityMissing.
        """
        record = await self._saveable(workspace)
        given = params.name if params.name is not msgspec.UNSET else None
        saved = _draft(record, given or "", params.comment)

        def accept(conn: Connection, row: WorkspaceRecord, operation: OperationRecord) -> None:
            self._insert(conn, row, saved, given, "checkpoint")

        return await self._manager.change(
            "checkpoint",
            owner,
            workspace,
            params,
            SAVEABLE,
            goal=None,
            stored={"checkpoint": saved.id},
            also=accept,
        )

    async def restore(self, owner: str, workspace: str, params: types.CheckpointRestoreParams, sees: Sees) -> Run:
        """Bring a workspace back to a checkpoint of its own, which is given by its id or its name.

        Args:
            owner: who asks.
            workspace: its id.
            params: as the caller gave them.
            sees: whether the caller sees a workspace.

        Raises:
            CheckpointNotFound, CheckpointElsewhere, LimitCheckpoints, WorkspaceBusy, WorkspaceStateError,
            CapabilityMissing.
        """
        record = await self._saveable(workspace)
        wanted = await self._parts.db.read(lambda conn: self._wanted(conn, record, params.checkpoint, sees))
        saved = _draft(record, "", f"What the workspace was until {wanted.name!r} was restored.", automatic=True)

        def accept(conn: Connection, row: WorkspaceRecord, operation: OperationRecord) -> None:
            self._ready(conn, wanted.id)
            self._insert(conn, row, saved, None, f"before restore of {wanted.name}")

        return await self._manager.change(
            "restore",
            owner,
            workspace,
            params,
            SAVEABLE,
            goal=None,
            stored={"checkpoint": wanted.id, "before": saved.id},
            also=accept,
        )

    async def remove(self, owner: str, params: types.CheckpointRemoveParams) -> Run:
        """Remove a checkpoint. Raises CheckpointNotFound, WorkspaceBusy."""
        saved = await self.record(params.checkpoint)

        def accept(conn: Connection, row: WorkspaceRecord, operation: OperationRecord) -> None:
            found = rows.get(conn, saved.id)
            if found is None or found.state == "removed":
                raise absent(saved.id)

        return await self._manager.change(
            "forget",
            owner,
            saved.workspace,
            params,
            SAVEABLE,
            goal=None,
            stored={"checkpoint": saved.id},
            also=accept,
        )

    async def fork(
        self,
        owner: str,
        source: WorkspaceRecord,
        checkpoint: CheckpointRecord | None,
        params: types.CheckpointForkParams,
    ) -> Run:
        """Accept a new workspace that begins as `source` is, or as a checkpoint of it.

        Args:
            owner: whose it will be.
            source: the workspace that the caller was found to see.
            checkpoint: one of that workspace; None: what it is now.
            params: as the caller gave them.

        Raises:
            InvalidName, WorkspaceExists, LimitWorkspaces, PortsExhausted, WorkspaceBusy, WorkspaceStateError,
            CheckpointNotFound, CapabilityMissing.
        """
        parts, manager, now = self._parts, self._manager, datetime.now(UTC)
        if not NAME.fullmatch(params.name):
            raise InvalidName(f"{params.name!r} is not a valid workspace name", name=params.name)
        check_env(params.env)
        parts.require(source, "fork")
        worktree = Path(source.worktree).with_name(params.name)
        record = msgspec.structs.replace(
            source,
            id=new_id("ws"),
            name=params.name,
            owner=owner,
            state="pending",
            message="",
            display_name=params.display_name if params.display_name is not msgspec.UNSET else None,
            branch=f"nexus/{params.name}",
            worktree=str(worktree),
            root=parts.backend(source.backend).root(str(worktree)),
            env={**source.env, **params.env},
            labels=params.labels,
            current=False,
            generation=0,
            created_at=now,
            updated_at=now,
            last_active_at=now,
            operation=None,
            options=source.options if checkpoint is None else checkpoint.options,
        )
        saved = checkpoint or _draft(source, "", f"What workspace {params.name} was made of.", automatic=True)
        stored = {"checkpoint": saved.id, "source": source.id, "saves": checkpoint is None, "start": params.start}
        operation = manager.operation_for("fork", record, stored, params.key)
        record.operation = operation.id

        def accept(conn: Connection) -> None:
            if workspace_rows.find(conn, owner, params.name) is not None:
                raise WorkspaceExists(f"you already have a workspace named {params.name}", workspace=params.name)
            manager.check_limits(conn, owner)
            row = workspace_rows.get(conn, source.id)
            if row is None or row.state == "destroyed":
                raise WorkspaceNotFound(f"there is no workspace {source.name}", workspace=source.id)
            if checkpoint is None:
                require_free(row, "fork", SAVEABLE)
                self._insert(conn, row, saved, None, f"fork {params.name}")
                workspace_rows.update(conn, row.id, operation=operation.id)
                operation.data["source_was"] = row.state
            else:
                self._ready(conn, checkpoint.id)
            operation.steps = manager.steps_of(operation)
            taken = {port.port for port in port_rows.all_ports(conn)}
            extra = [port.name for port in port_rows.by_workspace(conn, source.id) if port.name not in STANDARD]
            names = [*extra, *(name for name in params.ports if name not in extra)]
            ports = allocate(parts.port_range, owner, params.name, names, taken)
            workspace_rows.insert(conn, record)
            for name, port in ports.items():
                port_rows.insert(conn, PortRecord(port=port, workspace=record.id, name=name, created_at=now))
            manager.insert_operation(conn, owner, operation)

        await parts.db.run(accept)
        if checkpoint is None:
            await manager.refresh(source.id)
        await manager.refresh(record.id)
        return manager.journal.begin(manager.plans["fork"], operation)

    async def _saveable(self, workspace: str) -> WorkspaceRecord:
        record = await self._manager.record(workspace)
        if record.state == "destroyed":
            raise WorkspaceNotFound(f"there is no workspace {workspace}", workspace=workspace)
        self._parts.require(record, "checkpoint")
        return record

    def _wanted(self, conn: Connection, record: WorkspaceRecord, ref: str, sees: Sees) -> CheckpointRecord:
        found = rows.get(conn, ref) if ref.startswith("cp_") else None
        found = found or rows.find(conn, record.id, ref)
        if found is None or found.state != "ready" or not sees(found.workspace, found.owner):
            raise absent(ref)
        if found.workspace != record.id:
            raise CheckpointElsewhere(
                f"checkpoint {ref} was made of workspace {found.workspace_name}",
                checkpoint=found.id,
                workspace=found.workspace,
            )
        return found

    def _ready(self, conn: Connection, checkpoint: str) -> None:
        found = rows.get(conn, checkpoint)
        if found is None or found.state != "ready":
            raise absent(checkpoint)

    def _insert(
        self, conn: Connection, row: WorkspaceRecord, saved: CheckpointRecord, name: str | None, base: str
    ) -> None:
        """Keep a new record under the name that was asked for, or under a free one that begins with `base`."""
        others = rows.of_workspace(conn, row.id)
        limit = self._parts.limits.checkpoints
        if len(others) >= limit:
            raise LimitCheckpoints(
                f"workspace {row.name} has {len(others)} checkpoints, as many as it may",
                limit="max_checkpoints_per_workspace",
                value=limit,
            )
        taken = {other.name for other in others}
        if name is not None and name in taken:
            raise CheckpointExists(f"workspace {row.name} has a checkpoint named {name!r}", checkpoint=name)
        numbered = base == "checkpoint"
        count, free = 1, f"{base} 1" if numbered else base
        while free in taken:
            count += 1
            free = f"{base} {count}"
        saved.name = name or free
        rows.insert(conn, saved)


def _draft(record: WorkspaceRecord, name: str, comment: str, *, automatic: bool = False) -> CheckpointRecord:
    return CheckpointRecord(
        id=new_id("cp"),
        workspace=record.id,
        workspace_name=record.name,
        owner=record.owner,
        state="making",
        name=name,
        comment=comment,
        automatic=automatic,
        backend=record.backend,
        options=record.options,
        created_at=datetime.now(UTC),
    )


def forget_removed(conn: Connection) -> int:
    """Forget the records of removed checkpoints that no operation speaks of any more; returns how many.

    Until then they are what a repeated call with the same key, and whoever asks for the operation, is told.
    """
    removed = rows.removed(conn)
    if not removed:
        return 0
    spoken_of: set[str] = set()
    for params in operation_rows.params_of(conn, KINDS):
        spoken_of.update(params[name] for name in ("checkpoint", "before") if name in params)
    return sum(rows.delete(conn, checkpoint) for checkpoint in removed if checkpoint not in spoken_of)


def absent(checkpoint: str) -> CheckpointNotFound:
    """There is none, or none for whoever asks: the two cannot be told apart."""
    return CheckpointNotFound(f"there is no checkpoint {checkpoint!r}", checkpoint=checkpoint)
