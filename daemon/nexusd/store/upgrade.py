"""Migrating a database that an older Nexus wrote. Imported only then: Alembic takes longer to load than it works."""

from __future__ import annotations

import contextlib
import os
import sqlite3
from pathlib import Path

from alembic import command
from alembic.config import Config
from sqlalchemy import create_engine
from sqlalchemy.pool import NullPool

SCRIPTS = Path(__file__).parent / "migrations"


def config() -> Config:
    """Alembic's configuration: our scripts, no ini file."""
    settings = Config()
    settings.set_main_option("script_location", str(SCRIPTS))
    return settings


def upgrade(conn: sqlite3.Connection, path: Path, revision: str) -> None:
    """Bring the database at `path`, whose schema is older, to `revision`.

    A copy of it as it was stays beside it as ``<name>.before-<revision>``. Each migration is one transaction: a crash
    leaves the schema before or after it, and the next start goes on from there.
    """
    _copy(conn, path.with_name(f"{path.name}.before-{revision}"))
    engine = create_engine(f"sqlite:///{path}", poolclass=NullPool)
    with engine.connect() as connection:
        settings = config()
        settings.attributes["connection"] = connection
        command.upgrade(settings, revision)


def _copy(conn: sqlite3.Connection, target: Path) -> None:
    with contextlib.suppress(FileNotFoundError):
        target.unlink()
    os.close(os.open(target, os.O_RDWR | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o600))
    with contextlib.closing(sqlite3.connect(target)) as copy:
        conn.backup(copy)
