"""The threads that touch the database, and how a coroutine hands them work and waits.

A job is claimed exactly once: by the worker, which then runs it, or by the waiter that gave up, and then it never
runs. So a caller whose deadline passed knows whether anything may have happened.
"""

from __future__ import annotations

import asyncio
import queue
import threading
from collections.abc import Callable
from typing import Any, Generic, TypeVar

from nexusd.store.connection import Connection

T = TypeVar("T")


class Job(Generic[T]):
    """A function to be called with a connection, and the place of its outcome.

    Attributes:
        fn: the function.
        power: whether its commit must survive a loss of power.
        future: resolved on the loop that made the job.
        value: what the function returned, once it has.
        error: what it raised, or why its transaction was not committed.
    """

    __slots__ = ("_claim", "_loop", "error", "fn", "future", "power", "value")

    def __init__(self, fn: Callable[[Connection], T], *, power: bool) -> None:
        self.fn = fn
        self.power = power
        self.value: T | None = None
        self.error: BaseException | None = None
        self._loop = asyncio.get_running_loop()
        self.future: asyncio.Future[T] = self._loop.create_future()
        self._claim = threading.Lock()

    def claim(self) -> bool:
        """Take the job. True for the first caller only, in any thread."""
        return self._claim.acquire(blocking=False)

    def finish(self) -> None:
        """Deliver the outcome to the waiter, if it still waits. Called by the worker."""
        try:
            self._loop.call_soon_threadsafe(self._deliver)
        except RuntimeError:
            return  # the loop is closed: nobody waits any more

    def _deliver(self) -> None:
        if self.future.done():
            return
        if self.error is not None:
            self.future.set_exception(self.error)
        else:
            self.future.set_result(self.value)  # type: ignore[arg-type] # T itself may be None


class Worker:
    """One thread that takes jobs in order.

    Args:
        name: the thread's name.
        execute: called with the claimed jobs of one turn; sets `value` or `error` of each and never raises.
        batch: how many waiting jobs one turn may take.
    """

    def __init__(self, name: str, execute: Callable[[list[Job[Any]]], None], *, batch: int = 1) -> None:
        self._execute = execute
        self._batch = batch
        self._queue: queue.SimpleQueue[Job[Any] | None] = queue.SimpleQueue()
        self._thread = threading.Thread(target=self._main, name=name, daemon=True)
        self._thread.start()

    def submit(self, job: Job[Any]) -> None:
        """Queue a job. Never blocks."""
        self._queue.put(job)

    def stop(self, timeout: float) -> bool:
        """Finish what is queued, then end the thread. Blocks up to `timeout` seconds; False if it still runs."""
        self._queue.put(None)
        self._thread.join(timeout)
        return not self._thread.is_alive()

    def _main(self) -> None:
        running = True
        while running:
            jobs: list[Job[Any]] = []
            job = self._queue.get()
            while job is not None:
                if job.claim():
                    jobs.append(job)
                if len(jobs) >= self._batch:
                    break
                try:
                    job = self._queue.get_nowait()
                except queue.Empty:
                    break
            else:
                running = False
            if jobs:
                self._execute(jobs)
                for done in jobs:
                    done.finish()
