"""The daemon is there when a command needs it: started if it is ours and does not run."""

from __future__ import annotations

import os

from boulder.context import App
from boulder.errors import CliError
from boulder.exits import UNREACHABLE
from boulder.units import format_duration

__all__ = ["ensure_daemon"]


def ensure_daemon(app: App) -> None:
    """Start the daemon of this home if none runs and none elsewhere is named.

    Raises:
        CliError: it did not start.
    """
    if not app.own_daemon:
        return
    if os.name == "nt":
        raise CliError(
            "the daemon does not run on Windows",
            hint="set NEXUS_URL and NEXUS_TOKEN to one that runs elsewhere",
            name="daemon_missing",
            exit=UNREACHABLE,
        )
    from boulder.node import probe
    from boulder.node.start import start
    from boulder.node.systemd import SOCKET, Manager

    if probe.listens(app.socket):
        return
    manager = Manager()
    if manager.installed() and not app.home_is_set and manager.missing() is None:
        manager.run("start", SOCKET)
        return
    started = start(app.home)
    if started.fresh:
        app.out.note(f"started the daemon (pid {started.pid}) in {format_duration(started.seconds)}")
