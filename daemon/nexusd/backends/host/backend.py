"""The host backend: a workspace is a worktree, and the processes that carry its marker."""

from __future__ import annotations

import asyncio
import fcntl
import os
import secrets
import signal
from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import TypeVar

from nexus_sdk.protocol.errors import BackendFailed
from nexus_sdk.protocol.types import Capabilities, MachineOptions

from nexusd.backends.base import (
    MachineSpec,
    MachineStats,
    MachineStatus,
    NoFilesOfItsOwn,
    Report,
    quiet,
    refuse_options,
)
from nexusd.backends.host import libc, tree
from nexusd.backends.host.census import INSTANCE, WORKSPACE, census
from nexusd.backends.host.entries import Entries, Entry, Wanted
from nexusd.backends.host.keepers import Keepers, Keeping
from nexusd.backends.host.lookout import Lookout
from nexusd.backends.host.machine import HostMachine, Shared
from nexusd.backends.host.reaper import Reaper
from nexusd.backends.host.roots import Roots

T = TypeVar("T")
Statuses = list[MachineStatus]

SWEEP_EVERY = 2.0
"""Seconds between looks for ended orphans; a look costs one system call where there is none."""
CLOSE_GRACE = 2.0
"""Seconds that processes which are still there when the backend closes have between TERM and KILL."""

_CLOCK_MS = 1000 / os.sysconf("SC_CLK_TCK")
_PAGE = os.sysconf("SC_PAGE_SIZE")


