"""SIGKILL at every named point of create, start, stop and destroy: nothing orphaned, nothing acknowledged forgotten.

Each case arms one failpoint, makes the call until the daemon dies there, starts it again, lets it recover, and looks at
the real things: worktrees, branches, ports, processes, records. Then the same call with the same key must succeed and
must have had its effect once.
"""

from __future__ import annotations

import os
import re
import sqlite3
import time
from collections.abc import Callable
from pathlib import Path

import nexusd
import pytest
from daemon_process import DaemonProcess, git, make_repository

PATIENCE = 30.0

CREATE = [
    *(
        f"create.{step}.{side}"
        for step in ("repository", "worktree", "machine", "start", "end")
        for side in ("before", "after")
    ),
    "git.worktree.locked",
    "git.worktree.added",
    *(f"store.commit.{side}@{pass_}" for side in ("before", "after") for pass_ in (1, 2, 3, 4)),
]
START = [
    *(f"start.{step}.{side}" for step in ("start", "end") for side in ("before", "after")),
    "store.commit.before",
    "store.commit.after",
]
STOP = [
    *(f"stop.{step}.{side}" for step in ("stop", "end") for side in ("before", "after")),
    "store.commit.before",
    "store.commit.after",
]
DESTROY = [
    *(
        f"destroy.{step}.{side}"
        for step in ("stop", "check", "machine", "worktree", "processes", "end")
        for side in ("before", "after")
    ),
    "git.branch.deleted",
    "store.commit.before@2",
    "store.commit.after@3",
]


CHANGES = [
    (method, f"{method}.{step}.{side}")
    for method, steps in (
        ("restart", ("stop", "start", "end")),
        ("pause", ("pause", "end")),
        ("resume", ("resume", "end")),
        ("switch", ("start", "end")),
    )
    for step in steps
    for side in ("before", "after")
]
RECOVER = ["recover.processes.after", "recover.orphans.after", "recover.settle.after"]
CLONE = ["git.clone.fetched", "git.clone.renamed"]
BEGIN = ["exec.start.spawned", "exec.start.recorded"]
FINISH = ["exec.end.known", "exec.end.noted", "exec.end.saving", "exec.end.saved"]
KEEPER = ["host.keeper.started", "host.keeper.noted"]
KEPT = {"exec.ending.noted", "keeper.forget.sent", "keeper.spawn.log", "backend.note.written"}
"""Those of `tests/daemon/backends/docker/test_docker_killed.py`, as are all that begin with ``docker.``."""
CHECKPOINTS = ("checkpoint.", "restore.", "fork.", "forget.", "destroy.checkpoint.")
"""How those of `tests/e2e/test_checkpoint_crash.py` begin."""
ELSEWHERE = {"git.worktree.registered", "git.remove.renamed", "git.remove.forgotten", *KEPT}
"""Those of `tests/daemon/git/test_git_worktrees.py`."""


def test_every_point_is_died_at():
    written = set()
    for module in Path(nexusd.__file__).parent.rglob("*.py"):
        written.update(re.findall(r'failpoint\("([a-z.]+)"\)', module.read_text()))
    written = {point for point in written if not point.startswith(("docker.", *CHECKPOINTS))}
    tried = {
        *CREATE,
        *START,
        *STOP,
        *DESTROY,
        *RECOVER,
        *CLONE,
        *BEGIN,
        *FINISH,
        *KEEPER,
        *(point for _, point in CHANGES),
    }
    assert len(tried) >= 40
    assert written - {point.partition("@")[0] for point in tried} == ELSEWHERE


def processes_with(file: str, mark: Callable[[bytes], bool]) -> list[int]:
    """Processes of which a file in /proc shows something."""
    found = []
    for entry in Path("/proc").iterdir():
        if entry.name.isdigit():
            try:
                content = (entry / file).read_bytes()
            except OSError:
                continue
            if mark(content):
                found.append(int(entry.name))
    return found


def marked_processes(workspace: str) -> list[int]:
    """Processes that carry the workspace's mark in their environment."""
    return processes_with("environ", lambda environ: f"NEXUS_WORKSPACE={workspace}".encode() in environ.split(b"\0"))


