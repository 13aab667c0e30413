"""The schema, declared once, for SQLite and PostgreSQL.

Used by the migrations and by the tests that hold ``schema.sql``, the migrations and the record structs to it; the
daemon itself does not import it. ``python -m nexusd.store.tables`` renders ``schema.sql``.

Times are 64-bit microseconds since 1970-01-01 UTC, structured values are JSON text: see `nexusd.store.mapping`.
Records point at each other by id without foreign keys: their owners write them at different moments of an operation,
and reconcile settles what a crash leaves.
"""

from __future__ import annotations

from sqlalchemy import BigInteger, Boolean, Column, Index, Integer, LargeBinary, MetaData, String, Table, Text, text
from sqlalchemy.dialects import postgresql, sqlite
from sqlalchemy.engine import Dialect
from sqlalchemy.schema import CreateIndex, CreateTable

metadata = MetaData()

ID = String(40)
NAME = String(255)
NOT_DESTROYED = text("state != 'destroyed'")

workspaces = Table(
    "workspaces",
    metadata,
    Column("id", ID, primary_key=True),
    Column("name", NAME, nullable=False),
    Column("owner", NAME, nullable=False),
    Column("state", String(20), nullable=False),
    Column("message", Text, nullable=False),
    Column("backend", NAME, nullable=False),
    Column("display_name", Text),
    Column("repo_url", Text, nullable=False),
    Column("repo_path", Text, nullable=False),
    Column("repo_ref", Text, nullable=False),
    Column("repo_commit", Text, nullable=False),
    Column("branch", Text, nullable=False),
    Column("root", Text, nullable=False),
    Column("worktree", Text, nullable=False),
    Column("env", Text, nullable=False),
    Column("labels", Text, nullable=False),
    Column("current", Boolean, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("updated_at", BigInteger, nullable=False),
    Column("last_active_at", BigInteger, nullable=False),
    Column("operation", ID),
    Column("options", Text, nullable=False, server_default="{}"),
    Index(
        "workspaces_owner_name",
        "owner",
        "name",
        unique=True,
        sqlite_where=NOT_DESTROYED,
        postgresql_where=NOT_DESTROYED,
    ),
    Index("workspaces_name", "name"),
    Index("workspaces_created_at", "created_at", "id"),
)

operations = Table(
    "operations",
    metadata,
    Column("id", ID, primary_key=True),
    Column("kind", String(40), nullable=False),
    Column("workspace", ID, nullable=False),
    Column("owner", NAME, nullable=False),
    Column("state", String(20), nullable=False),
    Column("steps", Text, nullable=False),
    Column("message", Text, nullable=False),
    Column("error", Text),
    Column("params", Text, nullable=False),
    Column("key", NAME),
    Column("created_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("data", Text, nullable=False),
    Index("operations_workspace", "workspace", "created_at"),
    Index("operations_state", "state"),
    Index("operations_ended_at", "ended_at"),
)

processes = Table(
    "processes",
    metadata,
    Column("id", ID, primary_key=True),
    Column("workspace", ID, nullable=False),
    Column("argv", Text, nullable=False),
    Column("cwd", Text, nullable=False),
    Column("pty", Text),
    Column("stdin", Boolean, nullable=False),
    Column("state", String(20), nullable=False),
    Column("pid", BigInteger),
    Column("pid_started", BigInteger, nullable=False),
    Column("exit", Text),
    Column("output_end", BigInteger, nullable=False),
    Column("labels", Text, nullable=False),
    Column("generation", BigInteger, nullable=False),
    Column("started_at", BigInteger, nullable=False),
    Column("ended_at", BigInteger),
    Column("deadline", BigInteger),
    Column("ending", String(20)),
    Column("signalled", Text, nullable=False, server_default="[]"),
    Index("processes_workspace", "workspace", "started_at"),
    Index("processes_state", "state"),
    Index("processes_ended_at", "ended_at"),
)

ports = Table(
    "ports",
    metadata,
    Column("port", Integer, primary_key=True, autoincrement=False),
    Column("workspace", ID, nullable=False),
    Column("name", NAME, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("ports_workspace", "workspace"),
)

checkpoints = Table(
    "checkpoints",
    metadata,
    Column("id", ID, primary_key=True),
    Column("workspace", ID, nullable=False),
    Column("workspace_name", NAME, nullable=False),
    Column("owner", NAME, nullable=False),
    Column("state", String(20), nullable=False),
    Column("name", NAME, nullable=False),
    Column("comment", Text, nullable=False),
    Column("automatic", Boolean, nullable=False),
    Column("backend", NAME, nullable=False),
    Column("branch", Text, nullable=False),
    Column("commit", Text, nullable=False),
    Column("files", BigInteger, nullable=False),
    Column("skipped", BigInteger, nullable=False),
    Column("size", BigInteger, nullable=False),
    Column("options", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Index("checkpoints_workspace", "workspace", "created_at"),
    Index("checkpoints_created_at", "created_at", "id"),
)

keys = Table(
    "keys",
    metadata,
    Column("owner", NAME, primary_key=True),
    Column("key", NAME, primary_key=True),
    Column("method", String(80), nullable=False),
    Column("params_hash", String(128), nullable=False),
    Column("state", String(20), nullable=False),
    Column("operation", ID),
    Column("outcome", LargeBinary),
    Column("error", LargeBinary),
    Column("created_at", BigInteger, nullable=False),
    Index("keys_created_at", "created_at"),
)

tokens = Table(
    "tokens",
    metadata,
    Column("id", ID, primary_key=True),
    Column("subject", NAME, nullable=False),
    Column("name", Text, nullable=False),
    Column("scopes", Text, nullable=False),
    Column("workspaces", Text, nullable=False),
    Column("created_at", BigInteger, nullable=False),
    Column("expires_at", BigInteger, nullable=False),
    Column("revoked_at", BigInteger),
    Column("issuer_subject", NAME, nullable=False),
    Index("tokens_subject", "subject"),
    Index("tokens_issuer_subject", "issuer_subject"),
    Index("tokens_revoked_at", "revoked_at"),
)

meta = Table(
    "meta",
    metadata,
    Column("key", String(80), primary_key=True),
    Column("value", Text, nullable=False),
)

alembic_version = Table("alembic_version", MetaData(), Column("version_num", String(32), nullable=False))
"""Alembic's own table, as it makes it; kept out of `metadata` because Alembic looks after it."""


def _statements(dialect: Dialect, tables: list[Table]) -> list[str]:
    """The statements that make `tables` in one SQL dialect."""
    statements = []
    for table in tables:
        statements.append(str(CreateTable(table).compile(dialect=dialect)).strip())
        indexes = sorted(table.indexes, key=lambda index: index.name or "")
        statements.extend(str(CreateIndex(index).compile(dialect=dialect)).strip() for index in indexes)
    # the compiler leaves spaces at the ends of lines
    return ["\n".join(line.rstrip() for line in statement.splitlines()) for statement in statements]


def render_sqlite() -> str:
    """``schema.sql``: what a new database file is made with."""
    statements = _statements(sqlite.dialect(), [*metadata.sorted_tables, alembic_version])
    return "-- Rendered from nexusd/store/tables.py; do not edit.\n" + ";\n\n".join(statements) + ";\n"


def render_postgresql() -> list[str]:
    """The same schema for PostgreSQL, as statements."""
    return _statements(postgresql.dialect(), metadata.sorted_tables)  # type: ignore[no-untyped-call] # SQLAlchemy's


if __name__ == "__main__":
    from pathlib import Path

    Path(__file__).with_name("schema.sql").write_text(render_sqlite(), encoding="utf-8")
