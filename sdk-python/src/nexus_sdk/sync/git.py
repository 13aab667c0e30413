# Generated from nexus_sdk's asynchronous classes; do not edit.
"""Synchronous twin of nexus_sdk.git."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import nexus_sdk.git
from nexus_sdk.connection import ProgressCallback
from nexus_sdk.portal import Facade
from nexus_sdk.protocol import types

__all__ = ["Git"]


class Git(Facade):
    """Git of one workspace; `workspace.git`."""

    _inner: nexus_sdk.git.Git

    def status(self) -> types.GitStatus:
        """Return where the worktree stands: branch, upstream, changed files."""
        return self._run(self._inner.status())

    def diff(
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
        return self._run(
            self._inner.diff(
                base=base,
                staged=staged,
                untracked=untracked,
                paths=paths,
                context=context,
            )
        )

    def log(
        self,
        ref: str = "HEAD",
        *,
        paths: Sequence[str] = (),
        limit: int = 50,
        skip: int = 0,
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
        return self._run(self._inner.log(ref, paths=paths, limit=limit, skip=skip))

    def commit(
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
        return self._run(
            self._inner.commit(
                message,
                paths=paths,
                all=all,
                author=author,
                amend=amend,
                key=key,
            )
        )

    def branches(self) -> list[types.GitBranch]:
        """Return the branches of the repository, remote-tracking ones too."""
        return self._run(self._inner.branches())

    def create_branch(
        self,
        name: str,
        *,
        start: str | None = None,
        switch: bool = False,
        key: str | None = None,
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
        return self._run(self._inner.create_branch(name, start=start, switch=switch, key=key))

    def switch_branch(
        self,
        name: str,
        *,
        key: str | None = None,
    ) -> list[types.GitBranch]:
        """Check out a branch and return all branches; changes that it would overwrite are refused."""
        return self._run(self._inner.switch_branch(name, key=key))

    def delete_branch(
        self,
        name: str,
        *,
        key: str | None = None,
    ) -> list[types.GitBranch]:
        """Delete a merged branch and return the others."""
        return self._run(self._inner.delete_branch(name, key=key))

    def sync(
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
        return self._run(
            self._inner.sync(
                remote=remote,
                pull=pull,
                push=push,
                on_progress=on_progress,
                key=key,
            )
        )
