"""A daemon that is killed at named points, a real engine, and all that may be left behind of either."""

from __future__ import annotations

import asyncio
import itertools
import os
import socket
import time
from collections.abc import Callable, Mapping
from pathlib import Path
from typing import Any

import nexus_sdk
from daemon_process import DaemonProcess, git, make_repository
from engine import BASE, TestEngine
from nexusd.backends.host.net import listeners

PATIENCE = 30.0
# Below what the kernel hands out by itself, or other tests' connections would take some.
RANGE = range(22000, 25000)
PORTS = [f"ports.range.start={RANGE[0]}", f"ports.range.end={RANGE[-1]}"]
SLOW_DOCKERFILE = f"FROM {BASE}\nRUN sleep 0.3\n"
BUILD = "i=0; while :; do i=$((i+1)); echo line $i; sleep 0.05; done"
"""What runs in the witness: work that no crash and no change of another workspace may touch."""

Inventory = dict[str, set[str]]


class KilledWorld:
    """One daemon and its engine, for many tests. The workspace `witness` runs a build all the time.

    Attributes:
        witness: its id.
        build: the id of the build's process.
    """

    def __init__(self, folder: Path, engine: TestEngine) -> None:
        self.engine = engine
        self.repository = make_repository(
            folder / "repository", {"README.md": "# Example\n", "Dockerfile": SLOW_DOCKERFILE}
        )
        host = engine.host
        self.socket = folder / "engine.sock"
        """Where the daemon finds the engine; a link that can be taken away. Not used for an engine behind TCP."""
        if host.startswith("unix://"):
            self.socket.symlink_to(host.removeprefix("unix://"))
            host = f"unix://{self.socket}"
        self.daemon = DaemonProcess(
            folder / "home", settings=[f"docker.host={host}", "docker.spare_networks=0", *PORTS]
        )
        self.home = self.daemon.home
        self._names = itertools.count(1)
        self._foreign = self._at_engine()
        self._ever: set[str] = set()
        self._seen, self._line = 0, 0
        self.daemon.start()
        self.witness = str(self.create("witness")["id"])
        started = self.daemon.call("exec.start", workspace=self.witness, argv=["sh", "-c", BUILD])
        self.build = str(started["id"])
        self.start_time = started["started_at"]
        self.workspaces()
        self.before = self.inventory()

    def close(self) -> None:
        """End it; nothing is left, not even of the witness."""
        self.daemon.stop()
        self.daemon.start()
        for workspace in self.workspaces():
            self.daemon.call("workspace.destroy", workspace=workspace["id"], force=True)
        assert self.daemon.stop() == 0, self.daemon.log[-4000:]
        eventually(lambda: self._at_engine() == self._foreign, self._at_engine)

    # --- what is done ---

    def new(self, **options: object) -> dict[str, object]:
        """The params of a `workspace.create` of a new name, with its key."""
        name = f"w{next(self._names)}"
        options.setdefault("image", BASE)
        if "build" in options:
            del options["image"]
        return {
            "name": name,
            "repository": {"url": str(self.repository)},
            "backend": "docker",
            "options": options,
            "key": f"create-{name}",
        }

    def create(self, name: str | None = None) -> dict[str, Any]:
        """A running workspace; its record."""
        params = self.new()
        if name is not None:
            params |= {"name": name, "key": f"create-{name}"}
        return dict(self.daemon.call("workspace.create", **params)["workspace"])

    def prepare(self, state: str = "running", argv: list[str] | None = None) -> dict[str, Any]:
        """A workspace in a state, as an undisturbed daemon leaves it, with a process in it where `argv` is given."""
        self.up()
        made = self.create()
        if argv is not None:
            self.daemon.call("exec.start", workspace=made["id"], argv=argv)
        if state != "running":
            self.daemon.call({"stopped": "workspace.stop", "paused": "workspace.pause"}[state], workspace=made["id"])
        return made

    def up(self) -> None:
        """An undisturbed daemon runs."""
        if self.daemon.process is None or self.daemon.process.poll() is not None:
            self.daemon.start()

    def die_at(self, point: str, method: str, *, environ: Mapping[str, str] = {}, **params: object) -> Any:
        """Call a method on a daemon that kills itself at a point; the answer, if it gave one before.

        The daemon that runs now is killed as well, and leaves what it has to the one that will die.
        """
        if self.daemon.process is not None and self.daemon.process.poll() is None:
            self.daemon.kill()
        self.daemon.start(NEXUS_FAILPOINT=point, **environ)
        try:
            answer = self.daemon.rpc(method, timeout=PATIENCE, **params)
        except ConnectionError:
            answer = None
        code = self.daemon.wait(PATIENCE)
        assert code == -9, f"{point} was not reached: {answer}\n{self.daemon.log[-3000:]}"
        return answer

    def late_network(self, workspace: str) -> None:
        """What a call of a daemon that was killed makes at the engine when it ends at last. Raises APIError."""
        _, instance = self._ours()["label"][0].split("=")
        labels = {"nexus.workspace": workspace, "nexus.instance": instance}
        self.engine.api.create_network(f"nexus-{workspace}", labels=labels, check_duplicate=False)

    def recovered(self) -> None:
        """The next daemon runs, and nothing is under way any more."""
        self.daemon.start()
        deadline = time.monotonic() + PATIENCE
        while self.daemon.call("operation.list", running=True)["operations"]:
            assert time.monotonic() < deadline, self.daemon.log[-4000:]
            time.sleep(0.02)

    # --- what is true ---

    def networks(self) -> list[dict[str, Any]]:
        """What the engine says of those that are marked."""
        return list(self.engine.api.networks(filters=self._ours()))

    def workspaces(self) -> list[dict[str, Any]]:
        found = self.daemon.call("workspace.list", destroyed=True, limit=1000)["workspaces"]
        self._ever |= {workspace["id"] for workspace in found}
        return [workspace for workspace in found if workspace["state"] != "destroyed"]

    def outcome(self, workspace: str, kind: str) -> str:
        """How the last operation of a kind ended; one that failed says why."""
        found = self.daemon.call("operation.list", workspace=workspace)["operations"]
        last = max((operation for operation in found if operation["kind"] == kind), key=lambda one: one["created_at"])
        assert last["state"] in ("done", "failed"), last
        assert last["state"] == "done" or last["error"]["message"], last
        return str(last["state"])

    def check(self) -> None:
        """What there is belongs to a workspace whose record tells its state, and the witness builds on."""
        known = self.workspaces()
        assert all("operation" not in workspace for workspace in known), known
        containers = {
            item["Labels"]["nexus.workspace"]: item["State"]
            for item in self.engine.api.containers(all=True, filters=self._ours())
        }
        states = {"running": "running", "paused": "paused", "exited": "stopped", "created": "stopped"}
        assert {id: states[state] for id, state in containers.items()} == {one["id"]: one["state"] for one in known}
        ids, names = {one["id"] for one in known}, {one["name"] for one in known}
        running = {one["id"] for one in known if one["state"] != "stopped"}
        found = self.inventory()
        assert found["networks"] == {f"nexus-{id}" for id in ids}
        assert len(self.networks()) == len(ids), "one of each name"
        assert found["volumes"] == set()
        assert found["notes"] == {"instance", *(f"{id}.json" for id in ids)}
        assert found["run"] == ids
        assert found["worktrees"] == found["directories"] == names
        assert found["branches"] == {f"nexus/{name}" for name in names}
        assert {mark.split()[0] for mark in found["processes"]} == running, found["processes"]
        served = {port["port"] for one in known if one["id"] in running for port in one["ports"]}
        assert found["ports"] == {str(port) for port in served}
        processes = [one for id in ids for one in self.daemon.call("exec.list", workspace=id)["processes"]]
        logs = {f"{process['id']}.log" for process in processes}
        # Only one that has ended and wrote nothing may have left its file to another.
        spare = {f"{one['id']}.log" for one in processes if one["state"] == "exited" and not one["output_end"]}
        assert logs - spare <= found["output"] <= logs
        self.check_witness()

    def gone(self) -> None:
        """Nothing is left but the witness, which builds on."""
        assert [workspace["id"] for workspace in self.workspaces()] == [self.witness]
        # The engine takes its mounts and bridges away a moment after it said so.
        eventually(lambda: self.inventory() == self.before, lambda: _difference(self.before, self.inventory()))
        self.check_witness()

    def check_witness(self) -> None:
        """The build is the same process, and every line that it wrote since is there, once."""
        process = self.daemon.call("exec.get", process=self.build)
        assert (process["state"], process["started_at"]) == ("running", self.start_time), process
        text = asyncio.run(self._output(process["output_end"]))
        lines = text.splitlines()
        assert lines == [f"line {number}" for number in range(self._line + 1, self._line + 1 + len(lines))]
        self._line += len(lines)
        self._seen += len(text)

    async def _output(self, end: int) -> str:
        """What the build wrote since the last time, up to the last line that is whole; more than nothing."""
        text = b""
        async with nexus_sdk.connect(f"unix:{self.daemon.socket}") as nexus:
            workspace = await nexus.workspaces.get("witness")
            async with workspace.attach(self.build, offset=self._seen, role="observer") as process:
                async with asyncio.timeout(PATIENCE):
                    async for chunk in process.output:
                        text += bytes(chunk.data)
                        if self._seen + len(text) >= end and b"\n" in text:
                            break
        return text[: text.rindex(b"\n") + 1].decode()

    def inventory(self) -> Inventory:
        """All that there is of workspaces: at the engine, on the disk, in the kernel."""
        backend = self.home / "state" / "docker"
        listed = git("worktree", "list", "--porcelain", cwd=self.repository).split("\n\n")
        worktrees = {Path(block.splitlines()[0].removeprefix("worktree ")) for block in listed if block}
        branches = git("branch", "--list", "nexus/*", "--format=%(refname:short)", cwd=self.repository).split()
        return {
            **self._at_engine(),
            "networks": {item["Name"] for item in self.networks()},
            "notes": set(os.listdir(backend)) if backend.exists() else set(),
            "run": set(_names(self.home / "run" / "machines")),
            "output": set(_names(self.home / "state" / "output")),
            "worktrees": {path.name for path in worktrees - {self.repository}},
            "directories": set(_names(self.repository / ".nexus" / "worktrees")),
            "branches": set(branches),
            "processes": marked(self._ever),
            "ports": {str(listener.port) for listener in listeners() if listener.port in RANGE},
        }

    def _at_engine(self) -> Inventory:
        api = self.engine.api
        root = api.info()["DockerRootDir"]
        mounts = [line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines()]
        return {
            "containers": {item["Id"] for item in api.containers(all=True)},
            "all networks": {item["Id"] for item in api.networks()},
            "volumes": {item["Name"] for item in api.volumes()["Volumes"] or []},
            "images": {item["Id"] for item in api.images(all=True)},
            "mounts": {mount for mount in mounts if mount.startswith(f"{root}/")},
            "bridges": {name for _, name in socket.if_nameindex() if name.startswith("br-")},
        }

    def _ours(self) -> dict[str, list[str]]:
        instance = self.home / "state" / "docker" / "instance"
        return {"label": [f"nexus.instance={instance.read_text() if instance.exists() else 'none'}"]}


