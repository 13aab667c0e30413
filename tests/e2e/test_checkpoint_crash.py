"""SIGKILL at every named point of what is done with checkpoints: nothing orphaned, and a restore is whole or undone.

As in test_crash.py: the daemon dies, starts again, recovers; then records, copies, refs, directories and files must
agree, and the same call with the same key must succeed.
"""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import nexusd
import pytest
from daemon_process import git
from test_crash import World, marked_processes


def around(kind: str, *steps: str) -> list[str]:
    """The points after each step of an operation, before the next is noted, and before its end.

    What lies before a step is as after the one before it, or as at the points inside.
    """
    return [*(f"{kind}.{step}.after" for step in steps), f"{kind}.end.before"]


FILES = ["checkpoint.files.tree", "checkpoint.files.copied", "checkpoint.files.synced"]
REF = ["checkpoint.ref.before", "checkpoint.ref.after"]
CREATE = [*around("checkpoint", "room", "freeze", "files", "image", "thaw", "keep"), *FILES, *REF]
RESTORE = [
    *around("restore", "room", "check", "stage", "stop", "files", "image", "keep", "swap", "machine", "start", "sweep"),
    "restore.stage.tree",
    "restore.swap.git",
    "restore.swap.branch",
    "restore.swap.tree",
    *FILES,
    *REF,
]
FORK = [
    *around("fork", "worktree", "machine", "start"),
    *(f"fork.{step}.after" for step in ("freeze", "thaw", "keep", "release", "forget")),
    "fork.files.tree",
    "forget.image.after",
]
FORGET = [*around("forget", "forget"), "forget.image.after", "checkpoint.files.removed", "forget.files.after"]
DESTROY = ["destroy.checkpoint.removed", "destroy.checkpoints.after"]
WITHOUT_EXCHANGE = {"checkpoint.swap.aside", "checkpoint.swap.placed"}
"""Passed only on filesystems that cannot exchange two names: see tests/daemon/workspaces/test_workspaces_copies.py."""


def test_every_point_is_died_at() -> None:
    written = set()
    for module in Path(nexusd.__file__).parent.rglob("*.py"):
        written.update(re.findall(r'failpoint\("([a-z.]+)"\)', module.read_text()))
    ours = ("checkpoint.", "restore.", "fork.", "forget.", "destroy.checkpoint.")
    tried = {*CREATE, *RESTORE, *FORK, *FORGET, *DESTROY}
    assert {point for point in written if point.startswith(ours)} - tried == WITHOUT_EXCHANGE


class Kept(World):
    """A world with one workspace, and what it holds."""

    backend = "host"

    def prepare(self) -> dict[str, Any]:
        """A running workspace with uncommitted work, a checkpoint of it, and other work since."""
        self.daemon.start()
        source = {"url": str(self.repository)}
        made = self.daemon.call("workspace.create", name="feature", repository=source, backend=self.backend)
        self.made = made["workspace"]
        self.worktree = Path(self.made["worktree"])
        process = self.daemon.call("exec.start", workspace=self.made["id"], argv=["sleep", "600"])
        self.process = str(process["id"])
        self.change("then")
        self.then = self.holds()
        saved = self.daemon.call("checkpoint.create", workspace=self.made["id"], name="then")["checkpoint"]
        git("commit", "-qam", "later", cwd=self.worktree)
        self.change("now")
        (self.worktree / "only-now.txt").write_text("now\n")
        self.now = self.holds()
        self.daemon.stop(keep=True)
        return dict(saved)

    def change(self, what: str) -> None:
        (self.worktree / "staged.txt").write_text(f"{what} staged\n")
        git("add", "staged.txt", cwd=self.worktree)
        (self.worktree / "staged.txt").write_text(f"{what} in the file\n")
        (self.worktree / "untracked.txt").write_text(f"{what}\n")

    def holds(self) -> dict[str, str]:
        """Files, index and commit of the worktree."""
        files = {
            path.name: path.read_text() for path in self.worktree.iterdir() if path.is_file() and path.name != ".git"
        }
        return {
            **files,
            "index": git("ls-files", "--stage", cwd=self.worktree),
            "head": git("rev-parse", "HEAD", cwd=self.worktree) + git("symbolic-ref", "HEAD", cwd=self.worktree),
        }

    def checkpoints(self) -> list[dict[str, Any]]:
        return list(self.daemon.call("checkpoint.list")["checkpoints"])

    def check(self) -> None:
        """As `World.check`, and for checkpoints: records, copies and refs agree."""
        known = self.checkpoints()
        assert all(saved["state"] == "ready" for saved in known), known
        ids = sorted(saved["id"] for saved in known)
        place = self.daemon.home / "state" / "checkpoints"
        assert sorted(os.listdir(place)) == ids
        refs = git("for-each-ref", "--format=%(refname)", "refs/nexus", cwd=self.repository).split()
        assert sorted(name.rpartition("/")[2] for name in refs) == ids
        assert [name for name in os.listdir(self.repository / ".git") if name.startswith("nexus-restore")] == []
        git("fsck", "--no-dangling", cwd=self.repository)
        super().check()


