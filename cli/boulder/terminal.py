"""What may be written to a stream: colour, and lines that are drawn over.

In order: ``--color``, ``NO_COLOR`` (set and not empty), ``FORCE_COLOR`` (set, not empty, not 0), ``TERM=dumb``, ``CI``,
and last whether the stream is a terminal. Lines are drawn over only on a terminal that is not dumb and not in ``CI``.
"""

from __future__ import annotations

import os
import shutil
from collections.abc import Mapping
from typing import IO, Any, Final, Literal

__all__ = ["STYLES", "ColorChoice", "columns", "is_terminal", "may_animate", "may_color", "style"]

ColorChoice = Literal["auto", "always", "never"]

STYLES: Final[Mapping[str, str]] = {
    "bold": "1",
    "dim": "2",
    "red": "31",
    "green": "32",
    "yellow": "33",
    "blue": "34",
    "magenta": "35",
    "cyan": "36",
}


def is_terminal(stream: IO[Any]) -> bool:
    """Whether the stream is a terminal; a closed one is not."""
    try:
        return stream.isatty()
    except ValueError:
        return False


def may_color(choice: ColorChoice, stream: IO[Any], environ: Mapping[str, str] = os.environ) -> bool:
    """Whether colour may be written to this stream."""
    if choice != "auto":
        return choice == "always"
    if environ.get("NO_COLOR"):
        return False
    if environ.get("FORCE_COLOR", "0") not in ("", "0"):
        return True
    return may_animate(stream, environ)


def may_animate(stream: IO[Any], environ: Mapping[str, str] = os.environ) -> bool:
    """Whether lines of this stream may be drawn over."""
    if environ.get("TERM") == "dumb" or environ.get("CI", "") not in ("", "0", "false"):
        return False
    return is_terminal(stream)


def columns() -> int:
    """How wide the terminal is, in cells; 80 where that is not known."""
    return shutil.get_terminal_size((80, 24)).columns


def style(text: str, name: str | None) -> str:
    """Return text in a style of `STYLES`, several joined by a space; None leaves it as it is."""
    if not name:
        return text
    codes = ";".join(STYLES[part] for part in name.split())
    return f"\x1b[{codes}m{text}\x1b[0m"
