"""What is kept of processes: a record in the store and an output log on disk, for a while after their end.

The end of a process is noted in a file before it is told, and committed soon after, together with those that ended
beside it: a short command is not made to wait for a commit of its own. Until then the process stays in memory.
"""

from __future__ import annotations

import asyncio
import contextlib
import logging
import os
from collections.abc import Callable, Collection, Iterable
from datetime import datetime, timedelta
from itertools import islice
from pathlib import Path
from typing import Final

from msgspec import UNSET, Struct, structs
from nexus_sdk.protocol.errors import NexusError
from nexus_sdk.protocol.types import ExitReason, Process, PtyState

from nexusd.backends.base import new_file
from nexusd.failpoints import failpoint
from nexusd.processes.ends import End, EndsFile
from nexusd.processes.log import LogDamaged, OutputLog
from nexusd.processes.process import LiveProcess, decode_exit, encode_exit
from nexusd.store import processes as rows
from nexusd.store.connection import Connection
from nexusd.store.database import Database
from nexusd.store.errors import StoreClosed, StoreError
from nexusd.store.mapping import now
from nexusd.store.processes import ProcessRecord

RETRY: Final = 1.0
"""Seconds between attempts to write down how a process ended, where the store could not."""
LINGER: Final = 0.02
"""Seconds within which a command has to end for its record to be written down together with its end."""
TOGETHER: Final = 0.1
"""Seconds that ends wait for each other to share a commit."""
ENDING_WAIT: Final = 2.0
"""Seconds that ending a process, or a signal to it, waits for the store to know of it."""
BATCH: Final = 256
"""How many do."""
SPARE: Final = 64
"""How many empty logs of a workspace are remembered to be used again."""
LONGEST: Final = 4096
"""Characters of a command that may be written down together with its end; a longer one is before."""

_log = logging.getLogger("nexusd.processes")


class _Lost(Struct, frozen=True):
    """A process of which nobody knows how it ended."""

    output_end: int
    pty: tuple[int, int] | None


class Insertion:
    """A new process's way into the store, put off for as long as a short command lasts.

    Args:
        archive: where to.
        record: the process.
    """

    def __init__(self, archive: Archive, record: ProcessRecord) -> None:
        self._archive = archive
        self._record = record
        self._task: asyncio.Task[None] | None = None
        self._timer: asyncio.TimerHandle | None = None
        if sum(map(len, record.argv)) > LONGEST:
            self._begin()
        else:
            self._timer = asyncio.get_running_loop().call_later(LINGER, self._begin)

    def _begin(self) -> None:
        self._task = asyncio.create_task(self._archive.insert(self._record), name=f"record {self._record.id}")

    def withdraw(self) -> bool:
        """Do not begin; False where that is too late."""
        if self._timer is not None and self._task is None:
            self._timer.cancel()
            return True
        return False

    async def done(self) -> None:
        """Wait until it is in the store. Raises what `Archive.insert` raises."""
        assert self._task is not None
        await self._task


