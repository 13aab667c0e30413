# Generated from nexus_sdk's asynchronous classes; do not edit.
"""The synchronous client: everything of `nexus_sdk`, without `await`.

    from nexus_sdk.sync import connect

    with connect() as nexus:
        workspace = nexus.workspaces.get("demo")
        with workspace.exec(["make"], check=True) as process:
            for line in process.stdout.lines():
                print(line)

One event loop in a daemon thread serves all clients of the process. Objects may be used from several threads, one
reader per stream. Callbacks run on the loop's thread and must not call the client. After a fork, connect again.
"""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

import nexus_sdk.client
from nexus_sdk.discovery import Token
from nexus_sdk.portal import Portal
from nexus_sdk.retry import IsTransient, is_transient
from nexus_sdk.sync.checkpoints import Checkpoints
from nexus_sdk.sync.client import Backends, Config, Nexus, Operations, System, Tokens, Workspaces
from nexus_sdk.sync.events import FileWatch, Search, WorkspaceWatch
from nexus_sdk.sync.files import Files
from nexus_sdk.sync.git import Git
from nexus_sdk.sync.output import ChunkReader, Lines, OutputReader
from nexus_sdk.sync.ports import Listener, Ports, Tunnel
from nexus_sdk.sync.process import Process, Stdin
from nexus_sdk.sync.processes import Processes
from nexus_sdk.sync.transfer import Download
from nexus_sdk.sync.workspace import Workspace

__all__ = [
    "Backends",
    "Checkpoints",
    "ChunkReader",
    "Config",
    "Download",
    "FileWatch",
    "Files",
    "Git",
    "Lines",
    "Listener",
    "Nexus",
    "Operations",
    "OutputReader",
    "Ports",
    "Process",
    "Processes",
    "Search",
    "Stdin",
    "System",
    "Tokens",
    "Tunnel",
    "Workspace",
    "WorkspaceWatch",
    "Workspaces",
    "connect",
]


def connect(
    url: str | None = None,
    token: Token | None = None,
    *,
    open_timeout: float = 10.0,
    reconnect_timeout: float = 60.0,
    ping_interval: float | None = 20.0,
    is_transient: IsTransient = is_transient,
    auto_key: bool = True,
    ssl: Any = None,
    environ: Mapping[str, str] | None = None,
) -> Nexus:
    """Connect to a daemon: `with connect() as nexus`.

    Args:
        url: `http://`, `https://`, `ws://` or `wss://`, or `unix:<path>`; None takes `NEXUS_URL`, else the Unix socket
            below `NEXUS_HOME`.
        token: the token, or a function that returns a fresh one for each connection; None takes `NEXUS_TOKEN`.
        open_timeout: seconds for connecting, handshake and the daemon's first message.
        reconnect_timeout: seconds to go on trying after a connection broke; 0 never reconnects.
        ping_interval: seconds between pings, and until a missing pong ends the connection; None sends none.
        is_transient: decides which failures are worth another attempt; see `nexus_sdk.retry`.
        auto_key: give calls that take a key a random one, so that they can be repeated after a break.
        ssl: an `ssl.SSLContext` for `wss://`; None verifies against the system's certificates.
        environ: the environment to look at; None takes the process's own.

    Raises on entering or awaiting:
        DaemonNotFound: no URL was given and there is no socket.
        ConnectionFailed: nothing answers there.
        Unauthenticated: the token was refused.
    """
    portal = Portal.shared()

    async def open() -> nexus_sdk.client.Nexus:
        return await nexus_sdk.client.connect(
            url,
            token,
            open_timeout=open_timeout,
            reconnect_timeout=reconnect_timeout,
            ping_interval=ping_interval,
            is_transient=is_transient,
            auto_key=auto_key,
            ssl=ssl,
            environ=environ,
        )

    return Nexus(portal.run(open()), portal)
