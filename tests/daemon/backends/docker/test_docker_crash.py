"""A backend whose process was killed while it made something: what is half made can be taken away at once.

What a killed daemon does about it, which is to finish it where it can, is in ``test_docker_killed.py``.
"""

from __future__ import annotations

import asyncio
import os
import signal
import sys
from pathlib import Path

import pytest
from docker_backend import make_backend
from engine import BASE

POINTS = [
    "docker.create.note",
    "docker.build.line@3",
    "docker.build.after",
    "docker.create.run",
    "docker.network.after",
    "docker.create.container.after",
    "docker.create.prepared",
]

LIFE = """
import asyncio, sys
from pathlib import Path
sys.path[:0] = sys.argv[4:]
from docker_backend import make_backend, spec_for
from nexus_sdk.protocol.types import ImageBuild, MachineOptions

async def main():
    backend = make_backend(Path(sys.argv[1]), sys.argv[2])
    await backend.open()
    await backend.create(spec_for(Path(sys.argv[3]), "ws_crash", MachineOptions(build=ImageBuild())))

asyncio.run(main())
"""


@pytest.mark.parametrize("point", POINTS)
async def test_what_was_half_made_can_be_taken_away_at_once(engine, tmp_path, worktree, point):
    (worktree / "Dockerfile").write_text(f"FROM {BASE}\nRUN true\n")
    paths = [str(Path(sys.modules["docker_backend"].__file__).parent)]
    process = await asyncio.create_subprocess_exec(
        *(sys.executable, "-c", LIFE, str(tmp_path), engine.host, str(worktree), *paths),
        env={**os.environ, "NEXUS_FAILPOINT": point},
    )
    assert await asyncio.wait_for(process.wait(), 90) == -signal.SIGKILL
    backend = make_backend(tmp_path, engine.host)
    await backend.open()
    try:
        assert [status.workspace for status in await backend.list()] == ["ws_crash"], "it is known"
        await backend.destroy("ws_crash")
        assert not any(engine.leftovers(backend._instance).values())
        assert backend._run_dirs.all() == [] and backend._notes.all() == []
    finally:
        await backend.close()
