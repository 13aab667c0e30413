"""Records follow their machines: what happens to containers outside of Nexus, while it runs and while it does not."""

from __future__ import annotations

import asyncio
import contextlib
from datetime import timedelta
from pathlib import Path

import pytest
from docker_backend import make_backend
from engine import BASE, TestEngine, engine, own_engine  # noqa: F401 - fixtures
from nexus_sdk.protocol.errors import OptionUnsupported, WorkspaceNotFound
from nexus_sdk.protocol.types import (
    MachineOptions,
    RepositorySource,
    WorkspaceChangeParams,
    WorkspaceCreateParams,
    WorkspaceDestroyParams,
)
from nexusd.backends.host.backend import HostBackend
from nexusd.config.model import Config
from nexusd.processes.table import ProcessTable
from nexusd.store.database import Database
from nexusd.workspaces import reconcile
from nexusd.workspaces.copies import Copies
from nexusd.workspaces.manager import Manager, outcome
from nexusd.workspaces.parts import Defaults, Limits, Parts
from nexusd.workspaces.ports import PortRange
from nexusd.workspaces.registry import Registry

PATIENCE = 20
OWNER = "tester"


class Node:
    """The lifecycle of one node, on what an earlier one left in the same folder."""

    def __init__(self, folder: Path, host: str) -> None:
        self.folder, self.host = folder, host

    async def __aenter__(self) -> Node:
        config = Config()
        self.db = await Database.open(self.folder / "state" / "nexus.db")
        self.backend = make_backend(self.folder, self.host, timeout=5.0)
        self.hosts = HostBackend(self.folder / "state")
        registry = Registry("in_test")

        async def machine_for(workspace: str):
            raise WorkspaceNotFound("nothing is run here", workspace=workspace)

        async def defaults(_: str) -> Defaults:
            return Defaults("docker", {})

        self.processes = ProcessTable(
            self.db,
            self.folder / "state",
            machine_for,
            max_per_workspace=8,
            log_limit=1 << 20,
            keep=timedelta(days=1),
            drain_wait=1.0,
        )
        self.parts = Parts(
            db=self.db,
            registry=registry,
            processes=self.processes,
            backends={"docker": self.backend, "host": self.hosts},
            home=self.folder,
            copies=Copies(self.folder),
            default_backend="docker",
            defaults_for=defaults,
            # Below what the kernel hands out by itself, or other tests' connections would take some.
            port_range=PortRange(start=22_000, end=24_999, per_workspace=config.ports.per_workspace),
            limits=Limits(100, 100),
            ports={},
        )
        await self.backend.open()
        await self.hosts.open()
        self.manager = Manager(self.parts)
        await reconcile.load(self.manager)
        await reconcile.recover(self.manager)
        reconcile.follow(self.manager)
        return self

    async def __aexit__(self, *_: object) -> None:
        await self.manager.journal.drain(PATIENCE)
        await self.backend.close()
        await self.hosts.close()
        await self.processes.close(1.0)
        await self.db.close()

    async def up(self, repository: Path, name: str = "one", **options: object) -> str:
        """A running workspace; its id."""
        options.setdefault("image", BASE)
        params = WorkspaceCreateParams(
            name=name, repository=RepositorySource(url=str(repository)), options=MachineOptions(**options)
        )
        run = await self.manager.create(OWNER, str(repository), params)
        await run.wait()
        outcome(run)
        return run.record.workspace

    async def change(self, verb: str, workspace: str) -> None:
        run = await getattr(self.manager, verb)(OWNER, workspace, WorkspaceChangeParams(workspace=workspace))
        await run.wait()
        outcome(run)

    async def down(self, workspace: str) -> None:
        params = WorkspaceDestroyParams(workspace=workspace, force=True)
        run = await self.manager.destroy(OWNER, workspace, params)
        await run.wait()
        outcome(run)

    def record(self, workspace: str):
        found = self.parts.registry.get(workspace)
        assert found is not None
        return found

    async def state(self, workspace: str, wanted: str) -> None:
        """Wait until a watcher has been told that the workspace is in a state."""
        subscription = self.parts.registry.subscribe(workspace, None)
        try:
            async with asyncio.timeout(PATIENCE):
                while self.record(workspace).state != wanted:
                    await subscription.next()
        finally:
            subscription.close()


def container(workspace: str) -> str:
    return f"nexus-{workspace}"


async def test_a_record_follows_what_is_done_to_its_container(engine, tmp_path, repository):  # noqa: F811
    async with Node(tmp_path, engine.host) as node:
        workspace = await node.up(repository)
        assert node.record(workspace).root == "/workspace"
        shown = node.manager.show(node.record(workspace))
        assert shown.machine.image == BASE
        engine.api.pause(container(workspace))
        await node.state(workspace, "paused")
        engine.api.unpause(container(workspace))
        await node.state(workspace, "running")
        engine.api.kill(container(workspace))
        await node.state(workspace, "stopped")
        await node.change("start", workspace)
        assert node.record(workspace).generation == 2
        engine.api.remove_container(container(workspace), force=True)
        await node.state(workspace, "error")
        assert "removed from outside" in node.record(workspace).message
        await node.change("start", workspace)
        assert (node.record(workspace).state, node.record(workspace).message) == ("running", "")
        await node.down(workspace)
        assert not any(engine.leftovers(node.backend._instance).values())


