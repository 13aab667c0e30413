"""Operations: lifecycle changes as journalled steps, each with its compensation.

The journal is the operation's row: before a step runs, the row says so; after it, the row says that too. A crash at
any instruction therefore leaves a row that tells which steps may have had an effect. The next run of the daemon begins
the operation again, at the first step that is not done. Steps are idempotent, so a step that was under way is simply
run again. Where going on fails, everything is undone, last step first; undoing is idempotent and journalled as well.

The store is written before anybody is told (design §2.5), and no lock is held while a step runs: a workspace is kept
from a second operation by the ``operation`` column of its row, which is set and cleared in the same transactions.
"""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable, Sequence
from datetime import UTC, datetime
from typing import Any, Protocol

from nexus_sdk.protocol.errors import Cancelled, InternalError, NexusError, OperationDone, StorageFull

from nexusd.failpoints import failpoint
from nexusd.store import operations as rows
from nexusd.store.connection import Connection
from nexusd.store.database import Database
from nexusd.store.operations import OperationRecord

log = logging.getLogger(__name__)

RETRIES = 30
RETRY_SECONDS = 2.0
"""How often and how long a write that must happen waits for space on the disk."""

Progress = Callable[[int, int, str], None]
"""Told of steps done, steps in all, and what is being done."""


class Step(Protocol):
    """One idempotent piece of an operation."""

    name: str
    title: str

    async def do(self, run: Run) -> None:
        """Do it; done already is success. Facts that later steps need go into ``run.data``."""
        ...

    async def undo(self, run: Run) -> None:
        """Undo whatever `do` may have done; nothing done is success."""
        ...


class Plan(Protocol):
    """A kind of operation: its steps, and what is written when it ends."""

    kind: str
    cancellable: bool

    def steps(self, run: Run) -> Sequence[Step]:
        """The steps, the same for the same params, in this and in every later run of the daemon."""
        ...

    def succeed(self, conn: Connection, run: Run) -> None:
        """Write the workspace's new state, in the transaction that ends the operation."""
        ...

    def fail(self, conn: Connection, run: Run, error: NexusError, undone: bool) -> None:
        """Write the workspace's state after a failure, in the transaction that ends the operation."""
        ...


class Run:
    """An operation under way, or one that has ended while somebody still looks at it.

    Attributes:
        record: its row as last written.
        data: facts gathered by its steps; written with each step.
    """

    def __init__(self, record: OperationRecord, save: Callable[[Run], Awaitable[None]]) -> None:
        self.record = record
        self._save = save
        self.data: dict[str, Any] = dict(record.data)
        self.error: NexusError | None = None
        self.cancelled = False
        self._done = asyncio.Event()
        self._listeners: set[Progress] = set()

    @property
    def ended(self) -> bool:
        """Whether its outcome is written."""
        return self._done.is_set()

    async def save(self) -> None:
        """Write `data` now, in the middle of a step: what happens next must be recognisable after a crash."""
        await self._save(self)

    def finish(self) -> None:
        """Wake everybody who waits."""
        self._done.set()

    async def wait(self) -> None:
        """Wait until it has ended. Cancelling the wait does not touch the operation."""
        await self._done.wait()

    def listen(self, progress: Progress) -> Callable[[], None]:
        """Report progress to a listener until the returned function is called."""
        self._listeners.add(progress)
        return lambda: self._listeners.discard(progress)

    def report(self, message: str) -> None:
        """Tell the listeners what is being done."""
        done = sum(1 for step in self.record.steps if step["state"] == "done")
        for listener in tuple(self._listeners):
            listener(done, len(self.record.steps), message)


