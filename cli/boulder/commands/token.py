"""`boulder token`."""

from __future__ import annotations

import getpass
from typing import TYPE_CHECKING, Any

import click

from boulder.command import Command, Entry, LazyGroup, pass_app
from boulder.context import App
from boulder.units import DURATION

if TYPE_CHECKING:
    from nexus_sdk.protocol import types

    from boulder.calls import Caller

ENTRIES = {
    "create": Entry("boulder.commands.token:create", "Make a token, and print it once."),
    "ls": Entry("boulder.commands.token:ls", "List tokens."),
    "list": Entry("boulder.commands.token:ls", "The same.", ""),
    "revoke": Entry("boulder.commands.token:revoke", "Revoke tokens; their connections close."),
}


@click.command("token", cls=LazyGroup, entries=ENTRIES, no_args_is_help=True)
def group() -> None:
    """Tokens for programs and people."""


@click.command("create", cls=Command, short_help="Make a token, and print it once.")
@click.argument("subject", required=False)
@click.option(
    "-s", "--scope", "scopes", multiple=True, metavar="SCOPE", help="What it may; more than once.  [default: *]"
)
@click.option(
    "-w",
    "--workspace",
    "workspaces",
    multiple=True,
    metavar="NAME",
    help="Where: workspaces, own, or *.  [default: own]",
)
@click.option("--ttl", type=DURATION, default="30d", show_default=True, help="How long it is valid.")
@click.option("--name", default="", help="What it is for.")
@pass_app
def create(
    app: App, subject: str | None, scopes: tuple[str, ...], workspaces: tuple[str, ...], ttl: int, name: str
) -> None:
    """Make a token for SUBJECT (default: you), and print it. It is shown this once and kept nowhere.

    Use it elsewhere as NEXUS_TOKEN, together with NEXUS_URL. It cannot grant more than its maker has.
    """
    from boulder.calls import daemon
    from boulder.text import clean
    from boulder.units import until

    calls = daemon(app)
    asked = {part.strip() for scope in scopes for part in scope.split(",") if part.strip()}
    params = {
        "subject": subject or getpass.getuser(),
        "scopes": sorted(asked) or ["*"],
        "workspaces": [_id(calls, workspace) for workspace in workspaces] or ["own"],
        "ttl_ms": ttl,
        "name": name,
    }
    made: types.TokenCreated = calls.call("token.create", params)

    def human() -> None:
        app.out.line(made.token)
        info = made.info
        scope = ", ".join(info.scopes)
        app.out.note(f"{clean(info.id)} for {clean(info.subject)}: {clean(scope)}; expires {until(info.expires_at)}")

    app.out.result(made, human, made.token)


def _id(calls: Caller, workspace: str) -> str:
    """Return the id of a workspace: a token holds ids, since a name may be another workspace's tomorrow."""
    if workspace in ("own", "*"):
        return workspace
    found: types.Workspace = calls.call("workspace.get", {"workspace": workspace})
    return found.id


@click.command("ls", cls=Command, short_help="List tokens.")
@pass_app
def ls(app: App) -> None:
    """List tokens that you may manage, without their secrets."""
    from boulder.calls import daemon

    found: types.TokenList = daemon(app).call("token.list")

    def human() -> None:
        from boulder.output import Cell
        from boulder.units import until

        rows: list[list[Cell]] = []
        for token in found.tokens:
            dead = "revoked" if hasattr(token.revoked_at, "year") else until(token.expires_at)
            valid: Cell = (dead, "dim") if dead in ("revoked", "expired") else dead
            row: list[Any] = [token.id, token.subject, token.name, ", ".join(token.scopes)]
            rows.append([*row, ", ".join(token.workspaces), valid])
        headings = ("TOKEN", "SUBJECT", "NAME", "SCOPES", "WORKSPACES", "EXPIRES")
        app.out.table(headings, rows, empty="no tokens; `boulder token create` makes one", whole=True)

    app.out.result(found, human, [token.id for token in found.tokens])


@click.command("revoke", cls=Command, short_help="Revoke tokens; their connections close.")
@click.argument("tokens", metavar="TOKEN...", nargs=-1, required=True)
@pass_app
def revoke(app: App, tokens: tuple[str, ...]) -> None:
    """Revoke tokens by their ids. Connections that use them close within five seconds."""
    from boulder.calls import daemon
    from boulder.text import clean

    calls = daemon(app)
    for token in tokens:
        result = calls.call("token.revoke", {"id": token})
        app.out.result(result, lambda token=token: app.out.line(f"{clean(token)} is revoked"), token)  # type: ignore[misc]
