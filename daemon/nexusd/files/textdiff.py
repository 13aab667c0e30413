"""Unified diffs of two texts, in time that does not explode on hostile ones.

`difflib` alone takes minutes on files of many equal lines. So equal ends are cut off first, then lines that occur once
on both sides hold the texts together, and only small gaps between them go to `difflib`; a large gap is shown as
replaced.
"""

from __future__ import annotations

import difflib
from bisect import bisect_left
from typing import Final, TypeAlias

_SMALL: Final = 250_000
"""Product of line counts up to which a gap is compared line by line."""

_CONTEXT: Final = 3

Block: TypeAlias = tuple[int, int, int, int]
"""Lines `a_begin` to `a_end` of one text stand where `b_begin` to `b_end` of the other are."""


def changed_blocks(a: list[str], b: list[str]) -> list[Block]:
    """Where two lists of lines differ: ``(a_begin, a_end, b_begin, b_end)``, in order, not touching each other."""
    found: list[Block] = []
    todo = [(0, len(a), 0, len(b))]
    while todo:
        a0, a1, b0, b1 = todo.pop()
        while a0 < a1 and b0 < b1 and a[a0] == b[b0]:
            a0, b0 = a0 + 1, b0 + 1
        while a0 < a1 and b0 < b1 and a[a1 - 1] == b[b1 - 1]:
            a1, b1 = a1 - 1, b1 - 1
        if a0 == a1 and b0 == b1:
            continue
        if a0 == a1 or b0 == b1:
            found.append((a0, a1, b0, b1))
        elif (a1 - a0) * (b1 - b0) <= _SMALL:
            matcher = difflib.SequenceMatcher(None, a[a0:a1], b[b0:b1], autojunk=False)
            found.extend(
                (a0 + i, a0 + j, b0 + k, b0 + m) for tag, i, j, k, m in matcher.get_opcodes() if tag != "equal"
            )
        else:
            anchors = _anchors(a, b, a0, a1, b0, b1)
            if not anchors:
                found.append((a0, a1, b0, b1))
                continue
            i, j = a0, b0
            for x, y in anchors:
                todo.append((i, x, j, y))
                i, j = x + 1, y + 1
            todo.append((i, a1, j, b1))
    return _joined(sorted(found))


def _joined(blocks: list[Block]) -> list[Block]:
    """Blocks that touch on both sides become one."""
    out: list[Block] = []
    for block in blocks:
        if out and out[-1][1] == block[0] and out[-1][3] == block[2]:
            out[-1] = (out[-1][0], block[1], out[-1][2], block[3])
        else:
            out.append(block)
    return out


def _anchors(a: list[str], b: list[str], a0: int, a1: int, b0: int, b1: int) -> list[tuple[int, int]]:
    """Pairs of equal lines that occur once on each side, the longest sequence that rises on both."""
    once_a, once_b = _once(a, a0, a1), _once(b, b0, b1)
    pairs = [(place, once_b[line]) for line, place in once_a.items() if line in once_b]
    tails: list[int] = []
    last: list[int] = []
    before: list[int] = [-1] * len(pairs)
    for index, (_, y) in enumerate(pairs):
        position = bisect_left(tails, y)
        before[index] = last[position - 1] if position else -1
        if position == len(tails):
            tails.append(y)
            last.append(index)
        else:
            tails[position] = y
            last[position] = index
    out: list[tuple[int, int]] = []
    index = last[-1] if last else -1
    while index >= 0:
        out.append(pairs[index])
        index = before[index]
    return out[::-1]


def _once(lines: list[str], begin: int, end: int) -> dict[str, int]:
    """Lines that occur once in a range, with their places, in order of place."""
    places: dict[str, int] = {}
    for place in range(begin, end):
        places[lines[place]] = -1 if lines[place] in places else place
    return {line: place for line, place in places.items() if place >= 0}


def unified(old: str, new: str, path: str, limit: int) -> str:
    """A unified diff with three lines of context; empty where the texts are equal.

    Only ``\\n`` ends a line. A diff that would be longer than `limit` characters ends after a whole line with a line
    that says so and begins with a backslash, which `patch` passes over.
    """
    a, b = _split(old), _split(new)
    out = [f"--- a/{path}\n", f"+++ b/{path}\n"]
    size = sum(map(len, out))
    blocks = changed_blocks(a, b)
    if not blocks:
        return ""
    for group in _grouped(blocks):
        for line in _hunk(a, b, group):
            size += len(line)
            if size > limit:
                out.append(f"\\ The diff goes on; it is cut at {limit} characters.\n")
                return "".join(out)
            out.append(line)
    return "".join(out)


def _split(text: str) -> list[str]:
    lines = text.split("\n")
    return [line + "\n" for line in lines[:-1]] + ([lines[-1]] if lines[-1] else [])


def _grouped(blocks: list[Block]) -> list[list[Block]]:
    groups: list[list[Block]] = []
    for block in blocks:
        if groups and block[0] - groups[-1][-1][1] <= 2 * _CONTEXT:
            groups[-1].append(block)
        else:
            groups.append([block])
    return groups


def _hunk(a: list[str], b: list[str], group: list[Block]) -> list[str]:
    begin = max(0, group[0][0] - _CONTEXT)
    end = min(len(a), group[-1][1] + _CONTEXT)
    b_begin = group[0][2] - (group[0][0] - begin)
    b_end = group[-1][3] + (end - group[-1][1])
    lines = [f"@@ -{_span(begin, end)} +{_span(b_begin, b_end)} @@\n"]
    position = begin
    for a0, a1, b0, b1 in group:
        lines += (_marked(" ", line) for line in a[position:a0])
        lines += (_marked("-", line) for line in a[a0:a1])
        lines += (_marked("+", line) for line in b[b0:b1])
        position = a1
    lines += (_marked(" ", line) for line in a[position:end])
    return lines


def _span(begin: int, end: int) -> str:
    if end == begin:
        return f"{begin},0"
    return str(begin + 1) if end == begin + 1 else f"{begin + 1},{end - begin}"


def _marked(mark: str, line: str) -> str:
    return mark + line if line.endswith("\n") else f"{mark}{line}\n\\ No newline at end of file\n"
