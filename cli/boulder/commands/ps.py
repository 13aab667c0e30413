"""`boulder ps`."""

from __future__ import annotations

from typing import TYPE_CHECKING

import click

from boulder.arguments import argument_name, pairs
from boulder.command import Command, pass_app
from boulder.context import App

if TYPE_CHECKING:
    from nexus_sdk.protocol import types


@click.command("ps", cls=Command, short_help="List processes.")
@argument_name
@click.option("-a", "--all", "everything", is_flag=True, help="Those that have ended, too.")
@click.option("-l", "--label", "labels", multiple=True, metavar="NAME=VALUE", help="Only those with this label.")
@pass_app
def command(app: App, name: str | None, everything: bool, labels: tuple[str, ...]) -> None:
    """List the processes of a workspace that were started through Nexus."""
    from nexus_sdk.protocol import types as protocol

    from boulder.calls import daemon, named

    calls = daemon(app)
    params = protocol.ExecListParams(
        workspace=named(calls, name), running=not everything, labels=pairs(labels, "--label")
    )
    found: types.ExecList = calls.call("exec.list", params)

    def human() -> None:
        from boulder.show import PROCESS_HEADINGS, process_row

        empty = "no processes" if everything else "nothing runs; --all shows what has ended"
        app.out.table(PROCESS_HEADINGS, [process_row(process) for process in found.processes], empty=empty, whole=True)

    app.out.result(found, human, [process.id for process in found.processes])
