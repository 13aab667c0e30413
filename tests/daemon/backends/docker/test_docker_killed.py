"""SIGKILL of a real daemon at every named point of what it does with containers.

Each case arms one point, makes the call until the daemon dies there, starts the next one, lets it recover, and looks at
the real things: the engine's containers, networks, images and volumes, mounts, bridges, run directories, notes,
processes, worktrees, records. The same call with the same key must then have had its effect once. All the time a build
runs in another workspace; none of its output may be missing.
"""

from __future__ import annotations

import contextlib
import re
from collections.abc import Iterator
from pathlib import Path

import nexusd
import pytest
from daemon_process import git, make_repository
from docker.errors import APIError
from engine import TestEngine
from killed_world import KilledWorld, eventually

CREATE = [
    "create.machine.after",
    "create.start.after",
    "create.end.after",
    "docker.create.begun",
    "docker.create.note",
    "docker.run.made",
    "docker.create.run",
    "docker.network.before",
    "docker.network.after",
    "docker.create.container",
    "docker.create.container.after",
    "docker.create.prepared",
    "docker.create.noted",
    # that it may be there, that it is finished, its secret and that it is to run
    *(f"backend.note.written@{pass_}" for pass_ in (1, 2, 3)),
    "docker.secret.written",
    "docker.start.before",
    "docker.start.after",
    # the first is for the witness
    "keeper.authenticate.sent@2",
]
BUILD = ["docker.build.before", "docker.build.line@3", "docker.build.after"]
START = [
    "start.start.after",
    "start.end.after",
    "docker.secret.written",
    "docker.start.before",
    "docker.start.after",
    # one of its five ports is served then
    "keeper.publish.sent@2",
]
STOP = [
    "exec.ending.noted",
    "keeper.kill.sent",
    "docker.stop.before",
    "keeper.shutdown.sent",
    "docker.stop.shutdown",
    "docker.stop.after",
    "stop.end.after",
]
DESTROY = [
    "destroy.stop.after",
    "docker.destroy.container",
    "docker.network.remove",
    "docker.destroy.network",
    "docker.destroy.image",
    "docker.destroy.run",
    "destroy.machine.after",
    "destroy.worktree.after",
    "destroy.processes.after",
    "destroy.end.after",
]
PAUSE = ["pause.pause.before", "docker.pause.after", "pause.end.before"]
RESUME = ["docker.adopt.thawed", "resume.resume.before", "docker.resume.after", "resume.end.before"]
SPAWN = ["keeper.spawn.log", "keeper.spawn.sent", "exec.start.spawned", "exec.start.recorded"]
END = ["exec.end.known", "exec.end.noted", "exec.end.saving", "exec.end.saved", "keeper.forget.sent"]
AHEAD = ["docker.ahead.noted", "docker.network.after@2", "docker.ahead.made"]
RECOVER = ["recover.processes.after", "recover.orphans.after", "recover.settle.after"]
CHECKPOINTS = ("docker.checkpoint.", "docker.restore.", "docker.fork.", "docker.forget.")
"""How those of `test_docker_checkpoints_killed` begin."""
NOBODYS = {"docker.pull.before", "docker.pull.after"}
"""A fetched image is nobody's: it is no more left behind than one that was there before."""


def test_every_point_is_died_at() -> None:
    written = set()
    for module in Path(nexusd.__file__).parent.rglob("*.py"):
        written.update(re.findall(r'failpoint\("((?:docker|keeper|backend)\.[a-z.]+)"\)', module.read_text()))
    written = {point for point in written if not point.startswith(CHECKPOINTS)}
    tried = {*CREATE, *BUILD, *START, *STOP, *DESTROY, *PAUSE, *RESUME, *SPAWN, *END, *RECOVER, *AHEAD}
    assert len(written) > 20
    assert written - {point.partition("@")[0] for point in tried} == NOBODYS


@pytest.fixture(scope="module")
def shared(nexus_init: Path, engine: TestEngine, tmp_path_factory: pytest.TempPathFactory) -> Iterator[KilledWorld]:
    made = KilledWorld(tmp_path_factory.mktemp("killed"), engine)
    yield made
    made.close()


