"""The connection to the daemon, for commands with streams or progress, and the few calls that many of them make.

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

from boulder.names import check_local, meant
from boulder.paging import next_page

if TYPE_CHECKING:
    from boulder.context import App

__all__ = ["connect", "named", "workspaces"]


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
    asked: types.WorkspaceListParams | None = next_page(params or types.WorkspaceListParams(), None)
    found: list[types.Workspace] = []
    while asked is not None:
        page: types.WorkspaceList = await connection.call("workspace.list", asked)
        found += page.workspaces
        asked = next_page(asked, page)
    return types.WorkspaceList(workspaces=found)


async def named(connection: Connection, name: str | None) -> str:
    """Return the name or id of the workspace that is meant; see `boulder.calls.named`."""
    if name is not None:
        return name
    check_local(connection.address)
    return meant((await workspaces(connection)).workspaces)
