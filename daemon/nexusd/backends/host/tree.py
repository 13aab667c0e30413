"""Which processes belong to a process or a workspace, and how to end all of them.

A process belongs by descent (its parent belongs), by session (a group never leaves its session), or, where it left both
and its parents died, by the marker in the environment it was started with. A process without one of the three is never
touched. Everything here reads /proc and blocks for milliseconds: call it from a thread.

Signals are sent through a pidfd whose start time was compared, so that a process id that was given to somebody else in
the meantime is never hit.
"""

from __future__ import annotations

import os
import select
import signal
import threading
import time
from collections.abc import Callable, Iterable
from typing import NamedTuple

from msgspec import Struct

INSTANCE, WORKSPACE, PROCESS = "NEXUS_INSTANCE", "NEXUS_WORKSPACE", "NEXUS_PROCESS"
"""Names of the markers: which daemon's, which workspace's, which process's."""

_ENVIRON_LIMIT = 1 << 20
_PF_KTHREAD = 0x00200000
_EXEC_LOOKS, _EXEC_PAUSE = 100, 0.0005
_FREEZE_ROUNDS = 200
_PATIENCE = 10.0
"""Seconds to wait for killed processes to go; those that the kernel holds (state D) may take longer."""


class Proc(NamedTuple):
    """One line of /proc/<pid>/stat.

    Attributes:
        started: clock ticks after boot; with `pid` it names a process for good.
        cpu: clock ticks of user and system time.
        memory: resident pages.
        kernel: a thread of the kernel.
    """

    pid: int
    parent: int
    session: int
    state: str
    started: int
    threads: int
    cpu: int
    memory: int
    kernel: bool

    @property
    def zombie(self) -> bool:
        """It has ended and waits to be reaped. (A leader that left its threads running looks the same, but has not.)"""
        return self.state in "ZX" and self.threads <= 1


class Found(Struct, frozen=True):
    """The living processes of a tree, descendants before their parents."""

    members: list[Proc]

    @property
    def running(self) -> list[Proc]:
        """Those that a signal has not stopped."""
        return [process for process in self.members if process.state not in "Tt"]


