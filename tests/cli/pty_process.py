"""A program on a pseudo-terminal of its own, read and typed into by a test."""

from __future__ import annotations

import fcntl
import os
import pty
import select
import signal
import struct
import termios
import time
from pathlib import Path

SECONDS = 30.0


class PtyProcess:
    """Starts a program whose controlling terminal is a pseudo-terminal; use it in ``with``.

    Attributes:
        seen: everything it has written.
    """

    def __init__(self, argv: list[str], *, cwd: Path, env: dict[str, str], cols: int, rows: int) -> None:
        self.seen = b""
        self._read = 0
        self._code: int | None = None
        self.master, self.slave = pty.openpty()
        self.resize(cols, rows, signal_it=False)
        self.before = termios.tcgetattr(self.slave)
        self.pid = os.fork()
        if self.pid == 0:
            try:
                os.setsid()
                fcntl.ioctl(self.slave, termios.TIOCSCTTY, 0)
                for descriptor in (0, 1, 2):
                    os.dup2(self.slave, descriptor)
                os.chdir(cwd)
                os.execve(argv[0], argv, env)
            finally:
                os._exit(126)

    def __enter__(self) -> PtyProcess:
        return self

    def __exit__(self, *_: object) -> None:
        if self._code is None:
            os.kill(self.pid, signal.SIGKILL)
            os.waitpid(self.pid, 0)
        os.close(self.master)
        os.close(self.slave)

    @property
    def attributes(self) -> list:
        """The terminal's modes now."""
        return termios.tcgetattr(self.slave)

    @property
    def raw(self) -> bool:
        """Whether the terminal hands on every key as it is."""
        return not self.attributes[3] & (termios.ICANON | termios.ECHO | termios.ISIG)

    def resize(self, cols: int, rows: int, *, signal_it: bool = True) -> None:
        """Change the size, as a window does."""
        fcntl.ioctl(self.master, termios.TIOCSWINSZ, struct.pack("HHHH", rows, cols, 0, 0))
        if signal_it:
            os.kill(self.pid, signal.SIGWINCH)

    def type(self, text: str | bytes) -> None:
        """Press keys."""
        os.write(self.master, text.encode() if isinstance(text, str) else text)

    def until(self, what: str | bytes, timeout: float = SECONDS) -> bytes:
        """Read until something was written after what was waited for last; return what came before it."""
        wanted = what.encode() if isinstance(what, str) else what
        deadline = time.monotonic() + timeout
        while (found := self.seen.find(wanted, self._read)) < 0:
            assert self._more(deadline), f"{wanted!r} did not come; this did:\n{self.seen[self._read :]!r}"
        before = self.seen[self._read : found]
        self._read = found + len(wanted)
        return before

    def until_raw(self, timeout: float = SECONDS) -> None:
        """Wait until the terminal is in raw mode."""
        deadline = time.monotonic() + timeout
        while not self.raw:
            assert time.monotonic() < deadline, f"the terminal did not become raw\n{self.seen!r}"
            self._more(time.monotonic() + 0.02)

    def wait(self, timeout: float = SECONDS) -> int:
        """Read on until it ends; return its exit code, negative for a signal."""
        deadline = time.monotonic() + timeout
        while True:
            self._more(time.monotonic() + 0.02)
            pid, status = os.waitpid(self.pid, os.WNOHANG)
            if pid:
                while self._more(time.monotonic()):
                    pass
                self._code = os.waitstatus_to_exitcode(status)
                return self._code
            assert time.monotonic() < deadline, f"it does not end\n{self.seen[-2000:]!r}"

    def _more(self, deadline: float) -> bool:
        ready, _, _ = select.select([self.master], [], [], max(deadline - time.monotonic(), 0))
        if not ready:
            return False
        self.seen += os.read(self.master, 65536)
        return True
