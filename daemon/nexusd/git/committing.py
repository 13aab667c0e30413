"""Make a commit in a worktree."""

from __future__ import annotations

import re
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
        await _run(git, "add", "--all", "--", *(params.paths or ["."]))
    amend = ["--amend"] if params.amend else []
    if params.amend and isinstance(params.author, str):
        amend.append(f"--author={params.author}")
    await _run(
        git,
        "commit",
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
    check = await git.run("diff", "--check", "--no-color", "--no-ext-diff", "--no-textconv", ok=(0, 2, 3))
    if b"leftover conflict marker" in check.stdout:
        files = ", ".join(text.name(name) for name in names[:20])
        raise GitFailed(
            f"files are still in conflict: {files}",
            hint="Resolve them and remove the conflict markers, then commit.",
            command="commit",
            reason=f"unresolved conflicts: {files}",
        )


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
