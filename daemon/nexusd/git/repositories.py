"""A local path or a URL to a repository on this node, and to the commit that a workspace begins at.

A local repository is used where it is: any directory inside one of its worktrees names it. A remote one is fetched
once into a bare clone under ``$NEXUS_HOME/repositories``, which all its workspaces share; each later use fetches what
is new, with the credentials of that use, so that nobody gets at a repository through somebody else's clone. Credentials
in a URL are used for that fetch and kept nowhere.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import re
import secrets
import shutil
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from pathlib import Path
from typing import Final

import msgspec
from nexus_sdk.protocol.errors import GitFailed, NexusError, RefNotFound, RepositoryUnusable
from nexus_sdk.protocol.types import RepositorySource

from nexusd.failpoints import failpoint
from nexusd.git import refs
from nexusd.git.command import Git, Output, Progress, failure
from nexusd.git.layout import at_common, common_dir
from nexusd.git.locks import locked
from nexusd.git.urls import LocalSource, RemoteSource, parse_source, redact_url

__all__ = ["RepositoryHandle", "fetch_lock", "normalise", "redact_url", "resolve", "shared_clone"]

FETCH_SECONDS: Final = 540.0
"""Deadline of a fetch, and of waiting for another one of the same repository."""

Report = Callable[[str], None]
"""Called with a line that says what is being done."""

_OWNERSHIP = re.compile(r"dubious ownership|unsafe repository")


class RepositoryHandle(msgspec.Struct, frozen=True, kw_only=True):
    """A repository on this node and a commit in it.

    Attributes:
        path: its main worktree, or the bare repository itself.
        url: as the caller named it, without credentials; for a local one the same as `path`.
        ref: short name of the branch or tag, or the revision, that `commit` was found by.
        commit: the full hash.
        is_bare: whether it has no main worktree; true for every shared clone.
    """

    path: Path
    url: str
    ref: str
    commit: str
    is_bare: bool


async def normalise(url: str) -> str:
    """The source in the one form that stands for it: a local repository's main worktree, or the URL.

    A URL keeps its credentials: this is for a later `resolve`, not for a record that is shown.

    Raises:
        RepositoryUnusable: it is no source, or there is no such local repository.
    """
    source = parse_source(url)
    if isinstance(source, LocalSource):
        path, _ = await _discover(source.path)
        return str(path)
    return url


async def resolve(
    source: RepositorySource, home: Path, *, owner: str = "", progress: Report | None = None
) -> RepositoryHandle:
    """The repository and the commit that a source stands for; fetches a remote one. Safe to repeat after a crash.

    Args:
        source: where from. Without `ref`: the repository's HEAD, for a remote one its default branch.
        home: NEXUS_HOME.
        owner: whose clone of a remote repository; workspaces of one clone see each other's branches.
        progress: told what a fetch is doing.

    Raises:
        RepositoryUnusable: not found, not a repository, owned by somebody else, or the remote refused.
        RefNotFound: it has no such branch, tag or commit, or no commit at all.
        DeadlineExceeded: the remote was too slow.
        StorageFull: the disk was full.
    """
    revision = source.ref if isinstance(source.ref, str) else None
    parsed = parse_source(source.url)
    if isinstance(parsed, LocalSource):
        path, bare = await _discover(parsed.path)
        git = at_common(common_dir(path))
        ref, commit = await _begin(git, revision)
        return RepositoryHandle(path=path, url=str(path), ref=ref, commit=commit, is_bare=bare)
    path = await _fetched(parsed, home, owner, progress)
    git = at_common(path)
    if revision is None:
        ref, commit = await _default_branch(git, parsed)
    else:
        ref, commit = await _begin_remote(git, parsed, revision)
    return RepositoryHandle(path=path, url=parsed.url, ref=ref, commit=commit, is_bare=True)


def shared_clone(url: str, home: Path, owner: str = "") -> Path:
    """Where the clone of this URL (without credentials) is, or would be."""
    tail = url.rstrip("/").removesuffix(".git").rsplit("/", 1)[-1].rsplit(":", 1)[-1]
    slug = re.sub(r"[^A-Za-z0-9._-]+", "-", tail).strip("-.")[:48] or "repository"
    digest = hashlib.sha256("\0".join((owner, url)).encode()).hexdigest()
    return home / "repositories" / f"{slug}-{digest[:16]}.git"


@asynccontextmanager
async def fetch_lock(common: Path, timeout: float = FETCH_SECONDS) -> AsyncIterator[int]:
    """Fetch into a repository alone: two fetches of the same refs fail. Gives the lock's descriptor."""
    async with locked(common / "nexus-fetch.lock", timeout=timeout, what=f"a fetch into {common}") as fd:
        yield fd


