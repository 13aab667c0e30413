"""Events for a watched tree from inotify, in batches of at most 25 ms."""

from __future__ import annotations

import os
import select
import threading
import time
from collections.abc import Callable
from typing import Final

from nexusd.files.beneath import Beneath
from nexusd.files.inotify import (
    APPEARED,
    CHANGED,
    IN_DELETE,
    IN_IGNORED,
    IN_ISDIR,
    IN_MOVED_TO,
    IN_ONLYDIR,
    IN_Q_OVERFLOW,
    VANISHED,
    Event,
    Inotify,
)
from nexusd.files.watchtree import Tree

_QUIET: Final = 0.005
"""Seconds without an event that end a batch."""

_BATCH: Final = 0.025
"""Seconds that a batch may last."""


class KernelDriver:
    """Waits for the kernel. All but `wake` belongs to one thread."""

    def __init__(self, beneath: Beneath, root_gone: Callable[[], None]) -> None:
        """Open a queue of events.

        Args:
            root_gone: called when the root itself was removed.

        Raises:
            OSError: EMFILE at the system's limit of queues.
        """
        self._beneath = beneath
        self._root_gone = root_gone
        self._queue = Inotify()
        self._above = self._watch_above()
        self._wake_read, self._wake_write = os.pipe2(os.O_CLOEXEC | os.O_NONBLOCK)
        self._lock = threading.Lock()
        """Held for writing to the pipe and for closing it."""
        self._closed = False
        self._both = select.poll()
        self._both.register(self._queue.fd, select.POLLIN)
        self._both.register(self._wake_read, select.POLLIN)
        self._events = select.poll()
        self._events.register(self._queue.fd, select.POLLIN)

    def add(self, directory: int) -> int:
        """Watch an open directory."""
        return self._queue.add(directory)

    def remove(self, watch: int) -> None:
        """End a watch."""
        self._queue.remove(watch)

    def wake(self) -> None:
        """End the wait of `pump`. Any thread may call it, after `close`, too."""
        with self._lock:
            if self._closed:
                return
            try:
                os.write(self._wake_write, b"\0")
            except BlockingIOError:
                pass  # the pipe is full of calls to wake up

    def pump(self, tree: Tree) -> None:
        """Wait for events or `wake`; bring the tree up to date and tell what changed.

        Woken, it takes what is in the queue now: an order that follows finds all older changes told.
        """
        ready = {fd for fd, _ in self._both.poll()}
        woken = self._wake_read in ready
        if woken:
            os.read(self._wake_read, 4096)
        end = time.monotonic() + _BATCH
        while True:
            events = self._queue.read()
            for event in events:
                self._take(tree, event)
            if not events and (woken or not self._events.poll(_QUIET * 1000)):
                break
            if time.monotonic() >= end:
                break
        tree.flush()

    def close(self) -> None:
        """Let go of the queue and the pipe."""
        with self._lock:
            self._closed = True
            self._queue.close()
            os.close(self._wake_read)
            os.close(self._wake_write)

    def _watch_above(self) -> int:
        """Hear of the root's removal. Our own descriptor keeps a removed root alive, so it tells nothing itself."""
        try:
            fd = self._beneath.open_above()
            try:
                return self._queue.add(fd, IN_DELETE | IN_ONLYDIR)
            finally:
                os.close(fd)
        except OSError:
            return -2  # not ours to read: then the end of the workspace is told by whoever ends it

    def _take(self, tree: Tree, event: Event) -> None:
        if event.mask & IN_Q_OVERFLOW:
            tree.lost("the kernel's queue of events overflowed")
            return
        if event.watch == self._above and event.mask & IN_DELETE and self._beneath.gone:
            self._root_gone()
            return
        directory = tree.find(event.watch)
        if directory is None:
            return
        is_dir = bool(event.mask & IN_ISDIR)
        if event.mask & IN_IGNORED:
            tree.ended(event.watch)
        elif not event.name:
            return
        elif event.mask & APPEARED:
            tree.appeared(directory, event.name, is_dir, replaced=bool(event.mask & IN_MOVED_TO))
        elif event.mask & VANISHED:
            tree.vanished(directory, event.name)
        elif event.mask & CHANGED:
            tree.changed(directory, event.name, is_dir)
