"""Fixtures for every test: a repository, and a real daemon."""

from __future__ import annotations

from pathlib import Path

import pytest
from daemon_process import DaemonProcess, make_repository


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


ONE_AT_A_TIME = ("contract", "daemon/backends/host", "daemon/processes")
"""Folders whose tests name their workspaces alike. Processes are found by that name on the whole machine, so the tests
of one folder must not run beside each other."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    """Keep the tests of such a folder in one worker."""
    tests = Path(__file__).parent
    for item in items:
        folder = item.path.parent.relative_to(tests).as_posix()
        if folder in ONE_AT_A_TIME:
            item.add_marker(pytest.mark.xdist_group(folder))
