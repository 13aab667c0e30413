"""The connection to the daemon, and the few calls that many commands make.

Commands use the SDK's `Connection` and its streams directly: the handles above them would only add to the time that
every start of this program takes.
"""

from __future__ import annotations

from collections.abc import AsyncIterator
from contextlib import asynccontextmanager
from typing import TYPE_CHECKING

from nexus_sdk.connection import Connection, Options
from nexus_sdk.discovery import discover
from nexus_sdk.protocol import types

from boulder.names import WorkspaceUnnamed, around, inside

if TYPE_CHECKING:
    from boulder.context import App

__all__ = ["connect", "named", "workspaces"]

_PAGE = 1000


@asynccontextmanager
async def connect(
    app: App, *, reconnect_timeout: float = 60.0, open_timeout: float = 10.0
) -> AsyncIterator[Connection]:
    """Connect to the daemon that the options and the environment name.

    Args:
        app: the invocation.
        reconnect_timeout: seconds to go on trying after a connection broke; 0 gives up at once.
        open_timeout: seconds for the first connection.

    Raises:
        ConnectionFailed: there is no daemon, or it does not answer.
        Unauthenticated: it does not accept our token.
    """
    options = Options(reconnect_timeout=reconnect_timeout, open_timeout=open_timeout)
    connection = Connection(discover(app.url), options)
    await connection.open()
    try:
        yield connection
    finally:
        await connection.close()


async def workspaces(connection: Connection, params: types.WorkspaceListParams | None = None) -> types.WorkspaceList:
    """List workspaces to the end, however many pages that takes."""
    import msgspec

    asked = msgspec.structs.replace(params or types.WorkspaceListParams(), limit=_PAGE)
    found: list[types.Workspace] = []
    while True:
        page: types.WorkspaceList = await connection.call("workspace.list", asked)
        found += page.workspaces
        if not isinstance(page.next_cursor, str):
            return types.WorkspaceList(workspaces=found)
        asked = msgspec.structs.replace(asked, cursor=page.next_cursor)


async def named(connection: Connection, name: str | None) -> str:
    """Return the name or id of the workspace that is meant.

    Args:
        connection: the daemon.
        name: as given; None for the one we are in: the one whose worktree holds the current directory, else the one
            whose process we are, else the current one of the repository around us.

    Raises:
        WorkspaceUnnamed: none is meant.
    """
    if name is not None:
        return name
    if not connection.address.loopback:
        raise WorkspaceUnnamed("the daemon is on another machine, so the current directory does not tell the workspace")
    found = (await workspaces(connection)).workspaces
    workspace = inside(found) or around(found)
    if workspace is None:
        raise WorkspaceUnnamed("no workspace is named, and the current directory does not tell which is meant")
    return str(workspace.id)
