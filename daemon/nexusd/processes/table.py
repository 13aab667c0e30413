"""All processes of this daemon: the ones that run, and through the archive the ones that have ended."""

from __future__ import annotations

import asyncio
import logging
import signal as signals
from collections.abc import Awaitable, Callable, Collection, Coroutine, Iterable, Mapping, Sequence
from datetime import timedelta
from functools import partial
from pathlib import Path
from typing import Any, Final

from msgspec import UNSET
from nexus_sdk.protocol.errors import (
    LimitProcesses,
    ProcessExited,
    ProcessLost,
    ProcessNotFound,
    WorkspaceState,
)
from nexus_sdk.protocol.types import (
    ExecAttachParams,
    ExecList,
    ExecRunParams,
    ExecRunResult,
    ExecStartParams,
    Process,
    PtySize,
    Signal,
)

from nexusd.backends.base import Machine, ProcessHandle, SpawnSpec
from nexusd.failpoints import failpoint
from nexusd.ids import new_id
from nexusd.processes.archive import Archive, Insertion
from nexusd.processes.attachment import Attachment
from nexusd.processes.headtail import HeadTail
from nexusd.processes.log import OutputLog
from nexusd.processes.process import DRAIN_WAIT, HOLD_ON, LiveProcess
from nexusd.store.database import Database
from nexusd.store.mapping import now
from nexusd.store.processes import ProcessRecord
from nexusd.store.workspaces import WorkspaceRecord

LOG_LIMIT: Final = 16 * 1024 * 1024
KEEP: Final = timedelta(hours=24)
MAX_PER_WORKSPACE: Final = 512
FIRST_HOLD: Final = 10.0
"""Seconds after a start in which output waits for the first attachment rather than be overwritten."""
FAR: Final = timedelta(days=36_500)
"""A timeout beyond this is none that anybody will see; the calendar ends before the longest that may be asked for."""
_PATIENCE: Final = 15.0
"""Seconds to wait for a killed process to be reaped and recorded, and for a spawn to be over."""

_log = logging.getLogger("nexusd.processes")


