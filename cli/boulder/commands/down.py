"""`boulder down`."""

from __future__ import annotations

import asyncio
from typing import TYPE_CHECKING

import click

from boulder.arguments import argument_name
from boulder.command import Command, pass_app
from boulder.context import App
from boulder.units import DURATION

if TYPE_CHECKING:
    from nexus_sdk.protocol import types


@click.command("down", cls=Command, short_help="Take a workspace down; work that exists nowhere else stays.")
@argument_name
@click.option(
    "-f", "--force", is_flag=True, help="Lose work that is not committed, and commits that exist nowhere else."
)
@click.option("--drop-branch", is_flag=True, help="Lose commits that exist nowhere else, but no uncommitted work.")
@click.option("--timeout", type=DURATION, help="How long processes may take to end by themselves.  [default: 10s]")
@click.option("--no-wait", is_flag=True, help="Return at once, and print the operation.")
@pass_app
async def command(
    app: App, name: str | None, force: bool, drop_branch: bool, timeout: int | None, no_wait: bool
) -> None:
    """Take a workspace down: its processes, its ports, its worktree, and its branch if that holds nothing of its own.

    Its checkpoints go with it. Uncommitted work refuses it, with exit code 5 and the list of files. Commits that exist
    nowhere else keep the branch: it is named, and the exit code is 0.
    """
    from nexus_sdk.protocol import types
    from nexus_sdk.protocol.errors import WorkspaceDirty

    from boulder.client import connect, named
    from boulder.progress import Progress

    async with connect(app) as connection:
        workspace = await named(connection, name)
        params = types.WorkspaceDestroyParams(
            workspace=workspace, force=force, keep_branch=not drop_branch, wait=not no_wait
        )
        if timeout is not None:
            params.timeout_ms = timeout
        with Progress(app.out, f"taking {name or workspace} down") as progress:
            try:
                result: types.WorkspaceDestroyed = await connection.call(
                    "workspace.destroy", params, on_progress=progress
                )
            except WorkspaceDirty as error:
                named_so = "" if name is None else f" {name}"
                error.hint = (
                    f"keep it: boulder git commit{named_so} -m MESSAGE; lose it: boulder down --force{named_so}"
                )
                raise
            except asyncio.CancelledError:
                progress.clear()
                app.out.warn("the daemon goes on with it: `boulder operation ls` shows how far it is")
                raise
    app.out.result(result, lambda: say(app, result), result.workspace.name)


def say(app: App, result: types.WorkspaceDestroyed) -> None:
    """Print what was done, and what was kept where."""
    from nexus_sdk.protocol import types

    from boulder.text import clean

    name = clean(result.workspace.name)
    if result.workspace.state != "destroyed":
        app.out.line(f"{clean(result.operation.id)}  taking {name} down")
        return
    app.out.line(f"{name} is gone")
    if isinstance(result.checkpoints, int):
        app.out.line(f"  gone    {result.checkpoints} checkpoint{'s' if result.checkpoints > 1 else ''} of it")
    kept = result.kept
    if isinstance(kept, types.WorkspaceKept) and kept.branch:
        commits = "1 commit that exists" if kept.unpushed == 1 else f"{kept.unpushed} commits that exist"
        where = result.workspace.repository.path
        app.out.line(f"  kept    branch {clean(kept.branch)} in {clean(where)}: it has {commits} nowhere else")
