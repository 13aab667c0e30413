"""A command run to its end: `exec.run true` beside an asyncio subprocess."""

from __future__ import annotations

import asyncio
import time
from asyncio.subprocess import DEVNULL, PIPE

from benchmarks.context import Context
from benchmarks.rounds import alternate, percentile
from benchmarks.rows import Bar, Row

__all__ = ["commands"]

ARGV = ["true"]


def commands(context: Context) -> list[Row]:
    """The median time of a command that does nothing."""
    runs, daemon = context.sizes.runs, context.daemon
    workspace = context.workspace["id"]

    def ours() -> float:
        taken = []
        with daemon.wire() as wire:
            for _ in range(runs):
                start = time.perf_counter()
                result = wire.call("exec.run", workspace=workspace, argv=ARGV)
                taken.append(time.perf_counter() - start)
                if result["exit"].get("code") != 0:
                    raise RuntimeError(f"exec.run: {result}")
        return percentile(taken, 0.5)

    def peer() -> float:
        return percentile(asyncio.run(_subprocesses(runs)), 0.5)

    figure, beside = alternate(context.sizes.rounds, ours, peer)
    bar = Bar(1.5, "most")
    return [Row("exec.run true, host backend", "ms", figure * 1e3, beside * 1e3, bar, "asyncio subprocess", "bare")]


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
