"""`boulder operation`: changes of workspaces."""

from __future__ import annotations

from typing import TYPE_CHECKING, Any

import click

from boulder.arguments import argument_name
from boulder.command import Command, Entry, LazyGroup, pass_app
from boulder.context import App
from boulder.units import DURATION

if TYPE_CHECKING:
    from nexus_sdk.protocol import types

ENTRIES = {
    "ls": Entry("boulder.commands.operation:ls", "List operations, of one workspace or of all."),
    "get": Entry("boulder.commands.operation:get", "One operation, with its steps."),
    "wait": Entry("boulder.commands.operation:wait", "Wait until an operation ends."),
    "cancel": Entry("boulder.commands.operation:cancel", "Cancel an operation; what it did is undone."),
}


@click.command("operation", cls=LazyGroup, entries=ENTRIES, no_args_is_help=True)
def group() -> None:
    """Changes of workspaces, under way and past."""


@click.command("ls", cls=Command, short_help="List operations, of one workspace or of all.")
@argument_name
@click.option("--running", is_flag=True, help="Only those under way.")
@click.option("-n", "--limit", type=click.IntRange(1, 1000), default=20, show_default=True, help="At most so many.")
@pass_app
def ls(app: App, name: str | None, running: bool, limit: int) -> None:
    """List operations: those of the workspace NAME, or of all."""
    from boulder.calls import daemon

    params: dict[str, Any] = {"running": running, "limit": limit}
    if name is not None:
        params["workspace"] = name
    calls = daemon(app)
    found: types.OperationList = calls.call("operation.list", params)

    def human() -> None:
        from nexus_sdk.protocol import types as protocol

        from boulder.calls import workspaces
        from boulder.show import state_cell
        from boulder.units import ago

        # what failed to be made has no record, and no name
        asked = protocol.WorkspaceListParams(destroyed=True)
        names = {workspace.id: workspace.name for workspace in workspaces(calls, asked).workspaces}
        rows = [
            (
                item.id,
                item.kind,
                names.get(item.workspace, item.workspace),
                state_cell(item.state),
                ago(item.created_at),
                item.message,
            )
            for item in found.operations
        ]
        app.out.table(
            ("OPERATION", "KIND", "WORKSPACE", "STATE", "BEGUN", "MESSAGE"), rows, empty="no operations", whole=True
        )

    app.out.result(found, human, [item.id for item in found.operations])


@click.command("get", cls=Command, short_help="One operation, with its steps.")
@click.argument("operation")
@pass_app
def get(app: App, operation: str) -> None:
    """Show one operation, with its steps."""
    from boulder.calls import daemon

    found = daemon(app).call("operation.get", {"operation": operation})
    app.out.result(found, lambda: say(app, found), found.state)


@click.command("wait", cls=Command, short_help="Wait until an operation ends.")
@click.argument("operation")
@click.option("--timeout", type=DURATION, help="Give up after so long.  [default: never]")
@pass_app
async def wait(app: App, operation: str, timeout: int | None) -> int:
    """Wait until an operation ends. The exit code is 0 if it succeeded, 1 if not, 7 if it goes on."""
    import time

    from boulder.client import connect
    from boulder.exits import FAILED, OK, TIMEOUT
    from boulder.progress import Progress

    deadline = None if timeout is None else time.monotonic() + timeout / 1000
    with Progress(app.out, f"waiting for {operation}") as progress:
        async with connect(app) as connection:
            while True:
                left = 300.0 if deadline is None else max(deadline - time.monotonic(), 0.0)
                found: types.Operation = await connection.call(
                    "operation.wait",
                    {"operation": operation, "timeout_ms": round(min(left, 300.0) * 1000)},
                    on_progress=progress,
                )
                if found.state != "running" or (deadline is not None and time.monotonic() >= deadline):
                    break
    app.out.result(found, lambda: say(app, found), found.state)
    return {"done": OK, "running": TIMEOUT}.get(found.state, FAILED)


@click.command("cancel", cls=Command, short_help="Cancel an operation; what it did is undone.")
@click.argument("operation")
@pass_app
async def cancel(app: App, operation: str) -> None:
    """Cancel an operation: the step under way ends, then everything is undone."""
    from boulder.client import connect

    async with connect(app) as connection:
        found = await connection.call("operation.cancel", {"operation": operation})
    app.out.result(found, lambda: say(app, found), found.state)


def say(app: App, operation: types.Operation) -> None:
    """Print an operation and its steps."""
    from nexus_sdk.protocol import types

    from boulder.show import STATE_STYLES
    from boulder.text import clean

    out = app.out
    state = out.styled(clean(operation.state), STATE_STYLES.get(operation.state))
    out.line(f"{clean(operation.id)}  {clean(operation.kind)} {clean(operation.workspace)}  {state}")
    for step in operation.steps:
        out.line(f"  {out.styled(f'{clean(step.state):<8}', STATE_STYLES.get(step.state))} {clean(step.name)}")
    if isinstance(operation.error, types.OperationError):
        out.line(f"  {out.styled('error:', 'red')} {clean(operation.error.message)}")
        if operation.error.hint:
            out.line(f"  try: {clean(operation.error.hint)}")
