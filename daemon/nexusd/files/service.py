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

import msgspec
from nexus_sdk.protocol.errors import NexusError
from nexus_sdk.protocol.errors import WorkspaceState as WorkspaceStateError
from nexus_sdk.protocol.types import FsSymlinkParams

from nexusd.backends.base import Machine, RootHandle
from nexusd.files.beneath import Beneath
from nexusd.files.transfer import sweep
from nexusd.files.watch import Watcher
from nexusd.files.whole import Enclosed, Whole
from nexusd.store.workspaces import WorkspaceRecord

log = logging.getLogger(__name__)

T = TypeVar("T")
P = TypeVar("P", bound=msgspec.Struct)

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
        self._whole_watchers: dict[str, Watcher] = {}
        self._ending: set[asyncio.Task[None]] = set()
        self._quick = ThreadPoolExecutor(QUICK_THREADS, "nexus-file")
        self._slow = ThreadPoolExecutor(SLOW_THREADS, "nexus-tree")

    async def place(self, record: WorkspaceRecord, params: msgspec.Struct) -> Beneath:
        """The files that the paths in a call's params are among: the worktree, or the machine's whole filesystem.

        Raises:
            WorkspaceStateError: they are outside of the worktree, and the machine does not run.
            BackendFailed: the worktree is gone, or the machine does not answer.
        """
        worktree = self.beneath(record)
        for path in _paths(params):
            if not worktree.covers(path) and isinstance(machine := self._machine_for(record), Enclosed):
                if record.state != "running":
                    raise _not_running(record, path)
                return await machine.whole()
        return worktree

    def beneath(self, record: WorkspaceRecord) -> Beneath:
        """The worktree of a workspace. Raises BackendFailed where it is gone."""
        handle = self._machine_for(record).root()
        known = self._roots.get(record.id)
        if known is not None and known[0] == handle:
            return known[1]
        beneath = Beneath(handle)
        self._roots[record.id] = (handle, beneath)
        return beneath

    async def run(self, record: WorkspaceRecord, work: Callable[[Beneath, P], T], params: P) -> T:
        """Do one quick file call in a thread."""
        place = await self.place(record, params)
        return await asyncio.get_running_loop().run_in_executor(self._quick, _work, work, place, params)

    async def run_slow(self, record: WorkspaceRecord, work: Callable[[Beneath, P], T], params: P) -> T:
        """Do one file call that may walk a tree, in a thread."""
        place = await self.place(record, params)
        return await asyncio.get_running_loop().run_in_executor(self._slow, _work, work, place, params)

    def watcher(self, record: WorkspaceRecord, beneath: Beneath) -> Watcher:
        """The one watcher of what `place` said, shared by all who watch there."""
        watchers = self._whole_watchers if isinstance(beneath, Whole) else self._watchers
        watcher = watchers.get(record.id)
        if watcher is None or watcher.beneath is not beneath:
            watcher = watchers[record.id] = Watcher(beneath, self._instance)
            if isinstance(beneath, Whole):
                beneath.ended.add_done_callback(lambda _: self._end(record.id, watcher))
        return watcher

    async def forget(self, workspace: str) -> None:
        """The workspace is destroyed."""
        self._roots.pop(workspace, None)
        for watchers in (self._watchers, self._whole_watchers):
            if (watcher := watchers.pop(workspace, None)) is not None:
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
        for workspace in (*self._watchers, *self._whole_watchers):
            await self.forget(workspace)
        if self._ending:
            await asyncio.wait(set(self._ending))
        self._quick.shutdown(wait=False, cancel_futures=True)
        self._slow.shutdown(wait=False, cancel_futures=True)

    def _end(self, workspace: str, watcher: Watcher) -> None:
        """A machine ended: a watch would keep its filesystem, and see nothing any more."""
        if self._whole_watchers.get(workspace) is watcher:
            del self._whole_watchers[workspace]
        task = asyncio.get_running_loop().create_task(watcher.aclose("the machine that was watched has ended"))
        self._ending.add(task)
        task.add_done_callback(self._ending.discard)


def _work(work: Callable[[Beneath, P], T], place: Beneath, params: P) -> T:
    with place.acting():
        return work(place, params)


def _paths(params: msgspec.Struct) -> tuple[str, ...]:
    """What a call's params name in the filesystem. What a link says is a text."""
    names = ("path",) if isinstance(params, FsSymlinkParams) else ("path", "source", "target")
    return tuple(path for name in names if isinstance(path := getattr(params, name, None), str))


def _not_running(record: WorkspaceRecord, path: str) -> WorkspaceStateError:
    return WorkspaceStateError(
        f"{path!r} is outside of the worktree, and workspace {record.name}, in whose machine it is, is {record.state}",
        hint=f"Start it: boulder workspace start {record.name}. Paths below {record.root} work in every state.",
        workspace=record.id,
        state=record.state,
        allowed=["running"],
    )
