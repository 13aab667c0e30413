r"""Shell patterns as regular expressions, by the rules of git's wildmatch.

``?`` one character, ``*`` any number, ``[…]`` a set with ranges, ``!`` or ``^`` and ``[:classes:]``, ``\`` the next
character as it is. In a path, none of these crosses a slash; ``**`` as a whole component crosses any number of them.
Rules: gitignore(5), "Pattern format".
"""

from __future__ import annotations

from typing import Final

from nexusd.files.regex import escape

_CLASSES: Final[dict[str, list[tuple[int, int]]]] = {
    "alnum": [(48, 57), (65, 90), (97, 122)],
    "alpha": [(65, 90), (97, 122)],
    "blank": [(9, 9), (32, 32)],
    "cntrl": [(0, 31), (127, 127)],
    "digit": [(48, 57)],
    "graph": [(33, 126)],
    "lower": [(97, 122)],
    "print": [(32, 126)],
    "punct": [(33, 47), (58, 64), (91, 96), (123, 126)],
    "space": [(9, 13), (32, 32)],
    "upper": [(65, 90)],
    "xdigit": [(48, 57), (65, 70), (97, 102)],
}
_SPECIAL: Final = frozenset("*?[\\")


def is_literal(pattern: str) -> bool:
    """Whether a pattern can match only itself."""
    return _SPECIAL.isdisjoint(pattern)


def translate(pattern: str, *, path: bool) -> str | None:
    """The regular expression for a pattern, for a match of the whole text; None if the pattern can match nothing.

    Args:
        pattern: the pattern; characters up to 255 may stand for bytes.
        path: slashes separate components and ``**`` has its meaning; otherwise ``*`` matches everything.
    """
    out: list[str] = []
    one, many = ("[^/]", "[^/]*") if path else (r"(?s:.)", r"(?s:.*)")
    i, n = 0, len(pattern)
    while i < n:
        c = pattern[i]
        if c == "*":
            begin = i
            while i < n and pattern[i] == "*":
                i += 1
            alone = path and i - begin >= 2 and (begin == 0 or pattern[begin - 1] == "/")
            if alone and i == n:
                out.append(r"(?s:.*)")
            elif alone and pattern[i] == "/":
                out.append(r"(?:(?s:.*)/)?")
                i += 1
            elif alone and pattern.startswith("\\/", i):
                out.append(r"(?s:.*)")
            else:
                out.append(many)
        elif c == "?":
            out.append(one)
            i += 1
        elif c == "[":
            parsed = _bracket(pattern, i + 1, path)
            if parsed is None:
                return None
            i, text = parsed
            out.append(text)
        elif c == "\\":
            if i + 1 == n:
                return None
            out.append(escape(pattern[i + 1]))
            i += 2
        else:
            out.append(escape(c))
            i += 1
    return "".join(out)


def translate_anchored(pattern: str) -> str | None:
    """The same for a pattern of an exclude file that holds a slash.

    Git compares the characters before the first special one by themselves and matches the rest as a pattern of its own
    (dir.c, match_pathname). So ``**`` behind them counts as a whole component: ``b**/**`` matches ``b``.
    """
    size = next((at for at, c in enumerate(pattern) if c in _SPECIAL), len(pattern))
    rest = translate(pattern[size:], path=True)
    return None if rest is None else "".join(escape(c) for c in pattern[:size]) + rest


def _bracket(pattern: str, i: int, path: bool) -> tuple[int, str] | None:
    """The set that begins at `i` (behind its bracket): where it ends and its expression; None if it does not end."""
    n = len(pattern)
    negated = i < n and pattern[i] in "!^"
    if negated:
        i += 1
    ranges: list[tuple[int, int]] = []
    previous: int | None = None
    first = True
    while True:
        if i >= n:
            return None
        c = pattern[i]
        if c == "]" and not first:
            break
        first = False
        if c == "\\":
            i += 1
            if i >= n:
                return None
            previous = ord(pattern[i])
            ranges.append((previous, previous))
        elif c == "-" and previous is not None and i + 1 < n and pattern[i + 1] != "]":
            i += 1
            if pattern[i] == "\\":
                i += 1
                if i >= n:
                    return None
            ranges.append((previous, ord(pattern[i])))
            previous = None
        elif c == "[" and i + 1 < n and pattern[i + 1] == ":":
            end = pattern.find("]", i + 2)
            if end < 0:
                return None
            if end == i + 2 or pattern[end - 1] != ":":
                # No ":]": the bracket stands for itself, and what follows is read as usual.
                previous = ord("[")
                ranges.append((previous, previous))
            else:
                members = _CLASSES.get(pattern[i + 2 : end - 1])
                if members is None:
                    return None
                ranges.extend(members)
                previous = None
                i = end
        else:
            previous = ord(c)
            ranges.append((previous, previous))
        i += 1
    return i + 1, _class(ranges, negated, path)


def _class(ranges: list[tuple[int, int]], negated: bool, path: bool) -> str:
    slash = ord("/")
    if negated:
        ranges = [*ranges, (slash, slash)] if path else ranges
    elif path:
        ranges = [part for low, high in ranges for part in ((low, min(high, slash - 1)), (max(low, slash + 1), high))]
    body = "".join(f"\\x{{{low:x}}}-\\x{{{high:x}}}" for low, high in ranges if low <= high)
    if not body:
        return r"(?s:.)" if negated else r"[^\x{0}-\x{10ffff}]"
    return f"[^{body}]" if negated else f"[{body}]"
