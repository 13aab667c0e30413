"""Commits, newest first: ``git log``, parsed."""

from __future__ import annotations

from datetime import UTC, datetime
from typing import Final

from nexus_sdk.protocol.errors import RefNotFound
from nexus_sdk.protocol.types import GitCommit, GitLog, GitLogParams

from nexusd.git import refs, text
from nexusd.git.command import Git
from nexusd.git.layout import Checkout

_FIELDS: Final = ("%H", "%P", "%an", "%ae", "%aI", "%at", "%s", "%b")
_FORMAT: Final = "--format=" + "%x00".join(_FIELDS)
_BYTES = 16 * 1024 * 1024


async def log(checkout: Checkout, params: GitLogParams) -> GitLog:
    """The commits that a revision reaches. A repository without commits has an empty history.

    The list ends at `limit`, or earlier where a message could not hold more; `truncated` says that there are more.

    Raises:
        RefNotFound: there is no such revision.
        GitFailed: git could not say.
    """
    git = checkout.git
    try:
        start = (await refs.find(git, params.ref)).commit
    except RefNotFound:
        if params.ref == "HEAD":
            return GitLog(commits=[], truncated=False)
        raise
    commits, truncated = await read_commits(
        git, start, limit=params.limit + 1, skip=params.skip, paths=tuple(params.paths)
    )
    kept: list[GitCommit] = []
    budget = text.MESSAGE_BUDGET
    for commit in commits[: params.limit]:
        budget -= text.size(commit) + 1
        if budget < 0:
            break
        kept.append(commit)
    return GitLog(commits=kept, truncated=truncated or len(kept) < len(commits))


async def read_commits(
    git: Git, start: str, *, limit: int, skip: int = 0, paths: tuple[str, ...] = ()
) -> tuple[list[GitCommit], bool]:
    """Up to `limit` commits from a full hash on, and whether the output was cut."""
    output = await git.run(
        "log",
        "-z",
        _FORMAT,
        "--no-color",
        "--no-notes",
        "--no-show-signature",
        "--no-decorate",
        "--no-patch",
        "--encoding=UTF-8",
        f"--max-count={limit}",
        f"--skip={skip}",
        "--end-of-options",
        start,
        "--",
        *paths,
        limit=_BYTES,
    )
    return parse_commits(output.stdout), output.truncated


def parse_commits(data: bytes) -> list[GitCommit]:
    """Parse the NUL-separated fields of a log; a last, cut record is left out."""
    fields = data.split(b"\0")
    width = len(_FIELDS)
    return [_commit(fields[at : at + width]) for at in range(0, len(fields) - width + 1, width)]


def _commit(fields: list[bytes]) -> GitCommit:
    commit, parents, author, email, stamp, seconds, subject, body = fields
    return GitCommit(
        commit=text.prose(commit),
        parents=text.prose(parents).split(),
        author=text.prose(author),
        email=text.prose(email),
        time=_time(text.prose(stamp), text.prose(seconds)),
        subject=text.prose(subject),
        body=text.prose(body).rstrip("\n"),
    )


def _time(stamp: str, seconds: str) -> datetime:
    """A commit's time. Anybody can write any number into a commit: what no calendar holds becomes its nearest end."""
    try:
        return datetime.fromisoformat(stamp)
    except ValueError:
        pass
    try:
        return datetime.fromtimestamp(int(seconds), UTC)
    except (ValueError, OverflowError, OSError):
        future = seconds.isdigit() and int(seconds) > 0
        return datetime.max.replace(tzinfo=UTC) if future else datetime.fromtimestamp(0, UTC)
