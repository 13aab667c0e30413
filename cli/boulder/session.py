"""A terminal session: our terminal, lent to a process in a workspace, until it ends or we leave it."""

from __future__ import annotations

import asyncio
import contextlib
import os
import signal
from typing import TYPE_CHECKING

import click
from nexus_sdk.exceptions import ConnectionLost
from nexus_sdk.protocol.errors import NexusError, ProcessExited, StdinClosed, TakenOver

from boulder.escapes import HELP, EscapeFilter
from boulder.exits import OK
from boulder.following import ending
from boulder.pipes import InputReader, OutputWriter
from boulder.queries import QueryFilter
from boulder.tty import RawTerminal, terminal_size

if TYPE_CHECKING:
    from nexus_sdk.connection import Connection
    from nexus_sdk.process import Process, ProcessResult

    from boulder.context import App

__all__ = ["Session", "lend", "require_terminal"]

_BACKLOG = 1_048_576
_BELL = b"\a"
_FAREWELL = 5.0


class Session:
    """One terminal session on a process that is attached to.

    Args:
        app: the invocation.
        process: entered already.
        earlier: where the output ends that came before this session; 0 where all of it is new.
        cut: whether the first of it is missing, so that it is to be shown from a line's beginning.
    """

    def __init__(self, app: App, process: Process, *, earlier: int = 0, cut: bool = False) -> None:
        self._app = app
        self._process = process
        self._earlier = earlier
        self._cut = cut
        self._controls = process.role != "observer"
        self._escapes = EscapeFilter()
        self._over = asyncio.Event()
        self._resized = asyncio.Event()
        self._typed: list[bytes] = []
        self._waiting = 0
        self._more = asyncio.Event()
        self._signal: int | None = None
        self._last = b"\n"

    async def run(self) -> int:
        """Run it; return the exit code: the process's, 0 after leaving it, or 128 + n after a signal.

        Raises:
            NexusError: the attachment failed: another took over, or the connection did not come back.
        """
        loop = asyncio.get_running_loop()
        if not self._controls:
            self._app.out.warn(self._role())
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
        if output.exception() is not None:
            self._begin_line()
        output.result()
        return self._ended(await self._process.wait())

    def _role(self) -> str:
        return (
            f"you observe {self._process.id}: another terminal controls it. Enter ~. leaves; "
            f"`boulder attach --takeover {self._process.id}` takes control"
        )

    def _ended(self, result: ProcessResult) -> int:
        """Say what nobody typed: a shell that goes by itself needs a reason."""
        if result.signal is not None:
            self._begin_line()
            why = {"stopped": ": the workspace or its daemon was stopped", "timeout": ": its time was up"}
            self._app.out.note(f"{self._process.id} was ended by SIG{result.signal}{why.get(result.reason, '')}")
        return ending(result)

    def _end(self, number: int) -> None:
        self._signal = number
        self._over.set()

    def _begin_line(self) -> None:
        """Begin a line for what we say, unless the output ended with one."""
        if self._last != b"\n":
            self._last = b"\n"
            with contextlib.suppress(OSError):
                os.write(1, b"\n")

    def _left(self) -> int:
        self._begin_line()
        self._app.out.note(f"left {self._process.id}; it goes on: boulder attach {self._process.id}")
        return OK if self._signal is None else 128 + self._signal

    async def _show(self, writer: OutputWriter, terminal: RawTerminal) -> None:
        skip, queries = self._cut, QueryFilter()
        async for chunk in self._process.output:
            data = bytes(chunk.data)
            old = min(max(self._earlier - chunk.offset, 0), len(data)) if self._controls else len(data)
            shown = queries.feed(data[:old])
            if old < len(data):
                shown += queries.flush() + data[old:]
            if skip:
                skip = False
                shown = shown.partition(b"\n")[2] or shown
            terminal.modes.feed(shown)
            self._last = shown[-1:] or self._last
            await writer.write(1, shown)

    async def _type(self, writer: OutputWriter) -> None:
        """Take what is typed. It is taken even if the process does not read, so that one can always leave."""
        reader, told = InputReader(), False
        while data := await reader.read():
            sent = self._escapes.feed(data)
            if self._escapes.left:
                break
            if self._escapes.asked:
                self._escapes.asked = False
                await writer.write(1, HELP.encode())
            if not sent:
                continue
            if not self._controls and not told:
                # what was said at the beginning may have been wiped off by what the program drew
                told = True
                await writer.write(1, f"\r\n{self._role()}\r\n".encode())
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
        if self._cut:
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


def require_terminal() -> None:
    """Refuse to go on without a terminal."""
    if not (os.isatty(0) and os.isatty(1)):
        raise click.UsageError("stdin and stdout must be a terminal; run commands with boulder exec instead")


async def lend(app: App, connection: Connection, process: Process, *, earlier: int = 0, cut: bool = False) -> int:
    """Attach to a process, run a session on it, and say how to return where the connection is lost.

    Args:
        app: the invocation.
        connection: the process's.
        process: not entered yet.
        earlier: as for `Session`.
        cut: as for `Session`.

    Returns:
        The exit code, as `Session.run` does.
    """
    try:
        async with process:
            code = await Session(app, process, earlier=earlier, cut=cut).run()
        # The daemon must have heard that we left before the connection goes, or it keeps our place for a minute and
        # whoever comes back is an observer.
        with contextlib.suppress(NexusError):
            await connection.call("session.ping", timeout=_FAREWELL)
        return code
    except ConnectionLost as error:
        error.hint = f"it goes on; return to it with `boulder attach {process.id}`"
        raise
    except TakenOver as error:
        error.hint = f"watch it with `boulder attach --observe {process.id}`"
        raise
