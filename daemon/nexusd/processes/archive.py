"""What is kept of processes: a record in the store and an output log on disk, for a while after their end."""

from __future__ import annotations

import asyncio
import contextlib
import functools
import logging
import os
from collections.abc import Iterable
from datetime import datetime
from pathlib import Path
from typing import Any, Final

from msgspec import UNSET
from nexus_sdk.protocol.errors import NexusError
from nexus_sdk.protocol.types import Process, PtyState

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

_log = logging.getLogger("nexusd.processes")


class Archive:
    """Records and logs.

    Args:
        db: the store.
        directory: where the logs are; made by `open`.
    """

    def __init__(self, db: Database, directory: Path) -> None:
        self._db = db
        self._directory = directory
        self._unsaved: dict[str, dict[str, Any]] = {}
        self._saver: asyncio.Task[None] | None = None

    def path(self, id: str) -> Path:
        """Where a process's output is kept."""
        return self._directory / f"{id}.log"

    def open(self) -> None:
        """Make the directory."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)

    async def close(self) -> None:
        """Stop trying to save what could not be saved."""
        if self._saver is not None:
            self._saver.cancel()
            await asyncio.wait([self._saver])

    async def insert(self, record: ProcessRecord) -> None:
        """Keep a new process; returns when a crash cannot lose it. Raises what `Database.run` raises."""
        await self._db.run(lambda conn: rows.insert(conn, record), "crash")

    async def save_end(self, process: LiveProcess) -> None:
        """Keep how a process ended and where its output ends. Where the store fails, it is tried again later."""
        await self._save(process.id, ending(process))

    async def _save(self, id: str, columns: dict[str, Any]) -> None:
        try:
            await self._db.run(lambda conn: rows.update(conn, id, **columns), "crash")
        except StoreClosed:
            _log.warning("the store was closed before the end of process %s was written", id)
        except (StoreError, NexusError) as error:
            _log.warning("cannot write down the end of process %s, trying again: %s", id, error)
            self._unsaved[id] = columns
            if self._saver is None or self._saver.done():
                self._saver = asyncio.create_task(self._save_again(), name="processes: unsaved ends")

    async def _save_again(self) -> None:
        while self._unsaved:
            await asyncio.sleep(RETRY)
            id, columns = next(iter(self._unsaved.items()))
            with contextlib.suppress(StoreError, NexusError):
                await self._db.run(functools.partial(rows.update, id=id, **columns), "crash")
                del self._unsaved[id]

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

        await self._db.run(delete, "crash")
        for id in ids:
            self._unsaved.pop(id, None)
        await asyncio.to_thread(self.unlink, ids)

    def unlink(self, ids: Iterable[str]) -> None:
        """Remove output. Blocking."""
        for id in ids:
            self.path(id).unlink(missing_ok=True)

    async def recover(self) -> list[ProcessRecord]:
        """After a daemon was killed: what ran then is lost, and output without a record is removed.

        Returns:
            The records of the lost.
        """

        def lose(conn: Connection) -> list[ProcessRecord]:
            lost = rows.list_running(conn)
            for record in lost:
                _, end = OutputLog.bounds(self.path(record.id), record.output_end)
                rows.update(conn, record.id, state="lost", pid=None, output_end=end, ended_at=now())
            return lost

        def strays(conn: Connection) -> list[str]:
            ids = [name.removesuffix(".log") for name in os.listdir(self._directory) if name.endswith(".log")]
            return [id for id in ids if rows.get(conn, id) is None]

        lost = await self._db.run(lose, "crash")
        await asyncio.to_thread(self.unlink, await self._db.read(strays))
        return lost

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


def ending(process: LiveProcess) -> dict[str, Any]:
    """The columns of a record that the end of its process changes."""
    return {
        "state": "lost" if process.lost else "exited",
        "pid": None,
        "stdin": False,
        "pty": process.pty,
        "exit": None if process.exit is None else encode_exit(process.exit, process.complete),
        "output_end": process.log.end,
        "ended_at": now() if process.exit is None else process.exit.at,
    }
