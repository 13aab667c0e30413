"""What workspaces use: live figures from their backend, disk usage measured now and then."""

from __future__ import annotations

import asyncio
import os
import time

from nexus_sdk.protocol.types import ResourceStats

from nexusd.store.workspaces import WorkspaceRecord
from nexusd.workspaces.parts import Parts

DISK_SECONDS = 60.0
"""How long a measured disk usage is good for: walking a large tree costs seconds."""

WALK_SECONDS = 10.0
"""After so long a walk ends with what it has counted."""


class Usage:
    """Figures of workspaces."""

    def __init__(self, parts: Parts) -> None:
        self._parts = parts
        self._disk: dict[str, tuple[float, int]] = {}

    async def of(self, record: WorkspaceRecord) -> ResourceStats:
        """What the workspace uses now."""
        stats = await self._parts.backend(record.backend).stats(record.id)
        return ResourceStats(
            cpu_ms=stats.cpu_ms, memory=stats.memory, processes=stats.processes, disk=await self._disk_of(record)
        )

    async def _disk_of(self, record: WorkspaceRecord) -> int:
        measured, size = self._disk.get(record.id, (0.0, 0))
        if measured and time.monotonic() - measured < DISK_SECONDS:
            return size
        root = self._parts.machine(record).root()
        size = await asyncio.to_thread(_tree_bytes, root.fd)
        self._disk[record.id] = (time.monotonic(), size)
        return size

    async def forget(self, workspace: str) -> None:
        """Drop the figures of a destroyed workspace."""
        self._disk.pop(workspace, None)


def _tree_bytes(root: int) -> int:
    """Allocated bytes below a directory, walked by descriptor so that no link leads out."""
    total = 0
    deadline = time.monotonic() + WALK_SECONDS
    for _, directories, files, at in os.fwalk(".", dir_fd=root, follow_symlinks=False):
        for name in (*directories, *files):
            try:
                total += os.stat(name, dir_fd=at, follow_symlinks=False).st_blocks * 512
            except OSError:
                continue  # gone since it was listed
        if time.monotonic() > deadline:
            break
    return total
