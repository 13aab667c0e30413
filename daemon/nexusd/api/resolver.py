"""From the thing a call names to the workspace it belongs to: what the gate decides on.

Absent and unseen are one answer. A process, an operation or a checkpoint is found by its id alone; whose it is comes
from its workspace, so a token that sees the workspace sees them, and no other token can tell that they exist.
"""

from __future__ import annotations

from collections.abc import Awaitable
from typing import Final

from nexus_sdk.protocol.errors import WorkspaceNotFound

from nexusd.auth.identity import Identity
from nexusd.processes.table import ProcessTable
from nexusd.store import checkpoints as checkpoint_rows
from nexusd.store import operations as operation_rows
from nexusd.store import workspaces as workspace_rows
from nexusd.store.database import Database
from nexusd.store.workspaces import WorkspaceRecord
from nexusd.workspaces.registry import Registry

_NAMED: Final = 10
"""Workspaces that are named where a name is not enough."""


class Resolver:
    """Finds the workspace behind a workspace's id or name, a process, an operation or a checkpoint.

    Fulfils the gate's protocol.
    """

    def __init__(self, registry: Registry, processes: ProcessTable, db: Database) -> None:
        self._registry = registry
        self._processes = processes
        self._db = db

    def workspace(self, ref: str, identity: Identity) -> WorkspaceRecord | Awaitable[WorkspaceRecord | None] | None:
        """The workspace that the caller means, from memory; a destroyed one by its id, from the store.

        Raises:
            WorkspaceNotFound: it is the name of several that the caller sees, and none is its own.
        """
        record = self._registry.resolve(ref, identity.subject, identity.sees)
        if record is not None:
            return record
        if ref.startswith("ws_"):
            return self._db.read(lambda conn: workspace_rows.get(conn, ref))
        self._refuse_ambiguous(ref, identity)
        return None

    def require_workspace(self, ref: str, identity: Identity) -> WorkspaceRecord:
        """The workspace that the caller means, for params that the gate does not resolve. Raises WorkspaceNotFound."""
        record = self._registry.resolve(ref, identity.subject, identity.sees)
        if record is None:
            self._refuse_ambiguous(ref, identity)
            raise WorkspaceNotFound(f"no workspace {ref!r}", workspace=ref)
        return record

    def _refuse_ambiguous(self, ref: str, identity: Identity) -> None:
        """Guessing between two people's workspaces would be worse than asking which. Raises WorkspaceNotFound."""
        seen = self._registry.named(ref, identity.sees)
        if seen:
            some = ", ".join(f"{record.id} of {record.owner}" for record in seen[:_NAMED])
            raise WorkspaceNotFound(
                f"{len(seen)} workspaces are named {ref!r}, and none is yours",
                hint=f"Name the one that you mean by its id: {some}{', …' if len(seen) > _NAMED else ''}.",
                workspace=ref,
            )

    def process(self, id: str) -> str | Awaitable[str | None] | None:
        """Id of the workspace that a process belongs to."""
        return self._processes.workspace_of(id)

    async def operation(self, id: str) -> str | None:
        """Id of the workspace that an operation is about."""
        record = await self._db.read(lambda conn: operation_rows.get(conn, id))
        return None if record is None else record.workspace

    async def checkpoint(self, id: str) -> str | None:
        """Id of the workspace that a checkpoint was made of."""
        record = await self._db.read(lambda conn: checkpoint_rows.get(conn, id))
        return None if record is None else record.workspace
