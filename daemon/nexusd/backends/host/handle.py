"""A process that runs on this host, as everything above a machine sees it."""

from __future__ import annotations

import asyncio
import os
import signal

from nexusd.backends.base import KeptOutput, RawExit
from nexusd.backends.host import tree
from nexusd.backends.host.census import Census, census
from nexusd.backends.host.lookout import Lookout
from nexusd.backends.host.reaper import Reaper
from nexusd.backends.host.spawn import Started, set_size

UNKNOWN = RawExit(None, None)
"""Somebody else reaped the process: nobody knows how it ended."""

_REAP_PATIENCE = 10.0


class HostHandle:
    """Fulfils `ProcessHandle`. Made on the event loop, which reaps the process as soon as it ends.

    Args:
        process: its id, the marker that finds what descends from it.
        started: what `spawn.start` returned; the handle owns the descriptors.
        reaper: is told that this child has somebody who waits for it.
        lookout: finds what descends from it.
    """

    def __init__(self, process: str, started: Started, reaper: Reaper, lookout: Lookout) -> None:
        self.process = process
        self.pid = started.pid
        self.started = started.started
        self.stdout: int | None = started.stdout
        self.stderr = started.stderr
        self.stdin = started.stdin
        self.kept: KeptOutput | None = None
        self._pty = started.pty
        self._pidfd = started.pidfd
        self._reaper = reaper
        self._lookout = lookout
        self._closed = False
        self._loop = asyncio.get_running_loop()
        self._exit: asyncio.Future[RawExit] = self._loop.create_future()
        self._waiters: list[asyncio.Future[RawExit]] = []
        self._loop.add_reader(self._pidfd, self._reap)

    async def wait(self) -> RawExit:
        """Wait until the process was reaped."""
        if self._exit.done():
            return self._exit.result()
        waiter: asyncio.Future[RawExit] = self._loop.create_future()
        self._waiters.append(waiter)
        return await waiter

    def find(self, now: Census) -> tree.Found:
        """The living processes that this one is, or started."""
        return tree.find_process(now, self.process, self.pid, self.started)

    async def signal(self, number: int, *, group: bool = True) -> None:
        """Send a signal. To a group it reads /proc, which takes milliseconds: in a thread."""
        await asyncio.to_thread(self._signal, number, group)

    def _signal(self, number: int, group: bool) -> None:
        if not group:
            tree.send_to(self.pid, self.started, number)
        elif number == signal.SIGKILL:
            tree.kill(self.find, self._reaper.ended)
        elif number == signal.SIGSTOP:
            tree.freeze(self.find)
        else:
            tree.signal_all(self.find(census()), number)

    async def kill_tree(self, grace: float) -> None:
        """End the process and all that descends from it."""
        await self._lookout.end(self.find, grace, self._reaper.ended, self._exit)
        await asyncio.wait([self._exit], timeout=_REAP_PATIENCE)

    def resize(self, columns: int, rows: int) -> None:
        """Set the terminal's size."""
        if self._pty and self.stdout is not None and not self._closed:
            set_size(self.stdout, columns, rows)

    def close_stdin(self) -> None:
        """Close the writing side of stdin."""
        if not self._pty and self.stdin is not None:
            os.close(self.stdin)
            self.stdin = None

    def close(self) -> None:
        """Release the descriptors. The process is reaped all the same."""
        if self._closed:
            return
        self._closed = True
        self.close_stdin()
        for fd in (self.stdout, self.stderr):
            if fd is not None:
                os.close(fd)

    def forget(self) -> None:
        """The same: nobody remembers it."""
        self.close()

    def _reap(self) -> None:
        try:
            status = os.waitid(os.P_PIDFD, self._pidfd, os.WEXITED | os.WNOHANG)
        except ChildProcessError:
            result = UNKNOWN
        else:
            if status is None:
                return
            ended = status.si_code == os.CLD_EXITED
            result = RawExit(status.si_status, None) if ended else RawExit(None, status.si_status)
        self._loop.remove_reader(self._pidfd)
        os.close(self._pidfd)
        self._reaper.disown(self.pid)
        for future in (self._exit, *self._waiters):
            if not future.done():
                future.set_result(result)
        self._waiters.clear()


def discard(process: str, started: Started, reaper: Reaper) -> None:
    """End and reap a process that nobody will ever ask for. Blocking, for a thread."""
    for fd in {started.stdout, started.stderr, started.stdin} - {None}:
        assert fd is not None
        os.close(fd)
    tree.kill(lambda now: tree.find_process(now, process, started.pid, started.started), reaper.ended)
    os.waitid(os.P_PIDFD, started.pidfd, os.WEXITED)
    os.close(started.pidfd)
    reaper.disown(started.pid)
