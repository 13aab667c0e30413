"""A disk without room: `storage_full`, nothing half-written, the daemon alive, all well again once there is room."""

from __future__ import annotations

import asyncio
import contextlib
import errno
import os
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_process import git, make_repository
from world import World

pytestmark = pytest.mark.skipif(os.geteuid() != 0, reason="mounting a small file system needs root")

ROOM = 24
OUTPUT = 8 << 20


class Disk:
    """A small file system of its own, that can be filled to the last block and emptied again."""

    def __init__(self, path: Path, mebibytes: int) -> None:
        self.path = path
        self.ballast = path / "ballast"
        path.mkdir()
        options = f"size={mebibytes}m,mode=755"
        subprocess.run(["mount", "-t", "tmpfs", "-o", options, "nexus-test", str(path)], check=True)

    def fill(self, leave: int = 0) -> None:
        """Take all room but `leave` bytes."""
        with self.ballast.open("ab", buffering=0) as file:
            for block in (1 << 20, 4096):
                try:
                    while True:
                        file.write(bytes(block))
                except OSError as error:
                    assert error.errno == errno.ENOSPC
            if leave:
                file.truncate(max(file.tell() - leave, 0))

    def free(self) -> None:
        """Give it back."""
        self.ballast.unlink(missing_ok=True)

    def close(self) -> None:
        """Unmount it."""
        subprocess.run(["umount", "-l", str(self.path)], check=True)


@pytest.fixture(scope="module")
def home_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Disk]]:
    """A daemon whose home is on the small disk; its repository is elsewhere."""
    folder = tmp_path_factory.mktemp("disk")
    disk = Disk(folder / "disk", ROOM)
    try:
        made = World(folder)
        made.daemon.home = disk.path / "home"
        made.daemon.start()
        yield made, disk
        disk.free()
        assert made.daemon.stop() == 0, made.daemon.log[-4000:]
    finally:
        disk.close()


@pytest.fixture(scope="module")
def work_disk(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[World, Disk]]:
    """A daemon whose repository is on the small disk; its home is elsewhere."""
    folder = tmp_path_factory.mktemp("disk")
    disk = Disk(folder / "disk", ROOM)
    try:
        made = World(folder)
        made.repository = make_repository(disk.path / "repository")
        made.daemon.start()
        yield made, disk
        disk.free()
        assert made.daemon.stop() == 0, made.daemon.log[-4000:]
    finally:
        disk.close()


def names(folder: Path) -> set[str]:
    """Every entry below a directory, git's own excepted."""
    return {
        str(path.relative_to(folder))
        for path in folder.rglob("*")
        if ".git" not in path.relative_to(folder).parts and path.name != "ballast"
    }


async def test_files_on_a_full_disk(work_disk: tuple[World, Disk]) -> None:
    world, disk = work_disk
    made = await asyncio.to_thread(world.workspace, "files")
    workspace, root = made["id"], Path(made["worktree"])
    async with await world.connect() as client:
        await client.call("fs.write", workspace=workspace, path="kept.txt", content="kept " * 1000)
        disk.fill()
        before = names(root)
        big = "x" * 500_000
        for method, params in (
            ("fs.write", {"path": "new.txt", "content": big}),
            ("fs.write", {"path": "kept.txt", "content": big}),
            ("fs.write", {"path": "made/on/the/way.txt", "content": big, "parents": True}),
            (
                "fs.edit",
                {"path": "kept.txt", "edits": [{"old": "kept ", "new": "longer and longer " * 20, "all": True}]},
            ),
            ("fs.copy", {"source": "kept.txt", "target": "copied.txt"}),
        ):
            error = await client.fails(method, workspace=workspace, **params)
            assert (error["code"], error["name"]) == (1011, "storage_full"), (method, error)
            assert error["details"]["path"]
            assert names(root) == before, method
        assert (root / "kept.txt").read_text() == "kept " * 1000
        await client.alive()
        # what makes room works on a full disk
        await client.call("fs.remove", workspace=workspace, path="kept.txt")
        disk.free()
        await client.call("fs.write", workspace=workspace, path="new.txt", content=big)
        assert (root / "new.txt").read_text() == big


