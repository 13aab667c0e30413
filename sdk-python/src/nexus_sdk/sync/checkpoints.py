# Generated from nexus_sdk's asynchronous classes; do not edit.
"""Synchronous twin of nexus_sdk.checkpoints."""

from __future__ import annotations

import builtins

import nexus_sdk.checkpoints
from nexus_sdk.connection import ProgressCallback
from nexus_sdk.portal import Facade
from nexus_sdk.protocol import types

__all__ = ["Checkpoints"]


class Checkpoints(Facade):
    """Checkpoints of one workspace; `workspace.checkpoints`. To go back to one: `workspace.restore`."""

    _inner: nexus_sdk.checkpoints.Checkpoints

    def create(
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
        return self._run(
            self._inner.create(
                name,
                comment=comment,
                wait=wait,
                on_progress=on_progress,
                key=key,
            )
        )

    def list(
        self,
        *,
        limit: int | None = None,
    ) -> builtins.list[types.Checkpoint]:
        """Return its checkpoints, newest first.

        Args:
            limit: at most so many; None for all.
        """
        return self._run(self._inner.list(limit=limit))

    def remove(
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
        return self._run(self._inner.remove(checkpoint, wait=wait, on_progress=on_progress, key=key))
