"""Exchange commits with a remote; what does not work out leaves the worktree exactly as it was.

Uncommitted changes are never stashed away: putting them back can itself conflict. Taking commits keeps them where git
can (fast-forward, merge, where they touch other files) and refuses before anything is changed where it cannot; a rebase
of own commits needs a clean worktree and says so.
"""

from __future__ import annotations

import asyncio
import re
from collections.abc import Sequence
from typing import Final

from nexus_sdk.protocol.errors import GitFailed, MergeConflict, NexusError, PushRejected, RepositoryUnusable
from nexus_sdk.protocol.types import GitSynced, GitSyncParams

from nexusd.git import refs, text
from nexusd.git.command import Git, Output, Progress, failure
from nexusd.git.committing import identity_missing
from nexusd.git.layout import Checkout
from nexusd.git.repositories import FETCH_SECONDS, fetch_lock, remote_refusal
from nexusd.git.status import read_status
from nexusd.git.urls import redact_url

MERGE_SECONDS: Final = 300.0
LOCK_SECONDS: Final = 3.0
_IDENTITY = re.compile(r"[Ii]dentity unknown|tell me who you are|empty ident name|no email was given")
_PLAIN = ("--no-ext-diff", "--no-relative", "--ignore-submodules=dirty")
_QUIET = ("rebase.autoStash=false", "rebase.autoSquash=false", "rebase.updateRefs=false", "merge.autoStash=false")


async def sync(checkout: Checkout, params: GitSyncParams, *, progress: Progress | None = None) -> GitSynced:
    """Fetch from a configured remote, take its commits, and send ours if asked to.

    Theirs are those of the branch's upstream if it is on that remote, else of the branch of the same name; where there
    is none, nothing is taken. Ours go to the branch of the same name, which becomes the upstream if there was none.

    Args:
        checkout: the worktree.
        params: what to do.
        progress: told how fetching and pushing go.

    Raises:
        RepositoryUnusable: no such remote, or it refused or could not be reached.
        MergeConflict: the changes do not merge, or with ``ff`` both sides have commits; nothing was changed.
        PushRejected: the remote refused ours. What was taken stays taken.
        IdentityMissing: a merge or rebase needs to know who commits.
        GitFailed: something is in progress, HEAD is detached, uncommitted changes are in the way.
    """
    git = checkout.git
    url = await _remote_url(git, params.remote)
    _refuse_in_progress(checkout)
    await _fetch(checkout, params.remote, url, progress)
    ref = await refs.current_branch(git)
    branch = refs.short(ref) if ref and ref.startswith("refs/heads/") else None
    pulled = 0
    if params.pull != "none" and branch is not None:
        pulled = await _take(checkout, params, branch)
    pushed = 0
    if params.push:
        if branch is None:
            raise GitFailed(
                "HEAD is detached: there is no branch to push",
                hint="Make a branch first: git.branch with create and switch.",
                command="push",
                reason="HEAD is detached",
            )
        pushed = await _send(git, params.remote, url, branch, progress)
    return GitSynced(status=await read_status(checkout), fetched=True, pulled=pulled, pushed=pushed)


# -- fetch ---------------------------------------------------------------------------------------------------------


async def _remote_url(git: Git, remote: str) -> str:
    """The remote's address without credentials. Only configured remotes: a caller's address would be any host's."""
    if refs.is_branch_name(remote):
        output = await git.run("config", "--get-all", f"remote.{remote}.url", ok=(0, 1))
        if output.stdout.strip():
            return redact_url(text.prose(output.stdout.splitlines()[0]))
    raise RepositoryUnusable(
        f"the repository has no remote {remote!r}",
        hint="`git remote -v` in the workspace lists them; `git remote add` makes one.",
        url=redact_url(remote),
        reason="no such remote",
    )


async def _fetch(checkout: Checkout, remote: str, url: str, progress: Progress | None) -> None:
    async with fetch_lock(checkout.common) as fd:
        try:
            await checkout.git.run(
                "fetch",
                "--progress",
                "--no-recurse-submodules",
                "--no-write-fetch-head",
                "--end-of-options",
                remote,
                writes=True,
                timeout=FETCH_SECONDS,
                patience=LOCK_SECONDS,
                progress=progress,
                pass_fds=(fd,),
            )
        except GitFailed as error:
            raise remote_refusal(url, error) from error


# -- take ----------------------------------------------------------------------------------------------------------


def _refuse_in_progress(checkout: Checkout) -> None:
    if (what := checkout.in_progress) is not None:
        raise GitFailed(
            f"a {what} is in progress in this worktree",
            hint=f"Finish it, or `git {what} --abort`, in the workspace.",
            command=what,
            reason="in progress",
        )


async def _take(checkout: Checkout, params: GitSyncParams, branch: str) -> int:
    git = checkout.git
    theirs = await _counterpart(git, params.remote, branch)
    if theirs is None:
        return 0
    name, tip = theirs
    head = (await refs.commits(git, ["HEAD"]))[0]
    ahead, behind = (0, -1) if head is None else await _distance(git, head, tip)
    if behind == 0:
        return 0
    if ahead == 0:
        # Whatever the mode: nothing of ours is in the way, and this keeps uncommitted changes.
        await _guarded(checkout, "merge", ("--ff-only", "--no-stat", "--quiet", "--end-of-options", tip))
    elif params.pull == "ff":
        raise MergeConflict(
            f"{branch} and {name} both have commits of their own: {ahead} here, {behind} there",
            hint="Sync with rebase or merge.",
            files=[],
        )
    elif params.pull == "merge":
        message = f"Merge {refs.short(name)} into {branch}"
        options = ("--no-stat", "--no-edit", "--no-verify", "--quiet", "--no-squash", "--commit", "-m", message)
        await _guarded(checkout, "merge", (*options, "--end-of-options", tip))
    else:
        await _refuse_dirty(checkout)
        await _guarded(checkout, "rebase", ("--no-stat", "--quiet", "--no-verify", "--end-of-options", tip))
    if behind < 0:
        return await _count(git, [tip])
    return behind


