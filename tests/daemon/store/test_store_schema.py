"""One schema, written down three times: declared, rendered, migrated. And the records that live in it."""

from __future__ import annotations

import contextlib
import importlib
import re
import sqlite3
import subprocess
import sys
from pathlib import Path
from typing import get_type_hints

import pytest
from alembic import command
from alembic.autogenerate import compare_metadata
from alembic.migration import MigrationContext
from alembic.script import ScriptDirectory
from nexusd.store import meta, opening, tables, upgrade
from nexusd.store.database import Database
from nexusd.store.mapping import Mapper, optional
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool


def shape(path: Path) -> dict[str, str]:
    """Every table and index of a database file, as SQL with the white space evened out."""
    with contextlib.closing(sqlite3.connect(path)) as conn:
        rows = conn.execute("SELECT name, sql FROM sqlite_schema WHERE sql IS NOT NULL").fetchall()
    return {name: re.sub(r"\s+", " ", sql.replace('"', "")) for name, sql in rows if name != "alembic_version"}


def columns(path: Path, table: str) -> list[tuple[object, ...]]:
    with contextlib.closing(sqlite3.connect(path)) as conn:
        return conn.execute(f"PRAGMA table_info({table})").fetchall()


def migrate(path: Path, revision: str) -> None:
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        config = upgrade.config()
        config.attributes["connection"] = connection
        if revision == "base":
            command.downgrade(config, revision)
        else:
            command.upgrade(config, revision)


def test_schema_sql_is_rendered_from_the_tables() -> None:
    rendered = Path(opening.__file__).with_name("schema.sql").read_text(encoding="utf-8")
    assert rendered == tables.render_sqlite(), "run `python -m nexusd.store.tables`"


async def test_a_fresh_database_equals_a_migrated_one(tmp_path: Path) -> None:
    await (await Database.open(tmp_path / "fresh.db")).close()
    migrate(tmp_path / "migrated.db", "head")
    assert shape(tmp_path / "fresh.db") == shape(tmp_path / "migrated.db")
    assert len(shape(tmp_path / "fresh.db")) > len(tables.metadata.tables)
    for table in [*tables.metadata.tables, "alembic_version"]:
        fresh, migrated = columns(tmp_path / "fresh.db", table), columns(tmp_path / "migrated.db", table)
        assert [row[:5] for row in fresh] == [row[:5] for row in migrated]


def test_alembic_finds_nothing_to_change(tmp_path: Path) -> None:
    migrate(tmp_path / "migrated.db", "head")
    engine = create_engine(f"sqlite:///{tmp_path / 'migrated.db'}", poolclass=NullPool)
    with engine.connect() as connection:
        context = MigrationContext.configure(connection, opts={"compare_type": True})
        assert compare_metadata(context, tables.metadata) == []


def test_the_revisions_are_those_of_the_scripts() -> None:
    scripts = ScriptDirectory.from_config(upgrade.config())
    assert [script.revision for script in reversed(list(scripts.walk_revisions()))] == list(opening.REVISIONS)
    assert scripts.get_current_head() == opening.HEAD


def test_migrations_go_down_again(tmp_path: Path) -> None:
    migrate(tmp_path / "nexus.db", "head")
    migrate(tmp_path / "nexus.db", "base")
    assert shape(tmp_path / "nexus.db") == {}


async def test_an_older_database_is_migrated_and_a_copy_kept(tmp_path: Path) -> None:
    path = tmp_path / "nexus.db"
    migrate(path, "head")
    migrate(path, "base")
    db = await Database.open(path)
    await db.run(lambda conn: meta.put(conn, "a", "1"))
    await db.close()
    copy = tmp_path / f"nexus.db.before-{opening.HEAD}"
    assert shape(copy) == {}
    assert copy.stat().st_mode & 0o777 == 0o600
    await (await Database.open(tmp_path / "fresh.db")).close()
    assert shape(path) == shape(tmp_path / "fresh.db")


def test_a_workspace_of_the_first_release_has_no_options(tmp_path: Path) -> None:
    path = tmp_path / "nexus.db"
    migrate(path, "0001")
    texts = ["id", "name", "owner", "state", "message", "backend", "repo_url", "repo_path", "repo_ref"]
    texts += ["repo_commit", "branch", "root", "worktree"]
    values = {**dict.fromkeys(texts, "x"), "env": "{}", "labels": "{}", "current": 0, "generation": 3}
    values |= dict.fromkeys(("created_at", "updated_at", "last_active_at"), 1)
    with contextlib.closing(sqlite3.connect(path)) as conn:
        names, marks = ", ".join(f'"{name}"' for name in values), ", ".join("?" for _ in values)
        conn.execute(f"INSERT INTO workspaces ({names}) VALUES ({marks})", list(values.values()))
        conn.commit()
    migrate(path, "head")
    mapper = importlib.import_module("nexusd.store.workspaces")._MAP
    with contextlib.closing(sqlite3.connect(path)) as conn:
        record = mapper.decode(conn.execute(mapper.select_sql).fetchone())
    assert (record.id, record.generation, record.options) == ("x", 3, {})


def test_the_schema_compiles_for_postgresql() -> None:
    statements = tables.render_postgresql()
    made = {match[1] for match in (re.match(r"CREATE TABLE (\w+)", statement) for statement in statements) if match}
    assert made == set(tables.metadata.tables)
    text = "\n".join(statements)
    assert "BYTEA" in text and "BIGINT" in text and "BOOLEAN" in text
    unique = next(statement for statement in statements if "workspaces_owner_name" in statement)
    assert unique.startswith("CREATE UNIQUE INDEX") and "WHERE state != 'destroyed'" in unique


@pytest.mark.parametrize("name", ["workspaces", "operations", "processes", "checkpoints", "ports", "keys", "tokens"])
def test_records_and_columns_are_the_same(name: str) -> None:
    mapper = importlib.import_module(f"nexusd.store.{name}")._MAP
    assert isinstance(mapper, Mapper)
    table = tables.metadata.tables[name]
    assert mapper.columns == tuple(column.name for column in table.columns)
    hints = get_type_hints(mapper.record)
    assert {column.name for column in table.columns if column.nullable} == {
        field for field in mapper.columns if optional(hints[field])[1]
    }


def test_starting_on_a_current_database_loads_neither_sqlalchemy_nor_alembic(tmp_path: Path) -> None:
    script = (
        "import asyncio, sys; from pathlib import Path; from nexusd.store.database import Database\n"
        "from nexusd.store import keys, meta, operations, ports, processes, tokens, workspaces\n"
        "async def main():\n"
        "    for _ in range(2): await (await Database.open(Path(sys.argv[1]))).close()\n"
        "asyncio.run(main()); print(sorted({'sqlalchemy', 'alembic', 'mako'} & set(sys.modules)))"
    )
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path / "nexus.db")], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]", done.stderr
