"""The network of a workspace: made beside its container, one of its name, and never left behind."""

from __future__ import annotations

import asyncio
import threading

import pytest
from docker.errors import APIError
from docker_backend import make_backend, spec_for
from nexus_sdk.protocol.errors import BackendFailed, ImageUnusable, MachineConflict
from nexus_sdk.protocol.types import MachineOptions

PATIENCE = 30


def name_of(spec):
    return f"nexus-{spec.workspace}"


def networks(engine, spec):
    """The ids of those that have its name, the oldest first."""
    found = [one for one in engine.api.networks(names=[name_of(spec)]) if one["Name"] == name_of(spec)]
    return [one["Id"] for one in sorted(found, key=lambda one: one["Created"])]


def second(engine, backend, spec):
    """Another network of its name and marks, as a call that was still under way makes it; its id."""
    try:
        made = engine.api.create_network(
            name_of(spec), labels=backend._marks.labels(spec.workspace), check_duplicate=False
        )
    except APIError as error:
        if error.response.status_code == 409:
            pytest.skip("this engine has no two networks of one name")
        raise
    return made["Id"]


def joined(engine, spec):
    """The network that its container is in."""
    found = engine.api.inspect_container(name_of(spec))
    assert found["State"]["Running"]
    [network] = found["NetworkSettings"]["Networks"].values()
    return network["NetworkID"]


def before_it_is_made(backend, wait, monkeypatch):
    """Let the engine be asked for a network only once `wait` returns; whether it was."""
    post, asked = backend._networks._post, threading.Event()

    def late(client, body):
        wait()
        post(client, body)
        asked.set()

    monkeypatch.setattr(backend._networks, "_post", late)
    return asked


def held_up(backend, monkeypatch):
    """Let it be made only once the second of three events is set; the first is when that is waited for, the third when
    it was made."""
    begun, go_on = threading.Event(), threading.Event()

    def wait():
        begun.set()
        go_on.wait(PATIENCE)

    return begun, go_on, before_it_is_made(backend, wait, monkeypatch)


def after_we_looked(backend, monkeypatch, happens):
    """Let something happen between the last look at the network and the start."""
    ensure = backend._networks.ensure

    async def ensured(workspace, **more):
        await ensure(workspace, **more)
        happens()

    monkeypatch.setattr(backend._networks, "ensure", ensured)


async def test_the_container_is_made_meanwhile(engine, backend, spec, monkeypatch):
    made = threading.Event()
    create = backend._containers.create

    async def creating(recipe):
        found = await create(recipe)
        made.set()
        return found

    monkeypatch.setattr(backend._containers, "create", creating)
    before_it_is_made(backend, lambda: made.wait(PATIENCE) or pytest.fail("one waits for the other"), monkeypatch)
    await backend.create(spec)
    assert len(networks(engine, spec)) == 1
    await backend.start(spec)
    assert [joined(engine, spec)] == networks(engine, spec)


async def test_it_is_begun_before_the_container(engine, backend, spec, monkeypatch):
    go_on = threading.Event()
    asked = before_it_is_made(backend, lambda: go_on.wait(PATIENCE), monkeypatch)
    await backend.begin(spec)
    await backend.begin(spec)
    assert [status.workspace for status in await backend.list()] == [spec.workspace], "it is noted before"
    assert not asked.is_set(), "nobody waits for it"
    go_on.set()
    await backend.create(spec)
    [first] = networks(engine, spec)
    await backend.begin(spec)
    await backend.start(spec)
    assert networks(engine, spec) == [joined(engine, spec)] == [first]


async def test_what_was_only_begun_can_be_taken_away(engine, backend, spec, monkeypatch):
    begun, go_on, asked = held_up(backend, monkeypatch)
    await backend.begin(spec)
    assert await asyncio.to_thread(begun.wait, PATIENCE)
    asyncio.get_running_loop().call_later(0.1, go_on.set)
    await backend.destroy(spec.workspace)
    assert asked.is_set()
    assert await backend.list() == []
    assert not any(engine.leftovers(backend._instance).values())


async def test_what_was_begun_and_failed_is_said_by_create(engine, backend, spec, caplog):
    foreign = engine.api.create_network(name_of(spec))["Id"]
    try:
        await backend.begin(spec)
        with pytest.raises(MachineConflict, match="network"):
            await backend.create(spec)
        await backend.destroy(spec.workspace)
    finally:
        engine.api.remove_network(foreign)
    assert "never retrieved" not in caplog.text


async def test_the_next_daemon_goes_on_with_what_was_begun(engine, backend, spec, tmp_path):
    await backend.begin(spec)
    await backend.close()
    after = make_backend(tmp_path, engine.host)
    await after.open()
    try:
        assert [(status.workspace, status.state) for status in await after.list()] == [(spec.workspace, "absent")]
        await after.create(spec)
        await after.start(spec)
        assert networks(engine, spec) == [joined(engine, spec)]
        await after.destroy(spec.workspace)
        assert not any(engine.leftovers(after._instance).values())
    finally:
        await after.close()


async def test_a_container_that_cannot_be_made_leaves_nothing_under_way(engine, backend, worktree, monkeypatch):
    spec = spec_for(worktree, "ws_refused", MachineOptions(image="nexus-test-absent:1", pull="never"))
    failed = threading.Event()
    finish = backend._maker.images.ensure

    async def failing(*args):
        try:
            return await finish(*args)
        finally:
            failed.set()

    monkeypatch.setattr(backend._maker.images, "ensure", failing)
    asked = before_it_is_made(backend, lambda: failed.wait(PATIENCE), monkeypatch)
    with pytest.raises(ImageUnusable):
        await backend.create(spec)
    assert asked.is_set() and len(networks(engine, spec)) == 1, "it has ended, so that it can be taken away"
    await backend.destroy(spec.workspace)
    assert not any(engine.leftovers(backend._instance).values())