def read(pid: int) -> Proc | None:
    """One process, None where there is none."""
    try:
        fd = os.open(f"/proc/{pid}/stat", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        line = os.read(fd, 4096)
    except OSError:
        return None
    finally:
        os.close(fd)
    # The name stands in brackets and may hold any byte, brackets and spaces too.
    fields = line[line.rindex(b")") + 2 :].split()
    return Proc(
        pid=pid,
        parent=int(fields[1]),
        session=int(fields[3]),
        state=fields[0].decode(),
        started=int(fields[19]),
        threads=int(fields[17]),
        cpu=int(fields[11]) + int(fields[12]),
        memory=int(fields[21]),
        kernel=bool(int(fields[6]) & _PF_KTHREAD),
    )


class Census(NamedTuple):
    """All processes at one moment, and the markers of those that have any."""

    begun: float
    processes: dict[int, Proc]
    marks: dict[int, dict[str, str]]


_census_lock = threading.Lock()
_last = Census(-1.0, {}, {})


def census() -> Census:
    """The processes as they are after this call began.

    Calls that wait for one another share the next walk through /proc: ending 500 processes at once costs a few walks,
    not 500. A process that was seen with its markers keeps them, though it may replace its environment later.
    """
    global _last
    called = time.monotonic()
    with _census_lock:
        if _last.begun >= called:
            return _last
        begun = time.monotonic()
        processes, marks = {}, {}
        for name in os.listdir("/proc"):
            if not name.isdigit() or (process := read(int(name))) is None:
                continue
            pid = process.pid
            processes[pid] = process
            if process.zombie or process.kernel:
                continue
            before = _last.processes.get(pid)
            known = _last.marks.get(pid) if before is not None and before.started == process.started else None
            if found := known or markers(pid):
                marks[pid] = found
        _last = Census(begun, processes, marks)
        return _last


def markers(pid: int) -> dict[str, str]:
    """The markers in the environment that a process of our user was started with; empty for any other process."""
    block = _environ(pid)
    for _ in range(_EXEC_LOOKS):
        if block != b"":
            break
        # In the middle of an exec there is no environment for a moment: who looks away then lets a process escape.
        busy = _in_exec(pid)
        if busy:
            time.sleep(_EXEC_PAUSE)
        block = _environ(pid)
        if not busy:
            break
    if not block or b"NEXUS_" not in block:
        return {}
    block = b"\0" + block
    found = {}
    for name in (INSTANCE, WORKSPACE, PROCESS):
        _, sign, after = block.partition(f"\0{name}=".encode())
        if sign:
            found[name] = after.partition(b"\0")[0].decode("utf-8", "replace")
    return found


def _environ(pid: int) -> bytes | None:
    try:
        fd = os.open(f"/proc/{pid}/environ", os.O_RDONLY | os.O_CLOEXEC)
    except OSError:
        return None
    try:
        if os.fstat(fd).st_uid != os.geteuid():
            return None
        block = b""
        while len(block) < _ENVIRON_LIMIT and (more := os.read(fd, 65536)):
            block += more
        return block
    except OSError:
        return None
    finally:
        os.close(fd)


def _in_exec(pid: int) -> bool:
    # Between letting go of the old image and laying out the new one, env_start (proc(5), field 50) is 0.
    try:
        with open(f"/proc/{pid}/stat", "rb") as file:
            line = file.read()
    except OSError:
        return False
    fields = line[line.rindex(b")") + 2 :].split()
    return fields[0] not in (b"Z", b"X") and fields[47] == b"0"


def find_process(process: str, root: int, started: int) -> Found:
    """The living processes of one started process.

    Args:
        process: its id, as in the marker.
        root: its process id, whether it still lives or not.
        started: its start time.
    """

    now = census()
    everyone = now.processes
    leader = everyone.get(root)
    seeds = set()
    if leader is None or leader.started == started:
        # Nobody else can have got the number as a session's while a member of the session is left.
        seeds = {p.pid for p in everyone.values() if p.started >= started and root in (p.pid, p.session)}
    return _collect(everyone, seeds | _marked(now, lambda marks: marks.get(PROCESS) == process))


def find_workspace(workspace: str) -> Found:
    """The living processes of a workspace: those that carry its marker, and what descends from them."""
    return find_marked(lambda marks: marks.get(WORKSPACE) == workspace)


def find_instance(instance: str) -> Found:
    """The living processes of every workspace of one daemon, this one or one that died."""
    return find_marked(lambda marks: marks.get(INSTANCE) == instance)


def find_marked(wanted: Callable[[dict[str, str]], bool]) -> Found:
    """The living processes whose markers are wanted, those in their sessions, and what descends from them."""
    now = census()
    return _collect(now.processes, _marked(now, wanted))


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


def freeze(find: Callable[[], Found]) -> Found:
    """Stop every process of a tree, with those that it forks meanwhile; returns them."""
    found = find()
    for round_ in range(_FREEZE_ROUNDS):
        running = found.running
        if not running:
            break
        for process in running:
            send(process, signal.SIGSTOP)
        if round_ > 2:
            # A stop takes effect when its process next enters the kernel, or leaves it (state D).
            time.sleep(0.001)
        found = find()
    return found


def ask(found: Found, asked: set[tuple[int, int]]) -> None:
    """Send TERM to those that were not asked before, and let the stopped ones go on, that they can heed it."""
    for process in found.members:
        if (process.pid, process.started) not in asked:
            asked.add((process.pid, process.started))
            send(process, signal.SIGTERM)
        if process.state == "T":
            send(process, signal.SIGCONT)


def kill(find: Callable[[], Found], on_kill: Callable[[Iterable[Proc]], None] = lambda processes: None) -> bool:
    """Kill a whole tree: freeze it, so that nothing escapes by forking; kill descendants before parents; look again.

    Args:
        find: the tree as it is now.
        on_kill: told of the processes that are about to be killed.

    Returns:
        Whether all are gone.
    """
    deadline = time.monotonic() + _PATIENCE
    while (found := freeze(find)).members:
        on_kill(found.members)
        signal_all(found, signal.SIGKILL)
        _wait_gone(found.members, min(deadline, time.monotonic() + 0.5))
        if time.monotonic() >= deadline:
            return not find().members
    return True


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


def _marked(now: Census, wanted: Callable[[dict[str, str]], bool]) -> set[int]:
    marked = {pid for pid, marks in now.marks.items() if wanted(marks)}
    if not marked:
        return marked
    sessions = {now.processes[pid].session for pid in marked} - {os.getsid(0), 0}
    return marked | {process.pid for process in now.processes.values() if process.session in sessions}


def _collect(everyone: dict[int, Proc], seeds: set[int]) -> Found:
    children: dict[int, list[int]] = {}
    for process in everyone.values():
        children.setdefault(process.parent, []).append(process.pid)
    never = _ancestors(everyone)
    depth: dict[int, int] = {}
    for seed in seeds:
        stack = [(seed, 0)]
        while stack:
            pid, level = stack.pop()
            if pid not in never and depth.get(pid, -1) < level:
                depth[pid] = level
                stack.extend((child, level + 1) for child in children.get(pid, ()))
    members = [everyone[pid] for pid in depth if not everyone[pid].zombie]
    members.sort(key=lambda process: depth[process.pid], reverse=True)
    return Found(members)


def _ancestors(everyone: dict[int, Proc]) -> set[int]:
    found = {0, 1, 2}
    pid = os.getpid()
    while pid in everyone and pid not in found:
        found.add(pid)
        pid = everyone[pid].parent
    return found
