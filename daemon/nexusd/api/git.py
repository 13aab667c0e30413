"""git.*: the workspace's repository."""

from __future__ import annotations

from pathlib import Path

from nexus_sdk.protocol import types
from nexusd.api.services import Services
from nexusd.git import operations
from nexusd.wire.call import Call
from nexusd.wire.dispatch import Dispatcher


def register(dispatcher: Dispatcher, services: Services) -> None:
    """Serve the domain."""

    async def status(call: Call, params: types.GitStatusParams) -> types.GitStatus:
        return await operations.status(Path(call.workspace.worktree), params)

    async def diff(call: Call, params: types.GitDiffParams) -> types.GitDiff:
        return await operations.diff(Path(call.workspace.worktree), params)

    async def log(call: Call, params: types.GitLogParams) -> types.GitLog:
        return await operations.log(Path(call.workspace.worktree), params)

    async def commit(call: Call, params: types.GitCommitParams) -> types.GitCommit:
        return await operations.commit(Path(call.workspace.worktree), params)

    async def branch(call: Call, params: types.GitBranchParams) -> types.GitBranches:
        return await operations.branch(Path(call.workspace.worktree), params)

    async def sync(call: Call, params: types.GitSyncParams) -> types.GitSynced:
        return await operations.sync(Path(call.workspace.worktree), params, progress=call.progress)

    dispatcher.register("git.status", status)
    dispatcher.register("git.diff", diff)
    dispatcher.register("git.log", log)
    dispatcher.register("git.commit", commit)
    dispatcher.register("git.branch", branch)
    dispatcher.register("git.sync", sync)