@pytest.fixture
def world(shared: KilledWorld) -> KilledWorld:
    shared.up()
    return shared


def destroy(world: KilledWorld, workspace: object) -> None:
    world.daemon.call("workspace.destroy", workspace=workspace, force=True)
    world.gone()


@pytest.mark.parametrize("point", CREATE)
def test_killed_during_create(world: KilledWorld, point: str) -> None:
    params = world.new()
    world.die_at(point, "workspace.create", **params)
    world.recovered()
    world.check()
    result = world.daemon.call("workspace.create", **params)
    made = result["workspace"]["id"]
    assert result["workspace"]["state"] == "running" and world.outcome(made, "create") == "done"
    assert {one["id"] for one in world.workspaces()} == {world.witness, made}
    ran = world.daemon.call("exec.run", workspace=made, argv=["sh", "-c", "cd ~ && pwd"])
    assert ran["stdout"]["text"] == "/root\n", "it was finished"
    world.check()
    destroy(world, made)


def test_killed_and_its_network_was_made_twice(world: KilledWorld) -> None:
    """The call of the daemon that was killed ended after the next one had looked."""
    params = world.new()
    world.die_at("docker.network.after", "workspace.create", **params)
    [made] = {one["Name"].removeprefix("nexus-") for one in world.networks()} - {world.witness}
    try:
        world.late_network(made)
    except APIError as error:
        assert error.response.status_code == 409, "an engine that has no two networks of one name"
    world.recovered()
    world.check()
    assert world.daemon.call("workspace.create", **params)["workspace"]["state"] == "running"
    assert world.outcome(made, "create") == "done"
    destroy(world, made)


def test_a_network_that_came_after_its_workspace_was_destroyed(world: KilledWorld) -> None:
    world.daemon.kill()
    world.late_network("ws_late")
    assert len(world.networks()) == 2
    world.recovered()
    world.gone()


@pytest.mark.parametrize("point", AHEAD)
def test_killed_while_a_network_is_made_ahead(world: KilledWorld, point: str) -> None:
    params = world.new()
    world.die_at(point, "workspace.create", environ={"NEXUS_DOCKER__SPARE_NETWORKS": "1"}, **params)
    world.recovered()
    world.check()
    made = world.daemon.call("workspace.create", **params)["workspace"]
    assert made["state"] == "running" and world.outcome(made["id"], "create") == "done"
    destroy(world, made["id"])


def test_killed_while_a_network_made_ahead_is_used(world: KilledWorld) -> None:
    """The next daemon goes on with the workspace, whose network is there already."""
    world.daemon.kill()
    world.daemon.start(NEXUS_FAILPOINT="docker.create.run@2", NEXUS_DOCKER__SPARE_NETWORKS="1")
    before = {one["Name"] for one in world.networks()}
    made = world.create()["id"]
    eventually(lambda: len(world.networks()) == len(before) + 2, world.networks)
    [spare] = {one["Name"] for one in world.networks()} - before - {f"nexus-{made}"}
    params = world.new()
    with contextlib.suppress(ConnectionError):
        world.daemon.rpc("workspace.create", **params)
    assert world.daemon.wait(30) == -9, world.daemon.log[-3000:]
    world.recovered()
    world.check()
    another = world.daemon.call("workspace.create", **params)["workspace"]["id"]
    assert f"nexus-{another}" == spare
    world.daemon.call("workspace.destroy", workspace=made, force=True)
    destroy(world, another)


@pytest.mark.parametrize("point", BUILD)
def test_killed_while_an_image_is_built(world: KilledWorld, point: str) -> None:
    params = world.new(build={})
    world.die_at(point, "workspace.create", **params)
    world.recovered()
    world.check()
    made = world.daemon.call("workspace.create", **params)["workspace"]
    assert made["state"] == "running" and world.outcome(made["id"], "create") == "done"
    destroy(world, made["id"])


