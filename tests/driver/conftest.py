"""The drivers of all SDKs, built."""

from __future__ import annotations

import contextlib
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from drivers import SDKS, Driver, Program
from go_toolchain import Go
from node_toolchain import PACKAGE, Node

HERE = Path(__file__).resolve().parent


@pytest.fixture(scope="session")
def programs(go: Go, node: Node, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Program]:
    """How to start the driver of each SDK."""
    built = tmp_path_factory.mktemp("driver") / "driver"
    made = go.run("build", "-o", str(built), "./cmd/driver")
    assert made.returncode == 0, made.stdout
    environ = node.environ
    return {
        "python": Program([sys.executable, str(HERE / "python_driver.py")], environ),
        "typescript": Program(["node", str(PACKAGE / "dist" / "driver.js")], environ),
        "go": Program([str(built)], environ),
    }


@pytest.fixture(scope="module")
def drivers(programs: dict[str, Program]) -> Iterator[dict[str, Driver]]:
    """One driver of each SDK, started at its first case; each must end well."""
    made = {name: Driver(name, programs[name]) for name in SDKS}
    yield made
    with contextlib.ExitStack() as stack:
        for driver in made.values():
            stack.callback(driver.stop)
