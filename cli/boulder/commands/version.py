"""`boulder version`."""

from __future__ import annotations

from typing import Any

import click

from boulder.command import Command, pass_app
from boulder.context import App


@click.command("version", cls=Command, short_help="Versions of this program and of the daemon.")
@pass_app
async def command(app: App) -> None:
    """Show the version of this program and of the daemon, if one answers, and the levels of the protocol they speak."""
    from nexus_sdk.exceptions import NexusError
    from nexus_sdk.protocol.methods import LEVEL

    from boulder import __version__
    from boulder.client import connect
    from boulder.text import clean

    found: dict[str, Any] = {"boulder": __version__, "level": LEVEL, "daemon": None}
    try:
        async with connect(app, reconnect_timeout=0, open_timeout=3) as connection:
            ready = connection.ready
            found["daemon"] = {"version": ready.server.version, "level": ready.level, "node": ready.server.node}
    except NexusError as error:
        reason = error.message
    else:
        reason = ""

    def human() -> None:
        app.out.line(f"boulder {__version__} (level {LEVEL})")
        daemon = found["daemon"]
        if daemon is None:
            app.out.line(f"no daemon: {clean(reason)}")
        else:
            app.out.line(f"nexusd {clean(daemon['version'])} (level {daemon['level']}) on {clean(daemon['node'])}")

    app.out.result(found, human, __version__)
