"""Client for Nexus workspaces: lifecycle, files, processes, ports and git over one connection.

    import nexus_sdk

    async with nexus_sdk.connect() as nexus:
        workspace = await nexus.workspaces.create("demo", repository=".")
        async with workspace.exec(["make", "-j8"], check=True) as process:
            async for chunk in process.stdout:
                ...

`nexus_sdk.sync` has the same without `await`. Names are loaded when they are first used, so importing this costs
next to nothing.
"""

from __future__ import annotations

TYPE_CHECKING = False  # as type checkers know it; typing itself would be most of what importing this costs

if TYPE_CHECKING:
    from typing import Any

    from nexus_sdk.client import Nexus as Nexus
    from nexus_sdk.client import connect as connect
    from nexus_sdk.discovery import Address as Address
    from nexus_sdk.discovery import discover as discover
    from nexus_sdk.events import FileWatch as FileWatch
    from nexus_sdk.events import Search as Search
    from nexus_sdk.events import WorkspaceWatch as WorkspaceWatch
    from nexus_sdk.exceptions import CallTimeout as CallTimeout
    from nexus_sdk.exceptions import ConnectionClosed as ConnectionClosed
    from nexus_sdk.exceptions import ConnectionFailed as ConnectionFailed
    from nexus_sdk.exceptions import ConnectionLost as ConnectionLost
    from nexus_sdk.exceptions import DaemonNotFound as DaemonNotFound
    from nexus_sdk.exceptions import NexusError as NexusError
    from nexus_sdk.exceptions import OutputGap as OutputGap
    from nexus_sdk.exceptions import ProcessError as ProcessError
    from nexus_sdk.exceptions import ProcessTimeout as ProcessTimeout
    from nexus_sdk.exceptions import ProtocolViolation as ProtocolViolation
    from nexus_sdk.link import Progress as Progress
    from nexus_sdk.output import Chunk as Chunk
    from nexus_sdk.ports import Listener as Listener
    from nexus_sdk.ports import Tunnel as Tunnel
    from nexus_sdk.process import Process as Process
    from nexus_sdk.process import ProcessResult as ProcessResult
    from nexus_sdk.retry import is_transient as is_transient
    from nexus_sdk.transfer import Download as Download
    from nexus_sdk.workspace import RunResult as RunResult
    from nexus_sdk.workspace import Workspace as Workspace

__version__ = "0.1.0"

_HOMES = {
    "Address": "discovery",
    "CallTimeout": "exceptions",
    "Chunk": "output",
    "ConnectionClosed": "exceptions",
    "ConnectionFailed": "exceptions",
    "ConnectionLost": "exceptions",
    "DaemonNotFound": "exceptions",
    "Download": "transfer",
    "FileWatch": "events",
    "Listener": "ports",
    "Nexus": "client",
    "NexusError": "exceptions",
    "OutputGap": "exceptions",
    "Process": "process",
    "ProcessError": "exceptions",
    "ProcessResult": "process",
    "ProcessTimeout": "exceptions",
    "Progress": "link",
    "ProtocolViolation": "exceptions",
    "RunResult": "workspace",
    "Search": "events",
    "Tunnel": "ports",
    "Workspace": "workspace",
    "WorkspaceWatch": "events",
    "connect": "client",
    "discover": "discovery",
    "is_transient": "retry",
}

__all__ = [
    "Address",
    "CallTimeout",
    "Chunk",
    "ConnectionClosed",
    "ConnectionFailed",
    "ConnectionLost",
    "DaemonNotFound",
    "Download",
    "FileWatch",
    "Listener",
    "Nexus",
    "NexusError",
    "OutputGap",
    "Process",
    "ProcessError",
    "ProcessResult",
    "ProcessTimeout",
    "Progress",
    "ProtocolViolation",
    "RunResult",
    "Search",
    "Tunnel",
    "Workspace",
    "WorkspaceWatch",
    "connect",
    "discover",
    "is_transient",
]


def __getattr__(name: str) -> Any:
    from importlib import import_module

    if name == "sync":
        return import_module("nexus_sdk.sync")
    home = _HOMES.get(name)
    if home is None:
        raise AttributeError(f"module {__name__!r} has no attribute {name!r}")
    value = getattr(import_module(f"nexus_sdk.{home}"), name)
    globals()[name] = value
    return value


def __dir__() -> list[str]:
    return sorted([*globals(), *_HOMES])
