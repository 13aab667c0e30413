"""Small values that belong to the database as a whole."""

from __future__ import annotations

from nexusd.ids import new_id
from nexusd.store.connection import Connection


def get(conn: Connection, key: str) -> str | None:
    """The value kept under `key`."""
    row = conn.row('SELECT value FROM meta WHERE "key" = :key', {"key": key})
    return None if row is None else str(row[0])


def put(conn: Connection, key: str, value: str) -> None:
    """Keep `value` under `key`, in place of what was there."""
    conn.execute(
        'INSERT INTO meta ("key", value) VALUES (:key, :value) ON CONFLICT ("key") DO UPDATE SET value = :value',
        {"key": key, "value": value},
    )


def instance(conn: Connection) -> str:
    """The id of this installation, ``in_…``; made at the first call. Needs a write transaction."""
    id = get(conn, "instance")
    if id is None:
        id = new_id("in")
        put(conn, "instance", id)
    return id
