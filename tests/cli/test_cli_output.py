"""Tables and results."""

from __future__ import annotations

import json

import pytest
from boulder.output import Output
from boulder.text import width
from hypothesis import given
from hypothesis import strategies as st

ROWS = [("alpha", ("running", "green"), "x" * 60), ("b", "stopped", "/a/path")]


def test_columns_line_up() -> None:
    lines = Output(color="never").layout(("NAME", "STATE", "PATH"), ROWS, None)
    assert lines[0].startswith("NAME   STATE    PATH")
    assert lines[1] == "alpha  running  " + "x" * 60
    assert lines[2] == "b      stopped  /a/path"


def test_the_widest_column_gives_way() -> None:
    lines = Output(color="never").layout(("NAME", "STATE", "PATH"), ROWS, 40)
    assert max(width(line) for line in lines) <= 40
    assert lines[1].startswith("alpha  running  xxx") and lines[1].endswith("…")


def test_what_is_copied_is_never_cut() -> None:
    rows = [("pr_7y4f3f4s7izbhzzj6e2f", "sh -c " + "x" * 60)]
    assert Output().layout(("PROCESS", "COMMAND"), rows, 30, whole=True)[1].split()[0] == rows[0][0]


def test_colour_does_not_move_columns() -> None:
    plain = Output(color="never").layout(("NAME", "STATE", "PATH"), ROWS, 40)
    coloured = Output(color="always").layout(("NAME", "STATE", "PATH"), ROWS, 40)
    assert [width(line) for line in coloured] == [width(line) for line in plain]
    assert "\x1b[32mrunning\x1b[0m" in coloured[1]


def test_a_hostile_cell_is_escaped() -> None:
    lines = Output(color="never").layout(("NAME",), [("\x1b[2Jgone\n",)], None)
    assert lines[1] == "\\x1b[2Jgone\\n"


@given(st.lists(st.tuples(st.text(max_size=40), st.text(max_size=40)), min_size=1, max_size=5), st.integers(20, 60))
def test_a_row_is_a_line(rows: list[tuple[str, str]], limit: int) -> None:
    lines = Output(color="never").layout(("A", "B"), rows, limit)
    assert len(lines) == len(rows) + 1
    assert all("\n" not in line and width(line) <= limit for line in lines)


def test_results(capsys: pytest.CaptureFixture[str]) -> None:
    Output(json=True).result({"a": 1}, lambda: pytest.fail("not for people"), "name")
    assert json.loads(capsys.readouterr().out) == {"a": 1}
    Output(quiet=True).result({"a": 1}, lambda: pytest.fail("not for people"), ["one", "two\x1b"])
    assert capsys.readouterr().out == "one\ntwo\\x1b\n"
    Output().result({"a": 1}, lambda: print("for people"), "name")
    assert capsys.readouterr().out == "for people\n"


def test_an_empty_table_says_so_beside_the_result(capsys: pytest.CaptureFixture[str]) -> None:
    Output(color="never").table(("A",), [], empty="nothing here")
    captured = capsys.readouterr()
    assert captured.out == "" and captured.err == "nothing here\n"