class Journal:
    """Runs operations and remembers the ones under way.

    Args:
        db: the store.
        changed: called with the workspace's id after each commit that may have changed its row.
        ended: called with kind and state of each operation that has ended.
    """

    def __init__(
        self,
        db: Database,
        changed: Callable[[str], Awaitable[None]],
        ended: Callable[[str, str], None] = lambda kind, state: None,
    ) -> None:
        self._db = db
        self._changed = changed
        self._ended = ended
        self._runs: dict[str, Run] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def running(self, operation: str) -> Run | None:
        """The operation if it is under way in this daemon."""
        return self._runs.get(operation)

    @property
    def active(self) -> int:
        """How many are under way."""
        return len(self._runs)

    def begin(self, plan: Plan, record: OperationRecord) -> Run:
        """Run an accepted operation (its row is written) in the background."""
        run = Run(record, self._save)
        self._runs[record.id] = run
        task = asyncio.create_task(self._execute(plan, run), name=f"operation {record.id}")
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)
        return run

    def draft(self, record: OperationRecord) -> Run:
        """A run that is not begun, for asking a plan for its steps."""
        return Run(record, self._save)

    def ended(self, record: OperationRecord) -> Run:
        """A run whose outcome is written already."""
        run = Run(record, self._save)
        run.finish()
        return run

    def cancel(self, operation: str, plan: Plan) -> Run:
        """Ask an operation to stop after the step under way and undo itself.

        Raises:
            OperationDone: it has ended, or its kind cannot be undone.
        """
        run = self._runs.get(operation)
        if run is None or run.ended:
            raise OperationDone(f"operation {operation} has ended", operation=operation)
        if not plan.cancellable:
            raise OperationDone(
                f"a {plan.kind} cannot be undone once begun",
                hint="Wait for it to end.",
                operation=operation,
            )
        run.cancelled = True
        return run

    async def drain(self, timeout: float) -> None:
        """Wait for the operations under way, at most `timeout` seconds; the rest goes on after the next start."""
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=timeout)
        for task in tuple(self._tasks):
            task.cancel()
        if self._tasks:
            await asyncio.wait(set(self._tasks), timeout=1)

    async def _execute(self, plan: Plan, run: Run) -> None:
        try:
            if not run.data.get("undoing"):
                try:
                    await self._forward(plan, run)
                    return
                except NexusError as error:
                    run.error = error
                except Exception:
                    log.error("operation %s (%s) broke\n%s", run.record.id, plan.kind, traceback.format_exc())
                    run.error = InternalError(f"{plan.kind} broke on a defect of the daemon; see its log")
            await self._backward(plan, run)
        finally:
            self._runs.pop(run.record.id, None)
            self._ended(plan.kind, run.record.state)
            run.finish()

    async def _forward(self, plan: Plan, run: Run) -> None:
        steps = plan.steps(run)
        for index, step in enumerate(steps):
            if run.record.steps[index]["state"] == "done":
                continue
            if run.cancelled:
                raise Cancelled("the operation was cancelled and undone")
            # The end of one step and the beginning of the next are one commit: a commit costs an fsync.
            await self._write(run, index, "running", message=step.title)
            run.report(step.title)
            failpoint(f"{plan.kind}.{step.name}.before")
            await step.do(run)
            failpoint(f"{plan.kind}.{step.name}.after")
            _mark(run, index, "done")
        if run.cancelled:
            raise Cancelled("the operation was cancelled and undone")

        def end(conn: Connection) -> None:
            run.record.state, run.record.message, run.record.ended_at = "done", "", datetime.now(UTC)
            self._update(conn, run)
            plan.succeed(conn, run)

        failpoint(f"{plan.kind}.end.before")
        await self._db.run(end)
        failpoint(f"{plan.kind}.end.after")
        await self._changed(run.record.workspace)
        run.report("done")

    async def _backward(self, plan: Plan, run: Run) -> None:
        steps = plan.steps(run)
        error = run.error or _stored_error(run.record)
        run.data["undoing"] = True
        run.record.error = error.to_wire() if error else run.record.error
        undone = True
        for index in range(len(steps) - 1, -1, -1):
            step, state = steps[index], run.record.steps[index]["state"]
            if state in ("waiting", "undone"):
                continue
            _mark(run, index, "failed" if state == "running" else state)
            run.record.message = f"undoing: {step.title}"
            await self._commit(lambda conn: self._update(conn, run))
            failpoint(f"{plan.kind}.{step.name}.undo")
            try:
                await step.undo(run)
            except NexusError as problem:
                undone = False
                log.error("operation %s: undoing %s failed: %s", run.record.id, step.name, problem)
                continue
            except Exception:
                undone = False
                log.error("operation %s: undoing %s broke\n%s", run.record.id, step.name, traceback.format_exc())
                continue
            _mark(run, index, "undone")
        cancelled = isinstance(error, Cancelled)
        final = error if error is not None else InternalError(f"{plan.kind} was interrupted and undone")

        def end(conn: Connection) -> None:
            run.record.state = "cancelled" if cancelled else "failed"
            run.record.message, run.record.ended_at = final.message, datetime.now(UTC)
            run.record.error = final.to_wire()
            self._update(conn, run)
            plan.fail(conn, run, final, undone)

        await self._commit(end)
        run.error = final
        await self._changed(run.record.workspace)
        run.report("cancelled" if cancelled else "failed")

    async def _save(self, run: Run) -> None:
        await self._db.run(lambda conn: self._update(conn, run))

    async def _write(self, run: Run, index: int, state: str, *, message: str) -> None:
        _mark(run, index, state)
        run.record.message = message
        await self._save(run)

    async def _commit(self, write: Callable[[Connection], None]) -> None:
        """Write what must be written; a full disk is waited out, since undoing is what may free it."""
        for _ in range(RETRIES):
            try:
                await self._db.run(write)
                return
            except StorageFull as error:
                log.error("%s; trying again in %.0f s", error, RETRY_SECONDS)
                await asyncio.sleep(RETRY_SECONDS)
        await self._db.run(write)

    def _update(self, conn: Connection, run: Run) -> None:
        record = run.record
        rows.update(
            conn,
            record.id,
            state=record.state,
            steps=record.steps,
            message=record.message,
            error=record.error,
            data=run.data,
            ended_at=record.ended_at,
        )


def _mark(run: Run, index: int, state: str) -> None:
    step = run.record.steps[index]
    now = datetime.now(UTC).isoformat()
    step["state"] = state
    if state == "running":
        step["started_at"] = now
    elif state != "waiting":
        step["ended_at"] = now


def _stored_error(record: OperationRecord) -> NexusError | None:
    if not record.error:
        return None
    return NexusError.from_wire(record.error["code"], record.error["message"], record.error.get("data"))
