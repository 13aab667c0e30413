"""Make a commit in a worktree."""

from __future__ import annotations

import re
from collections.abc import Sequence
from typing import Final

from nexus_sdk.protocol.errors import GitFailed, IdentityMissing, InvalidParams, NothingToCommit
from nexus_sdk.protocol.types import GitCommit, GitCommitParams

from nexusd.git import refs, text
from nexusd.git.command import Git
from nexusd.git.history import read_commits
from nexusd.git.layout import Checkout

COMMIT_SECONDS: Final = 110.0
LOCK_SECONDS: Final = 3.0
"""How long to wait for another git in the same worktree."""

_AUTHOR = re.compile(r"\s*(?P<name>[^<>\n\0]*[^<>\s\0])\s*<(?P<email>[^<>\s\0]+)>\s*")
_IDENTITY = re.compile(
    r"Please tell me who you are|[Ii]dentity unknown|unable to auto-detect email|empty ident name|no email was given"
)
_NOTHING = re.compile(r"make\s+it empty|nothing to amend")


async def commit(checkout: Checkout, params: GitCommitParams) -> GitCommit:
    """Commit, without running hooks.

    With `all` every change is staged first, or every change of `paths`, which are then committed alone: what else was
    staged stays staged. Without `all` the index is committed as it is, and `paths` make no sense.

    Raises:
        NothingToCommit: nothing is different, or there is no commit to amend.
        IdentityMissing: neither `author` nor git's configuration says who commits. Nothing was staged.
        InvalidParams: `author` is not ``Name <address>``, or `paths` without `all`, or the message is blank.
        GitFailed: unresolved conflicts, a missing path, another git at work.
    """
    if params.paths and not params.all:
        raise InvalidParams(
            "paths need all: true", path="$.paths", reason="without `all` the index is committed as it is"
        )
    if not params.message.strip():
        raise InvalidParams("the message is blank", path="$.message", reason="blank")
    git = await _as_author(checkout.git, params)
    await _refuse_markers(git)
    only = ["--only", "--", *params.paths] if params.paths else []
    if params.all:
        await _stage(git, params.paths)
    amend = ["--amend"] if params.amend else []
    if params.amend and isinstance(params.author, str):
        amend.append(f"--author={params.author}")
    if not (checkout.in_progress or await _differs(git, params)):
        raise NothingToCommit("there is nothing to commit")
    await _run(
        git,
        "commit",
        # Looked at above: where git finds nothing itself it shows a status, which looks into submodules.
        "--allow-empty",
        "--quiet",
        "--no-verify",
        "--no-edit",
        "--no-status",
        "--cleanup=whitespace",
        "--file=-",
        *amend,
        *only,
        stdin=params.message.encode("utf-8", "surrogateescape"),
    )
    head = await refs.find(git, "HEAD")
    commits, _ = await read_commits(git, head.commit, limit=1)
    return commits[0]


async def _as_author(git: Git, params: GitCommitParams) -> Git:
    """Git that knows who commits: the author stands in for a committer that is not configured."""
    author: dict[str, str] = {}
    if isinstance(params.author, str) and params.author.strip():
        match = _AUTHOR.fullmatch(params.author)
        if match is None:
            raise InvalidParams(
                f"{params.author!r} is no author",
                hint="Write: Name <address>",
                path="$.author",
                reason="not Name <address>",
            )
        author = {"GIT_AUTHOR_NAME": match["name"], "GIT_AUTHOR_EMAIL": match["email"]}
    known = await git.run("var", "GIT_COMMITTER_IDENT", ok=None)
    if known.code == 0:
        return git.having(**author)
    if author:
        return git.having(
            **author, GIT_COMMITTER_NAME=author["GIT_AUTHOR_NAME"], GIT_COMMITTER_EMAIL=author["GIT_AUTHOR_EMAIL"]
        )
    raise identity_missing()