def keepers(home: Path) -> list[int]:
    """The keepers of a home's workspaces."""
    return processes_with("cmdline", lambda words: b"--keep\0" in words and f"{home}/".encode() in words)


class World:
    """A daemon, a repository, and what is true of them from outside."""

    def __init__(self, tmp_path: Path) -> None:
        self.repository = make_repository(tmp_path / "repository")
        self.daemon = DaemonProcess(tmp_path / "home")

    def die_at(self, failpoint: str, method: str, **params: object) -> None:
        """Call a method on a daemon that will kill itself at the failpoint."""
        self.daemon.start(NEXUS_FAILPOINT=failpoint)
        try:
            answer = self.daemon.rpc(method, timeout=PATIENCE, **params)
        except ConnectionError:
            answer = None  # it died before it could answer
        code = self.daemon.wait(PATIENCE)
        assert code == -9, f"{failpoint} was not reached: {answer}\n{self.daemon.log[-2000:]}"

    def recovered(self) -> None:
        """Start the daemon again and wait until nothing is under way."""
        self.daemon.start()
        deadline = time.monotonic() + PATIENCE
        while self.daemon.call("operation.list", running=True)["operations"]:
            assert time.monotonic() < deadline, self.daemon.log[-4000:]
            time.sleep(0.02)

    def workspaces(self) -> list[dict]:
        return self.daemon.call("workspace.list")["workspaces"]

    def worktrees(self) -> list[str]:
        listed = git("worktree", "list", "--porcelain", cwd=self.repository).split("\n\n")
        paths = [block.splitlines()[0].removeprefix("worktree ") for block in listed if block]
        return [path for path in paths if path != str(self.repository)]

    def directories(self) -> list[str]:
        place = self.repository / ".nexus" / "worktrees"
        return sorted(path.name for path in place.iterdir()) if place.exists() else []

    def branches(self) -> list[str]:
        return git("branch", "--list", "nexus/*", "--format=%(refname:short)", cwd=self.repository).split()

    def rows(self, sql: str) -> list[tuple]:
        database = sqlite3.connect(f"file:{self.database()}?mode=ro", uri=True)
        try:
            return database.execute(sql).fetchall()
        finally:
            database.close()

    def database(self) -> Path:
        return next((self.daemon.home / "state").glob("*.db"))

    def check(self) -> None:
        """Records, worktrees, directories, branches, ports agree; nothing is left over."""
        known = self.workspaces()
        assert all(workspace["state"] in ("running", "stopped", "paused") for workspace in known), known
        assert all("operation" not in workspace for workspace in known), known
        names = sorted(workspace["name"] for workspace in known)
        assert self.directories() == names
        assert sorted(Path(path).name for path in self.worktrees()) == names
        assert sorted(self.branches()) == [f"nexus/{name}" for name in names]
        ids = {workspace["id"] for workspace in known}
        assert {row[0] for row in self.rows("SELECT DISTINCT workspace FROM ports")} == ids
        assert git("status", "--porcelain", cwd=self.repository) == ""
        for (workspace,) in self.rows("SELECT id FROM workspaces"):
            running = workspace in ids and self.daemon.call("exec.list", workspace=workspace, running=True)["processes"]
            assert bool(marked_processes(workspace)) == bool(running), running


@pytest.fixture
def world(tmp_path):
    made = World(tmp_path)
    yield made
    made.daemon.stop()


def create(world: World) -> dict:
    return {"name": "feature", "repository": {"url": str(world.repository)}, "key": "create-1"}


@pytest.mark.parametrize("failpoint", CREATE)
def test_killed_during_create(world, failpoint):
    world.die_at(failpoint, "workspace.create", **create(world))
    world.recovered()
    world.check()
    result = world.daemon.call("workspace.create", **create(world))
    assert result["workspace"]["state"] == "running"
    assert [workspace["id"] for workspace in world.workspaces()] == [result["workspace"]["id"]]
    world.check()


