"""`boulder attach`."""

from __future__ import annotations

from typing import TYPE_CHECKING, Literal

import click

from boulder.arguments import complete_process
from boulder.command import Command, pass_app
from boulder.context import App

if TYPE_CHECKING:
    from nexus_sdk.connection import Connection

_TERMINAL_TAIL = 16_384
_PIPE_TAIL = 65_536


@click.command("attach", cls=Command, short_help="Return to a process.")
@click.argument("process", shell_complete=complete_process)
@click.option("--observe", is_flag=True, help="Only watch.")
@click.option("--takeover", is_flag=True, help="Take control from the terminal that has it.")
@click.option("--tail", type=click.IntRange(0), help="Begin so many bytes before the end.")
@click.option("-i", "--stdin", "interactive", is_flag=True, help="Pass stdin on, even from a terminal.")
@pass_app
async def command(app: App, process: str, observe: bool, takeover: bool, tail: int | None, interactive: bool) -> int:
    """Return to a process: to its terminal, or to its output.

    One terminal controls a process, others may observe. Ctrl-C leaves a process without a terminal, which goes on.
    """
    from boulder.client import connect

    if observe and takeover:
        raise click.UsageError("--observe and --takeover exclude each other")
    app.command_runs = True
    role: Literal["auto", "controller", "observer"] = "observer" if observe else "auto"
    async with connect(app) as connection:
        return await return_to(
            app,
            connection,
            process,
            role="controller" if takeover else role,
            takeover=takeover,
            tail=tail,
            interactive=interactive,
        )


async def return_to(
    app: App,
    connection: Connection,
    id: str,
    *,
    role: Literal["auto", "controller", "observer"] = "auto",
    takeover: bool = False,
    tail: int | None = None,
    interactive: bool = False,
) -> int:
    """Attach to a process by id; return the exit code."""
    import msgspec
    from nexus_sdk.process import Process
    from nexus_sdk.protocol import types

    record: types.Process = await connection.call("exec.get", {"process": id})
    terminal = not isinstance(record.pty, msgspec.UnsetType) and record.state == "running"
    if terminal:
        from boulder.session import lend, require_terminal

        require_terminal()
        size = _TERMINAL_TAIL if tail is None else tail
        process = Process(connection, process=record.id, tail=size, role=role, takeover=takeover)
        return await lend(app, connection, process, earlier=record.output_end, cut=record.output_end > size)
    from boulder.following import follow
    from boulder.pipes import is_piped

    stdin = record.stdin and role != "observer" and (interactive or is_piped())
    size = _PIPE_TAIL if tail is None else tail
    async with Process(
        connection, process=record.id, tail=size, role=role if stdin else "observer", takeover=takeover
    ) as process:
        return await follow(app, process, stdin=stdin)
