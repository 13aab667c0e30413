"""A process of a workspace, followed from here.

A process outlives the connection that started it: `Process` is an attachment, which is made again at the exact byte
where it stood when a connection breaks. Nothing is lost, doubled or reordered; where that cannot be kept, reading
raises `OutputGap`.
"""

from __future__ import annotations

import asyncio
import math
import secrets
from collections.abc import Sequence
from dataclasses import dataclass
from types import TracebackType
from typing import Any, Literal

import msgspec

from nexus_sdk.attachment import Attachment
from nexus_sdk.connection import Connection
from nexus_sdk.exceptions import (
    ConnectionClosed,
    NexusError,
    OutputGap,
    ProcessError,
    ProcessTimeout,
    ProtocolViolation,
)
from nexus_sdk.output import ChunkReader, Output, OutputReader
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import OffsetExpired, ProcessExited, ProcessNotFound, StdinClosed
from nexus_sdk.sender import ByteSender

__all__ = ["Process", "ProcessResult", "Stdin", "start_params"]

WINDOW = 1_048_576
HOLD = 60.0
_LEAVE_TIMEOUT = 10.0


@dataclass(frozen=True, slots=True, kw_only=True)
class ProcessResult:
    """How a process ended."""

    process: str
    """Its id."""
    exit_code: int | None
    """The exit code; None where a signal ended it."""
    signal: str | None
    """The signal that ended it, by name without SIG, or None."""
    reason: str
    """`exited`, `signalled` (by a caller), `timeout` or `stopped` (with its workspace)."""
    output_end: int
    """How many bytes it wrote, both channels."""
    output_complete: bool
    """False where a descendant still held the pipe when the daemon's wait for it ended."""

    @property
    def ok(self) -> bool:
        """Whether it ended with exit code 0."""
        return self.exit_code == 0


class Stdin:
    """A process's stdin. Bytes it did not take yet are kept, and sent again after a break."""

    def __init__(self, process: Process, sender: ByteSender) -> None:
        self._process = process
        self._sender = sender

    @property
    def acknowledged(self) -> int:
        """Offset before which the process took everything."""
        return self._sender.acknowledged

    async def write(self, data: bytes | str) -> None:
        """Hand over bytes, or text as UTF-8, waiting while the process does not read.

        Raises:
            StdinClosed: the process has no stdin, has ended, or this attachment may only read.
            ValueError: the end was sent before.
        """
        await self._sender.write(data.encode() if isinstance(data, str) else data)

    async def send_eof(self) -> None:
        """Close it, after everything that was written. Closing twice does nothing."""
        self._sender.close()


