"""Tokens as they are kept: what was granted to whom, never the token itself."""

from __future__ import annotations

from datetime import datetime

import msgspec

from nexusd.store.connection import Connection
from nexusd.store.mapping import Mapper, to_micros


class TokenRecord(msgspec.Struct, kw_only=True):
    """One token.

    Attributes:
        id: the claim ``jti``.
        subject: whom it is for.
        name: what it is for.
        scopes: what it may do.
        workspaces: where: workspace ids, ``*`` or ``own``.
        created_at: when it was made.
        expires_at: when it expires.
        revoked_at: when it was revoked; None while it is good.
        issuer_subject: who made it.
    """

    id: str
    subject: str
    name: str = ""
    scopes: list[str]
    workspaces: list[str]
    created_at: datetime
    expires_at: datetime
    revoked_at: datetime | None = None
    issuer_subject: str


_MAP = Mapper("tokens", TokenRecord)


def insert(conn: Connection, record: TokenRecord) -> None:
    """Keep a new token."""
    conn.execute(_MAP.insert_sql, _MAP.encode(record))


def get(conn: Connection, id: str) -> TokenRecord | None:
    """The token with this id."""
    row = conn.row(f"{_MAP.select_sql} WHERE id = :id", {"id": id})
    return None if row is None else _MAP.decode(row)


def select(conn: Connection, subject: str | None = None) -> list[TokenRecord]:
    """Tokens, newest first: those that are for `subject` or were made by it, or with None everybody's."""
    sql = _MAP.select_sql
    if subject is not None:
        sql += " WHERE subject = :subject OR issuer_subject = :subject"
    return _MAP.decode_all(conn.rows(f"{sql} ORDER BY created_at DESC, id DESC", {"subject": subject}))


def revoke(conn: Connection, id: str, at: datetime) -> bool:
    """Revoke a token. False where it is unknown; a token that was revoked before keeps its first moment."""
    conn.execute(
        "UPDATE tokens SET revoked_at = :at WHERE id = :id AND revoked_at IS NULL", {"id": id, "at": to_micros(at)}
    )
    return conn.row("SELECT 1 FROM tokens WHERE id = :id", {"id": id}) is not None


def revoked_ids(conn: Connection) -> set[str]:
    """The ids of all revoked tokens that are kept."""
    return {id for (id,) in conn.rows("SELECT id FROM tokens WHERE revoked_at IS NOT NULL")}


def purge(conn: Connection, older_than: datetime) -> int:
    """Forget tokens that expired before `older_than`; returns how many. They are refused for their age already."""
    return conn.execute("DELETE FROM tokens WHERE expires_at < :before", {"before": to_micros(older_than)})
