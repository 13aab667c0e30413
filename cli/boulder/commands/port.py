"""`boulder port`."""

from __future__ import annotations

import errno
import os
import re
from collections.abc import AsyncIterator
from contextlib import AsyncExitStack, asynccontextmanager
from typing import TYPE_CHECKING, NamedTuple

import click

from boulder.arguments import argument_name, complete_workspace
from boulder.command import Command, Entry, LazyGroup, pass_app
from boulder.context import App
from boulder.errors import show

if TYPE_CHECKING:
    from nexus_sdk.connection import Connection
    from nexus_sdk.exceptions import NexusError
    from nexus_sdk.ports import Listener, Ports
    from nexus_sdk.protocol import types

ENTRIES = {
    "ls": Entry("boulder.commands.port:ls", "What listens in a workspace, and what is allocated to it."),
    "list": Entry("boulder.commands.port:ls", "The same.", ""),
    "forward": Entry("boulder.commands.port:forward", "Reach a workspace's ports from here."),
}

_LOOK = 0.25
_SPEC = re.compile(
    r"(?:(?P<host>\d+\.[0-9.]+|\[[0-9a-f:]+\]|localhost):)?"
    r"(?:(?P<local>\d{1,5}):)?"
    r"(?P<remote>\d{1,5}|[a-z][a-z0-9_-]*)"
)


class Spec(NamedTuple):
    """What is to be forwarded.

    Attributes:
        host: local address.
        local: local port; 0 for any that is free, None for the same as the remote one.
        remote: port of the workspace, or the name of one.
    """

    host: str
    local: int | None
    remote: int | str


@click.command("port", cls=LazyGroup, entries=ENTRIES, no_args_is_help=True)
def group() -> None:
    """Ports of a workspace: list and forward."""


@click.command("ls", cls=Command, short_help="What listens in a workspace, and what is allocated to it.")
@argument_name
@pass_app
def ls(app: App, name: str | None) -> None:
    """List what listens in a workspace, and the ports that are allocated to it."""
    from boulder.calls import daemon, named

    calls = daemon(app)
    found: types.PortList = calls.call("port.list", {"workspace": named(calls, name)})

    def human() -> None:
        rows = []
        for port in found.ports:
            listening = ("listening", "green") if port.listening else ("free", "dim")
            words = [value if isinstance(value, str) else "" for value in (port.name, port.address, port.command)]
            rows.append((str(port.port), words[0], listening, words[1], words[2]))
        app.out.table(("PORT", "NAME", "STATE", "ADDRESS", "COMMAND"), rows, empty="no ports")

    app.out.result(found, human, [str(port.port) for port in found.ports if port.listening])


@click.command("forward", cls=Command, short_help="Reach a workspace's ports from here.")
@click.argument("words", metavar="[NAME] [LOCAL:]REMOTE...", nargs=-1, required=True, shell_complete=complete_workspace)
@click.option("--host", default="127.0.0.1", show_default=True, help="Local address to listen on.")
@pass_app
async def forward(app: App, words: tuple[str, ...], host: str) -> None:
    """Carry local TCP ports to ports of a workspace, until Ctrl-C.

    REMOTE is a number, or the name of a port that is allocated to the workspace. Without LOCAL the same number is taken
    here, or a free one where that is in use; LOCAL 0 takes a free one.
    """
    from nexus_sdk.ports import Ports

    from boulder.client import connect
    from boulder.text import clean

    async with connect(app) as connection, AsyncExitStack() as stack:
        workspace, specs = await meant(connection, words, host)
        ports = Ports(connection, workspace.id)
        listeners: list[Listener] = []
        for spec in specs:
            remote = number(workspace, spec.remote)
            listener = await stack.enter_async_context(listening(ports, spec, remote))
            address, bound = listener.local_address
            shown = f"[{address}]" if ":" in address else address
            if app.out.json:
                app.out.item({"workspace": workspace.id, "port": remote, "host": address, "local_port": bound})
            elif app.out.quiet:
                app.out.line(f"{shown}:{bound}")
            else:
                app.out.line(f"{shown}:{bound} → {clean(workspace.name)}:{remote}")
            listeners.append(listener)
        app.out.note("Ctrl-C ends it")
        await report(app, listeners)


