# Generated from nexus_sdk's asynchronous classes; do not edit.
"""Synchronous twin of nexus_sdk.process."""

from __future__ import annotations

from types import TracebackType
from typing import Literal

import nexus_sdk.process
from nexus_sdk.portal import Facade
from nexus_sdk.process import ProcessResult
from nexus_sdk.protocol import types
from nexus_sdk.sync.output import ChunkReader, OutputReader

__all__ = ["Process", "Stdin"]


class Process(Facade):
    """A process and the attachment to it. Made by `Workspace.exec`, `shell` and `attach`; use it in `with`.

    Entering starts the process, or attaches to it. Leaving depends on how much of it was followed:

    - to the end, where everything that was being read has been read, or `check` is set and nothing was: stdin is closed
      and the end of the process awaited; with `check` a failure then raises `ProcessError`, or `ProcessTimeout`;
    - early, in every other case and on an exception: with `kill_on_exit` the process and its descendants are killed
      and their end awaited for up to ten seconds; without, it is detached and runs on.

    `kill_on_exit` is set for what `exec` and `shell` started, and not for what was attached to. Only stdin of what was
    started here is closed.
    """

    _inner: nexus_sdk.process.Process

    @property
    def id(self) -> str:
        """Its id; empty before it was started."""
        return self._inner.id

    @property
    def record(self) -> types.Process:
        """What the daemon said of it last, when it was attached to or ended."""
        return self._inner.record

    @property
    def pid(self) -> int | None:
        """Its process id in the machine; None when it has ended."""
        return self._inner.pid

    @property
    def role(self) -> str:
        """What this attachment may do: `controller` or `observer`."""
        return self._inner.role

    @property
    def offset(self) -> int:
        """Offset of the next byte expected: where another attachment could go on."""
        return self._inner.offset

    @property
    def output(self) -> ChunkReader:
        """Everything it writes, in order: `for chunk in process.output`."""
        return self._wrap(ChunkReader, self._inner.output)

    @property
    def stdout(self) -> OutputReader:
        """What it writes to stdout: `for data in process.stdout`. A terminal writes everything here."""
        return self._wrap(OutputReader, self._inner.stdout)

    @property
    def stderr(self) -> OutputReader:
        """What it writes to stderr."""
        return self._wrap(OutputReader, self._inner.stderr)

    @property
    def stdin(self) -> Stdin:
        """Its stdin; open where `stdin=True` or a terminal was asked for."""
        return self._wrap(Stdin, self._inner.stdin)

    @property
    def result(self) -> ProcessResult:
        """How it ended.

        Raises:
            RuntimeError: that is not known yet; `process.wait()`.
            NexusError: the attachment failed before.
        """
        return self._inner.result

    def __enter__(self) -> Process:
        self._run(self._inner.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._inner.__aexit__(kind, error, trace))

    def wait(
        self,
        timeout: float | None = None,
        *,
        check: bool = False,
    ) -> ProcessResult:
        """Wait until it has ended and all its output has come.

        Output that nobody reads is dropped meanwhile, but for the end of each channel, as long as the window, so that
        waiting never stops the process. Output that is being read must be read on.

        Args:
            timeout: seconds to wait; None for no limit. The process is not touched when it passes.
            check: raise when it did not end with exit code 0.

        Raises:
            TimeoutError: it has not ended in time.
            ProcessError, ProcessTimeout: with `check`.
            NexusError: the attachment failed; how the process ended is unknown.
        """
        return self._run(self._inner.wait(timeout, check=check))

    def signal(
        self,
        signal: Literal["HUP", "INT", "QUIT", "TERM", "KILL", "USR1", "USR2", "STOP", "CONT", "WINCH"],
        *,
        group: bool = True,
    ) -> None:
        """Send a signal.

        Args:
            signal: its name without SIG.
            group: to the process, its group and all its descendants; otherwise to it alone.

        Raises:
            ProcessExited: it has ended.
        """
        self._run(self._inner.signal(signal, group=group))

    def terminate(self) -> None:
        """Ask the process and its descendants to end (TERM)."""
        self._run(self._inner.terminate())

    def kill(self) -> None:
        """End the process and its descendants at once (KILL). One that has ended is left in peace."""
        self._run(self._inner.kill())

    def resize(
        self,
        cols: int,
        rows: int,
    ) -> None:
        """Tell its terminal its size, in columns and rows.

        Raises:
            NotATerminal: it has none.
        """
        self._run(self._inner.resize(cols, rows))

    def detach(self) -> None:
        """Leave it running, and stop following it."""
        self._run(self._inner.detach())

    @property
    def reconnects(self) -> int:
        """How often the stream was attached again after a break."""
        return self._inner.reconnects

    @property
    def finished(self) -> bool:
        """Whether the stream is over."""
        return self._inner.finished


class Stdin(Facade):
    """A process's stdin. Bytes it did not take yet are kept, and sent again after a break."""

    _inner: nexus_sdk.process.Stdin

    @property
    def acknowledged(self) -> int:
        """Offset before which the process took everything."""
        return self._inner.acknowledged

    def write(self, data: bytes | str) -> None:
        """Hand over bytes, or text as UTF-8, waiting while the process does not read.

        Raises:
            StdinClosed: the process has no stdin, has ended, or this attachment may only read.
            ValueError: the end was sent before.
        """
        self._run(self._inner.write(data))

    def send_eof(self) -> None:
        """Close it, after everything that was written. Closing twice does nothing."""
        self._run(self._inner.send_eof())
