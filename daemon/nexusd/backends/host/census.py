"""All processes of this host at one moment, read from /proc. Blocks for milliseconds: call it from a thread."""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable
from typing import NamedTuple

INSTANCE, WORKSPACE, PROCESS = "NEXUS_INSTANCE", "NEXUS_WORKSPACE", "NEXUS_PROCESS"
"""Names of the markers in a process's environment: which daemon's, which workspace's, which process's."""

_ENVIRON_LIMIT = 1 << 20
_PF_KTHREAD = 0x00200000
_EXEC_LOOKS, _EXEC_PAUSE = 100, 0.0005


class Proc(NamedTuple):
    """One line of /proc/<pid>/stat.

    Attributes:
        terminal: it has a controlling terminal.
        started: clock ticks after boot; with `pid` it names a process for good.
        cpu: clock ticks of user and system time.
        memory: resident pages.
        kernel: a thread of the kernel.
    """

    pid: int
    parent: int
    session: int
    state: str
    terminal: bool
    started: int
    threads: int
    cpu: int
    memory: int
    kernel: bool

    @property
    def zombie(self) -> bool:
        """It has ended and waits to be reaped. (A leader that left its threads running looks the same, but has not.)"""
        return self.state in "ZX" and self.threads <= 1


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
        terminal=fields[4] != b"0",
        started=int(fields[19]),
        threads=int(fields[17]),
        cpu=int(fields[11]) + int(fields[12]),
        memory=int(fields[21]),
        kernel=bool(int(fields[6]) & _PF_KTHREAD),
    )


class Census:
    """The processes at one moment, and the markers of those that have any.

    Attributes:
        begun: monotonic seconds at which the walk began.
        processes: by process id, zombies included.
        marks: markers by process id.
        ancestors: our own process, and what it descends from.
    """

    def __init__(self, begun: float, processes: dict[int, Proc], marks: dict[int, dict[str, str]]) -> None:
        self.begun = begun
        self.processes = processes
        self.marks = marks
        self.children: dict[int, list[int]] = {}
        self._sessions: dict[int, list[int]] = {}
        self._carriers: dict[tuple[str, str], list[int]] = {}
        for pid, process in processes.items():
            self.children.setdefault(process.parent, []).append(pid)
            self._sessions.setdefault(process.session, []).append(pid)
        for pid, found in marks.items():
            for item in found.items():
                self._carriers.setdefault(item, []).append(pid)
        self.ancestors = {0, 1, 2}
        pid = os.getpid()
        while pid in processes and pid not in self.ancestors:
            self.ancestors.add(pid)
            pid = processes[pid].parent

    def session(self, leader: int) -> Iterable[int]:
        """Ids of the processes in a session."""
        return self._sessions.get(leader, ())

    def marked(self, marker: str, value: str) -> set[int]:
        """Ids of the processes that carry a marker, and of those in their sessions."""
        carriers = self._carriers.get((marker, value), ())
        sessions = {self.processes[pid].session for pid in carriers} - {os.getsid(0), 0}
        return set(carriers).union(*(self._sessions[session] for session in sessions))


_lock = threading.Lock()
_last = Census(-1.0, {}, {})


def census() -> Census:
    """The processes as they are after this call began.

    Calls that wait for one another share the next walk through /proc: ending 500 processes at once costs a few walks,
    not 500. A process that was seen with its markers keeps them, though it may replace its environment later.
    """
    global _last
    called = time.monotonic()
    with _lock:
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
