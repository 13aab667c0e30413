"""Ids: a prefix that says of what, and 100 random bits."""

from __future__ import annotations

import secrets

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
LENGTH = 20


def new_id(prefix: str) -> str:
    """A new id such as ``ws_`` and 20 lower-case base32 characters (RFC 4648 alphabet), unguessable."""
    bits = secrets.randbits(5 * LENGTH)
    return f"{prefix}_{''.join(_ALPHABET[bits >> shift & 31] for shift in range(0, 5 * LENGTH, 5))}"
