"""`boulder workspace` and `boulder ws`: the long forms."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from boulder.arguments import argument_name, env_option, label_option, pairs
from boulder.command import Command, Entry, LazyGroup, pass_app
from boulder.context import App

if TYPE_CHECKING:
    from nexus_sdk.protocol import types

ENTRIES = {
    "create": Entry("boulder.commands.up:command", "Make a workspace; the same as boulder up."),
    "up": Entry("boulder.commands.up:command", "The same.", ""),
    "list": Entry("boulder.commands.ls:command", "List workspaces; the same as boulder ls."),
    "ls": Entry("boulder.commands.ls:command", "The same.", ""),
    "get": Entry("boulder.commands.workspace:get", "Everything about one workspace."),
    "start": Entry("boulder.commands.lifecycle:start", "Start a workspace; one that runs is success."),
    "stop": Entry("boulder.commands.lifecycle:stop", "End everything in a workspace; its files stay."),
    "restart": Entry("boulder.commands.lifecycle:restart", "Stop a workspace, then start it."),
    "pause": Entry("boulder.commands.lifecycle:pause", "Freeze a workspace's processes where they stand."),
    "resume": Entry("boulder.commands.lifecycle:resume", "Let a paused workspace go on."),
    "switch": Entry("boulder.commands.lifecycle:switch", "Make a workspace the current one of its repository."),
    "update": Entry("boulder.commands.workspace:update", "Change its display name, environment or labels."),
    "stats": Entry("boulder.commands.workspace:stats", "What a workspace uses now."),
    "operations": Entry("boulder.commands.operation:ls", "List operations, of one workspace or of all."),
    "destroy": Entry("boulder.commands.down:command", "Take a workspace down; the same as boulder down."),
    "down": Entry("boulder.commands.down:command", "The same.", ""),
}


@click.command("workspace", cls=LazyGroup, entries=ENTRIES, no_args_is_help=True)
def group() -> None:
    """Everything about workspaces, in long form."""


@click.command("get", cls=Command, short_help="Everything about one workspace.")
@argument_name
@pass_app
def get(app: App, name: str | None) -> None:
    """Show everything about one workspace."""
    from boulder.calls import daemon, named

    calls = daemon(app)
    workspace: types.Workspace = calls.call("workspace.get", {"workspace": named(calls, name)})
    app.out.result(workspace, lambda: say(app, workspace), workspace.name)


def say(app: App, workspace: types.Workspace) -> None:
    """Print a workspace as lines."""
    from boulder.show import STATE_STYLES
    from boulder.text import clean
    from boulder.units import ago

    out = app.out
    rows: list[tuple[str, str]] = [
        ("id", workspace.id),
        ("state", out.styled(clean(workspace.state), STATE_STYLES.get(workspace.state))),
        ("repository", clean(workspace.repository.url)),
        ("begun at", clean(f"{workspace.repository.ref} ({workspace.repository.commit[:12]})")),
        ("branch", clean(workspace.branch)),
        ("files", clean(workspace.worktree)),
        ("backend", clean(workspace.backend)),
        ("owner", clean(workspace.owner)),
        ("current", "yes" if workspace.current else "no"),
        ("ports", clean(", ".join(f"{port.name} {port.port}" for port in workspace.ports))),
        ("env", clean(", ".join(f"{key}={value}" for key, value in sorted(workspace.env.items())))),
        ("labels", clean(", ".join(f"{key}={value}" for key, value in sorted(workspace.labels.items())))),
        ("created", ago(workspace.created_at)),
        ("active", ago(workspace.last_active_at)),
        ("operation", workspace.operation if isinstance(workspace.operation, str) else ""),
        ("message", clean(workspace.message)),
    ]
    title = workspace.display_name if isinstance(workspace.display_name, str) else ""
    out.line(out.styled(clean(workspace.name), "bold") + (f"  {clean(title)}" if title else ""))
    for name, value in rows:
        if value:
            out.line(f"  {name:<11} {value}")


@click.command("update", cls=Command, short_help="Change its display name, environment or labels.")
@argument_name
@click.option("--display-name", help="A name for people.")
@env_option
@click.option("--unset-env", multiple=True, metavar="NAME", help="Take a variable away.")
@label_option
@click.option("--unset-label", multiple=True, metavar="NAME", help="Take a label away.")
@pass_app
def update(
    app: App,
    name: str | None,
    display_name: str | None,
    env: tuple[str, ...],
    unset_env: tuple[str, ...],
    labels: tuple[str, ...],
    unset_label: tuple[str, ...],
) -> None:
    """Change a workspace's record. New processes see the new environment."""
    import os

    from boulder.calls import daemon, named
    from boulder.text import clean

    variables, marks = pairs(env, "--env", dict(os.environ)), pairs(labels, "--label")
    calls = daemon(app)
    before: types.Workspace = calls.call("workspace.get", {"workspace": named(calls, name)})
    params: dict[str, Any] = {"workspace": before.id}
    if display_name is not None:
        params["display_name"] = display_name
    if variables or unset_env:
        params["env"] = {key: value for key, value in before.env.items() if key not in unset_env} | variables
    if marks or unset_label:
        params["labels"] = {key: value for key, value in before.labels.items() if key not in unset_label} | marks
    if len(params) == 1:
        raise click.UsageError("nothing to change; see --help")
    workspace: types.Workspace = calls.call("workspace.update", params)
    app.out.result(workspace, lambda: app.out.line(f"{clean(workspace.name)} is changed"), workspace.name)


@click.command("stats", cls=Command, short_help="What a workspace uses now.")
@argument_name
@pass_app
def stats(app: App, name: str | None) -> None:
    """Show what a workspace uses now."""
    from boulder.calls import daemon, named
    from boulder.units import format_duration, format_size

    calls = daemon(app)
    found: types.WorkspaceStatsResult = calls.call("workspace.stats", {"workspace": named(calls, name)})

    def human() -> None:
        used = found.stats
        app.out.line(f"processes  {used.processes}")
        app.out.line(f"cpu time   {format_duration(used.cpu_ms / 1000)}")
        app.out.line(f"memory     {format_size(used.memory)}")
        app.out.line(f"disk       {format_size(used.disk)}")

    app.out.result(found, human)
