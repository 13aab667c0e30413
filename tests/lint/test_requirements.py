"""Every rule of docs/protocol.md is cited by a test, and every citation names a rule and stands at a test.

A rule has an id in brackets, as ``[frame.ids]``. A test that would fail if the rule were broken says so with a line
``requirement: frame.ids``: in a comment right above the test, and in a wire script in a comment step.
"""

from __future__ import annotations

import ast
import json
import re
from collections.abc import Callable
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
PROTOCOL = ROOT / "docs" / "protocol.md"

RULE = re.compile(r"\[([a-z]+\.[a-z]+)\](?!\()")
MARK = re.compile(r"\brequirement: (?P<ids>.+)")
ID = re.compile(r"[a-z]+\.[a-z]+\Z")
NORMATIVE = re.compile(r"\b(must|never|refused|answered|closes?|ignored|fails?|failed|needs?)\b")
"""Words of a sentence that binds; one of them wants an id in the same paragraph, item or row."""

Citation = tuple[str, int, bool]
"""An id, the line that it is on, and whether a test follows."""


def rules(text: str) -> list[str]:
    """The ids of a protocol page, in order."""
    return RULE.findall(text)


def unbound(text: str) -> list[str]:
    """Paragraphs, items and rows of a protocol page that bind and have no id."""
    body = text.partition("\n## ")[2]
    pieces = [piece for block in body.split("\n\n") for piece in re.split(r"\n(?=- |\| )", block)]
    return [piece.strip() for piece in pieces if NORMATIVE.search(piece) and not RULE.search(piece)]


def cited(line: int, text: str, at_test: bool) -> list[Citation]:
    """The citations in one comment; what is no id is kept, so that it is found to be unknown."""
    found = MARK.search(text)
    return [] if found is None else [(id.strip(), line, at_test) for id in found["ids"].split(",")]


def in_python(text: str) -> list[Citation]:
    """Citations of a Python file: the comment lines right above a test and its decorators."""
    if "# requirement:" not in text:
        return []
    starts = set()
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, ast.FunctionDef | ast.AsyncFunctionDef) and node.name.startswith("test_"):
            starts.add(min([node.lineno, *(decorator.lineno for decorator in node.decorator_list)]))
    return in_comments(text, "#", lambda lines, line: line in starts)


def in_go(text: str) -> list[Citation]:
    """Citations of a Go file: the comment lines right above a test."""
    return in_comments(text, "//", lambda lines, line: lines[line - 1].startswith("func Test"))


def in_typescript(text: str) -> list[Citation]:
    """Citations of a TypeScript file: the comment lines right above a test."""
    return in_comments(text, "//", lambda lines, line: lines[line - 1].lstrip().startswith(("test(", "test.each(")))


def in_comments(text: str, sign: str, is_test: Callable[[list[str], int], bool]) -> list[Citation]:
    """Citations in comment lines; `is_test` is asked about the first line after a run of them, counted from 1."""
    lines = [*text.splitlines(), ""]
    found = []
    for line, content in enumerate(lines, start=1):
        if content.lstrip().startswith(f"{sign} requirement:"):
            end = line
            while lines[end - 1].lstrip().startswith(sign):
                end += 1
            found += cited(line, content, is_test(lines, end))
    return found


def in_script(text: str) -> list[Citation]:
    """Citations of a wire script: its comment steps, each with something to expect before the script ends."""
    steps = [json.loads(line) for line in text.splitlines()]
    found = []
    for line, step in enumerate(steps, start=1):
        expects = any(key.startswith("expect") for later in steps[line:] for key in later)
        found += cited(line, step.get("comment", ""), expects)
    return found


SOURCES: dict[str, Callable[[str], list[Citation]]] = {
    "tests/**/test_*.py": in_python,
    "sdk-go/**/*_test.go": in_go,
    "sdk-typescript/test/**/*.test.ts": in_typescript,
    "schema/wire/*.jsonl": in_script,
}