async def _counterpart(git: Git, remote: str, branch: str) -> tuple[str, str] | None:
    """The remote-tracking ref to take from, and its commit."""
    output = await git.run("for-each-ref", "--format=%(upstream)%00%(upstream:remotename)", f"refs/heads/{branch}")
    upstream, _, its_remote = text.name(output.stdout.split(b"\n")[0]).partition("\0")
    candidates = [f"refs/remotes/{remote}/{branch}"]
    if upstream.startswith("refs/remotes/") and its_remote == remote:
        candidates.insert(0, upstream)
    for name, commit in zip(candidates, await refs.commits(git, candidates), strict=True):
        if commit is not None:
            return name, commit
    return None


async def _refuse_dirty(checkout: Checkout) -> None:
    status = await read_status(checkout)
    changed = [file.path for file in status.files if file.index != "untracked"]
    if changed:
        raise GitFailed(
            f"{len(changed)} uncommitted files are in the way of a rebase",
            hint="Commit them, then sync again; or sync with merge.",
            command="rebase",
            reason="uncommitted changes: " + ", ".join(changed[:20]),
        )


async def _guarded(checkout: Checkout, command: str, arguments: Sequence[str]) -> None:
    """Merge or rebase; on a conflict or a deadline put everything back.

    A cancellation lets it come to its end first: ended half way, even a fast-forward leaves files of both sides.
    """
    task = asyncio.create_task(_attempt(checkout, command, arguments))
    try:
        await asyncio.shield(task)
    except asyncio.CancelledError:
        await asyncio.wait((task,))
        if not task.cancelled():
            task.exception()
        raise


async def _attempt(checkout: Checkout, command: str, arguments: Sequence[str]) -> None:
    git = checkout.git
    try:
        output = await git.run(
            command, *arguments, ok=None, writes=True, timeout=MERGE_SECONDS, patience=LOCK_SECONDS, config=_QUIET
        )
        if output.code == 0:
            return
        files = await _conflicts(git)
    except NexusError:
        await _abort(checkout, command)
        raise
    await _abort(checkout, command)
    raise _refused(command, files, output)


def _refused(command: str, files: list[str], output: Output) -> NexusError:
    if files:
        return MergeConflict(f"the changes conflict in {', '.join(files[:5])}; nothing was changed", files=files)
    if _IDENTITY.search(output.stderr):
        return identity_missing()
    error = failure(command, output)
    if "would be overwritten" in output.stderr:
        error.hint = "Commit the files that git names, or move them away, then sync again."
    return error


async def _conflicts(git: Git) -> list[str]:
    output = await git.run("diff", "--name-only", "--diff-filter=U", *_PLAIN, "-z")
    return [text.name(name) for name in output.stdout.split(b"\0")[:-1]]


async def _abort(checkout: Checkout, command: str) -> None:
    """Undo what a merge or rebase left in progress; nothing if there is nothing."""
    marks = ("MERGE_HEAD",) if command == "merge" else ("rebase-merge", "rebase-apply")
    if any((checkout.git_dir / mark).exists() for mark in marks):
        await checkout.git.run(command, "--abort", writes=True, timeout=60, patience=LOCK_SECONDS)


# -- send ----------------------------------------------------------------------------------------------------------


async def _send(git: Git, remote: str, url: str, branch: str, progress: Progress | None) -> int:
    ref = f"refs/heads/{branch}"
    tip, there = await refs.commits(git, [ref, f"refs/remotes/{remote}/{branch}"])
    if tip is None:
        return 0
    if tip == there:
        count = 0
    elif there is not None:
        count = await _count(git, [tip, "--not", there])
    else:
        count = await _count(git, [tip, "--not", f"--remotes={remote}"])
    output = await git.run(
        "push",
        "--porcelain",
        "--progress",
        "--no-verify",
        "--no-follow-tags",
        "--end-of-options",
        remote,
        f"{ref}:{ref}",
        ok=None,
        writes=True,
        timeout=FETCH_SECONDS,
        progress=progress,
    )
    if output.code != 0:
        rejected = next((line for line in text.prose(output.stdout).splitlines() if line.startswith("!\t")), None)
        if rejected is None:
            error = failure("push", output)
            raise remote_refusal(url, error) if isinstance(error, GitFailed) else error
        reason = rejected.rsplit("\t", 1)[-1]
        raise PushRejected(f"the remote {remote} refused {branch}: {reason}", ref=branch)
    upstream = await git.run("for-each-ref", "--format=%(upstream)", ref)
    if not upstream.stdout.strip() and (await refs.commits(git, [f"refs/remotes/{remote}/{branch}"]))[0]:
        # Only a convenience, and the push is done: a failure here must not make it look undone.
        await git.run(
            "branch",
            f"--set-upstream-to={remote}/{branch}",
            "--end-of-options",
            branch,
            ok=None,
            writes=True,
            patience=1.0,
        )
    return count


# -- counting ------------------------------------------------------------------------------------------------------


async def _distance(git: Git, ours: str, theirs: str) -> tuple[int, int]:
    """(commits that only we have, commits that only they have)."""
    output = await git.run("rev-list", "--left-right", "--count", f"{ours}...{theirs}")
    ahead, behind = output.stdout.split()
    return int(ahead), int(behind)


async def _count(git: Git, what: list[str]) -> int:
    output = await git.run("rev-list", "--count", *what)
    return int(output.stdout)
