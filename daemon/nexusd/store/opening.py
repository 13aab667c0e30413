"""Opening the database file: take it for us alone, check it, bring its schema to this version.

The schema of a new file comes from ``schema.sql``, which is rendered from `nexusd.store.tables` and equal to what the
migrations make. Alembic is imported only when there is something to migrate.
"""

from __future__ import annotations

import contextlib
import fcntl
import os
import sqlite3
from importlib import resources
from pathlib import Path

from nexus_sdk.protocol.errors import StorageFull

from nexusd.store.errors import StoreCorrupt, StoreLocked, StoreTooNew, StoreUnusable, translate

REVISIONS = ("0001", "0002", "0003", "0004", "0005")
"""Every revision of the schema, oldest first. The same as the scripts in `migrations/versions`."""

HEAD = REVISIONS[-1]

CHECKED = 32 * 1024 * 1024
"""Largest file, in bytes, that is checked page by page at each start: beyond, the check would be felt."""


class OpenFile:
    """The connections to one database file, and the lock that keeps others out while they live."""

    def __init__(self, writer: sqlite3.Connection, reader: sqlite3.Connection, lock: int) -> None:
        self.writer = writer
        self.reader = reader
        self._lock = lock

    def close(self) -> None:
        """Fold the write-ahead log into the file and let go of it."""
        self.reader.close()
        with contextlib.suppress(sqlite3.Error):
            self.writer.execute("PRAGMA wal_checkpoint(TRUNCATE)")
        self.writer.close()
        os.close(self._lock)


def open_file(path: Path) -> OpenFile:
    """Open, check and migrate; see `nexusd.store.database.Database.open`. Blocks."""
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        lock = _take(path)
    except OSError as error:
        raise _translate_os(error, path) from error
    opened: list[sqlite3.Connection] = []
    try:
        writer = _connect(path)
        opened.append(writer)
        _check(writer, path)
        _bring_up(writer, path)
        reader = _connect(path)
        opened.append(reader)
        reader.execute("PRAGMA query_only = ON")
        return OpenFile(writer, reader, lock)
    except BaseException as error:
        for conn in opened:
            conn.close()
        os.close(lock)
        if isinstance(error, sqlite3.Error):
            raise translate(error, path) from error
        if isinstance(error, OSError):
            raise _translate_os(error, path) from error
        raise


def _take(path: Path) -> int:
    """Lock the database for this process. The lock goes with the process, however it ends."""
    lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
    try:
        fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        # SQLite gives the log beside the database the database's own permissions
        os.close(os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600))
    except BlockingIOError:
        holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip() or "unknown"
        os.close(lock)
        raise StoreLocked(
            f"{path} is in use by another daemon (process {holder})",
            "Stop that daemon, or give this one a NEXUS_HOME of its own.",
        ) from None
    except BaseException:
        os.close(lock)
        raise
    return lock


def _connect(path: Path) -> sqlite3.Connection:
    conn = sqlite3.connect(path, timeout=5.0, isolation_level=None, check_same_thread=False, cached_statements=256)
    try:
        conn.execute("PRAGMA journal_size_limit = 16777216")
        conn.execute("PRAGMA synchronous = FULL")
    except BaseException:
        conn.close()
        raise
    return conn


def _check(conn: sqlite3.Connection, path: Path) -> None:
    if path.stat().st_size <= CHECKED:
        (verdict,) = conn.execute("PRAGMA quick_check(1)").fetchone()
        if verdict != "ok":
            raise StoreCorrupt(
                f"{path} is damaged ({verdict.splitlines()[-1]})",
                "Stop the daemon, move the file away and restore a backup; without one a new, empty database is made, "
                "and worktrees stay where they are.",
            )
    (mode,) = conn.execute("PRAGMA journal_mode = WAL").fetchone()
    if mode != "wal":
        raise StoreUnusable(f"{path} cannot keep a write-ahead log here", "Put NEXUS_HOME on a local file system.")


def _bring_up(conn: sqlite3.Connection, path: Path) -> None:
    tables = {name for (name,) in conn.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")}
    if not tables:
        _create(conn)
        return
    if "alembic_version" not in tables:
        raise StoreCorrupt(f"{path} is a database, but not one of Nexus", "Move it away, or choose another NEXUS_HOME.")
    row = conn.execute("SELECT version_num FROM alembic_version").fetchone()
    revision = row[0] if row else None
    if revision == HEAD:
        return
    if revision is not None and revision not in REVISIONS:
        raise StoreTooNew(
            f"{path} was written by a newer Nexus (schema {revision}; this one knows up to {HEAD})",
            "Install the newer version again, or restore the copy it made before it migrated.",
        )
    from nexusd.store.upgrade import upgrade

    upgrade(conn, path, HEAD)


def _create(conn: sqlite3.Connection) -> None:
    script = resources.files("nexusd.store").joinpath("schema.sql").read_text(encoding="utf-8")
    conn.execute("BEGIN IMMEDIATE")
    try:
        for statement in script.split(";\n"):
            if statement.strip():
                conn.execute(statement)
        conn.execute("INSERT INTO alembic_version (version_num) VALUES (?)", (HEAD,))
        conn.execute("COMMIT")
    except BaseException:
        if conn.in_transaction:
            conn.execute("ROLLBACK")
        raise


def _translate_os(error: OSError, path: Path) -> Exception:
    import errno

    if error.errno in (errno.ENOSPC, errno.EDQUOT):
        return StorageFull(f"no space left for {path}", path=str(path))
    return StoreUnusable(
        f"{path} cannot be opened ({error.strerror or error})",
        "Check the owner and the permissions of NEXUS_HOME.",
    )
