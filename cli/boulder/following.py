"""Following a process from pipes: output as it comes, stdin, signals, and its exit code at last."""

from __future__ import annotations

import asyncio
import base64
import signal
from typing import TYPE_CHECKING, Any

from nexus_sdk.protocol.errors import NexusError, ProcessExited, StdinClosed

from boulder.exits import status_code
from boulder.pipes import InputReader, OutputWriter

if TYPE_CHECKING:
    from nexus_sdk.output import Chunk
    from nexus_sdk.process import Process

    from boulder.context import App

__all__ = ["Signals", "as_object", "ending", "follow"]

_FORWARDED = ("INT", "TERM", "HUP", "QUIT", "USR1", "USR2")
_PATIENCE = 3


class Signals:
    """Hands the signals that we get to a process; after the third Ctrl-C it is killed instead.

    Args:
        process: where they go.
        app: says what cannot be done.
    """

    def __init__(self, process: Process, app: App) -> None:
        self._process = process
        self._app = app
        self._interrupts = 0
        self._tasks: set[asyncio.Task[None]] = set()

    def __enter__(self) -> Signals:
        loop = asyncio.get_running_loop()
        for name in _FORWARDED:
            loop.add_signal_handler(signal.Signals[f"SIG{name}"], self._came, name)
        return self

    def __exit__(self, *_: object) -> None:
        loop = asyncio.get_running_loop()
        for name in _FORWARDED:
            loop.remove_signal_handler(signal.Signals[f"SIG{name}"])
        for task in self._tasks:
            task.cancel()

    def _came(self, name: str) -> None:
        if name == "INT":
            self._interrupts += 1
            if self._interrupts >= _PATIENCE:
                self._app.out.warn("killing it")
                name = "KILL"
        task = asyncio.get_running_loop().create_task(self._forward(name))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _forward(self, name: Any) -> None:
        try:
            await self._process.signal(name)
        except ProcessExited:
            pass
        except NexusError as error:
            self._app.out.warn(f"signal {name} could not be sent: {error.message}")


async def follow(app: App, process: Process, *, stdin: bool) -> int:
    """Pass a process's output on until it ends; return the exit code that passes on its end.

    Args:
        app: with ``--json``, output is printed as objects.
        process: entered already.
        stdin: whether ours is passed to it.
    """
    feeder = asyncio.create_task(_feed(process)) if stdin else None
    try:
        async with OutputWriter() as writer:
            if app.out.json:
                app.out.item({"process": process.record})
            async for chunk in process.output:
                if app.out.json:
                    app.out.item(as_object(chunk))
                else:
                    await writer.write(1 if chunk.channel == "stdout" else 2, chunk.data)
            result = await process.wait()
    finally:
        if feeder is not None:
            feeder.cancel()
            await asyncio.gather(feeder, return_exceptions=True)
    if app.out.json:
        app.out.item({"exit": process.record.exit, "output_end": result.output_end})
    return ending(result)


def ending(result: Any) -> int:
    """Return the exit code that passes on how a process ended, as the SDK says it."""
    return status_code(result.exit_code, result.signal, result.reason)


async def _feed(process: Process) -> None:
    """Pass stdin on. A process that does not want it is none of our failures."""
    reader = InputReader()
    try:
        while data := await reader.read():
            await process.stdin.write(data)
        await process.stdin.send_eof()
    except (StdinClosed, ProcessExited):
        pass


def as_object(chunk: Chunk) -> dict[str, Any]:
    found: dict[str, Any] = {"channel": chunk.channel, "offset": chunk.offset}
    try:
        found["text"] = bytes(chunk.data).decode()
    except UnicodeDecodeError:
        found["base64"] = base64.b64encode(chunk.data).decode()
    return found
