"""`boulder checkpoint`: what workspaces were."""

from __future__ import annotations

import asyncio
import os
from typing import TYPE_CHECKING, Any

import click

from boulder.arguments import argument_name, complete_workspace, env_option, label_option, pairs
from boulder.command import Command, Entry, LazyGroup, pass_app
from boulder.context import App
from boulder.units import DURATION

if TYPE_CHECKING:
    from nexus_sdk.connection import Connection
    from nexus_sdk.protocol import types

ENTRIES = {
    "create": Entry("boulder.commands.checkpoint:create", "Save what a workspace is."),
    "ls": Entry("boulder.commands.checkpoint:ls", "List checkpoints, of one workspace or of all."),
    "list": Entry("boulder.commands.checkpoint:ls", "The same.", ""),
    "restore": Entry("boulder.commands.checkpoint:restore", "Bring a workspace back to a checkpoint."),
    "remove": Entry("boulder.commands.checkpoint:remove", "Remove a checkpoint."),
    "rm": Entry("boulder.commands.checkpoint:remove", "The same.", ""),
    "fork": Entry("boulder.commands.checkpoint:fork", "Make a workspace that begins as another one."),
}


@click.command("checkpoint", cls=LazyGroup, entries=ENTRIES, no_args_is_help=True)
def group() -> None:
    """What workspaces were: save, restore and fork them.

    A checkpoint holds all files of the worktree, ignored ones too, what is staged, the branch and its commit, and in
    containers everything that was installed. It holds no processes and no memory.
    """


async def call(app: App, connection: Connection, method: str, params: Any, doing: str) -> Any:
    """Call a method that takes long, showing progress, and return its result."""
    from boulder.progress import Progress

    with Progress(app.out, doing) as progress:
        try:
            return await connection.call(method, params, on_progress=progress)
        except asyncio.CancelledError:
            progress.clear()
            app.out.warn("the daemon goes on with it: `boulder operation ls` shows how far it is")
            raise


@click.command("create", cls=Command, short_help="Save what a workspace is.")
@argument_name
@click.option("-n", "--name", "title", help="A name for it, unique in the workspace.  [default: checkpoint NUMBER]")
@click.option("-m", "--comment", default="", help="What it is for.")
@click.option("--no-wait", is_flag=True, help="Return at once, and print the operation.")
@pass_app
async def create(app: App, name: str | None, title: str | None, comment: str, no_wait: bool) -> None:
    """Save what a workspace is. What runs in it is frozen meanwhile where its backend can, and goes on."""
    import msgspec
    from nexus_sdk.protocol import types

    from boulder.client import connect, named

    async with connect(app) as connection:
        params = types.CheckpointCreateParams(
            workspace=await named(connection, name), name=title or msgspec.UNSET, comment=comment, wait=not no_wait
        )
        result = await call(app, connection, "checkpoint.create", params, f"saving {name or 'the workspace'}")
    app.out.result(result, lambda: say(app, result, "is saved"), result.checkpoint.id)


def say(app: App, result: types.CheckpointResult, what: str) -> None:
    """Print what became of a checkpoint."""
    from boulder.text import clean
    from boulder.units import format_size

    saved = result.checkpoint
    if result.operation.state == "running":
        app.out.line(f"{clean(result.operation.id)}  {clean(saved.name)} of {clean(saved.workspace_name)}")
        return
    app.out.line(f"{app.out.styled(clean(saved.name), 'bold')} of {clean(saved.workspace_name)} {what}")
    if saved.state == "ready":
        app.out.line(f"  id      {clean(saved.id)}")
        app.out.line(f"  size    {format_size(saved.size)} in {saved.files} files")
        if saved.skipped:
            app.out.line(f"  without {saved.skipped} sockets, devices or mounts, which cannot be kept")


@click.command("ls", cls=Command, short_help="List checkpoints, of one workspace or of all.")
@argument_name
@pass_app
def ls(app: App, name: str | None) -> None:
    """List checkpoints: those of the workspace NAME, or of all."""
    from nexus_sdk.protocol import types

    from boulder.calls import daemon

    calls = daemon(app)
    found: list[types.Checkpoint] = []
    params: dict[str, Any] = {"limit": 1000} if name is None else {"limit": 1000, "workspace": name}
    while True:
        page: types.CheckpointList = calls.call("checkpoint.list", params)
        found += page.checkpoints
        if not isinstance(page.next_cursor, str):
            break
        params["cursor"] = page.next_cursor

    def human() -> None:
        from boulder.show import state_cell
        from boulder.units import ago, format_size

        rows = [
            (
                item.id,
                item.workspace_name,
                item.name,
                state_cell(item.state),
                format_size(item.size),
                item.commit[:12] if isinstance(item.commit, str) else "",
                ago(item.created_at),
                item.comment,
            )
            for item in found
        ]
        headings = ("CHECKPOINT", "WORKSPACE", "NAME", "STATE", "SIZE", "COMMIT", "MADE", "COMMENT")
        app.out.table(headings, rows, empty="no checkpoints")

    app.out.result(types.CheckpointList(checkpoints=found), human, [item.id for item in found])


