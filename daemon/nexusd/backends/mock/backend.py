"""The `mock` backend: the host backend with another name, and faults that a test switches on from outside.

It passes the contract suite like any other. Its use is in what the others cannot be made to do on demand: fail at a
verb, be slow at it, be unhealthy, lack a capability. The faults are read from ``faults.json`` in its state directory
before each verb, so that a test can steer a daemon in another process. A node has this backend only where
``NEXUS_MOCK=1`` is in the daemon's environment::

    {"start": {"reason": "no memory", "times": 1}, "stop": {"delay_ms": 500}, "health": {"reason": "engine is away"}}
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Sequence
from pathlib import Path

import msgspec
from nexus_sdk.protocol.errors import BackendFailed
from nexus_sdk.protocol.types import MachineOptions

from nexusd.backends.base import Machine, MachineSpec, MachineStats, MachineStatus, Report, quiet, refuse_options
from nexusd.backends.host.backend import HostBackend


class Fault(msgspec.Struct, forbid_unknown_fields=True):
    """What happens to a verb: a delay, then a failure if there is a reason, so many `times`; None is always."""

    reason: str | None = None
    delay_ms: int = 0
    times: int | None = None


class MockBackend:
    """The host backend under fault injection.

    Args:
        state_dir: where it keeps its marks, and where ``faults.json`` is looked for.
    """

    name = "mock"
    on_change: Callable[[str, str], None] | None = None

    def __init__(self, state_dir: Path) -> None:
        self._inner = HostBackend(state_dir / "mock")
        self._file = state_dir / "mock" / "faults.json"
        self._seen: dict[str, int] = {}
        self.capabilities = self._inner.capabilities

    async def _inject(self, verb: str) -> None:
        fault = self._faults().get(verb)
        if fault is None:
            return
        if fault.times is not None:
            self._seen[verb] = self._seen.get(verb, 0) + 1
            if self._seen[verb] > fault.times:
                return
        await asyncio.sleep(fault.delay_ms / 1000)
        if fault.reason is not None:
            raise BackendFailed(f"{verb}: {fault.reason}", backend=self.name, step=verb, reason=fault.reason)

    def _faults(self) -> dict[str, Fault]:
        try:
            return msgspec.json.decode(self._file.read_bytes(), type=dict[str, Fault])
        except FileNotFoundError:
            self._seen.clear()
            return {}

    async def open(self) -> None:
        """See `Backend.open`."""
        await self._inner.open()

    async def close(self) -> None:
        """See `Backend.close`."""
        await self._inner.close()

    async def health(self) -> tuple[bool, str]:
        """Unhealthy while there is a fault for ``health``."""
        try:
            await self._inject("health")
        except BackendFailed as error:
            return False, error.message
        return await self._inner.health()

    def root(self, worktree: str) -> str:
        """The worktree itself."""
        return self._inner.root(worktree)

    async def check(self, options: MachineOptions, ports: Sequence[str]) -> MachineOptions:
        """There are no options."""
        await self._inject("check")
        refuse_options(self.name, options)
        return options

    def ahead(self, options: MachineOptions) -> str | None:
        """See `Backend.ahead`."""
        return self._inner.ahead(options)

    def give_back(self, workspace: str) -> None:
        """See `Backend.give_back`."""
        self._inner.give_back(workspace)

    async def begin(self, spec: MachineSpec) -> None:
        """See `Backend.begin`."""
        await self._inner.begin(spec)

    async def create(self, spec: MachineSpec, report: Report = quiet) -> None:
        """See `Backend.create`."""
        await self._inject("create")
        await self._inner.create(spec)

    async def start(self, spec: MachineSpec) -> None:
        """See `Backend.start`."""
        await self._inject("start")
        await self._inner.start(spec)

    async def stop(self, workspace: str, grace: float) -> None:
        """See `Backend.stop`."""
        await self._inject("stop")
        await self._inner.stop(workspace, grace)

    async def pause(self, workspace: str) -> None:
        """See `Backend.pause`."""
        await self._inject("pause")
        await self._inner.pause(workspace)

    async def resume(self, workspace: str) -> None:
        """See `Backend.resume`."""
        await self._inject("resume")
        await self._inner.resume(workspace)

    async def destroy(self, workspace: str) -> None:
        """See `Backend.destroy`."""
        await self._inject("destroy")
        await self._inner.destroy(workspace)

    async def checkpoint(self, spec: MachineSpec, checkpoint: str) -> int:
        """See `Backend.checkpoint`."""
        await self._inject("checkpoint")
        return await self._inner.checkpoint(spec, checkpoint)

    async def saved(self, workspace: str, checkpoint: str) -> bool:
        """Gone while there is a fault for ``saved``."""
        try:
            await self._inject("saved")
        except BackendFailed:
            return False
        return await self._inner.saved(workspace, checkpoint)

    async def restore(self, spec: MachineSpec, checkpoint: str) -> None:
        """See `Backend.restore`."""
        await self._inject("restore")
        await self._inner.restore(spec, checkpoint)

    async def fork(self, spec: MachineSpec, source: str, checkpoint: str, report: Report = quiet) -> None:
        """See `Backend.fork`."""
        await self._inject("fork")
        await self._inner.fork(spec, source, checkpoint, report)

    async def forget(self, workspace: str, checkpoint: str) -> None:
        """See `Backend.forget`."""
        await self._inject("forget")
        await self._inner.forget(workspace, checkpoint)

    async def list(self) -> list[MachineStatus]:
        """See `Backend.list`."""
        await self._inject("list")
        return await self._inner.list()

    async def stats(self, workspace: str) -> MachineStats:
        """See `Backend.stats`."""
        await self._inject("stats")
        return await self._inner.stats(workspace)

    def machine(self, spec: MachineSpec) -> Machine:
        """See `Backend.machine`."""
        return self._inner.machine(spec)
