"""What commands print: results to stdout, everything else to stderr.

A result is a table or lines for people, or with ``--json`` the protocol's own object, one per line where there are
many. ``-q`` leaves of it only what names things, one per line.
"""

from __future__ import annotations

import sys
from collections.abc import Callable, Sequence
from typing import IO, Any

from boulder.terminal import ColorChoice, columns, is_terminal, may_animate, may_color, style
from boulder.text import clean, clip, width

__all__ = ["Cell", "Output", "encode"]

Cell = str | tuple[str, str | None]
"""Text of a table's cell, or text and a style."""

_GAP = "  "


def encode(value: Any) -> bytes:
    """Return a protocol object as one line of JSON, without the line feed."""
    import msgspec

    return msgspec.json.encode(value)


class Output:
    """Where a command prints.

    Attributes:
        json: whether objects are printed instead of text.
        quiet: whether only the essential is printed.
        color: the user's choice.
    """

    def __init__(self, *, json: bool = False, quiet: bool = False, color: ColorChoice = "auto") -> None:
        self.json = json
        self.quiet = quiet
        self.color: ColorChoice = color

    def styled(self, text: str, name: str | None, *, err: bool = False) -> str:
        """Return text in a style, where the stream may have colour."""
        return style(text, name) if may_color(self.color, self.stream(err)) else text

    @staticmethod
    def stream(err: bool = False) -> IO[str]:
        """Stdout or stderr, as it is now."""
        return sys.stderr if err else sys.stdout

    @property
    def animated(self) -> bool:
        """Whether progress may be drawn on stderr."""
        return not self.json and not self.quiet and may_animate(sys.stderr)

    def line(self, text: str = "") -> None:
        """Print one line of a result."""
        _write(sys.stdout, text + "\n")

    def note(self, text: str) -> None:
        """Say something beside the result; not with ``-q`` or ``--json``."""
        if not self.quiet and not self.json:
            self.warn(text, style=None)

    def warn(self, text: str, *, style: str | None = "yellow") -> None:
        """Say something to stderr whatever the options are."""
        try:
            _write(sys.stderr, self.styled(text, style, err=True) + "\n")
        except (OSError, ValueError):
            pass  # nobody listens; what we do matters more than what we say of it

    def item(self, value: Any) -> None:
        """Print one object of JSON on a line of its own."""
        _write(sys.stdout, encode(value).decode() + "\n")

    def result(self, value: Any, human: Callable[[], object], essence: str | Sequence[str] | None = None) -> None:
        """Print a result as asked for.

        Args:
            value: the protocol's object, for ``--json``.
            human: prints it for people.
            essence: what ``-q`` prints, one per line; None prints nothing.
        """
        if self.json:
            self.item(value)
        elif self.quiet:
            for item in [essence] if isinstance(essence, str) else essence or ():
                self.line(clean(item))
        else:
            human()

    def table(
        self, headings: Sequence[str], rows: Sequence[Sequence[Cell]], *, empty: str, whole: bool = False
    ) -> None:
        """Print a table; on a terminal its widest columns are cut so that a row stays a line.

        Args:
            headings: one per column.
            rows: cells as text, or as text and a style. They are cleaned here.
            empty: said to stderr when there are no rows.
            whole: whether the first column is never cut, because its ids and names are what one copies.
        """
        if not rows:
            self.note(empty)
            return
        limit = columns() if is_terminal(sys.stdout) else None
        for text in self.layout(headings, rows, limit, whole=whole):
            self.line(text)

    def layout(
        self, headings: Sequence[str], rows: Sequence[Sequence[Cell]], limit: int | None, *, whole: bool = False
    ) -> list[str]:
        """Return the lines of a table, if possible at most `limit` cells wide; None for as wide as it is."""
        cells = [[_cell(cell) for cell in row] for row in rows]
        widths = [
            max(width(heading), *(width(row[index][0]) for row in cells)) for index, heading in enumerate(headings)
        ]
        if limit is not None:
            least = [width(heading) for heading in headings]
            if whole:
                least[0] = widths[0]
            _shrink(widths, least, limit)
        lines = [self._row([(heading, "dim") for heading in headings], widths)]
        lines += [self._row(row, widths) for row in cells]
        return lines

    def _row(self, row: Sequence[tuple[str, str | None]], widths: Sequence[int]) -> str:
        parts = []
        for (text, name), cells in zip(row, widths, strict=True):
            shown = clip(text, cells)
            parts.append(self.styled(shown, name) + " " * (cells - width(shown)))
        return _GAP.join(parts).rstrip()


def _cell(cell: Cell) -> tuple[str, str | None]:
    text, name = (cell, None) if isinstance(cell, str) else cell
    return clean(text), name


def _shrink(widths: list[int], least: Sequence[int], limit: int) -> None:
    """Take from the widest column, cell by cell, until the row fits or nothing is left to take."""
    spare = sum(widths) + len(_GAP) * (len(widths) - 1) - limit
    while spare > 0:
        index = max(range(len(widths)), key=lambda i: widths[i] - max(least[i], 8))
        if widths[index] <= max(least[index], 8):
            return
        widths[index] -= 1
        spare -= 1


def _write(stream: IO[str], text: str) -> None:
    encoding = getattr(stream, "encoding", None) or "utf-8"
    try:
        stream.write(text)
    except UnicodeEncodeError:
        stream.write(text.encode(encoding, "backslashreplace").decode(encoding))
    stream.flush()
