"""Fixtures for end-to-end tests: one daemon per module."""

from __future__ import annotations

from collections.abc import Iterator

import pytest
from world import World


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    """A running daemon and a repository, shared by the tests of a module; it must stop cleanly in the end."""
    made = World(tmp_path_factory.mktemp("e2e"))
    made.daemon.start()
    yield made
    assert made.daemon.stop() == 0, made.daemon.log[-4000:]
