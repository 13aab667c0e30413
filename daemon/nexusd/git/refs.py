"""Names to commits, and which names a branch may have."""

from __future__ import annotations

import re
from pathlib import Path

import msgspec
from nexus_sdk.protocol.errors import RefNotFound

from nexusd.git.command import Git

# Rules of git-check-ref-format(1) for what follows refs/heads/; git-branch(1) also refuses a leading hyphen and HEAD.
_BAD_IN_REF = re.compile(r"[\x00-\x20\x7f~^:?*\[\\]|\.\.|//|@\{|/\.|\.lock(?:/|$)|\.$|^[./-]|/$|^@$|^HEAD$")
# A revision is one line of a protocol between two processes; a colon would name a file, a brace the past of a reflog.
_BAD_IN_REVISION = re.compile(r"[\x00-\x20\x7f:?*\[\\{}]|\.\.|^-")


class Found(msgspec.Struct, frozen=True):
    """A revision that was found: its commit, and the full name of the ref that it was found by, "" for other forms."""

    commit: str
    ref: str


def is_revision(text: str) -> bool:
    """Whether a caller's text may be looked up as a revision at all: one line, no file, no range, no option."""
    return bool(text) and not _BAD_IN_REVISION.search(text)


def is_branch_name(name: str) -> bool:
    """Whether git allows a branch of this name."""
    return bool(name) and len(name.encode("utf-8", "surrogateescape")) <= 244 and not _BAD_IN_REF.search(name)


async def commits(git: Git, names: list[str]) -> list[str | None]:
    """The commits that exact revisions stand for, in order; None where there is none. One process for all."""
    lines = "".join(f"{name}^{{commit}}\n" for name in names).encode("utf-8", "surrogateescape")
    output = await git.run("cat-file", "--batch-check", stdin=lines)
    answers = output.stdout.decode("utf-8", "replace").splitlines()
    found: list[str | None] = []
    for answer in answers[: len(names)]:
        words = answer.split(" ")
        found.append(words[0] if len(words) == 3 and words[1] == "commit" else None)
    return found + [None] * (len(names) - len(found))


async def find(git: Git, revision: str, *, remote: str = "origin") -> Found:
    """What a revision stands for: a branch, a tag, a remote's branch, then a commit or ``HEAD~2`` and the like.

    Raises:
        RefNotFound: nothing of that name, or no revision at all.
    """
    if not is_revision(revision):
        raise RefNotFound(f"{revision!r} is not a branch, tag or commit", ref=revision)
    refs = [f"refs/heads/{revision}", f"refs/tags/{revision}", f"refs/remotes/{remote}/{revision}"]
    if revision.startswith("refs/"):
        refs.append(revision)
    if revision != "HEAD":
        refs.append(f"refs/remotes/{revision}")
    candidates = [revision] if revision == "HEAD" else [*refs, revision]
    for name, commit in zip(candidates, await commits(git, candidates), strict=True):
        if commit is not None:
            return Found(commit, name if name.startswith("refs/") else "")
    if revision == "HEAD":
        raise RefNotFound(
            "the repository has no commits yet",
            hint="Commit something, or name a branch that has commits.",
            ref=revision,
        )
    raise RefNotFound(f"there is no branch, tag or commit {revision!r}", ref=revision)


async def current_branch(git: Git) -> str | None:
    """The full name of the ref that HEAD is on, whether it exists yet or not; None when detached."""
    output = await git.run("symbolic-ref", "--quiet", "HEAD", ok=(0, 1))
    name = output.stdout.decode("utf-8", "surrogateescape").strip()
    return name or None


def short(ref: str) -> str:
    """A ref's name as people write it: without refs/heads/, refs/tags/ or refs/remotes/."""
    for prefix in ("refs/heads/", "refs/tags/", "refs/remotes/"):
        if ref.startswith(prefix):
            return ref.removeprefix(prefix)
    return ref


def branch_path(common: Path, branch: str) -> Path:
    """Where a repository that keeps refs as files keeps this branch."""
    return common / "refs" / "heads" / branch
