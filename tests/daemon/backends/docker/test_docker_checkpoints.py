"""Containers saved, made anew from what was saved, and forked, on a real engine."""

from __future__ import annotations

import pytest
from docker_backend import make_backend, spec_for
from engine import BASE
from nexus_sdk.protocol.errors import CheckpointDamaged, CheckpointImpossible, ImageUnusable
from nexus_sdk.protocol.types import ImageBuild, MachineOptions


def run(engine, spec, script):
    made = engine.api.exec_create(f"nexus-{spec.workspace}", ["sh", "-c", f"mkdir -p /opt; {script}"])["Id"]
    output = engine.api.exec_start(made).decode()
    assert engine.api.exec_inspect(made)["ExitCode"] == 0, output
    return output


async def running(backend, spec):
    await backend.create(spec)
    await backend.start(spec)


def images(engine, backend):
    """Names of the images of ours that have one; `leftovers` of the engine knows the others, too."""
    found = engine.api.images(filters=backend._marks.filter(), all=True)
    return [sorted(image["RepoTags"]) for image in found if image["RepoTags"] not in (None, [], ["<none>:<none>"])]


async def test_what_was_installed_comes_back(engine, backend, spec):
    await running(backend, spec)
    run(engine, spec, "echo first > /opt/tool; chmod 741 /opt/tool; ln -s tool /opt/link; rm /etc/hostname || true")
    await backend.pause(spec.workspace)
    size = await backend.checkpoint(spec, "cp_one")
    assert 0 < size < 1_000_000
    assert await backend.checkpoint(spec, "cp_one") == size, "saved already"
    assert [status.state for status in await backend.list()] == ["paused"], "committing left it frozen"
    await backend.resume(spec.workspace)
    run(engine, spec, "echo second > /opt/tool; echo more > /opt/other")
    await backend.stop(spec.workspace, 1)
    await backend.checkpoint(spec, "cp_two")
    assert await backend.saved(spec.workspace, "cp_one")
    assert not await backend.saved("ws_other", "cp_one"), "another workspace's"

    await backend.restore(spec, "cp_one")
    assert [status.state for status in await backend.list()] == ["stopped"]
    await backend.start(spec)
    assert run(engine, spec, "cat /opt/link; stat -c %a /opt/tool; ls /opt") == "first\n741\nlink\ntool\n"
    await backend.stop(spec.workspace, 1)
    await backend.restore(spec, "cp_two")
    await backend.start(spec)
    assert run(engine, spec, "cat /opt/tool /opt/other") == "second\nmore\n"


async def test_it_is_made_again_from_what_was_restored_whatever_became_of_the_checkpoint(engine, backend, spec):
    await running(backend, spec)
    run(engine, spec, "echo kept > /opt/kept")
    await backend.stop(spec.workspace, 1)
    await backend.checkpoint(spec, "cp_one")
    await backend.restore(spec, "cp_one")
    await backend.forget(spec.workspace, "cp_one")
    await backend.forget(spec.workspace, "cp_one")
    assert images(engine, backend) == [[f"nexus-{spec.workspace}:base"]]
    engine.api.remove_container(f"nexus-{spec.workspace}")
    await backend.start(spec)
    assert run(engine, spec, "cat /opt/kept") == "kept\n"
    await backend.stop(spec.workspace, 1)
    engine.api.remove_container(f"nexus-{spec.workspace}")
    engine.api.remove_image(f"nexus-{spec.workspace}:base", force=True)
    with pytest.raises(ImageUnusable, match="is gone"):
        await backend.start(spec)


