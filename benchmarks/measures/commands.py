"""A command run to its end: `exec.run true` beside an asyncio subprocess."""

from __future__ import annotations

import asyncio
import time
from asyncio.subprocess import DEVNULL, PIPE

from benchmarks.context import Context
from benchmarks.rounds import alternate, percentile
from benchmarks.rows import Bar, Row
from benchmarks.servers import Daemon

__all__ = ["commands"]

ARGV = ["true"]


def commands(context: Context) -> list[Row]:
    """The median time of a command that does nothing, by a keeper that outlives the daemon and by the daemon itself."""
    runs = context.sizes.runs
    plain = context.start_daemon("pipes", "processes.outlive_daemon=false")
    workspaces = {daemon: str(daemon.workspace(context.repository(10))["id"]) for daemon in (context.daemon, plain)}

    def kept() -> float:
        return percentile(_commands(context.daemon, workspaces[context.daemon], runs), 0.5)

    def piped() -> float:
        return percentile(_commands(plain, workspaces[plain], runs), 0.5)

    def peer() -> float:
        return percentile(asyncio.run(_subprocesses(runs)), 0.5)

    figure, without, beside = alternate(context.sizes.rounds, kept, piped, peer)
    name, bar = "exec.run true, host backend", Bar(1.5, "most")
    return [
        Row(name, "ms", figure * 1e3, beside * 1e3, bar, "asyncio subprocess", "bare"),
        Row(f"{name}, without nexus-init", "ms", without * 1e3, beside * 1e3, bar, "asyncio subprocess", "bare"),
    ]


def _commands(daemon: Daemon, workspace: str, count: int) -> list[float]:
    taken = []
    with daemon.wire() as wire:
        for _ in range(count):
            start = time.perf_counter()
            result = wire.call("exec.run", workspace=workspace, argv=ARGV)
            taken.append(time.perf_counter() - start)
            if result["exit"].get("code") != 0:
                raise RuntimeError(f"exec.run: {result}")
    return taken


async def _subprocesses(count: int) -> list[float]:
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        process = await asyncio.create_subprocess_exec(*ARGV, stdin=DEVNULL, stdout=PIPE, stderr=PIPE)
        await process.communicate()
        taken.append(time.perf_counter() - start)
        if process.returncode != 0:
            raise RuntimeError(f"{ARGV} ended with {process.returncode}")
    return taken