# -- local -------------------------------------------------------------------------------------------------------


async def _discover(path: str) -> tuple[Path, bool]:
    """The main worktree (or bare directory) of the repository around `path`, and whether it is bare."""
    if not await asyncio.to_thread(os.path.isdir, path):
        raise _unusable(path, "no such directory")
    # Git itself looks for the repository, so that its rule about other users' repositories holds.
    output = await Git(cwd=Path(path)).run(
        "rev-parse",
        "--path-format=absolute",
        "--git-dir",
        "--git-common-dir",
        "--is-bare-repository",
        "--is-inside-work-tree",
        "--show-cdup",
        ok=None,
    )
    if output.code != 0:
        raise _local_refusal(path, output)
    lines = os.fsdecode(output.stdout).split("\n")
    git_dir, common, bare, inside, up = Path(lines[0]), Path(lines[1]), lines[2], lines[3], lines[4]
    if common.name == ".git" and common.parent.joinpath(".git").is_dir():
        return common.parent, False
    if inside == "true" and git_dir == common:
        # A submodule, or a git directory kept elsewhere: the worktree we stand in is the main one.
        return Path(os.path.realpath(os.path.join(path, up))), False
    if bare == "true" or (common / "HEAD").exists():
        return common, True
    raise _unusable(path, "its main worktree cannot be found")


def _local_refusal(path: str, output: Output) -> RepositoryUnusable:
    if _OWNERSHIP.search(output.stderr):
        return _unusable(
            path,
            "it belongs to another user",
            hint=f"If you trust it, as the daemon's user: git config --global --add safe.directory {path}",
        )
    if "not a git repository" in output.stderr:
        return _unusable(path, "not a git repository", hint="Run `git init` there, or give another path.")
    return _unusable(path, output.stderr or "git refused it")


async def _begin(git: Git, revision: str | None) -> tuple[str, str]:
    if revision is not None and revision != "HEAD":
        found = await refs.find(git, revision)
        return (refs.short(found.ref) if found.ref else revision), found.commit
    found, branch = await asyncio.gather(refs.find(git, "HEAD"), refs.current_branch(git))
    return refs.short(branch) if branch else "HEAD", found.commit


# -- remote ------------------------------------------------------------------------------------------------------


class _Fetches:
    """The fetches of one clone by this process: whoever asks while one waits to begin shares it."""

    def __init__(self) -> None:
        self.users = 0
        self.lock = asyncio.Lock()
        self.began = float("-inf")
        self.credentials: str | None = None


_fetches: dict[Path, _Fetches] = {}


async def _fetched(remote: RemoteSource, home: Path, owner: str, progress: Report | None) -> Path:
    path = shared_clone(remote.url, home, owner)
    await asyncio.to_thread(path.parent.mkdir, mode=0o700, parents=True, exist_ok=True)
    clock = asyncio.get_running_loop().time
    asked = clock()
    mine = _fetches.setdefault(path, _Fetches())
    mine.users += 1
    try:
        async with asyncio.timeout(FETCH_SECONDS), mine.lock:
            if mine.began >= asked and mine.credentials == remote.header:
                return path
            began = clock()
            async with locked(path.with_suffix(".lock"), timeout=FETCH_SECONDS, what=f"fetching {remote.url}") as fd:
                if await asyncio.to_thread(path.is_dir):
                    await _fetch(_at(path, remote), remote, progress, fd)
                else:
                    await _clone(path, remote, progress, fd)
            mine.began, mine.credentials = began, remote.header
    except TimeoutError:
        raise _unusable(remote.url, f"the fetch did not end within {FETCH_SECONDS:g} s") from None
    finally:
        mine.users -= 1
        if not mine.users:
            del _fetches[path]
    return path


