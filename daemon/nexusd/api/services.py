"""What the api modules call: the services of a running daemon, built by `nexusd.daemon`."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any, Protocol

from nexusd.api.health import Health
from nexusd.api.keyed import KeyedCalls
from nexusd.api.resolver import Resolver
from nexusd.auth.gate import Gate
from nexusd.auth.issuing import TokenService
from nexusd.config.loading import Loaded
from nexusd.config.paths import Home
from nexusd.files.service import FileService
from nexusd.processes.table import ProcessTable
from nexusd.store.database import Database
from nexusd.wire.dispatch import Dispatcher
from nexusd.workspaces.checkpoints import Checkpoints
from nexusd.workspaces.manager import Manager
from nexusd.workspaces.parts import Parts
from nexusd.workspaces.registry import Registry
from nexusd.workspaces.usage import Usage


class Serving(Protocol):
    """What the api tells of the sockets."""

    @property
    def addresses(self) -> list[str]:
        """Where the daemon listens, as URLs."""
        ...

    @property
    def connections(self) -> int:
        """How many connections there are."""
        ...


@dataclass(slots=True)
class Services:
    """The services of a running daemon.

    Attributes:
        flags: the flags that the configuration was loaded with.
        instance: an id of this run.
        started_at: when it started.
        request_drain: begins to stop the daemon; calls in flight get so many seconds.
        keyed: set once the services it recovers from exist.
        dispatcher: set once the gate exists.
        server: set once the sockets are open.
    """

    home: Home
    flags: Mapping[str, Any]
    loaded: Loaded
    instance: str
    started_at: datetime
    db: Database
    registry: Registry
    parts: Parts
    manager: Manager
    checkpoints: Checkpoints
    processes: ProcessTable
    files: FileService
    usage: Usage
    tokens: TokenService
    resolver: Resolver
    gate: Gate
    health: Health
    request_drain: Callable[[float], None]
    keyed: KeyedCalls = field(init=False)
    dispatcher: Dispatcher = field(init=False)
    server: Serving | None = None
