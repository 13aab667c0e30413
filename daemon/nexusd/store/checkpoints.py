"""Checkpoints as they are kept. A removed one stays as a record for as long as an operation speaks of it."""

from __future__ import annotations

from collections.abc import Collection
from datetime import datetime
from typing import Any

import msgspec

from nexusd.store import cursors
from nexusd.store.connection import Connection
from nexusd.store.mapping import Mapper


class CheckpointRecord(msgspec.Struct, kw_only=True):
    """One checkpoint.

    Attributes:
        id: ``cp_…``.
        workspace: the id of the workspace that it was made of.
        workspace_name: that one's name.
        owner: that one's owner.
        state: as the schema's CheckpointState.
        name: unique among the workspace's that are not removed.
        comment: what it is for.
        automatic: whether nobody asked for it by itself.
        backend: the backend that ran the workspace.
        branch: full name of the ref that HEAD was on; empty when detached.
        commit: its commit; empty on a branch without commits.
        files: entries of the worktree.
        skipped: entries that were left out.
        size: bytes that it takes.
        options: how the machine was made: the schema's MachineOptions.
        created_at: when it was asked for.
    """

    id: str
    workspace: str
    workspace_name: str
    owner: str
    state: str
    name: str
    comment: str = ""
    automatic: bool = False
    backend: str
    branch: str = ""
    commit: str = ""
    files: int = 0
    skipped: int = 0
    size: int = 0
    options: dict[str, Any] = msgspec.field(default_factory=dict)
    created_at: datetime


_MAP = Mapper("checkpoints", CheckpointRecord)


def insert(conn: Connection, record: CheckpointRecord) -> None:
    """Keep a new checkpoint."""
    conn.execute(_MAP.insert_sql, _MAP.encode(record))


def get(conn: Connection, id: str) -> CheckpointRecord | None:
    """The checkpoint with this id, removed or not."""
    row = conn.row(f"{_MAP.select_sql} WHERE id = :id", {"id": id})
    return None if row is None else _MAP.decode(row)


def find(conn: Connection, workspace: str, name: str) -> CheckpointRecord | None:
    """The checkpoint of a workspace that has this name and is not removed."""
    row = conn.row(
        f"{_MAP.select_sql} WHERE workspace = :workspace AND name = :name AND state != 'removed'",
        {"workspace": workspace, "name": name},
    )
    return None if row is None else _MAP.decode(row)


def of_workspace(conn: Connection, workspace: str) -> list[CheckpointRecord]:
    """Every checkpoint of a workspace that is not removed, oldest first."""
    return _MAP.decode_all(
        conn.rows(
            f"{_MAP.select_sql} WHERE workspace = :workspace AND state != 'removed' ORDER BY created_at, id",
            {"workspace": workspace},
        )
    )


def ids(conn: Connection) -> set[str]:
    """Ids of all that are not removed."""
    return {row[0] for row in conn.rows("SELECT id FROM checkpoints WHERE state != 'removed'")}


def select(
    conn: Connection,
    *,
    workspace: str | None = None,
    workspaces: Collection[str] | None = None,
    owner: str | None = None,
    limit: int,
    cursor: str | None = None,
) -> tuple[list[CheckpointRecord], str | None]:
    """Checkpoints that are not removed, newest first, and the cursor of the next page or None.

    Args:
        conn: the connection.
        workspace: only this workspace's.
        workspaces: only those of these workspaces; None for all.
        owner: only those of this subject's workspaces; None for everybody's.
        limit: at most so many.
        cursor: where the last page ended.

    Raises:
        InvalidParams: the cursor is none that this function made.
    """
    conditions, params = ["state != 'removed'"], dict[str, Any]()
    if workspace is not None:
        conditions.append("workspace = :workspace")
        params["workspace"] = workspace
    if owner is not None:
        conditions.append("owner = :owner")
        params["owner"] = owner
    if cursor is not None:
        params |= cursors.read(cursor)
        conditions.append(cursors.AFTER)
    found: list[CheckpointRecord] = []
    sql = f"{_MAP.select_sql} WHERE {' AND '.join(conditions)} ORDER BY created_at DESC, id DESC"
    for row in conn.each(sql, params):
        record = _MAP.decode(row)
        if workspaces is not None and record.workspace not in workspaces:
            continue
        if len(found) == limit:
            return found, cursors.write(found[-1].created_at, found[-1].id)
        found.append(record)
    return found, None


def update(conn: Connection, id: str, **columns: Any) -> bool:
    """Change some columns. False where there is no such checkpoint; KeyError for a column that does not exist."""
    sql, params = _MAP.update("id", columns)
    return conn.execute(sql, {**params, "key_": id}) > 0


def removed(conn: Connection) -> list[str]:
    """Ids of those that are removed."""
    return [row[0] for row in conn.rows("SELECT id FROM checkpoints WHERE state = 'removed'")]


def delete(conn: Connection, id: str) -> bool:
    """Forget a checkpoint. False where there is no such one."""
    return conn.execute("DELETE FROM checkpoints WHERE id = :id", {"id": id}) > 0
