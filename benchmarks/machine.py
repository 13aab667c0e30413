"""Facts about the machine that a figure is worth nothing without."""

from __future__ import annotations

import os
import platform
import subprocess
import sys
from collections.abc import Iterator
from contextlib import contextmanager
from importlib.metadata import version
from pathlib import Path
from typing import Any

__all__ = ["client_apart", "facts", "pin", "server_core"]

_PACKAGES = ("uvicorn", "uvloop", "httptools", "websockets", "msgspec", "watchfiles")


def facts() -> dict[str, Any]:
    """Processor, memory, kernel and versions."""
    return {
        "cpu": _cpu(),
        "cores": len(os.sched_getaffinity(0)),
        "memory_gib": round(os.sysconf("SC_PAGE_SIZE") * os.sysconf("SC_PHYS_PAGES") / 2**30, 1),
        "kernel": platform.release(),
        "system": platform.system(),
        "python": sys.version.split()[0],
        "git": _first_line(["git", "--version"]),
        "ssh": _first_line(["ssh", "-V"]),
        "load": round(os.getloadavg()[0], 2),
        "packages": {name: version(name) for name in _PACKAGES},
    }


def server_core() -> set[int]:
    """The core that a server gets where it has one core."""
    return {max(os.sched_getaffinity(0))}


def pin(pid: int, cores: set[int]) -> None:
    """Let all threads of a process run on these cores only."""
    for thread in Path(f"/proc/{pid}/task").iterdir():
        os.sched_setaffinity(int(thread.name), cores)


@contextmanager
def client_apart() -> Iterator[None]:
    """Keep this process off the server's core, where there is another one."""
    everything = os.sched_getaffinity(0)
    rest = everything - server_core()
    if rest:
        os.sched_setaffinity(0, rest)
    try:
        yield
    finally:
        os.sched_setaffinity(0, everything)


def _cpu() -> str:
    for line in Path("/proc/cpuinfo").read_text().splitlines():
        if line.startswith("model name"):
            return line.partition(":")[2].strip()
    return platform.processor() or platform.machine()


def _first_line(argv: list[str]) -> str:
    try:
        done = subprocess.run(argv, capture_output=True, text=True, timeout=10, check=False)
    except OSError:
        return ""
    return (done.stdout or done.stderr).partition("\n")[0].strip()
