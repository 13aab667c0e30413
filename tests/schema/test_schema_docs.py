"""The reference: every link leads somewhere, every method, type and error has its place, every example is JSON."""

from __future__ import annotations

import json
import re
from pathlib import Path

import msgspec
import pytest
from generate.emit_docs import anchor
from generate.model import Schema
from nexus_sdk.protocol import types
from nexus_sdk.protocol.methods import METHODS

LINK = re.compile(r"\]\(([^)#\s]*)(?:#([^)\s]+))?\)")
CODE = re.compile(r"`[^`\n]*`")
BLOCK = re.compile(r"```json\n(.*?)\n```", re.DOTALL)


@pytest.fixture(scope="module")
def pages(root: Path) -> dict[str, str]:
    return {path.name: path.read_text(encoding="utf-8") for path in (root / "docs/reference").glob("*.md")}


def anchors(page: str) -> list[str]:
    headings = re.findall(r"^## (?:\[([^\]]+)\]\([^)]*\)|(.+))$", page, re.MULTILINE)
    return [anchor(linked or text) for linked, text in headings] + re.findall(r'<a id="([^"]+)"></a>', page)


def test_every_link_leads_somewhere(pages: dict[str, str]) -> None:
    places = {name: set(anchors(page)) for name, page in pages.items()}
    seen = 0
    for name, page in pages.items():
        for target, fragment in LINK.findall(CODE.sub("`code`", BLOCK.sub("", page))):
            where = target or name
            assert where in pages, f"{name} links to {where}"
            assert not fragment or fragment in places[where], f"{name} links to {where}#{fragment}"
            seen += 1
    assert seen > 100


def test_anchors_are_unique_within_a_page(pages: dict[str, str]) -> None:
    for name, page in pages.items():
        found = anchors(page)
        assert sorted(found) == sorted(set(found)), name


def test_everything_has_its_place(pages: dict[str, str], schema: Schema) -> None:
    for method in schema.methods.values():
        assert f"\n## {method.name}\n" in pages[f"{method.domain}.md"]
        assert f"`{method.name}`" in pages["index.md"]
    for named in schema.types.values():
        # Params or results without fields are called that where they are used.
        if getattr(named, "fields", True):
            assert f'<a id="type-{named.name}"></a>' in pages[f"{named.domain}.md"]
    for error in schema.errors.values():
        assert f'<a id="{error.name}"></a>{error.code} |' in pages["errors.md"]
    for scope in schema.scopes:
        assert f"| `{scope}` |" in pages["index.md"]


def test_examples_are_what_the_types_take(pages: dict[str, str]) -> None:
    seen = set()
    for name, page in pages.items():
        for section in re.split(r"^## ", page, flags=re.MULTILINE)[1:]:
            row = METHODS.get(section.split("\n", 1)[0])
            for text in BLOCK.findall(section):
                assert row is not None, name
                message = json.loads(text)
                if message.get("method") == row.name:
                    msgspec.convert(message["params"], row.params)
                    seen.add(row.name)
                elif message.get("method") == "stream.event":
                    assert row.stream is not None
                    event = msgspec.convert(message["params"], types.StreamEventParams).event
                    assert msgspec.convert(event, row.stream.event)
                else:
                    assert row.result is not None
                    msgspec.convert(message["result"], row.result)
    assert seen == set(METHODS)


def test_tables_are_well_formed(pages: dict[str, str]) -> None:
    for name, page in pages.items():
        width = 0
        for line in BLOCK.sub("", page).splitlines():
            if not line.startswith("|"):
                width = 0
                continue
            columns = len(re.findall(r"(?<!\\)\|", line))
            assert width in (0, columns), f"{name}: {line}"
            width = columns


def test_pages_are_marked(pages: dict[str, str]) -> None:
    assert all("Generated from schema/nexus; do not edit." in page.splitlines()[0] for page in pages.values())
