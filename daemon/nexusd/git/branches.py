"""The branches of a repository, as seen from one of its worktrees."""

from __future__ import annotations

import re
from typing import Final

from msgspec import UNSET
from nexus_sdk.protocol.errors import BranchExists, GitFailed, InvalidParams, MessageTooLarge, RefNotFound
from nexus_sdk.protocol.types import GitBranch, GitBranches, GitBranchParams

from nexusd.git import refs, text
from nexusd.git.command import Git
from nexusd.git.layout import Checkout

LOCK_SECONDS: Final = 3.0
_FORMAT: Final = "%(refname)%00%(objectname)%00%(HEAD)%00%(upstream:short)%00%(symref)"


async def branch(checkout: Checkout, params: GitBranchParams) -> GitBranches:
    """List branches, after making, checking out and deleting those named, in this order.

    Checking out keeps uncommitted changes, or refuses where they would be overwritten.

    Raises:
        InvalidParams: not a name that git allows.
        RefNotFound: no such branch, or no such `start`.
        BranchExists: `create` names one that exists, or one is in its way.
        GitFailed: the branch is checked out elsewhere, is not merged, or local changes are in the way.
        MessageTooLarge: the repository has more branches than a message holds.
    """
    git = checkout.git
    for field in ("create", "switch", "delete"):
        value = getattr(params, field)
        if isinstance(value, str) and not refs.is_branch_name(value):
            raise InvalidParams(f"{value!r} is not a branch name", path=f"$.{field}", reason="not a branch name")
    if isinstance(params.create, str):
        await _create(git, params.create, params.start if isinstance(params.start, str) else "HEAD")
    if isinstance(params.switch, str):
        await _switch(git, params.switch)
    if isinstance(params.delete, str):
        await _delete(git, params.delete)
    return GitBranches(branches=await list_branches(git))


async def list_branches(git: Git) -> list[GitBranch]:
    """Local branches, then those of remotes, by name."""
    output = await git.run("for-each-ref", f"--format={_FORMAT}", "refs/heads", "refs/remotes")
    found = []
    for line in output.stdout.split(b"\n"):
        fields = line.split(b"\0")
        if len(fields) != 5 or fields[4]:
            continue
        full = text.name(fields[0])
        found.append(
            GitBranch(
                name=refs.short(full),
                commit=text.name(fields[1]),
                current=fields[2] == b"*",
                remote=full.startswith("refs/remotes/"),
                upstream=text.name(fields[3]) if fields[3] else UNSET,
            )
        )
    if text.size(found) > text.MESSAGE_BUDGET:
        raise MessageTooLarge(
            f"the repository has {len(found)} branches, more than a message holds",
            hint="Run `git branch` in the workspace.",
            limit="message_bytes",
            value=text.MESSAGE_BUDGET,
        )
    return found


async def _create(git: Git, name: str, start: str) -> None:
    commit = (await refs.find(git, start)).commit
    try:
        await git.run("branch", "--no-track", "--end-of-options", name, commit, writes=True, patience=LOCK_SECONDS)
    except GitFailed as error:
        reason = error.details.reason if error.details is not None else ""
        if "already exists" in reason or "cannot lock ref" in reason:
            raise BranchExists(f"cannot make the branch {name}: {reason.splitlines()[-1]}", ref=name) from error
        raise


async def _switch(git: Git, name: str) -> None:
    await _known(git, name)
    await git.run(
        "switch",
        "--quiet",
        "--no-guess",
        "--no-recurse-submodules",
        "--end-of-options",
        name,
        writes=True,
        timeout=110,
        patience=LOCK_SECONDS,
    )


async def _delete(git: Git, name: str) -> None:
    await _known(git, name)
    try:
        await git.run("branch", "--delete", "--quiet", "--end-of-options", name, writes=True, patience=LOCK_SECONDS)
    except GitFailed as error:
        reason = error.details.reason if error.details is not None else ""
        if re.search("not fully merged", reason):
            raise GitFailed(
                f"the branch {name} has commits that are not merged",
                hint="Merge or push them first; `git branch -D` in the workspace deletes it anyway.",
                command="branch",
                reason=reason,
            ) from error
        raise


async def _known(git: Git, name: str) -> None:
    if (await refs.commits(git, [f"refs/heads/{name}"]))[0] is None:
        raise RefNotFound(f"there is no branch {name}", ref=name)
