"""Git's bytes as text that fits into JSON, and how much of it fits into one message."""

from __future__ import annotations

from typing import Final

import msgspec

MESSAGE_BUDGET: Final = 900 * 1024
"""Bytes that a result may take as JSON: a message is at most 1 MiB (level 1 of the wire), envelope included."""


def name(raw: bytes) -> str:
    """A file or ref name. Bytes that are not UTF-8 come as ``\\xNN``: JSON knows no bytes, and two names stay two."""
    return raw.decode("utf-8", "backslashreplace")


def prose(raw: bytes) -> str:
    """Contents, messages, people: bytes that are not UTF-8 come as U+FFFD."""
    return raw.decode("utf-8", "replace")


def size(value: object) -> int:
    """How many bytes a value takes as JSON."""
    return len(msgspec.json.encode(value))
