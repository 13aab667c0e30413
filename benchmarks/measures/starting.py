"""How long programs take to start, and what the daemon holds when it does nothing."""

from __future__ import annotations

import itertools
import subprocess
import sys
from pathlib import Path

from benchmarks.children import Child, environment, python, wait_until_ready
from benchmarks.context import Context
from benchmarks.rounds import alternate, timed
from benchmarks.rows import Bar, Row, failed
from benchmarks.servers import Daemon

__all__ = ["starting"]

MIB = 1_048_576
LIST = "boulder ls"


def starting(context: Context) -> list[Row]:
    """The daemon on a home that it knows, the command line, and memory at rest."""
    starts = context.sizes.starts
    numbers = itertools.count(1)
    first = Daemon(context.directory / "starting")
    first.stop()
    memory: list[int] = []
    bare_memory: list[int] = []

    def daemon() -> float:
        running = Daemon(first.home)
        memory.append(running.child.resident())
        running.stop()
        return running.ready_s

    def hello() -> float:
        socket = context.directory / f"hello-{next(numbers)}.sock"
        argv = python("-m", "uvicorn", "benchmarks.peers.hello:app", "--uds", str(socket), "--log-level", "error")
        child = Child(argv, context.directory / "hello.log")
        try:
            seconds = wait_until_ready(child, socket, "/")
            bare_memory.append(child.resident())
        finally:
            child.stop()
        return seconds

    hello()
    ready, bare = alternate(starts, daemon, hello)
    bar = Bar(500, "most", "ours")
    held, bare_held = (sorted(values)[len(values) // 2] / MIB for values in (memory, bare_memory))
    beside = "uvicorn, hello"
    return [
        Row("nexusd, start to ready", "ms", ready * 1e3, bare * 1e3, bar, beside),
        Row("nexusd, first start on an empty home", "ms", first.ready_s * 1e3, bare * 1e3, None, beside),
        Row("nexusd, resident when ready", "MiB", held, bare_held, Bar(60, "most", "ours"), beside),
        _command_line(context),
    ]


def _command_line(context: Context) -> Row:
    program = Path(sys.executable).parent / "boulder"
    if not program.exists():
        return failed(LIST, f"there is no {program.name} beside this Python; install the CLI")
    environ = {**environment(), **context.daemon.environ}

    def run(argv: list[str]) -> None:
        done = subprocess.run(argv, env=environ, capture_output=True, text=True, timeout=30, check=False)
        if done.returncode:
            raise RuntimeError(f"{argv} ended with {done.returncode}: {done.stderr.strip()[-300:]}")

    listing = [str(program), "ls"]
    try:
        for _ in range(2):  # the first one compiles
            run(listing)
        ours, bare = alternate(
            context.sizes.starts,
            lambda: timed(lambda: run(listing)),
            lambda: timed(lambda: run(python("-c", "import asyncio"))),
        )
    except RuntimeError as error:
        return failed(LIST, str(error))
    return Row(LIST, "ms", ours * 1e3, bare * 1e3, Bar(250, "most", "ours"), "python -c 'import asyncio'")
