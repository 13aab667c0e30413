from __future__ import annotations

from collections.abc import Callable, Iterator
from pathlib import Path

import pytest
from server_harness import Options, Served


@pytest.fixture
def serve(tmp_path: Path) -> Iterator[Callable[..., Served]]:
    """Starts servers that end with the test."""
    running: list[Served] = []

    def start(**options: object) -> Served:
        home = tmp_path / f"home{len(running)}"
        home.mkdir(mode=0o700)
        running.append(Served(home, Options(**options)).start())  # type: ignore[arg-type]
        return running[-1]

    yield start
    for served in running:
        served.stop()


@pytest.fixture
def served(serve: Callable[..., Served]) -> Served:
    return serve()
