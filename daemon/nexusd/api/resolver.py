"""From the thing a call names to the workspace it belongs to: what the gate decides on.

Absent and unseen are one answer. A process, an operation or a checkpoint is found by its id alone; whose it is comes
from its workspace, so a token that sees the workspace sees them, and no other token can tell that they exist.
"""

from __future__ import annotations

from collections.abc import Awaitable

from nexus_sdk.protocol.errors import WorkspaceNotFound

from nexusd.auth.identity import Identity
from nexusd.processes.table import ProcessTable
from nexusd.store import checkpoints as checkpoint_rows
from nexusd.store import operations as operation_rows
from nexusd.store import workspaces as workspace_rows
from nexusd.store.database import Database
from nexusd.store.workspaces import WorkspaceRecord
from nexusd.workspaces.registry import Registry


class Resolver:
    """Finds the workspace behind a workspace's id or name, a process, an operation or a checkpoint.

    Fulfils the gate's protocol.
    """

    def __init__(self, registry: Registry, processes: ProcessTable, db: Database) -> None:
        self._registry = registry
        self._processes = processes
        self._db = db

    def workspace(self, ref: str, identity: Identity) -> WorkspaceRecord | Awaitable[WorkspaceRecord | None] | None:
        """The workspace that the caller means, from memory; a destroyed one by its id, from the store."""
        record = self._registry.resolve(ref, identity.subject, identity.sees)
        if record is not None or not ref.startswith("ws_"):
            return record
        return self._db.read(lambda conn: workspace_rows.get(conn, ref))

    def require_workspace(self, ref: str, identity: Identity) -> WorkspaceRecord:
        """The workspace that the caller means, for params that the gate does not resolve. Raises WorkspaceNotFound."""
        record = self._registry.resolve(ref, identity.subject, identity.sees)
        if record is None:
            raise WorkspaceNotFound(f"no workspace {ref!r}", workspace=ref)
        return record

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