class HostBackend(NoFilesOfItsOwn):
    """Fulfils `Backend` with plain processes.

    With keepers, processes outlive the daemon, and the next one takes them up. Without, they end with it, for their
    pipes do. What a daemon that was killed left behind and nobody keeps is ended by `open`, found by the marker of this
    state directory, and nothing else.

    Args:
        state_dir: where the backend keeps its notes, in a directory of its own; one daemon at a time.
        keeping: what it takes to keep processes; None: they are not kept.
    """

    name = "host"
    on_change: Callable[[str, str], None] | None = None  # nobody but us touches its machines

    def __init__(self, state_dir: Path, keeping: Keeping | None = None) -> None:
        self.capabilities = Capabilities(
            pause=True,
            checkpoint=True,
            fork=True,
            survives_daemon=keeping is not None,
            isolation="none",
            own_network=False,
        )
        self._directory = state_dir / "host"
        self._entries = Entries(self._directory)
        # What lives as long as what we start: this node's run, or only ours.
        self._run = secrets.token_hex(8) if keeping is None else f"boot {_boot()}"
        self._reaper = Reaper()
        self._roots = Roots()
        self._spawning = ThreadPoolExecutor(4, "nexus-spawn")
        self._looking = ThreadPoolExecutor(4, "nexus-look")
        self._lookout = Lookout(self._looking)
        self._keeps = keeping is not None
        self._keepers = Keepers(keeping, self._directory / "keepers", self._reaper, self._lookout)
        self._shared: Shared | None = None
        self._lock: int | None = None
        self._sweeper: asyncio.Task[None] | None = None
        self._trouble = "not open yet"

    async def open(self) -> None:
        """Take the state directory, become the subreaper, take up or end what an earlier run left.

        Raises:
            BackendFailed: the directory cannot be used, or is used by another daemon.
        """
        try:
            instance = await self._look(self._prepare)
            kept = await self._keepers.open()
            await self._look(tree.kill, lambda now: tree.find_strays(now, instance, kept))
        except OSError as error:
            self._trouble = f"{self._directory}: {error.strerror or error}"
            raise BackendFailed(
                f"the host backend cannot start: {self._trouble}", backend=self.name, step="open", reason=self._trouble
            ) from None
        keepers = self._keepers if self._keeps else None
        self._shared = Shared(instance, self._reaper, self._roots, self._spawning, self._lookout, keepers)
        self._sweeper = asyncio.create_task(self._sweep(), name="host backend: orphans")
        self._trouble = ""

    async def close(self) -> None:
        """Let go of everything. Processes that are not kept are ended."""
        if self._sweeper is not None:
            self._sweeper.cancel()
            await asyncio.wait([self._sweeper])
            self._sweeper = None
        if self._shared is not None:
            if not self._keeps:
                instance = self._shared.instance
                await self._lookout.end(lambda now: tree.find_instance(now, instance), CLOSE_GRACE, self._reaper.ended)
            await self._keepers.close()
            if self._reaper.due():
                await self._look(self._reaper.sweep)
            self._shared = None
        self._trouble = "closed"
        self._spawning.shutdown(wait=False)
        self._looking.shutdown(wait=False)
        self._roots.close()
        if self._lock is not None:
            os.close(self._lock)
            self._lock = None

    async def health(self) -> tuple[bool, str]:
        """Whether it can be used now, and what is wrong if not."""
        return not self._trouble, self._trouble

    def root(self, worktree: str) -> str:
        """The worktree itself."""
        return worktree

    async def check(self, options: MachineOptions, ports: Sequence[str]) -> MachineOptions:
        """There are no options."""
        refuse_options(self.name, options)
        return options

    def ahead(self, options: MachineOptions) -> str | None:
        """There is nothing that takes time."""
        return None

    def give_back(self, workspace: str) -> None:
        """Nothing was made for it."""

    async def begin(self, spec: MachineSpec) -> None:
        """There is nothing that takes time."""

    async def create(self, spec: MachineSpec, report: Report = quiet) -> None:
        """Note the workspace; afterwards it is stopped."""
        before = await self._look(self._entries.get, spec.workspace)
        if before is None:
            await self._note(spec.workspace, "stopped", spec.generation)

    async def start(self, spec: MachineSpec) -> None:
        """Let processes be started in the workspace."""
        await self._look(self._roots.open, spec)
        entry = await self._look(self._entries.get, spec.workspace)
        if entry is not None and entry.wanted == "paused":
            await self._signal(spec.workspace, signal.SIGCONT)
        await self._note(spec.workspace, "running", spec.generation)

    async def stop(self, workspace: str, grace: float) -> None:
        """End every process of the workspace, also those that left their session and lost their parents."""
        await self._keepers.shutdown(workspace, grace)
        gone = await self._lookout.end(lambda now: tree.find_workspace(now, workspace), grace, self._reaper.ended)
        if not gone:
            left = (await self._find(workspace)).members
            reason = "processes do not end: " + ", ".join(f"{p.pid} (state {p.state})" for p in left)
            raise BackendFailed(
                f"cannot stop the workspace: {reason}",
                hint="State D means that the kernel waits for a device or a network filesystem.",
                backend=self.name,
                step="stop",
                reason=reason,
            )
        entry = await self._look(self._entries.get, workspace)
        if entry is not None:
            await self._note(workspace, "stopped", entry.generation)

    async def pause(self, workspace: str) -> None:
        """Freeze every process, with those that are forked meanwhile."""
        await self._lookout.freeze(lambda now: tree.find_workspace(now, workspace))
        await self._renote(workspace, "paused")

    async def resume(self, workspace: str) -> None:
        """Let every process go on."""
        await self._signal(workspace, signal.SIGCONT)
        await self._renote(workspace, "running")

    async def destroy(self, workspace: str) -> None:
        """End what still runs, and forget the workspace."""
        await self.stop(workspace, 0)
        await self._look(self._entries.remove, workspace)
        self._roots.retire(workspace)
        if self._shared is not None:
            self._shared.ownerships.pop(workspace, None)

    async def fork(self, spec: MachineSpec, source: str, checkpoint: str, report: Report = quiet) -> None:
        """Note the workspace: its files are all in the worktree."""
        await self.create(spec, report)

    async def list(self) -> Statuses:
        """Every workspace that was created here or of which a process lives."""
        return await self._look(self._statuses)

    async def stats(self, workspace: str) -> MachineStats:
        """What the processes alive have used and use."""
        members = (await self._find(workspace)).members
        return MachineStats(
            cpu_ms=int(sum(process.cpu for process in members) * _CLOCK_MS),
            memory=sum(process.memory for process in members) * _PAGE,
            processes=len(members),
        )

    def machine(self, spec: MachineSpec) -> HostMachine:
        """The inside of a workspace. Raises BackendFailed where the backend is not open."""
        if self._shared is None:
            raise BackendFailed(
                f"the host backend is {self._trouble}", backend=self.name, step="machine", reason=self._trouble
            )
        return HostMachine(spec, self._shared)

    def _prepare(self) -> str:
        absent = libc.missing()
        if absent:
            raise OSError(0, f"the C library lacks {', '.join(absent)}; glibc 2.34 or later has them")
        self._entries.open()
        self._lock = os.open(self._directory / "lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC, 0o600)
        try:
            fcntl.flock(self._lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(self._lock)
            self._lock = None
            raise OSError(0, "another daemon uses it") from None
        instance = self._entries.instance()
        libc.become_subreaper()
        return instance

    def _statuses(self) -> Statuses:
        assert self._shared is not None
        instance = self._shared.instance
        alive = {
            marks[WORKSPACE]
            for marks in census().marks.values()
            if marks.get(INSTANCE) == instance and WORKSPACE in marks
        }
        states: dict[str, str] = {}
        for entry in self._entries.all():
            # What was started in an earlier run ended with it.
            states[entry.workspace] = entry.wanted if entry.run == self._run else "stopped"
        for workspace in alive:
            if states.get(workspace) in (None, "stopped"):
                states[workspace] = "running"
        return [MachineStatus(workspace, state) for workspace, state in sorted(states.items())]

    async def _sweep(self) -> None:
        while True:
            await asyncio.sleep(SWEEP_EVERY)
            self._roots.sweep()
            if self._reaper.due():
                await self._look(self._reaper.sweep)

    async def _signal(self, workspace: str, number: int) -> None:
        await self._look(tree.signal_all, await self._find(workspace), number)

    async def _note(self, workspace: str, wanted: Wanted, generation: int) -> None:
        entry = Entry(workspace=workspace, wanted=wanted, generation=generation, run=self._run)
        try:
            await self._look(self._entries.put, entry)
        except OSError as error:
            raise BackendFailed(
                f"{self._directory} cannot be written: {error.strerror}",
                backend=self.name,
                step=wanted,
                reason=str(error.strerror),
            ) from None

    async def _renote(self, workspace: str, wanted: Wanted) -> None:
        entry = await self._look(self._entries.get, workspace)
        if entry is not None:
            await self._note(workspace, wanted, entry.generation)

    async def _find(self, workspace: str) -> tree.Found:
        return tree.find_workspace(await self._lookout.census(), workspace)

    async def _look(self, function: Callable[..., T], *args: object) -> T:
        return await self._lookout.call(function, *args)


def _boot() -> str:
    """The id of this run of the kernel (random(4))."""
    return Path("/proc/sys/kernel/random/boot_id").read_text(encoding="ascii").strip()
