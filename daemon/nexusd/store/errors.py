"""What can be wrong with the store.

    StoreError
     +-- StoreLocked      another process has the database
     +-- StoreCorrupt     the file is damaged, or is not a Nexus database
     +-- StoreTooNew      a newer Nexus wrote it
     +-- StoreUnusable    it cannot be opened or written here: permissions, file system, I/O errors
     +-- StoreClosed      it was closed by us

    Conflict              a unique value is taken; repositories turn it into the error of their domain

A full disk is the protocol's `StorageFull`, a wait that took too long its `DeadlineExceeded`: callers can do
something about them. Each `StoreError` names the file and says in `hint` what an operator can do.
"""

from __future__ import annotations

import sqlite3
from pathlib import Path

from nexus_sdk.protocol.errors import StorageFull


class StoreError(Exception):
    """Base of everything that is wrong with the database itself.

    Attributes:
        message: what is wrong, with the file's name.
        hint: what to do about it.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}"


class StoreLocked(StoreError):
    """Another process holds the database."""


class StoreCorrupt(StoreError):
    """The file is damaged, or is something else."""


class StoreTooNew(StoreError):
    """The database was written by a newer version of Nexus."""


class StoreUnusable(StoreError):
    """The database cannot be opened, read or written where it is."""


class StoreClosed(StoreError):
    """The database was closed before the call."""


class Conflict(Exception):
    """A value that must be unique is taken. The transaction is rolled back unless the function catches this."""


_FULL = {sqlite3.SQLITE_FULL}
_BUSY = {sqlite3.SQLITE_BUSY, sqlite3.SQLITE_LOCKED}
_CORRUPT = {sqlite3.SQLITE_CORRUPT, sqlite3.SQLITE_NOTADB}
_UNIQUE = {sqlite3.SQLITE_CONSTRAINT_UNIQUE, sqlite3.SQLITE_CONSTRAINT_PRIMARYKEY}


def is_conflict(error: sqlite3.Error) -> bool:
    """Whether `error` says that a unique value is taken."""
    return getattr(error, "sqlite_errorcode", None) in _UNIQUE


def translate(error: sqlite3.Error, path: Path) -> Exception:
    """The error to raise instead of one of SQLite's.

    A mistake in our own statements stays what it is: it is no condition that anybody can handle.
    """
    extended = getattr(error, "sqlite_errorcode", None)
    if extended is None:
        return error
    primary = extended & 0xFF
    if primary in _FULL:
        return StorageFull(f"no space left for {path}", path=str(path))
    if primary in _BUSY:
        return StoreLocked(
            f"{path} is locked by another process",
            "End whatever else has it open (a database shell, a backup), then try again.",
        )
    if primary in _CORRUPT:
        return StoreCorrupt(
            f"{path} is not a usable database ({error})",
            "Stop the daemon, move the file away and restore a backup; without one a new, empty database is made, "
            "and worktrees stay where they are.",
        )
    if primary in (sqlite3.SQLITE_IOERR, sqlite3.SQLITE_CANTOPEN, sqlite3.SQLITE_READONLY, sqlite3.SQLITE_PERM):
        return StoreUnusable(
            f"{path} cannot be used ({error})",
            "Check the owner, the permissions and the health of its file system; it must be a local one.",
        )
    return error
