"""Keys that callers chose for mutating calls, with what became of them.

The key is claimed in the transaction that writes the intent down, before anything is done. A second call with the
same key finds the first: its outcome, its operation, or that it was interrupted. Comparing the hash of the params is
the caller's part.
"""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec

from nexusd.store.connection import Connection
from nexusd.store.mapping import Mapper, to_micros


class KeyRecord(msgspec.Struct, kw_only=True):
    """One key.

    Attributes:
        owner: the subject that chose it; two subjects' keys never meet.
        key: the key.
        method: the method it was used for.
        params_hash: a hash of the params without the key.
        state: ``running`` until the outcome is known, then ``done`` or ``failed``.
        operation: the operation that the call began, if it did.
        outcome: the result as it was answered, encoded; None until ``done``.
        error: the error as it was answered, encoded; None unless ``failed``.
        created_at: when it was claimed.
    """

    owner: str
    key: str
    method: str
    params_hash: str
    state: str = "running"
    operation: str | None = None
    outcome: bytes | None = None
    error: bytes | None = None
    created_at: datetime


_MAP = Mapper("keys", KeyRecord)


def claim(conn: Connection, record: KeyRecord) -> KeyRecord | None:
    """Claim a key. None where it was free and is now `record`; else what is kept under it, which stays as it is."""
    if conn.execute(f"{_MAP.insert_sql} ON CONFLICT DO NOTHING", _MAP.encode(record)) > 0:
        return None
    return get(conn, record.owner, record.key)


def get(conn: Connection, owner: str, key: str) -> KeyRecord | None:
    """What is kept under a subject's key."""
    row = conn.row(f'{_MAP.select_sql} WHERE owner = :owner AND "key" = :key', {"owner": owner, "key": key})
    return None if row is None else _MAP.decode(row)


def finish(
    conn: Connection,
    owner: str,
    key: str,
    state: Literal["done", "failed"],
    *,
    outcome: bytes | None = None,
    error: bytes | None = None,
) -> bool:
    """Keep what became of the call. False where the key is unknown or was finished before: the first outcome stays."""
    return (
        conn.execute(
            "UPDATE keys SET state = :state, outcome = :outcome, error = :error"
            " WHERE owner = :owner AND \"key\" = :key AND state = 'running'",
            {"owner": owner, "key": key, "state": state, "outcome": outcome, "error": error},
        )
        > 0
    )


def attach(conn: Connection, owner: str, key: str, operation: str) -> bool:
    """Note the operation that a call began. False where the key is unknown."""
    return (
        conn.execute(
            'UPDATE keys SET operation = :operation WHERE owner = :owner AND "key" = :key',
            {"owner": owner, "key": key, "operation": operation},
        )
        > 0
    )


def running(conn: Connection) -> list[KeyRecord]:
    """Keys whose outcome is not known, oldest first: after a start, those of calls that a crash interrupted."""
    return _MAP.decode_all(conn.rows(f"{_MAP.select_sql} WHERE state = 'running' ORDER BY created_at"))


def release(conn: Connection, owner: str, key: str) -> bool:
    """Give a key back, for a call that was refused before anything was done. False where it was not claimed."""
    return (
        conn.execute(
            "DELETE FROM keys WHERE owner = :owner AND \"key\" = :key AND state = 'running'",
            {"owner": owner, "key": key},
        )
        > 0
    )


def purge(conn: Connection, older_than: datetime) -> int:
    """Forget finished keys that were claimed before `older_than`; returns how many."""
    return conn.execute(
        "DELETE FROM keys WHERE state != 'running' AND created_at < :before", {"before": to_micros(older_than)}
    )
