"""What the synchronous client stands on: one event loop in a daemon thread, shared by all clients of the process.

A process that forks must connect anew: the loop's thread does not exist in the child, and using a client made before
the fork raises `RuntimeError` there.
"""

from __future__ import annotations

import asyncio
import concurrent.futures
import os
import threading
from collections.abc import Callable, Coroutine
from typing import Any, ClassVar, TypeVar

__all__ = ["Facade", "Portal"]

T = TypeVar("T")
F = TypeVar("F", bound="Facade")

_CANCEL_TIMEOUT = 5.0


class Portal:
    """Runs coroutines of any thread on one loop. Taken with `Portal.shared`."""

    _shared: ClassVar[Portal | None] = None
    _lock: ClassVar[threading.Lock] = threading.Lock()

    def __init__(self) -> None:
        self._pid = os.getpid()
        self._loop = asyncio.new_event_loop()
        self._thread = threading.Thread(target=self._loop.run_forever, name="nexus-sdk", daemon=True)
        self._thread.start()

    @classmethod
    def shared(cls) -> Portal:
        """Return the process's own portal, made when it is first asked for; a forked child gets one of its own."""
        with cls._lock:
            if cls._shared is None or cls._shared._pid != os.getpid():
                cls._shared = cls()
            return cls._shared

    def run(self, work: Coroutine[Any, Any, T]) -> T:
        """Run a coroutine to its end and return its result.

        Ctrl-C while waiting cancels the work, waits up to five seconds for it to clean up, and goes on as
        `KeyboardInterrupt`.

        Raises:
            RuntimeError: the process forked since, or a callback of this very loop waits for itself.
        """
        if self._pid != os.getpid():
            work.close()
            raise RuntimeError("this client was made before a fork; connect again in the child process")
        if threading.current_thread() is self._thread:
            work.close()
            raise RuntimeError("a callback must not call the synchronous client; it would wait for itself")
        outcome: concurrent.futures.Future[T] = concurrent.futures.Future()
        tasks: list[asyncio.Task[T]] = []

        def begin() -> None:
            task = self._loop.create_task(work)
            tasks.append(task)
            task.add_done_callback(settle)

        def settle(task: asyncio.Task[T]) -> None:
            if task.cancelled():
                outcome.set_exception(asyncio.CancelledError())
            elif (error := task.exception()) is not None:
                outcome.set_exception(error)
            else:
                outcome.set_result(task.result())

        def cancel() -> None:
            for task in tasks:
                task.cancel()

        self._loop.call_soon_threadsafe(begin)
        try:
            return outcome.result()
        except (KeyboardInterrupt, SystemExit):
            if not outcome.done():
                self._loop.call_soon_threadsafe(cancel)
                concurrent.futures.wait([outcome], _CANCEL_TIMEOUT)
            raise


class Facade:
    """Base of the synchronous classes: holds the asynchronous object it speaks for."""

    _inner: Any

    def __init__(self, inner: Any, portal: Portal) -> None:
        self._inner = inner
        self._portal = portal

    def __repr__(self) -> str:
        return f"<sync {self._inner!r}>"

    def _run(self, work: Coroutine[Any, Any, T]) -> T:
        return self._portal.run(work)

    def _wrap(self, kind: Callable[[Any, Portal], F], inner: Any) -> F:
        return kind(inner, self._portal)

    def _next(self) -> Any:
        item = self._portal.run(_advance(self._inner))
        if item is _END:
            raise StopIteration
        return item


_END = object()


async def _advance(iterator: Any) -> Any:
    try:
        return await iterator.__anext__()
    except StopAsyncIteration:
        return _END
