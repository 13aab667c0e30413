"""Processes whose machine keeps their output and input: what a pump, a log's room and a pipe are for the others.

The machine's keeper reads the pipes and writes the log; it outlives this daemon. Here the log is read, and the keeper
is told what must not be overwritten.
"""

from __future__ import annotations

import asyncio
from collections.abc import Callable
from typing import Final

from nexusd.backends.base import Growth, KeptOutput
from nexusd.processes.log import CHUNK, Chunk, Hold, LogDamaged, OutputLog
from nexusd.processes.parking import Parking
from nexusd.processes.stdin import Input

_SLACK: Final = 8
"""The keeper learns that a hold has moved when it did by this part of the log: one message for each read were many."""


class KeptInput(Input):
    """The writing side of a kept process.

    Bytes that were handed to the keeper may still be lost with this daemon, so they count as taken when the keeper says
    that the process's pipe has them. The next writer goes on behind them all the same.
    """

    def __init__(self, process: str, kept: KeptOutput, asked_for: bool) -> None:
        super().__init__(process, None)
        self._kept: KeptOutput | None = kept if asked_for else None
        self.asked_for = asked_for
        self._end = kept.received
        self.taken = kept.taken
        kept.on_writable = self._moved

    @property
    def position(self) -> int:
        """Position of the next byte: behind what the keeper was handed."""
        return self._end

    @property
    def open(self) -> bool:
        """Whether bytes can still be taken."""
        return self._kept is not None and self._kept.input_open

    async def write(self, owner: object, offset: int, data: bytes | memoryview) -> int:
        """Hand over what was not before, and wait until the process has it."""
        end = offset + len(data)
        while True:
            # Again where the connection to the keeper was lost, and what was under way with it.
            await super().write(owner, offset, data)
            if self.taken >= end or not self.open:
                return self.taken
            self._check(owner)
            await self._wait()

    def _moved(self) -> None:
        if self._kept is not None:
            self._end = self._kept.received
            self.taken = self._kept.taken
        self._wake()

    def close(self) -> None:
        """Take nothing any more. Closing twice is harmless."""
        kept, self._kept = self._kept, None
        if kept is not None:
            kept.on_writable = None
        self._wake()

    def _put(self, view: memoryview) -> int:
        assert self._kept is not None
        count = self._kept.write(view)
        self._end = self._kept.received
        return count

    def _watch(self, on: bool) -> None:
        """The keeper calls `_wake` by itself."""


class KeptReading:
    """Follows what a keeper writes, as `nexusd.processes.pump.Pump` reads pipes; has the same attributes.

    Args:
        log: made by `OutputLog.kept`.
        kept: the keeper's side of the process.
        on_chunk: called with each chunk, where `every` is set; with an empty one where it is not: there is news.
        on_end: called once, when nothing more comes.
        keep: seconds that holds last after this daemon has gone.
    """

    def __init__(
        self,
        log: OutputLog,
        kept: KeptOutput,
        on_chunk: Callable[[Chunk], None],
        on_end: Callable[[], None],
        keep: float,
    ) -> None:
        self._log = log
        self._kept = kept
        self._on_chunk = on_chunk
        self._on_end = on_end
        self._keep = keep
        self._told = kept.floor  # it was told so when it started the process, or by an earlier daemon
        self._every: Hold | None = None
        self._seen = 0
        self._why: str | None = None
        self._parking = Parking()
        self._closed = False
        self.ended = False
        self.complete = False
        self.trouble: OSError | None = None
        log.on_room = self._holds_moved
        kept.watch(self._grown, self._ended, self._stalled)

    @property
    def held(self) -> bool:
        """Whether reading waits, for a reader or for the disk."""
        return self._why is not None and not self.ended

    @property
    def total(self) -> int:
        """Bytes read."""
        return self._log.end

    def backlog(self) -> int:
        """Unknown here; what a process wrote before its end follows its end within moments."""
        return 0

    def take_every(self) -> None:
        """Hand each byte to `on_chunk`, from the first that is kept on, and let none be overwritten before."""
        self._every = self._log.hold(self._log.start)
        self._seen = self._every.offset
        self._holds_moved()
        self._hand_on()

    async def settle(self) -> None:
        """Wait until the keeper holds what it was told to hold, and its log is known as it was then."""
        await self._kept.settle()

    async def wait(self, timeout: float) -> None:
        """Wait until all has ended, or for `timeout` seconds."""
        if not self.ended:
            await self._parking.wait(timeout)

    def close(self) -> None:
        """Follow no longer. The keeper reads on. Closing twice is harmless."""
        self._closed = True
        self._log.on_room = None
        self._finish(False)

    def _grown(self, growth: Growth) -> None:
        if self._closed:
            return
        try:
            self._log.grown(growth.start, growth.end, growth.first_run, growth.from_run, growth.runs)
        except LogDamaged as error:
            self.trouble = OSError(str(error))
            self._kept.give_up()
            self._finish(False)
            return
        if self._every is not None:
            self._hand_on()
        else:
            self._on_chunk(Chunk(1, self._log.end, b""))

    def _hand_on(self) -> None:
        log = self._log
        try:
            while (chunk := log.read(self._seen, CHUNK)) is not None:
                self._seen += len(chunk.data)
                self._on_chunk(chunk)
        except OSError as error:
            self.trouble = error
            return
        if self._every is not None:
            self._every.move(self._seen)

    def _holds_moved(self) -> None:
        floor, told = self._log.floor, self._told
        if floor == told or self._closed or self.ended:
            return
        caught_up = floor is not None and floor == self._log.end and self._why == "held"
        if floor is None or told is None or caught_up or floor - told >= self._log.capacity // _SLACK or floor < told:
            self._told = floor
            self._kept.hold(floor, self._keep)

    def _stalled(self, why: str | None, reason: str) -> None:
        self._why = why
        self.trouble = OSError(reason) if why == "disk" else None
        if why == "held":
            # Not at once: whoever has just started the process holds its beginning in this turn of the loop.
            asyncio.get_running_loop().call_soon(self._holds_moved)

    def _ended(self, complete: bool) -> None:
        self.complete = complete
        self._finish(True)

    def _finish(self, tell: bool) -> None:
        if self.ended:
            return
        self.ended = True
        self._parking.release()
        if tell:
            self._on_end()
