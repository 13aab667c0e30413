"""What `boulder doctor` looks at. A check never raises, and never takes long."""

from __future__ import annotations

import ctypes
import os
import platform
import re
import shutil
import socket
import stat
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any, Final, Literal, NamedTuple
from weakref import WeakKeyDictionary

from boulder.context import App

__all__ = ["CHECKS", "Finding", "run_all"]

Status = Literal["ok", "warn", "fail", "skip"]

_PYTHON: Final = (3, 11)
_GIT: Final = (2, 20)
_WATCHES: Final = 65_536
_INSTANCES: Final = 128
_DISK_FAIL: Final = 256 * 1024 * 1024
_DISK_WARN: Final = 2 * 1024 * 1024 * 1024
_COMMAND_SECONDS: Final = 10
_CLOCK_SECONDS: Final = 30
_OPENAT2: Final = 437


class Finding(NamedTuple):
    """What one check found.

    Attributes:
        name: the check's.
        status: `fail` must be mended, `warn` limits something, `skip` does not apply here.
        message: what was found.
        hint: what to do about it.
    """

    name: str
    status: Status
    message: str
    hint: str = ""


def run_all(app: App) -> list[Finding]:
    """Run every check."""
    found = []
    for check in CHECKS:
        try:
            found.append(check(app))
        except Exception as error:
            # a doctor that dies of one patient helps nobody
            name = check.__name__.strip("_")
            found.append(Finding(name, "fail", f"could not be looked at: {type(error).__name__}: {error}"))
    return found


def python(app: App) -> Finding:
    """The interpreter."""
    version = platform.python_version()
    if sys.version_info < _PYTHON:
        return Finding("python", "fail", f"{version}; 3.11 or later is needed", "apt install python3.11")
    return Finding("python", "ok", f"{version} at {sys.executable}")


def git(app: App) -> Finding:
    """The git command."""
    path = shutil.which("git")
    if path is None:
        return Finding("git", "fail", "not installed", "apt install git")
    said = _run("git", "--version").stdout
    match = re.search(r"(\d+)\.(\d+)", said)
    if match is None:
        return Finding("git", "warn", f"{path} does not tell its version: {said.strip()!r}")
    if (int(match[1]), int(match[2])) < _GIT:
        return Finding("git", "fail", f"{said.strip()}; 2.20 or later is needed", "apt install git")
    return Finding("git", "ok", said.strip())


def kernel(app: App) -> Finding:
    """What files and processes are kept safe with."""
    if sys.platform != "linux":
        return Finding(
            "kernel", "warn", f"{platform.system()}: paths are resolved step by step, and processes are known by number"
        )
    missing = [name for name, there in (("openat2", _has_openat2()), ("pidfd", _has_pidfd())) if not there]
    release = platform.release()
    if missing:
        return Finding(
            "kernel",
            "fail",
            f"{release} has no {' and no '.join(missing)}",
            "use Linux 5.6 or later; in a container, allow these system calls in its seccomp profile",
        )
    return Finding("kernel", "ok", f"Linux {release} with openat2 and pidfd")


def _has_openat2() -> bool:
    libc = ctypes.CDLL(None, use_errno=True)
    how = (ctypes.c_uint64 * 3)(os.O_PATH | os.O_CLOEXEC, 0, 0)
    # AT_FDCWD and "/": allowed for everybody wherever the call exists
    descriptor = libc.syscall(_OPENAT2, -100, b"/", ctypes.byref(how), ctypes.c_size_t(ctypes.sizeof(how)))
    if descriptor < 0:
        return False
    os.close(descriptor)
    return True


def _has_pidfd() -> bool:
    try:
        os.close(os.pidfd_open(os.getpid()))
    except (OSError, AttributeError):
        return False
    return True


def inotify(app: App) -> Finding:
    """How many directories can be watched."""
    values = {}
    for name, least in (("max_user_watches", _WATCHES), ("max_user_instances", _INSTANCES)):
        try:
            value = int(Path("/proc/sys/fs/inotify", name).read_text())
        except (OSError, ValueError):
            return Finding("inotify", "skip", "not a thing of this system")
        values[name] = (value, least)
    low = {name: least for name, (value, least) in values.items() if value < least}
    shown = ", ".join(f"{name} {value}" for name, (value, _) in values.items())
    if low:
        settings = " ".join(f"fs.inotify.{name}={max(least * 8, 1024)}" for name, least in low.items())
        return Finding("inotify", "warn", f"{shown}: watching large trees will fail", f"as root: sysctl -w {settings}")
    return Finding("inotify", "ok", shown)