def _at(path: Path, remote: RemoteSource) -> Git:
    return msgspec.structs.replace(at_common(path), env=remote.environment(), upkeep=True)


async def _clone(path: Path, remote: RemoteSource, progress: Report | None, fd: int) -> None:
    await asyncio.to_thread(_sweep, path)
    if progress is not None:
        progress(f"fetching {remote.url}")
    head, object_format = await _look(path.parent, remote)
    temporary = path.with_name(f".{path.name}.{secrets.token_hex(6)}")
    try:
        await Git(cwd=path.parent).run(
            "init",
            "--bare",
            "--quiet",
            "--template=",
            f"--object-format={object_format}",
            "--end-of-options",
            str(temporary),
            writes=True,
            config=("init.defaultBranch=nexus",),
        )
        git = _at(temporary, remote)
        settings = {
            "remote.origin.url": remote.url,
            "remote.origin.fetch": "+refs/heads/*:refs/remotes/origin/*",
            "core.logAllRefUpdates": "true",
        }
        for name, value in settings.items():
            await git.run("config", name, value, writes=True)
        await _fetch(git, remote, progress, fd)
        if head:
            await git.run("symbolic-ref", "refs/remotes/origin/HEAD", f"refs/remotes/origin/{head}", writes=True)
        failpoint("git.clone.fetched")
        await asyncio.to_thread(os.rename, temporary, path)
    except BaseException:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, temporary, ignore_errors=True))
        raise
    failpoint("git.clone.renamed")


def _sweep(path: Path) -> None:
    """Remove what killed daemons left of this clone. Only under its lock."""
    for left in path.parent.glob(f".{path.name}.*"):
        shutil.rmtree(left, ignore_errors=True)


async def _look(cwd: Path, remote: RemoteSource) -> tuple[str, str]:
    """The remote's default branch, "" if it has none, and its kind of hashes. The first contact: errors come here."""
    git = Git(cwd=cwd, env=remote.environment())
    output = await git.run("ls-remote", "--symref", "--end-of-options", remote.url, ok=None, timeout=120)
    if output.code != 0:
        raise _remote_refusal(remote, output)
    head, width = "", 40
    for line in output.stdout.decode("utf-8", "surrogateescape").splitlines():
        value, _, name = line.partition("\t")
        if value.startswith("ref: refs/heads/") and name == "HEAD":
            head = value.removeprefix("ref: refs/heads/")
        elif not value.startswith("ref: "):
            width = len(value)
    return head, "sha256" if width == 64 else "sha1"


async def _fetch(git: Git, remote: RemoteSource, progress: Report | None, fd: int, *extra: str) -> None:
    prune = () if extra else ("--prune",)
    assert git.git_dir is not None
    async with fetch_lock(git.git_dir) as inner:
        output = await git.run(
            "fetch",
            "--progress",
            "--no-recurse-submodules",
            "--no-write-fetch-head",
            *prune,
            "--end-of-options",
            "origin",
            *extra,
            ok=None,
            timeout=FETCH_SECONDS,
            writes=True,
            progress=_lines(progress),
            pass_fds=(fd, inner),
        )
    if output.code != 0:
        raise _remote_refusal(remote, output)


def _lines(progress: Report | None) -> Progress | None:
    if progress is None:
        return None

    def report(done: int, total: int | None, message: str) -> None:
        progress(message)

    return report


