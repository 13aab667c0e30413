"""Processes as they are kept: while they run, and for a while after, so that their exit can be asked for."""

from __future__ import annotations

from datetime import datetime
from typing import Any

import msgspec

from nexusd.store.connection import Connection
from nexusd.store.mapping import Mapper, to_micros


class ProcessRecord(msgspec.Struct, kw_only=True):
    """One process.

    Attributes:
        id: ``pr_…``.
        workspace: the workspace's id.
        argv: the command.
        cwd: where it started, relative to the workspace's root.
        pty: terminal size as (columns, rows); None without a terminal.
        stdin: whether its stdin is open.
        state: as the schema's ProcessState.
        pid: its process id, while it runs.
        pid_started: what tells it from a later process with the same id; 0 if unknown.
        exit: the schema's ExitStatus in JSON types; None until it was reaped.
        output_end: bytes written, both channels.
        labels: labels.
        generation: the workspace's incarnation it belongs to.
        started_at: when it was started.
        ended_at: when it ended.
        deadline: when it is to be ended; once `ending` says why it is, when what is left of it is killed.
        ending: the schema's ExitReason, from the moment on in which it was decided to end it.
        signalled: numbers of signals that callers sent and that may be what ends it.
    """

    id: str
    workspace: str
    argv: list[str]
    cwd: str = "."
    pty: tuple[int, int] | None = None
    stdin: bool = False
    state: str
    pid: int | None = None
    pid_started: int = 0
    exit: dict[str, Any] | None = None
    output_end: int = 0
    labels: dict[str, str] = msgspec.field(default_factory=dict)
    generation: int = 0
    started_at: datetime
    ended_at: datetime | None = None
    deadline: datetime | None = None
    ending: str | None = None
    signalled: list[int] = msgspec.field(default_factory=list)


_MAP = Mapper("processes", ProcessRecord)


def insert(conn: Connection, record: ProcessRecord) -> None:
    """Keep a new process."""
    conn.execute(_MAP.insert_sql, _MAP.encode(record))


def add(conn: Connection, record: ProcessRecord) -> bool:
    """Keep a process that may be kept already. False where it was; nothing is changed then."""
    return conn.execute(f"{_MAP.insert_sql} ON CONFLICT (id) DO NOTHING", _MAP.encode(record)) > 0


def update(conn: Connection, id: str, **columns: Any) -> bool:
    """Change some columns. False where there is no such process; KeyError for a column that does not exist."""
    sql, params = _MAP.update("id", columns)
    return conn.execute(sql, {**params, "key_": id}) > 0


def get(conn: Connection, id: str) -> ProcessRecord | None:
    """The process with this id."""
    row = conn.row(f"{_MAP.select_sql} WHERE id = :id", {"id": id})
    return None if row is None else _MAP.decode(row)


def list_by_workspace(conn: Connection, workspace: str, running: bool = False) -> list[ProcessRecord]:
    """A workspace's processes, newest first; with `running`, only those that have not ended."""
    sql = f"{_MAP.select_sql} WHERE workspace = :workspace"
    if running:
        sql += " AND state = 'running'"
    return _MAP.decode_all(conn.rows(f"{sql} ORDER BY started_at DESC, id DESC", {"workspace": workspace}))


def list_running(conn: Connection) -> list[ProcessRecord]:
    """Every process whose record says that it runs, oldest first."""
    return _MAP.decode_all(conn.rows(f"{_MAP.select_sql} WHERE state = 'running' ORDER BY started_at, id"))


def older_than(conn: Connection, moment: datetime) -> list[ProcessRecord]:
    """Processes that ended before `moment`."""
    sql = f"{_MAP.select_sql} WHERE state != 'running' AND ended_at < :before ORDER BY ended_at, id"
    return _MAP.decode_all(conn.rows(sql, {"before": to_micros(moment)}))


def delete(conn: Connection, id: str) -> bool:
    """Forget a process. False where there is no such one."""
    return conn.execute("DELETE FROM processes WHERE id = :id", {"id": id}) > 0


def count_running(conn: Connection, workspace: str | None = None) -> int:
    """How many processes run: in one workspace, or in all."""
    sql = "SELECT count(*) FROM processes WHERE state = 'running'"
    row = conn.row(sql if workspace is None else f"{sql} AND workspace = :workspace", {"workspace": workspace})
    return int(row[0]) if row else 0
