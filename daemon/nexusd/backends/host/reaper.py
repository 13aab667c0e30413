"""Orphans come to us, and none of them stays a zombie.

The daemon is a child subreaper: a process whose parent died becomes the daemon's child, so that it can still be found
by descent. Somebody has to reap it then, and must never reap a child that somebody else waits for: a stolen exit status
reads as success. The rule, for a zombie child of ours:

- started by `spawn` here: its handle reaps it, through its pidfd;
- in a session that `spawn` made, or ended by `tree`: an orphan, reaped at once;
- in our own session: started by other code of the daemon, never touched;
- anything else is an orphan that made a session of its own, or a child that other code gave one. Those watch their
  children and reap them in milliseconds; what is still there after `PATIENCE` seconds has nobody, and is reaped.
"""

from __future__ import annotations

import os
import threading
import time
from collections.abc import Iterable

from nexusd.backends.host.census import Proc, census

PATIENCE = 10.0
"""Seconds after which a zombie that nobody here can be sure of is taken for an orphan."""


class Reaper:
    """Knows which children have somebody who waits for them. `sweep` runs in one thread at a time."""

    def __init__(self) -> None:
        self._lock = threading.Lock()  # guards the next three
        self._owned: set[int] = set()
        self._sessions: set[int] = set()
        self._ended: dict[int, int] = {}
        self._waiting: dict[tuple[int, int], float] = {}

    def own(self, pid: int) -> None:
        """A child that its handle waits for; it leads a session."""
        with self._lock:
            self._owned.add(pid)
            self._sessions.add(pid)

    def disown(self, pid: int) -> None:
        """The handle has reaped it."""
        with self._lock:
            self._owned.discard(pid)

    def ended(self, processes: Iterable[Proc]) -> None:
        """Processes of a workspace that are killed: if they become our children, they are ours to reap."""
        with self._lock:
            self._ended.update((process.pid, process.started) for process in processes)

    @staticmethod
    def due() -> bool:
        """Whether any child has ended that nobody has reaped yet. One system call."""
        try:
            return os.waitid(os.P_ALL, 0, os.WEXITED | os.WNOHANG | os.WNOWAIT) is not None
        except ChildProcessError:
            return False

    def sweep(self, now: float | None = None) -> int:
        """Reap the orphans that have ended; returns how many. Reads /proc: call it from a thread.

        Args:
            now: monotonic seconds.
        """
        now = time.monotonic() if now is None else now
        everyone = census().processes
        with self._lock:
            owned, sessions, ended = set(self._owned), set(self._sessions), dict(self._ended)
        reaped = 0
        seen: dict[tuple[int, int], float] = {}
        for process in everyone.values():
            if process.parent != os.getpid() or not process.zombie or process.pid in owned:
                continue
            key = (process.pid, process.started)
            since = self._waiting.get(key, now)
            sure = process.session in sessions or ended.get(process.pid) == process.started
            patient = process.session != os.getsid(0) and now - since >= PATIENCE
            if (sure or patient) and _reap(process.pid):
                reaped += 1
            else:
                seen[key] = since
        self._waiting = seen
        alive = {process.session for process in everyone.values()}
        with self._lock:
            self._sessions = {session for session in self._sessions if session in self._owned or session in alive}
            self._ended = {pid: started for pid, started in self._ended.items() if pid in everyone}
        return reaped


def _reap(pid: int) -> bool:
    try:
        return os.waitpid(pid, os.WNOHANG)[0] == pid
    except ChildProcessError:
        return False
