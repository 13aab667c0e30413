"""Single calls to the daemon, for commands that need no stream and no progress.

Each is one `POST /rpc`, so neither an event loop nor a WebSocket is imported: that would be most of what such a
command takes.
"""

from __future__ import annotations

import os
from typing import TYPE_CHECKING, Any, Protocol

from nexus_sdk.oneshot import OneShot
from nexus_sdk.protocol import types

from boulder.names import check_local, meant
from boulder.paging import next_page

if TYPE_CHECKING:
    from nexus_sdk.discovery import Address

    from boulder.context import App

__all__ = ["Caller", "daemon", "named", "workspaces"]

_PROXIES = ("http_proxy", "https_proxy", "all_proxy", "ws_proxy", "wss_proxy", "socks_proxy")


class Caller(Protocol):
    """What makes calls."""

    @property
    def address(self) -> Address:
        """Where the daemon is."""

    def call(self, method: str, params: Any = None, *, timeout: float | None = None) -> Any:
        """Call a method and return its result; raises as `OneShot.call` does."""


class _Connected:
    """Makes each call over a connection of its own, which knows the proxies of the environment."""

    def __init__(self, app: App, address: Address, open_timeout: float) -> None:
        self.address = address
        self._app = app
        self._open_timeout = open_timeout

    def call(self, method: str, params: Any = None, *, timeout: float | None = None) -> Any:
        """Connect and call."""
        import asyncio

        from boulder.client import connect

        async def ask() -> Any:
            async with connect(self._app, reconnect_timeout=0, open_timeout=self._open_timeout) as connection:
                return await connection.call(method, params, timeout=timeout)

        return asyncio.run(ask())


def daemon(app: App, *, open_timeout: float = 10.0) -> Caller:
    """Return what calls the daemon that the options and the environment name. Nothing is connected yet.

    Args:
        app: the invocation.
        open_timeout: seconds for connecting.

    Raises:
        ConnectionFailed: there is no daemon, or its URL cannot be used.
    """
    single = OneShot(app.url, open_timeout=open_timeout)
    if not single.address.loopback and any(os.environ.get(name) or os.environ.get(name.upper()) for name in _PROXIES):
        return _Connected(app, single.address, open_timeout)
    return single


def workspaces(daemon: Caller, params: types.WorkspaceListParams | None = None) -> types.WorkspaceList:
    """List workspaces to the end, however many pages that takes."""
    asked: types.WorkspaceListParams | None = next_page(params or types.WorkspaceListParams(), None)
    found: list[types.Workspace] = []
    while asked is not None:
        page: types.WorkspaceList = daemon.call("workspace.list", asked)
        found += page.workspaces
        asked = next_page(asked, page)
    return types.WorkspaceList(workspaces=found)


def named(daemon: Caller, name: str | None) -> str:
    """Return the name or id of the workspace that is meant.

    Args:
        daemon: the daemon.
        name: as given; None for the one we are in: the one whose worktree holds the current directory, else the one
            whose process we are, else the current one of the repository around us.

    Raises:
        WorkspaceUnnamed: none is meant.
    """
    if name is not None:
        return name
    check_local(daemon.address)
    return meant(workspaces(daemon).workspaces)