async def test_both_fail(engine, backend, worktree, caplog):
    spec = spec_for(worktree, "ws_both", MachineOptions(image="nexus-test-absent:1", pull="never"))
    foreign = engine.api.create_network(name_of(spec))["Id"]
    try:
        with pytest.raises(ImageUnusable):
            await backend.create(spec)
        await backend.destroy(spec.workspace)
        assert networks(engine, spec) == [foreign]
    finally:
        engine.api.remove_network(foreign)
    assert not any(engine.leftovers(backend._instance).values())
    assert "never retrieved" not in caplog.text


async def test_cancelled_it_leaves_nothing_under_way(engine, backend, spec, monkeypatch):
    begun, go_on, asked = held_up(backend, monkeypatch)
    making = asyncio.create_task(backend.create(spec))
    assert await asyncio.to_thread(begun.wait, PATIENCE)
    making.cancel()
    await asyncio.wait([making], timeout=0.1)
    assert not making.done(), "it waits for the engine"
    go_on.set()
    with pytest.raises(asyncio.CancelledError):
        await making
    assert asked.is_set() and len(networks(engine, spec)) == 1
    await backend.create(spec)
    await backend.start(spec)
    await backend.destroy(spec.workspace)
    assert not any(engine.leftovers(backend._instance).values())


async def test_where_our_note_was_lost_the_network_is_known_by_its_marks(engine, backend, spec):
    await backend.create(spec)
    found = networks(engine, spec)
    backend._notes.remove(spec.workspace)
    await backend.create(spec)
    assert networks(engine, spec) == found
    await backend.start(spec)
    assert joined(engine, spec) == found[0]


async def test_of_two_the_older_is_left(engine, backend, spec):
    await backend.create(spec)
    [first] = networks(engine, spec)
    second(engine, backend, spec)
    await backend.start(spec)
    assert networks(engine, spec) == [joined(engine, spec)] == [first]


async def test_of_two_the_one_that_the_container_was_in_is_left(engine, backend, spec):
    await backend.create(spec)
    [first] = networks(engine, spec)
    other = second(engine, backend, spec)
    engine.api.remove_network(first)
    await backend.start(spec)
    assert joined(engine, spec) == other
    await backend.stop(spec.workspace, 0)
    third = second(engine, backend, spec)
    assert networks(engine, spec) == [other, third]
    await backend.start(spec)
    assert networks(engine, spec) == [joined(engine, spec)] == [other]


async def test_a_second_one_just_before_the_start(engine, backend, spec, monkeypatch):
    """As when the call of a daemon that was killed ends after we looked."""
    await backend.create(spec)
    [first] = networks(engine, spec)
    after_we_looked(backend, monkeypatch, lambda: second(engine, backend, spec))
    await backend.start(spec)
    assert networks(engine, spec) == [joined(engine, spec)] == [first]


async def test_a_second_one_that_comes_again_and_again(engine, backend, spec, monkeypatch):
    await backend.create(spec)
    second(engine, backend, spec)
    mend, mended = backend._networks.mend, []

    def mending(client, workspace, **more):
        mend(client, workspace, **more)
        mended.append(second(engine, backend, spec))

    async def ensured(workspace, **more):
        pass

    with monkeypatch.context() as patched:
        patched.setattr(backend._networks, "mend", mending)
        patched.setattr(backend._networks, "ensure", ensured)
        with pytest.raises(BackendFailed, match="ambiguous"):
            await backend.start(spec)
    assert 1 < len(mended) < 10, "it gives up"
    await backend.start(spec)
    assert networks(engine, spec) == [joined(engine, spec)]


async def test_one_that_is_gone_before_the_first_start(engine, backend, spec, monkeypatch):
    await backend.create(spec)
    after_we_looked(backend, monkeypatch, lambda: engine.api.remove_network(name_of(spec)))
    await backend.start(spec)
    assert networks(engine, spec) == [joined(engine, spec)]


async def test_somebody_elses_takes_the_name_before_the_start(engine, backend, spec, monkeypatch):
    await backend.create(spec)

    def taken():
        try:
            engine.api.create_network(name_of(spec), check_duplicate=False)
        except APIError:
            pytest.skip("this engine has no two networks of one name")

    after_we_looked(backend, monkeypatch, taken)
    with pytest.raises(MachineConflict, match="network"):
        await backend.start(spec)
    await backend.destroy(spec.workspace)
    [foreign] = networks(engine, spec)
    engine.api.remove_network(foreign)
    assert not any(engine.leftovers(backend._instance).values())


async def test_one_without_a_container_is_listed_so_that_it_is_taken_away(engine, backend, spec, tmp_path):
    """What comes after a workspace was destroyed, by a call of a daemon that was killed as it made it."""
    await backend.create(spec)
    engine.api.create_network("nexus-ws_late", labels=backend._marks.labels("ws_late"))
    other = make_backend(tmp_path / "other", engine.host)
    await other.open()
    try:
        engine.api.create_network("nexus-ws_others", labels=other._marks.labels("ws_others"))
        found = {status.workspace: status.state for status in await backend.list()}
        assert found == {spec.workspace: "stopped", "ws_late": "absent"}
        await backend.destroy("ws_late")
        assert engine.leftovers(backend._instance)["networks"] == [name_of(spec)]
        assert engine.leftovers(other._instance)["networks"] == ["nexus-ws_others"]
    finally:
        await other.close()
        engine.clear(other._instance)
