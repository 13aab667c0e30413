"""`boulder kill`."""

from __future__ import annotations

from typing import Any

import click

from boulder.arguments import complete_process
from boulder.command import Command, pass_app
from boulder.context import App

SIGNALS = ("HUP", "INT", "QUIT", "TERM", "KILL", "USR1", "USR2", "STOP", "CONT", "WINCH")


class SignalName(click.ParamType[Any]):
    """A signal by name, with or without SIG, or by number."""

    name = "signal"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> str:
        """Return the name without SIG."""
        import signal

        text = str(value).upper().removeprefix("SIG")
        if text.isdigit():
            try:
                text = signal.Signals(int(text)).name.removeprefix("SIG")
            except ValueError:
                pass
        if text not in SIGNALS:
            self.fail(f"{value!r} is no signal that can be sent; there are {', '.join(SIGNALS)}", param, ctx)
        return text


@click.command("kill", cls=Command, short_help="Send a signal to processes.")
@click.argument("processes", metavar="PROCESS...", nargs=-1, required=True, shell_complete=complete_process)
@click.option("-s", "--signal", type=SignalName(), default="TERM", show_default=True, help="Which one.")
@click.option("--only", is_flag=True, help="To the process alone, not to its group and descendants.")
@pass_app
def command(app: App, processes: tuple[str, ...], signal: str, only: bool) -> int:
    """Send a signal to processes, their groups and all their descendants.

    Every process is tried; the exit code is that of the first failure.
    """
    from nexus_sdk.exceptions import ConnectionFailed, ConnectionLost, NexusError

    from boulder.calls import daemon
    from boulder.errors import show
    from boulder.exits import OK, exit_code

    code = OK
    calls = daemon(app)
    for process in processes:
        try:
            record = calls.call("exec.signal", {"process": process, "signal": signal, "group": not only})
        except (ConnectionFailed, ConnectionLost):
            raise
        except NexusError as error:
            show(error, app.out)
            code = code or exit_code(error)
        else:
            if app.out.json:
                app.out.item(record)
    return code
