"""Tests notice when the generator, an SDK or the daemon is broken: each mutation is caught by its test."""

from __future__ import annotations

import os
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from go_toolchain import Go
from mutated_tree import Command, Mutation, Stale, Tree, load, mutated, verdict
from node_toolchain import Node

FILES = sorted(Path(__file__).parent.glob("*.json"))
MUTATIONS = [mutation for path in FILES for mutation in load(path)]
LEAST = 10
"""A list that somebody emptied is no check."""


@pytest.fixture(scope="session")
def tree(go: Go, node: Node, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Tree]:
    """A copy of the repository for this worker."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith(("NEXUS_", "PYTEST_"))}
    quiet = {**environ, "PYTHONDONTWRITEBYTECODE": "1"}
    pytest_ = [sys.executable, "-m", "pytest", "-q", "-p", "no:cacheprovider", "-p", "no:xdist"]
    tools = {
        "pytest": (pytest_, quiet),
        "go": ([str(go.go), "test", "-count=1", "-vet=off"], go.environ),
        "vitest": (["node", "node_modules/vitest/vitest.mjs", "run"], node.environ),
    }
    yield Tree.copy(tmp_path_factory.mktemp("mutated"), tools)


def parameters() -> list[object]:
    """One test for each mutation; those with the same command follow each other, and it is run unharmed once."""
    ordered = sorted(MUTATIONS, key=lambda mutation: str(mutation.run))
    return [pytest.param(one, id=one.title) for one in ordered]


@pytest.mark.parametrize("mutation", parameters())
def test_it_is_caught(tree: Tree, mutation: Mutation) -> None:
    assert tree.unharmed(mutation.run) == "passed", f"{mutation.run} does not pass without any mutation"
    with tree.broken_by(mutation):
        found, output = tree.run(mutation.run)
    assert found != "passed", f"survived: {mutation.run} passes although {mutation.file} is broken"
    assert found == "failed", f"no test failed, it did not come to that:\n{output[-3000:]}"


def test_there_are_mutations_of_everything() -> None:
    assert len(MUTATIONS) >= LEAST
    titles = [mutation.title for mutation in MUTATIONS]
    assert len(set(titles)) == len(titles)
    for folder in ("schema/generate/", "sdk-python/", "sdk-go/", "sdk-typescript/", "daemon/"):
        assert any(mutation.file.startswith(folder) for mutation in MUTATIONS), folder


RUN = Command("pytest", ("tests/x.py",), ".")


@pytest.mark.parametrize("text", ["", "other", "this and this"])
def test_a_mutation_whose_text_is_gone_or_ambiguous_is_stale(text: str) -> None:
    mutation = Mutation("It is broken.", "f", "this", "that", False, RUN)
    with pytest.raises(Stale, match=r"occurs [02] times in f"):
        mutated(mutation, text)
    assert mutated(mutation, "only this") == "only that"


@pytest.mark.parametrize(
    ("tool", "code", "output", "expected"),
    [
        ("pytest", 0, "3 passed in 0.1s", "passed"),
        ("pytest", 1, "1 failed, 2 passed in 0.1s", "failed"),
        ("pytest", 2, "ERROR collecting tests/x.py\n1 error in 0.1s", "broken"),
        ("pytest", 5, "no tests ran in 0.1s", "broken"),
        ("pytest", 0, "1 skipped in 0.1s", "broken"),
        ("go", 0, "ok  \tx/protocol\t0.1s", "passed"),
        ("go", 0, "ok  \tx/protocol\t0.1s [no tests to run]", "broken"),
        ("go", 1, "--- FAIL: TestX (0.00s)\nFAIL\tx", "failed"),
        ("go", 1, "./x.go:1:2: syntax error\nFAIL\tx [build failed]", "broken"),
        ("vitest", 0, " Test Files  1 passed (1)\n      Tests  4 passed (4)", "passed"),
        ("vitest", 1, " Test Files  1 failed (1)\n      Tests  1 failed | 3 passed (4)", "failed"),
        ("vitest", 1, " Test Files  1 failed (1)\n      Tests  no tests", "broken"),
        ("vitest", 1, "No test files found, exiting with code 1", "broken"),
        ("vitest", 0, " Test Files  1 skipped (1)\n      Tests  4 skipped (4)", "broken"),
    ],
)
def test_a_run_in_which_no_test_failed_catches_nothing(tool: str, code: int, output: str, expected: str) -> None:
    assert verdict(tool, code, output) == expected
