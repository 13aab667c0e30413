"""The thread that waits for the kernel on behalf of one watcher."""

from __future__ import annotations

import asyncio
import logging
import os
import select
import threading
import time
from collections import deque
from collections.abc import Callable
from typing import Final

from nexusd.files.beneath import Beneath
from nexusd.files.inotify import (
    APPEARED,
    CHANGED,
    IN_DELETE_SELF,
    IN_IGNORED,
    IN_ISDIR,
    IN_MOVED_TO,
    IN_Q_OVERFLOW,
    VANISHED,
    Event,
    Inotify,
)
from nexusd.files.watchtree import Scope, Tree

_QUIET: Final = 0.005
"""Seconds without an event that end a batch."""

_BATCH: Final = 0.025
"""Seconds that a batch may last."""

_STOP_WAIT: Final = 10.0

_log: Final = logging.getLogger(__name__)


class WatchThread:
    """Owns the inotify queue and the tree; scopes come and go by message."""

    def __init__(self, beneath: Beneath, exclude: str, root_gone: Callable[[], None]) -> None:
        """Start the thread.

        Args:
            root_gone: called in the event loop when the root itself was removed.

        Raises:
            OSError: EMFILE at the system's limit of inotify queues.
        """
        self._loop = asyncio.get_running_loop()
        self._root_gone = root_gone
        self._queue = Inotify()
        self._tree = Tree(beneath, self._queue, exclude)
        self._orders: deque[Callable[[], None]] = deque()
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._pipe_lock = threading.Lock()
        self._closed = False
        self._stopping = False
        self._thread = threading.Thread(target=self._run, name="nexus-watch", daemon=True)
        self._thread.start()

    async def add(self, scope: Scope) -> None:
        """Watch for a scope; returns when the watch is in place. If the wait is cancelled, the scope is removed again.

        Raises:
            OSError: see `Tree.add`.
        """
        done: asyncio.Future[None] = self._loop.create_future()

        def order() -> None:
            try:
                self._tree.add(scope)
            except BaseException as error:
                self._loop.call_soon_threadsafe(_fail, done, error)
            else:
                self._loop.call_soon_threadsafe(_succeed, done)

        self._send(order)
        try:
            await done
        except asyncio.CancelledError:
            self.remove(scope)
            raise

    def remove(self, scope: Scope) -> None:
        """Stop watching for a scope, soon."""

        def order() -> None:
            try:
                self._tree.remove(scope)
            except ValueError:
                pass  # it could not be added

        self._send(order)

    def close(self) -> None:
        """End the thread. Blocks until it has ended."""
        self._send(self._stop)
        self._thread.join(_STOP_WAIT)
        with self._pipe_lock:
            self._closed = True
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _stop(self) -> None:
        self._stopping = True

    def _send(self, order: Callable[[], None]) -> None:
        self._orders.append(order)
        with self._pipe_lock:
            if self._closed:
                return
            try:
                os.write(self._wake_write, b"\0")
            except BlockingIOError:
                pass  # the pipe is full of calls to wake up

    def _run(self) -> None:
        poller = select.poll()
        poller.register(self._queue.fd, select.POLLIN)
        poller.register(self._wake_read, select.POLLIN)
        try:
            while not self._stopping:
                ready = {fd for fd, _ in poller.poll()}
                if self._wake_read in ready:
                    os.read(self._wake_read, 4096)
                # Orders first see all events that are older than they are.
                self._gather(wait=self._queue.fd in ready and not self._orders)
                while self._orders:
                    self._orders.popleft()()
        except Exception:
            _log.exception("a watch ended")
            self._tree.lost("the watch failed; its cause is in the daemon's log")
        finally:
            self._queue.close()

    def _gather(self, *, wait: bool) -> None:
        """Take events until it is quiet, then tell what changed."""
        poller = select.poll()
        poller.register(self._queue.fd, select.POLLIN)
        end = time.monotonic() + _BATCH
        while True:
            events = self._queue.read()
            for event in events:
                self._take(event)
            if not events and not (wait and poller.poll(_QUIET * 1000)):
                break
            if time.monotonic() >= end:
                break
        self._tree.flush()

    def _take(self, event: Event) -> None:
        tree = self._tree
        if event.mask & IN_Q_OVERFLOW:
            tree.lost("the kernel's queue of events overflowed")
            return
        directory = tree.find(event.watch)
        if directory is None:
            return
        if event.mask & IN_IGNORED:
            tree.ended(event.watch)
        elif event.mask & IN_DELETE_SELF:
            if not directory.parts:
                self._loop.call_soon_threadsafe(self._root_gone)
        elif not event.name:
            return
        elif event.mask & APPEARED:
            tree.appeared(directory, event.name, bool(event.mask & IN_ISDIR), replaced=bool(event.mask & IN_MOVED_TO))
        elif event.mask & VANISHED:
            tree.vanished(directory, event.name)
        elif event.mask & CHANGED:
            tree.changed(directory, event.name, bool(event.mask & IN_ISDIR))


def _succeed(done: asyncio.Future[None]) -> None:
    if not done.done():
        done.set_result(None)


def _fail(done: asyncio.Future[None], error: BaseException) -> None:
    if not done.done():
        done.set_exception(error)
