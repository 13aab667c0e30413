"""Fixtures for every test: a repository, and a real daemon."""

from __future__ import annotations

import signal

import pytest
from daemon_process import DaemonProcess, make_repository
from toolchains import engines, go, nexus_init, node

__all__ = ["engines", "go", "nexus_init", "node"]

if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    # What a script runs in the background is told to ignore Ctrl-C and hands that on, also to what tests interrupt.
    signal.signal(signal.SIGINT, signal.default_int_handler)


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
