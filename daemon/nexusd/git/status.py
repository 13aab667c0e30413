"""Where a worktree stands: ``git status --porcelain=v2``, parsed."""

from __future__ import annotations

from typing import Final

from msgspec import UNSET
from nexus_sdk.protocol.types import GitFile, GitFileState, GitStatus

from nexusd.git import text
from nexusd.git.layout import Checkout

FILES: Final = 10_000
"""How many changed files are listed."""
_BYTES = 32 * 1024 * 1024
_STATES: Final[dict[str, GitFileState]] = {
    ".": "unmodified",
    "M": "modified",
    "A": "added",
    "D": "deleted",
    "R": "renamed",
    "C": "copied",
    "T": "typechange",
    "U": "unmerged",
}


async def read_status(checkout: Checkout, *, timeout: float = 30.0) -> GitStatus:
    """The branch and the changed files of a worktree. Takes no lock and writes nothing.

    New files are listed one by one, ignored ones not at all. The list ends at 10,000 files, or earlier where a message
    could not hold more; `truncated` says so. A submodule is changed when it is on another commit: what is uncommitted
    inside is not looked at.

    Raises:
        GitFailed: git could not say.
        DeadlineExceeded: it took too long.
    """
    output = await checkout.git.run(
        "status",
        "--porcelain=v2",
        "-z",
        "--branch",
        "--untracked-files=all",
        "--ignored=no",
        # Otherwise git starts another one in each submodule, which obeys the configuration there: a tenant's.
        "--ignore-submodules=dirty",
        "--find-renames",
        "--ahead-behind",
        timeout=timeout,
        limit=_BYTES,
    )
    return parse_status(output.stdout, truncated=output.truncated)


def parse_status(data: bytes, *, truncated: bool = False) -> GitStatus:
    """Parse porcelain v2 with NUL line ends. With `truncated` the last, cut entry is left out."""
    entries = data.split(b"\0")
    entries.pop()  # after the last NUL: nothing, or half an entry
    status = GitStatus(ahead=0, behind=0, files=[], truncated=False, clean=True)
    budget = text.MESSAGE_BUDGET
    position = 0
    while position < len(entries):
        entry = entries[position]
        position += 1
        if entry.startswith(b"# "):
            _header(status, text.name(entry[2:]))
            continue
        original = None
        if entry.startswith(b"2 "):
            if position == len(entries):
                break
            original = entries[position]
            position += 1
        file = _file(entry, original)
        budget -= text.size(file) + 1
        if len(status.files) == FILES or budget < 0:
            truncated = True
            break
        status.files.append(file)
    status.truncated = truncated
    status.clean = not status.files and not truncated
    return status


def _header(status: GitStatus, line: str) -> None:
    key, _, value = line.partition(" ")
    if key == "branch.oid" and value != "(initial)":
        status.commit = value
    elif key == "branch.head" and value != "(detached)":
        status.branch = value
    elif key == "branch.upstream":
        status.upstream = value
    elif key == "branch.ab":
        ahead, behind = value.split(" ")
        status.ahead, status.behind = abs(int(ahead)), abs(int(behind))


def _file(entry: bytes, original: bytes | None) -> GitFile:
    kind = entry[:1]
    if kind == b"?":
        return GitFile(path=text.name(entry[2:]), index="untracked", worktree="untracked")
    if kind == b"u":
        return GitFile(path=text.name(entry.split(b" ", 10)[10]), index="unmerged", worktree="unmerged")
    fields = entry.split(b" ", 9 if original is not None else 8)
    states = fields[1].decode("ascii")
    return GitFile(
        path=text.name(fields[-1]),
        original=UNSET if original is None else text.name(original),
        index=_STATES[states[0]],
        worktree=_STATES[states[1]],
    )
