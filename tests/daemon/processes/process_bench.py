"""What the tests of processes work with: a table over a real store and real processes of the host backend."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from pathlib import Path
from typing import Any

from kept_machine import KeptMachine
from nexus_sdk.protocol.types import ExecAttachParams, ExecExit, ExecRunParams, ExecRunResult, ExecStartParams, Process
from nexusd.backends.base import Machine, MachineSpec
from nexusd.backends.host.backend import HostBackend
from nexusd.processes.attachment import Attachment
from nexusd.processes.table import ProcessTable
from nexusd.store.database import Database
from nexusd.store.workspaces import WorkspaceRecord

DEADLINE = 30.0


@dataclass
class Bench:
    """What a test works with."""

    table: ProcessTable
    backend: HostBackend
    db: Database
    state: Path
    worktree: Path
    spec: MachineSpec
    workspace: WorkspaceRecord
    kept: KeptMachine | None = None
    """The machine, where nexus-init keeps its processes."""

    async def machine(self, workspace: str) -> Machine:
        assert workspace == self.workspace.id
        return self.kept or self.backend.machine(self.spec)

    async def run(self, *argv: str, **params: Any) -> ExecRunResult:
        return await self.table.run(self.workspace, ExecRunParams(workspace=self.workspace.id, argv=[*argv], **params))

    async def start(self, *argv: str, **params: Any) -> Process:
        params_ = ExecStartParams(workspace=self.workspace.id, argv=[*argv], **params)
        return await self.table.start(self.workspace, params_)

    async def attach(self, process: Process | str, can_write: bool = True, **params: Any) -> Attachment:
        id = process if isinstance(process, str) else process.id
        return await self.table.attach(ExecAttachParams(process=id, **params), can_write)

    async def output(self, process: Process | str) -> tuple[bytes, bytes, ExecExit]:
        """All output by channel, and the exit."""
        attachment = await self.attach(process, False)
        try:
            return await read_all(attachment)
        finally:
            attachment.close()

    def new_table(self, **options: Any) -> ProcessTable:
        return ProcessTable(self.db, self.state, self.machine, **options)


async def read_all(attachment: Attachment) -> tuple[bytes, bytes, ExecExit]:
    """Read to the end, acknowledging everything."""
    channels = {1: bytearray(), 2: bytearray()}
    while True:
        item = await asyncio.wait_for(attachment.next(), DEADLINE)
        if isinstance(item, ExecExit):
            return bytes(channels[1]), bytes(channels[2]), item
        channels[item.channel] += item.data
        attachment.ack(item.offset + len(item.data))


async def read_until(attachment: Attachment, wanted: bytes) -> bytes:
    """Read until the text has appeared."""
    seen = bytearray()
    while wanted not in seen:
        item = await asyncio.wait_for(attachment.next(), DEADLINE)
        assert not isinstance(item, ExecExit), f"ended without {wanted!r}: {bytes(seen)!r}"
        seen += item.data
        attachment.ack(item.offset + len(item.data))
    return bytes(seen)


async def eventually(condition: Callable[[], bool | Awaitable[bool]], deadline: float = DEADLINE) -> None:
    """Wait until something is true."""
    async with asyncio.timeout(deadline):
        while True:
            result = condition()
            if result if isinstance(result, bool) else await result:
                return
            await asyncio.sleep(0.01)


def alive(pid: int) -> bool:
    """Whether a process runs: it exists and is not a zombie."""
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] not in "ZX"
    except FileNotFoundError:
        return False


def zombies() -> list[int]:
    """Our children that nobody reaped."""
    found = []
    for name in os.listdir("/proc"):
        if name.isdigit():
            try:
                fields = Path(f"/proc/{name}/stat").read_text().rpartition(")")[2].split()
            except (FileNotFoundError, ProcessLookupError):
                continue
            if fields[0] == "Z" and int(fields[1]) == os.getpid():
                found.append(int(name))
    return found
