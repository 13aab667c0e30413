"""Networks of workspaces to come: made once, used once, and gone with the daemon."""

from __future__ import annotations

import asyncio

import pytest
from docker_backend import make_backend, spec_for
from nexus_sdk.protocol.errors import BackendUnavailable
from nexus_sdk.protocol.types import MachineOptions
from nexusd.backends.docker import ahead
from nexusd.backends.docker.networks import Networks


@pytest.fixture(autouse=True)
def at_once(monkeypatch):
    monkeypatch.setattr(ahead, "REST", 0.0)


@pytest.fixture
async def backend(engine, tmp_path):
    """One that keeps a network ready."""
    made = make_backend(tmp_path, engine.host, spare_networks=1)
    await made.open()
    yield made
    await made.close()
    assert not any(engine.leftovers(made._instance).values())


def networks(engine, backend):
    """The workspaces that have a network."""
    found = engine.api.networks(filters=backend._marks.filter())
    return sorted(network["Labels"]["nexus.workspace"] for network in found)


async def made(backend):
    """The id of the workspace to come, once its network is there."""
    async with asyncio.timeout(30):
        while True:
            ready = backend._ahead._ready
            if ready and all(making.done() for making in ready.values()):
                [id] = ready
                return id
            await asyncio.sleep(0.01)


async def listed(backend):
    return {status.workspace: status.state for status in await backend.list()}


async def test_the_second_workspace_finds_its_network(engine, backend, worktree, monkeypatch):
    assert backend.ahead(MachineOptions()) is None, "nobody wants one before there was a workspace"
    first = spec_for(worktree, "ws_first")
    await backend.create(first)
    coming = await made(backend)
    assert networks(engine, backend) == sorted(["ws_first", coming])
    assert await listed(backend) == {"ws_first": "stopped"}
    assert backend.ahead(MachineOptions(egress=False)) is None, "it leads somewhere"

    posted = []
    post = Networks._post
    monkeypatch.setattr(Networks, "_post", lambda self, client, body: posted.append(body) or post(self, client, body))
    assert backend.ahead(MachineOptions()) == coming
    spec = spec_for(worktree, coming)
    await backend.begin(spec)
    await backend.create(spec)
    await backend.start(spec)
    assert {body["Name"] for body in posted} <= {f"nexus-{id}" for id in backend._ahead._ready}, "only the next one"
    inside = engine.api.inspect_container(f"nexus-{coming}")["NetworkSettings"]["Networks"]
    assert set(inside) == {f"nexus-{coming}"}
    after = await made(backend)
    assert await listed(backend) == {"ws_first": "stopped", coming: "running"}
    for workspace in ("ws_first", coming):
        await backend.destroy(workspace)
    assert networks(engine, backend) == [after]
    assert await listed(backend) == {}


async def test_one_that_is_still_being_made_is_waited_for(engine, backend, worktree, monkeypatch):
    goes_on = asyncio.Event()
    ensure = Networks.ensure

    async def slowly(self, workspace, **more):
        if workspace != "ws_first":
            await goes_on.wait()
        await ensure(self, workspace, **more)

    monkeypatch.setattr(Networks, "ensure", slowly)
    await backend.create(spec_for(worktree, "ws_first"))
    coming = None
    for _ in range(1000):
        coming = coming or backend.ahead(MachineOptions())
        await asyncio.sleep(0.01 if coming is None else 0)
    assert backend.ahead(MachineOptions()) is None, "each is given once"
    spec = spec_for(worktree, coming)
    await backend.begin(spec)
    creating = asyncio.create_task(backend.create(spec))
    await asyncio.wait([creating], timeout=0.2)
    assert not creating.done()
    goes_on.set()
    await creating
    assert coming in networks(engine, backend)
    for workspace in ("ws_first", coming):
        await backend.destroy(workspace)


async def test_one_that_somebody_removed_is_made_again(engine, backend, worktree):
    await backend.create(spec_for(worktree, "ws_first"))
    coming = await made(backend)
    engine.api.remove_network(f"nexus-{coming}")
    assert backend.ahead(MachineOptions()) == coming
    spec = spec_for(worktree, coming)
    await backend.begin(spec)
    await backend.create(spec)
    await backend.start(spec)
    assert await listed(backend) == {"ws_first": "stopped", coming: "running"}
    for workspace in ("ws_first", coming):
        await backend.destroy(workspace)


