"""Workspaces as they are kept. A destroyed one stays as a record; its name is free again."""

from __future__ import annotations

from collections.abc import Collection, Mapping
from datetime import datetime
from typing import Any

import msgspec
from nexus_sdk.protocol.errors import WorkspaceExists

from nexusd.store import cursors
from nexusd.store.connection import Connection
from nexusd.store.errors import Conflict
from nexusd.store.mapping import Mapper, now, to_micros


class WorkspaceRecord(msgspec.Struct, kw_only=True):
    """One workspace.

    Attributes:
        id: ``ws_…``.
        name: unique among its owner's workspaces that are not destroyed.
        owner: the subject that created it.
        state: as the schema's WorkspaceState.
        message: what went wrong, in state ``error``; else empty.
        backend: the name of the backend that runs it.
        display_name: a name for people.
        repo_url: where its code came from, without credentials.
        repo_path: the repository on this node.
        repo_ref: what it was started from, as asked for.
        repo_commit: the commit that was.
        branch: its branch.
        root: where its files are, as its processes see it.
        worktree: the worktree on this node.
        env: environment of every process in it.
        labels: labels.
        current: whether it is the one last switched to in its repository, for its owner.
        generation: grows with each start.
        created_at: when it was asked for.
        updated_at: when the record last changed; `update` sets it.
        last_active_at: when something last ran or was attached in it.
        operation: the operation that is changing it, if any.
        options: how its machine is made: the schema's MachineOptions, as asked for.
    """

    id: str
    name: str
    owner: str
    state: str
    message: str = ""
    backend: str
    display_name: str | None = None
    repo_url: str
    repo_path: str
    repo_ref: str
    repo_commit: str
    branch: str
    root: str
    worktree: str
    env: dict[str, str] = msgspec.field(default_factory=dict)
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    current: bool = False
    generation: int = 0
    created_at: datetime
    updated_at: datetime
    last_active_at: datetime
    operation: str | None = None
    options: dict[str, Any] = msgspec.field(default_factory=dict)


_MAP = Mapper("workspaces", WorkspaceRecord)


def insert(conn: Connection, record: WorkspaceRecord) -> None:
    """Keep a new workspace. Raises WorkspaceExists where its owner has one of that name."""
    try:
        conn.execute(_MAP.insert_sql, _MAP.encode(record))
    except Conflict as error:
        raise WorkspaceExists(f"a workspace named {record.name!r} exists already", workspace=record.name) from error


def get(conn: Connection, id: str) -> WorkspaceRecord | None:
    """The workspace with this id, destroyed or not."""
    row = conn.row(f"{_MAP.select_sql} WHERE id = :id", {"id": id})
    return None if row is None else _MAP.decode(row)


def find(conn: Connection, owner: str | None, name: str) -> WorkspaceRecord | None:
    """The workspace of this name that is not destroyed.

    Args:
        conn: the connection.
        owner: whose; None for anybody's, which finds one only where a single owner uses the name: guessing between
            two people's workspaces would be worse than asking for the id.
        name: the name, compared exactly.
    """
    sql = f"{_MAP.select_sql} WHERE name = :name AND state != 'destroyed'"
    if owner is not None:
        sql += " AND owner = :owner"
    rows = conn.rows(f"{sql} LIMIT 2", {"name": name, "owner": owner})
    return _MAP.decode(rows[0]) if len(rows) == 1 else None


def select(
    conn: Connection,
    *,
    owner: str | None = None,
    ids: Collection[str] | None = None,
    repo: str | None = None,
    state: str | None = None,
    labels: Mapping[str, str] | None = None,
    destroyed: bool = False,
    limit: int | None = None,
    cursor: str | None = None,
) -> tuple[list[WorkspaceRecord], str | None]:
    """Workspaces, newest first, and the cursor of the next page or None.

    Args:
        conn: the connection.
        owner: only this subject's; None for everybody's.
        ids: only these; None for all.
        repo: only those of this repository: its path on this node or its URL.
        state: only those in this state; asking for ``"destroyed"`` includes them.
        labels: only those that have all of these.
        destroyed: include destroyed ones.
        limit: at most so many; None for all.
        cursor: where the last page ended.

    Raises:
        InvalidParams: the cursor is none that this function made.
    """
    conditions: list[str] = []
    params: dict[str, Any] = {}
    if owner is not None:
        conditions.append("owner = :owner")
        params["owner"] = owner
    if repo is not None:
        conditions.append("(repo_path = :repo OR repo_url = :repo)")
        params["repo"] = repo
    if state is not None:
        conditions.append("state = :state")
        params["state"] = state
    elif not destroyed:
        conditions.append("state != 'destroyed'")
    if cursor is not None:
        params |= cursors.read(cursor)
        conditions.append(cursors.AFTER)
    where = f" WHERE {' AND '.join(conditions)}" if conditions else ""
    found: list[WorkspaceRecord] = []
    for row in conn.each(f"{_MAP.select_sql}{where} ORDER BY created_at DESC, id DESC", params):
        # ids and labels are compared here: neither a list of any length nor JSON is portable SQL
        if ids is not None and row[0] not in ids:
            continue
        record = _MAP.decode(row)
        if labels and not labels.items() <= record.labels.items():
            continue
        if limit is not None and len(found) == limit:
            return found, cursors.write(found[-1].created_at, found[-1].id)
        found.append(record)
    return found, None


def update(conn: Connection, id: str, **columns: Any) -> bool:
    """Change some columns, and `updated_at` with them. False where there is no such workspace.

    Raises:
        WorkspaceExists: the new name or state makes the name used twice.
        KeyError: there is no such column.
    """
    sql, params = _MAP.update("id", {"updated_at": now(), **columns})
    try:
        return conn.execute(sql, {**params, "key_": id}) > 0
    except Conflict as error:
        name = str(columns.get("name", id))
        raise WorkspaceExists(f"the name of {name!r} is used by another workspace", workspace=name) from error


def touch(conn: Connection, id: str, at: datetime) -> None:
    """Note that something ran or was attached in the workspace. Not a change of the record."""
    conn.execute(
        "UPDATE workspaces SET last_active_at = :at WHERE id = :id AND last_active_at < :at",
        {"id": id, "at": to_micros(at)},
    )


def set_current(conn: Connection, id: str, repo_path: str, owner: str) -> None:
    """Make this workspace the current one among its owner's in one repository."""
    conn.execute(
        'UPDATE workspaces SET "current" = (id = :id), updated_at = :now'
        ' WHERE repo_path = :repo AND owner = :owner AND "current" != (id = :id)',
        {"id": id, "repo": repo_path, "owner": owner, "now": to_micros(now())},
    )


def count(conn: Connection, owner: str | None = None) -> int:
    """How many workspaces are not destroyed: of one owner, or of all."""
    sql = "SELECT count(*) FROM workspaces WHERE state != 'destroyed'"
    row = conn.row(sql if owner is None else f"{sql} AND owner = :owner", {"owner": owner})
    return int(row[0]) if row else 0