class Process(Attachment):
    """A process and the attachment to it. Made by `Workspace.exec`, `shell` and `attach`; use it in `async with`.

    Entering starts the process, or attaches to it. Leaving depends on how much of it was followed:

    - to the end, where everything that was being read has been read, or `check` is set and nothing was: stdin is closed
      and the end of the process awaited; with `check` a failure then raises `ProcessError`, or `ProcessTimeout`;
    - early, in every other case and on an exception: with `kill_on_exit` the process and its descendants are killed
      and their end awaited for up to ten seconds; without, it is detached and runs on.

    `kill_on_exit` is set for what `exec` and `shell` started, and not for what was attached to. Only stdin of what was
    started here is closed.
    """

    method = "exec.attach"

    def __init__(
        self,
        connection: Connection,
        *,
        start: types.ExecStartParams | None = None,
        process: str = "",
        offset: int = 0,
        tail: int | None = None,
        role: Literal["auto", "controller", "observer"] = "auto",
        takeover: bool = False,
        check: bool = False,
        kill_on_exit: bool = False,
        window: int = WINDOW,
        hold: float = HOLD,
    ) -> None:
        super().__init__(connection)
        self._start_params = start
        self._id = process
        self._tail = tail
        self._role: Literal["auto", "controller", "observer"] = role
        self._takeover = takeover
        self._check = check
        self._kill_on_exit = kill_on_exit
        self._detached = False
        self._hold_ms = round(hold * 1000)
        self._attachment = secrets.token_urlsafe(18)
        self._from = offset
        self._output = Output(window, (1, 2), self._grant, held=True)
        self._stdout = OutputReader(self._output, 1)
        self._stderr = OutputReader(self._output, 2)
        self._chunks = ChunkReader(self._output)
        self._sender = ByteSender(self._post)
        self._stdin = Stdin(self, self._sender)
        self._record: types.Process | None = None
        self._granted_role: str = role
        self._result: ProcessResult | None = None
        self._failure: BaseException | None = None
        self._over_event = asyncio.Event()

    # -- what it is --

    @property
    def id(self) -> str:
        """Its id; empty before it was started."""
        return self._id

    @property
    def record(self) -> types.Process:
        """What the daemon said of it last, when it was attached to or ended."""
        if self._record is None:
            raise RuntimeError("this process is not started yet; use it in `async with`")
        return self._record

    @property
    def pid(self) -> int | None:
        """Its process id in the machine; None when it has ended."""
        pid = self.record.pid
        return None if isinstance(pid, msgspec.UnsetType) else pid

    @property
    def role(self) -> str:
        """What this attachment may do: `controller` or `observer`."""
        return self._granted_role

    @property
    def offset(self) -> int:
        """Offset of the next byte expected: where another attachment could go on."""
        return self._output.offset

    @property
    def output(self) -> ChunkReader:
        """Everything it writes, in order: `async for chunk in process.output`."""
        return self._chunks

    @property
    def stdout(self) -> OutputReader:
        """What it writes to stdout: `async for data in process.stdout`. A terminal writes everything here."""
        return self._stdout

    @property
    def stderr(self) -> OutputReader:
        """What it writes to stderr."""
        return self._stderr

    @property
    def stdin(self) -> Stdin:
        """Its stdin; open where `stdin=True` or a terminal was asked for."""
        return self._stdin

    @property
    def result(self) -> ProcessResult:
        """How it ended.

        Raises:
            RuntimeError: that is not known yet; `await process.wait()`.
            NexusError: the attachment failed before.
        """
        if self._failure is not None:
            self._output.told = True
            raise self._failure
        if self._result is None:
            raise RuntimeError("this process has not ended, or nobody waited for it; await process.wait()")
        return self._result

    # -- using it --

    async def __aenter__(self) -> Process:
        if self._start_params is not None:
            record = await self._connection.call("exec.start", self._start_params)
            self._id, self._record = record.id, record
        try:
            await self._start()
        except BaseException:
            if self._start_params is not None and self._kill_on_exit:
                await self._end_quietly()
            raise
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        followed = self._output.read_to_end or (self._check and not self._output.unfinished)
        early = kind is not None or not followed
        told = self._output.told
        try:
            if self._detached:
                return
            if self._result is not None or (not early and not told):
                if self._start_params is not None:
                    self._sender.close()
                result = await self.wait()
                if self._check and kind is None:
                    self._raise_for(result)
            elif self._kill_on_exit:
                await self._end_quietly()
        except NexusError:
            if self._kill_on_exit and self._result is None:
                await self._end_quietly()
            if kind is None and not told:
                raise
        finally:
            await self._stop()

    async def wait(self, timeout: float | None = None, *, check: bool = False) -> ProcessResult:
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
        self._output.release()
        async with asyncio.timeout(timeout):
            await self._over_event.wait()
        result = self.result
        if check:
            self._raise_for(result)
        return result

    async def signal(
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
        await self._connection.call("exec.signal", types.ExecSignalParams(process=self._id, signal=signal, group=group))

    async def terminate(self) -> None:
        """Ask the process and its descendants to end (TERM)."""
        await self.signal("TERM")

    async def kill(self) -> None:
        """End the process and its descendants at once (KILL). One that has ended is left in peace."""
        try:
            await self.signal("KILL")
        except ProcessExited:
            pass

    async def resize(self, cols: int, rows: int) -> None:
        """Tell its terminal its size, in columns and rows.

        Raises:
            NotATerminal: it has none.
        """
        size = types.PtySize(cols=cols, rows=rows)
        self._record = await self._connection.call("exec.resize", types.ExecResizeParams(process=self._id, size=size))

    async def detach(self) -> None:
        """Leave it running, and stop following it."""
        self._detached = True
        await self._stop()

    # -- the attachment --

    def _params(self) -> types.ExecAttachParams:
        again = self._opened
        tail = self._tail if not again else None
        return types.ExecAttachParams(
            process=self._id,
            offset=self._output.offset if again else self._from,
            tail=msgspec.UNSET if tail is None else tail,
            role=self._role,
            takeover=self._takeover and not again,
            attachment=self._attachment,
            hold_ms=self._hold_ms,
            window=self._output.next_window(),
        )

    def _on_open(self, info: types.ExecAttachOpen) -> None:
        again = self._opened
        self._record = info.process
        self._granted_role = info.role
        if not again and self._tail is None and info.offset > self._from:
            raise OutputGap(
                f"output from {self._from} to {info.offset} is no longer kept", expected=self._from, offset=info.offset
            )
        self._output.attach(info.offset if again or self._tail is not None else self._from, first=not again)
        if info.stdin_window and info.process.stdin:
            self._sender.attach(self._number, info.stdin_offset, info.stdin_window)
        else:
            self._sender.fail(self._no_stdin("is not open for this attachment"))

    def _on_lost(self) -> None:
        self._sender.detach()

    def _refused(self, error: NexusError) -> NexusError | None:
        if isinstance(error, OffsetExpired):
            earliest = error.details.earliest if error.details is not None else self._output.offset
            message = f"output from {self._output.offset} to {earliest} was dropped while the connection was broken"
            return OutputGap(message, expected=self._output.offset, offset=earliest)
        return error

    def data(self, channel: int, offset: int, payload: memoryview) -> None:
        self._output.data(channel, offset, payload)

    def eof(self, channel: int, offset: int) -> None:
        self._output.eof(channel, offset)

    def credit(self, channel: int, limit: int) -> None:
        self._sender.credit(limit)

    def _ended(self, result: types.ExecExit | None, error: BaseException | None) -> None:
        if result is not None:
            self._record = result.process
            if result.output_end > self._output.offset:
                error = OutputGap(
                    f"the output ends at {result.output_end}, but only {self._output.offset} bytes came",
                    expected=self._output.offset,
                    offset=result.output_end,
                )
            elif result.output_end < self._output.offset:
                error = ProtocolViolation(
                    f"the output ends at {result.output_end}, but {self._output.offset} bytes came"
                )
            self._result = _result(result)
        self._failure = error
        self._output.finish(error)
        self._sender.fail(
            error if isinstance(error, NexusError) else self._no_stdin("is closed: the process has ended")
        )
        self._over_event.set()

    def _no_stdin(self, reason: str) -> StdinClosed:
        return StdinClosed(f"stdin of process {self._id} {reason}", process=self._id)

    def _raise_for(self, result: ProcessResult) -> None:
        if result.ok:
            return
        argv = self.record.argv
        out, err = self._output.tail(1), self._output.tail(2)
        if result.reason == "timeout":
            limit = self._start_params.timeout_ms / 1000 if self._start_params is not None else None
            raise ProcessTimeout(
                argv, result.exit_code, result.signal, out, err, process=self._id, timeout=limit or None
            )
        raise ProcessError(argv, result.exit_code, result.signal, out, err, process=self._id)

    async def _end_quietly(self) -> None:
        # What went wrong already must not be hidden by what goes wrong while cleaning up after it.
        self._output.discard()
        try:
            async with asyncio.timeout(_LEAVE_TIMEOUT):
                await self.kill()
                if self._task is not None and not self.finished:
                    await self._over_event.wait()
        except (TimeoutError, ProcessNotFound, ConnectionClosed, NexusError):
            pass


def _result(exit: types.ExecExit) -> ProcessResult:
    status = exit.exit
    return ProcessResult(
        process=exit.process.id,
        exit_code=None if isinstance(status.code, msgspec.UnsetType) else status.code,
        signal=None if isinstance(status.signal, msgspec.UnsetType) else status.signal,
        reason=status.reason,
        output_end=exit.output_end,
        output_complete=exit.output_complete,
    )


def start_params(
    workspace: str,
    argv: Sequence[str],
    *,
    cwd: str = ".",
    env: dict[str, str] | None = None,
    pty: tuple[int, int] | None = None,
    stdin: bool = False,
    timeout: float | None = None,
    labels: dict[str, str] | None = None,
    log_limit: int | None = None,
    key: str | None = None,
) -> types.ExecStartParams:
    """Return the params of `exec.start`; `argv` must be a list, never a command line."""
    if isinstance(argv, str | bytes):
        raise TypeError('argv is a list of arguments; for a shell command pass ["sh", "-c", command]')
    options: dict[str, Any] = {}
    if pty is not None:
        options["pty"] = types.PtySize(cols=pty[0], rows=pty[1])
    if log_limit is not None:
        options["log_limit"] = log_limit
    if key is not None:
        options["key"] = key
    return types.ExecStartParams(
        workspace=workspace,
        argv=list(argv),
        cwd=cwd,
        env=dict(env or {}),
        stdin=stdin,
        timeout_ms=0 if timeout is None or math.isinf(timeout) else max(1, round(timeout * 1000)),
        labels=dict(labels or {}),
        **options,
    )
