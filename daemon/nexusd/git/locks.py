"""Exclusion between daemons, and between a daemon and the git processes that a killed one left behind.

The lock is flock(2) on a small file. Its descriptor is handed down to git, so the lock is held for as long as anything
that was started under it lives: whoever gets the lock afterwards knows that nobody is half way any more.
"""

from __future__ import annotations

import asyncio
import contextlib
import fcntl
import os
import weakref
from collections.abc import AsyncIterator
from pathlib import Path

from nexus_sdk.protocol.errors import DeadlineExceeded


@contextlib.asynccontextmanager
async def locked(path: Path, *, timeout: float, what: str, remove: bool = False) -> AsyncIterator[int]:
    """Hold the lock file `path`, which is made where it is missing; gives its descriptor, to be passed to git.

    Args:
        timeout: seconds to wait for whoever holds it.
        what: what the lock is for, for the error message.
        remove: remove the file at the end.

    Raises:
        DeadlineExceeded: it was held all the time. Nothing was changed.
    """
    try:
        async with asyncio.timeout(timeout) as deadline, _queued(path):
            pause = 0.005
            while (fd := _try(path)) is None:
                await asyncio.sleep(pause)
                pause = min(pause * 2, 0.25)
            deadline.reschedule(None)
            try:
                yield fd
            finally:
                if remove:
                    with contextlib.suppress(FileNotFoundError):
                        path.unlink()
                os.close(fd)
    except TimeoutError:
        if not deadline.expired():
            raise
        raise DeadlineExceeded(f"another process is busy with {what}", timeout_ms=int(timeout * 1000)) from None


class _Queue:
    """The waiters of this process for one lock file, in the order of their coming."""

    def __init__(self) -> None:
        self.lock = asyncio.Lock()
        self.users = 0


_queues: weakref.WeakKeyDictionary[asyncio.AbstractEventLoop, dict[Path, _Queue]] = weakref.WeakKeyDictionary()


@contextlib.asynccontextmanager
async def _queued(path: Path) -> AsyncIterator[None]:
    """Wait for our turn in this process, so that only one of us asks the file system."""
    queues = _queues.setdefault(asyncio.get_running_loop(), {})
    queue = queues.setdefault(path, _Queue())
    queue.users += 1
    try:
        async with queue.lock:
            yield
    finally:
        queue.users -= 1
        if not queue.users:
            queues.pop(path, None)


def _try(path: Path) -> int | None:
    fd = os.open(path, os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    try:
        fcntl.flock(fd, fcntl.LOCK_EX | fcntl.LOCK_NB)
        # A holder may have removed the file while we waited for it: then this lock excludes nobody.
        mine, current = os.fstat(fd), os.stat(path, follow_symlinks=False)
        if (mine.st_dev, mine.st_ino) == (current.st_dev, current.st_ino):
            return fd
    except (BlockingIOError, FileNotFoundError):
        pass
    except BaseException:
        os.close(fd)
        raise
    os.close(fd)
    return None
