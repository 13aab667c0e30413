"""Cursors of lists that are newest first: where the last page ended."""

from __future__ import annotations

from datetime import datetime
from typing import Any

from nexus_sdk.protocol.errors import InvalidParams

from nexusd.store.mapping import from_micros, to_micros

AFTER = "(created_at < :at OR (created_at = :at AND id < :after))"
"""The condition of a page behind a cursor, with the params of `read`; for ``ORDER BY created_at DESC, id DESC``."""


def write(created_at: datetime, id: str) -> str:
    """The cursor behind a row."""
    return f"{to_micros(created_at)}.{id}"


def read(cursor: str) -> dict[str, Any]:
    """The params of `AFTER`. Raises InvalidParams where `write` did not make the cursor."""
    micros, _, id = cursor.partition(".")
    try:
        at = int(micros)
        from_micros(at)
    except (ValueError, OverflowError):
        at = -1
    if at < 0 or not id:
        raise InvalidParams(
            "the cursor is not one of ours", path="$.cursor", reason="not a next_cursor of an earlier answer"
        )
    return {"at": at, "after": id}