async def test_an_upload_onto_a_full_disk(work_disk: tuple[World, Disk]) -> None:
    world, disk = work_disk
    made = await asyncio.to_thread(world.workspace, "upload")
    workspace, root = made["id"], Path(made["worktree"])
    size = 4 << 20
    async with await world.connect() as client:
        disk.fill(leave=1 << 20)
        before = names(root)
        stream = await client.stream("fs.upload", workspace=workspace, path="up.bin", upload="upload-full", size=size)
        await stream.pump(bytes(size))
        answer = await stream.answer()
        assert answer["error"]["data"]["name"] == "storage_full", answer
        assert not (root / "up.bin").exists()
        assert {name for name in names(root) - before if not Path(name).name.startswith(".")} == set()
        await client.alive()
        status = await asyncio.to_thread(
            world.daemon.http,
            "PUT",
            f"/files/{workspace}/put.bin",
            token=world.daemon.token(),
            body=bytes(size),
        )
        assert status.status == 507
        assert status.error["name"] == "storage_full"
        assert not (root / "put.bin").exists()
        disk.free()
        again = await client.stream("fs.upload", workspace=workspace, path="up.bin", upload="upload-again", size=3)
        await again.send(0, b"yes")
        await again.eof(3)
        assert "result" in await again.answer()
        assert (root / "up.bin").read_bytes() == b"yes"


async def test_a_workspace_on_a_full_disk(work_disk: tuple[World, Disk]) -> None:
    world, disk = work_disk
    # The folder of worktrees stays where there is none; it is there before.
    await asyncio.to_thread(world.workspace, "beside")
    async with await world.connect() as client:
        (world.repository / "large.bin").write_bytes(os.urandom(2 << 20))
        await asyncio.to_thread(git, "add", "-A", cwd=world.repository)
        await asyncio.to_thread(git, "commit", "-qm", "large", cwd=world.repository)
        disk.fill(leave=512 << 10)
        before = names(world.repository)
        refs = git("for-each-ref", cwd=world.repository)
        error = await client.fails("workspace.create", name="full", repository={"url": str(world.repository)})
        assert error["name"] == "storage_full", error
        assert names(world.repository) == before
        assert git("for-each-ref", cwd=world.repository) == refs
        assert (await client.fails("workspace.get", workspace="full"))["name"] == "workspace_not_found"
        disk.free()
        await client.call("workspace.create", name="full", repository={"url": str(world.repository)})
        assert (await client.call("workspace.get", workspace="full"))["state"] == "running"


async def test_a_home_without_room(home_disk: tuple[World, Disk]) -> None:
    world, disk = home_disk
    made = await asyncio.to_thread(world.workspace, "kept")
    workspace = made["id"]
    async with await world.connect() as client:
        disk.fill()
        before = names(world.repository)
        refused = set()
        for method, params in (
            ("workspace.create", {"name": "full", "repository": {"url": str(world.repository)}}),
            ("workspace.update", {"workspace": workspace, "display_name": "x" * 200, "labels": {"a": "b" * 50_000}}),
            ("fs.write", {"workspace": workspace, "path": "x.txt", "content": "x", "key": "full-1"}),
        ):
            error = await client.fails(method, **params)
            refused.add(error["name"])
            assert error["name"] == "storage_full", (method, error)
        assert refused == {"storage_full"}
        assert names(world.repository) == before
        await client.alive()
        # reading goes on
        assert (await client.call("workspace.get", workspace=workspace))["state"] == "running"
        assert (await client.call("fs.read", workspace=workspace, path="README.md"))["content"] == "# Example\n"
        health = await client.call("system.health")
        assert not health["ok"]
        assert [check["name"] for check in health["checks"] if not check["ok"]] == ["disk"]
        disk.free()
        again = await client.call("workspace.create", name="full", repository={"url": str(world.repository)})
        assert again["workspace"]["state"] == "running"
        await client.call("fs.write", workspace=workspace, path="x.txt", content="x", key="full-1")


