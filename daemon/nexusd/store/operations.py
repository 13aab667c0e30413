"""Operations as they are kept: the journal that a restart finishes or undoes."""

from __future__ import annotations

from collections.abc import Collection, Iterator
from datetime import datetime
from typing import Any

import msgspec

from nexusd.store.connection import Connection
from nexusd.store.mapping import Mapper, to_micros


class OperationRecord(msgspec.Struct, kw_only=True):
    """One operation.

    Attributes:
        id: ``op_…``.
        kind: the verb.
        workspace: the workspace's id.
        owner: the subject that asked for it.
        state: as the schema's OperationState.
        steps: the schema's OperationStep objects, in order, in JSON types.
        message: what is being done, for a person.
        error: why it failed, as the schema's OperationError in JSON types.
        params: what was asked for, without secrets.
        key: the caller's key, if it chose one.
        created_at: when it was accepted.
        ended_at: when it ended.
        data: what the steps need to know of each other after a restart.
    """

    id: str
    kind: str
    workspace: str
    owner: str
    state: str
    steps: list[dict[str, Any]] = msgspec.field(default_factory=list)
    message: str = ""
    error: dict[str, Any] | None = None
    params: dict[str, Any] = msgspec.field(default_factory=dict)
    key: str | None = None
    created_at: datetime
    ended_at: datetime | None = None
    data: dict[str, Any] = msgspec.field(default_factory=dict)


_MAP = Mapper("operations", OperationRecord)


def insert(conn: Connection, record: OperationRecord) -> None:
    """Keep a new operation."""
    conn.execute(_MAP.insert_sql, _MAP.encode(record))


def get(conn: Connection, id: str) -> OperationRecord | None:
    """The operation with this id."""
    row = conn.row(f"{_MAP.select_sql} WHERE id = :id", {"id": id})
    return None if row is None else _MAP.decode(row)


def select(
    conn: Connection,
    *,
    workspace: str | None = None,
    workspaces: Collection[str] | None = None,
    owner: str | None = None,
    running: bool = False,
    limit: int = 100,
) -> list[OperationRecord]:
    """Operations, newest first.

    Args:
        conn: the connection.
        workspace: only this workspace's.
        workspaces: only those of these workspaces; None for all.
        owner: only what this subject asked for.
        running: only those under way.
        limit: at most so many.
    """
    conditions = ["1 = 1"]
    if workspace is not None:
        conditions.append("workspace = :workspace")
    if owner is not None:
        conditions.append("owner = :owner")
    if running:
        conditions.append("state = 'running'")
    found: list[OperationRecord] = []
    sql = f"{_MAP.select_sql} WHERE {' AND '.join(conditions)} ORDER BY created_at DESC, id DESC"
    for row in conn.each(sql, {"workspace": workspace, "owner": owner}):
        if len(found) == limit:
            break
        record = _MAP.decode(row)
        if workspaces is None or record.workspace in workspaces:
            found.append(record)
    return found


def open_ones(conn: Connection) -> list[OperationRecord]:
    """Operations that have not ended, oldest first: what a start has to finish or undo."""
    return _MAP.decode_all(conn.rows(f"{_MAP.select_sql} WHERE state = 'running' ORDER BY created_at, id"))


def params_of(conn: Connection, kinds: Collection[str]) -> Iterator[dict[str, Any]]:
    """What was asked for by each operation of these kinds, in no order."""
    for kind, params in conn.each("SELECT kind, params FROM operations"):
        if kind in kinds:
            yield msgspec.json.decode(params)


def update(conn: Connection, id: str, **columns: Any) -> bool:
    """Change some columns. False where there is no such operation; KeyError for a column that does not exist."""
    sql, params = _MAP.update("id", columns)
    return conn.execute(sql, {**params, "key_": id}) > 0


def purge(conn: Connection, older_than: datetime) -> int:
    """Forget operations that ended before `older_than`; returns how many."""
    return conn.execute(
        "DELETE FROM operations WHERE state != 'running' AND ended_at < :before", {"before": to_micros(older_than)}
    )