async def test_what_should_not_run_is_stopped_again(engine, tmp_path, repository):  # noqa: F811
    async with Node(tmp_path, engine.host) as node:
        workspace = await node.up(repository)
        await node.change("stop", workspace)
        engine.api.start(container(workspace))
        for _ in range(PATIENCE * 20):
            if not engine.api.inspect_container(container(workspace))["State"]["Running"]:
                break
            await asyncio.sleep(0.05)
        else:
            raise AssertionError("it runs on")
        assert node.record(workspace).state == "stopped"
        await node.down(workspace)


async def test_the_next_run_takes_up_what_runs_and_begins_what_ended(engine, tmp_path, repository):  # noqa: F811
    async with Node(tmp_path, engine.host) as node:
        runs, ended, paused, thawed, stopped, lost = [
            await node.up(repository, name) for name in ("runs", "ended", "paused", "thawed", "stopped", "lost")
        ]
        for workspace in (paused, thawed):
            await node.change("pause", workspace)
        await node.change("stop", stopped)
        pid = engine.api.inspect_container(container(runs))["State"]["Pid"]
    engine.api.kill(container(ended))
    engine.api.unpause(container(thawed))
    engine.api.start(container(stopped))
    engine.api.remove_container(container(lost), force=True)
    async with Node(tmp_path, engine.host) as node:
        states = {name: node.record(name).state for name in (runs, ended, paused, thawed, stopped, lost)}
        assert list(states.values()) == ["running", "running", "paused", "running", "stopped", "running"]
        generations = [node.record(name).generation for name in (runs, ended, lost)]
        assert generations == [1, 2, 2], "a new incarnation only where the old one is gone"
        assert engine.api.inspect_container(container(runs))["State"]["Pid"] == pid
        actual = {status.workspace: status.state for status in await node.backend.list()}
        assert actual == states
        for workspace in states:
            await node.down(workspace)


async def test_a_container_without_a_workspace_is_removed(engine, tmp_path, repository):  # noqa: F811
    async with Node(tmp_path, engine.host) as node:
        workspace = await node.up(repository)
        await node.db.run(lambda conn: conn.execute("DELETE FROM workspaces WHERE id = :id", {"id": workspace}))
        instance = node.backend._instance
    async with Node(tmp_path, engine.host):
        assert not any(engine.leftovers(instance).values())


async def test_a_failed_creation_leaves_nothing(engine, tmp_path, repository):  # noqa: F811
    async with Node(tmp_path, engine.host) as node:
        with pytest.raises(Exception, match=r"cannot be fetched|cannot be used"):
            await node.up(repository, image="localhost:1/nexus-none:1")
        assert node.parts.registry.all() == []
        assert not any(engine.leftovers(node.backend._instance).values())
        assert node.backend._notes.all() == []


async def test_options_that_cannot_be_had_are_refused_before_anything_is_made(engine, tmp_path, repository):  # noqa: F811
    async with Node(tmp_path, engine.host) as node:
        params = WorkspaceCreateParams(
            name="one",
            repository=RepositorySource(url=str(repository)),
            options=MachineOptions(read_only=True),
            backend="host",
        )
        with pytest.raises(OptionUnsupported):
            await node.manager.create(OWNER, str(repository), params)
        assert node.parts.registry.all() == []


# A socket that cannot be connected is left to the collector by the library.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_an_engine_that_comes_later_than_the_daemon(own_engine, tmp_path, repository):  # noqa: F811
    host = f"unix://{own_engine.socket}"
    TestEngine(host).api.close()
    async with Node(tmp_path, host) as node:
        workspace = await node.up(repository)
    await asyncio.to_thread(own_engine.stop)
    async with Node(tmp_path, host) as node:
        assert node.record(workspace).state == "running", "nobody can say otherwise"
        assert node.manager.unsettled == {workspace}
        await asyncio.to_thread(own_engine.start)
        with contextlib.closing(TestEngine(host).api) as api:
            for _ in range(PATIENCE * 20):
                if api.inspect_container(container(workspace))["State"]["Running"]:
                    break
                await asyncio.sleep(0.05)
            else:
                raise AssertionError("it was not begun anew")
        await node.state(workspace, "running")
        for _ in range(PATIENCE * 20):
            if not node.manager.unsettled:
                break
            await asyncio.sleep(0.05)
        assert node.record(workspace).generation == 2
        await node.down(workspace)
