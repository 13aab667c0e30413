"""The inside of a workspace on this host: its processes, its worktree, its ports."""

from __future__ import annotations

import asyncio
import os
import time
from concurrent.futures import Executor
from typing import TYPE_CHECKING

from nexus_sdk.protocol.errors import PortForbidden

from nexusd.backends.base import ListeningSocket, MachineSpec, ProcessHandle, RootHandle, SpawnSpec
from nexusd.backends.host import environment, net
from nexusd.backends.host.handle import HostHandle, discard
from nexusd.backends.host.keepers import Keepers
from nexusd.backends.host.lookout import Lookout
from nexusd.backends.host.pace import Pace
from nexusd.backends.host.reaper import Reaper
from nexusd.backends.host.spawn import Started, directory, start

if TYPE_CHECKING:
    from nexusd.backends.host.roots import Roots


class Shared:
    """What all machines of one backend use together.

    Attributes:
        instance: id of the daemon's state, in every process's environment.
        environ: from `environment.base`.
        spawning: threads that start programs.
        lookout: finds processes.
        keepers: who starts processes and keeps them; None where this daemon does it itself.
    """

    def __init__(
        self,
        instance: str,
        reaper: Reaper,
        roots: Roots,
        spawning: Executor,
        lookout: Lookout,
        keepers: Keepers | None,
    ) -> None:
        self.instance = instance
        self.environ = environment.base()
        self.reaper = reaper
        self.roots = roots
        self.spawning = spawning
        self.lookout = lookout
        self.keepers = keepers
        self.pace = Pace(time.monotonic())
        self.ownerships: dict[str, net.Ownership] = {}


class HostMachine:
    """Fulfils `Machine`."""

    def __init__(self, spec: MachineSpec, shared: Shared) -> None:
        self.spec = spec
        self._shared = shared

    async def spawn(self, spec: SpawnSpec) -> ProcessHandle:
        """Start a process. A cancelled call leaves none behind."""
        shared = self._shared
        environ = environment.build(shared.environ, self.spec, spec, shared.instance)
        if shared.keepers is not None:
            return await self._spawn_kept(shared.keepers, spec, environ)
        loop = asyncio.get_running_loop()
        key = self.spec.worktree, spec.cwd, spec.argv[0], environ.get("PATH")
        if shared.pace.allows(key, loop.time()):
            started, took = self._start(spec, environ)
            shared.pace.spend(took)
        else:
            starting = loop.run_in_executor(shared.spawning, self._start, spec, environ)
            try:
                started, took = await asyncio.shield(starting)
            except asyncio.CancelledError:
                starting.add_done_callback(lambda done: self._drop(spec.process, done))
                raise
        shared.pace.learn(key, took, loop.time())
        return HostHandle(spec.process, started, shared.reaper, shared.lookout)

    def root(self) -> RootHandle:
        """The worktree."""
        return self._shared.roots.open(self.spec)

    async def dial(self, port: int) -> net.TcpStream:
        """Connect to a port that is allocated to the workspace, or that one of its processes listens on.

        Other ports of the host are other people's: they are forbidden, whether something listens there or not.
        """
        if port not in self.spec.ports.values():
            ownership = self._shared.ownerships.setdefault(self.spec.workspace, net.Ownership(self.spec.workspace))
            if not await self._shared.lookout.call(ownership.owns, port):
                raise PortForbidden(f"port {port} does not belong to workspace {self.spec.name}", port=port)
        return await net.connect(port)

    async def listening(self) -> list[ListeningSocket]:
        """The TCP ports that processes of this workspace listen on."""
        return await self._shared.lookout.call(net.listening, self.spec.workspace)

    async def adopt(self) -> list[ProcessHandle]:
        """What an earlier daemon started here and is still known."""
        keeper = self._shared.keepers.live(self.spec.workspace) if self._shared.keepers is not None else None
        return [] if keeper is None else [*keeper.kept()]

    async def _spawn_kept(self, keepers: Keepers, spec: SpawnSpec, environ: dict[str, str]) -> ProcessHandle:
        keeper = await keepers.of(self.spec.workspace)
        return await keeper.spawn(spec, environ, self._cwd(spec.cwd))

    def _cwd(self, path: str) -> str:
        """Where a process starts, absolute. By its name, which a process of the workspace may give to another directory
        meanwhile: it could go there, too."""
        root = self._shared.roots.beneath(self.spec)
        if path == ".":
            return self.spec.worktree  # leads to the root: that was just looked at
        fd = directory(root, path)
        try:
            return os.readlink(f"/proc/self/fd/{fd}")
        finally:
            os.close(fd)

    def _start(self, spec: SpawnSpec, environ: dict[str, str]) -> tuple[Started, float]:
        began = time.monotonic()
        started = start(self._shared.roots.beneath(self.spec), spec, environ)
        self._shared.reaper.own(started.pid)
        return started, time.monotonic() - began

    def _drop(self, process: str, done: asyncio.Future[tuple[Started, float]]) -> None:
        if not done.cancelled() and done.exception() is None:
            self._shared.lookout.submit(discard, process, done.result()[0], self._shared.reaper)
