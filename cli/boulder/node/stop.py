"""Stopping the daemon of this home, and finding its process."""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable
from pathlib import Path
from typing import Final

from boulder.errors import CliError
from boulder.exits import TIMEOUT
from boulder.node import probe

__all__ = ["STOP_SECONDS", "find_pid", "stop"]

STOP_SECONDS: Final = 60.0
"""How long a stop may take: calls in flight are given the configured 30 seconds."""


def find_pid(home: Path) -> int | None:
    """Return the process id of the daemon of this home; None when none runs.

    The daemon says it; one that does not answer has left it in the file that it keeps locked while it lives.
    """
    socket = home / "run" / "nexusd.sock"
    try:
        if probe.listens(socket):
            return int(probe.call(socket, "system.info")["pid"])
    except (OSError, KeyError, TypeError, ValueError):
        pass
    return _holder(Path(f"{socket}.lock"))


def _holder(lock: Path) -> int | None:
    import fcntl

    try:
        with lock.open("rb") as file:
            try:
                fcntl.flock(file, fcntl.LOCK_SH | fcntl.LOCK_NB)
            except BlockingIOError:
                text = file.read(32).strip()
                return int(text) if text.isdigit() else None
    except OSError:
        pass
    return None


def stop(pid: int, *, timeout: float = STOP_SECONDS, force: bool = False) -> float:
    """Ask a daemon to end and wait until it has; return the seconds that took.

    Args:
        pid: its process.
        timeout: seconds to wait.
        force: kill it when they have passed.

    Raises:
        CliError: it still runs, or may not be signalled.
    """
    began = time.monotonic()
    try:
        with _handle(pid) as (send, gone):
            send(signal.SIGTERM)
            if gone(timeout):
                return time.monotonic() - began
            if not force:
                raise CliError(
                    f"the daemon (pid {pid}) has not ended in {timeout:g} s: calls are still in flight",
                    hint="wait and look again with `boulder daemon status`, or `boulder daemon stop --force`",
                    name="stop_timeout",
                    exit=TIMEOUT,
                )
            send(signal.SIGKILL)
            gone(timeout)
    except ProcessLookupError:
        pass
    except PermissionError:
        raise CliError(
            f"the daemon (pid {pid}) belongs to another user", hint="stop it as that user", name="forbidden", exit=4
        ) from None
    return time.monotonic() - began


class _handle:
    """A process that is signalled and waited for by a handle, so that its number may be reused in the meantime."""

    def __init__(self, pid: int) -> None:
        self._pid = pid
        self._fd: int | None = None

    def __enter__(self) -> tuple[Callable[[int], None], Callable[[float], bool]]:
        if hasattr(os, "pidfd_open"):
            self._fd = os.pidfd_open(self._pid)
            return self._send, self._gone
        return (lambda number: os.kill(self._pid, number)), self._gone_by_number

    def __exit__(self, *_: object) -> None:
        if self._fd is not None:
            os.close(self._fd)

    def _send(self, number: int) -> None:
        assert self._fd is not None
        signal.pidfd_send_signal(self._fd, number)

    def _gone(self, timeout: float) -> bool:
        assert self._fd is not None
        poll = select.poll()
        poll.register(self._fd, select.POLLIN)
        return bool(poll.poll(timeout * 1000))

    def _gone_by_number(self, timeout: float) -> bool:
        deadline = time.monotonic() + timeout
        while time.monotonic() < deadline:
            try:
                os.kill(self._pid, 0)
            except ProcessLookupError:
                return True
            time.sleep(0.05)
        return False
