"""Durations, sizes and moments, as people write and read them."""

from __future__ import annotations

import re
from datetime import UTC, datetime
from typing import Any, Final

import click

__all__ = ["DURATION", "ago", "format_duration", "format_size", "parse_duration", "until"]

_UNITS: Final = {"ms": 1, "s": 1000, "m": 60_000, "h": 3_600_000, "d": 86_400_000, "w": 604_800_000}
_GRACE: Final = 5.0
_PART = re.compile(r"(\d+(?:\.\d+)?)(ms|s|m|h|d|w)")


def parse_duration(text: str) -> int:
    """Read a duration such as ``30s``, ``1h30m`` or ``2.5`` (seconds) and return milliseconds.

    Raises:
        ValueError: it is no duration.
    """
    written = text.strip().lower()
    if re.fullmatch(r"\d+(\.\d+)?", written):
        return round(float(written) * 1000)
    total, end = 0.0, 0
    for match in _PART.finditer(written):
        if match.start() != end:
            break
        total += float(match[1]) * _UNITS[match[2]]
        end = match.end()
    if not written or end != len(written):
        raise ValueError(f"{text!r} is no duration; write 30s, 5m, 1h30m or 7d")
    return round(total)


class Duration(click.ParamType[Any]):
    """A duration on the command line, in milliseconds."""

    name = "duration"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it."""
        if isinstance(value, int):
            return value
        try:
            return parse_duration(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


DURATION = Duration()


def format_duration(seconds: float) -> str:
    """Return a duration in its one or two largest units."""
    if seconds < 1:
        return f"{seconds * 1000:.0f} ms"
    if seconds < 60:
        return f"{seconds:.1f} s" if seconds < 10 else f"{seconds:.0f} s"
    whole = int(seconds)
    for size, name, smaller, small in ((86400, "d", 3600, "h"), (3600, "h", 60, "m"), (60, "m", 1, "s")):
        if whole >= size:
            rest = whole % size // smaller
            return f"{whole // size}{name}" + (f"{rest}{small}" if rest and whole // size < 10 else "")
    raise AssertionError("a minute was reached above")


def format_size(size: float) -> str:
    """Return a size in binary units."""
    if size < 1024:
        return f"{size:.0f} B"
    for unit in ("KiB", "MiB", "GiB", "TiB"):
        size /= 1024
        if size < 1024 or unit == "TiB":
            break
    return f"{size:.1f} {unit}" if size < 10 else f"{size:.0f} {unit}"


def ago(moment: datetime, now: datetime | None = None) -> str:
    """How long ago a moment was."""
    seconds = ((now or datetime.now(UTC)) - moment).total_seconds()
    return "just now" if seconds < 5 else f"{_coarse(seconds)} ago"


def until(moment: datetime, now: datetime | None = None) -> str:
    """How far away a moment is; a past one is ``expired``."""
    seconds = (moment - (now or datetime.now(UTC))).total_seconds()
    # some grace: what was asked for as 30d is shown as 30d, not as 29d
    return "expired" if seconds <= 0 else f"in {_coarse(seconds + _GRACE)}"


def _coarse(seconds: float) -> str:
    for size, name in ((86400, "d"), (3600, "h"), (60, "m")):
        if seconds >= size:
            return f"{int(seconds // size)}{name}"
    return f"{int(seconds)}s"
