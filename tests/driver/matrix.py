"""The tables of docs/conformance.md, which tests write down and compare."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from pathlib import Path

from drivers import SDKS

PAGE = Path(__file__).resolve().parents[2] / "docs" / "conformance.md"
WRITE = "NEXUS_WRITE_CONFORMANCE"
"""The variable that makes tests write the page instead of comparing it."""


class Matrix:
    """One table: what came of each thing, by SDK.

    Args:
        section: which table of the page.
        title: what the rows are.
    """

    def __init__(self, section: str, title: str) -> None:
        self._section = section
        self._title = title
        self._rows: dict[str, Mapping[str, str]] = {}

    def row(self, name: str, came: Mapping[str, str]) -> None:
        """Add a row."""
        self._rows[name] = came

    def table(self) -> str:
        """All rows, as Markdown."""
        lines = [f"| {self._title} | {' | '.join(SDKS)} |", f"|---|{'---|' * len(SDKS)}"]
        lines += [f"| {name} | {' | '.join(came[sdk] for sdk in SDKS)} |" for name, came in self._rows.items()]
        return "\n".join(lines)

    def check(self) -> None:
        """The page has this table; with `WRITE` in the environment it is written."""
        text = PAGE.read_text(encoding="utf-8")
        begin, end = f"<!-- {self._section} -->", f"<!-- /{self._section} -->"
        assert begin in text and end in text, f"{PAGE.name} has no section {self._section}"
        wanted = f"{begin}\n{self.table()}\n{end}"
        pattern = re.compile(f"{re.escape(begin)}.*?{re.escape(end)}", re.DOTALL)
        if os.environ.get(WRITE):
            PAGE.write_text(pattern.sub(lambda _: wanted, text), encoding="utf-8")
            return
        found = pattern.search(text)
        assert found is not None and found.group() == wanted, (
            f"docs/{PAGE.name} is out of date; write it with: {WRITE}=1 make unit ARGS=tests/driver"
        )
