"""`boulder shell`."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import TYPE_CHECKING, Any

import click

from boulder.arguments import argument_name, complete_process, env_option
from boulder.command import Command, pass_app
from boulder.context import App

if TYPE_CHECKING:
    from nexus_sdk.connection import Connection

LOGIN_SHELL = ("/bin/sh", "-c", 'exec "${SHELL:-/bin/sh}" -l')


@click.command("shell", cls=Command, short_help="Open a terminal.")
@argument_name
@click.option("--attach", "process", metavar="PROCESS", shell_complete=complete_process, help="Return to this one.")
@click.option("-C", "--cwd", default=".", metavar="DIR", help="Where, below the workspace's root.")
@env_option
@click.option("-c", "--command", "line", help="Run this line of the shell instead.")
@pass_app
async def command(
    app: App, name: str | None, process: str | None, cwd: str, env: tuple[str, ...], line: str | None
) -> int:
    """Open a terminal in a workspace.

    It survives a dropped connection, and leaving it: after Enter, ~. leaves, ~? explains. boulder attach returns.
    The exit code is that of the shell.
    """
    from boulder.arguments import pairs
    from boulder.client import connect, named
    from boulder.session import require_terminal

    app.command_runs = True
    require_terminal()
    async with connect(app) as connection:
        if process is not None:
            from boulder.commands.attach import return_to

            return await return_to(app, connection, process)
        variables = pairs(env, "--env", dict(os.environ))
        argv = LOGIN_SHELL if line is None else ("/bin/sh", "-c", line)
        return await open_shell(app, connection, await named(connection, name), argv, cwd=cwd, env=variables)


async def open_shell(
    app: App,
    connection: Connection,
    workspace: str,
    argv: Sequence[str] = LOGIN_SHELL,
    *,
    env: dict[str, str] | None = None,
    **options: Any,
) -> int:
    """Start a command in a terminal and lend it ours; return the exit code."""
    from nexus_sdk.process import Process, start_params

    from boulder.session import lend, require_terminal
    from boulder.tty import terminal_environment, terminal_size

    app.command_runs = True
    require_terminal()
    params = start_params(
        workspace, argv, pty=terminal_size(), stdin=True, env=terminal_environment() | (env or {}), **options
    )
    process = Process(connection, start=params, kill_on_exit=False)
    return await lend(app, connection, process)
