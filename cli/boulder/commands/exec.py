"""`boulder exec` and `boulder run`."""

from __future__ import annotations

import os
from typing import Any

import click

from boulder.arguments import complete_workspace, env_option, label_option, pairs
from boulder.command import Command
from boulder.context import App
from boulder.units import DURATION


class ExecCommand(Command):
    """Options, NAME and ``--`` in any order before the command; without ``--`` all after NAME is the command."""

    def parse_args(self, ctx: click.Context, args: list[str]) -> list[str]:
        """Cut the command off before options are looked for."""
        own, argv = args, None
        if "--" in args:
            cut = args.index("--")
            own, argv = args[:cut], args[cut + 1 :]
        else:
            ctx.allow_interspersed_args = False
        ctx.meta["boulder.argv"] = argv
        return super().parse_args(ctx, own)

    def collect_usage_pieces(self, ctx: click.Context) -> list[str]:
        """Show how it is meant to be written."""
        return ["[OPTIONS]", "[NAME]", "--", "COMMAND..."]


def split(ctx: click.Context, words: tuple[str, ...]) -> tuple[str | None, list[str]]:
    """Return the name and the command."""
    argv = ctx.meta["boulder.argv"]
    if argv is None:
        if len(words) < 2:
            raise click.UsageError("there is no command; write boulder exec [NAME] -- COMMAND", ctx)
        return words[0], list(words[1:])
    if len(words) > 1:
        raise click.UsageError(f"only a workspace's name can stand before --, not {' '.join(words)!r}", ctx)
    if not argv:
        raise click.UsageError("there is no command after --", ctx)
    return (words[0] if words else None), argv


@click.command("exec", cls=ExecCommand, short_help="Run a command, with its output and exit code.")
@click.argument("words", nargs=-1, type=click.UNPROCESSED, shell_complete=complete_workspace)
@click.option("-C", "--cwd", default=".", metavar="DIR", help="Where, below the workspace's root.")
@env_option
@label_option
@click.option("--timeout", type=DURATION, help="Kill it after so long; the exit code is 124 then.")
@click.option("-i", "--stdin", "interactive", is_flag=True, help="Pass stdin on, even from a terminal.")
@click.option("-n", "--no-stdin", is_flag=True, help="Do not pass stdin on, even if something is piped in.")
@click.option("-t", "--tty", is_flag=True, help="Give it a terminal.")
@click.option("-d", "--detach", is_flag=True, help="Let it run on, and print its process id.")
@click.pass_context
async def command(
    ctx: click.Context,
    words: tuple[str, ...],
    cwd: str,
    env: tuple[str, ...],
    labels: tuple[str, ...],
    timeout: int | None,
    interactive: bool,
    no_stdin: bool,
    tty: bool,
    detach: bool,
) -> int:
    """Run a command in a workspace: its output as it comes, its exit code at the end.

    No shell interprets the command; write boulder exec -- sh -c 'make && make test' for one. What is piped in is its
    stdin. Signals are passed on; a third Ctrl-C kills it. With a name, -- may be left out.
    """
    from nexus_sdk.process import start_params

    from boulder.client import connect, named
    from boulder.pipes import is_piped

    app = ctx.ensure_object(App)
    name, argv = split(ctx, words)
    if tty and detach:
        raise click.UsageError("--tty and --detach exclude each other; boulder shell makes a terminal to return to")
    app.command_runs = not detach
    variables, marks = pairs(env, "--env", dict(os.environ)), pairs(labels, "--label")
    stdin = not no_stdin and (interactive or (not detach and is_piped()))
    async with connect(app) as connection:
        workspace = await named(connection, name)
        options: dict[str, Any] = {
            "cwd": cwd,
            "env": variables,
            "labels": marks,
            "timeout": None if timeout is None else timeout / 1000,
        }
        if tty:
            from boulder.commands.shell import open_shell

            return await open_shell(app, connection, workspace, argv, **options)
        params = start_params(workspace, argv, stdin=stdin, **options)
        if detach:
            process = await connection.call("exec.start", params)
            app.out.result(process, lambda: app.out.line(process.id), process.id)
            return 0
        return await run(app, connection, params, stdin)


async def run(app: App, connection: Any, params: Any, stdin: bool) -> int:
    """Start it and follow it to its end; return its exit code."""
    from nexus_sdk.exceptions import ConnectionLost
    from nexus_sdk.process import Process

    from boulder.following import Signals, follow

    process = Process(connection, start=params, kill_on_exit=True)
    try:
        async with process:
            with Signals(process, app):
                return await follow(app, process, stdin=stdin)
    except ConnectionLost as error:
        if process.id:
            error.hint = f"it goes on; return to it with `boulder attach {process.id}`"
        raise
