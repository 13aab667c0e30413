"""Absent params as None, for callees that have no notion of the wire."""

from __future__ import annotations

from typing import TypeVar

import msgspec

T = TypeVar("T")


def optional(value: T | msgspec.UnsetType) -> T | None:
    """The value, or None where the caller left the param out."""
    return None if isinstance(value, msgspec.UnsetType) else value
