"""Checkpoints of a workspace: what it was at one moment."""

from __future__ import annotations

import builtins

from msgspec import UNSET

from nexus_sdk.connection import Connection, ProgressCallback
from nexus_sdk.protocol import types

__all__ = ["Checkpoints"]


class Checkpoints:
    """Checkpoints of one workspace; `workspace.checkpoints`. To go back to one: `workspace.restore`."""

    def __init__(self, connection: Connection, workspace: str) -> None:
        self._connection = connection
        self._workspace = workspace

    async def create(
        self,
        name: str | None = None,
        *,
        comment: str = "",
        wait: bool = True,
        on_progress: ProgressCallback | None = None,
        key: str | None = None,
    ) -> types.Checkpoint:
        """Save what the workspace is: all its files, git's state, and its machine's own filesystem; no processes.

        What runs is frozen meanwhile where the backend can, and goes on.

        Args:
            name: unique in the workspace; None for `checkpoint` and a number.
            comment: what it is for.
            wait: return when it is done; otherwise at once, in state `making`.
            on_progress: called with `Progress`, in steps.
            key: makes repeating the call safe; None makes a random one.

        Raises:
            CapabilityMissing: its backend cannot.
            CheckpointExists: there is one of this name.
            CheckpointImpossible: the workspace holds something that cannot be saved.
            StorageFull: the daemon's disk has no room for it.
        """
        params = types.CheckpointCreateParams(
            workspace=self._workspace,
            name=UNSET if name is None else name,
            comment=comment,
            wait=wait,
            key=UNSET if key is None else key,
        )
        result: types.CheckpointResult = await self._connection.call(
            "checkpoint.create", params, on_progress=on_progress
        )
        return result.checkpoint

    async def list(self, *, limit: int | None = None) -> builtins.list[types.Checkpoint]:
        """Return its checkpoints, newest first.

        Args:
            limit: at most so many; None for all.
        """
        found: builtins.list[types.Checkpoint] = []
        cursor: str | None = None
        while True:
            page: types.CheckpointList = await self._connection.call(
                "checkpoint.list",
                types.CheckpointListParams(
                    workspace=self._workspace,
                    limit=1000 if limit is None else max(1, min(1000, limit - len(found))),
                    cursor=UNSET if cursor is None else cursor,
                ),
            )
            found += page.checkpoints
            if page.next_cursor is UNSET or (limit is not None and len(found) >= limit):
                return found
            cursor = str(page.next_cursor)

    async def remove(
        self,
        checkpoint: str,
        *,
        wait: bool = True,
        on_progress: ProgressCallback | None = None,
        key: str | None = None,
    ) -> types.Checkpoint:
        """Remove a checkpoint and everything that it holds. What was restored or forked from it stays.

        Args:
            checkpoint: its id.
            wait: return when it is done.
            on_progress: called with `Progress`, in steps.
            key: makes repeating the call safe; None makes a random one.

        Raises:
            CheckpointNotFound: there is none.
        """
        params = types.CheckpointRemoveParams(checkpoint=checkpoint, wait=wait, key=UNSET if key is None else key)
        result: types.CheckpointResult = await self._connection.call(
            "checkpoint.remove", params, on_progress=on_progress
        )
        return result.checkpoint