@click.command("restore", cls=Command, short_help="Bring a workspace back to a checkpoint.")
@click.argument("words", metavar="[NAME] CHECKPOINT", nargs=-1, required=True, shell_complete=complete_workspace)
@click.option("--timeout", type=DURATION, help="How long processes may take to end by themselves.  [default: 10s]")
@click.option("--no-wait", is_flag=True, help="Return at once, and print the operation.")
@pass_app
async def restore(app: App, words: tuple[str, ...], timeout: int | None, no_wait: bool) -> None:
    """Bring a workspace back to one of its checkpoints, which is given by its id or its name.

    What the workspace is until then is saved first, as a checkpoint of its own: restore that to have it back. Processes
    are ended; a workspace that ran is started again.
    """
    from nexus_sdk.protocol import types

    from boulder.client import connect, named
    from boulder.text import clean

    name, wanted = split(words)
    async with connect(app) as connection:
        params = types.CheckpointRestoreParams(
            workspace=await named(connection, name), checkpoint=wanted, wait=not no_wait
        )
        if timeout is not None:
            params.timeout_ms = timeout
        result: types.CheckpointRestored = await call(
            app, connection, "checkpoint.restore", params, f"restoring {name or 'the workspace'}"
        )

    def human() -> None:
        if no_wait:
            app.out.line(f"{clean(result.operation.id)}  restoring {clean(result.workspace.name)}")
            return
        restored = clean(result.checkpoint.name)
        app.out.line(
            f"{app.out.styled(clean(result.workspace.name), 'bold')} is what it was at {restored}, "
            f"and {clean(result.workspace.state)}"
        )
        app.out.line(f"  before  {clean(result.before.id)}  {clean(result.before.name)}")

    app.out.result(result, human, result.before.id)


@click.command("remove", cls=Command, short_help="Remove a checkpoint.")
@click.argument("words", metavar="[NAME] CHECKPOINT", nargs=-1, required=True, shell_complete=complete_workspace)
@click.option("--no-wait", is_flag=True, help="Return at once, and print the operation.")
@pass_app
async def remove(app: App, words: tuple[str, ...], no_wait: bool) -> None:
    """Remove a checkpoint, which is given by its id, or by its name in the workspace NAME."""
    from nexus_sdk.protocol import types

    from boulder.client import connect

    name, wanted = split(words)
    async with connect(app) as connection:
        params = types.CheckpointRemoveParams(checkpoint=await identify(connection, name, wanted), wait=not no_wait)
        result = await call(app, connection, "checkpoint.remove", params, f"removing {wanted}")
    app.out.result(result, lambda: say(app, result, "is removed"), result.checkpoint.id)


@click.command("fork", cls=Command, short_help="Make a workspace that begins as another one.")
@click.argument("words", metavar="[NAME] NEW", nargs=-1, required=True, shell_complete=complete_workspace)
@click.option("--at", metavar="CHECKPOINT", help="Begin as this checkpoint of it.  [default: as it is now]")
@env_option
@label_option
@click.option("--port", "ports", multiple=True, metavar="NAME", help="Allocate a port of this name, too.")
@click.option("--display-name", help="A name for people.")
@click.option("--no-start", is_flag=True, help="Make it, but do not start it.")
@click.option("--no-wait", is_flag=True, help="Return at once, and print the operation.")
@pass_app
async def fork(
    app: App,
    words: tuple[str, ...],
    at: str | None,
    env: tuple[str, ...],
    labels: tuple[str, ...],
    ports: tuple[str, ...],
    display_name: str | None,
    no_start: bool,
    no_wait: bool,
) -> None:
    """Make the workspace NEW, which begins as the workspace NAME is, or as a checkpoint of it.

    It has a branch of its own, ports of its own, and copies of everything; backend, machine and environment are those
    of NAME.
    """
    import msgspec
    from nexus_sdk.protocol import types

    from boulder.client import connect, named
    from boulder.commands.up import say as say_workspace
    from boulder.text import clean

    name, new = split(words)
    variables, marks = pairs(env, "--env", dict(os.environ)), pairs(labels, "--label")
    async with connect(app) as connection:
        params = types.CheckpointForkParams(
            name=new,
            display_name=display_name or msgspec.UNSET,
            env=variables,
            labels=marks,
            ports=list(ports),
            start=not no_start,
            wait=not no_wait,
        )
        if at is None:
            params.workspace = await named(connection, name)
        else:
            params.checkpoint = await identify(connection, name, at)
        result: types.LifecycleResult = await call(app, connection, "checkpoint.fork", params, f"forking {new}")
    made = result.workspace

    def human() -> None:
        if no_wait:
            app.out.line(f"{clean(result.operation.id)}  forking {clean(made.name)}")
        else:
            say_workspace(app, made, f"is {made.state}")

    app.out.result(result, human, made.name)


def split(words: tuple[str, ...]) -> tuple[str | None, str]:
    """Return the workspace's name, None where it is left out, and what follows."""
    if len(words) > 2:
        raise click.UsageError(f"what is {words[2]!r}? Names with spaces are written in quotes")
    return (words[0], words[1]) if len(words) == 2 else (None, words[0])


async def identify(connection: Connection, name: str | None, wanted: str) -> str:
    """Return the id of a checkpoint that is given by its id or its name.

    Raises:
        CheckpointNotFound: the workspace has none of that name.
    """
    from nexus_sdk.protocol import types
    from nexus_sdk.protocol.errors import CheckpointNotFound

    from boulder.client import named

    if wanted.startswith("cp_"):
        return wanted
    params = types.CheckpointListParams(workspace=await named(connection, name), limit=1000)
    page: types.CheckpointList = await connection.call("checkpoint.list", params)
    for item in page.checkpoints:
        if item.name == wanted:
            return item.id
    raise CheckpointNotFound(f"the workspace has no checkpoint named {wanted!r}", checkpoint=wanted)
