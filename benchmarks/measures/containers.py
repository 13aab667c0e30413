"""Workspaces that are containers: commands, keystrokes, making one, and many at once, beside the engine's own ways."""

from __future__ import annotations

import asyncio
import itertools
import os
import time
from collections.abc import Awaitable, Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import nexus_sdk

from benchmarks.children import resident
from benchmarks.containers import IMAGE, Containers, settings
from benchmarks.context import Context
from benchmarks.rounds import alternate, percentile
from benchmarks.rows import Bar, Row
from benchmarks.servers import Daemon

__all__ = ["container_commands", "container_creating", "container_crowd"]

ARGV = ["true"]
WARM = 5
AT_ONCE = 16
"""Commands that run at once where there are many workspaces."""
PEER_SHARE = 10
"""The engine's own way is measured with this part of the commands: it takes some fifty times as long."""
COMMAND = ["sh", "-c", "echo $NEXUS_WORKSPACE"]
PROXIED = 5
"""Ports that a workspace has, each published on this machine."""


def container_commands(context: Context) -> list[Row]:
    """A command that does nothing, and a keystroke that comes back, each beside the engine's own exec."""
    containers, runs = context.containers, context.sizes.runs
    rounds = context.sizes.rounds
    with containers.workspace() as workspace:
        container = containers.container(workspace)

        def ours() -> float:
            return percentile(_with_sdk(containers, workspace, lambda inside: _commands(inside, runs)), 0.5)

        def peer() -> float:
            return percentile(_engine_commands(containers, container, max(runs // PEER_SHARE, 1)), 0.5)

        def typed() -> float:
            return percentile(_with_sdk(containers, workspace, lambda inside: _keystrokes(inside, runs)), 0.5)

        def typed_there() -> float:
            return percentile(_engine_keystrokes(containers, container, runs), 0.5)

        figure, beside = alternate(rounds, ours, peer)
        stroke, stroke_beside = alternate(rounds, typed, typed_there)
    name, peer_name = "exec.run true, docker backend", "Engine API exec"
    faster, within = Bar(1 / 20, "most"), Bar(3, "most", "ours")
    echo = Row("keystroke to echo p50, docker backend", "ms", stroke * 1e3, stroke_beside * 1e3, Bar(2, "most", "ours"))
    return [
        Row(name, "ms", figure * 1e3, beside * 1e3, faster, peer_name, "Python SDK"),
        Row(f"{name}, alone", "ms", figure * 1e3, beside * 1e3, within, peer_name, "Python SDK"),
        Row(echo.name, echo.unit, echo.ours, echo.peer, echo.bar, "Engine API exec with a terminal", "Python SDK"),
    ]


def container_creating(context: Context) -> list[Row]:
    """From nothing to the end of the first command, beside `docker run`: as it is, and with as much around it.

    The bar is for a daemon that was left alone for a second before, so that it has made a network ahead. The first
    workspace of a daemon, and one that comes right after another, find none: that is told, too.
    """
    containers = context.containers
    without = context.start_daemon("docker-no-spare", *settings(containers.engine), "docker.spare_networks=0")
    numbers = itertools.count(1)

    def ours() -> float:
        containers.rest()
        return created(containers.daemon)

    def created(daemon: Daemon) -> float:
        with daemon.wire() as wire:
            start = time.perf_counter()
            made = wire.call("workspace.create", **containers.params())["workspace"]
            result = wire.call("exec.run", workspace=made["id"], argv=ARGV)
            seconds = time.perf_counter() - start
        daemon.destroy(made["id"])
        if result["exit"].get("code") != 0:
            raise RuntimeError(f"exec.run: {result}")
        return seconds

    def run(*options: str) -> float:
        name = f"nexus-bench-{os.getpid()}-{next(numbers)}"
        start = time.perf_counter()
        containers.docker("run", "--name", name, *options, IMAGE, *ARGV)
        seconds = time.perf_counter() - start
        containers.docker("rm", "--force", name)
        return seconds

    def alike() -> float:
        name = f"nexus-bench-{os.getpid()}-{next(numbers)}"
        start = time.perf_counter()
        containers.docker("network", "create", name)
        seconds = time.perf_counter() - start
        published = [part for _ in range(PROXIED) for part in ("--publish", f"127.0.0.1::{8000 + next(numbers)}")]
        try:
            return seconds + run("--network", name, *published)
        finally:
            containers.docker("network", "rm", name)

    with containers.workspace():
        pass  # it is after the first one that networks are made ahead
    figure, at_once, beside, beside_alike = alternate(context.sizes.rounds, ours, lambda: created(without), run, alike)
    name, bar = "workspace.create to first exec.run, docker", Bar(1.3, "most")
    more = f"docker run in a network of its own with {PROXIED} ports"
    return [
        Row(name, "ms", figure * 1e3, beside * 1e3, bar, "docker run", "bare"),
        Row(f"{name}, without a network ahead", "ms", at_once * 1e3, beside * 1e3, None, "docker run", "bare"),
        Row(f"{name}, like for like", "ms", figure * 1e3, beside_alike * 1e3, bar, more, "bare"),
    ]


def container_crowd(context: Context) -> list[Row]:
    """Many workspaces at once: every command must come out right, and nexus-init must stay small in each."""
    containers, boxes, execs = context.containers, context.sizes.boxes, context.sizes.execs
    made: list[dict[str, Any]] = []
    try:
        # a few at a time, as they come: the engine makes them one after the other anyway
        with ThreadPoolExecutor(4) as pool:
            making = [
                pool.submit(containers.daemon.call, "workspace.create", **containers.params()) for _ in range(boxes)
            ]
            for one in making:
                made.append(one.result()["workspace"])
        targets = [made[number % boxes] for number in range(execs)]
        right, seconds = asyncio.run(_crowd(containers, targets))
        few = targets[: max(execs // PEER_SHARE, 1)]
        rate = len(few) / _engine_crowd(containers, few)
        pids = [containers.pid(workspace) for workspace in made]
        largest = max(resident(pid) for pid in pids)
        shim = max(resident(_parent(pid)) for pid in pids)
    finally:
        with ThreadPoolExecutor(4) as pool:
            list(pool.map(containers.daemon.destroy, [workspace["id"] for workspace in made]))
    return [
        Row(f"{execs:,} commands across {boxes} containers, right", "runs", right, None, Bar(execs, "least", "ours")),
        Row(f"commands across {boxes} containers", "1/s", right / seconds, rate, None, "Engine API exec", "Python SDK"),
        Row(f"nexus-init, largest of {boxes}", "MB", largest / 1e6, shim / 1e6, Bar(8, "most", "ours"), "its shim"),
    ]


def _with_sdk(
    containers: Containers,
    workspace: dict[str, Any],
    measure: Callable[[nexus_sdk.Workspace], Awaitable[list[float]]],
) -> list[float]:
    async def connected() -> list[float]:
        daemon = containers.daemon
        async with nexus_sdk.connect(f"http://127.0.0.1:{daemon.port}", daemon.token) as nexus:
            return await measure(await nexus.workspaces.get(workspace["id"]))

    return asyncio.run(connected())


async def _commands(inside: nexus_sdk.Workspace, count: int) -> list[float]:
    for _ in range(WARM):
        await inside.run(ARGV, check=True)
    taken = []
    for _ in range(count):
        start = time.perf_counter()
        await inside.run(ARGV, check=True)
        taken.append(time.perf_counter() - start)
    return taken


def _engine_commands(containers: Containers, container: str, count: int) -> list[float]:
    taken = []
    api = containers.api()
    try:
        for _ in range(count):
            start = time.perf_counter()
            api.run(container, *ARGV)
            taken.append(time.perf_counter() - start)
    finally:
        api.close()
    return taken


async def _keystrokes(inside: nexus_sdk.Workspace, count: int) -> list[float]:
    """Seconds from each key to its echo, which the terminal inside makes."""
    taken = []
    async with inside.exec(["cat"], pty=(80, 24)) as shell:
        keys = aiter(shell.output)
        for number in range(WARM + count):
            start = time.perf_counter()
            await shell.stdin.write(b"x")
            echo = await anext(keys)
            if number >= WARM:
                taken.append(time.perf_counter() - start)
            if echo.data != b"x":
                raise RuntimeError(f"the echo of x is {echo.data!r}")
        await shell.kill()
    return taken


def _engine_keystrokes(containers: Containers, container: str, count: int) -> list[float]:
    taken = []
    api = containers.api()
    try:
        with api.terminal(container, "cat") as terminal:
            for number in range(WARM + count):
                start = time.perf_counter()
                terminal.sendall(b"x")
                echo = terminal.recv(100)
                if number >= WARM:
                    taken.append(time.perf_counter() - start)
                if echo != b"x":
                    raise RuntimeError(f"the echo of x is {echo!r}")
            terminal.sendall(b"\x03")  # nobody else ends it
            while terminal.recv(100):
                pass
    finally:
        api.close()
    return taken


async def _crowd(containers: Containers, targets: list[dict[str, Any]]) -> tuple[int, float]:
    """How many commands said which workspace they ran in, and the seconds of all."""
    daemon = containers.daemon
    gate = asyncio.Semaphore(AT_ONCE)

    async def one(inside: nexus_sdk.Workspace) -> bool:
        async with gate:
            try:
                result = await inside.run(COMMAND)
            except nexus_sdk.NexusError:
                return False
        return result.exit_code == 0 and result.stdout.strip() == inside.id

    async with nexus_sdk.connect(f"http://127.0.0.1:{daemon.port}", daemon.token) as nexus:
        known = {id: await nexus.workspaces.get(id) for id in {target["id"] for target in targets}}
        start = time.perf_counter()
        came = await asyncio.gather(*(one(known[target["id"]]) for target in targets))
        return sum(came), time.perf_counter() - start


def _engine_crowd(containers: Containers, targets: list[dict[str, Any]]) -> float:
    """Seconds of the same through the engine."""
    ids = [containers.container(target) for target in targets]

    def one(id: str) -> None:
        api = containers.api()
        try:
            api.run(id, *COMMAND)
        finally:
            api.close()

    with ThreadPoolExecutor(AT_ONCE) as pool:
        start = time.perf_counter()
        list(pool.map(one, ids))
        return time.perf_counter() - start


def _parent(pid: int) -> int:
    return int(Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[1])