@pytest.mark.parametrize("point", ["create.machine.undo", "create.worktree.undo"])
def test_killed_while_a_create_that_failed_is_undone(world: KilledWorld, point: str) -> None:
    params = world.new(build={"dockerfile": "absent"})
    world.die_at(point, "workspace.create", **params)
    world.recovered()
    error = world.daemon.rpc("workspace.create", **params)["error"]
    assert "absent" in error["message"], error
    world.gone()


@pytest.mark.parametrize("point", [None, "docker.create.begun", "create.worktree.undo"])
def test_a_worktree_that_cannot_be_made(world: KilledWorld, tmp_path: Path, point: str | None) -> None:
    """What the backend had begun meanwhile is taken away."""
    repository = make_repository(tmp_path / "broken", {".gitattributes": "* filter=broken\n"})
    git("config", "filter.broken.smudge", "false", cwd=repository)
    git("config", "filter.broken.required", "true", cwd=repository)
    params = {**world.new(), "repository": {"url": str(repository)}}
    if point is not None:
        world.die_at(point, "workspace.create", **params)
        world.recovered()
    error = world.daemon.rpc("workspace.create", **params)["error"]
    assert "smudge" in error["message"], error
    world.gone()


@pytest.mark.parametrize("point", START)
def test_killed_during_start(world: KilledWorld, point: str) -> None:
    made = world.prepare("stopped")["id"]
    world.die_at(point, "workspace.start", workspace=made, key=f"start-{made}")
    world.recovered()
    world.check()
    result = world.daemon.call("workspace.start", workspace=made, key=f"start-{made}")
    assert (result["workspace"]["state"], result["workspace"]["generation"]) == ("running", 2)
    assert world.outcome(made, "start") == "done"
    assert world.daemon.call("exec.run", workspace=made, argv=["true"])["exit"]["code"] == 0
    destroy(world, made)


@pytest.mark.parametrize("point", STOP)
def test_killed_during_stop(world: KilledWorld, point: str) -> None:
    made = world.prepare(argv=["sleep", "600"])["id"]
    world.die_at(point, "workspace.stop", workspace=made, key=f"stop-{made}", timeout_ms=2000)
    world.recovered()
    world.check()
    result = world.daemon.call("workspace.stop", workspace=made, key=f"stop-{made}", timeout_ms=2000)
    assert result["workspace"]["state"] == "stopped" and world.outcome(made, "stop") == "done"
    [process] = world.daemon.call("exec.list", workspace=made)["processes"]
    assert (process["state"], process["exit"]["reason"], process["exit"]["signal"]) == ("exited", "stopped", "TERM")
    destroy(world, made)


@pytest.mark.parametrize("point", DESTROY)
def test_killed_during_destroy(world: KilledWorld, point: str) -> None:
    made = world.prepare(argv=["sleep", "600"])["id"]
    world.die_at(point, "workspace.destroy", workspace=made, key=f"destroy-{made}")
    world.recovered()
    world.gone()
    again = world.daemon.call("workspace.destroy", workspace=made, key=f"destroy-{made}")
    assert (again["workspace"]["state"], again["operation"]["state"]) == ("destroyed", "done"), "the first outcome"


@pytest.mark.parametrize("point", [*PAUSE, *RESUME])
def test_killed_while_it_is_frozen_or_thawed(world: KilledWorld, point: str) -> None:
    pausing = point in PAUSE
    made = world.prepare("running" if pausing else "paused", argv=["sleep", "600"])["id"]
    method = "workspace.pause" if pausing else "workspace.resume"
    if point == "docker.adopt.thawed":
        world.daemon.kill()
        world.daemon.spawn(NEXUS_FAILPOINT=point)
        assert world.daemon.wait() == -9
    else:
        world.die_at(point, method, workspace=made, key=f"change-{made}")
    world.recovered()
    world.check()
    result = world.daemon.call(method, workspace=made, key=f"change-{made}")
    assert result["workspace"]["state"] == ("paused" if pausing else "running")
    if pausing:
        world.daemon.call("workspace.resume", workspace=made)
    [process] = world.daemon.call("exec.list", workspace=made, running=True)["processes"]
    assert process["state"] == "running", "what was frozen goes on"
    destroy(world, made)


