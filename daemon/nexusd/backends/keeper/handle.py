"""A process in a machine that keeps it, as everything above a machine sees it."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nexus_sdk.protocol.errors import BackendFailed

from nexusd.backends.base import KeptOutput, RawExit
from nexusd.backends.keeper.kept import Kept
from nexusd.backends.keeper.line import Line
from nexusd.backends.keeper.messages import Exit, Known

UNKNOWN = RawExit(None, None)
"""The keeper went away with it: nobody knows how it ended."""

KILL_PATIENCE = 10.0
"""Seconds that killing may take beyond its grace."""


class KeptHandle:
    """Fulfils `ProcessHandle`."""

    def __init__(self, keeper: Line, known: Known, log: Path) -> None:
        self._keeper = keeper
        self.process = known.process
        self.pid = known.pid
        self.started = known.started
        self.stdout: int | None = None
        self.stderr: int | None = None
        self.stdin: int | None = None
        self.io = Kept(keeper, known, log)
        self.kept: KeptOutput | None = self.io
        self._pty = known.pty
        self._exit: asyncio.Future[RawExit] = asyncio.get_running_loop().create_future()

    async def wait(self) -> RawExit:
        """Wait until the process was reaped."""
        return await asyncio.shield(self._exit)

    async def signal(self, number: int, *, group: bool = True) -> None:
        """Send a signal to the whole tree, or to the process alone."""
        await self._keeper.ask("signal", process=self.process, signal=number, group=group)

    async def kill_tree(self, grace: float) -> None:
        """End the process and all that descends from it."""
        try:
            await self._keeper.ask(
                "kill", process=self.process, grace_ms=int(grace * 1000), timeout=grace + KILL_PATIENCE
            )
        except BackendFailed:
            # Where it had ended, and the keeper after it, nothing that it started is left either.
            if not (self._exit.done() and self._keeper.closed.done()):
                raise

    def resize(self, columns: int, rows: int) -> None:
        """Set the terminal's size."""
        if self._pty:
            self._keeper.post("resize", process=self.process, cols=columns, rows=rows)

    def close_stdin(self) -> None:
        """Close the writing side of stdin."""
        if not self._pty:
            self.io.finish()

    def close(self) -> None:
        """Follow it no longer; its keeper goes on."""
        self._keeper.drop(self.process)

    def forget(self) -> None:
        """The same, and its keeper need not remember it where it has ended."""
        if self._exit.done():
            self._keeper.forget(self.process)
        self.close()

    # --- the keeper's side ---

    def exited(self, exit: Exit) -> None:
        """It was reaped. Once is enough."""
        if not self._exit.done():
            self._exit.set_result(RawExit(exit.code, exit.signal))

    def resume(self, known: Known) -> None:
        """The connection to the keeper is back."""
        self.io.resume(known)

    def settled(self, known: Known) -> None:
        """All that `known` says of its log has been told by now."""
        if known.exit is not None:
            self.exited(known.exit)
        if known.ended:
            self.io.end(known.complete)

    def lose(self) -> None:
        """The keeper is gone, and the process with it."""
        self.io.lose()
        if not self._exit.done():
            self._exit.set_result(UNKNOWN)
