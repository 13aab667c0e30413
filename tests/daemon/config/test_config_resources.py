"""Resource classes: what a text of limits means, and what the configuration says of a wrong one."""

from __future__ import annotations

from pathlib import Path

import pytest
from nexusd.config import load, render
from nexusd.config.resources import Resources, parse_resources

GIB = 1 << 30


def test_limits_are_read() -> None:
    assert parse_resources("cpu=1.5, memory=2G, pids=100, storage=1G") == Resources(
        cpu=1.5, memory=2 * GIB, pids=100, storage=GIB
    )
    assert parse_resources("") == Resources()


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("cpus=2", "none of cpu="),
        ("cpu", "none of cpu="),
        ("cpu=0", "from 0.01"),
        ("cpu=nan", "from 0.01"),
        ("memory=1M", "at least 6M"),
        ("memory=much", "a size"),
        ("pids=2", "at least 8"),
        ("pids=1.5", "whole number"),
        ("storage=1", "at least 1M"),
        ("cpu=1,cpu=2", "twice"),
    ],
)
def test_what_is_wrong_is_said(text: str, said: str) -> None:
    with pytest.raises(ValueError, match=said):
        parse_resources(text)


def loaded(tmp_path: Path, text: str):
    (tmp_path / "config.yaml").write_text(text, encoding="utf-8")
    return load(tmp_path, environ={"NEXUS_NODE_CONFIG": str(tmp_path / "none")})


def test_a_class_of_ones_own_joins_those_there_are(tmp_path: Path) -> None:
    found = loaded(tmp_path, "resources: {classes: {huge: 'cpu=32, memory=64G'}, default: huge}")
    assert found.problems == []
    assert set(found.config.resources.classes) == {"small", "medium", "large", "huge"}


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("resources: {classes: {small: 'memory=1'}}", "small: memory=1 is not a size of at least 6M"),
        ("resources: {default: smal}", "there is no class 'smal'; did you mean small?"),
    ],
)
def test_a_wrong_class_is_a_problem_at_its_line(tmp_path: Path, text: str, said: str) -> None:
    problems = [render(problem) for problem in loaded(tmp_path, text).problems]
    assert len(problems) == 1
    assert said in problems[0]
    assert "config.yaml:1" in problems[0]