async def report(app: App, listeners: list[Listener]) -> None:
    """Say why connections fail, until cancelled; the program that connected only sees that they close."""
    import asyncio

    told: dict[int, NexusError | None] = {}
    while True:
        await asyncio.sleep(_LOOK)
        for index, listener in enumerate(listeners):
            error = listener.last_error
            if error is not None and told.get(index) is not error:
                told[index] = error
                show(error, app.out)


@asynccontextmanager
async def listening(ports: Ports, spec: Spec, remote: int) -> AsyncIterator[Listener]:
    """Listen here for one port.

    Raises:
        CliError: the local port was asked for and cannot be had.
    """
    from boulder.errors import CliError
    from boulder.exits import CONFLICT, REFUSED

    async with AsyncExitStack() as stack:
        wanted = remote if spec.local is None else spec.local
        try:
            listener = await stack.enter_async_context(ports.forward(remote, local_port=wanted, host=spec.host))
        except OSError as error:
            if spec.local is not None or error.errno not in (errno.EADDRINUSE, errno.EACCES):
                raise CliError(
                    # asyncio writes an explanation of its own around the system's
                    f"cannot listen on {spec.host}:{wanted}: {os.strerror(error.errno) if error.errno else error}",
                    hint=f"choose another local port: boulder port forward … 0:{remote} takes a free one",
                    name="port_in_use",
                    exit=REFUSED if error.errno == errno.EACCES else CONFLICT,
                ) from None
            # on the host backend the workspace itself has the port here
            listener = await stack.enter_async_context(ports.forward(remote, local_port=0, host=spec.host))
        yield listener


async def meant(connection: Connection, words: tuple[str, ...], host: str) -> tuple[types.Workspace, list[Spec]]:
    """Return the workspace and what is to be forwarded. A first word that is no port is the name."""
    from nexus_sdk.protocol.errors import WorkspaceNotFound

    from boulder.client import named
    from boulder.names import is_name

    name: str | None = None
    if len(words) > 1 and ":" not in words[0] and not words[0].isdigit():
        name, words = words[0], words[1:]
    elif len(words) == 1 and is_name(words[0]) and not words[0].isdigit():
        # the name of a workspace alone, or of a port of the workspace we are in
        try:
            alone: types.Workspace = await connection.call("workspace.get", {"workspace": words[0]})
        except WorkspaceNotFound:
            pass
        else:
            ports = ", ".join(port.name for port in alone.ports)
            raise click.UsageError(
                f"which port of {alone.name}? It has {ports}; write boulder port forward {alone.name} PORT"
            )
    workspace: types.Workspace = await connection.call("workspace.get", {"workspace": await named(connection, name)})
    return workspace, [parse(word, host) for word in words]


def parse(word: str, host: str) -> Spec:
    """Read ``[HOST:][LOCAL:]REMOTE``."""
    match = _SPEC.fullmatch(word)
    if match is None:
        raise click.UsageError(f"{word!r} is no port; write REMOTE or LOCAL:REMOTE, such as 3000 or 8000:3000")
    local = None if match["local"] is None else int(match["local"])
    remote: int | str = int(match["remote"]) if match["remote"].isdigit() else match["remote"]
    if (local or 0) > 65535 or (isinstance(remote, int) and not 1 <= remote <= 65535):
        raise click.UsageError(f"{word!r}: ports go to 65535")
    return Spec((match["host"] or host).strip("[]"), local, remote)


def number(workspace: types.Workspace, remote: int | str) -> int:
    """Return the port of a number or name.

    Raises:
        CliError: the workspace has no port of that name.
    """
    from boulder.errors import CliError
    from boulder.exits import NOT_FOUND

    if isinstance(remote, int):
        return remote
    for port in workspace.ports:
        if port.name == remote:
            return port.port
    names = ", ".join(port.name for port in workspace.ports) or "none"
    raise CliError(
        f"workspace {workspace.name} has no port named {remote!r}; it has {names}",
        name="port_not_found",
        exit=NOT_FOUND,
    )
