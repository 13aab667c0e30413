"""Starting the daemon of this home: once, however many ask at the same time."""

from __future__ import annotations

import fcntl
import importlib.util
import os
import shutil
import sys
import time
from collections.abc import Iterator, Sequence
from contextlib import contextmanager
from pathlib import Path
from typing import Final, NamedTuple

from boulder.errors import CliError
from boulder.exits import TIMEOUT, UNREACHABLE
from boulder.node import probe

__all__ = ["Started", "daemon_argv", "environment", "log_path", "start", "tail"]

READY_SECONDS: Final = 30.0
"""How long a start may take: the store may have to be upgraded, interrupted operations finished."""

_MARKERS: Final = frozenset(
    {
        "NEXUS_WORKSPACE",
        "NEXUS_WORKSPACE_NAME",
        "NEXUS_PROCESS",
        "NEXUS_GENERATION",
        "NEXUS_INSTANCE",
        "NEXUS_TOKEN",
        "NEXUS_URL",
    }
)
_LOG_LIMIT: Final = 10 * 1024 * 1024
_LAST_LINES: Final = 20


class Started(NamedTuple):
    """What a start did.

    Attributes:
        fresh: whether this call started it; False if it ran already.
        pid: its process id; None if it ran already.
        seconds: how long it took until it was ready.
    """

    fresh: bool
    pid: int | None
    seconds: float


def log_path(home: Path) -> Path:
    """Where a daemon that we started writes its log."""
    return home / "logs" / "daemon.log"


def daemon_argv() -> list[str]:
    """Return the command that runs the daemon.

    Raises:
        CliError: it is not installed here.
    """
    if importlib.util.find_spec("nexusd") is not None:
        return [sys.executable, "-m", "nexusd"]
    program = shutil.which("nexusd")
    if program is None:
        raise CliError(
            "the daemon is not installed on this machine",
            hint="pip install nexusd, or name a daemon elsewhere with NEXUS_URL and NEXUS_TOKEN",
            name="daemon_missing",
            exit=UNREACHABLE,
        )
    return [program]


def environment(home: Path) -> dict[str, str]:
    """The environment of a daemon: ours, without what ties a process to a workspace or to another daemon."""
    environ = {name: value for name, value in os.environ.items() if name not in _MARKERS}
    environ["NEXUS_HOME"] = str(home)
    return environ


def start(home: Path, arguments: Sequence[str] = (), *, timeout: float = READY_SECONDS) -> Started:
    """Start the daemon and wait until it takes work. One that runs is success.

    Args:
        home: NEXUS_HOME.
        arguments: for the daemon, such as ``--set daemon.port=0``.
        timeout: seconds to wait.

    Raises:
        CliError: it did not start; the message has the last lines of its log. Or it takes too long.
    """
    socket = home / "run" / "nexusd.sock"
    began = time.monotonic()
    if probe.state(socket) == "ready":
        return Started(False, None, 0.0)
    _make(home)
    with _locked(home / "run" / "start.lock", began + timeout):
        # whoever had the lock before may have started it
        if probe.state(socket) == "ready":
            return Started(False, None, time.monotonic() - began)
        log = log_path(home)
        offset = _rotate(log)
        pid = _spawn([*daemon_argv(), *arguments], environment(home), log)
        _await(socket, pid, log, offset, began + timeout)
        return Started(True, pid, time.monotonic() - began)


def tail(path: Path, lines: int, offset: int = 0) -> list[str]:
    """Return the last lines of a file, from an offset on; none if it cannot be read."""
    try:
        with path.open("rb") as file:
            size = file.seek(0, os.SEEK_END)
            file.seek(max(offset, size - lines * 1024))
            return file.read().decode(errors="replace").splitlines()[-lines:]
    except OSError:
        return []


def _make(home: Path) -> None:
    try:
        for directory in (home, home / "run", home / "logs"):
            directory.mkdir(mode=0o700, parents=True, exist_ok=True)
    except OSError as error:
        raise CliError(
            f"cannot make {error.filename}: {error.strerror}",
            hint="set NEXUS_HOME to a directory of your own",
            name="home_unusable",
        ) from None


@contextmanager
def _locked(path: Path, deadline: float) -> Iterator[None]:
    descriptor = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        while True:
            try:
                fcntl.flock(descriptor, fcntl.LOCK_EX | fcntl.LOCK_NB)
                break
            except BlockingIOError:
                if time.monotonic() > deadline:
                    raise CliError(
                        f"another boulder has been starting the daemon for long: {path} is locked",
                        hint="look at `boulder daemon logs`",
                        name="start_timeout",
                        exit=TIMEOUT,
                    ) from None
                time.sleep(0.02)
        yield
    finally:
        os.close(descriptor)


def _rotate(log: Path) -> int:
    """Put a log that has grown large aside; return where the next one begins."""
    try:
        size = log.stat().st_size
    except FileNotFoundError:
        return 0
    if size < _LOG_LIMIT:
        return size
    os.replace(log, log.with_suffix(".log.1"))
    return 0


def _spawn(argv: Sequence[str], environ: dict[str, str], log: Path) -> int:
    """Start a program in a session of its own, away from our directory and our terminal; return its process id."""
    output = os.open(log, os.O_WRONLY | os.O_CREAT | os.O_APPEND | os.O_CLOEXEC, 0o600)
    nothing = os.open(os.devnull, os.O_RDONLY | os.O_CLOEXEC)
    try:
        return os.posix_spawn(
            "/bin/sh",
            # a directory that may be unmounted must not be held by a daemon
            ["/bin/sh", "-c", 'cd / && exec "$@"', "sh", *argv],
            environ,
            file_actions=[
                (os.POSIX_SPAWN_DUP2, nothing, 0),
                (os.POSIX_SPAWN_DUP2, output, 1),
                (os.POSIX_SPAWN_DUP2, output, 2),
            ],
            setsid=True,
        )
    finally:
        os.close(output)
        os.close(nothing)


def _await(socket: Path, pid: int, log: Path, offset: int, deadline: float) -> None:
    pause = 0.01
    while True:
        ended, status = os.waitpid(pid, os.WNOHANG)
        if ended:
            code = os.waitstatus_to_exitcode(status)
            how = f"exit code {code}" if code >= 0 else f"signal {-code}"
            raise CliError(
                f"the daemon did not start ({how})" + _said(log, offset),
                hint=f"its log is {log}; `boulder doctor` looks for what is missing",
                name="daemon_failed",
                exit=UNREACHABLE,
            )
        if probe.state(socket, timeout=max(0.1, min(1.0, deadline - time.monotonic()))) == "ready":
            return
        if time.monotonic() > deadline:
            raise CliError(
                f"the daemon (pid {pid}) is not ready yet, and was left alone" + _said(log, offset),
                hint=f"`boulder daemon status` shows how it is; its log is {log}",
                name="start_timeout",
                exit=TIMEOUT,
            )
        time.sleep(pause)
        pause = min(pause * 1.5, 0.1)


def _said(log: Path, offset: int) -> str:
    lines = tail(log, _LAST_LINES, offset)
    return "; it said:\n  " + "\n  ".join(lines) if lines else "; it said nothing"
