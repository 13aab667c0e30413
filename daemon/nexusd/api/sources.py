"""Which repositories on this host a caller may make a workspace from.

The daemon reads repositories as its own user. Whoever sees all workspaces may name any of them; a tenant only those
below the directories that the configuration opens to everybody, or it could read another tenant's committed work, and
learn from the errors what there is on the host. Nothing is told of what is there before the decision.
"""

from __future__ import annotations

import os
from collections.abc import Iterable
from urllib.parse import unquote, urlsplit

from nexus_sdk.protocol.errors import RepositoryUnusable

from nexusd.auth.identity import Identity


def check_source(identity: Identity, url: str, allowed: Iterable[str]) -> str:
    """The source to use: a local one with its links resolved, so that what was checked is what is opened.

    Args:
        identity: who asks.
        url: the source as given: an absolute path, a ``file:`` URL, or a remote address, which is not decided here.
        allowed: directories that are open to everybody.

    Raises:
        RepositoryUnusable: the caller may not use a repository there, whether there is one or not.
    """
    path = _local_path(url)
    if path is None or identity.workspaces == "*":
        return url
    real = os.path.realpath(path)
    for entry in allowed:
        directory = os.path.realpath(entry)
        if os.path.isabs(entry) and os.path.commonpath((directory, real)) == directory:
            return real if url.startswith("/") else f"file://{real}"
    reason = "repositories of this host are not open to this token"
    raise RepositoryUnusable(
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
