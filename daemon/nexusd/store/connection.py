"""What a repository function sees of the database: statements in, tuples out, inside a transaction it did not begin.

Statements are plain SQL with named parameters (``:name``) from the subset that SQLite and PostgreSQL share.
"""

from __future__ import annotations

import sqlite3
from collections.abc import Iterator, Mapping
from typing import Any

from nexusd.store.errors import Conflict, is_conflict

Row = tuple[Any, ...]
_NONE: Mapping[str, Any] = {}


class Connection:
    """One connection, valid for the duration of the function it was handed to.

    Not to be kept, and not to be used from another thread: the transaction ends when the function returns.
    """

    __slots__ = ("_raw",)

    def __init__(self, raw: sqlite3.Connection) -> None:
        self._raw = raw

    def execute(self, sql: str, params: Mapping[str, Any] = _NONE) -> int:
        """Run one statement; returns the number of rows it changed. Raises Conflict where a unique value is taken."""
        try:
            return self._raw.execute(sql, params).rowcount
        except sqlite3.IntegrityError as error:
            if is_conflict(error):
                raise Conflict(str(error)) from error
            raise

    def rows(self, sql: str, params: Mapping[str, Any] = _NONE) -> list[Row]:
        """All rows of a query."""
        return self._raw.execute(sql, params).fetchall()

    def row(self, sql: str, params: Mapping[str, Any] = _NONE) -> Row | None:
        """The first row of a query, or None."""
        found: Row | None = self._raw.execute(sql, params).fetchone()
        return found

    def each(self, sql: str, params: Mapping[str, Any] = _NONE) -> Iterator[Row]:
        """The rows of a query one after the other, for a filter that ends early."""
        return iter(self._raw.execute(sql, params))
