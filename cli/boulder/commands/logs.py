"""`boulder logs`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from boulder.arguments import complete_process
from boulder.command import Command, pass_app
from boulder.context import App

if TYPE_CHECKING:
    from nexus_sdk.connection import Connection
    from nexus_sdk.output import Chunk
    from nexus_sdk.protocol import types

_LINE = 256
_LEAST = 65_536


@click.command("logs", cls=Command, short_help="Print the output of a process.")
@click.argument("process", shell_complete=complete_process)
@click.option("-f", "--follow", is_flag=True, help="Go on until it ends.")
@click.option("-n", "--tail", type=click.IntRange(0), metavar="LINES", help="Only the last lines.")
@pass_app
async def command(app: App, process: str, follow: bool, tail: int | None) -> None:
    """Print what a process wrote, as far as it is kept: stdout to stdout, stderr to stderr."""
    from boulder.client import connect

    async with connect(app) as connection:
        record: types.Process = await connection.call("exec.get", {"process": process})
        start = record.output_start
        if tail is not None:
            start = await last_lines(connection, record, tail)
        if start > 0 and tail is None:
            app.out.note(f"the first {start} bytes are no longer kept")
        await print_from(app, connection, record, start, None if follow else record.output_end)


async def print_from(app: App, connection: Connection, record: types.Process, start: int, end: int | None) -> None:
    """Print output from an offset to another, or to the end of the process."""
    from nexus_sdk.process import Process

    from boulder.following import as_object
    from boulder.pipes import OutputWriter

    if end is not None and start >= end:
        return
    async with (
        OutputWriter() as writer,
        Process(connection, process=record.id, offset=start, role="observer") as process,
    ):
        async for chunk in process.output:
            shown = chunk if end is None else cut(chunk, end)
            if app.out.json:
                app.out.item(as_object(shown))
            else:
                await writer.write(1 if shown.channel == "stdout" else 2, shown.data)
            if end is not None and chunk.offset + len(chunk.data) >= end:
                return


def cut(chunk: Chunk, end: int) -> Chunk:
    """Return a chunk without what lies after an offset."""
    import msgspec

    if chunk.offset + len(chunk.data) <= end:
        return chunk
    return msgspec.structs.replace(chunk, data=chunk.data[: end - chunk.offset])


async def last_lines(connection: Connection, record: types.Process, lines: int) -> int:
    """Return the offset at which the last lines begin, looking further back until there are enough."""
    from nexus_sdk.process import Process

    end, first = record.output_end, record.output_start
    if lines == 0:
        return end
    size = max(lines * _LINE, _LEAST)
    while True:
        start = max(end - size, first)
        parts: list[bytes] = []
        if start < end:
            async with Process(connection, process=record.id, offset=start, role="observer") as process:
                async for chunk in process.output:
                    parts.append(cut(chunk, end).data)
                    if chunk.offset + len(chunk.data) >= end:
                        break
        text = b"".join(parts)
        position = len(text) - (1 if text.endswith(b"\n") else 0)
        for _ in range(lines):
            position = text.rfind(b"\n", 0, position)
            if position < 0:
                break
        if position >= 0:
            return start + position + 1
        if start == first:
            return first
        size *= 4
