"""`boulder version`."""

from __future__ import annotations

from typing import Any

import click

from boulder.command import Command, pass_app
from boulder.context import App

_SECONDS = 3.0


@click.command("version", cls=Command, short_help="Versions of this program and of the daemon.")
@pass_app
def command(app: App) -> None:
    """Show the version of this program and of the daemon, if one answers, and the levels of the protocol they speak."""
    from nexus_sdk.exceptions import NexusError
    from nexus_sdk.protocol.errors import Forbidden
    from nexus_sdk.protocol.methods import LEVEL

    from boulder import __version__
    from boulder.calls import daemon
    from boulder.text import clean

    found: dict[str, Any] = {"boulder": __version__, "level": LEVEL, "daemon": None}
    try:
        info = daemon(app, open_timeout=_SECONDS).call("system.info", timeout=_SECONDS)
        found["daemon"] = {"version": info.version, "level": info.level, "node": info.node}
    except Forbidden:
        import asyncio

        # every identity is told this when it connects, also one that may not ask
        found["daemon"] = asyncio.run(announced(app))
        reason = ""
    except NexusError as error:
        reason = error.message
    else:
        reason = ""

    def human() -> None:
        app.out.line(f"boulder {__version__} (level {LEVEL})")
        other = found["daemon"]
        if other is None:
            app.out.line(f"no daemon: {clean(reason)}")
        else:
            app.out.line(f"nexusd {clean(other['version'])} (level {other['level']}) on {clean(other['node'])}")

    app.out.result(found, human, __version__)


async def announced(app: App) -> dict[str, Any]:
    """Return what the daemon says of itself to whoever connects."""
    from boulder.client import connect

    async with connect(app, reconnect_timeout=0, open_timeout=_SECONDS) as connection:
        ready = connection.ready
        return {"version": ready.server.version, "level": ready.level, "node": ready.server.node}
