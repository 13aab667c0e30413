"""git.*: the workspace's repository."""

from __future__ import annotations

import asyncio
from pathlib import Path

from nexus_sdk.protocol import types

from nexusd.api.observing import Calls
from nexusd.api.services import Services
from nexusd.git import operations
from nexusd.store.workspaces import WorkspaceRecord
from nexusd.wire.call import Call


def register(calls: Calls, services: Services) -> None:
    """Serve the domain."""

    async def status(call: Call, params: types.GitStatusParams) -> types.GitStatus:
        return await operations.status(await _checkout(call.workspace), params)

    async def diff(call: Call, params: types.GitDiffParams) -> types.GitDiff:
        return await operations.diff(await _checkout(call.workspace), params)

    async def log(call: Call, params: types.GitLogParams) -> types.GitLog:
        return await operations.log(await _checkout(call.workspace), params)

    async def commit(call: Call, params: types.GitCommitParams) -> types.GitCommit:
        return await operations.commit(await _checkout(call.workspace), params)

    async def branch(call: Call, params: types.GitBranchParams) -> types.GitBranches:
        return await operations.branch(await _checkout(call.workspace), params)

    async def sync(call: Call, params: types.GitSyncParams) -> types.GitSynced:
        return await operations.sync(await _checkout(call.workspace), params, progress=call.progress)

    calls.register("git.status", status)
    calls.register("git.diff", diff)
    calls.register("git.log", log)
    calls.register("git.commit", commit)
    calls.register("git.branch", branch)
    calls.register("git.sync", sync)


async def _checkout(record: WorkspaceRecord) -> operations.Checkout:
    return await asyncio.to_thread(operations.Checkout.find, Path(record.repo_path), Path(record.worktree))
