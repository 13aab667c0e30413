"""Single questions to the daemon, for commands that ask one thing and end."""

from __future__ import annotations

from typing import TYPE_CHECKING

import msgspec
from nexus_sdk.oneshot import OneShot
from nexus_sdk.protocol import types

if TYPE_CHECKING:
    from boulder.context import App

__all__ = ["workspaces"]

_PAGE = 1000


def workspaces(app: App, params: types.WorkspaceListParams) -> types.WorkspaceList:
    """List workspaces to the end, however many pages that takes.

    Raises:
        ConnectionFailed: there is no daemon, or it does not answer.
        Unauthenticated: it does not accept our token.
    """
    daemon = OneShot(app.url)
    asked = msgspec.structs.replace(params, limit=_PAGE)
    found: list[types.Workspace] = []
    while True:
        page: types.WorkspaceList = daemon.call("workspace.list", asked)
        found += page.workspaces
        if not isinstance(page.next_cursor, str):
            return types.WorkspaceList(workspaces=found)
        asked = msgspec.structs.replace(asked, cursor=page.next_cursor)