class ProcessTable:
    """What `exec.*` calls, and what the lifecycle of workspaces ends processes by.

    Args:
        db: the store.
        state_dir: output logs are kept in ``output/`` below it.
        machine_for: the inside of a running workspace by its id; raises WorkspaceState where it does not run.
        max_per_workspace: processes that may run at once in one workspace.
        log_limit: bytes of output that are kept of a process that does not say.
        keep: how long records and output are kept after the end.
        drain_wait: seconds without output, after the exit, until the wait for a pipe that a descendant holds ends.
        first_hold: seconds after `start` in which output waits for the first attachment rather than be overwritten.
    """

    def __init__(
        self,
        db: Database,
        state_dir: Path,
        machine_for: Callable[[str], Awaitable[Machine]],
        *,
        max_per_workspace: int = MAX_PER_WORKSPACE,
        log_limit: int = LOG_LIMIT,
        keep: timedelta = KEEP,
        drain_wait: float = DRAIN_WAIT,
        first_hold: float = FIRST_HOLD,
    ) -> None:
        self._archive = Archive(db, state_dir / "output")
        self._archive.on_saved = self._saved
        self._machine_for = machine_for
        self._max_per_workspace = max_per_workspace
        self._log_limit = log_limit
        self._keep = keep
        self._drain_wait = drain_wait
        self._first_hold = first_hold
        self._live: dict[str, LiveProcess] = {}
        self._spawning: dict[str, set[asyncio.Future[None]]] = {}
        self._followers: dict[asyncio.Task[None], LiveProcess] = {}

    # --- starting ---

    async def run(self, workspace: WorkspaceRecord, params: ExecRunParams) -> ExecRunResult:
        """Run a command to its end. Cancelling kills it, with all its descendants.

        Its record is written while it runs, and how it ended is noted before this returns: a crash of the daemon
        cannot lose what the caller was told.

        Raises:
            WorkspaceState: the workspace does not run.
            LimitProcesses: as many processes run in it as may.
            CommandNotFound, CwdInvalid, SpawnFailed, InvalidParams: as `Machine.spawn`.
            ProcessLost: nobody knows how it ended.
            StorageFull: it has run, but that cannot be recorded; nothing of it is kept.
        """
        with_input = params.input is not UNSET
        process = await self._spawn(
            workspace,
            params.argv,
            params.cwd,
            params.env,
            stdin=with_input,
            log_limit=self._log_limit,
            timeout_ms=params.timeout_ms,
        )
        recorded = self._archive.insert_soon(process.record)
        streams = {1: HeadTail(params.output_limit), 2: HeadTail(params.output_limit)}
        process.collect(lambda chunk: streams[chunk.channel].add(chunk.data))
        if params.timeout_ms:
            process.time_out(params.timeout_ms / 1000)
        feeder = asyncio.create_task(_feed(process, params.input)) if params.input is not UNSET else None
        try:
            await process.follow(_tell_nobody)
            known = process.log.end, process.complete
            if process.exit is None:
                raise ProcessLost(f"process {process.id} was lost; nobody knows how it ended", process=process.id)
            if not (early := recorded.withdraw()):
                await recorded.done()
            if not self._archive.note_end(process, whole=early):
                if early:
                    await self._archive.insert(process.record)
                await self._archive.commit_end(process)
        except BaseException:
            process.sink = None
            await self._abandon(process, recorded)
            raise
        finally:
            if feeder is not None:
                feeder.cancel()
        process.sink = None
        if process.reading:
            self._watch(process, self._outlive(process, known))
        else:
            self._drop_idle(process)
        return ExecRunResult(
            process=process.id,
            exit=process.exit,
            stdout=streams[1].result(),
            stderr=streams[2].result(),
            duration_ms=int(process.lasted * 1000),
        )

    async def start(self, workspace: WorkspaceRecord, params: ExecStartParams) -> Process:
        """Start a command; when this returns, a crash of the daemon cannot lose its record. Raises as `run`."""
        pty = None if params.pty is UNSET else (params.pty.cols, params.pty.rows)
        process = await self._spawn(
            workspace,
            params.argv,
            params.cwd,
            params.env,
            stdin=params.stdin or pty is not None,
            pty=pty,
            labels=params.labels,
            log_limit=params.log_limit,
            timeout_ms=params.timeout_ms,
        )
        process.hold_beginning(self._first_hold)
        failpoint("exec.start.spawned")
        try:
            await self._archive.insert(process.record)
        except BaseException:
            await self._abandon(process, None)
            raise
        failpoint("exec.start.recorded")
        if params.timeout_ms:
            process.time_out(params.timeout_ms / 1000)
        self._watch(process, self._see_through(process))
        return process.view()

    async def _spawn(
        self,
        workspace: WorkspaceRecord,
        argv: Sequence[str],
        cwd: str,
        env: Mapping[str, str],
        *,
        stdin: bool,
        log_limit: int,
        pty: tuple[int, int] | None = None,
        labels: Mapping[str, str] | None = None,
        timeout_ms: int = 0,
    ) -> LiveProcess:
        spawning = self._spawning.setdefault(workspace.id, set())
        if len(self._live) + len(spawning) >= self._max_per_workspace:
            # Not sooner: counting takes time, and most of them have ended or are another workspace's.
            running = self.running_in(workspace.id) + len(spawning)
            if running >= self._max_per_workspace:
                raise LimitProcesses(
                    f"workspace {workspace.name} runs {running} processes, as many as it may",
                    limit="max_processes_per_workspace",
                    value=self._max_per_workspace,
                )
        id = new_id("pr")
        spawn: asyncio.Future[None] = asyncio.get_running_loop().create_future()
        spawning.add(spawn)
        try:
            machine = await self._machine_for(workspace.id)
            path = self._archive.path(id)
            spec = SpawnSpec(
                process=id,
                argv=argv,
                cwd=cwd,
                env=env,
                pty=pty,
                stdin=stdin,
                log=path,
                open_log=partial(self._archive.open_log, workspace.id),
                capacity=log_limit,
                hold=HOLD_ON,
            )
            handle = await machine.spawn(spec)
            started_at = now()
            record = ProcessRecord(
                id=id,
                workspace=workspace.id,
                argv=list(argv),
                cwd=cwd,
                pty=pty,
                stdin=stdin,
                state="running",
                pid=handle.pid,
                pid_started=handle.started,
                labels=dict(labels or {}),
                generation=workspace.generation,
                started_at=started_at,
                deadline=started_at + min(timedelta(milliseconds=timeout_ms), FAR) if timeout_ms else None,
            )
            log = OutputLog.create(path, log_limit) if handle.kept is None else OutputLog.kept(path, log_limit)
            return self._take(record, log, handle)
        finally:
            spawning.discard(spawn)
            spawn.set_result(None)
            if not spawning:
                self._spawning.pop(workspace.id, None)

    def _take(self, record: ProcessRecord, log: OutputLog, handle: ProcessHandle) -> LiveProcess:
        process = self._live[record.id] = LiveProcess(record, log, handle, self._drain_wait)
        process.on_idle = self._drop_idle
        process.on_ending = self._archive.note_ending
        process.on_signalled = self._archive.note_signalled
        return process

    def _watch(self, process: LiveProcess, work: Coroutine[Any, Any, None]) -> asyncio.Task[None]:
        task = asyncio.create_task(work, name=f"process {process.id}")
        self._followers[task] = process
        task.add_done_callback(self._follower_done)
        return task

    async def _see_through(self, process: LiveProcess) -> None:
        known = -1, True

        async def exited(process: LiveProcess) -> None:
            nonlocal known
            known = process.log.end, process.complete
            await self._archive.save_end(process)

        await process.follow(exited)
        await self._outlive(process, known)

    async def _outlive(self, process: LiveProcess, known: tuple[int, bool]) -> None:
        """After its end: write down how far its output comes, until the last descendant has let go of its pipes."""
        while True:
            # More output, or its end, may arrive while the last of it is written down.
            if known != (process.log.end, process.complete):
                known = process.log.end, process.complete
                await self._archive.save_end(process)
            elif process.reading:
                await process.outlive()
            else:
                break
        self._drop_idle(process)

    def _follower_done(self, task: asyncio.Task[None]) -> None:
        del self._followers[task]
        if not task.cancelled() and (error := task.exception()) is not None:
            _log.error("%s: %s", task.get_name(), error, exc_info=error)

    async def _abandon(self, process: LiveProcess, recorded: Insertion | None) -> None:
        # Shielded: whoever cancels a call must not leave a process behind.
        await asyncio.shield(asyncio.ensure_future(self._destroy(process, recorded)))

    async def _destroy(self, process: LiveProcess, recorded: Insertion | None) -> None:
        # Others may wait for its end.
        follower = self._watch(process, process.follow(_tell_nobody)) if process.running else None
        await process.end("stopped", 0)
        if follower is not None:
            await process.wait(_PATIENCE)
            follower.cancel()
            await asyncio.wait([follower])
        if recorded is not None and not recorded.withdraw():
            await asyncio.gather(recorded.done(), return_exceptions=True)
        self._live.pop(process.id, None)
        process.close()
        await self._archive.discard(process.id)

    # --- one process ---

    def workspace_of(self, id: str) -> str | Awaitable[str | None] | None:
        """The workspace that a process belongs to; at once where the process is in memory."""
        process = self._live.get(id)
        return process.workspace if process is not None else self._workspace_in_store(id)

    async def _workspace_in_store(self, id: str) -> str | None:
        record = await self._archive.get(id)
        return None if record is None else record.workspace

    async def get(self, id: str) -> Process:
        """One process. Raises ProcessNotFound."""
        process = self._live.get(id)
        return process.view() if process is not None else await self._archive.view(await self._record(id))

    async def attach(self, params: ExecAttachParams, can_write: bool) -> Attachment:
        """Follow a process's output, and control its input. The caller closes what it gets.

        Raises:
            ProcessNotFound: there is none with this id.
            OffsetExpired, OffsetInvalid, Forbidden, StdinClosed, NotController: as `LiveProcess.attach`.
        """
        process = self._live.get(params.process)
        if process is None:
            loaded = await self._archive.load(await self._record(params.process))
            process = self._live.setdefault(loaded.id, loaded)
            if process is loaded:
                process.on_idle = self._drop_idle
            else:
                loaded.close()
        try:
            await process.ready_to_attach(0 if params.tail is not UNSET else params.offset)
            return process.attach(params, can_write)
        except BaseException:
            self._drop_idle(process)
            raise

    async def signal(self, id: str, signal: Signal, group: bool = True) -> Process:
        """Send a signal, by its name. Raises ProcessNotFound, ProcessExited."""
        process = await self._running(id)
        await process.signal(signals.Signals[f"SIG{signal}"], group)
        return process.view()

    async def resize(self, id: str, size: PtySize) -> Process:
        """Set a terminal's size. Raises ProcessNotFound, ProcessExited, NotATerminal."""
        process = await self._running(id)
        process.resize(size.cols, size.rows)
        return process.view()

    async def wait(self, id: str, timeout: float) -> Process:
        """Wait until a process has ended, for `timeout` seconds at most. Raises ProcessNotFound."""
        process = self._live.get(id)
        if process is None:
            return await self._archive.view(await self._record(id))
        await process.wait(timeout)
        return process.view()

    async def remove(self, id: str) -> None:
        """Forget a process that has ended, and its output. Raises ProcessNotFound; WorkspaceState where it runs."""
        process = self._live.get(id)
        if process is not None and process.running:
            raise WorkspaceState(
                f"process {id} still runs",
                hint="Signal it first.",
                workspace=process.workspace,
                state="running",
                allowed=[],
            )
        if process is None:
            await self._record(id)
        await self._forget([id])

    async def _record(self, id: str) -> ProcessRecord:
        record = await self._archive.get(id)
        if record is None:
            raise ProcessNotFound(f"there is no process {id}", process=id)
        return record

    async def _running(self, id: str) -> LiveProcess:
        process = self._live.get(id)
        if process is None:
            await self._record(id)
            raise ProcessExited(f"process {id} has ended", process=id)
        return process

    # --- many ---

    async def list(self, workspace: str, running: bool = False, labels: Mapping[str, str] | None = None) -> ExecList:
        """A workspace's processes, newest first.

        Args:
            running: only those that have not ended.
            labels: only those that have all of these.
        """
        # Those that leave the memory while the store is read: what it has of them may be older.
        live = self._in_memory(workspace)
        ended = [] if running else await self._archive.of_workspace(workspace)
        live |= self._in_memory(workspace)
        wanted = (labels or {}).items()
        found = await self._archive.views(
            record for record in ended if record.id not in live and wanted <= record.labels.items()
        )
        found += [
            process.view()
            for process in live.values()
            if (process.running or not running) and wanted <= process.record.labels.items()
        ]
        found.sort(key=lambda process: (process.started_at, process.id), reverse=True)
        return ExecList(processes=found)

    def _in_memory(self, workspace: str) -> dict[str, LiveProcess]:
        return {id: process for id, process in self._live.items() if process.workspace == workspace}

    @property
    def running_count(self) -> int:
        """How many processes run."""
        return sum(process.running for process in self._live.values())

    def running_in(self, workspace: str) -> int:
        """How many processes run in one workspace."""
        return sum(process.running for process in self._live.values() if process.workspace == workspace)

    def stalled(self) -> Mapping[str, str]:
        """Processes whose output the disk does not take, by id, and why."""
        return {id: reason for id, process in self._live.items() if (reason := process.stalled) is not None}

    async def stop_workspace(self, workspace: str, grace: float) -> None:
        """End every process of a workspace and write down how; one that was being started, too.

        Args:
            grace: seconds between TERM and KILL.
        """
        if spawning := self._spawning.get(workspace):
            await asyncio.wait(set(spawning), timeout=_PATIENCE)
        await self._end_all([process for process in self._live.values() if process.workspace == workspace], grace)

    async def _end_all(self, processes: Sequence[LiveProcess], grace: float) -> None:
        async def end(process: LiveProcess) -> None:
            await process.end("stopped", grace)
            if not await process.wait(_PATIENCE):
                _log.error("process %s was killed and has not been reaped", process.id)

        await asyncio.gather(*(end(process) for process in processes))

    async def forget_workspace(self, workspace: str) -> None:
        """End what is left of a workspace's processes and forget all of them, with their output."""
        await self.stop_workspace(workspace, 0)
        ids = {process.id for process in self._live.values() if process.workspace == workspace}
        ids.update(record.id for record in await self._archive.of_workspace(workspace))
        await self._forget(ids)
        self._archive.forget_spares(workspace)

    async def _forget(self, ids: Sequence[str] | set[str]) -> None:
        await self._archive.delete(ids)
        for id in ids:
            # Who is attached reads on, from a file that has no name any more, and lets go of it afterwards.
            process = self._live.pop(id, None)
            if process is not None and not process.attachments:
                process.close()

    def _drop_idle(self, process: LiveProcess) -> None:
        if process.idle and process.sink is None and not self._archive.unsaved(process.id):
            if self._live.get(process.id) is process:
                del self._live[process.id]
            process.close()
            if process.kept and process.complete and not process.log.end:
                self._archive.spare_log(process)

    def _saved(self, id: str) -> None:
        process = self._live.get(id)
        if process is not None:
            self._drop_idle(process)

    # --- the daemon's life ---

    async def recover(self, adopted: Iterable[ProcessHandle] = (), unasked: Collection[str] = ()) -> None:
        """After a start: records that say running are of an earlier daemon. Those whose processes were kept go on; the
        others are lost, unless their end was noted before, and are ended by their backend when it opens.

        Args:
            adopted: what keepers still have. One without a record was never acknowledged: it is ended.
            unasked: workspaces whose keepers cannot be asked now; `take_up` follows for each when they can.
        """
        handles = {handle.process: handle for handle in adopted}
        lost, running = await self._archive.recover(handles.keys(), unasked)
        if lost:
            _log.warning("%d processes were lost with the last run of the daemon", len(lost))
        await self._go_on(running, handles)

    async def take_up(self, workspace: str, adopted: Iterable[ProcessHandle]) -> None:
        """The same for one workspace that could not be asked then, and may have been used since."""
        if spawning := self._spawning.get(workspace):
            await asyncio.wait(set(spawning), timeout=_PATIENCE)
        handles = {handle.process: handle for handle in adopted if not self._followed(handle.process)}
        await self._go_on(await self._archive.take_up(workspace, handles.keys(), self._followed), handles)

    def _followed(self, id: str) -> bool:
        process = self._live.get(id)
        return process is not None and process.handle is not None

    async def _go_on(self, running: Iterable[ProcessRecord], handles: dict[str, ProcessHandle]) -> None:
        for record in running:
            handle = handles.pop(record.id)
            assert handle.kept is not None
            process = self._take(record, OutputLog.kept(handle.kept.log, 0), handle)
            process.hold_beginning(HOLD_ON, handle.kept.floor if handle.kept.floor is not None else process.log.end)
            self._watch(process, self._see_through(process))
            # After its follower, which hears first of an end that there was while no daemon looked.
            process.resume_end(now())
        for handle in handles.values():
            _log.info("process %s was not acknowledged, or has ended and is known", handle.process)
            await handle.kill_tree(0)
            handle.forget()

    async def sweep(self) -> int:
        """Forget processes that ended long ago, with their output; returns how many."""
        old = await self._archive.ended_before(now() - self._keep)
        ids = [record.id for record in old if record.id not in self._live]
        await self._forget(ids)
        return len(ids)

    async def close(self, grace: float) -> None:
        """Let go of everything, and end every process that nobody keeps; before the store and the backends are closed.

        Args:
            grace: seconds between TERM and KILL.
        """
        processes = list(self._live.values())
        await self._end_all([process for process in processes if not process.kept], grace)
        for follower, process in self._followers.items():
            if process.kept:
                # The next daemon follows it.
                follower.cancel()
        for process in processes:
            process.close(forget=not process.kept)
        if self._followers:
            _, stuck = await asyncio.wait(self._followers, timeout=_PATIENCE)
            for follower in stuck:
                follower.cancel()
        self._live.clear()
        await self._archive.close()


async def _tell_nobody(process: LiveProcess) -> None:
    return


async def _feed(process: LiveProcess, data: bytes) -> None:
    owner = object()
    process.input.give_to(owner)
    await process.input.write(owner, 0, data)
    process.close_stdin()
