"""`boulder ls`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from boulder.arguments import complete_directory, pairs
from boulder.command import Command, pass_app
from boulder.context import App

if TYPE_CHECKING:
    from collections.abc import Awaitable

    from nexus_sdk.protocol import types


@click.command("ls", cls=Command, short_help="List workspaces.")
@click.option("-a", "--all", "everything", is_flag=True, help="Destroyed ones too.")
@click.option("--state", metavar="STATE", help="Only those in this state.")
@click.option("-l", "--label", "labels", multiple=True, metavar="NAME=VALUE", help="Only those with this label.")
@click.option("--repo", metavar="PATH|URL", shell_complete=complete_directory, help="Only those of this repository.")
@click.option("--watch", is_flag=True, help="Go on, and show each change.")
@pass_app
def command(
    app: App, everything: bool, state: str | None, labels: tuple[str, ...], repo: str | None, watch: bool
) -> Awaitable[None] | None:
    """List workspaces. An asterisk marks the current one of a repository."""
    import msgspec
    from nexus_sdk.protocol import types

    from boulder.names import is_url

    source = repo
    if repo is not None and not is_url(repo):
        import os

        source = os.path.abspath(os.path.expanduser(repo))
    params = types.WorkspaceListParams(
        repository=source or msgspec.UNSET,
        state=state or msgspec.UNSET,
        labels=pairs(labels, "--label"),
        destroyed=everything,
    )
    if watch:
        return follow(app, params)
    from boulder.calls import daemon, workspaces

    found = workspaces(daemon(app), params)
    app.out.result(found, lambda: table(app, found.workspaces), [workspace.name for workspace in found.workspaces])
    return None


def table(app: App, found: list[types.Workspace]) -> None:
    """Print the table."""
    from datetime import UTC, datetime

    from boulder.show import WORKSPACE_HEADINGS, workspace_row

    now = datetime.now(UTC)
    rows = [workspace_row(workspace, now) for workspace in sorted(found, key=lambda item: item.name)]
    app.out.table(WORKSPACE_HEADINGS, rows, empty="no workspaces yet; `boulder up NAME` makes one", whole=True)


async def follow(app: App, params: types.WorkspaceListParams) -> None:
    """Print the list, then every change: as events with ``--json``, else as lines."""
    from nexus_sdk.events import WorkspaceWatch
    from nexus_sdk.protocol import types

    from boulder.client import connect, workspaces
    from boulder.text import clean

    async with connect(app) as connection, WorkspaceWatch(connection, types.WorkspaceWatchParams()) as events:
        known: dict[str, str] = {}
        listed = (await workspaces(connection, params)).workspaces
        if not app.out.json:
            table(app, listed)
        for workspace in listed:
            if app.out.json:
                app.out.item(types.WorkspaceChanged(workspace=workspace))
            known[workspace.id] = workspace.state
        async for event in events:
            if app.out.json:
                app.out.item(event)
            elif isinstance(event, types.WorkspaceOverflow):
                app.out.note("changes were missed; this is the list now")
                table(app, (await workspaces(connection, params)).workspaces)
            elif known.get(event.workspace.id) != event.workspace.state:
                before = known.get(event.workspace.id)
                known[event.workspace.id] = event.workspace.state
                change = f"{before} → {event.workspace.state}" if before else event.workspace.state
                app.out.line(f"{clean(event.workspace.name)}  {change}")
