"""Files around the worktree, in real containers: what is served, and to whom.

Each container runs the real nexus-init. Its user is nobody special (uid 1000) unless a test says so; we are root.
"""

from __future__ import annotations

import asyncio
import gc
import os
import weakref
from pathlib import Path

import pytest
from container_files import USER, denied
from nexus_sdk.protocol import errors, types
from nexusd.files import operations as fs
from nexusd.files.transfer import Download, Upload


async def test_absolute_paths_are_as_its_processes_see_them(machines, tmp_path: Path) -> None:
    machine = await machines()
    assert await machine.read("/etc/issue") == "from the image\n"
    assert "127.0.0.1" in await machine.read("/etc/hosts"), "what the engine mounts is there"
    assert await machine.read("/etc/hostname") == "example\n"
    assert {"/etc", "/tmp", "/workspace", "/proc"} <= set(await machine.names("/"))
    assert (await machine.do(fs.stat, types.FsStatParams(workspace="w", path="/etc/passwd"))).path == "/etc/passwd"
    for path in ("/home/nexus/made", "/tmp/made", "/data/made", "/dev/shm/made"):
        info = await machine.write(path, "by the daemon")
        assert (info.path, info.uid, info.gid) == (path, USER, USER)
        assert await machine.read(path) == "by the daemon"
        assert (machine.inside / path[1:]).read_text() == "by the daemon"
        assert (machine.inside / path[1:]).stat().st_uid == USER
    made = await machine.do(fs.mkdir, types.FsMkdirParams(workspace="w", path="/tmp/a/b", parents=True))
    linked = await machine.do(fs.symlink, types.FsSymlinkParams(workspace="w", path="/tmp/l", target="/etc/issue"))
    assert (made.path, made.uid, linked.uid, linked.target) == ("/tmp/a/b", USER, USER, "/etc/issue")
    assert await machine.read("/tmp/l") == "from the image\n"
    await machine.do(
        fs.edit, types.FsEditParams(workspace="w", path="/tmp/made", edits=[types.FsEdit(old="by", new="of")])
    )
    await machine.do(fs.chmod, types.FsChmodParams(workspace="w", path="/tmp/made", mode="640"))
    globbed = await machine.do(fs.glob, types.FsGlobParams(workspace="w", path="/tmp", pattern="**/m*"))
    assert globbed.paths == ["/tmp/made"]
    assert await machine.search("/tmp", "of the daemon") == ["/tmp/made"]
    assert await machine.search("/etc/issue", "image") == ["/etc/issue"]
    # git's directory is mounted where it is on this machine
    assert [path for path in await machine.names("/tmp", depth=2) if Path(path) not in tmp_path.parents] == [
        *("/tmp/a", "/tmp/a/b", "/tmp/l", "/tmp/made")
    ]
    assert await machine.remove("/tmp/a", recursive=True) == 2


async def test_the_worktree_is_what_it_was(machines) -> None:
    machine = await machines()
    for place in ("", "/workspace/", "/tmp/../workspace/", "/workspace/../workspace/"):
        assert await machine.read(f"{place}README.md") == "# Example\n"
    assert (await machine.write("/workspace/new")).path == "new"
    for path in ("../etc/issue", "/../etc/issue", "/etc/../../etc/issue"):
        with denied(errors.PathEscapes):
            await machine.read(path)
    assert await machine.read("/workspace/../etc/issue") == "from the image\n"
    (Path(machine.spec.worktree) / "link").symlink_to("/etc/issue")
    with denied(errors.PathEscapes):
        await machine.read("link")
    for path in ("", "/a\0b", "/" + "x" * 256, "/" + "x/" * 3000):
        with denied(errors.PathInvalid):
            await machine.read(path)


async def test_files_go_from_one_to_the_other(machines) -> None:
    machine = await machines()
    assert (await machine.copy("/etc/issue", "issue")).path == "issue"
    status = (Path(machine.spec.worktree) / "issue").stat()
    assert (status.st_uid, status.st_size) == (USER, 15)
    assert (await machine.rename("issue", "/tmp/moved")).path == "/tmp/moved"
    assert not (Path(machine.spec.worktree) / "issue").exists()
    assert (await machine.copy("src", "/tmp/src", recursive=True)).path == "/tmp/src"
    assert (machine.inside / "tmp/src/app.py").read_text() == "print('hello')\n"
    assert (await machine.rename("/tmp/src", "/workspace/back", parents=True)).path == "back"
    assert await machine.names("back") == ["back/app.py"]


