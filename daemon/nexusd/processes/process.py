"""One process: its handle, its log, its input, how it ended, and who is attached."""

from __future__ import annotations

import asyncio
import logging
import os
import signal
import time
from collections.abc import Awaitable, Callable
from datetime import datetime
from typing import Final

import msgspec
from msgspec import UNSET
from nexus_sdk.protocol.errors import (
    Draining,
    Forbidden,
    NexusError,
    NotATerminal,
    NotController,
    OffsetExpired,
    OffsetInvalid,
    ProcessExited,
    StdinClosed,
)
from nexus_sdk.protocol.types import ExecAttachParams, ExitReason, ExitStatus, Process, ProcessState, PtyState

from nexusd.backends.base import ProcessHandle, RawExit
from nexusd.processes.attachment import Attachment
from nexusd.processes.kept import KeptInput, KeptReading
from nexusd.processes.log import Chunk, Hold, OutputLog
from nexusd.processes.pump import Pump
from nexusd.processes.stdin import Input
from nexusd.store.mapping import now
from nexusd.store.processes import ProcessRecord

DRAIN_WAIT: Final = 2.0
"""Seconds without output, after the exit, until the wait for a pipe that a descendant holds is given up."""
DRAIN_MOST: Final = 10.0
"""Seconds after the exit until it is given up where the descendant keeps writing."""
TIMEOUT_GRACE: Final = 1.0
"""Seconds between TERM and KILL after a process's timeout has passed."""
LAST_RETRY: Final = 60.0
"""Most seconds between attempts to end it, where its machine does not answer; the first is tried again after one."""
HOLD_ON: Final = 60.0
"""Seconds for which a keeper goes on holding what readers had not taken when the daemon went away."""

_log = logging.getLogger("nexusd.processes")

_ENDING: Final = {
    signal.SIGHUP,
    signal.SIGINT,
    signal.SIGQUIT,
    signal.SIGTERM,
    signal.SIGKILL,
    signal.SIGUSR1,
    signal.SIGUSR2,
}


