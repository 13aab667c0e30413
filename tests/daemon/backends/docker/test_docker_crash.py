"""The daemon killed at every point of every verb: what was begun is finished or taken away, and nothing is orphaned."""

from __future__ import annotations

import asyncio
import os
import re
import signal
import sys
from pathlib import Path

import pytest
from docker_backend import make_backend, spec_for
from engine import BASE
from nexus_sdk.protocol.types import ImageBuild, MachineOptions
from nexusd.backends import docker

POINTS = sorted(
    {
        point
        for path in Path(docker.__file__).parent.glob("*.py")
        for point in re.findall(r'failpoint\("([^"]+)"\)', path.read_text())
    }
    # A fetched image is nobody's: it is no more left behind than one that was there before.
    - {"docker.pull.before", "docker.pull.after"}
)
WORKSPACE = "ws_crash"

LIFE = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = sys.argv[4:]
from docker_backend import make_backend, spec_for
from nexus_sdk.protocol.types import ImageBuild, MachineOptions

async def main():
    backend = make_backend(Path(sys.argv[1]), sys.argv[2])
    await backend.open()
    spec = spec_for(Path(sys.argv[3]), "ws_crash", MachineOptions(build=ImageBuild()))
    await backend.create(spec)
    await backend.start(spec)
    await backend.pause(spec.workspace)
    await backend._sessions.drop(spec.workspace)
    await backend.machine(spec).adopt()
    await backend.resume(spec.workspace)
    await backend.stop(spec.workspace, 1)
    await backend.destroy(spec.workspace)
    await backend.close()

asyncio.run(main())
"""


async def live(folder, engine, worktree, point):
    """A whole life in another process, which dies at a point; its exit code."""
    environ = {**os.environ, "NEXUS_FAILPOINT": point}
    paths = [str(Path(sys.modules["docker_backend"].__file__).parent)]
    process = await asyncio.create_subprocess_exec(
        sys.executable, "-c", LIFE, str(folder), engine.host, str(worktree), *paths, env=environ
    )
    return await asyncio.wait_for(process.wait(), 90)


@pytest.fixture
def buildable(worktree):
    (worktree / "Dockerfile").write_text(f"FROM {BASE}\nRUN true\n")
    return worktree


def test_there_are_points_at_every_step():
    verbs = {point.split(".")[1] for point in POINTS}
    assert {"create", "start", "stop", "pause", "resume", "destroy", "network", "build"} <= verbs


async def test_a_whole_life_ends_well_when_nobody_is_killed(engine, tmp_path, buildable):
    assert await live(tmp_path, engine, buildable, "no.such.point") == 0


@pytest.mark.parametrize("point", POINTS)
async def test_after_a_crash_nothing_is_orphaned(engine, tmp_path, buildable, point):
    assert await live(tmp_path, engine, buildable, point) == -signal.SIGKILL
    backend = make_backend(tmp_path, engine.host)
    await backend.open()
    try:
        known = {status.workspace for status in await backend.list()}
        left = engine.leftovers(backend._instance)
        if any(left.values()) or backend._run_dirs.all():
            assert known == {WORKSPACE}, f"{left} is left and nobody knows of it"
        if not point.startswith(("docker.destroy", "docker.network.remove")):
            # The same verb again, as the journal does it.
            spec = spec_for(buildable, WORKSPACE, MachineOptions(build=ImageBuild()))
            await backend.create(spec)
            await backend.start(spec)
            assert [status.state for status in await backend.list()] == ["running"]
            made = engine.api.exec_create(f"nexus-{WORKSPACE}", ["sh", "-c", "cd ~ && pwd"])["Id"]
            assert engine.api.exec_start(made) == b"/root\n", "it was finished"
        await backend.destroy(WORKSPACE)
        assert not any(engine.leftovers(backend._instance).values())
        assert backend._run_dirs.all() == [] and backend._notes.all() == []
    finally:
        await backend.close()


@pytest.mark.parametrize("point", [point for point in POINTS if "create" in point or "network" in point])
async def test_what_was_half_made_can_be_taken_away_at_once(engine, tmp_path, buildable, point):
    assert await live(tmp_path, engine, buildable, point) == -signal.SIGKILL
    backend = make_backend(tmp_path, engine.host)
    await backend.open()
    try:
        await backend.destroy(WORKSPACE)
        assert not any(engine.leftovers(backend._instance).values())
        assert backend._run_dirs.all() == [] and backend._notes.all() == []
    finally:
        await backend.close()
