from __future__ import annotations

import asyncio
import os
import socket
from collections.abc import Iterator
from pathlib import Path

import pytest
from nexusd.server.notify import Notifier


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
    sock.bind(str(tmp_path / "notify"))
    sock.settimeout(5)
    yield sock
    sock.close()


def heard(manager: socket.socket) -> list[str]:
    return manager.recv(4096).decode().split("\n")


def test_each_state_is_one_datagram(manager: socket.socket) -> None:
    notifier = Notifier({"NOTIFY_SOCKET": manager.getsockname()})
    notifier.ready("serving\nhere")
    assert heard(manager) == ["READY=1", "STATUS=serving here"]
    notifier.reloading()
    state, moment = heard(manager)
    assert state == "RELOADING=1"
    assert moment.removeprefix("MONOTONIC_USEC=").isdecimal()
    notifier.status("busy")
    assert heard(manager) == ["STATUS=busy"]
    notifier.stopping()
    assert heard(manager) == ["STOPPING=1"]


def test_an_abstract_address() -> None:
    name = f"nexus-test-{os.getpid()}"
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as manager:
        manager.bind("\0" + name)
        manager.settimeout(5)
        Notifier({"NOTIFY_SOCKET": "@" + name}).ready()
        assert heard(manager) == ["READY=1"]


def test_nobody_listens(tmp_path: Path, caplog: pytest.LogCaptureFixture) -> None:
    Notifier({}).ready()
    assert caplog.text == ""
    Notifier({"NOTIFY_SOCKET": str(tmp_path / "none")}).ready()
    assert "could not be told" in caplog.text


async def test_the_watchdog_hears_of_us(manager: socket.socket) -> None:
    environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "30000", "WATCHDOG_PID": str(os.getpid())}
    notifier = Notifier(environ)
    assert notifier.watchdog_s == pytest.approx(0.03)
    loop = asyncio.get_running_loop()
    notifier.start_watchdog()
    for _ in range(3):
        assert await loop.run_in_executor(None, heard, manager) == ["WATCHDOG=1"]
    notifier.stop_watchdog()


@pytest.mark.parametrize("pid", ["1", ""])
def test_a_watchdog_of_somebody_else(manager: socket.socket, pid: str) -> None:
    environ = {"NOTIFY_SOCKET": manager.getsockname(), "WATCHDOG_USEC": "30000", "WATCHDOG_PID": pid}
    assert Notifier(environ).watchdog_s is None
