"""Which processes belong to a process or a workspace, and how to end all of them.

A process belongs by descent (its parent belongs), by session (a group never leaves its session), or, where it left both
and its parents died, by the marker in the environment it was started with. A process without one of the three is never
touched.

Finding is quick, in a census that was taken before. Signalling reads /proc again and may block for milliseconds: call
it from a thread, or through `lookout`. Signals are sent through a pidfd whose start time was compared, so that a number
that was given to another process in the meantime is never hit.
"""

from __future__ import annotations

import os
import select
import signal
import time
from collections.abc import Callable, Iterable

from msgspec import Struct

from nexusd.backends.host.census import INSTANCE, PROCESS, WORKSPACE, Census, Proc, census, read

KILL, STOP = int(signal.SIGKILL), int(signal.SIGSTOP)
_FREEZE_ROUNDS, _CALM = 200, 3
_PATIENCE = 10.0
"""Seconds to wait for killed processes to go; those that the kernel holds (state D) may take longer."""


class Found(Struct, frozen=True):
    """The living processes of a tree, descendants before their parents."""

    members: list[Proc]

    @property
    def running(self) -> list[Proc]:
        """Those that a signal has not stopped."""
        return [process for process in self.members if process.state not in "Tt"]


def find_process(now: Census, process: str, root: int, started: int) -> Found:
    """The living processes of one started process.

    Args:
        now: the processes of the host.
        process: its id, as in the marker.
        root: its process id, whether it still lives or not.
        started: its start time.
    """
    seeds = now.marked(PROCESS, process)
    leader = now.processes.get(root)
    if leader is None or leader.started == started:
        # Nobody else can have got the number as a session's while a member of the session is left.
        candidates = [root, *now.session(root)]
        seeds.update(pid for pid in candidates if pid in now.processes and now.processes[pid].started >= started)
    return _collect(now, seeds)


def find_workspace(now: Census, workspace: str) -> Found:
    """The living processes of a workspace: those that carry its marker, and what descends from them."""
    return _collect(now, now.marked(WORKSPACE, workspace))


def find_instance(now: Census, instance: str) -> Found:
    """The living processes of every workspace of one daemon, this one or one that died."""
    return _collect(now, now.marked(INSTANCE, instance))


def find_strays(now: Census, instance: str, keepers: set[int]) -> Found:
    """Those of `find_instance` that no keeper keeps: none of these descends from one of `keepers`, by process id."""
    kept = {process.pid for process in _collect(now, keepers & now.processes.keys()).members}
    return Found([process for process in find_instance(now, instance).members if process.pid not in kept])


def signal_all(found: Found, number: int) -> None:
    """Send a signal to each, in their order."""
    for process in found.members:
        send(process, number)


def send(process: Proc, number: int) -> bool:
    """Send a signal to one process; False where it is gone, or is not ours to signal."""
    return send_to(process.pid, process.started, number)


def send_to(pid: int, started: int, number: int) -> bool:
    """The same for a process that is known by its id and start time."""
    try:
        fd = os.pidfd_open(pid)
    except OSError:
        return False
    try:
        now = read(pid)
        if now is None or now.started != started:
            return False
        signal.pidfd_send_signal(fd, number)
        return True
    except OSError:
        return False
    finally:
        os.close(fd)


def ask(found: Found, asked: set[tuple[int, int]]) -> None:
    """Send TERM to those that were not asked before, and let the stopped ones go on, that they can heed it.

    The leader of a terminal's session gets HUP too, as when the terminal is closed: interactive shells ignore TERM.
    """
    for process in found.members:
        if (process.pid, process.started) not in asked:
            asked.add((process.pid, process.started))
            send(process, signal.SIGTERM)
            if process.terminal and process.pid == process.session:
                send(process, signal.SIGHUP)
        if process.state == "T":
            send(process, signal.SIGCONT)


def kill(find: Callable[[Census], Found], on_kill: Callable[[Iterable[Proc]], None] = lambda processes: None) -> bool:
    """Kill a whole tree: freeze it, so that nothing escapes by forking; kill descendants before parents; look again.

    Args:
        find: the tree in a census.
        on_kill: told of the processes that are about to be killed.

    Returns:
        Whether all are gone.
    """
    deadline = time.monotonic() + _PATIENCE
    while (found := freeze(find)).members:
        if time.monotonic() >= deadline:
            return False
        on_kill(found.members)
        signal_all(found, KILL)
        _wait_gone(found.members, min(deadline, time.monotonic() + 0.5))
    return True


def freeze(find: Callable[[Census], Found]) -> Found:
    """Stop every process of a tree, with those that it forks meanwhile; returns them, descendants first."""
    found = find(census())
    stillness = Stillness()
    while not stillness.reached(found):
        signal_all(Found(found.running), STOP)
        found = find(census())
    return found


class Stillness:
    """Tells when a tree that is being stopped stands still.

    A stop takes effect when its process next enters or leaves the kernel. One that waits in the kernel (state D) may
    wait for another that is stopped already: after vfork, the parent sleeps until its child executes a program. So a
    tree of which the same processes only wait, several looks long, stands still as well.
    """

    def __init__(self) -> None:
        self._before: set[int] = set()
        self._calm = 0
        self._looks = 0

    def reached(self, found: Found) -> bool:
        """Whether the tree, as it is now, needs no more stopping."""
        self._looks += 1
        running = found.running
        if not running or self._looks > _FREEZE_ROUNDS:
            return True
        members = {process.pid for process in found.members}
        waiting = members == self._before and all(process.state == "D" for process in running)
        self._calm = self._calm + 1 if waiting else 0
        self._before = members
        return self._calm >= _CALM


def _wait_gone(processes: list[Proc], deadline: float) -> None:
    poll = select.poll()
    fds: set[int] = set()
    try:
        for process in processes:
            try:
                fd = os.pidfd_open(process.pid)
            except OSError:
                continue
            now = read(process.pid)
            if now is None or now.started != process.started or now.zombie:
                os.close(fd)
                continue
            fds.add(fd)
            poll.register(fd, select.POLLIN)
        while fds and (left := deadline - time.monotonic()) > 0:
            for fd, _ in poll.poll(left * 1000):
                poll.unregister(fd)
                fds.discard(fd)
                os.close(fd)
    finally:
        for fd in fds:
            os.close(fd)


def _collect(now: Census, seeds: set[int]) -> Found:
    depth: dict[int, int] = {}
    for seed in seeds:
        stack = [(seed, 0)]
        while stack:
            pid, level = stack.pop()
            if pid not in now.ancestors and depth.get(pid, -1) < level:
                depth[pid] = level
                stack.extend((child, level + 1) for child in now.children.get(pid, ()))
    members = [process for pid in depth if not (process := now.processes[pid]).zombie]
    members.sort(key=lambda process: depth[process.pid], reverse=True)
    return Found(members)