def marked(workspaces: set[str]) -> set[str]:
    """Processes of these workspaces, as ``workspace pid``: the first one of a container, and all that it started."""
    found = set()
    for pid in filter(str.isdigit, os.listdir("/proc")):
        try:
            words = Path(f"/proc/{pid}/cmdline").read_bytes().split(b"\0")
            environ = Path(f"/proc/{pid}/environ").read_bytes().split(b"\0")
        except OSError:
            continue
        if words[:2] == [b"/.nexus/init", b"run"]:
            found.add(f"{words[words.index(b'--name') + 1].decode()} {pid}")
        for word in environ:
            # The witness's build starts one `sleep` after the other.
            if word.startswith(b"NEXUS_WORKSPACE=") and words[:1] != [b"sleep"]:
                found.add(f"{word.partition(b'=')[2].decode()} {pid}")
    return {mark for mark in found if mark.split()[0] in workspaces}


def _names(folder: Path) -> list[str]:
    return os.listdir(folder) if folder.exists() else []


def _difference(before: Inventory, after: Inventory) -> dict[str, tuple[set[str], set[str]]]:
    return {
        what: (before[what] - after[what], after[what] - before[what]) for what in before if before[what] != after[what]
    }


def eventually(condition: Callable[[], bool], explain: Callable[[], object]) -> None:
    """Wait until something is true."""
    deadline = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < deadline, explain()
        time.sleep(0.05)