@pytest.fixture
def world(tmp_path: Path):
    made = Kept(tmp_path)
    yield made
    made.daemon.stop()


@pytest.mark.parametrize("failpoint", CREATE)
def test_killed_while_saving(world: Kept, failpoint: str) -> None:
    world.prepare()
    params = {"workspace": world.made["id"], "name": "second", "key": "create-1"}
    world.die_at(failpoint, "checkpoint.create", **params)
    world.recovered()
    world.check()
    assert world.holds() == world.now
    found = world.daemon.call("exec.get", process=world.process)
    assert found["state"] == "running"
    assert "(sleeping)" in Path(f"/proc/{found['pid']}/status").read_text(), "what was frozen goes on"
    result = world.daemon.call("checkpoint.create", **params)
    assert result["checkpoint"]["state"] == "ready"
    assert [saved["name"] for saved in world.checkpoints()] == ["second", "then"]
    world.check()
    world.daemon.call("checkpoint.restore", workspace=world.made["id"], checkpoint="second")
    assert world.holds() == world.now


@pytest.mark.parametrize("failpoint", RESTORE)
def test_killed_while_restoring(world: Kept, failpoint: str) -> None:
    world.prepare()
    params = {"workspace": world.made["id"], "checkpoint": "then", "key": "restore-1"}
    world.die_at(failpoint, "checkpoint.restore", **params)
    world.recovered()
    world.check()
    found = world.holds()
    assert found in (world.then, world.now), "whole, or not at all"
    done = world.daemon.call("checkpoint.restore", **params)
    assert world.holds() == world.then
    assert done["before"]["state"] == "ready"
    assert len(world.checkpoints()) == 2
    world.check()
    world.daemon.call("checkpoint.restore", workspace=world.made["id"], checkpoint=done["before"]["id"])
    assert world.holds() == world.now


@pytest.mark.parametrize("failpoint", FORK)
def test_killed_while_forking(world: Kept, failpoint: str) -> None:
    world.prepare()
    params = {"workspace": world.made["id"], "name": "other", "key": "fork-1"}
    world.die_at(failpoint, "checkpoint.fork", **params)
    world.recovered()
    world.check()
    assert world.holds() == world.now
    done = world.daemon.call("checkpoint.fork", **params)
    assert done["workspace"]["state"] == "running"
    assert sorted(workspace["name"] for workspace in world.workspaces()) == ["feature", "other"]
    assert [saved["name"] for saved in world.checkpoints()] == ["then"]
    world.check()
    world.worktree = Path(done["workspace"]["worktree"])
    forked = world.holds()
    assert forked.pop("head") == world.now.pop("head").replace("feature", "other")
    assert forked == world.now


@pytest.mark.parametrize("failpoint", FORGET)
def test_killed_while_removing(world: Kept, failpoint: str) -> None:
    saved = world.prepare()
    params = {"checkpoint": saved["id"], "key": "remove-1"}
    world.die_at(failpoint, "checkpoint.remove", **params)
    world.recovered()
    world.check()
    assert world.daemon.call("checkpoint.remove", **params)["checkpoint"]["state"] == "removed"
    assert world.checkpoints() == []
    world.check()


@pytest.mark.parametrize("failpoint", DESTROY)
def test_killed_while_destroying(world: Kept, failpoint: str) -> None:
    world.prepare()
    params = {"workspace": world.made["id"], "force": True, "key": "destroy-1"}
    world.die_at(failpoint, "workspace.destroy", **params)
    world.recovered()
    world.check()
    world.daemon.rpc("workspace.destroy", **params)
    assert world.workspaces() == world.checkpoints() == []
    world.check()


@pytest.mark.parametrize("failpoint", ["restore.swap.tree", "restore.machine.undo", "restore.swap.undo"])
def test_a_restore_that_cannot_be_finished_is_undone(world: Kept, failpoint: str) -> None:
    """The engine has lost the image, say: what was exchanged changes back, whenever the daemon dies meanwhile."""
    world.daemon.environ["NEXUS_MOCK"] = "1"
    world.backend = "mock"
    world.prepare()
    faults = world.daemon.home / "state" / "mock" / "faults.json"
    faults.write_text('{"restore": {"reason": "no such image", "times": 1}}')
    world.die_at(failpoint, "checkpoint.restore", workspace=world.made["id"], checkpoint="then")
    if failpoint != "restore.swap.tree":
        faults.unlink()
    world.recovered()
    world.check()
    assert world.holds() == world.now
    assert [saved["name"] for saved in world.checkpoints()] == ["then"]
    assert marked_processes(world.made["id"]) == []
