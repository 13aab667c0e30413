"""One follower of a process: where it reads, what it holds, whether it may write."""

from __future__ import annotations

import asyncio
from typing import Protocol

from nexus_sdk.protocol.errors import NexusError, NotController, ObserverLagged, ProcessLost, StdinClosed, TakenOver
from nexus_sdk.protocol.types import ExecAttachOpen, ExecExit, ExitStatus, Process

from nexusd.backends.base import ProcessHandle
from nexusd.processes.log import CHUNK, Chunk, OutputLog
from nexusd.processes.stdin import WINDOW, Input


class Followed(Protocol):
    """What an attachment needs of its process; `nexusd.processes.process.LiveProcess` is one.

    Attributes:
        id: the process's.
        log: its output.
        handle: None where it has ended before anybody looked at it: its log may be on the disk only.
        input: its stdin.
        exit: how it ended; None while it runs, and where nobody knows.
        settled: it has ended and its output was read to the end, or the wait for that was given up.
        complete: whether the output was read to its end.
    """

    id: str
    log: OutputLog
    handle: ProcessHandle | None
    input: Input
    exit: ExitStatus | None
    settled: bool
    complete: bool

    @property
    def idle(self) -> bool:
        """Whether nothing needs it in memory any more."""
        ...

    @property
    def stdin_open(self) -> bool:
        """Whether its stdin takes bytes."""
        ...

    def view(self) -> Process:
        """What callers are told."""
        ...

    def close_stdin(self) -> None:
        """End its input."""
        ...

    def leave(self, attachment: Attachment, keep: bool) -> None:
        """An attachment ends; with `keep` its name, its control and the output it has not read are kept for it."""
        ...

    def left(self) -> None:
        """An attachment was closed, after `leave`."""
        ...


