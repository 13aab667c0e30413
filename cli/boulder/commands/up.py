"""`boulder up`."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Coroutine
from typing import TYPE_CHECKING, Any

import click

from boulder.arguments import argument_name, complete_directory, env_option, label_option, pairs
from boulder.command import Command, pass_app
from boulder.context import App
from boulder.machines import machine_options

if TYPE_CHECKING:
    from nexus_sdk.connection import Connection
    from nexus_sdk.protocol import types


@click.command("up", cls=Command, short_help="Make a workspace, or start the one there is.")
@argument_name
@click.option(
    "--repo",
    metavar="PATH|URL",
    shell_complete=complete_directory,
    help="The repository.  [default: the one you are in]",
)
@click.option("--ref", help="Branch, tag or commit to begin at.  [default: the repository's HEAD]")
@click.option("--backend", help="What runs it.  [default: the configured one]")
@env_option
@label_option
@click.option("--port", "ports", multiple=True, metavar="NAME", help="Allocate a port of this name, too.")
@click.option("--display-name", help="A name for people.")
@machine_options
@click.option("--no-start", is_flag=True, help="Make it, but do not start it.")
@click.option("--shell", is_flag=True, help="Open a terminal in it then.")
@pass_app
def command(app: App, /, **options: Any) -> Coroutine[Any, Any, int]:
    """Make a workspace from a git repository, on a branch and worktree of its own, and start it.

    NAME defaults to the name of the current git branch. A workspace that exists is started. The daemon is started
    if none runs.
    """
    from boulder.node.ensure import ensure_daemon

    ensure_daemon(app)
    return up(app, **options)


async def up(
    app: App,
    name: str | None,
    repo: str | None,
    ref: str | None,
    backend: str | None,
    env: tuple[str, ...],
    labels: tuple[str, ...],
    ports: tuple[str, ...],
    display_name: str | None,
    no_start: bool,
    shell: bool,
    **machine: Any,
) -> int:
    """Do it; return the exit code."""
    import msgspec
    from nexus_sdk.protocol import types

    from boulder.client import connect, workspaces
    from boulder.machines import wanted_machine

    options = wanted_machine(**machine)
    variables, marks = pairs(env, "--env", dict(os.environ)), pairs(labels, "--label")
    source, candidates = wanted(name, repo)
    async with connect(app) as connection:
        known = (await workspaces(connection)).workspaces
        owner = connection.ready.identity.subject
        existing = pick(candidates, known, source, owner, strict=name is not None)
        if existing is not None:
            given = {"--ref": ref, "--backend": backend, "--env": env, "--label": labels, "--port": ports}
            ignored = [option for option, value in given.items() if value]
            ignored += ["how its machine is made"] if options is not None else []
            if ignored:
                app.out.warn(f"{existing.name} exists already: {', '.join(ignored)} changes nothing")
            workspace = await begin(app, connection, existing, no_start)
        else:
            taken = {workspace.name for workspace in known if workspace.owner == owner}
            free = next(candidate for candidate in candidates if candidate not in taken)
            params = types.WorkspaceCreateParams(
                name=free,
                repository=types.RepositorySource(url=source, ref=ref or msgspec.UNSET),
                backend=backend or msgspec.UNSET,
                display_name=display_name or msgspec.UNSET,
                env=variables,
                labels=marks,
                ports=list(ports),
                options=options if options is not None else msgspec.UNSET,
                start=not no_start,
            )
            workspace = await create(app, connection, params)
        if not shell:
            return 0
        from boulder.commands.shell import open_shell

        return await open_shell(app, connection, workspace.id)


def wanted(name: str | None, repo: str | None) -> tuple[str, list[str]]:
    """Return the source of the repository and the names that may be taken, best first.

    Raises:
        click.UsageError: no repository is around, the name is none, or no name follows from the branch.
    """
    from pathlib import Path

    from boulder.names import checkout, from_branch, from_source, is_name, is_url

    if name is not None and not is_name(name):
        close = from_branch(name)
        raise click.UsageError(
            f"{name!r} is no name for a workspace: lower-case letters, digits and inner hyphens, at most 63"
            + (f"; take {close}" if close else "")
        )
    if repo is not None and is_url(repo):
        found = name or from_source(repo)
        if found is None:
            raise click.UsageError(f"{repo!r} gives no name; name the workspace: boulder up NAME --repo …")
        return repo, [found]
    directory = Path(os.path.abspath(os.path.expanduser(repo))) if repo is not None else None
    here = checkout(directory) if directory is None or directory.is_dir() else None
    if here is None:
        reason = "is no git repository" if repo is not None else "is in no git repository"
        raise click.UsageError(f"{directory or Path.cwd()} {reason}; name one with --repo PATH or --repo URL")
    if name is not None:
        return str(here.root), [name]
    branch = from_branch(here.branch) if here.branch else None
    if branch is None:
        why = f"branch {here.branch!r} gives none" if here.branch else "HEAD is on no branch"
        raise click.UsageError(f"name the workspace: {why}")
    longer = from_branch(f"{here.root.name}-{branch}")
    return str(here.root), [branch, *([longer] if longer and longer != branch else [])]


def pick(
    candidates: list[str], known: list[types.Workspace], source: str, owner: str, *, strict: bool
) -> types.Workspace | None:
    """Return the workspace that is meant, if it exists.

    Names are unique for their owner, and a token may see several people's. As everywhere, a name means the caller's own
    workspace first, then the only one that there is: here of this repository. A name that the caller's workspace of
    another repository has is a conflict if the user gave it; a default gives way to the next.

    Args:
        candidates: the names that may be meant, best first.
        known: the workspaces that the caller sees.
        source: the repository.
        owner: the caller.
        strict: whether the user gave the name.

    Raises:
        CliError: the name is taken, or is that of several workspaces of others.
    """
    from boulder.errors import CliError
    from boulder.exits import CONFLICT, USAGE

    mine = {workspace.name: workspace for workspace in known if workspace.owner == owner}
    for candidate in candidates:
        named = [mine[candidate]] if candidate in mine else [one for one in known if one.name == candidate]
        found = [one for one in named if source in (one.repository.path, one.repository.url)]
        if len(found) > 1:
            whose = ", ".join(f"{one.id} of {one.owner}" for one in found)
            raise CliError(
                f"{len(found)} workspaces of this repository are named {candidate}, and none is yours: {whose}",
                hint=f"start the one you mean by its id: boulder workspace start {found[0].id}; or choose another name",
                name="workspace_ambiguous",
                exit=USAGE,
            )
        if found:
            return found[0]
    if all(candidate in mine for candidate in candidates):
        other = mine[candidates[0]]
        where = other.repository.path or other.repository.url
        raise CliError(
            f"workspace {other.name} exists already, made from {where}",
            hint="choose another name: boulder up NAME" if not strict else "choose another name",
            name="workspace_exists",
            exit=CONFLICT,
        )
    return None


async def begin(app: App, connection: Connection, workspace: types.Workspace, no_start: bool) -> types.Workspace:
    """Start a workspace that exists, and say how it is."""
    from boulder.commands.lifecycle import change

    if no_start:
        app.out.result({"workspace": workspace}, lambda: say(app, workspace, "exists"), workspace.name)
        return workspace
    ran = workspace.state == "running"
    result = await change(app, connection, "start", workspace.id, workspace.name)
    said = "runs already" if ran else "is running"
    app.out.result(result, lambda: say(app, result.workspace, said), result.workspace.name)
    return result.workspace


async def create(app: App, connection: Connection, params: types.WorkspaceCreateParams) -> types.Workspace:
    """Make a workspace, and say how it is."""
    import time

    from boulder.progress import Progress
    from boulder.units import format_duration

    began = time.monotonic()
    with Progress(app.out, f"creating {params.name}") as progress:
        try:
            result: types.LifecycleResult = await connection.call("workspace.create", params, on_progress=progress)
        except asyncio.CancelledError:
            progress.clear()
            app.out.warn("the daemon goes on with it: `boulder operation ls` shows how far it is")
            raise
    took = format_duration(time.monotonic() - began)
    made = "is running" if result.workspace.state == "running" else f"is {result.workspace.state}"
    app.out.result(result, lambda: say(app, result.workspace, f"{made} ({took})"), result.workspace.name)
    return result.workspace


def say(app: App, workspace: types.Workspace, what: str) -> None:
    """Print what a workspace is and where."""
    from boulder.text import clean

    out = app.out
    out.line(f"{out.styled(clean(workspace.name), 'bold')} {clean(what)}")
    out.line(f"  branch  {clean(workspace.branch)}")
    out.line(f"  files   {clean(workspace.worktree)}")
    if workspace.ports:
        out.line("  ports   " + clean(", ".join(f"{port.name} {port.port}" for port in workspace.ports)))
    if workspace.state == "running":
        out.line(f"  enter   boulder shell {clean(workspace.name)}")
