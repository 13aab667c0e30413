"""What a row says, and what a run makes of benchmarks that miss or break."""

from __future__ import annotations

import json

import pytest
from hypothesis import given
from hypothesis import strategies as st

from benchmarks import __main__ as program
from benchmarks.rounds import alternate, percentile
from benchmarks.rows import Bar, Row, failed, render, to_json
from benchmarks.sizes import QUICK


@pytest.mark.parametrize(
    ("bar", "ours", "peer", "ok"),
    [
        (Bar(0.6, "least"), 60.0, 100.0, True),
        (Bar(0.6, "least"), 59.0, 100.0, False),
        (Bar(1.5, "most"), 1.5, 1.0, True),
        (Bar(1.5, "most"), 1.51, 1.0, False),
        (Bar(250, "most", "ours"), 250.0, 1.0, True),
        (Bar(250, "most", "ours"), 251.0, 1000.0, False),
        (Bar(250, "most", "ours"), 249.0, None, True),
        (Bar(0.6, "least"), 60.0, None, False),
        (Bar(0.6, "least"), None, 100.0, False),
        (None, 1.0, None, True),
        (None, None, 1.0, False),
    ],
)
def test_a_row_holds_its_bar_or_does_not(bar, ours, peer, ok):
    assert Row("x", "ms", ours, peer, bar).ok is ok


def test_what_could_not_be_measured_is_missed_and_says_why():
    row = failed("transfers", "sshd is missing")
    assert not row.ok
    assert "sshd is missing" in render([row])
    assert to_json(row)["problem"] == "sshd is missing"


def test_the_table_has_every_figure():
    text = render([Row("small call", "µs", 1234.5, 1000.0, Bar(1.5, "most"), "raw echo", "bare")])
    for part in ("small call", "µs", "1,234", "1,000", "1.23", "≤ 1.5 × peer", "ok", "raw echo"):
        assert part in text


def test_measures_take_turns():
    order: list[str] = []

    def measure(name: str, figure: float) -> float:
        order.append(name)
        return figure

    figures = iter((5.0, 1.0, 3.0))
    medians = alternate(3, lambda: measure("a", next(figures)), lambda: measure("b", 7.0))
    assert medians == [3.0, 7.0]
    assert order == ["a", "b", "b", "a", "a", "b"]


@given(st.lists(st.floats(0, 1e6), min_size=1), st.floats(0.01, 1))
def test_a_percentile_is_the_least_value_that_covers_its_share(values, share):
    found = percentile(values, share)
    assert found in values
    assert sum(value <= found for value in values) >= share * len(values) - 1e-6
    assert sum(value < found for value in values) < share * len(values) + 1e-6


def test_one_that_breaks_does_not_stop_the_others():
    def breaks(context):
        raise RuntimeError("it broke")

    def works(context):
        return [Row("fine", "ms", 1.0, 2.0, None)]

    rows = program.run({"breaks": breaks, "works": works}, QUICK)
    assert [(row.name, row.ok) for row in rows] == [("breaks", False), ("fine", True)]
    assert "it broke" in rows[0].problem


@pytest.mark.parametrize(("limit", "code"), [(3.0, 0), (1.0, 1)])
def test_the_exit_code_says_whether_all_bars_hold(limit, code, monkeypatch, tmp_path, capsys):
    def measured(context):
        return [Row("speed", "ms", 2.0, 1.0, Bar(limit, "most"), "peer")]

    monkeypatch.setattr(program, "ALL", {"measured": measured})
    path = tmp_path / "results.json"
    assert program.main(["--json", str(path)]) == code
    document = json.loads(path.read_text())
    assert set(document["rows"][0]) >= {"name", "unit", "ours", "peer", "ratio", "bar", "ok"}
    assert document["rows"][0]["ok"] is (code == 0)
    assert document["machine"]["cores"] >= 1
    assert ("missed: speed" in capsys.readouterr().out) is (code == 1)
