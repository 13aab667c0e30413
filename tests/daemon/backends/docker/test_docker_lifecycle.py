"""The verbs against a real engine: what each makes, leaves alone and takes away."""

from __future__ import annotations

import asyncio
import os

import pytest
from docker_backend import make_backend, spec_for
from nexus_sdk.protocol.errors import BackendFailed, MachineConflict
from nexusd.backends.docker import containers

PATIENCE = 20


async def state_of(backend, workspace):
    return next((status.state for status in await backend.list() if status.workspace == workspace), "none")


def container(engine, spec):
    return engine.api.inspect_container(f"nexus-{spec.workspace}")


def run(engine, spec, *argv, user=""):
    """What a command prints inside."""
    made = engine.api.exec_create(f"nexus-{spec.workspace}", list(argv), user=user)["Id"]
    said = engine.api.exec_start(made).decode()
    return said, engine.api.exec_inspect(made)["ExitCode"]


async def test_a_whole_life(engine, backend, spec):
    assert await state_of(backend, spec.workspace) == "none"
    await backend.create(spec)
    assert await state_of(backend, spec.workspace) == "stopped"
    await backend.start(spec)
    assert await state_of(backend, spec.workspace) == "running"
    await backend.pause(spec.workspace)
    assert await state_of(backend, spec.workspace) == "paused"
    await backend.resume(spec.workspace)
    assert await state_of(backend, spec.workspace) == "running"
    await backend.stop(spec.workspace, 5)
    assert await state_of(backend, spec.workspace) == "stopped"
    assert container(engine, spec)["State"]["ExitCode"] == 0, "it was asked before it was killed"
    await backend.destroy(spec.workspace)
    assert await state_of(backend, spec.workspace) == "none"
    assert not any(engine.leftovers(backend._instance).values())
    assert not backend._run_dirs.path(spec.workspace).exists()


async def test_every_verb_can_be_repeated(engine, backend, spec):
    for _ in range(2):
        await backend.create(spec)
    for _ in range(2):
        await backend.start(spec)
    pid = container(engine, spec)["State"]["Pid"]
    await backend.start(spec)
    assert container(engine, spec)["State"]["Pid"] == pid, "a start of what runs leaves it alone"
    for _ in range(2):
        await backend.pause(spec.workspace)
    for _ in range(2):
        await backend.resume(spec.workspace)
    for _ in range(2):
        await backend.stop(spec.workspace, 1)
    for _ in range(2):
        await backend.destroy(spec.workspace)
    await backend.stop(spec.workspace, 1)
    assert not any(engine.leftovers(backend._instance).values())


async def test_a_paused_container_is_stopped_and_started(engine, backend, spec):
    await backend.create(spec)
    await backend.start(spec)
    await backend.pause(spec.workspace)
    await backend.stop(spec.workspace, 1)
    assert await state_of(backend, spec.workspace) == "stopped"
    await backend.start(spec)
    await backend.pause(spec.workspace)
    await backend.start(spec)
    assert await state_of(backend, spec.workspace) == "running"


async def test_what_does_not_run_cannot_be_paused(backend, spec):
    await backend.create(spec)
    with pytest.raises(BackendFailed, match="not running"):
        await backend.pause(spec.workspace)


async def test_a_container_outlives_the_backend(engine, backend, spec, tmp_path):
    await backend.create(spec)
    await backend.start(spec)
    pid = container(engine, spec)["State"]["Pid"]
    await backend.close()
    other = make_backend(tmp_path, engine.host)
    await other.open()
    try:
        assert await state_of(other, spec.workspace) == "running"
        await other.start(spec)
        assert container(engine, spec)["State"]["Pid"] == pid
        await other.destroy(spec.workspace)
        assert not any(engine.leftovers(other._instance).values())
    finally:
        await other.close()


async def test_one_that_ignores_us_is_killed(engine, tmp_path, spec):
    from docker_backend import NoHelper

    backend = make_backend(tmp_path, engine.host, helper=NoHelper("trap '' TERM; while :; do sleep 1; done"))
    await backend.open()
    try:
        await backend.create(spec)
        await backend.start(spec)
        await backend.stop(spec.workspace, 0)
        assert await state_of(backend, spec.workspace) == "stopped"
        await backend.start(spec)
        await backend.stop(spec.workspace, 0.3)
        assert await state_of(backend, spec.workspace) == "stopped"
    finally:
        await backend.destroy(spec.workspace)
        await backend.close()


async def test_a_foreign_container_with_our_name_is_left_alone(engine, backend, spec):
    name = f"nexus-{spec.workspace}"
    foreign = engine.api.create_container(spec.options.image, ["sh"], name=name)["Id"]
    try:
        with pytest.raises(MachineConflict) as caught:
            await backend.create(spec)
        assert (caught.value.details.name, caught.value.details.id) == (name, foreign)
        with pytest.raises(MachineConflict):
            await backend.start(spec)
        await backend.stop(spec.workspace, 0)
        await backend.destroy(spec.workspace)
        assert engine.api.inspect_container(name)["Id"] == foreign
    finally:
        engine.api.remove_container(foreign, force=True)
    assert not any(engine.leftovers(backend._instance).values())