def home(app: App) -> Finding:
    """NEXUS_HOME: keys and sockets lie there."""
    path = app.home
    try:
        status = path.stat()
    except FileNotFoundError:
        return Finding("home", "ok", f"{path} will be made")
    if not stat.S_ISDIR(status.st_mode):
        return Finding("home", "fail", f"{path} is no directory", "set NEXUS_HOME to a directory of your own")
    if status.st_uid != os.geteuid():
        return Finding("home", "fail", f"{path} belongs to user {status.st_uid}", f"chown -R {os.geteuid()} {path}")
    if status.st_mode & 0o022:
        return Finding("home", "fail", f"others can write to {path}", f"chmod 700 {path}")
    longest = len(os.fsencode(app.socket))
    if longest > 107:
        return Finding(
            "home",
            "fail",
            f"the socket's path has {longest} bytes, and 107 is the most",
            "set NEXUS_HOME to a shorter one",
        )
    return Finding("home", "ok", str(path))


def disk(app: App) -> Finding:
    """Room for worktrees and output."""
    from boulder.units import format_size

    place = app.home
    while not place.exists() and place != place.parent:
        place = place.parent
    free = shutil.disk_usage(place).free
    status: Status = "fail" if free < _DISK_FAIL else "warn" if free < _DISK_WARN else "ok"
    hint = "" if status == "ok" else "take down workspaces you no longer need: boulder ls, boulder down"
    return Finding("disk", status, f"{format_size(free)} free at {place}", hint)


def daemon(app: App) -> Finding:
    """Whether a daemon answers, and speaks as we do."""
    from nexus_sdk.protocol.methods import LEVEL

    from boulder import __version__

    ready = _connect(app)
    if isinstance(ready, Finding):
        return ready
    where, server = ready["where"], ready["server"]
    if ready["level"] < LEVEL:
        return Finding(
            "daemon",
            "warn",
            f"{where} speaks level {ready['level']}, this program {LEVEL}: newer commands will be refused",
            "update and restart the daemon: boulder daemon restart",
        )
    if server != __version__:
        return Finding(
            "daemon", "warn", f"{where} is version {server}, this program is {__version__}", "update the older one"
        )
    return Finding("daemon", "ok", f"{where}, version {server}, level {ready['level']}")


def processes(app: App) -> Finding:
    """Whether processes go on while the daemon is away."""
    ready = _connect(app)
    if isinstance(ready, Finding) or ready["outlive"] is None:
        return Finding("processes", "skip", "no daemon that tells")
    if ready["outlive"]:
        return Finding("processes", "ok", "those on the host go on while the daemon restarts")
    return Finding(
        "processes",
        "warn",
        "those on the host end with the daemon: it has no nexus-init, or processes.outlive_daemon is off",
        "in a checkout: make init, then boulder daemon restart",
    )


def token(app: App) -> Finding:
    """Whether we are let in, and for how long."""
    from boulder.units import until

    ready = _connect(app)
    if isinstance(ready, Finding):
        if "unauthenticated" in ready.message:
            return Finding("token", "fail", ready.message, ready.hint)
        return Finding("token", "skip", "no daemon to show it to")
    who = ready["identity"]
    expires = ready["expires_at"]
    if expires is None:
        return Finding("token", "ok", f"let in as {who.subject} by {who.via}")
    left = until(expires)
    soon = expires.timestamp() - time.time() < 86_400
    hint = "make another one: boulder token create" if soon else ""
    return Finding("token", "warn" if soon else "ok", f"let in as {who.subject}; it expires {left}", hint)


def clock(app: App) -> Finding:
    """Whether the clocks of both ends agree: tokens have times."""
    ready = _connect(app)
    if isinstance(ready, Finding):
        return Finding("clock", "skip", "no daemon to compare it with")
    apart = abs(ready["apart"])
    if apart > _CLOCK_SECONDS:
        return Finding(
            "clock",
            "fail",
            f"the daemon's clock and ours are {apart:.0f} s apart",
            "set the clock: timedatectl set-ntp true",
        )
    return Finding("clock", "ok", f"{apart:.1f} s from the daemon's")


