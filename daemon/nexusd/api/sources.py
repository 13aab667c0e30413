"""Which repositories on this host a caller may make a workspace from.

The daemon reads repositories as its own user. Whoever sees all workspaces may name any of them; a tenant only those
below the directories that the configuration opens to everybody, or it could read another tenant's committed work, and
learn from the errors what there is on the host. Nothing is told of what is there before the decision.

What tenants can write is no source for them, whatever is opened: a ``.git`` file planted in a worktree names any
repository of the host, and the configuration of one planted there names programs that git would run. For the same
reason the repository that git found is decided on once more: git looks for it in the directories above, too.
"""

from __future__ import annotations

import asyncio
import os
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from nexus_sdk.protocol.errors import RepositoryUnusable

from nexusd.auth.identity import Identity
from nexusd.git import repositories

_OURS = ".nexus"
"""The directory in a repository that holds its worktrees."""


async def find_source(identity: Identity, url: str, allowed: Iterable[str], home: str | os.PathLike[str]) -> str:
    """As `check_source`, and then the same for the repository that git finds there.

    Raises:
        RepositoryUnusable: as `check_source`, and where there is none.
    """
    allowed = tuple(allowed)
    source = await asyncio.to_thread(check_source, identity, url, allowed, home)
    if identity.workspaces == "*" or not source.startswith("/"):
        return source
    found = await repositories.normalise(source)
    try:
        return await asyncio.to_thread(check_source, identity, found, allowed, home)
    except RepositoryUnusable:
        raise _refusal(url) from None  # without the path that was found


def check_source(identity: Identity, url: str, allowed: Iterable[str], home: str | os.PathLike[str]) -> str:
    """The source to use: a local one with its links resolved, so that what was checked is what is opened.

    Args:
        identity: who asks.
        url: the source as given: an absolute path, a ``file:`` URL, or a remote address, which is not decided here.
        allowed: directories that are open to everybody.
        home: NEXUS_HOME, which is open to nobody.

    Raises:
        RepositoryUnusable: the caller may not use a repository there, whether there is one or not.
    """
    path = _local_path(url)
    if path is None or identity.workspaces == "*":
        return url
    real = os.path.realpath(path)
    if _OURS in real.split("/") or _below(os.path.realpath(home), real):
        raise _refusal(url)
    for entry in allowed:
        directory = os.path.realpath(entry)
        if os.path.isabs(entry) and _below(directory, real):
            return real if url.startswith("/") else f"file://{real}"
    raise _refusal(url)


def _below(directory: str, path: str) -> bool:
    return os.path.commonpath((directory, path)) == directory


def _refusal(url: str) -> RepositoryUnusable:
    reason = "repositories of this host are not open to this token"
    return RepositoryUnusable(
        f"{url}: {reason}",
        hint="Use a URL, a token that sees all workspaces, or have the directory added to repositories.allowed.",
        url=url,
        reason=reason,
    )


def _local_path(url: str) -> str | None:
    if url.startswith("/"):
        return url
    if url[:5].lower() != "file:":
        return None
    return unquote(urlsplit(url).path) or "/"
