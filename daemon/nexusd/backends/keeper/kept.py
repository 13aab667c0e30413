"""The output and input of one process, as its keeper handles them."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Final

from nexus_sdk.wire.frames import MAX_PAYLOAD, UP, encode_data, encode_eof

from nexusd.backends.base import Growth
from nexusd.backends.keeper.line import Line
from nexusd.backends.keeper.messages import Grown, Known, Stalled

WINDOW: Final = 65536
"""Bytes of input that a keeper takes beyond what the process has."""


class Kept:
    """Fulfils `KeptOutput`. What is told before anybody watches is remembered."""

    def __init__(self, keeper: Line, known: Known, log: Path) -> None:
        self._keeper = keeper
        self._process = known.process
        self._stream = known.stream
        self._untold: list[Growth] = []
        self._complete: bool | None = None
        self._stall: Stalled | None = None
        self._grown: Callable[[Growth], None] | None = None
        self._ended: Callable[[bool], None] | None = None
        self._stalled: Callable[[str | None, str], None] | None = None
        self._limit = 0
        self._hold: tuple[int | None, float] | None = None
        self.log = log
        self.floor = known.floor
        self.received = 0
        self.taken = 0
        self.input_open = False
        self.on_writable: Callable[[], None] | None = None
        self._take_input(known)

    def watch(
        self,
        grown: Callable[[Growth], None],
        ended: Callable[[bool], None],
        stalled: Callable[[str | None, str], None],
    ) -> None:
        """Be told how the log is, at once, and from then on each change."""
        self._grown, self._ended, self._stalled = grown, ended, stalled
        untold, self._untold = self._untold, []
        for growth in untold:
            grown(growth)
        if self._stall is not None:
            stalled(self._stall.why, self._stall.reason)
        if self._complete is not None:
            ended(self._complete)

    def hold(self, floor: int | None, keep: float) -> None:
        """Let nothing from `floor` on be overwritten."""
        self._hold = floor, keep
        self._keeper.notify("hold", process=self._process, floor=floor, keep_ms=int(keep * 1000))

    async def settle(self) -> None:
        """Wait until all that was asked before has been done, and all that happened before was told."""
        await self._keeper.ask("settle", process=self._process)

    def give_up(self) -> None:
        """Read no more output."""
        self._keeper.notify("give_up", process=self._process)

    def write(self, data: bytes | memoryview) -> int:
        """Hand over the beginning of `data`; how many bytes were taken."""
        count = min(len(data), self._limit - self.received, MAX_PAYLOAD)
        if count <= 0 or not self.input_open:
            return 0
        if not self._keeper.send(encode_data(UP, self._stream, self.received, memoryview(data)[:count])):
            return 0
        self.received += count
        return count

    def finish(self) -> None:
        """The input ends here."""
        if self.input_open:
            self.input_open = False
            self._keeper.send(encode_eof(UP, self._stream, self.received))

    # --- the keeper's side ---

    def credited(self, limit: int) -> None:
        """More input may be handed over."""
        if limit > self._limit:
            self._limit = limit
            self.taken = limit - WINDOW
            self._writable()

    def grew(self, told: Grown) -> None:
        """The log has grown."""
        growth = Growth(told.start, told.end, told.first_run, told.at, told.runs)
        if self._grown is not None:
            self._grown(growth)
        else:
            self._untold.append(growth)

    def end(self, complete: bool) -> None:
        """Nothing more comes. Once is enough."""
        if self._complete is None:
            self._complete = complete
            if self._ended is not None:
                self._ended(complete)

    def stall(self, told: Stalled) -> None:
        """Reading stopped, or goes on."""
        self._stall = told
        if self._stalled is not None:
            self._stalled(told.why, told.reason)

    def resume(self, known: Known) -> None:
        """The connection to the keeper was lost and is back; `known` is how things are now."""
        if self._hold is not None:
            self.hold(*self._hold)
        self._take_input(known)
        self._writable()

    def lose(self) -> None:
        """The keeper is gone, and everything with it."""
        self.input_open = False
        self._writable()
        self.end(False)

    def _take_input(self, known: Known) -> None:
        if known.stdin is not None:
            self.received = known.stdin.received
            self.taken = known.stdin.taken
            self._limit = known.stdin.taken + WINDOW
            self.input_open = known.stdin.open

    def _writable(self) -> None:
        if self.on_writable is not None:
            self.on_writable()