class Attachment:
    """Made by `ProcessTable.attach`; must be closed.

    A lossless attachment holds everything that its client has not acknowledged: the process waits in its write rather
    than that a byte of it is overwritten. All are lossless but observers of a terminal, who are dropped when they lag
    by more than the log.

    ::

        attachment = await table.attach(params, can_write=True)
        try:
            await stream.open(attachment.opened, ...)
            while not isinstance(item := await attachment.next(), ExecExit):
                await stream.send(item.channel, item.offset, item.data)
                attachment.ack(...)
        except ConnectionLost:
            attachment.close(keep=True)
            raise
        finally:
            attachment.close()

    Attributes:
        opened: what the client is told first.
        offset: position of the next byte that `next` returns.
        controls: whether it may write.
        name: the client's own id for it, None where it gave none.
        window: the largest window that was asked for under this name.
    """

    def __init__(
        self,
        process: Followed,
        name: str | None,
        controls: bool,
        lossless: bool,
        offset: int,
        keep: float,
        window: int,
    ) -> None:
        self.name = name
        self.window = window
        self.controls = controls
        self.offset = offset
        self._process = process
        self._keep = keep
        self._log = process.log
        self._hold = self._log.hold(offset) if lossless and process.handle is not None else None
        self._stop = self._log.end if process.settled else None
        self._failure: NexusError | None = None
        self._waiter: asyncio.Future[None] | None = None
        self._expiry: asyncio.TimerHandle | None = None
        self._closed = False
        self._log.follow()

    @property
    def opened(self) -> ExecAttachOpen:
        """What the client is told first. Take it before the first `next`."""
        process = self._process
        return ExecAttachOpen(
            process=process.view(),
            role="controller" if self.controls else "observer",
            offset=self.offset,
            stdin_offset=process.input.position,
            stdin_window=WINDOW if self.controls and process.stdin_open else 0,
        )

    async def next(self) -> Chunk | ExecExit:
        """The next output, or how the process ended, once all output was returned.

        One caller at a time. A cancelled call loses nothing.

        Raises:
            TakenOver: another attachment took control, or came back under this one's name.
            ObserverLagged: this observer of a terminal fell behind by more than the log.
            ProcessLost: all output was returned, and nobody knows how the process ended.
        """
        while True:
            if self._process.handle is None:
                # An old log may have to come from the disk.
                item = await asyncio.to_thread(self._read)
                return self._pass(item) if item is not None else self._finish()
            item = self.take()
            if item is not None:
                return item
            if self._stop is not None and self.offset >= self._stop:
                return self._finish()
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None

    def take(self, limit: int = CHUNK) -> Chunk | None:
        """Output that is there already, at most `limit` bytes or what came in one piece; None where there is none.

        Raises what `next` raises, but for ProcessLost.
        """
        if self._failure is not None:
            raise self._failure
        log = self._log
        if self.offset < log.start:
            raise ObserverLagged(
                f"this observer of process {self._process.id} stayed at {self.offset}; output is kept from {log.start}",
                process=self._process.id,
                offset=self.offset,
                earliest=log.start,
                end=log.end,
            )
        item = self._read(limit)
        return None if item is None else self._pass(item)

    def ack(self, offset: int) -> None:
        """The client has taken everything before `offset`: it need not be held for it any more.

        Never more is held than half the log: a client whose window is larger than that would otherwise wait for bytes
        that the process cannot write because they are held for it.
        """
        if self._hold is not None:
            self._hold.move(max(min(offset, self.offset), self.offset - self._log.capacity // 2))

    async def write_stdin(self, offset: int, data: bytes | memoryview) -> int:
        """Write input, and wait until the process's pipe has taken it.

        What was written before is dropped, so a client may resend. Where the process has closed its side or has ended,
        nothing more is taken and nothing raised: its exit tells.

        Args:
            offset: position of the first byte.
            data: bytes.

        Returns:
            Position up to which all bytes were taken, ever: what may be acknowledged.

        Raises:
            NotController: this attachment only observes, or was taken over.
            StdinClosed: the process has no stdin.
            StreamProtocol: the offset leaves a gap.
        """
        self._check_control()
        return await self._process.input.write(self, offset, data)

    def finish_stdin(self, offset: int) -> None:
        """The input ends at `offset`: close the pipe. Raises as `write_stdin` does."""
        self._check_control()
        if self._process.input.finish(self, offset):
            self._process.close_stdin()

    def close(self, *, keep: bool = False) -> None:
        """Detach. The process is not touched. Closing twice is harmless.

        Args:
            keep: the connection was lost, the client may come back: what it has not acknowledged, and its control, are
                kept under its name for as long as it asked for.
        """
        if self._closed:
            return
        self._closed = True
        self._log.unfollow()
        keep = keep and self._keep > 0 and self._failure is None and not self._process.idle
        self._process.leave(self, keep)
        if keep:
            self._expiry = asyncio.get_running_loop().call_later(self._keep, self.expire)
        elif self._hold is not None:
            self._hold.release()
        self._process.left()

    # --- the process's side ---

    def replace(self) -> None:
        """Another attachment takes its place."""
        process = self._process
        self.fail(TakenOver(f"another attachment took over process {process.id}", process=process.id))

    def fail(self, error: NexusError) -> None:
        """It ends with an error, which `next` raises."""
        self._failure = error
        self.controls = False
        self.wake()
        self.expire()

    def settle(self, end: int) -> None:
        """The process has ended; for this attachment its output ends at `end`."""
        self._stop = end
        self.wake()

    def expire(self) -> None:
        """Nothing is held or kept for it any more."""
        if self._expiry is not None:
            self._expiry.cancel()
            self._expiry = None
        self._process.leave(self, False)
        if self._hold is not None:
            self._hold.release()

    def wake(self) -> None:
        """There may be something for `next`."""
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)

    def _read(self, limit: int = CHUNK) -> Chunk | None:
        if self._stop is not None:
            limit = min(limit, self._stop - self.offset)
        return self._log.read(self.offset, limit) if limit > 0 else None

    def _pass(self, item: Chunk) -> Chunk:
        if self._failure is not None:
            raise self._failure
        if self._stop is not None and item.offset + len(item.data) > self._stop:
            item = item._replace(data=item.data[: self._stop - item.offset])
        self.offset = item.offset + len(item.data)
        return item

    def _finish(self) -> ExecExit:
        if self._failure is not None:
            raise self._failure
        process = self._process
        if process.exit is None:
            raise ProcessLost(f"process {process.id} was lost; its output ends at {self.offset}", process=process.id)
        return ExecExit(
            process=process.view(), exit=process.exit, output_end=self.offset, output_complete=process.complete
        )

    def _check_control(self) -> None:
        if self._failure is not None:
            raise self._failure
        process = self._process
        if not process.input.asked_for:
            raise StdinClosed(f"process {process.id} was started without stdin", process=process.id)
        if not self.controls:
            raise NotController(f"another attachment controls process {process.id}", process=process.id)
