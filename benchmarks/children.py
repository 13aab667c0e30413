"""Processes that are measured: started here, ended here."""

from __future__ import annotations

import contextlib
import os
import resource
import socket
import subprocess
import sys
import time
from collections.abc import Sequence
from pathlib import Path

__all__ = ["ROOT", "Child", "environment", "file_limit", "python", "resident", "wait_until_ready"]

ROOT = Path(__file__).resolve().parent.parent
"""The repository."""

READY_S = 30.0
STOP_S = 15.0
_POLL_S = 0.001


class Child:
    """One process.

    Args:
        argv: the command.
        log: file for what it prints.
        env: added to the environment.
    """

    def __init__(self, argv: Sequence[str], log: Path, env: dict[str, str] | None = None) -> None:
        self.log = log
        self.started = time.perf_counter()
        with log.open("ab") as output:
            self._process = subprocess.Popen(
                argv,
                stdin=subprocess.DEVNULL,
                stdout=output,
                stderr=output,
                cwd=ROOT,
                env={**environment(), **(env or {})},
            )

    @property
    def pid(self) -> int:
        """Its process id."""
        return self._process.pid

    def check(self) -> None:
        """Raise RuntimeError if it has ended."""
        code = self._process.poll()
        if code is not None:
            raise RuntimeError(f"{self._process.args!r} ended with {code}: {self.tail()}")

    def tail(self) -> str:
        """The end of what it printed."""
        return self.log.read_text(errors="replace")[-2000:].strip()

    def resident(self) -> int:
        """Its resident memory, in bytes."""
        return resident(self.pid)

    def stop(self) -> None:
        """Ask it to end, wait, and kill it if it does not."""
        if self._process.poll() is None:
            self._process.terminate()
            try:
                self._process.wait(STOP_S)
            except subprocess.TimeoutExpired:
                self._process.kill()
                self._process.wait(STOP_S)


def resident(pid: int) -> int:
    """Resident memory of a process, in bytes. Raises RuntimeError where it has ended."""
    for line in Path(f"/proc/{pid}/status").read_text().splitlines():
        if line.startswith("VmRSS:"):
            return int(line.split()[1]) * 1024
    raise RuntimeError(f"process {pid} has no memory: it has ended")


def wait_until_ready(child: Child, path: Path, target: str) -> float:
    """Ask an HTTP server on a Unix socket for `target` until it answers 200; seconds since the start of the process."""
    request = f"GET {target} HTTP/1.1\r\nHost: localhost\r\nConnection: close\r\n\r\n".encode()
    deadline = time.monotonic() + READY_S
    while True:
        with contextlib.suppress(OSError), socket.socket(socket.AF_UNIX) as probe:
            probe.settimeout(5)
            probe.connect(str(path))
            probe.sendall(request)
            if probe.recv(64).startswith(b"HTTP/1.1 200"):
                return time.perf_counter() - child.started
        child.check()
        if time.monotonic() > deadline:
            raise RuntimeError(f"not ready after {READY_S:g} s: {child.tail()}")
        time.sleep(_POLL_S)


def file_limit() -> int:
    """Allow this process, and those it starts, as many open files as the system lets it; returns how many."""
    soft, hard = resource.getrlimit(resource.RLIMIT_NOFILE)
    wanted = max(hard, 65_536) if os.geteuid() == 0 and hard != resource.RLIM_INFINITY else hard
    for limits in ((wanted, wanted), (hard, hard)):
        with contextlib.suppress(OSError, ValueError):
            resource.setrlimit(resource.RLIMIT_NOFILE, limits)
            return limits[0]
    return soft


def python(*argv: str) -> list[str]:
    """A command of this interpreter."""
    return [sys.executable, *argv]


def environment() -> dict[str, str]:
    """This process's environment without settings of Nexus, and with compiled modules kept as everywhere."""
    unwanted = ("NEXUS_", "PYTHONDONTWRITEBYTECODE")
    return {name: value for name, value in os.environ.items() if not name.startswith(unwanted)}
