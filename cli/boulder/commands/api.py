"""`boulder api`."""

from __future__ import annotations

import sys
from typing import Any

import click

from boulder.command import Command, pass_app
from boulder.context import App
from boulder.units import DURATION


def complete_method(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[str]:
    """Names of methods that can be called."""
    from nexus_sdk.protocol.methods import METHODS

    return [
        name
        for name, method in METHODS.items()
        if method.kind == "call" and method.direction == "client" and name.startswith(incomplete)
    ]


def _list(ctx: click.Context, param: click.Parameter, value: bool) -> None:
    if value:
        for name in complete_method(ctx, param, ""):
            click.echo(name)
        ctx.exit()


@click.command("api", cls=Command, short_help="Call a method of the protocol.")
@click.argument("method", shell_complete=complete_method)
@click.argument("params", required=False)
@click.option("--timeout", type=DURATION, help="Give up after so long.  [default: the method's own deadline]")
@click.option(
    "--list", "listed", is_flag=True, is_eager=True, expose_value=False, callback=_list, help="List the methods."
)
@pass_app
async def command(app: App, method: str, params: str | None, timeout: int | None) -> None:
    """Call METHOD with PARAMS, a JSON object (- reads it from stdin), and print its result as JSON.

    boulder api --list lists the methods. Streams have commands of their own: exec, shell, attach, logs, cp, watch,
    port forward.
    """
    import msgspec

    from boulder.client import connect

    text = sys.stdin.read() if params == "-" else params
    try:
        values: Any = msgspec.json.decode(text) if text else {}
    except msgspec.DecodeError as error:
        raise click.UsageError(f"PARAMS are not JSON: {error}") from None
    if not isinstance(values, dict):
        raise click.UsageError("PARAMS must be a JSON object")
    async with connect(app) as connection:
        result = await connection.call(method, values, timeout=None if timeout is None else timeout / 1000)
    if app.out.json or app.out.quiet:
        app.out.item(result)
    else:
        # what the daemon sends is escaped by the encoding already
        app.out.line(msgspec.json.format(msgspec.json.encode(result), indent=2).decode())
