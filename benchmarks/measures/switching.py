"""Switching between the workspaces of a repository."""

from __future__ import annotations

import itertools
import time
from collections.abc import Iterator

from benchmarks.context import Context
from benchmarks.rounds import alternate
from benchmarks.rows import Bar, Row

__all__ = ["switching"]


def switching(context: Context) -> list[Row]:
    """To a workspace that is stopped, and to one that is paused; the one that is left runs a process and is paused."""
    daemon = context.daemon
    repository = context.repository(10)
    first, second = (daemon.workspace(repository)["id"] for _ in range(2))
    targets: Iterator[str] = itertools.cycle((second, first))
    daemon.call("workspace.switch", workspace=first)
    daemon.call("exec.start", workspace=first, argv=["sleep", "600"])

    def settled() -> str:
        # the workspace that was left is paused after the switch was answered
        for operation in daemon.call("operation.list", running=True)["operations"]:
            daemon.call("operation.wait", operation=operation["id"])
        return next(targets)

    def cold() -> float:
        target = settled()
        if daemon.call("workspace.get", workspace=target)["state"] != "stopped":
            daemon.call("workspace.stop", workspace=target)
        return switch(target)

    def paused() -> float:
        target = settled()
        if daemon.call("workspace.get", workspace=target)["state"] != "paused":
            daemon.call("workspace.pause", workspace=target)
        return switch(target)

    def switch(target: str) -> float:
        with daemon.wire() as wire:
            start = time.perf_counter()
            result = wire.call("workspace.switch", workspace=target)
            seconds = time.perf_counter() - start
        if result["workspace"]["state"] != "running":
            raise RuntimeError(f"workspace.switch: {result}")
        daemon.call("exec.start", workspace=target, argv=["sleep", "600"])
        return seconds

    try:
        from_cold, from_paused = alternate(context.sizes.rounds, cold, paused)
    finally:
        settled()
        for workspace in (first, second):
            daemon.destroy(workspace)
    return [
        Row("workspace.switch, target stopped", "ms", from_cold * 1e3, None, Bar(2000, "most", "ours"), client="bare"),
        Row("workspace.switch, target paused", "ms", from_paused * 1e3, None, Bar(300, "most", "ours"), client="bare"),
    ]