async def test_output_without_room(home_disk: tuple[World, Disk]) -> None:
    world, disk = home_disk
    made = await asyncio.to_thread(world.workspace, "output")
    workspace = made["id"]
    async with await world.connect() as client:
        disk.fill(leave=1 << 20)
        # More output than there is room for: the process waits, as long as it takes, and no byte is lost.
        argv = ["sh", "-c", f"head -c {OUTPUT} /dev/zero"]
        process = (await client.call("exec.start", workspace=workspace, argv=argv))["id"]
        stream = await client.stream("exec.attach", process=process, window=64 << 20)
        first = await stream.next()
        assert first[0] == "data"
        assert (await client.call("exec.wait", process=process, timeout_ms=300))["state"] == "running"
        await client.alive()
        disk.free()
        output, answer = await stream.rest()
        assert len(first[3]) + len(output) == OUTPUT
        assert answer["result"]["exit"]["code"] == 0
        assert answer["result"]["output_complete"]
        assert (await client.call("exec.run", workspace=workspace, argv=["echo", "back"]))["stdout"]["text"] == "back\n"


async def test_the_daemon_starts_on_a_full_disk_or_says_why(home_disk: tuple[World, Disk]) -> None:
    world, disk = home_disk
    assert await world.daemon.astop() == 0
    disk.fill()
    world.daemon.spawn()
    assert world.daemon.process is not None
    code = None
    async with asyncio.timeout(30.0):
        while code is None:
            with contextlib.suppress(OSError):
                if (await asyncio.to_thread(world.daemon.get, "/health/ready"))[0] == 200:
                    break
            code = world.daemon.process.poll()
    if code is not None:
        assert code == 1
    disk.free()
    await world.daemon.astop()
    await world.daemon.astart()
    assert {record["name"] for record in world.daemon.call("workspace.list")["workspaces"]} >= {"kept", "full"}


@pytest.mark.parametrize("full", ["home", "work"])
async def test_a_checkpoint_without_room(request: pytest.FixtureRequest, full: str) -> None:
    """The copy has no room in the daemon's home, or what is restored none beside the worktree."""
    world, disk = request.getfixturevalue(f"{full}_disk")
    made = await asyncio.to_thread(world.workspace, f"room-{full}")
    workspace, root = made["id"], Path(made["worktree"])
    place = world.daemon.home / "state" / "checkpoints"
    async with await world.connect() as client:
        (root / "large.bin").write_bytes(os.urandom(2 << 20))
        saved = (await client.call("checkpoint.create", workspace=workspace))["checkpoint"]["id"]
        disk.fill(leave=1 << 20)
        before, beside = names(root), names(root.parent)
        calls = [("restore", {"workspace": workspace, "checkpoint": saved})]
        calls += (
            [("create", {"workspace": workspace})] if full == "home" else [("fork", {"checkpoint": saved, "name": "x"})]
        )
        for method, params in calls:
            error = await client.fails(f"checkpoint.{method}", **params)
            assert (error["code"], error["name"]) == (1011, "storage_full"), (method, error)
            assert os.listdir(place) == [saved]
            assert (names(root), names(root.parent)) == (before, beside), method
        assert (await client.call("workspace.get", workspace=workspace))["state"] == "running"
        disk.free()
        (root / "large.bin").unlink()
        await client.call("checkpoint.restore", workspace=workspace, checkpoint=saved)
        assert names(root) == before
        await client.call("workspace.destroy", workspace=workspace, force=True)
        assert os.listdir(place) == []
