"""What the tests of the host backend work with."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from nexusd.backends.base import MachineSpec, SpawnSpec
from nexusd.backends.host.backend import HostBackend
from nexusd.backends.host.handle import HostHandle

DEADLINE = 30.0


def machine_spec(worktree: Path, workspace: str = "ws_host", ports: Mapping[str, int] | None = None) -> MachineSpec:
    """A workspace in a directory."""
    return MachineSpec(
        workspace=workspace, name="here", worktree=str(worktree), env={"MOOD": "calm"}, ports=ports or {}, generation=4
    )


@dataclass
class HostBench:
    """A backend, its one workspace, and a place for files."""

    backend: HostBackend
    spec: MachineSpec
    directory: Path
    count: int = 0

    async def spawn(self, *argv: str, **options: Any) -> HostHandle:
        self.count += 1
        return await self.backend.machine(self.spec).spawn(
            SpawnSpec(process=f"pr_{self.count:04}", argv=argv, **options)
        )

    async def output(self, *argv: str, **options: Any) -> str:
        handle = await self.spawn(*argv, **options)
        try:
            return (await read_all(handle.stdout)).decode()
        finally:
            await handle.wait()
            handle.close()


async def read_some(fd: int) -> bytes:
    """The next bytes of a non-blocking descriptor; empty at its end."""
    async with asyncio.timeout(DEADLINE):
        while True:
            try:
                return os.read(fd, 65536)
            except BlockingIOError:
                await asyncio.sleep(0.005)
            except OSError:
                return b""


async def read_all(fd: int) -> bytes:
    """All bytes up to the end."""
    found = b""
    while data := await read_some(fd):
        found += data
    return found


async def read_line(fd: int) -> str:
    """Bytes up to and with the first line's end."""
    found = b""
    while not found.endswith(b"\n"):
        data = await read_some(fd)
        assert data, f"ended after {found!r}"
        found += data
    return found.decode().strip()


async def eventually(condition: Callable[[], bool]) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(DEADLINE):
        while True:
            if condition():
                return
            await asyncio.sleep(0.01)


def state(pid: int) -> str:
    """The letter of a process's state; empty where there is none."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0]
    except (FileNotFoundError, ProcessLookupError):
        return ""


def alive(pid: int) -> bool:
    """Whether a process runs."""
    return state(pid) not in ("", "Z", "X")
