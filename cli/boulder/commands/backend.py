"""`boulder backend`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from boulder.command import Command, Entry, LazyGroup, pass_app
from boulder.context import App

if TYPE_CHECKING:
    from nexus_sdk.protocol import types

ENTRIES = {
    "list": Entry("boulder.commands.backend:ls", "The backends of this node, and what they can do."),
    "ls": Entry("boulder.commands.backend:ls", "The same.", ""),
}


@click.command("backend", cls=LazyGroup, entries=ENTRIES, no_args_is_help=True)
def group() -> None:
    """What can run workspaces on this node."""


@click.command("list", cls=Command, short_help="The backends of this node, and what they can do.")
@pass_app
def ls(app: App) -> None:
    """List the backends of this node and what they can do."""
    from boulder.calls import daemon

    found: types.BackendList = daemon(app).call("backend.list")

    def human() -> None:
        rows = []
        for backend in found.backends:
            able = backend.capabilities
            words = [
                name
                for name in ("pause", "checkpoint", "fork", "survives_daemon", "own_network")
                if getattr(able, name)
            ]
            health = ("well", "green") if backend.healthy else (backend.message or "not usable", "red")
            name = backend.name + (" *" if backend.default else "")
            rows.append((name, health, able.isolation, ", ".join(words).replace("_", " ")))
        app.out.table(("BACKEND", "STATE", "ISOLATION", "CAN"), rows, empty="no backends")

    app.out.result(found, human, [backend.name for backend in found.backends])
