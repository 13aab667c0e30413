"""Files of workspaces for the api: the root of each workspace, opened once, and threads to work on it.

File calls block, so they run in threads of their own: a directory that is slow to list must not take the threads that
others' writes wait for.
"""

from __future__ import annotations

import asyncio
import logging
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import TypeVar

from nexus_sdk.protocol.errors import NexusError

from nexusd.backends.base import Machine, RootHandle
from nexusd.files.beneath import Beneath
from nexusd.files.transfer import sweep
from nexusd.files.watch import Watcher
from nexusd.store.workspaces import WorkspaceRecord

log = logging.getLogger(__name__)

T = TypeVar("T")
P = TypeVar("P")

QUICK_THREADS = 8
SLOW_THREADS = 8
"""Threads for calls on one entry, and for calls that walk a tree."""


class FileService:
    """The files of every workspace.

    Args:
        machine_for: the inside of a workspace.
        instance: an id of this run of the daemon; watch cursors of another run are expired.
    """

    def __init__(self, machine_for: Callable[[WorkspaceRecord], Machine], instance: str) -> None:
        self._machine_for = machine_for
        self._instance = instance
        self._roots: dict[str, tuple[RootHandle, Beneath]] = {}
        self._watchers: dict[str, Watcher] = {}
        self._quick = ThreadPoolExecutor(QUICK_THREADS, "nexus-file")
        self._slow = ThreadPoolExecutor(SLOW_THREADS, "nexus-tree")

    def beneath(self, record: WorkspaceRecord) -> Beneath:
        """The files of a workspace. Raises BackendFailed where the worktree is gone."""
        handle = self._machine_for(record).root()
        known = self._roots.get(record.id)
        if known is not None and known[0] == handle:
            return known[1]
        beneath = Beneath(handle)
        self._roots[record.id] = (handle, beneath)
        return beneath

    async def run(self, record: WorkspaceRecord, work: Callable[[Beneath, P], T], params: P) -> T:
        """Do one quick file call in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._quick, work, self.beneath(record), params)

    async def run_slow(self, record: WorkspaceRecord, work: Callable[[Beneath, P], T], params: P) -> T:
        """Do one file call that may walk a tree, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._slow, work, self.beneath(record), params)

    def watcher(self, record: WorkspaceRecord) -> Watcher:
        """The one watcher of a workspace, shared by all who watch it."""
        beneath = self.beneath(record)
        watcher = self._watchers.get(record.id)
        if watcher is None or watcher.beneath is not beneath:
            watcher = self._watchers[record.id] = Watcher(beneath, self._instance)
        return watcher

    async def forget(self, workspace: str) -> None:
        """The workspace is destroyed."""
        self._roots.pop(workspace, None)
        watcher = self._watchers.pop(workspace, None)
        if watcher is not None:
            await watcher.aclose()

    async def sweep(self, records: Iterable[WorkspaceRecord]) -> None:
        """Remove what interrupted uploads left long ago."""
        for record in records:
            try:
                await asyncio.get_running_loop().run_in_executor(self._slow, sweep, self.beneath(record))
            except NexusError as error:
                log.warning("workspace %s was not swept: %s", record.name, error)

    async def close(self) -> None:
        """Stop watching and let the threads end."""
        for workspace in tuple(self._watchers):
            await self.forget(workspace)
        self._quick.shutdown(wait=False, cancel_futures=True)
        self._slow.shutdown(wait=False, cancel_futures=True)
