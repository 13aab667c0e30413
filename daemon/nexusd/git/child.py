"""A child process whose output is read by the event loop: what `command` runs git with.

Not asyncio's own: cancelled between the fork and the first read, that one waits for ever, and without uvloop it keeps a
thread for each process. Here starting is one synchronous step, so nothing can come between.
"""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
import subprocess
import tempfile
import threading
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

_CHUNK = 65536
_READS = 8
"""Chunks taken at a time, so that one process with much to say does not hold the loop."""

Sink = Callable[[bytes], None]


class Child:
    """A started process in a session of its own, without a terminal.

    Args:
        command: program and arguments.
        cwd: where it runs.
        env: its whole environment.
        stdin: what it reads.
        stdout: called with each piece of its output.
        stderr: called with each piece of its messages.
        pass_fds: descriptors that it inherits.

    Raises:
        OSError: it could not be started.
    """

    def __init__(
        self,
        command: Sequence[str],
        *,
        cwd: Path,
        env: Mapping[str, str],
        stdin: bytes,
        stdout: Sink,
        stderr: Sink,
        pass_fds: Sequence[int],
    ) -> None:
        self._loop = asyncio.get_running_loop()
        self._exited: asyncio.Future[int] = self._loop.create_future()
        self._drained = asyncio.Event()
        self._pipes: set[int] = set()
        with contextlib.ExitStack() as stack:
            source: int = subprocess.DEVNULL
            if stdin:
                file = stack.enter_context(tempfile.TemporaryFile(buffering=0))
                file.write(stdin)
                file.seek(0)
                source = file.fileno()
            self._process = subprocess.Popen(
                command,
                cwd=cwd,
                env=env,
                stdin=source,
                stdout=subprocess.PIPE,
                stderr=subprocess.PIPE,
                bufsize=0,
                start_new_session=True,
                pass_fds=tuple(pass_fds),
            )
        assert self._process.stdout is not None and self._process.stderr is not None
        for pipe, sink in ((self._process.stdout, stdout), (self._process.stderr, stderr)):
            os.set_blocking(pipe.fileno(), False)
            self._pipes.add(pipe.fileno())
            self._loop.add_reader(pipe.fileno(), self._read, pipe.fileno(), sink)
        self._pidfd = self._watch()

    @property
    def exited(self) -> bool:
        """Whether it was reaped."""
        return self._exited.done()

    async def wait(self) -> int:
        """Its exit code; negative is the number of the signal that ended it. Cancelling does not touch the process."""
        return await asyncio.shield(self._exited)

    async def drained(self, seconds: float) -> bool:
        """Wait until everything written was read; False if somebody still holds the pipes after that time."""
        try:
            async with asyncio.timeout(seconds):
                await self._drained.wait()
        except TimeoutError:
            return False
        return True

    def signal_group(self, number: signal.Signals) -> None:
        """Signal the process and everything of its session's group that is left."""
        with contextlib.suppress(ProcessLookupError, PermissionError):
            os.killpg(self._process.pid, number)

    def close(self) -> None:
        """Stop reading and let go of the descriptors. A process that still runs is killed."""
        for fd in tuple(self._pipes):
            self._done(fd)
        for pipe in (self._process.stdout, self._process.stderr):
            if pipe is not None:
                pipe.close()
        if not self._exited.done():
            self.signal_group(signal.SIGKILL)
            # Reaped elsewhere: one that hangs in the kernel must not hang the loop.
            threading.Thread(target=self._wait_in_thread, daemon=True).start()
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
            os.close(self._pidfd)
            self._pidfd = None

    def _read(self, fd: int, sink: Sink) -> None:
        for _ in range(_READS):
            try:
                data = os.read(fd, _CHUNK)
            except BlockingIOError:
                return
            except OSError:
                data = b""
            if not data:
                self._done(fd)
                return
            sink(data)
            if fd not in self._pipes:
                return

    def _done(self, fd: int) -> None:
        self._loop.remove_reader(fd)
        self._pipes.discard(fd)
        if not self._pipes:
            self._drained.set()

    def _watch(self) -> int | None:
        """Learn of the end: by a descriptor where the system has them, else by a thread."""
        try:
            pidfd = os.pidfd_open(self._process.pid)
        except (AttributeError, OSError):
            threading.Thread(target=self._wait_in_thread, daemon=True).start()
            return None
        self._loop.add_reader(pidfd, self._ended)
        return pidfd

    def _ended(self) -> None:
        if self._pidfd is not None:
            self._loop.remove_reader(self._pidfd)
        if not self._exited.done():
            self._exited.set_result(self._reap(block=False))

    def _wait_in_thread(self) -> None:
        code = self._reap(block=True)

        def tell() -> None:
            if not self._exited.done():
                self._exited.set_result(code)

        with contextlib.suppress(RuntimeError):  # the loop is closed: nobody waits any more
            self._loop.call_soon_threadsafe(tell)

    def _reap(self, *, block: bool) -> int:
        """Collect the exit code. If somebody else did, it is unknown and counts as killed: never as success."""
        try:
            result = os.waitid(os.P_PID, self._process.pid, os.WEXITED | (0 if block else os.WNOHANG))
        except ChildProcessError:
            result = None
        if result is None:
            code = -signal.SIGKILL
        else:
            code = result.si_status if result.si_code == os.CLD_EXITED else -result.si_status
        self._process.returncode = code  # else its destructor would complain
        return code