class Archive:
    """Records and logs.

    Args:
        db: the store.
        directory: where the logs are; made by `recover`. How processes ended is noted in ``ends`` beside it.

    Attributes:
        on_saved: called with the id of each process whose end has been committed.
    """

    def __init__(self, db: Database, directory: Path) -> None:
        self._db = db
        self._directory = directory
        self._ends = EndsFile(directory.with_name("ends"))
        self._unsaved: dict[str, End | _Lost | None] = {}
        self._told_whole: dict[str, End] = {}  # those in the file that have a record
        self._spare: dict[str, list[Path]] = {}
        self._saver: asyncio.Task[None] | None = None
        self.on_saved: Callable[[str], None] | None = None

    def path(self, id: str) -> Path:
        """Where a process's output is kept."""
        return self._directory / f"{id}.log"

    def open_log(self, workspace: str, path: Path) -> int:
        """A new, empty log, open for reading and writing: by renaming a spare one where there is one. Raises OSError.

        Making a file is the slowest thing that is done for a short command: ext4 passes over every inode that was
        freed within the last minutes, which takes a millisecond after a large tree was removed.
        """
        if spare := self._spare.get(workspace):
            with contextlib.suppress(FileNotFoundError):  # its process was removed meanwhile, and the file with it
                os.rename(spare.pop(), path)
                return os.open(path, os.O_RDWR | os.O_CLOEXEC | os.O_NOFOLLOW)
        return new_file(path)

    def spare_log(self, process: LiveProcess) -> None:
        """A process is over and wrote nothing. Its log, made for its keeper, may become another's: an empty one says no
        more than one that is not there. Only of the same workspace, whose machine may still have it open."""
        spare = self._spare.setdefault(process.workspace, [])
        if len(spare) < SPARE:
            spare.append(self.path(process.id))

    def forget_spares(self, workspace: str) -> None:
        """A workspace is gone."""
        self._spare.pop(workspace, None)

    async def close(self) -> None:
        """Commit what is still to be committed, once; what then is not, the next daemon finds noted."""
        if self._saver is not None:
            self._saver.cancel()
            await asyncio.wait([self._saver])
        while self._unsaved:
            try:
                await self._commit()
            except (StoreError, NexusError, OSError) as error:
                _log.warning("the ends of %d processes were not written to the store: %s", len(self._unsaved), error)
                break
        self._ends.close()

    def insert_soon(self, record: ProcessRecord) -> Insertion:
        """Keep a new process, unless it ends at once and is kept together with its end."""
        return Insertion(self, record)

    async def insert(self, record: ProcessRecord) -> None:
        """Keep a new process; returns when a crash cannot lose it. Raises what `Database.run` raises."""
        await self._db.run(lambda conn: rows.insert(conn, record), "crash")

    async def note_ending(self, id: str, reason: ExitReason, grace: float) -> None:
        """Keep why a process is being ended, and that it is killed after `grace` seconds: the next daemon goes on with
        it, and tells that reason. Where the store does not take it, it is ended all the same."""
        await self._note(id, ending=reason, deadline=now() + timedelta(seconds=grace))
        failpoint("exec.ending.noted")

    async def note_signalled(self, id: str, numbers: list[int]) -> None:
        """Keep which signals were sent to a process: the next daemon tells by it why the process ended. Where the store
        does not take it, the signal is sent all the same."""
        await self._note(id, signalled=list(numbers))

    async def _note(self, id: str, **columns: object) -> None:
        try:
            await self._db.run(lambda conn: rows.update(conn, id, **columns), "crash", deadline=ENDING_WAIT)
        except (StoreError, NexusError) as error:
            _log.warning("cannot write down why process %s ends: %s", id, error)

    def unsaved(self, id: str) -> bool:
        """Whether the store is behind what is known of a process."""
        return id in self._unsaved

    def note_end(self, process: LiveProcess, *, whole: bool = False) -> bool:
        """Keep how a process ended and where its output ends; a crash cannot lose it then. The store follows.

        Args:
            process: the process.
            whole: keep its record as well, of which the store does not know.

        Returns:
            Whether it could be kept. Where not, as with a full disk, nothing has changed.
        """
        if process.exit is None:
            return False
        failpoint("exec.end.known")
        record = process.record if whole else None
        end = End(process.id, process.exit, process.complete, process.log.end, process.pty, record)
        try:
            self._ends.note(end)
        except OSError as error:
            _log.warning("cannot note the end of process %s: %s", process.id, error)
            return False
        failpoint("exec.end.noted")
        if whole:
            self._told_whole[process.id] = end
        self._save_later(process.id, end)
        return True

    async def commit_end(self, process: LiveProcess) -> None:
        """The same, straight into the store. Raises what `Database.run` raises."""
        id, end = process.id, _end(process)
        await self._db.run(lambda conn: _write(conn, id, end), "crash")
        self._unsaved.pop(id, None)

    async def save_end(self, process: LiveProcess) -> None:
        """Keep how a process ended and where its output ends. Where nothing takes it, it is tried again later."""
        if self.note_end(process):
            return
        try:
            await self.commit_end(process)
        except StoreClosed:
            _log.warning("the store was closed before the end of process %s was written", process.id)
        except (StoreError, NexusError) as error:
            _log.warning("cannot write down the end of process %s, trying again: %s", process.id, error)
            self._save_later(process.id, _end(process))

    async def discard(self, id: str) -> None:
        """Forget a process that nobody will be told of. Where the store fails, it is tried again later."""
        try:
            await self.delete([id])
        except (StoreError, NexusError) as error:
            _log.warning("cannot forget process %s, trying again: %s", id, error)
            self._save_later(id, None)

    def _save_later(self, id: str, end: End | _Lost | None) -> None:
        self._unsaved[id] = end
        if self._saver is None or self._saver.done():
            self._saver = asyncio.create_task(self._save(), name="processes: ends")

    async def _save(self) -> None:
        pause = TOGETHER
        while self._unsaved:
            await asyncio.sleep(pause)
            try:
                await self._commit()
                pause = TOGETHER
            except StoreClosed:
                return
            except (StoreError, NexusError, OSError) as error:
                if pause != RETRY:
                    _log.warning("cannot write down the ends of processes, trying again: %s", error)
                pause = RETRY

    async def _commit(self) -> None:
        batch = dict(islice(self._unsaved.items(), BATCH))

        def write(conn: Connection) -> None:
            for id, end in batch.items():
                _write(conn, id, end)

        failpoint("exec.end.saving")
        await self._db.run(write, "crash")
        failpoint("exec.end.saved")
        discarded = [id for id, end in batch.items() if end is None]
        for id, end in batch.items():
            if id in self._unsaved and self._unsaved[id] is end:
                del self._unsaved[id]
                if self.on_saved is not None:
                    self.on_saved(id)
        self._ends.keep(end for end in self._unsaved.values() if isinstance(end, End))
        if self._ends.empty:
            self._told_whole.clear()
        if discarded:
            await asyncio.to_thread(self.unlink, discarded)

    async def get(self, id: str) -> ProcessRecord | None:
        """A record; None where there is none."""
        return await self._db.read(lambda conn: rows.get(conn, id))

    async def load(self, record: ProcessRecord) -> LiveProcess:
        """A process that has ended, to be looked at."""

        def load_log() -> OutputLog:
            try:
                return OutputLog.load(self.path(record.id), record.output_end)
            except (LogDamaged, OSError) as error:
                _log.error("the output of process %s cannot be read: %s", record.id, error)
                return OutputLog.expired(self.path(record.id), record.output_end)

        return LiveProcess(record, await asyncio.to_thread(load_log))

    async def view(self, record: ProcessRecord) -> Process:
        """What callers are told of a process that has ended."""
        return (await self.views([record]))[0]

    async def views(self, records: Iterable[ProcessRecord]) -> list[Process]:
        """The same for many."""
        return await asyncio.to_thread(lambda: [self._view(record) for record in records])

    async def of_workspace(self, workspace: str, running: bool = False) -> list[ProcessRecord]:
        """The records of a workspace, newest first."""
        return await self._db.read(lambda conn: rows.list_by_workspace(conn, workspace, running))

    async def ended_before(self, moment: datetime) -> list[ProcessRecord]:
        """Records that are old enough to be forgotten."""
        return await self._db.read(lambda conn: rows.older_than(conn, moment))

    async def delete(self, ids: Iterable[str]) -> None:
        """Forget processes and their output."""
        ids = list(ids)
        if not ids:
            return

        def delete(conn: Connection) -> None:
            for id in ids:
                rows.delete(conn, id)

        # What is unsaved must not be saved after it was deleted.
        unsaved = {id: self._unsaved.pop(id) for id in ids if id in self._unsaved}
        try:
            await self._db.run(delete, "crash")
        except BaseException:
            for id, end in unsaved.items():
                self._save_later(id, end)
            raise
        for id in ids:
            self._take_back(id)
        await asyncio.to_thread(self.unlink, ids)

    def _take_back(self, id: str) -> None:
        """A record that stands in the file must not come back after a crash."""
        end = self._told_whole.pop(id, None)
        if end is not None:
            try:
                self._ends.note(structs.replace(end, record=None))
            except OSError as error:
                _log.warning("cannot take back what was noted of process %s: %s", id, error)

    def unlink(self, ids: Iterable[str]) -> None:
        """Remove output. Blocking."""
        for id in ids:
            self.path(id).unlink(missing_ok=True)

    async def recover(
        self, kept: Collection[str] = (), unasked: Collection[str] = ()
    ) -> tuple[list[ProcessRecord], list[ProcessRecord]]:
        """After a start: what ran when the daemon went away is lost, unless it was kept or its end was noted; output
        without a record is removed.

        Args:
            kept: ids of the processes that are known to somebody who outlives the daemon.
            unasked: workspaces of which nobody can say yet what runs; theirs are left for `take_up`.

        Returns:
            The records of the lost, and those of the kept.
        """

        def open_ends() -> dict[str, End]:
            self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
            return self._ends.open()

        noted = await asyncio.to_thread(open_ends)

        def settle(conn: Connection) -> tuple[list[ProcessRecord], list[ProcessRecord]]:
            lost: list[ProcessRecord] = []
            running: list[ProcessRecord] = []
            for known in noted.values():
                # the record that came with an end
                if known.record is not None:
                    rows.add(conn, known.record)
            for record in rows.list_running(conn):
                end = noted.get(record.id)
                if end is None and record.id in kept:
                    running.append(record)
                    continue
                if end is None and record.workspace in unasked:
                    continue
                _, output_end = OutputLog.bounds(self.path(record.id), record.output_end if end is None else 0)
                if end is None:
                    lost.append(record)
                    _write(conn, record.id, _Lost(output_end, record.pty))
                else:
                    _write(conn, record.id, structs.replace(end, output_end=max(end.output_end, output_end)))
            return lost, running

        def strays(conn: Connection) -> list[str]:
            ids = [name.removesuffix(".log") for name in os.listdir(self._directory) if name.endswith(".log")]
            return [id for id in ids if rows.get(conn, id) is None]

        found = await self._db.run(settle, "crash")
        self._ends.keep(())
        await asyncio.to_thread(self.unlink, await self._db.read(strays))
        return found

    async def take_up(
        self, workspace: str, kept: Collection[str], followed: Callable[[str], bool]
    ) -> list[ProcessRecord]:
        """The same for one workspace that was `unasked`; the records of the kept.

        Args:
            workspace: its id.
            kept: as for `recover`.
            followed: whether a process was started since, by its id. Called from another thread.
        """

        def settle(conn: Connection) -> list[ProcessRecord]:
            running = []
            for record in rows.list_by_workspace(conn, workspace, running=True):
                if record.id in kept:
                    running.append(record)
                elif not followed(record.id):
                    _, output_end = OutputLog.bounds(self.path(record.id), record.output_end)
                    _write(conn, record.id, _Lost(output_end, record.pty))
            return running

        return await self._db.run(settle, "crash")

    def _view(self, record: ProcessRecord) -> Process:
        start, end = OutputLog.bounds(self.path(record.id), record.output_end)
        return Process(
            id=record.id,
            workspace=record.workspace,
            argv=record.argv,
            cwd=record.cwd,
            state="exited" if record.state == "exited" else "lost",
            pty=UNSET if record.pty is None else PtyState(cols=record.pty[0], rows=record.pty[1]),
            stdin=False,
            exit=UNSET if record.exit is None else decode_exit(record.exit)[0],
            output_start=start,
            output_end=end,
            attached=0,
            labels=record.labels,
            generation=record.generation,
            started_at=record.started_at,
        )


def _end(process: LiveProcess) -> End | _Lost:
    if process.exit is None:
        return _Lost(process.log.end, process.pty)
    return End(process.id, process.exit, process.complete, process.log.end, process.pty)


def _write(conn: Connection, id: str, end: End | _Lost | None) -> None:
    if end is None:
        rows.delete(conn, id)
        return
    columns = {
        "state": "lost" if isinstance(end, _Lost) else "exited",
        "pid": None,
        "stdin": False,
        "pty": end.pty,
        "exit": None if isinstance(end, _Lost) else encode_exit(end.exit, end.complete),
        "output_end": end.output_end,
        "ended_at": now() if isinstance(end, _Lost) else end.exit.at,
    }
    if isinstance(end, _Lost) or end.record is None or not rows.add(conn, structs.replace(end.record, **columns)):
        rows.update(conn, id, **columns)
