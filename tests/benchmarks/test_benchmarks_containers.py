"""The benchmarks of containers: they run on a real engine and leave nothing there, or say why they did not."""

from __future__ import annotations

from pathlib import Path

import pytest
from engine import TestEngine, engine  # noqa: F401 - a fixture
from small_benchmarks import TINY, sound

from benchmarks import __main__ as program
from benchmarks import dockerd
from benchmarks.containers import IMAGE
from benchmarks.context import Context
from benchmarks.measures import CONTAINERS
from benchmarks.rows import render, to_json


def test_they_yield_rows_and_leave_nothing_at_an_engine_that_is_not_theirs(
    engine: TestEngine,  # noqa: F811
    nexus_init: Path,
    monkeypatch: pytest.MonkeyPatch,
) -> None:
    monkeypatch.setenv("DOCKER_HOST", engine.host)
    before = found(engine)
    with Context(TINY) as context:
        for benchmark in CONTAINERS.values():
            rows = benchmark(context)
            sound(rows)
            for row in rows:
                if row.unit in ("runs", "MB"):  # these figures are no matter of time
                    assert row.ok, row
        assert not context.containers.engine.own
        assert found(engine)["images"] - before["images"] == {IMAGE}
    assert found(engine) == before


def found(engine: TestEngine) -> dict[str, set[str]]:  # noqa: F811
    """All there is at the engine."""
    return {
        "containers": {item["Id"] for item in engine.api.containers(all=True)},
        "networks": {item["Id"] for item in engine.api.networks()},
        "images": {tag for item in engine.api.images() for tag in item["RepoTags"] or []},
        "volumes": {item["Name"] for item in engine.api.volumes()["Volumes"] or []},
    }


@pytest.fixture
def bare_machine(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    """No engine answers, and none is installed or could be."""
    monkeypatch.setenv("DOCKER_HOST", f"unix://{tmp_path / 'none.sock'}")
    monkeypatch.setattr(dockerd.shutil, "which", lambda name: None)


def test_without_an_engine_they_are_skipped_with_a_line_that_says_so(
    bare_machine: None, nexus_init: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.delenv("CI", raising=False)
    for row in program.run(dict(CONTAINERS), TINY):
        assert row.skipped and not row.ok
        assert "apt-get install docker.io" in row.problem
        assert to_json(row)["ok"] is None
        assert "skipped" in render([row])


def test_in_ci_they_fail_then(bare_machine: None, nexus_init: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("CI", "true")
    rows = program.run({"docker-crowd": CONTAINERS["docker-crowd"]}, TINY)
    assert [(row.skipped, row.ok) for row in rows] == [(False, False)]
    assert "apt-get install docker.io" in rows[0].problem


def test_a_skipped_row_is_neither_held_nor_missed(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    def absent(context: Context) -> list[program.Row]:
        raise program.Skipped("no such thing here")

    monkeypatch.setattr(program, "ALL", {"absent": absent})
    assert program.main(["--json", str(tmp_path / "results.json")]) == 0
    said = capsys.readouterr().out
    assert "0 of 0 rows hold" in said
    assert "skipped: absent: no such thing here" in said