async def test_one_whose_workspace_was_refused_is_for_the_next(engine, backend, worktree):
    await backend.create(spec_for(worktree, "ws_first"))
    coming = await made(backend)
    for _ in range(2):
        assert backend.ahead(MachineOptions()) == coming
        backend.give_back(coming)
        backend.give_back(coming)
        backend.give_back("ws_other")
        assert coming not in await listed(backend)
    assert backend.ahead(MachineOptions()) == coming
    await backend.begin(spec_for(worktree, coming))
    backend.give_back(coming)
    assert backend.ahead(MachineOptions()) != coming, "that is a workspace now"
    for workspace in ("ws_first", coming):
        await backend.destroy(workspace)


async def test_one_that_did_not_become_a_workspace_is_an_orphan_after_a_while(engine, backend, worktree, monkeypatch):
    await backend.create(spec_for(worktree, "ws_first"))
    coming = await made(backend)
    assert backend.ahead(MachineOptions()) == coming
    assert coming not in await listed(backend)
    monkeypatch.setattr(ahead, "HANDED_OUT", 0.0)
    assert (await listed(backend))[coming] == "absent"
    await backend.destroy(coming)
    assert coming not in networks(engine, backend) and coming not in await listed(backend)
    await backend.destroy("ws_first")


async def test_what_a_killed_daemon_had_made_ahead_is_an_orphan(engine, backend, worktree, tmp_path):
    await backend.create(spec_for(worktree, "ws_first"))
    coming = await made(backend)
    backend._ahead._ready.clear()  # nobody takes it away
    await backend.close()
    next_one = make_backend(tmp_path, engine.host)
    await next_one.open()
    assert await listed(next_one) == {"ws_first": "stopped", coming: "absent"}
    for workspace in ("ws_first", coming):
        await next_one.destroy(workspace)
    assert networks(engine, next_one) == [] and await listed(next_one) == {}
    await next_one.close()


async def test_an_engine_that_is_away_keeps_nothing_from_ending(engine, backend, worktree, tmp_path, monkeypatch):
    await backend.create(spec_for(worktree, "ws_first"))
    coming = await made(backend)

    async def away(*_):
        raise BackendUnavailable("no engine", backend="docker", step="removing the network", reason="away")

    with monkeypatch.context() as patch:
        patch.setattr(Networks, "remove", away)
        await backend.close()
    next_one = make_backend(tmp_path, engine.host)
    await next_one.open()
    assert (await listed(next_one))[coming] == "absent"
    for workspace in ("ws_first", coming):
        await next_one.destroy(workspace)
    await next_one.close()


async def test_one_that_cannot_be_made_is_not_given(engine, backend, worktree, monkeypatch):
    ensure = Networks.ensure
    tried = asyncio.Event()

    async def failing(self, workspace, **more):
        if workspace == "ws_first":
            return await ensure(self, workspace, **more)
        tried.set()
        raise BackendUnavailable("no engine", backend="docker", step="making the network", reason="away")

    with monkeypatch.context() as patch:
        patch.setattr(Networks, "ensure", failing)
        await backend.create(spec_for(worktree, "ws_first"))
        await tried.wait()
        await asyncio.sleep(0)
        assert backend.ahead(MachineOptions()) is None
        [left] = set(await listed(backend)) - {"ws_first"}
    await backend.destroy(left)
    assert await made(backend) not in ("ws_first", left), "the next verb tries again"
    await backend.destroy("ws_first")


async def test_nothing_is_made_while_something_is_done(engine, backend, worktree, monkeypatch):
    """A refill that finds a verb at work leaves it to that one's end."""
    begun, goes_on = asyncio.Event(), asyncio.Event()
    ensure = Networks.ensure

    async def slowly(self, workspace, **more):
        begun.set()
        await goes_on.wait()
        await ensure(self, workspace, **more)

    with monkeypatch.context() as patch:
        patch.setattr(Networks, "ensure", slowly)
        creating = asyncio.create_task(backend.create(spec_for(worktree, "ws_first")))
        await begun.wait()
        backend._ahead._refill()
        assert backend._ahead._ready == {}
        goes_on.set()
        await creating
    await made(backend)
    await backend.destroy("ws_first")
