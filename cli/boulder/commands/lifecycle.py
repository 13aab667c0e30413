"""The verbs of a workspace's life: start, stop, restart, pause, resume, switch."""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any

import click

from boulder.arguments import argument_name
from boulder.command import Command, pass_app
from boulder.context import App
from boulder.units import DURATION

if TYPE_CHECKING:
    from nexus_sdk.connection import Connection
    from nexus_sdk.protocol import types

_DOING = {
    "start": ("starting", "is running"),
    "stop": ("stopping", "is stopped"),
    "restart": ("restarting", "is running"),
    "pause": ("pausing", "is paused"),
    "resume": ("resuming", "is running"),
    "switch": ("switching to", "is current and running"),
}


async def change(
    app: App, connection: Connection, verb: str, workspace: str, label: str | None = None, **params: Any
) -> types.LifecycleResult:
    """Call one of the verbs, showing progress, and return its result.

    Args:
        app: the invocation.
        connection: the daemon.
        verb: last part of the method's name.
        workspace: name or id.
        label: what to call it in messages; None for `workspace`.
        params: more params of the method.
    """
    import asyncio

    from boulder.progress import Progress

    with Progress(app.out, f"{_DOING[verb][0]} {label or workspace}") as progress:
        try:
            result: types.LifecycleResult = await connection.call(
                f"workspace.{verb}", {"workspace": workspace, **params}, on_progress=progress
            )
        except asyncio.CancelledError:
            progress.clear()
            app.out.warn("the daemon goes on with it: `boulder operation ls` shows how far it is")
            raise
    return result


def report(app: App, result: types.LifecycleResult, verb: str, waited: bool) -> None:
    """Print what a verb did."""
    from boulder.text import clean

    name = result.workspace.name
    if waited:
        app.out.result(result, lambda: app.out.line(f"{clean(name)} {_DOING[verb][1]}"), name)
    else:
        operation = result.operation.id
        app.out.result(result, lambda: app.out.line(f"{clean(operation)}  {_DOING[verb][0]} {clean(name)}"), operation)


def begin(app: App, verb: str, name: str | None, params: dict[str, Any]) -> None:
    """Have one of the verbs accepted, and print its operation."""
    from boulder.calls import daemon, named

    calls = daemon(app)
    result = calls.call(f"workspace.{verb}", {"workspace": named(calls, name), "wait": False, **params})
    report(app, result, verb, waited=False)


async def follow(app: App, verb: str, name: str | None, params: dict[str, Any]) -> None:
    """Call one of the verbs, and print its outcome."""
    from boulder.client import connect, named

    async with connect(app) as connection:
        result = await change(app, connection, verb, await named(connection, name), name, **params)
    report(app, result, verb, waited=True)


def verb_command(verb: str, help: str, *, grace: bool) -> click.Command:
    """Return the command of a verb that takes a workspace and nothing of its own but, maybe, a grace period."""

    def run(app: App, name: str | None, no_wait: bool, timeout: int | None = None) -> Any:
        params: dict[str, Any] = {} if timeout is None else {"timeout_ms": timeout}
        return begin(app, verb, name, params) if no_wait else follow(app, verb, name, params)

    function: Callable[..., Any] = pass_app(run)
    if grace:
        function = click.option(
            "--timeout", type=DURATION, help="How long processes may take to end by themselves.  [default: 10s]"
        )(function)
    function = click.option("--no-wait", is_flag=True, help="Return at once, and print the operation.")(function)
    return click.command(verb, cls=Command, help=help, short_help=help)(argument_name(function))


start = verb_command("start", "Start a workspace; one that runs is success.", grace=False)
stop = verb_command("stop", "End everything in a workspace; its files stay.", grace=True)
restart = verb_command("restart", "Stop a workspace, then start it.", grace=True)
pause = verb_command("pause", "Freeze a workspace's processes where they stand.", grace=False)
resume = verb_command("resume", "Let a paused workspace go on.", grace=False)


@click.command("switch", cls=Command, short_help="Make a workspace the current one of its repository.")
@click.argument("name")
@click.option(
    "--leave",
    type=click.Choice(["keep", "pause", "stop"]),
    help="What becomes of the one that is left.  [default: pause, where its backend can]",
)
@click.option("--no-wait", is_flag=True, help="Return at once, and print the operation.")
@pass_app
def switch(app: App, name: str, leave: str | None, no_wait: bool) -> Any:
    """Make a workspace the current one of its repository: it is started or resumed, the former one is left.

    The current one is what commands mean that are given no NAME, in the main worktree of the repository.
    """
    params: dict[str, Any] = {} if leave is None else {"leave": leave}
    return begin(app, "switch", name, params) if no_wait else follow(app, "switch", name, params)
