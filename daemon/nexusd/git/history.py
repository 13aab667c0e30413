"""Commits, newest first: ``git log``, parsed."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta, timezone
from typing import Final

from nexus_sdk.protocol.errors import RefNotFound
from nexus_sdk.protocol.types import GitCommit, GitLog, GitLogParams

from nexusd.git import refs, text
from nexusd.git.command import Git
from nexusd.git.layout import Checkout

_FIELDS: Final = ("%H", "%P", "%an", "%ae", "%ad", "%s", "%b")
_FORMAT: Final = "--format=" + "%x00".join(_FIELDS)
_STAMP = re.compile(r"(?P<seconds>-?\d{1,20}) (?P<sign>[+-])(?P<hours>\d\d)(?P<minutes>\d\d)")
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
        "--date=raw",  # the only form that no number in a commit makes git fail
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
    commit, parents, author, email, stamp, subject, body = fields
    return GitCommit(
        commit=text.prose(commit),
        parents=text.prose(parents).split(),
        author=text.prose(author),
        email=text.prose(email),
        time=_time(text.prose(stamp)),
        subject=text.prose(subject),
        body=text.prose(body).rstrip("\n"),
    )


def _time(stamp: str) -> datetime:
    """A commit's time, from ``seconds +hhmm``. What no calendar holds becomes its nearest end."""
    match = _STAMP.fullmatch(stamp)
    if match is None:
        return datetime.fromtimestamp(0, UTC)
    seconds = int(match["seconds"])
    minutes = int(match["sign"] + "1") * (int(match["hours"]) * 60 + int(match["minutes"]))
    try:
        moment = datetime.fromtimestamp(seconds, UTC)
        return moment.astimezone(timezone(timedelta(minutes=minutes)))
    except (ValueError, OverflowError, OSError):
        return (datetime.max if seconds > 0 else datetime.min).replace(tzinfo=UTC)