async def _default_branch(git: Git, remote: RemoteSource) -> tuple[str, str]:
    head = "refs/remotes/origin/HEAD"
    if (await refs.commits(git, [head]))[0] is None:
        # The default branch was renamed, or the first fetch found none.
        name, _ = await _look(git.cwd, remote)
        if name:
            await git.run("symbolic-ref", head, f"refs/remotes/origin/{name}", writes=True)
    commit = (await refs.commits(git, [head]))[0]
    if commit is None:
        raise RefNotFound(
            f"{remote.url} has no commits on its default branch", hint="Name a branch: `ref`.", ref="HEAD"
        )
    target = await git.run("symbolic-ref", "--quiet", head, ok=(0, 1))
    name = refs.short(target.stdout.decode("utf-8", "surrogateescape").strip())
    return name.removeprefix("origin/") or "HEAD", commit


async def _begin_remote(git: Git, remote: RemoteSource, revision: str) -> tuple[str, str]:
    if revision == "HEAD":
        return await _default_branch(git, remote)
    # The clone's own branches belong to workspaces; a name means a branch of the remote, or a tag.
    missing = RefNotFound(f"{remote.url} has no branch, tag or commit {revision!r}", ref=revision)
    if not refs.is_revision(revision):
        raise missing
    candidates = [f"refs/remotes/origin/{revision}", f"refs/tags/{revision}"]
    if re.match(r"[0-9a-f]{4,64}(?:[~^]|$)", revision):
        candidates.append(revision)
    for commit in await refs.commits(git, candidates):
        if commit is not None:
            return revision, commit
    # Tags off the branches and bare commits do not come with the branches.
    if re.fullmatch(r"[0-9a-f]{40}([0-9a-f]{24})?", revision):
        wanted = revision
    elif refs.is_branch_name(revision):
        wanted = f"+refs/tags/{revision}:refs/tags/{revision}"
    else:
        raise missing
    try:
        async with locked(git.cwd.with_suffix(".lock"), timeout=FETCH_SECONDS, what=f"fetching {remote.url}") as fd:
            await _fetch(_at(git.cwd, remote), remote, None, fd, wanted)
    except RepositoryUnusable:
        raise missing from None
    for commit in await refs.commits(git, candidates[1:]):
        if commit is not None:
            return revision, commit
    raise missing


# -- errors ------------------------------------------------------------------------------------------------------

_HINTS: Final = (
    (
        r"Authentication failed|could not read (?:Username|Password)|Permission denied|error: 40[13]",
        "Git on this node needs credentials: a credential helper, or an SSH key that needs no password.",
    ),
    (r"Host key verification failed", "Add the host to ~/.ssh/known_hosts of the daemon's user: ssh-keyscan."),
    (r"Could not resolve host|unable to look up", "Check the host's name and this node's network."),
    (r"not found|does not appear to be a git repository|does not exist", "Check the address."),
)


def _remote_refusal(remote: RemoteSource, output: Output) -> NexusError:
    if "No space left on device" in output.stderr:
        return failure("fetch", output)
    hint = next((text for pattern, text in _HINTS if re.search(pattern, output.stderr)), None)
    lines = [line for line in output.stderr.splitlines() if line.startswith(("fatal:", "error:", "remote:", "ERROR:"))]
    reason = "\n".join(lines) or output.stderr or f"git ended with {output.code}"
    return _unusable(remote.url, reason, hint=hint)


def _unusable(url: str, reason: str, *, hint: str | None = None) -> RepositoryUnusable:
    first = reason.splitlines()[0]
    return RepositoryUnusable(f"cannot use the repository {url}: {first}", hint=hint, url=url, reason=reason)


def remote_refusal(url: str, error: GitFailed) -> RepositoryUnusable:
    """What a failed exchange with a remote is to a caller."""
    output = Output(1, b"", error.details.reason if error.details is not None else error.message)
    refused = _remote_refusal(RemoteSource(url), output)
    assert isinstance(refused, RepositoryUnusable)
    return refused