async def _refuse_markers(git: Git) -> None:
    """Staging everything would declare conflicts resolved; files that still hold conflict markers are not."""
    unmerged = await git.run("ls-files", "--unmerged", "-z")
    if not unmerged.stdout:
        return
    names = sorted({entry.partition(b"\t")[2] for entry in unmerged.stdout.split(b"\0")[:-1]})
    check = await git.run(
        "diff", "--check", "--no-color", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty", ok=(0, 2, 3)
    )
    if b"leftover conflict marker" in check.stdout:
        files = ", ".join(text.name(name) for name in names[:20])
        raise GitFailed(
            f"files are still in conflict: {files}",
            hint="Resolve them and remove the conflict markers, then commit.",
            command="commit",
            reason=f"unresolved conflicts: {files}",
        )


async def _differs(git: Git, params: GitCommitParams) -> bool:
    """Whether the commit would hold another tree than the one before it."""
    paths = ["--", *params.paths]
    head, *parents = await refs.commits(git, ["HEAD", "HEAD^1", "HEAD^2"])
    if params.amend and head is None:
        return False
    if not params.amend:
        return await _cached(git, [], paths)
    if parents[1] is not None:
        return True  # an amended merge may hold what its parent holds
    if parents[0] is None or await _cached(git, [parents[0]], paths):
        return True
    # With `paths` the rest of the commit stays as it is.
    names = [await git.run("diff-tree", "-r", "-z", "--name-only", parents[0], "HEAD", *some) for some in ([], paths)]
    return names[0].stdout != names[1].stdout


async def _cached(git: Git, against: list[str], paths: list[str]) -> bool:
    options = ("--cached", "--quiet", "--no-ext-diff", "--no-textconv", "--ignore-submodules=dirty")
    return (await git.run("diff", *options, *against, *paths, ok=(0, 1))).code == 1


async def _stage(git: Git, paths: Sequence[str]) -> None:
    """Stage every change, or every change of `paths`: ``git add --all``, but for what that does in submodules.

    There it starts another git, to see whether something is uncommitted, and that one obeys the configuration of the
    submodule: a tenant's. It makes no difference to what is staged.
    """
    if paths:
        known = ("--cached", "--others", "--exclude-standard", "--error-unmatch", "-z")
        unknown = await git.run("ls-files", *known, "--", *paths, ok=(0, 1))
        if unknown.code:
            reason = unknown.stderr.splitlines()[0].removeprefix("error: ")
            raise GitFailed(f"git add failed: {reason}", command="add", reason=reason)
    changed = await git.run(
        "ls-files",
        "--modified",
        "--deleted",
        "--others",
        "--exclude-standard",
        "-t",
        "-z",
        "--",
        *(paths or ["."]),
        timeout=COMMIT_SECONDS,
    )
    # What is new comes last: it may lie where a file of the index was. A new repository has a slash at its end.
    entries = sorted(changed.stdout.split(b"\0")[:-1], key=lambda entry: entry[:1] == b"?")
    names = b"".join(entry[2:].removesuffix(b"/") + b"\0" for entry in entries)
    if names:
        await _run(git, "update-index", "--add", "--remove", "--replace", "-z", "--stdin", stdin=names)


async def _run(git: Git, *argv: str, stdin: bytes = b"") -> None:
    try:
        await git.run(*argv, stdin=stdin, writes=True, timeout=COMMIT_SECONDS, patience=LOCK_SECONDS)
    except GitFailed as error:
        reason = error.details.reason if error.details is not None else ""
        if _IDENTITY.search(reason):
            raise identity_missing() from error
        # Quietly ending with 1 is how git says that nothing is different; anything else is explained.
        if _NOTHING.search(reason) or reason == "exit code 1":
            raise NothingToCommit("there is nothing to commit") from error
        raise


def identity_missing() -> IdentityMissing:
    """The error where git does not know who commits."""
    return IdentityMissing("git does not know who commits on this node")