async def test_a_foreign_network_with_our_name_is_left_alone(engine, backend, spec):
    name = f"nexus-{spec.workspace}"
    foreign = engine.api.create_network(name)["Id"]
    try:
        with pytest.raises(MachineConflict, match="network"):
            await backend.create(spec)
        await backend.destroy(spec.workspace)
        assert engine.api.inspect_network(name)["Id"] == foreign
    finally:
        engine.api.remove_network(foreign)


async def test_another_daemons_container_is_not_ours(engine, backend, spec, tmp_path):
    other = make_backend(tmp_path / "other", engine.host)
    await other.open()
    try:
        await backend.create(spec)
        with pytest.raises(MachineConflict):
            await other.create(spec)
        assert await state_of(other, spec.workspace) == "absent"
        await other.destroy(spec.workspace)
        assert await state_of(backend, spec.workspace) == "stopped"
    finally:
        await other.close()


async def test_a_container_removed_behind_our_back_is_made_again(engine, backend, spec):
    await backend.create(spec)
    await backend.start(spec)
    engine.api.remove_container(f"nexus-{spec.workspace}", force=True)
    assert await state_of(backend, spec.workspace) == "absent"
    with pytest.raises(BackendFailed, match="gone"):
        await backend.pause(spec.workspace)
    await backend.start(spec)
    assert await state_of(backend, spec.workspace) == "running"


async def test_what_a_prune_removes_is_made_again(engine, backend, spec):
    await backend.create(spec)
    await backend.start(spec)
    await backend.stop(spec.workspace, 1)
    before = container(engine, spec)["Id"]
    network = f"nexus-{spec.workspace}"
    engine.api.remove_network(network)
    await backend.start(spec)
    found = container(engine, spec)
    assert found["Id"] == before, "its files are kept"
    assert found["State"]["Running"]
    connected = engine.api.inspect_network(network)["Containers"]
    assert before in connected


async def test_a_stranger_on_our_network_does_not_hold_it(engine, backend, spec):
    await backend.create(spec)
    stranger = engine.api.create_container(spec.options.image, ["sleep", "1000"])["Id"]
    try:
        engine.api.connect_container_to_network(stranger, f"nexus-{spec.workspace}")
        engine.api.start(stranger)
        await backend.destroy(spec.workspace)
        assert engine.api.inspect_container(stranger)["State"]["Running"]
        assert not any(engine.leftovers(backend._instance).values())
    finally:
        engine.api.remove_container(stranger, force=True)


async def test_many_at_once(engine, backend, worktree):
    specs = [spec_for(worktree, f"ws_many{number}") for number in range(6)]
    await asyncio.gather(*(backend.create(spec) for spec in specs))
    await asyncio.gather(*(backend.start(spec) for spec in specs))
    assert {status.state for status in await backend.list()} == {"running"}
    await asyncio.gather(*(backend.destroy(spec.workspace) for spec in specs))
    assert not any(engine.leftovers(backend._instance).values())


async def test_figures_are_of_the_container(backend, spec):
    await backend.create(spec)
    assert (await backend.stats(spec.workspace)).processes == 0
    await backend.start(spec)
    found = await backend._containers.stats(spec.workspace)
    assert found.processes >= 1
    assert found.memory > 0


async def test_the_second_container_of_an_image_gets_its_home_without_looking(engine, backend, worktree, monkeypatch):
    looked = []
    read = containers._read_passwd
    monkeypatch.setattr(containers, "_read_passwd", lambda client, id: looked.append(id) or read(client, id))
    for path in (worktree, *worktree.iterdir()):
        os.chown(path, 4321, 4321)
    for number in range(2):
        spec = spec_for(worktree, f"ws_home{number}")
        await backend.create(spec)
        await backend.start(spec)
        said, code = run(engine, spec, "sh", "-c", "cd ~ && pwd && touch mine && grep :4321: /etc/passwd", user="4321")
        assert (said, code) == (
            "/home/nexus\nnexus:x:4321:4321:Nexus:/home/nexus:/bin/sh\n",
            0,
        )
    assert len(looked) == 1
    # What was changed inside is no other container's, and one that is there already is looked at.
    await backend.stop(spec.workspace, 1)
    note = backend._notes.get(spec.workspace)
    note.prepared = False
    backend._notes.put(note)
    await backend.create(spec)
    assert len(looked) == 2
    await backend.start(spec)
    said, _ = run(engine, spec, "sh", "-c", "grep -c :4321: /etc/passwd; ls ~", user="4321")
    assert said == "1\nmine\n"
