"""The database: one writer thread, one reader thread, transactions that are committed before anybody hears of them."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import Callable
from pathlib import Path
from typing import Any, Literal, TypeVar

from nexus_sdk.protocol.errors import DeadlineExceeded

from nexusd.failpoints import failpoint
from nexusd.store.connection import Connection
from nexusd.store.errors import StoreClosed, StoreUnusable, translate
from nexusd.store.opening import OpenFile, open_file
from nexusd.store.worker import Job, Worker

T = TypeVar("T")

BATCH = 64
"""How many waiting writes share one commit. They share its fsync, too."""

DEADLINE = 10.0
"""Seconds a caller waits unless it says otherwise: far above any healthy commit, far below a person's patience."""


class Database:
    """An open database. Made by `open`.

    Writes wait in one queue and are committed in its order. Those that wait together share a transaction, each in a
    savepoint of its own: one that raises undoes itself alone, and the others' commit costs one fsync for all.
    """

    def __init__(self, path: Path, file: OpenFile) -> None:
        self.path = path
        self._file = file
        self._full = True
        self._closed = False
        self._write_conn = Connection(file.writer)
        self._read_conn = Connection(file.reader)
        self._writer = Worker("nexus-store-writer", self._commit, batch=BATCH)
        self._reader = Worker("nexus-store-reader", self._snapshot)

    @classmethod
    async def open(cls, path: Path) -> Database:
        """Open the database at `path`; make it, check it, and migrate it where that is needed.

        Raises:
            StoreLocked: another daemon, or another program, has it.
            StoreCorrupt: it is damaged or is not a Nexus database.
            StoreTooNew: a newer Nexus wrote it.
            StoreUnusable: it cannot be opened or written here.
            StorageFull: there is no room to make it.
        """
        return cls(path, await asyncio.to_thread(open_file, path))

    async def close(self, timeout: float = 10.0) -> None:
        """Commit what is queued and close. Calls made afterwards raise StoreClosed. Closing twice is harmless.

        Raises:
            StoreUnusable: a write is still under way after `timeout` seconds; the file is then left open.
        """
        if self._closed:
            return
        self._closed = True
        if not await asyncio.to_thread(self._finish, timeout):
            raise StoreUnusable(
                f"{self.path}: a transaction did not end within {timeout:g} s",
                "The disk may hang. What was acknowledged is safe; the rest is undone when the daemon starts again.",
            )

    async def run(
        self,
        fn: Callable[[Connection], T],
        durable: Literal["power", "crash"] = "power",
        *,
        deadline: float = DEADLINE,
    ) -> T:
        """Call `fn` in a write transaction and return its result once that is committed.

        `fn` runs in the writer's thread: it may use the connection and compute, but not wait for anything else.
        Whatever it raises undoes its transaction and is raised here.

        Args:
            fn: called once, with the connection.
            durable: what the commit survives: ``"crash"`` the end of this process at any instruction, ``"power"``
                the loss of power as well (one fsync, shared with the writes that wait beside this one).
            deadline: seconds to wait.

        Raises:
            DeadlineExceeded: with `may_have_run` set when the transaction had begun, and may still be committed.
            StorageFull: the disk is full; nothing was changed.
            StoreError: the database failed; nothing was changed.

        When the caller is cancelled, a transaction that had not begun never does; one that had is not interrupted.
        """
        return await self._submit(self._writer, Job(fn, power=durable == "power"), deadline)

    async def read(self, fn: Callable[[Connection], T], *, deadline: float = DEADLINE) -> T:
        """Call `fn` with a connection that sees one state of the database: what was committed before its first query.

        Raises what `run` raises; a statement that writes is an error.
        """
        return await self._submit(self._reader, Job(fn, power=False), deadline)

    async def _submit(self, worker: Worker, job: Job[T], deadline: float) -> T:
        if self._closed:
            job.future.cancel()
            raise StoreClosed(f"{self.path} is closed", "The daemon is stopping; start it again.")
        timer = asyncio.get_running_loop().call_later(deadline, self._expire, job, deadline)
        worker.submit(job)
        try:
            return await job.future
        except asyncio.CancelledError:
            job.claim()
            raise
        finally:
            timer.cancel()

    def _expire(self, job: Job[Any], deadline: float) -> None:
        if job.future.done():
            return
        begun = not job.claim()
        job.future.set_exception(
            DeadlineExceeded(
                f"{self.path} did not answer within {deadline:g} s",
                hint="The disk may hang or be overloaded; look at the daemon's log.",
                may_have_run=begun,
                timeout_ms=int(deadline * 1000),
            )
        )

    def _commit(self, jobs: list[Job[Any]]) -> None:
        raw = self._file.writer
        power = any(job.power for job in jobs)
        shared = len(jobs) > 1
        try:
            if power is not self._full:
                raw.execute("PRAGMA synchronous = FULL" if power else "PRAGMA synchronous = NORMAL")
                self._full = power
            raw.execute("BEGIN IMMEDIATE")
            for job in jobs:
                if shared:
                    raw.execute("SAVEPOINT job")
                self._call(job, self._write_conn)
                if not raw.in_transaction:
                    # SQLite gives the whole transaction up when the disk is full or broken
                    cause = job.error or StoreUnusable(f"{self.path}: the transaction was lost", "Look at the disk.")
                    self._fail(jobs, cause)
                    return
                if shared:
                    if job.error is not None:
                        raw.execute("ROLLBACK TO job")
                    raw.execute("RELEASE job")
            if all(job.error is not None for job in jobs):
                raw.execute("ROLLBACK")
                return
            if power:
                failpoint("store.commit.before")
            raw.execute("COMMIT")
            if power:
                failpoint("store.commit.after")
        except sqlite3.Error as error:
            self._roll_back()
            self._fail(jobs, translate(error, self.path))

    def _snapshot(self, jobs: list[Job[Any]]) -> None:
        raw = self._file.reader
        for job in jobs:
            try:
                raw.execute("BEGIN")
                self._call(job, self._read_conn)
                raw.execute("ROLLBACK")
            except sqlite3.Error as error:
                job.error = translate(error, self.path)

    def _call(self, job: Job[Any], conn: Connection) -> None:
        try:
            job.value = job.fn(conn)
        except sqlite3.Error as error:
            job.error = translate(error, self.path)
        except BaseException as error:
            job.error = error

    def _roll_back(self) -> None:
        try:
            if self._file.writer.in_transaction:
                self._file.writer.execute("ROLLBACK")
        except sqlite3.Error:
            return  # the next BEGIN reports what is wrong

    @staticmethod
    def _fail(jobs: list[Job[Any]], cause: BaseException) -> None:
        for job in jobs:
            if job.error is None:
                job.value, job.error = None, cause

    def _finish(self, timeout: float) -> bool:
        if not self._writer.stop(timeout) or not self._reader.stop(timeout):
            return False
        self._file.close()
        return True
