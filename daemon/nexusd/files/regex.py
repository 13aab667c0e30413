"""Regular expressions that cannot hang: RE2, which matches in time linear in the text and lets other threads run.

Python's own `re` backtracks: a hostile pattern, a .gitignore in a hostile repository for instance, would stop the whole
daemon, since it holds the interpreter while it tries. What RE2 lacks (backreferences, look-around) is refused by name.
"""

from __future__ import annotations

from collections.abc import Sequence
from typing import Final, Protocol, cast

import re2  # type: ignore[import-untyped]
from nexus_sdk.protocol import errors

_MEMORY: Final = 4 << 20
"""Bytes that one compiled pattern and its caches may take."""

_SET_SIZE: Final = 64
"""Patterns per set: a set's automaton grows with the product of its patterns."""


class Match(Protocol):
    """The part of a match that we use; positions are bytes."""

    def start(self, group: int = 0) -> int:
        """Where the match, or a group, begins."""
        ...

    def end(self, group: int = 0) -> int:
        """Where the match, or a group, ends."""
        ...


class Regex(Protocol):
    """A compiled pattern."""

    def search(self, text: bytes, pos: int | None = None, endpos: int | None = None) -> Match | None:
        """The first match between two positions."""
        ...

    def fullmatch(self, text: bytes) -> Match | None:
        """The match of the whole text."""
        ...


def compile_regex(pattern: str, *, given: str | None = None, ignore_case: bool = False, raw: bool = False) -> Regex:
    """Compile a pattern. It never matches across a line end.

    Args:
        pattern: in RE2's syntax.
        given: the pattern as the caller wrote it, for the error; default `pattern`.
        ignore_case: match letters of either case.
        raw: the text is bytes without a meaning, and the pattern holds code points up to 255 for them; otherwise UTF-8.

    Raises:
        PatternInvalid: it cannot be compiled, or would need more than 4 MiB.
    """
    options = _options(raw)
    options.case_sensitive = not ignore_case
    options.never_nl = not raw
    try:
        return cast(Regex, re2.compile(pattern.encode("latin-1") if raw else pattern, options))
    except (re2.error, UnicodeEncodeError) as error:
        reason = error.args[0] if error.args else "not a regular expression"
        text = reason.decode("utf-8", "replace") if isinstance(reason, bytes) else str(reason)
        shown = pattern if given is None else given
        raise errors.PatternInvalid(
            f"{shown!r}: {text}",
            hint="Patterns are in RE2's syntax, without backreferences and look-around.",
            pattern=shown,
            reason=text,
        ) from None
    finally:
        re2.purge()  # the library keeps compiled patterns for ever; ours go with the call that needed them


class RegexSet:
    """Many whole-text patterns over bytes, matched together."""

    def __init__(self, patterns: Sequence[str]) -> None:
        """Compile `patterns`, each a `raw` pattern. One that cannot be compiled matches nothing."""
        self._sets: list[tuple[list[int], object]] = []
        for begin in range(0, len(patterns), _SET_SIZE):
            made = re2.Set.FullMatchSet(_options(raw=True))
            numbers: list[int] = []
            for number in range(begin, min(begin + _SET_SIZE, len(patterns))):
                try:
                    made.Add(patterns[number].encode("latin-1"))
                except (re2.error, UnicodeEncodeError):
                    continue
                numbers.append(number)
            if numbers:
                made.Compile()
                self._sets.append((numbers, made))

    def match(self, text: bytes) -> list[int]:
        """Numbers of the patterns that match the whole of `text`."""
        found: list[int] = []
        for numbers, made in self._sets:
            found.extend(numbers[index] for index in made.Match(text) or ())  # type: ignore[attr-defined]
        return found


def escape(text: str) -> str:
    """A pattern that matches exactly `text`."""
    return "".join(c if c.isalnum() or ord(c) > 127 else f"\\x{{{ord(c):x}}}" for c in text)


def _options(raw: bool) -> re2.Options:
    options = re2.Options()
    options.max_mem = _MEMORY
    options.log_errors = False
    if raw:
        options.encoding = re2.Options.Encoding.LATIN1
        options.dot_nl = True
    return options
