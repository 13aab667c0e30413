"""Fixtures for every test: a repository, and a real daemon."""

from __future__ import annotations

from pathlib import Path

import pytest
from daemon_process import DaemonProcess, make_repository
from toolchains import engines, go, nexus_init, node

ROOT = Path(__file__).parent

__all__ = ["engines", "go", "nexus_init", "node"]

LONG = ("sdk_ts", "driver", "sdk_go", "e2e/test_crash.py", "e2e/test_checkpoint_crash.py", "e2e", "packaging", "cli")
"""What takes longest, in tests of a minute or in hundreds of a second: begun first, so that no worker ends alone."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    def rank(item: pytest.Item) -> int:
        path = item.path.relative_to(ROOT).as_posix()
        return next((place for place, part in enumerate(LONG) if path.startswith(part)), len(LONG))

    items.sort(key=rank)


@pytest.fixture
def repository(tmp_path):
    """A git repository with one commit and two files."""
    return make_repository(tmp_path / "repository")


@pytest.fixture
def daemon(tmp_path):
    """A running daemon in a home of its own; stopped afterwards, and it must stop cleanly."""
    process = DaemonProcess(tmp_path / "home").start()
    yield process
    assert process.stop() == 0, process.log[-4000:]
