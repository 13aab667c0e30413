"""What the api modules call: the services of a running daemon, built by `nexusd.daemon`."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime
from typing import TYPE_CHECKING

from nexusd.api.resolver import Resolver
from nexusd.auth.issuing import TokenService
from nexusd.config.loading import Loaded
from nexusd.config.paths import Home
from nexusd.files.service import FileService
from nexusd.processes.table import ProcessTable
from nexusd.store.database import Database
from nexusd.workspaces.manager import Manager
from nexusd.workspaces.parts import Parts
from nexusd.workspaces.registry import Registry
from nexusd.workspaces.usage import Usage

if TYPE_CHECKING:
    from nexusd.server.server import Server


@dataclass(slots=True)
class Services:
    """The services of a running daemon.

    Attributes:
        instance: an id of this run.
        started_at: when it started.
        server: set once the sockets are open.
    """

    db: Database
    loaded: Loaded
    registry: Registry
    parts: Parts
    manager: Manager
    processes: ProcessTable
    files: FileService
    usage: Usage
    tokens: TokenService
    resolver: Resolver
    instance: str
    started_at: datetime
    server: Server | None = None