@pytest.mark.parametrize(
    ("method", "point"),
    [*(("exec.start", point) for point in SPAWN), *(("exec.run", point) for point in SPAWN if "keeper" in point)],
)
def test_killed_while_a_process_is_started(world: KilledWorld, method: str, point: str) -> None:
    """In the workspace of the witness: what it does there touches no other process."""
    params = {"workspace": world.witness, "argv": ["sleep", "600"]}
    world.die_at(point, method, **params)
    world.recovered()
    world.check()
    found = world.daemon.call("exec.list", workspace=world.witness, running=True)["processes"]
    others = [process["id"] for process in found if process["id"] != world.build]
    assert len(others) == (point == "exec.start.recorded"), "what nobody was told of is ended"
    for process in others:
        world.daemon.call("exec.signal", process=process, signal="KILL")
        ended = world.daemon.call("exec.wait", process=process)
        assert ended["exit"]["signal"] == "KILL"
        world.daemon.call("exec.remove", process=process)
    world.gone()


@pytest.mark.parametrize("point", END)
def test_killed_while_an_end_is_written_down(world: KilledWorld, point: str) -> None:
    if world.daemon.process is not None:
        world.daemon.kill()
    world.daemon.start(NEXUS_FAILPOINT=point)
    try:
        argv = ["sh", "-c", "echo out; exit 3"]
        started = world.daemon.rpc("exec.start", workspace=world.witness, argv=argv)["result"]["id"]
        world.daemon.rpc("exec.wait", process=started)
    except ConnectionError:
        pass  # it may die before the answer is out
    assert world.daemon.wait() == -9
    world.recovered()
    world.check()
    found = world.daemon.call("exec.list", workspace=world.witness)["processes"]
    [process] = [process for process in found if process["id"] != world.build]
    process = world.daemon.call("exec.wait", process=process["id"])
    assert (process["state"], process["exit"]["code"], process["output_end"]) == ("exited", 3, 4)
    world.daemon.call("exec.remove", process=process["id"])
    world.gone()


@pytest.mark.parametrize("point", RECOVER)
def test_killed_while_recovering(world: KilledWorld, point: str) -> None:
    params = world.new()
    world.die_at("docker.create.container.after", "workspace.create", **params)
    for _ in range(2):
        world.daemon.spawn(NEXUS_FAILPOINT=point)
        assert world.daemon.wait() == -9
    world.recovered()
    world.check()
    made = world.daemon.call("workspace.create", **params)["workspace"]
    assert made["state"] == "running"
    destroy(world, made["id"])


def test_an_engine_that_is_away_when_the_next_daemon_starts(world: KilledWorld) -> None:
    if not world.socket.is_symlink():
        pytest.skip("the engine is not behind a socket that can be taken away")
    engine = world.socket.readlink()
    world.daemon.kill()
    world.socket.unlink()
    try:
        world.daemon.spawn()
        eventually(lambda: answers(world), lambda: world.daemon.log[-2000:])
        found = world.daemon.call("exec.get", process=world.build)
        assert found["state"] == "lost" and "exit" not in found, "nobody can say for now"
    finally:
        world.socket.symlink_to(engine)
    eventually(
        lambda: world.daemon.call("exec.get", process=world.build)["state"] == "running",
        lambda: world.daemon.log[-2000:],
    )
    world.gone()


def answers(world: KilledWorld) -> bool:
    try:
        return "result" in world.daemon.rpc("system.info")
    except ConnectionError:
        return False


def test_a_timeout_ends_what_outlived_the_daemon(world: KilledWorld) -> None:
    made = world.prepare()["id"]
    argv = ["sh", "-c", "trap 'echo asked' TERM; while :; do sleep 0.1; done"]
    started = world.daemon.call("exec.start", workspace=made, argv=argv, timeout_ms=1500)["id"]
    world.daemon.kill()
    world.recovered()
    ended = world.daemon.call("exec.wait", process=started)
    assert (ended["exit"]["reason"], ended["exit"]["signal"]) == ("timeout", "KILL")
    destroy(world, made)