def test_killed_after_the_acknowledgement_without_waiting(world):
    world.daemon.start(NEXUS_FAILPOINT="create.worktree.before")
    accepted = None
    try:
        accepted = world.daemon.rpc("workspace.create", **create(world), wait=False)
    except ConnectionError:
        pass  # it may die before the answer is out
    assert world.daemon.wait(PATIENCE) == -9
    world.recovered()
    world.check()
    if accepted is not None:
        assert [workspace["id"] for workspace in world.workspaces()] == [accepted["result"]["workspace"]["id"]]


def prepare(world: World, *, running: bool, process: bool = False) -> dict:
    """A workspace as an undisturbed daemon leaves it."""
    world.daemon.start()
    made = world.daemon.call("workspace.create", **create(world))["workspace"]
    if process:
        world.daemon.call("exec.start", workspace=made["id"], argv=["sleep", "600"])
    if not running:
        world.daemon.call("workspace.stop", workspace=made["id"])
    world.daemon.stop(keep=True)
    return made


@pytest.mark.parametrize("failpoint", START)
def test_killed_during_start(world, failpoint):
    made = prepare(world, running=False)
    world.die_at(failpoint, "workspace.start", workspace=made["id"], key="start-1")
    world.recovered()
    world.check()
    result = world.daemon.call("workspace.start", workspace=made["id"], key="start-1")
    assert result["workspace"]["state"] == "running"
    world.check()


@pytest.mark.parametrize("failpoint", STOP)
def test_killed_during_stop(world, failpoint):
    made = prepare(world, running=True)
    world.daemon.start(NEXUS_FAILPOINT=failpoint if failpoint.startswith("stop") else f"{failpoint}@2")
    try:
        world.daemon.rpc("exec.start", workspace=made["id"], argv=["sleep", "600"])
        world.daemon.rpc("workspace.stop", workspace=made["id"], key="stop-1")
    except ConnectionError:
        pass
    assert world.daemon.wait(PATIENCE) == -9, world.daemon.log[-2000:]
    world.recovered()
    world.check()
    result = world.daemon.call("workspace.stop", workspace=made["id"], key="stop-1")
    assert result["workspace"]["state"] == "stopped"
    assert marked_processes(made["id"]) == []
    world.check()


@pytest.mark.parametrize("failpoint", DESTROY)
def test_killed_during_destroy(world, failpoint):
    made = prepare(world, running=True, process=True)
    world.die_at(failpoint, "workspace.destroy", workspace=made["id"], key="destroy-1")
    world.recovered()
    again = world.daemon.call("workspace.destroy", workspace=made["id"], key="destroy-1")
    assert (again["workspace"]["state"], again["operation"]["state"]) == ("destroyed", "done"), "the first outcome"
    other = world.daemon.rpc("workspace.destroy", workspace=made["id"], key="destroy-2")
    assert other["error"]["data"]["name"] == "workspace_not_found", other
    assert world.workspaces() == []
    assert marked_processes(made["id"]) == []
    world.check()


def test_killed_while_a_process_runs(world, nexus_init):
    made = prepare(world, running=True)
    world.daemon.start()
    script = "for i in $(seq 1 400); do echo line $i; sleep 0.005; done; while [ ! -e go ]; do sleep 0.05; done; exit 7"
    started = world.daemon.call("exec.start", workspace=made["id"], argv=["sh", "-c", script])
    for stop in (world.daemon.kill, lambda: world.daemon.stop(keep=True)):
        stop()
        world.recovered()
        assert world.daemon.call("exec.get", process=started["id"])["state"] == "running"
    assert len(keepers(world.daemon.home)) == 1
    (Path(made["worktree"]) / "go").touch()
    ended = world.daemon.call("exec.wait", process=started["id"])
    assert ended["exit"]["code"] == 7
    lines = "".join(f"line {i}\n" for i in range(1, 401))
    assert (ended["output_start"], ended["output_end"]) == (0, len(lines))
    log = world.daemon.home / "state" / "output" / f"{started['id']}.log"
    assert lines.encode() in log.read_bytes()
    assert world.workspaces()[0]["generation"] == made["generation"]