async def test_the_image_goes_with_the_last_that_needs_it(engine, backend, spec):
    await running(backend, spec)
    for number in range(3):
        run(engine, spec, f"echo {number} > /opt/{number}")
        await backend.checkpoint(spec, f"cp_{number}")
        await backend.stop(spec.workspace, 1)
        await backend.restore(spec, f"cp_{number}")
        await backend.start(spec)
    for number in (1, 0, 2):
        await backend.forget(spec.workspace, f"cp_{number}")
    assert run(engine, spec, "ls /opt") == "0\n1\n2\n"
    assert images(engine, backend) == [[f"nexus-{spec.workspace}:base"]]
    await backend.destroy(spec.workspace)
    assert not any(engine.leftovers(backend._instance).values())


async def test_a_fork_depends_on_nothing(engine, backend, spec, worktree):
    await running(backend, spec)
    run(engine, spec, "echo kept > /opt/kept")
    await backend.checkpoint(spec, "cp_one")
    fork = spec_for(worktree, "ws_fork")
    await backend.fork(fork, spec.workspace, "cp_one")
    await backend.fork(fork, spec.workspace, "cp_one")
    await backend.destroy(spec.workspace)
    assert [status.workspace for status in await backend.list()] == ["ws_fork"]
    await backend.start(fork)
    assert run(engine, fork, "cat /opt/kept") == "kept\n"
    labels = engine.api.inspect_image("nexus-ws_fork:base")["Config"]["Labels"]
    assert labels["nexus.workspace"] == "ws_fork"
    await backend.stop(fork.workspace, 1)
    engine.api.remove_container("nexus-ws_fork")
    await backend.start(fork)
    assert run(engine, fork, "cat /opt/kept") == "kept\n"
    await backend.destroy(fork.workspace)
    assert not any(engine.leftovers(backend._instance).values())


async def test_an_image_that_is_gone_is_named_and_nothing_is_touched(engine, backend, spec, worktree):
    await running(backend, spec)
    await backend.checkpoint(spec, "cp_one")
    await backend.stop(spec.workspace, 1)
    engine.api.remove_image("nexus-checkpoint:cp_one", force=True)
    assert not await backend.saved(spec.workspace, "cp_one")
    before = engine.api.inspect_container(f"nexus-{spec.workspace}")["Id"]
    with pytest.raises(CheckpointDamaged):
        await backend.restore(spec, "cp_one")
    assert engine.api.inspect_container(f"nexus-{spec.workspace}")["Id"] == before
    with pytest.raises(CheckpointDamaged):
        await backend.fork(spec_for(worktree, "ws_fork"), spec.workspace, "cp_one")


async def test_a_volume_is_refused(engine, backend, worktree):
    (worktree / "Dockerfile").write_text(f"FROM {BASE}\nVOLUME /var/data\n")
    spec = spec_for(worktree, "ws_volume", MachineOptions(build=ImageBuild()))
    await running(backend, spec)
    with pytest.raises(CheckpointImpossible) as caught:
        await backend.checkpoint(spec, "cp_one")
    assert caught.value.details.path == "/var/data"
    assert images(engine, backend) == [["nexus-ws_volume:built"]]


async def test_an_image_without_our_marks_is_never_ours(engine, backend, spec):
    await running(backend, spec)
    engine.api.tag(BASE, "nexus-checkpoint", tag="cp_strange")
    try:
        assert not await backend.saved(spec.workspace, "cp_strange")
        await backend.forget(spec.workspace, "cp_strange")
        engine.api.inspect_image("nexus-checkpoint:cp_strange")
    finally:
        engine.api.remove_image("nexus-checkpoint:cp_strange")


async def test_another_daemon_knows_what_a_workspace_is_made_from(engine, backend, spec, tmp_path):
    await running(backend, spec)
    run(engine, spec, "echo kept > /opt/kept")
    await backend.checkpoint(spec, "cp_one")
    await backend.stop(spec.workspace, 1)
    await backend.restore(spec, "cp_one")
    engine.api.remove_container(f"nexus-{spec.workspace}")
    await backend.close()
    other = make_backend(tmp_path, engine.host)
    await other.open()
    try:
        await other.start(spec)
        assert run(engine, spec, "cat /opt/kept") == "kept\n"
    finally:
        await other.close()
