"""`boulder watch`."""

from __future__ import annotations

import click

from boulder.arguments import argument_name
from boulder.command import Command, pass_app
from boulder.context import App

_STYLES = {"created": "green", "modified": "yellow", "deleted": "red"}


@click.command("watch", cls=Command, short_help="Follow changes of files.")
@argument_name
@click.argument("path", required=False, default=".")
@click.option("--no-recursive", is_flag=True, help="Not in directories below.")
@click.option("--ignored", is_flag=True, help="What .gitignore leaves out, too.")
@pass_app
async def command(app: App, name: str | None, path: str, no_recursive: bool, ignored: bool) -> None:
    """Print a line for each change below PATH, until Ctrl-C."""
    from nexus_sdk.events import FileWatch
    from nexus_sdk.protocol import types

    from boulder.client import connect, named
    from boulder.text import clean

    async with connect(app) as connection:
        params = types.FsWatchParams(
            workspace=await named(connection, name), path=path, recursive=not no_recursive, gitignore=not ignored
        )
        async with FileWatch(connection, params) as events:
            app.out.note(f"watching {clean(path)}; Ctrl-C ends it")
            async for event in events:
                if app.out.json:
                    app.out.item(event)
                elif isinstance(event, types.FsOverflow):
                    app.out.warn(f"changes were missed ({clean(event.reason)}); look at the files again")
                elif app.out.quiet:
                    app.out.line(clean(event.path))
                else:
                    change = app.out.styled(f"{clean(event.change):<8}", _STYLES.get(event.change))
                    app.out.line(f"{change}  {clean(event.path)}")