_CONNECTED: WeakKeyDictionary[App, dict[str, Any] | Finding] = WeakKeyDictionary()


def _connect(app: App) -> dict[str, Any] | Finding:
    """Ask the daemon once for all checks that need it."""
    if app not in _CONNECTED:
        import asyncio

        _CONNECTED[app] = asyncio.run(_ask(app))
    return _CONNECTED[app]


async def _ask(app: App) -> dict[str, Any] | Finding:
    from nexus_sdk.exceptions import NexusError

    from boulder.client import connect

    try:
        async with connect(app, reconnect_timeout=0, open_timeout=5) as connection:
            pong = await connection.call("session.ping", timeout=5)
            ready = connection.ready
            try:
                backends = (await connection.call("backend.list", timeout=5)).backends
            except NexusError:
                backends = []  # this token may not ask
            host = [backend.capabilities.survives_daemon for backend in backends if backend.name == "host"]
            return {
                "outlive": host[0] if host else None,
                "where": str(connection.address),
                "server": ready.server.version,
                "level": ready.level,
                "identity": ready.identity,
                "expires_at": ready.expires_at,
                "apart": pong.time.timestamp() - time.time(),
            }
    except NexusError as error:
        absent: Status = (
            "warn" if app.own_daemon and error.name in ("daemon_not_found", "connection_failed") else "fail"
        )
        return Finding("daemon", absent, f"{error.name}: {error.message}", error.hint)


def port(app: App) -> Finding:
    """Whether the TCP port is free, or ours."""
    if not app.own_daemon:
        return Finding("port", "skip", "the daemon is elsewhere")
    from boulder.node import probe

    if app.socket.exists() and probe.state(app.socket) == "ready":
        listens = [address for address in probe.call(app.socket, "system.info")["listen"] if "://" in address]
        return Finding("port", "ok", f"the daemon listens on {', '.join(listens) or 'its socket only'}")
    with socket.socket() as trial:
        trial.settimeout(1)
        if trial.connect_ex(("127.0.0.1", 8080)) == 0:
            return Finding(
                "port",
                "warn",
                "something else listens on 127.0.0.1:8080, the daemon's default port",
                "nothing, since the daemon then takes another one; to choose it, put into "
                f"{app.home / 'config.yaml'}: daemon: {{port: NUMBER}}",
            )
    return Finding("port", "ok", "127.0.0.1:8080 is free")


def systemd(app: App) -> Finding:
    """Whether the daemon can be a service."""
    from boulder.node.systemd import Manager

    manager = Manager()
    reason = manager.missing()
    if reason is not None:
        return Finding("systemd", "warn", f"{reason}; boulder starts the daemon itself", "")
    if not manager.installed():
        return Finding("systemd", "ok", "there; the daemon is not installed as a service (boulder daemon install)")
    if manager.lingering() is False:
        return Finding("systemd", "warn", "the service ends with your last session", "loginctl enable-linger")
    return Finding("systemd", "ok", "the daemon is installed as a service")


def docker(app: App) -> Finding:
    """A container engine: optional."""
    if shutil.which("docker") is None:
        return Finding("docker", "skip", "not installed: no docker backend (to have it: apt install docker.io)")
    done = _run("docker", "version", "--format", "{{.Server.Version}}")
    if done.returncode:
        reason = (done.stderr.strip().splitlines() or ["no answer"])[-1]
        return Finding(
            "docker",
            "warn",
            f"installed, but its engine does not answer: {reason}",
            "start it (systemctl start docker), and let this user use it: usermod -aG docker $USER",
        )
    return Finding("docker", "ok", f"engine {done.stdout.strip()}")


def _run(*argv: str) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        errors="replace",
        timeout=_COMMAND_SECONDS,
        check=False,
    )


CHECKS: Final[tuple[Callable[[App], Finding], ...]] = (
    python,
    git,
    kernel,
    inotify,
    home,
    disk,
    port,
    daemon,
    processes,
    token,
    clock,
    systemd,
    docker,
)
"""Every check, in the order of the report."""
