"""Ids: a prefix that says of what, and 100 random bits."""

from __future__ import annotations

import secrets

_ALPHABET = "abcdefghijklmnopqrstuvwxyz234567"
LENGTH = 20
_PAIRS = [first + second for first in _ALPHABET for second in _ALPHABET]
"""The alphabet of twice as many bits: half as many steps for an id."""


def new_id(prefix: str) -> str:
    """A new id such as ``ws_`` and 20 lower-case base32 characters (RFC 4648 alphabet), unguessable."""
    bits = secrets.randbits(5 * LENGTH)
    return f"{prefix}_{''.join([_PAIRS[bits >> shift & 1023] for shift in range(0, 5 * LENGTH, 10)])}"
