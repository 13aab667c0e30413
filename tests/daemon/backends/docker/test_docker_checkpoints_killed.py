"""SIGKILL of a real daemon at every point of what it does with saved containers; see `test_docker_killed`.

A checkpoint has two parts: the files of the worktree, and those of the container. Whatever is killed, both are of the
same moment afterwards, and no image, container, copy or ref is left that belongs to nothing.
"""

from __future__ import annotations

import os
import re
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon_process import git
from engine import TestEngine
from killed_world import KilledWorld
from nexusd.backends import docker

CREATE = [
    "docker.checkpoint.before",
    "docker.checkpoint.after",
    "checkpoint.freeze.after",
    "checkpoint.thaw.after",
    "checkpoint.end.before",
]
RESTORE = [
    "restore.stop.after",
    "restore.swap.after",
    "docker.restore.tagged",
    "docker.restore.base",
    "docker.restore.noted",
    "docker.restore.removed",
    "restore.machine.after",
    "restore.start.after",
]
FORK = [
    "docker.fork.noted",
    "docker.fork.before",
    "docker.fork.container",
    "docker.fork.after",
    "fork.machine.after",
    "fork.forget.after",
]
FORGET = ["docker.forget.before", "docker.forget.after"]
OURS = ("docker.checkpoint.", "docker.restore.", "docker.fork.", "docker.forget.")


def test_every_point_is_died_at() -> None:
    written = set()
    for module in Path(docker.__file__).parent.glob("*.py"):
        written.update(re.findall(r'failpoint\("([a-z.]+)"\)', module.read_text()))
    assert {point for point in written if point.startswith(OURS)} <= {*CREATE, *RESTORE, *FORK, *FORGET}


@pytest.fixture(scope="module")
def shared(nexus_init: Path, engine: TestEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KilledWorld]:
    made = KilledWorld(tmp_path_factory.mktemp("killed"), engine)
    yield made
    made.close()


class Two:
    """A workspace with a checkpoint and other content since, in the worktree and in the container."""

    def __init__(self, world: KilledWorld) -> None:
        self.world = world
        self.id = world.prepare(argv=["sleep", "600"])["id"]
        self.write(self.id, "then")
        self.saved = world.daemon.call("checkpoint.create", workspace=self.id, name="then")["checkpoint"]
        assert 0 < self.saved["size"] < 1_000_000
        self.write(self.id, "now")

    def write(self, workspace: str, what: str) -> None:
        script = f"echo {what} > /root/what; echo {what} > what; sync"
        ran = self.world.daemon.call("exec.run", workspace=workspace, argv=["sh", "-c", script])
        assert ran["exit"]["code"] == 0, ran

    def holds(self, workspace: str) -> str:
        """What the worktree holds, and the container too."""
        ran = self.world.daemon.call("exec.run", workspace=workspace, argv=["cat", "what", "/root/what"])
        [one, other] = ran["stdout"]["text"].split()
        assert one == other, "both parts are of one moment"
        return str(one)

    def check(self) -> None:
        """As `KilledWorld.check`, and the images, copies and refs are those of the checkpoints that are known."""
        self.world.check()
        known = self.world.daemon.call("checkpoint.list")["checkpoints"]
        assert all(saved["state"] == "ready" for saved in known), known
        ids = {saved["id"] for saved in known}
        assert set(os.listdir(self.world.home / "state" / "checkpoints")) == ids
        refs = git("for-each-ref", "--format=%(refname)", "refs/nexus", cwd=self.world.repository).split()
        assert {name.rpartition("/")[2] for name in refs} == ids
        tags = {tag for image in self.world.engine.api.images() for tag in image["RepoTags"] or ()}
        assert {tag for tag in tags if tag.startswith("nexus-checkpoint:")} == {f"nexus-checkpoint:{id}" for id in ids}

    def end(self, *others: str) -> None:
        for workspace in (self.id, *others):
            self.world.daemon.call("workspace.destroy", workspace=workspace, force=True)
        self.world.gone()


@pytest.fixture
def two(shared: KilledWorld) -> Two:
    shared.up()
    return Two(shared)


def after(two: Two, point: str, method: str, **params: Any) -> dict[str, Any]:
    """Kill the daemon in a call, let the next one recover, check, and make the call again; its result."""
    params["key"] = f"{method}-{two.id}"
    two.world.die_at(point, method, **params)
    two.world.recovered()
    two.check()
    return dict(two.world.daemon.call(method, **params))


@pytest.mark.parametrize("point", CREATE)
def test_killed_while_saving(two: Two, point: str) -> None:
    saved = after(two, point, "checkpoint.create", workspace=two.id, name="now")["checkpoint"]
    [process] = two.world.daemon.call("exec.list", workspace=two.id, running=True)["processes"]
    assert process["state"] == "running", "what was frozen goes on"
    two.write(two.id, "later")
    two.world.daemon.call("checkpoint.restore", workspace=two.id, checkpoint=saved["id"])
    assert two.holds(two.id) == "now"
    two.end()


@pytest.mark.parametrize("point", RESTORE)
def test_killed_while_restoring(two: Two, point: str) -> None:
    if point == "docker.restore.tagged":
        # It is made from an image of its own already, which loses its name.
        other = two.world.daemon.call("checkpoint.create", workspace=two.id)["checkpoint"]["id"]
        done = two.world.daemon.call("checkpoint.restore", workspace=two.id, checkpoint=other)
        for gone in (other, done["before"]["id"]):
            two.world.daemon.call("checkpoint.remove", checkpoint=gone)
    done = after(two, point, "checkpoint.restore", workspace=two.id, checkpoint="then")
    assert two.holds(two.id) == "then"
    two.check()
    two.world.daemon.call("checkpoint.restore", workspace=two.id, checkpoint=done["before"]["id"])
    assert two.holds(two.id) == "now"
    two.end()


@pytest.mark.parametrize("point", FORK)
def test_killed_while_forking(two: Two, point: str) -> None:
    made = after(two, point, "checkpoint.fork", workspace=two.id, name=f"fork-of-{two.id[3:9]}")["workspace"]
    assert two.holds(made["id"]) == two.holds(two.id) == "now"
    two.check()
    two.write(made["id"], "in the fork"[:2])
    assert two.holds(two.id) == "now"
    two.end(made["id"])


@pytest.mark.parametrize("point", FORGET)
def test_killed_while_removing(two: Two, point: str) -> None:
    two.world.daemon.call("checkpoint.restore", workspace=two.id, checkpoint="then")
    after(two, point, "checkpoint.remove", checkpoint=two.saved["id"])
    assert two.holds(two.id) == "then"
    two.end()