def problems(page: str, citations: dict[str, list[Citation]]) -> list[str]:
    """What is wrong between a protocol page and the citations by file."""
    ids = rules(page)
    known = set(ids)
    found = [f"docs/protocol.md: [{id}] stands there more than once" for id in sorted(known) if ids.count(id) > 1]
    found += [f"docs/protocol.md: this binds and has no id: {piece!r}" for piece in unbound(page)]
    for path, every in citations.items():
        for id, line, at_test in every:
            if not ID.match(id) or id not in known:
                found.append(f"{path}:{line}: there is no rule [{id}] in docs/protocol.md")
            elif not at_test:
                found.append(f"{path}:{line}: no test follows the citation of {id}")
    proven = {id for every in citations.values() for id, _, at_test in every if at_test}
    return found + [f"docs/protocol.md: no test cites [{id}]" for id in ids if id not in proven]


def test_every_rule_is_cited_by_a_test_and_every_citation_names_a_rule() -> None:
    citations = {}
    for pattern, read in SOURCES.items():
        paths = [path for path in sorted(ROOT.glob(pattern)) if path != Path(__file__)]
        assert paths, pattern
        citations |= {str(path.relative_to(ROOT)): read(path.read_text(encoding="utf-8")) for path in paths}
    found = problems(PROTOCOL.read_text(encoding="utf-8"), citations)
    assert not found, "\n".join(found)


PAGE = (
    "# P\n\n## A\n\nOne must be kept [a.one]. [Elsewhere](b.md) is a link.\n\n| x | is refused [a.two] |\n| y | is |\n"
)
SOUND = {"tests/test_x.py": in_python("# requirement: a.one, a.two\n@mark\nasync def test_x():\n    pass\n")}


def test_the_gate_passes_what_is_sound() -> None:
    assert problems(PAGE, SOUND) == []


@pytest.mark.parametrize(
    ("page", "citations", "expected"),
    [
        (PAGE, {}, "docs/protocol.md: no test cites [a.one]"),
        (PAGE + "\nMore [a.three].\n", SOUND, "docs/protocol.md: no test cites [a.three]"),
        (PAGE + "\nMore [a.one].\n", SOUND, "docs/protocol.md: [a.one] stands there more than once"),
        (PAGE + "\nThis must be.\n", SOUND, "docs/protocol.md: this binds and has no id: 'This must be.'"),
        (PAGE + "| z | is never |\n", SOUND, "docs/protocol.md: this binds and has no id: '| z | is never |'"),
        (PAGE, {**SOUND, "x": in_python("# requirement: a.none\ndef test_y(): 0")}, "x:1: there is no rule [a.none]"),
        (PAGE, {**SOUND, "x": in_python("# requirement: A.one\ndef test_y(): 0")}, "x:1: there is no rule [A.one]"),
        (PAGE, {**SOUND, "x": in_python("# requirement: a.one\ndef help(): 0")}, "x:1: no test follows"),
        (PAGE, {**SOUND, "x": in_python("# requirement: a.one\n\ndef test_y(): 0")}, "x:1: no test follows"),
        (PAGE, {**SOUND, "x": in_go("// requirement: a.one\nfunc help() {}")}, "x:1: no test follows"),
        (PAGE, {**SOUND, "x": in_typescript("  // requirement: a.one\n  run();")}, "x:1: no test follows"),
        (PAGE, {**SOUND, "x": in_script('{"title": "t"}\n{"comment": "requirement: a.one"}')}, "x:2: no test follows"),
    ],
)
def test_the_gate_finds_what_is_not(page: str, citations: dict[str, list[Citation]], expected: str) -> None:
    found = problems(page, citations)
    assert any(problem.startswith(expected) for problem in found), found


def test_citations_are_read_in_every_language() -> None:
    go = "// Shows it.\n// requirement: a.one\nfunc TestX(t *testing.T) {}\n"
    typescript = '  // requirement: a.one, a.two\n  test.each([\n    1,\n  ])("x", () => {});\n'
    script = '{"title": "t"}\n{"comment": "requirement: a.one"}\n{"send": {}}\n{"expect": {}}\n'
    assert in_go(go) == [("a.one", 2, True)]
    assert in_typescript(typescript) == [("a.one", 1, True), ("a.two", 1, True)]
    assert in_script(script) == [("a.one", 2, True)]