def test_killed_while_a_process_runs_that_nobody_keeps(world):
    world.daemon.settings.append("processes.outlive_daemon=false")
    made = prepare(world, running=True)
    world.daemon.start()
    started = world.daemon.call("exec.start", workspace=made["id"], argv=["sh", "-c", "echo before; exec sleep 600"])
    world.daemon.kill()
    world.recovered()
    found = world.daemon.call("exec.get", process=started["id"])
    assert found["state"] == "lost"
    assert "exit" not in found
    assert marked_processes(made["id"]) == []
    assert world.workspaces()[0]["state"] == "running"


@pytest.mark.parametrize("failpoint", KEEPER)
def test_killed_while_a_keeper_starts(world, nexus_init, failpoint):
    made = prepare(world, running=True)
    world.daemon.start(NEXUS_FAILPOINT=failpoint)
    with pytest.raises(ConnectionError):
        world.daemon.rpc("exec.run", workspace=made["id"], argv=["true"])
    assert world.daemon.wait(PATIENCE) == -9, world.daemon.log[-2000:]
    world.recovered()
    assert world.daemon.call("exec.run", workspace=made["id"], argv=["true"])["exit"]["code"] == 0
    # one of which nobody knows ends by itself
    deadline = time.monotonic() + PATIENCE
    while len(keepers(world.daemon.home)) > 1 and time.monotonic() < deadline:
        time.sleep(0.1)
    assert len(keepers(world.daemon.home)) == 1
    world.check()


def test_killed_while_undoing(world):
    # A branch that is in the way makes the worktree step fail, so that create undoes itself; it dies while doing so.
    git("branch", "nexus/feature", cwd=world.repository)
    world.die_at("create.worktree.undo", "workspace.create", **create(world))
    world.recovered()
    assert world.workspaces() == []
    assert world.branches() == ["nexus/feature"]
    assert world.directories() == []
    assert world.rows("SELECT * FROM ports") == []


def test_unpushed_work_survives_a_kill_during_destroy(world):
    made = prepare(world, running=True)
    worktree = Path(made["worktree"])
    (worktree / "new.txt").write_text("work\n")
    git("add", "-A", cwd=worktree)
    git("commit", "-q", "-m", "mine", cwd=worktree)
    mine = git("rev-parse", "HEAD", cwd=worktree)
    world.die_at("destroy.worktree.after", "workspace.destroy", workspace=made["id"], key="destroy-1")
    world.recovered()
    assert world.workspaces() == []
    assert git("rev-parse", "nexus/feature", cwd=world.repository) == mine
    assert not os.path.lexists(worktree)


@pytest.mark.parametrize(("method", "failpoint"), CHANGES)
def test_killed_during_other_changes(world, method, failpoint):
    made = prepare(world, running=method != "switch")
    if method == "resume":
        world.daemon.start(NEXUS_FAILPOINT=failpoint)
        world.daemon.call("exec.start", workspace=made["id"], argv=["sleep", "600"])
        world.daemon.call("workspace.pause", workspace=made["id"])
        with pytest.raises(ConnectionError):
            world.daemon.rpc("workspace.resume", workspace=made["id"], key="change-1")
        assert world.daemon.wait(PATIENCE) == -9
    else:
        world.die_at(failpoint, f"workspace.{method}", workspace=made["id"], key="change-1")
    world.recovered()
    world.check()
    assert [workspace["id"] for workspace in world.workspaces()] == [made["id"]]
    again = world.daemon.rpc(f"workspace.{method}", workspace=made["id"], key="change-1")
    if "error" in again:
        # its goal was reached, and it is no longer one
        assert method in ("pause", "resume") and again["error"]["data"]["name"] == "workspace_state", again
    if "result" in again and again["result"]["workspace"]["state"] == "paused":
        world.daemon.call("workspace.resume", workspace=made["id"])
    world.check()


