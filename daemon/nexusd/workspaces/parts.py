"""What the lifecycle is made of: the neighbours that plans and verbs call."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Mapping
from dataclasses import dataclass
from pathlib import Path

import msgspec
from nexus_sdk.protocol.errors import BackendNotFound, CapabilityMissing
from nexus_sdk.protocol.types import MachineOptions

from nexusd.backends.base import Backend, Machine, MachineSpec
from nexusd.processes.table import ProcessTable
from nexusd.store.database import Database
from nexusd.store.workspaces import WorkspaceRecord
from nexusd.workspaces.copies import Copies
from nexusd.workspaces.ports import PortRange
from nexusd.workspaces.registry import Registry

_INSTALL = {
    "docker": "Install Docker Engine (Debian: apt install docker.io), or name where it listens in docker.host, and "
    "restart the daemon. "
}


@dataclass(frozen=True, slots=True)
class Defaults:
    """What a new workspace gets where its creator does not say."""

    backend: str
    env: Mapping[str, str]


@dataclass(frozen=True, slots=True)
class Limits:
    """How many workspaces there may be, and checkpoints of each."""

    total: int
    per_owner: int
    checkpoints: int = 100


@dataclass(slots=True)
class Parts:
    """The neighbours of the lifecycle.

    Attributes:
        home: NEXUS_HOME.
        backends: by name.
        default_backend: the node's; a repository may name another.
        defaults_for: what a new workspace of a repository gets where its creator does not say.
        ports: workspace id → port name → host port, as in the store.
        copies: the files of checkpoints.
    """

    db: Database
    registry: Registry
    processes: ProcessTable
    backends: Mapping[str, Backend]
    home: Path
    default_backend: str
    defaults_for: Callable[[str], Awaitable[Defaults]]
    port_range: PortRange
    limits: Limits
    ports: dict[str, dict[str, int]]
    copies: Copies

    def backend(self, name: str) -> Backend:
        """The backend of this name. Raises BackendNotFound."""
        try:
            return self.backends[name]
        except KeyError:
            known = ", ".join(sorted(self.backends))
            raise BackendNotFound(
                f"there is no backend {name!r} on this node",
                hint=f"{_INSTALL.get(name, '')}This node has: {known}.",
                backend=name,
            ) from None

    def require(self, record: WorkspaceRecord, capability: str) -> None:
        """Refuse what the workspace's backend cannot do. Raises CapabilityMissing."""
        backend = self.backend(record.backend)
        if not getattr(backend.capabilities, capability, False):
            raise CapabilityMissing(
                f"the backend {record.backend} of workspace {record.name} cannot {capability}",
                backend=record.backend,
                capability=capability,
            )

    def capable(self, backend: str, capability: str) -> bool:
        """Whether a backend has a capability; False for one that this node does not have."""
        found = self.backends.get(backend)
        return found is not None and bool(getattr(found.capabilities, capability, False))

    def spec(self, record: WorkspaceRecord) -> MachineSpec:
        """What a backend needs to know of a workspace."""
        return MachineSpec(
            workspace=record.id,
            name=record.name,
            worktree=record.worktree,
            env=record.env,
            ports=self.ports.get(record.id, {}),
            generation=record.generation,
            repository=record.repo_path,
            options=msgspec.convert(record.options, MachineOptions),
        )

    def machine(self, record: WorkspaceRecord) -> Machine:
        """The inside of a workspace."""
        return self.backend(record.backend).machine(self.spec(record))
