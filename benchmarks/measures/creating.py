"""A workspace from a repository, beside `git worktree add`."""

from __future__ import annotations

import itertools
import time

from benchmarks.context import Context
from benchmarks.repository import git
from benchmarks.rounds import alternate
from benchmarks.rows import Bar, Row

__all__ = ["creating"]


def creating(context: Context) -> list[Row]:
    """Create, started and durable, against what git alone takes for its part."""
    files, daemon = context.sizes.files, context.daemon
    repository = context.repository(files)
    numbers = itertools.count(1)

    def ours() -> float:
        name = f"create-{next(numbers)}"
        with daemon.wire() as wire:
            start = time.perf_counter()
            made = wire.call("workspace.create", name=name, repository={"url": str(repository)})
            seconds = time.perf_counter() - start
        if made["workspace"]["state"] != "running":
            raise RuntimeError(f"workspace.create: {made}")
        daemon.destroy(made["workspace"]["id"])
        return seconds

    def peer() -> float:
        name = f"peer-{next(numbers)}"
        place = context.directory / name
        start = time.perf_counter()
        git(repository, "worktree", "add", "-q", "-b", name, str(place), "HEAD")
        seconds = time.perf_counter() - start
        git(repository, "worktree", "remove", "--force", str(place))
        git(repository, "branch", "-q", "-D", name)
        return seconds

    figure, beside = alternate(context.sizes.rounds, ours, peer)
    name = f"workspace.create, {files:,} files"
    return [Row(name, "ms", figure * 1e3, beside * 1e3, Bar(1.3, "most"), "git worktree add", "bare")]