class LiveProcess:
    """A process that runs, or one that has ended and is being looked at.

    Args:
        record: what the store has of it, or will have. Not changed here, except for `signalled`.
        log: its output; closed with it.
        handle: None where it has ended.
        drain_wait: as `DRAIN_WAIT`.

    Attributes:
        settled: it has ended and its output was read to the end, or the wait for that was given up.
        complete: whether the output was read to its end.
        lasted: seconds until it was reaped; 0 before.
        sink: called with each chunk, besides the log.
        on_idle: called when nothing needs it in memory any more.
        on_ending: writes down that it is being ended, why, and in how many seconds it is killed; awaited before that
            is begun. Only where its machine keeps it: the others end with the daemon.
        on_signalled: writes down which signals that may end it were sent to it; awaited before a new one is sent. Only
            where its machine keeps it.
        attachments: those of live connections.
    """

    def __init__(
        self,
        record: ProcessRecord,
        log: OutputLog,
        handle: ProcessHandle | None = None,
        drain_wait: float = DRAIN_WAIT,
    ) -> None:
        self.id = record.id
        self.workspace = record.workspace
        self.record = record
        self.log = log
        self.handle = handle
        self.pty = record.pty
        self.lost = handle is None and record.state != "exited"
        self.exit: ExitStatus | None = None
        self.complete = True
        self.settled = handle is None
        self.lasted = 0.0
        self._began = time.monotonic()
        self.sink: Callable[[Chunk], None] | None = None
        self.on_idle: Callable[[LiveProcess], None] | None = None
        self.on_ending: Callable[[str, ExitReason, float], Awaitable[None]] | None = None
        self.on_signalled: Callable[[str, list[int]], Awaitable[None]] | None = None
        self.attachments: list[Attachment] = []
        self._kept: dict[str, Attachment] = {}
        self._controller: Attachment | None = None
        self._drain_wait = drain_wait
        self._reason: ExitReason | None = record.ending
        self._ended = asyncio.Event()
        self._signalling = asyncio.Lock()
        self._timer: asyncio.TimerHandle | None = None
        self._first: tuple[Hold, asyncio.TimerHandle] | None = None
        self._killing: set[asyncio.Task[None]] = set()
        self._pump: Pump | KeptReading | None = None
        self.input = Input(self.id, None if handle is None else handle.stdin)
        if handle is None:
            self._restore_exit(record)
        elif handle.kept is not None:
            self.input = KeptInput(self.id, handle.kept, record.stdin)
            self._pump = KeptReading(log, handle.kept, self._arrived, self._output_ended, HOLD_ON)
        else:
            sources = [(fd, channel) for fd, channel in ((handle.stdout, 1), (handle.stderr, 2)) if fd is not None]
            self._pump = Pump(log, sources, self._arrived, self._output_ended)

    def _restore_exit(self, record: ProcessRecord) -> None:
        if record.exit is not None:
            self.exit, self.complete = decode_exit(record.exit)
        self._ended.set()

    # --- what it is ---

    @property
    def running(self) -> bool:
        """Whether it has not been reaped."""
        return not self._ended.is_set()

    @property
    def state(self) -> ProcessState:
        """As the schema names it."""
        if self.lost:
            return "lost"
        return "running" if self.running else "exited"

    @property
    def idle(self) -> bool:
        """Whether nothing needs it in memory any more."""
        return self.settled and not self.attachments and not self.reading

    @property
    def kept(self) -> bool:
        """Whether its machine keeps it when this daemon goes away."""
        return self.handle is not None and self.handle.kept is not None

    @property
    def reading(self) -> bool:
        """Whether more output may come."""
        return self._pump is not None and not self._pump.ended

    @property
    def stalled(self) -> str | None:
        """Why the disk does not take its output, so that it may block in a write; None where it does."""
        trouble = None if self._pump is None else self._pump.trouble
        return None if trouble is None else os.strerror(trouble.errno) if trouble.errno else str(trouble)

    @property
    def stdin_open(self) -> bool:
        """Whether its stdin takes bytes."""
        return self.running and self.input.open

    def view(self) -> Process:
        """What callers are told."""
        record = self.record
        return Process(
            id=self.id,
            workspace=self.workspace,
            argv=record.argv,
            cwd=record.cwd,
            state=self.state,
            pid=self.handle.pid if self.handle is not None and self.running else UNSET,
            pty=UNSET if self.pty is None else PtyState(cols=self.pty[0], rows=self.pty[1]),
            stdin=self.stdin_open,
            exit=UNSET if self.exit is None else self.exit,
            output_start=self.log.start,
            output_end=self.log.end,
            attached=len(self.attachments),
            labels=record.labels,
            generation=record.generation,
            started_at=record.started_at,
        )

    # --- its life ---

    async def follow(self, on_exit: Callable[[LiveProcess], Awaitable[None]]) -> None:
        """See it through to its end.

        Args:
            on_exit: makes the exit durable; awaited before anybody is told.
        """
        assert self.handle is not None and self._pump is not None
        raw = await self.handle.wait()
        self.lasted = time.monotonic() - self._began
        if self._timer is not None:
            self._timer.cancel()
        self.input.close()
        self.exit = self._explain(raw)
        if self.exit is None:
            self.lost = True
        backlog = self._pump.total + self._pump.backlog()
        await on_exit(self)
        self._ended.set()
        await self._drain(self._pump, backlog)
        self.complete = self._pump.complete
        self.settled = True
        for attachment in self.attachments:
            attachment.settle(self.log.end)
        if self._pump.ended:
            self._forget_kept()

    async def outlive(self) -> None:
        """After `follow`: go on reading for the descendants that still hold its pipes, until the last lets go."""
        while self._pump is not None and self.reading:
            await self._pump.wait(3600)

    def _explain(self, raw: RawExit) -> ExitStatus | None:
        at = now()
        if raw.signal is not None:
            told = "signalled" if raw.signal in self.record.signalled else "exited"
            return ExitStatus(signal=signal_name(raw.signal), reason=self._reason or told, at=at)
        if raw.code is not None:
            return ExitStatus(code=raw.code, reason=self._reason or "exited", at=at)
        return None

    async def _drain(self, pump: Pump | KeptReading, own: int) -> None:
        # Whatever the process itself wrote was in its pipes when it ended: up to `own`, waiting has no limit.
        loop = asyncio.get_running_loop()
        spent = 0.0
        while not pump.ended:
            before, began, held = pump.total, loop.time(), pump.held
            await pump.wait(self._drain_wait)
            if pump.ended or held or pump.held:
                continue
            spent += loop.time() - began
            if pump.total >= own and (pump.total == before or spent >= DRAIN_MOST):
                return

    async def wait(self, timeout: float | None = None) -> bool:
        """Wait until it has ended and that is recorded, for `timeout` seconds at most; whether it has."""
        return await _wait(self._ended, timeout)

    def time_out(self, seconds: float) -> None:
        """End it and its descendants after so many seconds."""
        self._end_later(seconds, "timeout", TIMEOUT_GRACE)

    def resume_end(self, moment: datetime) -> None:
        """Go on with what an earlier daemon had written down: end it then, or kill what is left of it then."""
        left = (self.record.deadline - moment).total_seconds() if self.record.deadline is not None else 0.0
        if self._reason is not None:
            self._end_later(0.0, self._reason, max(left, 0.0))
        elif self.record.deadline is not None:
            # Never more than it was given, whatever happened to the clock.
            given = (self.record.deadline - self.record.started_at).total_seconds()
            self.time_out(min(max(left, 0.0), given))

    def _end_later(self, seconds: float, reason: ExitReason, grace: float) -> None:
        self._timer = asyncio.get_running_loop().call_later(seconds, self._end_now, reason, grace)

    def hold_beginning(self, seconds: float, offset: int = 0) -> None:
        """Overwrite nothing from `offset` on until somebody attaches, for so many seconds at most.

        A program can fill its log in the time that the answer to its start takes to reach whoever wants to follow it.
        """
        if seconds > 0 and self._first is None:
            timer = asyncio.get_running_loop().call_later(seconds, self._let_go_of_beginning)
            self._first = self.log.hold(offset), timer

    def collect(self, sink: Callable[[Chunk], None]) -> None:
        """Hand each chunk of output to `sink`, from the first byte on."""
        self.sink = sink
        if isinstance(self._pump, KeptReading):
            self._pump.take_every()

    async def ready_to_attach(self, offset: int) -> None:
        """Before `attach`: see to it that what is kept from `offset` on cannot be dropped while somebody attaches."""
        if isinstance(self._pump, KeptReading) and not self._pump.ended:
            hold = self.log.hold(offset)
            try:
                await self._pump.settle()
            finally:
                # `attach` follows in the same turn of the event loop, and holds by itself
                asyncio.get_running_loop().call_soon(hold.release)

    def _let_go_of_beginning(self) -> None:
        if self._first is not None:
            hold, timer = self._first
            self._first = None
            timer.cancel()
            hold.release()

    def _end_now(self, reason: ExitReason, grace: float) -> None:
        if self.running:
            task = asyncio.ensure_future(self._end_surely(reason, grace))
            self._killing.add(task)
            task.add_done_callback(self._killing.discard)

    async def _end_surely(self, reason: ExitReason, grace: float) -> None:
        # Its machine may be frozen, or starved; nobody else would try again.
        pause = 1.0
        while self.running:
            try:
                await self.end(reason, grace)
                return
            except NexusError as error:
                _log.warning("process %s cannot be ended (%s), trying again: %s", self.id, reason, error)
            await self.wait(pause)
            pause = min(pause * 2, LAST_RETRY)

    async def end(self, reason: ExitReason, grace: float) -> None:
        """End it and everything that descends from it; returns when all are gone.

        Args:
            reason: recorded where it has not ended before.
            grace: seconds between TERM and KILL.
        """
        if self.running and self._reason is None:
            self._reason = reason
            if self.on_ending is not None and self.kept:
                await self.on_ending(self.id, reason, grace)
        if self.handle is not None:
            await self.handle.kill_tree(grace)

    async def signal(self, number: int, group: bool) -> None:
        """Send a signal. Raises ProcessExited."""
        self._require_running()
        # In turn: a signal that is not written down must not overtake one that is.
        async with self._signalling:
            if number in _ENDING and number not in self.record.signalled:
                # In the record itself: of a short command, the store may get it only after this.
                self.record.signalled.append(int(number))
                if self.on_signalled is not None and self.kept:
                    await self.on_signalled(self.id, self.record.signalled)
        await self._require_running().signal(number, group=group)

    def resize(self, columns: int, rows: int) -> None:
        """Set the terminal's size. Raises ProcessExited, NotATerminal."""
        handle = self._require_running()
        if self.pty is None:
            raise NotATerminal(f"process {self.id} has no terminal", process=self.id)
        handle.resize(columns, rows)
        self.pty = (columns, rows)

    def _require_running(self) -> ProcessHandle:
        if self.handle is None or not self.running:
            raise ProcessExited(f"process {self.id} has ended", process=self.id)
        return self.handle

    def close_stdin(self) -> None:
        """End its input. A terminal has no end of input; nothing happens there."""
        if self.handle is not None and self.pty is None and self.input.open:
            self.input.close()
            self.handle.close_stdin()

    def close(self, forget: bool = True) -> None:
        """Let go of descriptors and log. The process is not touched; whoever is still attached is told to come back.

        Args:
            forget: its keeper, where it has one, need not remember it any more.
        """
        if self._pump is not None and not forget:
            # First: what readers have not taken stays held for the next daemon.
            self._pump.close()
        for attachment in list(self.attachments):
            attachment.fail(Draining("the daemon is stopping; the output can be read again once it is back"))
        if self._timer is not None:
            self._timer.cancel()
        for task in self._killing:
            task.cancel()
        self._let_go_of_beginning()
        self._forget_kept()
        if self._pump is not None:
            self._pump.close()
        self.input.close()
        if self.handle is not None and forget:
            self.handle.forget()
        elif self.handle is not None:
            self.handle.close()
        self.log.close()

    # --- who is attached ---

    def attach(self, params: ExecAttachParams, can_write: bool) -> Attachment:
        """Attach. Nothing has changed where this raises.

        Args:
            params: the call's.
            can_write: whether the caller may send input.

        Raises:
            OffsetExpired: the output from there on is not kept any more.
            OffsetInvalid: the offset lies after the end.
            Forbidden: control was asked for without the permission to write.
            StdinClosed: control was asked for and the process has no input.
            NotController: somebody else has control.
        """
        name = None if params.attachment is UNSET else params.attachment
        before = None if name is None else self._named(name)
        offset = self._begin(params)
        controls = self._controls(params, can_write, before)
        lossless = controls or self.pty is None
        keep = params.hold_ms / 1000 if lossless and name is not None else 0.0
        window = params.window if before is None else max(params.window, before.window)
        attachment = Attachment(self, name, controls, lossless, offset, keep, window)
        if before is not None:
            before.replace()
        if controls:
            if self._controller is not None and self._controller is not before:
                self._controller.replace()
            self._controller = attachment
            self.input.give_to(attachment)
        if lossless:
            self._let_go_of_beginning()
        self.attachments.append(attachment)
        return attachment

    def _named(self, name: str) -> Attachment | None:
        live = next((attachment for attachment in self.attachments if attachment.name == name), None)
        return live or self._kept.get(name)

    def _begin(self, params: ExecAttachParams) -> int:
        log = self.log
        if params.tail is not UNSET:
            return max(log.start, log.end - params.tail)
        if params.offset < log.start:
            raise OffsetExpired(
                f"process {self.id}: output is kept from {log.start} on, not from {params.offset}",
                process=self.id,
                offset=params.offset,
                earliest=log.start,
                end=log.end,
            )
        if params.offset > log.end:
            raise OffsetInvalid(
                f"process {self.id}: output ends at {log.end}, before {params.offset}",
                process=self.id,
                offset=params.offset,
                earliest=log.start,
                end=log.end,
            )
        return params.offset

    def _controls(self, params: ExecAttachParams, can_write: bool, before: Attachment | None) -> bool:
        free = self._controller is None or self._controller is before or params.takeover
        if params.role == "auto":
            return can_write and free and self.running and self.input.asked_for
        if params.role == "observer" or not self.running:
            return False
        if not can_write:
            raise Forbidden(
                f"controlling process {self.id} needs the scope exec:write", scope="exec:write", method="exec.attach"
            )
        if not self.input.asked_for:
            raise StdinClosed(f"process {self.id} was started without stdin", process=self.id)
        if not free:
            raise NotController(f"another attachment controls process {self.id}", process=self.id)
        return True

    def leave(self, attachment: Attachment, keep: bool) -> None:
        """An attachment ends; with `keep` its name, its control and the output it has not read are kept for it."""
        if attachment in self.attachments:
            self.attachments.remove(attachment)
        if keep and attachment.name is not None and not self.idle:
            self._kept[attachment.name] = attachment
            return
        if attachment.name is not None and self._kept.get(attachment.name) is attachment:
            del self._kept[attachment.name]
        if self._controller is attachment:
            self._controller = None
            self.input.give_to(None)

    def _forget_kept(self) -> None:
        for attachment in list(self._kept.values()):
            attachment.expire()

    def _arrived(self, chunk: Chunk) -> None:
        if self.sink is not None:
            self.sink(chunk)
        for attachment in self.attachments:
            attachment.wake()

    def _output_ended(self) -> None:
        self._let_go_of_beginning()
        for attachment in self.attachments:
            attachment.wake()
        if self.settled:
            self.complete = self._pump is None or self._pump.complete
            self._forget_kept()

    def left(self) -> None:
        """An attachment was closed; somebody may want to let go of a process that ended."""
        if self.idle and self.on_idle is not None:
            self.on_idle(self)


async def _wait(event: asyncio.Event, timeout: float | None) -> bool:
    if event.is_set() or timeout == 0:
        return event.is_set()
    if timeout is None:
        return await event.wait()
    try:
        await asyncio.wait_for(event.wait(), timeout)
    except TimeoutError:
        return False
    return True


def signal_name(number: int) -> str:
    """A signal's name without SIG; real-time signals by number."""
    try:
        return signal.Signals(number).name.removeprefix("SIG")
    except ValueError:
        return str(number)


def encode_exit(status: ExitStatus, complete: bool) -> dict[str, object]:
    """How a process ended, in JSON types, for its record."""
    exit: dict[str, object] = msgspec.to_builtins(status)
    exit["complete"] = complete
    return exit


def decode_exit(exit: dict[str, object]) -> tuple[ExitStatus, bool]:
    """The reverse of `encode_exit`."""
    return msgspec.convert(exit, ExitStatus), exit.get("complete") is not False
