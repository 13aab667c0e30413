"""A terminal session: our terminal, lent to a process in a workspace, until it ends or we leave it."""

from __future__ import annotations

import asyncio
import os
import signal
from typing import TYPE_CHECKING

from nexus_sdk.protocol.errors import NexusError, ProcessExited, StdinClosed

from boulder.escapes import HELP, EscapeFilter
from boulder.exits import OK
from boulder.following import ending
from boulder.pipes import InputReader, OutputWriter
from boulder.tty import RawTerminal, terminal_size

if TYPE_CHECKING:
    from nexus_sdk.process import Process

    from boulder.context import App

__all__ = ["Session"]

_BACKLOG = 1_048_576
_BELL = b"\a"


class Session:
    """One terminal session on a process that is attached to.

    Args:
        app: the invocation.
        process: entered already.
        replay: whether what comes first is a part of earlier output, to be shown from a line's beginning.
    """

    def __init__(self, app: App, process: Process, *, replay: bool = False) -> None:
        self._app = app
        self._process = process
        self._replay = replay
        self._controls = process.role != "observer"
        self._escapes = EscapeFilter()
        self._over = asyncio.Event()
        self._resized = asyncio.Event()
        self._typed: list[bytes] = []
        self._waiting = 0
        self._more = asyncio.Event()
        self._signal: int | None = None

    async def run(self) -> int:
        """Run it; return the exit code: the process's, 0 after leaving it, or 128 + n after a signal.

        Raises:
            NexusError: the attachment failed: another took over, or the connection did not come back.
        """
        loop = asyncio.get_running_loop()
        if not self._controls:
            self._app.out.warn(
                f"you observe {self._process.id}: another terminal controls it. Enter ~. leaves; "
                f"`boulder attach --takeover {self._process.id}` takes control"
            )
        with RawTerminal(
            lambda: loop.call_soon_threadsafe(self._resized.set),
            lambda number: loop.call_soon_threadsafe(self._end, number),
        ) as terminal:
            async with OutputWriter() as writer:
                output = loop.create_task(self._show(writer, terminal))
                others = [
                    loop.create_task(work)
                    for work in (self._type(writer), self._send(writer), self._follow_size(), self._over.wait())
                ]
                try:
                    await asyncio.wait([output, others[3]], return_when=asyncio.FIRST_COMPLETED)
                finally:
                    for task in (output, *others):
                        task.cancel()
                    await asyncio.gather(output, *others, return_exceptions=True)
        if output.cancelled():
            return self._left()
        output.result()
        return ending(await self._process.wait())

    def _end(self, number: int) -> None:
        self._signal = number
        self._over.set()

    def _left(self) -> int:
        self._app.out.note(f"left {self._process.id}; it goes on: boulder attach {self._process.id}")
        return OK if self._signal is None else 128 + self._signal

    async def _show(self, writer: OutputWriter, terminal: RawTerminal) -> None:
        skip = self._replay
        async for chunk in self._process.output:
            data: bytes | memoryview = chunk.data
            if skip:
                skip = False
                data = bytes(data).partition(b"\n")[2] or data
            terminal.modes.feed(data)
            await writer.write(1, data)

    async def _type(self, writer: OutputWriter) -> None:
        """Take what is typed. It is taken even if the process does not read, so that one can always leave."""
        reader = InputReader()
        while data := await reader.read():
            sent = self._escapes.feed(data)
            if self._escapes.left:
                break
            if self._escapes.asked:
                self._escapes.asked = False
                await writer.write(1, HELP.encode())
            if not sent:
                continue
            if not self._controls or self._waiting > _BACKLOG:
                await writer.write(1, _BELL)
                continue
            self._typed.append(sent)
            self._waiting += len(sent)
            self._more.set()
        else:
            self._signal = signal.SIGHUP
        self._over.set()

    async def _send(self, writer: OutputWriter) -> None:
        try:
            while True:
                await self._more.wait()
                self._more.clear()
                typed, self._typed = b"".join(self._typed), []
                await self._process.stdin.write(typed)
                self._waiting -= len(typed)
        except (StdinClosed, ProcessExited):
            pass  # the output says how it ended
        except NexusError:
            await writer.write(1, _BELL)

    async def _follow_size(self) -> None:
        if not self._controls:
            return
        if self._replay:
            # a program that draws the whole screen draws it again when its size changes
            cols, rows = terminal_size()
            await self._resize(cols, max(rows - 1, 1))
        self._resized.set()
        while True:
            await self._resized.wait()
            self._resized.clear()
            await self._resize(*terminal_size())

    async def _resize(self, cols: int, rows: int) -> None:
        try:
            await self._process.resize(cols, rows)
        except NexusError:
            pass  # it has ended, or the connection is away: its new attachment begins with the size


def has_terminal() -> bool:
    """Whether stdin and stdout are a terminal."""
    return os.isatty(0) and os.isatty(1)