async def test_rights_are_those_of_its_user(machines) -> None:
    machine = await machines()
    with denied():
        await machine.read("/etc/shadow")
    with denied():
        await machine.read("/root/private")
    with denied():
        await machine.names("/root")
    for path in ("/etc/issue", "/etc/made", "/made", "/usr/made", "/root/made", "/dev/made"):
        with denied():
            await machine.write(path)
        with denied(errors.PermissionDenied, errors.PathNotFound):
            await machine.remove(path)
    with denied():
        await machine.do(fs.chmod, types.FsChmodParams(workspace="w", path="/etc/issue", mode="666"))
    with denied():
        await machine.copy("/etc/shadow", "shadow")
    with denied():
        await machine.rename("/etc/shadow", "/tmp/shadow")
    with denied():
        await machine.rename("/tmp", "/tmp2")
    assert await machine.search("/", "of-the-image|private") == []
    (machine.inside / "tmp/sticky").write_text("root's")
    with denied():
        await machine.remove("/tmp/sticky")
    assert not (Path(machine.spec.worktree) / "shadow").exists()
    assert (machine.inside / "etc/issue").read_text() == "from the image\n"


async def test_groups_count_as_they_do_inside(machines) -> None:
    machine = await machines()
    (machine.inside / "tmp/grouped").write_text("for the group")
    os.chown(machine.inside / "tmp/grouped", 0, USER)
    os.chmod(machine.inside / "tmp/grouped", 0o640)
    assert await machine.read("/tmp/grouped") == "for the group"
    os.chown(machine.inside / "tmp/grouped", 0, 0)
    with denied():
        await machine.read("/tmp/grouped")


async def test_the_daemon_is_itself_again_afterwards(machines) -> None:
    machine = await machines()
    private = Path(machine.spec.worktree) / "private"
    private.write_text("root's")
    private.chmod(0o600)
    for _ in range(20):
        with denied():
            await machine.read("/etc/shadow")
        assert await machine.read("private") == "root's", "a thread kept the rights of the machine's user"
        assert (await machine.write("owned")).uid == USER


async def test_set_id_bits_are_neither_set_nor_kept(machines) -> None:
    machine = await machines()
    for mode in ("4755", "2755"):
        with denied():
            await machine.write("/tmp/x", mode=mode)
        with denied():
            await machine.do(fs.mkdir, types.FsMkdirParams(workspace="w", path="/tmp/x", mode=mode))
        with denied():
            await machine.do(fs.chmod, types.FsChmodParams(workspace="w", path="/tmp", mode=mode))
    assert (await machine.copy("/open/program", "/tmp/program")).mode == "777"
    await machine.write("/open/program", "replaced")
    assert (machine.inside / "open/program").stat().st_mode & 0o7777 == 0o777
    assert (await machine.do(fs.mkdir, types.FsMkdirParams(workspace="w", path="/open/shared/x"))).gid == 0


async def test_special_files_are_not_opened(machines) -> None:
    machine = await machines()
    for path in ("/disk", "/memory", "/fifo", "/links/disk", "/dev/null", "/dev/ptmx"):
        with denied(errors.NotAFile, errors.PermissionDenied):
            await machine.read(path)
        with denied(errors.NotAFile, errors.PermissionDenied):
            await machine.write(path)
        if not (machine.inside / path[1:]).is_symlink():
            with denied(errors.NotAFile, errors.PermissionDenied):
                await machine.copy(path, "/tmp/copied")
    with denied():
        await machine.do(fs.chmod, types.FsChmodParams(workspace="w", path="/disk", mode="666"))
    with denied(errors.NotAFile, errors.PermissionDenied):
        await machine.copy("/dev", "/tmp/dev", recursive=True)
    assert (await machine.do(fs.stat, types.FsStatParams(workspace="w", path="/disk"))).type == "other"


