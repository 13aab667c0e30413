"""Git in a workspace's worktree."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

from msgspec import UNSET

from nexus_sdk.connection import Connection, ProgressCallback
from nexus_sdk.protocol import types

__all__ = ["Git"]


class Git:
    """Git of one workspace; `workspace.git`."""

    def __init__(self, connection: Connection, workspace: str) -> None:
        self._connection = connection
        self._workspace = workspace

    async def status(self) -> types.GitStatus:
        """Return where the worktree stands: branch, upstream, changed files."""
        params = types.GitStatusParams(workspace=self._workspace)
        result: types.GitStatus = await self._connection.call("git.status", params)
        return result

    async def diff(
        self,
        *,
        base: str | None = None,
        staged: bool = False,
        untracked: bool = True,
        paths: Sequence[str] = (),
        context: int = 3,
    ) -> types.GitDiff:
        """Return what changed.

        Args:
            base: compare with this commit; None compares with the index, or with HEAD when `staged`.
            staged: what would be committed.
            untracked: include new files.
            paths: only these; empty for all.
            context: lines around a change.

        Raises:
            RefNotFound: there is no such commit.
        """
        params = types.GitDiffParams(
            workspace=self._workspace,
            base=UNSET if base is None else base,
            staged=staged,
            untracked=untracked,
            paths=list(paths),
            context=context,
        )
        result: types.GitDiff = await self._connection.call("git.diff", params)
        return result

    async def log(
        self, ref: str = "HEAD", *, paths: Sequence[str] = (), limit: int = 50, skip: int = 0
    ) -> types.GitLog:
        """Return commits, newest first.

        Args:
            ref: where to begin.
            paths: only commits that touch these; empty for all.
            limit: at most so many, up to 1000.
            skip: leave out the first.

        Raises:
            RefNotFound: there is no such ref.
        """
        params = types.GitLogParams(workspace=self._workspace, ref=ref, paths=list(paths), limit=limit, skip=skip)
        result: types.GitLog = await self._connection.call("git.log", params)
        return result

    async def commit(
        self,
        message: str,
        *,
        paths: Sequence[str] = (),
        all: bool = True,
        author: str | None = None,
        amend: bool = False,
        key: str | None = None,
    ) -> types.GitCommit:
        """Commit.

        Args:
            message: the message.
            paths: only these; empty for all.
            all: stage every change first, new files too; otherwise commit the index.
            author: `Name <address>`; None takes git's configuration.
            amend: replace the last commit.
            key: makes repeating the call safe; None makes a random one.

        Raises:
            NothingToCommit: nothing changed.
            IdentityMissing: git does not know who commits.
        """
        params = types.GitCommitParams(
            workspace=self._workspace,
            message=message,
            paths=list(paths),
            all=all,
            author=UNSET if author is None else author,
            amend=amend,
            key=UNSET if key is None else key,
        )
        result: types.GitCommit = await self._connection.call("git.commit", params)
        return result

    async def branches(self) -> list[types.GitBranch]:
        """Return the branches of the repository, remote-tracking ones too."""
        return await self._branch(types.GitBranchParams(workspace=self._workspace))

    async def create_branch(
        self, name: str, *, start: str | None = None, switch: bool = False, key: str | None = None
    ) -> list[types.GitBranch]:
        """Make a branch and return all branches.

        Args:
            name: its name.
            start: where it begins; None for HEAD.
            switch: check it out too.
            key: makes repeating the call safe; None makes a random one.

        Raises:
            BranchExists: there is one of this name.
            RefNotFound: there is no such start.
        """
        params = types.GitBranchParams(
            workspace=self._workspace,
            create=name,
            start=UNSET if start is None else start,
            switch=name if switch else UNSET,
            key=UNSET if key is None else key,
        )
        return await self._branch(params)

    async def switch_branch(self, name: str, *, key: str | None = None) -> list[types.GitBranch]:
        """Check out a branch and return all branches; changes that it would overwrite are refused."""
        return await self._branch(
            types.GitBranchParams(workspace=self._workspace, switch=name, key=UNSET if key is None else key)
        )

    async def delete_branch(self, name: str, *, key: str | None = None) -> list[types.GitBranch]:
        """Delete a merged branch and return the others."""
        return await self._branch(
            types.GitBranchParams(workspace=self._workspace, delete=name, key=UNSET if key is None else key)
        )

    async def sync(
        self,
        *,
        remote: str = "origin",
        pull: Literal["none", "ff", "rebase", "merge"] = "rebase",
        push: bool = False,
        on_progress: ProgressCallback | None = None,
        key: str | None = None,
    ) -> types.GitSynced:
        """Exchange commits with a remote.

        Args:
            remote: its name.
            pull: how to take its commits; `none` only fetches.
            push: send ours, to the branch of the same name.
            on_progress: called with `Progress`.
            key: makes repeating the call safe; None makes a random one.

        Raises:
            MergeConflict: both sides changed the same; nothing was changed.
            PushRejected: the remote has commits that we do not have.
        """
        params = types.GitSyncParams(
            workspace=self._workspace, remote=remote, pull=pull, push=push, key=UNSET if key is None else key
        )
        result: types.GitSynced = await self._connection.call("git.sync", params, on_progress=on_progress)
        return result

    async def _branch(self, params: types.GitBranchParams) -> list[types.GitBranch]:
        result: types.GitBranches = await self._connection.call("git.branch", params)
        return result.branches