@pytest.mark.parametrize("failpoint", RECOVER)
def test_killed_while_recovering(world, nexus_init, failpoint):
    made = prepare(world, running=True)
    second = {**create(world), "name": "second", "key": "create-2"}
    world.daemon.start(NEXUS_FAILPOINT="git.worktree.added")
    world.daemon.call("exec.start", workspace=made["id"], argv=["sleep", "600"])
    with pytest.raises(ConnectionError):
        world.daemon.rpc("workspace.create", **second)
    assert world.daemon.wait(PATIENCE) == -9
    for _ in range(2):
        world.daemon.spawn(NEXUS_FAILPOINT=failpoint)
        assert world.daemon.wait(PATIENCE) == -9, world.daemon.log[-2000:]
    world.recovered()
    world.check()
    result = world.daemon.call("workspace.create", **second)
    assert {workspace["id"] for workspace in world.workspaces()} == {made["id"], result["workspace"]["id"]}
    (kept,) = world.daemon.call("exec.list", workspace=made["id"], running=True)["processes"]
    assert kept["argv"] == ["sleep", "600"]


@pytest.mark.parametrize("failpoint", CLONE)
def test_killed_during_a_clone(world, failpoint):
    remote = {**create(world), "repository": {"url": f"file://{world.repository}"}}
    world.die_at(failpoint, "workspace.create", **remote)
    world.recovered()
    result = world.daemon.call("workspace.create", **remote)
    assert result["workspace"]["state"] == "running"
    clones = [path.name for path in (world.daemon.home / "repositories").iterdir() if path.is_dir()]
    assert clones == [Path(result["workspace"]["repository"]["path"]).name]
    assert git("fsck", "--no-progress", cwd=world.daemon.home / "repositories" / clones[0]) == ""
    assert len(world.workspaces()) == 1


@pytest.mark.parametrize("failpoint", BEGIN)
def test_killed_while_a_process_is_started(world, nexus_init, failpoint):
    made = prepare(world, running=True)
    start = {"workspace": made["id"], "argv": ["sleep", "600"], "key": "start-1"}
    world.die_at(failpoint, "exec.start", **start)
    world.recovered()
    world.check()
    # One that is not written down was never acknowledged, and nobody could ever find it.
    running = world.daemon.call("exec.list", workspace=made["id"], running=True)["processes"]
    assert len(running) == (failpoint == "exec.start.recorded")
    again = world.daemon.rpc("exec.start", **start)
    assert again["error"]["data"]["name"] == "outcome_unknown", "it may have run: it must not run twice"
    world.check()


@pytest.mark.parametrize("failpoint", FINISH)
@pytest.mark.parametrize("method", ["exec.start", "exec.run"])
@pytest.mark.parametrize("kept", [True, False], ids=["kept", "pipes"])
def test_killed_while_an_end_is_written_down(world, nexus_init, method, failpoint, kept):
    world.daemon.settings.append(f"processes.outlive_daemon={str(kept).lower()}")
    made = prepare(world, running=True)
    world.daemon.start(NEXUS_FAILPOINT=failpoint)
    told = None
    try:
        told = world.daemon.rpc(method, workspace=made["id"], argv=["sh", "-c", "echo out; exit 3"])
        world.daemon.rpc("exec.wait", process=told["result"].get("id", told["result"].get("process")))
    except ConnectionError:
        pass
    assert world.daemon.wait(PATIENCE) == -9, world.daemon.log[-2000:]
    world.recovered()
    world.check()
    found = world.daemon.call("exec.list", workspace=made["id"])["processes"]
    assert len(found) <= 1
    if kept and method == "exec.run" and failpoint == "exec.end.known":
        # its record may not have been written yet: then nobody was told of it
        assert all(process["state"] == "exited" and process["exit"]["code"] == 3 for process in found)
    elif kept or failpoint != "exec.end.known":
        assert [(process["state"], process["exit"]["code"]) for process in found] == [("exited", 3)]
        assert found[0]["output_end"] == 4
    else:
        assert all(process["state"] == "lost" and "exit" not in process for process in found)
    if told is not None and method == "exec.run":
        assert found and told["result"]["process"] == found[0]["id"], "what was told is not forgotten"