async def test_while_it_does_not_run_there_is_only_the_worktree(machines) -> None:
    machine = await machines()
    await machine.write("/home/nexus/kept")
    held = weakref.ref(await machine.backend.machine(machine.spec).whole())
    await machine.backend.stop(machine.spec.workspace, 1)
    await asyncio.sleep(0)  # it is told in the next round of the loop
    gc.collect()
    assert held() is None, "nothing keeps the filesystem of a container that ended"
    machine.record.state = "stopped"
    with pytest.raises(errors.WorkspaceState, match="outside of the worktree") as refused:
        await machine.read("/etc/issue")
    assert "boulder workspace start example" in refused.value.hint
    assert await machine.read("/workspace/README.md") == "# Example\n"
    machine.record.state = "running"
    with denied(errors.BackendFailed):
        await machine.read("/etc/issue")
    await machine.backend.start(machine.spec)
    assert await machine.read("/home/nexus/kept") == "new"


async def test_a_read_only_root_says_that_it_is(machines) -> None:
    machine = await machines(user="root", read_only=True)
    for path in ("/etc/issue", "/made"):
        with pytest.raises(errors.PermissionDenied, match="read-only"):
            await machine.write(path)
    assert await machine.read("/etc/issue") == "from the image\n"
    for path in ("/tmp/made", "/root/made", "/run/made", "/data/made"):
        assert (await machine.write(path)).path == path
    assert "/tmp/made" in await machine.names("/tmp")


async def test_changes_are_seen(machines) -> None:
    machine = await machines()
    params = types.FsWatchParams(workspace="w", path="/home/nexus")
    watcher = machine.files.watcher(machine.record, await machine.files.place(machine.record, params))
    async with asyncio.timeout(60), watcher.subscribe(params) as changes:
        await machine.write("/home/nexus/one/two", parents=True)
        seen = set()
        async for _, event in changes:
            seen.add((event.path, event.change))
            if event.path == "/home/nexus/one/two":
                break
        assert seen == {("/home/nexus/one", "created"), ("/home/nexus/one/two", "created")}
        for path in ("/root", "/proc", "/.nexus/run"):
            with denied():
                async with watcher.subscribe(types.FsWatchParams(workspace="w", path=path)):
                    raise AssertionError("not reached")
        await machine.backend.stop(machine.spec.workspace, 1)
        with pytest.raises(errors.PathNotFound, match="ended"):
            async for _ in changes:
                pass


async def test_transfers(machines) -> None:
    machine = await machines()
    content = os.urandom(3 << 20)
    params = types.FsUploadParams(workspace="w", path="/home/nexus/up", upload="a" * 24, size=len(content))
    place = await machine.files.place(machine.record, params)
    first = await asyncio.to_thread(Upload, place, params, "me")
    await first.write(content[: 2 << 20])
    await first.abort()
    second = await asyncio.to_thread(Upload, place, params, "me")
    assert second.opened.offset == 2 << 20, "continued where it was"
    await second.write(content[2 << 20 :])
    done = await second.finish()
    assert (done.info.path, done.info.uid, done.info.size) == ("/home/nexus/up", USER, len(content))
    assert await machine.names("/home/nexus", hidden=True) == ["/home/nexus/up"]
    assert [path.name for path in (machine.inside / "home/nexus").iterdir()] == ["up"]
    down = await asyncio.to_thread(
        Download, place, types.FsDownloadParams(workspace="w", path="/home/nexus/up", offset=1 << 20)
    )
    got = b""
    while piece := await down.read():
        got += piece
    down.finish()
    down.close()
    assert got == content[1 << 20 :]
    for path in ("/etc/shadow", "/proc/1/environ", "/disk", "/links/sysrq", "/.nexus/run/init.sock"):
        with denied(errors.PermissionDenied, errors.NotAFile, errors.PathNotFound):
            await asyncio.to_thread(Download, place, types.FsDownloadParams(workspace="w", path=path))
        with denied(errors.PermissionDenied, errors.NotAFile, errors.PathNotFound):
            await asyncio.to_thread(
                Upload, place, types.FsUploadParams(workspace="w", path=path, upload="b" * 24, size=1), "me"
            )
