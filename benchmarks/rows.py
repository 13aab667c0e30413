"""What a measurement says, and whether it holds its bar."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from typing import Any, Literal

__all__ = ["Bar", "Row", "Skipped", "failed", "render", "skipped", "to_json"]


class Skipped(Exception):
    """A benchmark needs what this machine does not have; the message says what."""


@dataclass(frozen=True, slots=True)
class Bar:
    """What is asked of a figure.

    Attributes:
        limit: the least or the most.
        sense: whether the figure must be at least or at most the limit.
        of: what the limit is compared with: the `ratio` of ours to the peer's, or `ours` itself, in the row's unit.
    """

    limit: float
    sense: Literal["least", "most"]
    of: Literal["ratio", "ours"] = "ratio"

    def __str__(self) -> str:
        sign = "≥" if self.sense == "least" else "≤"
        return f"{sign} {self.limit:g} × peer" if self.of == "ratio" else f"{sign} {self.limit:g}"

    def holds(self, ours: float, ratio: float | None) -> bool:
        """Whether the figures are good enough."""
        value = ours if self.of == "ours" else ratio
        if value is None:
            return False
        return value >= self.limit if self.sense == "least" else value <= self.limit


@dataclass(frozen=True, slots=True)
class Row:
    """One line of the table.

    Attributes:
        name: what was measured.
        unit: of `ours` and `peer`.
        ours: the median for Nexus; None where it could not be measured.
        peer: the median for what ran beside it; None where there is nothing to compare with.
        peer_name: what ran beside it.
        client: what drove both.
        bar: what is asked; None where the row only informs.
        problem: why there is no figure.
        skipped: whether that is no failure: this machine lacks what it takes.
    """

    name: str
    unit: str
    ours: float | None
    peer: float | None
    bar: Bar | None
    peer_name: str = ""
    client: str = ""
    problem: str = ""
    skipped: bool = False

    @property
    def ratio(self) -> float | None:
        """Ours divided by the peer's."""
        return self.ours / self.peer if self.ours is not None and self.peer else None

    @property
    def ok(self) -> bool:
        """Whether the bar holds. What could not be measured does not."""
        if self.problem or self.ours is None:
            return False
        return self.bar is None or self.bar.holds(self.ours, self.ratio)


def failed(name: str, problem: str) -> Row:
    """The row of a benchmark that could not be run."""
    return Row(name, "", None, None, None, problem=problem)


def skipped(name: str, reason: str) -> Row:
    """The row of a benchmark that this machine cannot run."""
    return Row(name, "", None, None, None, problem=reason, skipped=True)


def to_json(row: Row) -> dict[str, Any]:
    """A row as it is written to `results.json`."""
    return {
        "name": row.name,
        "unit": row.unit,
        "ours": _rounded(row.ours),
        "peer": _rounded(row.peer),
        "ratio": _rounded(row.ratio),
        "bar": str(row.bar) if row.bar is not None else None,
        "ok": None if row.skipped else row.ok,
        "peer_name": row.peer_name,
        "client": row.client,
        **({"problem": row.problem} if row.problem else {}),
    }


def render(rows: Iterable[Row]) -> str:
    """The rows as a table for a terminal."""
    head = ("what", "unit", "ours", "peer", "ratio", "bar", "ok", "peer is", "client")
    lines = [head]
    for row in rows:
        if row.problem:
            verdict = "skipped" if row.skipped else "NO"
            lines.append((row.name, "", "-", "-", "-", "-", verdict, row.problem, ""))
            continue
        verdict = ("ok" if row.ok else "NO") if row.bar is not None else ""
        bar = str(row.bar) if row.bar is not None else "-"
        figures = (_shown(row.ours), _shown(row.peer), _shown(row.ratio))
        lines.append((row.name, row.unit, *figures, bar, verdict, row.peer_name, row.client))
    widths = [max(len(line[column]) for line in lines) for column in range(7)]
    shown = []
    for line in lines:
        cells = [
            cell.rjust(width) if 2 <= column <= 4 else cell.ljust(width)
            for column, (cell, width) in enumerate(zip(line, widths, strict=False))
        ]
        shown.append("  ".join([*cells, "; ".join(part for part in line[7:] if part)]).rstrip())
    shown.insert(1, "-" * (sum(widths) + 2 * len(widths)))
    return "\n".join(shown)


def _rounded(value: float | None) -> float | None:
    return None if value is None else float(f"{value:.4g}")


def _shown(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,.0f}" if abs(value) >= 1000 else f"{value:.3g}"
