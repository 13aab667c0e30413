"""What the protocol's ``git.*`` methods do. Each takes the worktree, found by `Checkout.find`, and the method's params.

Hooks of the repository do not run. Nothing here takes git's locks for reading, and what fails leaves the worktree as it
was. Paths are relative to the worktree, or absolute below it, and are never patterns.
"""

from __future__ import annotations

from nexus_sdk.protocol.types import GitStatus, GitStatusParams

from nexusd.git.branches import branch
from nexusd.git.committing import commit
from nexusd.git.diff import diff
from nexusd.git.history import log
from nexusd.git.layout import Checkout
from nexusd.git.status import read_status
from nexusd.git.sync import sync

__all__ = ["Checkout", "branch", "commit", "diff", "log", "status", "sync"]


async def status(checkout: Checkout, params: GitStatusParams) -> GitStatus:
    """Where the worktree stands. The params name the workspace only, which the caller has looked up.

    Raises:
        GitFailed: git could not say.
        DeadlineExceeded: it took longer than 30 s.
    """
    del params
    return await read_status(checkout)
