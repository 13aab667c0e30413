"""Host ports that belong to workspaces. That a port belongs to one only is the table's own rule."""

from __future__ import annotations

from datetime import datetime

import msgspec

from nexusd.store.connection import Connection
from nexusd.store.errors import Conflict
from nexusd.store.mapping import Mapper


class PortRecord(msgspec.Struct, kw_only=True):
    """One port of one workspace.

    Attributes:
        port: the TCP port on this node.
        workspace: the workspace's id.
        name: what it is allocated under.
        created_at: when.
    """

    port: int
    workspace: str
    name: str
    created_at: datetime


class PortTaken(Exception):
    """The port belongs to a workspace already."""

    def __init__(self, port: int) -> None:
        super().__init__(f"port {port} belongs to a workspace already")
        self.port = port


_MAP = Mapper("ports", PortRecord)


def insert(conn: Connection, record: PortRecord) -> None:
    """Give a port to a workspace. Raises PortTaken where it has an owner, the same workspace included."""
    try:
        conn.execute(_MAP.insert_sql, _MAP.encode(record))
    except Conflict as error:
        raise PortTaken(record.port) from error


def by_workspace(conn: Connection, workspace: str) -> list[PortRecord]:
    """A workspace's ports, in order."""
    return _MAP.decode_all(
        conn.rows(f"{_MAP.select_sql} WHERE workspace = :workspace ORDER BY port", {"workspace": workspace})
    )


def all_ports(conn: Connection) -> list[PortRecord]:
    """Every port that is given away, in order."""
    return _MAP.decode_all(conn.rows(f"{_MAP.select_sql} ORDER BY port"))


def delete_workspace(conn: Connection, workspace: str) -> int:
    """Take back a workspace's ports; returns how many."""
    return conn.execute("DELETE FROM ports WHERE workspace = :workspace", {"workspace": workspace})
