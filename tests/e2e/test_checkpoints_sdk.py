"""Checkpoints through the Python SDK, asynchronous and synchronous."""

from __future__ import annotations

from pathlib import Path

import nexus_sdk
import nexus_sdk.sync
import pytest
from nexus_sdk.protocol.errors import CheckpointNotFound
from world import World

STEPS = {
    "looking for room",
    "freezing processes",
    "copying files",
    "saving the machine's own files",
    "thawing processes",
    "writing to the disk",
    "done",
}


async def test_asynchronous(world: World) -> None:
    steps: list[str] = []
    async with nexus_sdk.connect(f"unix:{world.daemon.socket}") as nexus:
        workspace = await nexus.workspaces.create("with-sdk", world.repository)
        file = Path(workspace.worktree, "notes.txt")
        file.write_text("first\n")
        saved = await workspace.checkpoints.create(
            "first", comment="why", on_progress=lambda progress: steps.append(progress.message)
        )
        assert (saved.name, saved.comment, saved.state) == ("first", "why", "ready")
        # Which of them are told depends on how fast they follow each other.
        assert steps and set(steps) <= STEPS
        file.write_text("second\n")
        done = await workspace.restore("first")
        assert (workspace.state, file.read_text()) == ("running", "first\n")
        found = await workspace.checkpoints.list()
        assert [item.id for item in found] == [done.before.id, saved.id]
        assert [item.id for item in await workspace.checkpoints.list(limit=1)] == [done.before.id]
        fork = await nexus.workspaces.fork("with-sdk-fork", checkpoint=done.before.id, env={"A": "1"})
        ran = await fork.run(["sh", "-c", "cat notes.txt; echo $A"])
        assert ran.stdout == "second\n1\n"
        assert (await workspace.checkpoints.remove(saved.id)).state == "removed"
        with pytest.raises(CheckpointNotFound):
            await workspace.restore(saved.id)


def test_synchronous(world: World) -> None:
    with nexus_sdk.sync.connect(f"unix:{world.daemon.socket}") as nexus:
        workspace = nexus.workspaces.create("with-sync", world.repository)
        saved = workspace.checkpoints.create()
        assert [item.id for item in workspace.checkpoints.list()] == [saved.id]
        assert workspace.restore(saved.name).checkpoint.id == saved.id
        fork = nexus.workspaces.fork("with-sync-fork", workspace=workspace.name)
        assert fork.run(["cat", "README.md"]).ok
        assert workspace.checkpoints.remove(saved.id).state == "removed"
