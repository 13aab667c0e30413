"""Records as the protocol shows them."""

from __future__ import annotations

import posixpath
from collections.abc import Mapping
from datetime import datetime
from typing import Any

import msgspec
from nexus_sdk.protocol.types import (
    Checkpoint,
    MachineOptions,
    MachineSettings,
    Operation,
    OperationError,
    OperationStep,
    PortMapping,
    Repository,
    Workspace,
)

from nexusd.store.checkpoints import CheckpointRecord
from nexusd.store.operations import OperationRecord
from nexusd.store.workspaces import WorkspaceRecord


def workspace(record: WorkspaceRecord, ports: Mapping[str, int]) -> Workspace:
    """A workspace's record and its ports, for a caller who may see it."""
    return Workspace(
        id=record.id,
        name=record.name,
        display_name=record.display_name or msgspec.UNSET,
        owner=record.owner,
        state=record.state,
        message=record.message,
        backend=record.backend,
        repository=Repository(
            url=record.repo_url, path=record.repo_path, ref=record.repo_ref, commit=record.repo_commit
        ),
        branch=record.branch,
        root=record.root,
        worktree=record.worktree,
        ports=[PortMapping(name=name, port=port) for name, port in sorted(ports.items(), key=lambda item: item[1])],
        env=dict(record.env),
        labels=dict(record.labels),
        machine=_settings(record.options),
        current=record.current,
        generation=record.generation,
        created_at=record.created_at,
        updated_at=record.updated_at,
        last_active_at=record.last_active_at,
        operation=record.operation or msgspec.UNSET,
    )


def checkpoint(record: CheckpointRecord) -> Checkpoint:
    """A checkpoint's record, for a caller who may see it."""
    return Checkpoint(
        id=record.id,
        workspace=record.workspace,
        workspace_name=record.workspace_name,
        state=record.state,
        name=record.name,
        comment=record.comment,
        automatic=record.automatic,
        backend=record.backend,
        branch=record.branch.removeprefix("refs/heads/") or msgspec.UNSET,
        commit=record.commit or msgspec.UNSET,
        files=record.files,
        skipped=record.skipped,
        size=record.size,
        created_at=record.created_at,
    )


def _settings(options: Mapping[str, Any]) -> MachineSettings | msgspec.UnsetType:
    if not options:
        return msgspec.UNSET
    asked = msgspec.convert(options, MachineOptions)
    built: str | msgspec.UnsetType = msgspec.UNSET
    if asked.build is not msgspec.UNSET:
        built = posixpath.normpath(posixpath.join(asked.build.context, asked.build.dockerfile))
    return MachineSettings(
        image=asked.image,
        dockerfile=built,
        resource_class=asked.resource_class,
        cpu=asked.cpu,
        memory=asked.memory,
        pids=asked.pids,
        storage=asked.storage,
        read_only=asked.read_only,
        user=asked.user,
        egress=asked.egress,
        container_ports=asked.container_ports,
    )


def operation(record: OperationRecord) -> Operation:
    """An operation's journal as a caller sees it."""
    error: OperationError | msgspec.UnsetType = msgspec.UNSET
    if record.error:
        data = record.error.get("data") or {}
        error = OperationError(
            code=record.error["code"],
            name=data.get("name", ""),
            message=record.error["message"],
            hint=data.get("hint", ""),
            details=data.get("details", msgspec.UNSET),
        )
    return Operation(
        id=record.id,
        kind=record.kind,
        workspace=record.workspace,
        state=record.state,
        steps=[_step(step) for step in record.steps],
        message=record.message,
        error=error,
        created_at=record.created_at,
        ended_at=record.ended_at or msgspec.UNSET,
    )


def _step(step: dict[str, Any]) -> OperationStep:
    times = {
        key: datetime.fromisoformat(step[key]) if step.get(key) else msgspec.UNSET for key in ("started_at", "ended_at")
    }
    return OperationStep(name=step["name"], state=step["state"], **times)
