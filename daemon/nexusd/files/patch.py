"""Applying a unified diff to one text, strictly: every context and removed line must be there, character by character.

The only tolerance is the place: a hunk whose lines are not at the line its header says is looked for up to 500 lines
before and after, nearest first, never before the end of the hunk applied before it. A hunk without any old line goes
exactly where its header says. All hunks apply or none.
"""

from __future__ import annotations

import re
from typing import Final, NamedTuple

TOLERANCE: Final = 500
"""Lines that a hunk may be away from the place in its header."""

_HEADER: Final = re.compile(r"@@ -(\d{1,9})(?:,(\d{1,9}))? \+(\d{1,9})(?:,(\d{1,9}))? @@")
_PREAMBLE: Final = ("diff ", "index ", "old mode ", "new mode ", "similarity index ", "rename from ", "rename to ")


class PatchError(Exception):
    """The diff cannot be read or does not apply.

    Attributes:
        hunk: which hunk, from 0.
        reason: why.
    """

    def __init__(self, hunk: int, reason: str) -> None:
        super().__init__(reason)
        self.hunk = hunk
        self.reason = reason


class Hunk(NamedTuple):
    """One hunk: where it should be (line index from 0), the lines it expects and the lines it puts there."""

    begin: int
    old: list[str]
    new: list[str]


def parse(diff: str) -> list[Hunk]:
    """Read a unified diff of one file. Names in its headers are not looked at.

    Raises:
        PatchError: it is no unified diff, speaks of several files, or a hunk's line counts are wrong.
    """
    lines = diff.split("\n")
    if lines and lines[-1] == "":
        lines.pop()
    hunks: list[Hunk] = []
    position = 0
    while position < len(lines):
        line = lines[position]
        header = _HEADER.match(line)
        if header is not None:
            position = _read_hunk(lines, position + 1, header, hunks)
        elif line.startswith("--- ") and not hunks:
            position += 2 if position + 1 < len(lines) and lines[position + 1].startswith("+++ ") else 1
        elif line.startswith(("--- ", "diff ")):
            raise PatchError(len(hunks), "the diff speaks of more than one file")
        elif line.startswith("\\") or (not hunks and (line == "" or line.startswith(_PREAMBLE))):
            position += 1
        else:
            raise PatchError(
                len(hunks), f"line {position + 1} of the diff is not part of a unified diff: {line[:80]!r}"
            )
    if not hunks:
        raise PatchError(0, "the diff has no hunk")
    return hunks


def _read_hunk(lines: list[str], position: int, header: re.Match[str], hunks: list[Hunk]) -> int:
    begin, count = int(header[1]), 1 if header[2] is None else int(header[2])
    new_count = 1 if header[4] is None else int(header[4])
    old: list[str] = []
    new: list[str] = []
    while position < len(lines) and (len(old) < count or len(new) < new_count):
        line = lines[position]
        mark, text = line[:1], line[1:] + "\n"
        if mark in (" ", ""):
            old.append(text)
            new.append(text)
        elif mark == "-":
            old.append(text)
        elif mark == "+":
            new.append(text)
        elif mark == "\\":
            _cut_newline(lines[position - 1], old, new)
        else:
            break
        position += 1
    if position < len(lines) and lines[position].startswith("\\"):
        _cut_newline(lines[position - 1], old, new)
        position += 1
    if (len(old), len(new)) != (count, new_count):
        raise PatchError(
            len(hunks), f"the header counts {count} old and {new_count} new lines, there are {len(old)} and {len(new)}"
        )
    # Without old lines the header names the line before the insertion; otherwise the first line itself.
    hunks.append(Hunk(begin if count == 0 else max(0, begin - 1), old, new))
    return position


def _cut_newline(before: str, old: list[str], new: list[str]) -> None:
    """`\\ No newline at end of file` speaks of the line before it, on the sides that have it."""
    for mark, side in (("-", old), ("+", new)):
        if before[:1] in (mark, " ") and side:
            side[-1] = side[-1].removesuffix("\n")


def apply(text: str, hunks: list[Hunk]) -> str:
    """The text with every hunk applied, in order.

    Raises:
        PatchError: a hunk's lines are not found.
    """
    pieces = text.split("\n")
    lines = [piece + "\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
    out: list[str] = []
    done = 0
    shift = 0
    for number, hunk in enumerate(hunks):
        place = _find(lines, hunk, hunk.begin + shift, done)
        if place is None:
            shown = next((line for line in hunk.old if line.strip()), "").rstrip("\n")
            raise PatchError(
                number, f"its lines are not in the file near line {hunk.begin + 1}, beginning {shown[:80]!r}"
            )
        if place + len(hunk.old) < len(lines) and hunk.new and not hunk.new[-1].endswith("\n"):
            raise PatchError(number, "it takes away the last line end, but lines follow it")
        if not hunk.old and place and not lines[place - 1].endswith("\n"):
            raise PatchError(number, "it adds lines after the last one, which has no line end")
        shift = place - hunk.begin
        out += lines[done:place]
        out += hunk.new
        done = place + len(hunk.old)
    out += lines[done:]
    return "".join(out)


def _find(lines: list[str], hunk: Hunk, expected: int, earliest: int) -> int | None:
    """Where the hunk's old lines are: the nearest place to the expected one, not before `earliest`."""
    if not hunk.old:
        place = max(earliest, expected)
        return place if place <= len(lines) and (place == expected or earliest == 0) else None
    for distance in range(TOLERANCE + 1):
        for place in (expected - distance, expected + distance):
            if earliest <= place <= len(lines) - len(hunk.old) and lines[place : place + len(hunk.old)] == hunk.old:
                return place
    return None
