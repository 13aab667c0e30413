"""Images: fetched from a real registry, built by the real engine, and never more read than the worktree holds."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import os
import tarfile

import pytest
from docker_backend import make_backend, spec_for
from engine import BASE, base_image
from nexus_sdk.protocol.errors import ImageBuildFailed, ImageUnusable, InvalidParams
from nexus_sdk.protocol.types import ImageBuild, MachineOptions
from nexusd.backends.base import RootHandle
from nexusd.backends.docker import context
from nexusd.backends.docker.client import Client
from nexusd.files.beneath import Beneath
from registry import Registry

PATIENCE = 20


class Told(list):
    """Progress, as it was reported."""

    def __call__(self, message):
        self.append(message)


@pytest.fixture
def registry(engine):
    made = Registry(base_image())
    yield made
    made.close()
    forget(engine, made)


def forget(engine, registry):
    for image in engine.api.images(f"{registry.address}/small"):
        engine.api.remove_image(image["Id"], force=True)


async def test_an_image_is_fetched_once_with_word_of_it(engine, registry, backend, worktree):
    told = Told()
    options = MachineOptions(image=f"{registry.address}/small:1")
    spec = spec_for(worktree, "ws_pull", options)
    await backend.create(spec, told)
    await backend.start(spec)
    # What a thread reports arrives on the loop after what it did.
    await asyncio.sleep(0)
    assert any(message.startswith(f"fetching {registry.address}/small:1: ") for message in told)
    assert registry.pulls >= 1
    before = registry.pulls
    await backend.create(spec_for(worktree, "ws_pull2", options))
    assert registry.pulls == before, "it is there already"
    await backend.create(spec_for(worktree, "ws_pull3", MachineOptions(image=options.image, pull="always")))
    assert registry.pulls > before


async def test_a_registry_is_logged_in_to_as_the_user_is(engine, backend, worktree, tmp_path, monkeypatch):
    registry = Registry(base_image(), login="user:secret word")
    monkeypatch.setenv("DOCKER_CONFIG", str(tmp_path / "config"))
    spec = spec_for(worktree, "ws_login", MachineOptions(image=f"{registry.address}/small:1"))
    try:
        with pytest.raises(ImageUnusable) as caught:
            await backend.create(spec)
        assert "docker login" in caught.value.hint
        assert "secret word" not in str(caught.value)
        (tmp_path / "config").mkdir()
        auth = base64.b64encode(b"user:secret word").decode()
        (tmp_path / "config" / "config.json").write_text(json.dumps({"auths": {registry.address: {"auth": auth}}}))
        # Logging in later is enough: the daemon need not start again.
        await backend.create(spec)
        await backend.start(spec)
    finally:
        await backend.destroy(spec.workspace)
        registry.close()
        forget(engine, registry)


async def test_an_unknown_image_is_named(backend, worktree, registry):
    with pytest.raises(ImageUnusable) as caught:
        await backend.create(spec_for(worktree, "ws_none", MachineOptions(image=f"{registry.address}/other:1")))
    assert caught.value.details.image == f"{registry.address}/other:1"


def build(**fields):
    return MachineOptions(build=ImageBuild(**fields))


async def test_an_image_is_built_from_the_worktree(engine, backend, worktree):
    (worktree / "made").mkdir()
    (worktree / "made" / "Dockerfile").write_text(
        f"FROM {BASE}\nARG WHO=nobody\nENV WHO=$WHO\nCOPY . /app/\nRUN echo built by $WHO > /app/by\n"
    )
    (worktree / "made" / ".dockerignore").write_text("# not these\n*.log\n!kept.log\n")
    for name in ("a.txt", "b.log", "kept.log"):
        (worktree / "made" / name).write_text(name)
    told = Told()
    spec = spec_for(worktree, "ws_build", build(context="made", args={"WHO": "us"}))
    await backend.create(spec, told)
    await backend.start(spec)
    made = engine.api.exec_create("nexus-ws_build", ["sh", "-c", "ls /app; cat /app/by; echo $WHO"])["Id"]
    lines = engine.api.exec_start(made).decode().split("\n")
    assert lines == ["Dockerfile", "a.txt", "by", "kept.log", "built by us", "us", ""]
    await asyncio.sleep(0)
    assert any(message.startswith("building: ") for message in told)
    await backend.destroy(spec.workspace)
    assert not any(engine.leftovers(backend._instance).values()), "the image goes with the workspace"


async def test_a_build_that_fails_says_where(engine, backend, worktree):
    (worktree / "Dockerfile").write_text(f"FROM {BASE}\nRUN echo going well\nRUN echo oh no >&2; exit 9\n")
    spec = spec_for(worktree, "ws_fail", build())
    with pytest.raises(ImageBuildFailed) as caught:
        await backend.create(spec)
    details = caught.value.details
    assert details.dockerfile == "Dockerfile"
    assert details.step.startswith("Step 3/") and "RUN echo oh no" in details.step
    assert "9" in details.reason
    assert "going well" in details.output and "oh no" in details.output
    await backend.destroy(spec.workspace)
    assert not any(engine.leftovers(backend._instance).values())


async def test_a_dockerfile_that_is_wrong_is_a_failed_build(backend, worktree):
    (worktree / "Dockerfile").write_text("FORM x\n")
    with pytest.raises(ImageBuildFailed, match="FORM"):
        await backend.create(spec_for(worktree, "ws_wrong", build()))


async def test_a_build_without_egress_has_no_network(backend, worktree):
    (worktree / "Dockerfile").write_text(f'FROM {BASE}\nRUN test -z "$(ip route)"\n')
    options = build()
    options.egress = False
    await backend.create(spec_for(worktree, "ws_closed", options))


async def test_every_layer_of_a_build_goes_with_the_workspace(engine, backend, worktree, monkeypatch):
    listed = Client.images
    # The engine lists by time, and layers of the same second in any order.
    monkeypatch.setattr(Client, "images", lambda self, **options: listed(self, **options)[::-1])
    # A label of our own in the middle makes every layer from there on carry our marks.
    steps = "".join(f"RUN echo {number} > /{number}\n" for number in range(4))
    labels = " ".join(f"{name}={value}" for name, value in backend._marks.labels("ws_layers").items())
    (worktree / "Dockerfile").write_text(f"FROM {BASE}\nLABEL {labels}\n{steps}")
    await backend.create(spec_for(worktree, "ws_layers", build()))
    assert len(engine.leftovers(backend._instance)["images"]) > 2
    await backend.destroy("ws_layers")
    assert engine.leftovers(backend._instance)["images"] == []


@pytest.mark.parametrize("fields", [{"context": "nowhere"}, {"dockerfile": "none"}, {"context": "README.md"}])
async def test_files_that_are_not_there_are_named(backend, worktree, fields):
    with pytest.raises(InvalidParams) as caught:
        await backend.create(spec_for(worktree, "ws_lost", build(**fields)))
    assert caught.value.details.path.startswith("$.options.build.")


def packed(worktree, where=".", dockerfile="Dockerfile"):
    fd = os.open(worktree, os.O_RDONLY)
    try:
        root = Beneath(RootHandle(fd=fd, path="/workspace"))
    finally:
        os.close(fd)
    with context.pack(root, where, dockerfile) as file, tarfile.open(fileobj=io.BytesIO(file.read())) as tar:
        return {member.name: member for member in tar.getmembers()}, tar


def test_links_are_packed_as_links_and_nothing_outside_is_read(worktree, tmp_path):
    secret = tmp_path / "secret"
    secret.mkdir()
    (secret / "key").write_text("private")
    (worktree / "Dockerfile").write_text("FROM scratch\n")
    (worktree / "file").symlink_to(secret / "key")
    (worktree / "folder").symlink_to(secret)
    os.mkfifo(worktree / "pipe")
    members, _ = packed(worktree)
    assert members["file"].issym() and members["folder"].issym()
    assert "folder/key" not in members
    assert "pipe" not in members
    assert not any(name == ".git" or name.startswith(".git/") for name in members)
    assert {(member.uid, member.gid) for member in members.values()} == {(0, 0)}


@pytest.mark.parametrize("fields", [("folder", "Dockerfile"), (".", "linked")])
def test_a_context_that_leads_out_is_refused(worktree, tmp_path, fields):
    (tmp_path / "outside").mkdir()
    (tmp_path / "outside" / "Dockerfile").write_text("FROM scratch\n")
    (worktree / "folder").symlink_to(tmp_path / "outside")
    (worktree / "linked").symlink_to(tmp_path / "outside" / "Dockerfile")
    with pytest.raises(InvalidParams):
        packed(worktree, *fields)


async def test_the_first_process_of_an_image_is_ours(engine, tmp_path, worktree):
    """What an image says of user, entry point, health and volumes does not decide."""
    (worktree / "Dockerfile").write_text(
        f'FROM {BASE}\nUSER 99\nENTRYPOINT ["/bin/false"]\nCMD ["x"]\nHEALTHCHECK CMD false\nVOLUME /data\n'
        "LABEL nexus.workspace=ws_evil nexus.instance=none\n"
    )
    os.chown(worktree, 4711, 4712)
    backend = make_backend(tmp_path, engine.host)
    await backend.open()
    spec = spec_for(worktree, "ws_first", build())
    try:
        await backend.create(spec)
        await backend.start(spec)
        found = engine.api.inspect_container("nexus-ws_first")
        assert found["Config"]["User"] == "4711:4712"
        assert "Health" not in found["State"]
        assert found["Config"]["Labels"]["nexus.workspace"] == "ws_first"
        volumes = [mount["Name"] for mount in found["Mounts"] if mount["Type"] == "volume"]
        assert len(volumes) == 1
    finally:
        await backend.destroy(spec.workspace)
        await backend.close()
    assert volumes[0] not in {volume["Name"] for volume in engine.api.volumes()["Volumes"] or []}
