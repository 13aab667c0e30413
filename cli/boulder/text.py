"""Text from elsewhere, made safe to show.

Names, paths and messages come from repositories and from other people. Printed as they are, they could move the
cursor, retitle the terminal, hide themselves or be run by it, so everything that is not the output of a process goes
through `clean`.
"""

from __future__ import annotations

import re
import unicodedata

__all__ = ["ANSI", "clean", "clip", "width"]

ANSI = re.compile(r"\x1b\[[0-9;]*m")
"""The colour sequences that we write ourselves; nothing else of that kind leaves `clean`."""

_UNSAFE = re.compile(
    "["
    "\x00-\x1f\x7f-\x9f"  # control characters, C0 and C1
    "\u200b-\u200f\u2028-\u202e\u2060-\u2069\ufeff"  # invisible ones, and those that turn the direction of writing
    "\ud800-\udfff"  # lone surrogates, which cannot be encoded
    "]"
)


def clean(text: str, *, lines: bool = False) -> str:
    r"""Return text with every control or invisible character written as an escape, such as ``\x1b``.

    Args:
        text: what to show.
        lines: let line feeds and tabs through.
    """

    def escape(match: re.Match[str]) -> str:
        character = match[0]
        if lines and character in "\n\t":
            return character
        point = ord(character)
        named = {"\n": "\\n", "\t": "\\t", "\r": "\\r"}.get(character)
        return named or (f"\\x{point:02x}" if point < 0x100 else f"\\u{point:04x}")

    return _UNSAFE.sub(escape, text)


def width(text: str) -> int:
    """How many cells a terminal needs for this text; colour sequences need none."""
    plain = ANSI.sub("", text)
    if plain.isascii():
        return len(plain)
    cells = 0
    for character in plain:
        if unicodedata.combining(character):
            continue
        cells += 2 if unicodedata.east_asian_width(character) in "WF" else 1
    return cells


def clip(text: str, cells: int) -> str:
    """Return text that needs at most so many cells; one that is cut ends with ``…``. Without colour sequences only."""
    if width(text) <= cells:
        return text
    kept: list[str] = []
    room = max(cells - 1, 0)
    for character in text:
        room -= width(character)
        if room < 0:
            break
        kept.append(character)
    return "".join(kept) + "…" if cells > 0 else ""
