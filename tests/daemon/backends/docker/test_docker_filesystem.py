"""Which mounts of a container are served; and the same filesystem for a daemon that is not root."""

from __future__ import annotations

import asyncio
import json
import os
import traceback
import warnings
from collections.abc import Callable
from typing import Any

import pytest
from container_files import USER
from nexus_sdk.protocol import errors, types
from nexusd.backends.docker import filesystem
from nexusd.backends.docker.filesystem import Mount, open_whole, parse, served
from nexusd.backends.keeper.channel import Peer
from nexusd.files import operations as fs

VOLUME = "/var/lib/docker/volumes/" + "0f" * 32 + "/_data"

TABLE = f"""\
100 90 0:50 / / rw,relatime master:5 - overlay overlay rw,lowerdir=/l
101 100 0:51 / /proc rw,nosuid - proc proc rw
102 100 0:52 / /dev rw,nosuid - tmpfs tmpfs rw,size=65536k
103 102 0:53 / /dev/pts rw - devpts devpts rw
104 100 0:54 / /sys ro - sysfs sysfs ro
105 104 0:29 / /sys/fs/cgroup ro - cgroup2 cgroup rw
106 102 0:56 / /dev/mqueue rw - mqueue mqueue rw
107 102 0:57 / /dev/shm rw - tmpfs shm rw
108 100 8:1 /home/me/tree /workspace rw - ext4 /dev/sda1 rw
109 100 0:22 /nexus/machines/ws_1 /.nexus/run rw - tmpfs tmpfs rw
110 100 8:1 /opt/nexus-init /.nexus/init ro - ext4 /dev/sda1 rw
111 100 8:1 /home/me/my\\040repo/.git /home/me/my\\040repo/.git ro - ext4 /dev/sda1 rw
112 100 8:1 /var/lib/docker/containers/1/hosts /etc/hosts rw - ext4 /dev/sda1 rw
113 100 8:1 /var/lib/docker/containers/1/resolv.conf /etc/resolv.conf rw shared:1 master:2 - ext4 /dev/sda1 rw
114 100 8:1 {VOLUME} /data rw - ext4 /dev/sda1 rw
115 101 0:52 /null /proc/kcore rw - tmpfs tmpfs rw
116 101 0:60 / /proc/acpi ro - tmpfs tmpfs ro
117 104 0:61 / /sys/firmware ro - tmpfs tmpfs ro
118 100 0:62 / /mnt/other rw - debugfs debugfs rw
119 118 8:1 / /mnt/other/below rw - ext4 /dev/sda1 rw
120 100 0:63 / /var/lib/lxcfs rw - fuse.lxcfs lxcfs rw
121 100 8:1 {VOLUME}/more /data2 rw - ext4 /dev/sda1 rw
122 100 8:1 / /mnt/disk rw - ext4 /dev/sda1 rw
123 100 0:64 / /tmp rw - tmpfs tmpfs rw
"""


def test_storage_of_the_container_is_served_and_nothing_else() -> None:
    mounts = parse(TABLE)
    assert mounts[11] == Mount(111, "/home/me/my repo/.git", "/home/me/my repo/.git", "ext4")
    assert served(mounts, 100) == {100, 102, 107, 112, 113, 114, 123}


def test_a_root_that_is_no_storage_is_not_served() -> None:
    assert 101 not in served(parse(TABLE), 101)


def test_a_place_is_not_what_its_name_says() -> None:
    """Root inside moved the directories that ours are in."""
    moved = TABLE.replace(" /.nexus/run ", " /x/run ").replace(" /.nexus/init ", " /x/init ")
    moved = moved.replace(" /home/me/my\\040repo/.git ro", " /y/.git ro")
    assert served(parse(moved), 100) == served(parse(TABLE), 100)


def as_user(uid: int, work: Callable[[], Any]) -> Any:
    """What a function gives in a process of another user, who is not root."""
    read, write = os.pipe()
    with warnings.catch_warnings():
        warnings.simplefilter("ignore", DeprecationWarning)
        child = os.fork()
    if child == 0:
        try:
            os.setgroups([])
            os.setresgid(uid, uid, uid)
            os.setresuid(uid, uid, uid)
            answer = json.dumps(work())
        except BaseException:
            answer = json.dumps(traceback.format_exc())
        os.write(write, answer.encode())
        os._exit(0)
    os.close(write)
    with os.fdopen(read) as pipe:
        answer = json.loads(pipe.read())
    os.waitpid(child, 0)
    return answer


async def test_a_daemon_that_is_not_root_is_served_as_well(machines) -> None:
    machine = await machines()
    inside = await machine.backend._inside(machine.spec)
    root, peer = await inside.connection.root(), inside.connection.peer
    assert {peer.uid, peer.gid, *peer.groups} == {USER}, "the kernel says whose the container is"
    worktree = machine.backend.machine(machine.spec).root()
    ended = inside.connection.closed

    def work() -> list[str]:
        whole = open_whole(root, peer, worktree, ended)
        said = []
        with whole.acting():
            said.append(fs.read(whole, types.FsReadParams(workspace="w", path="/etc/issue")).content)
            made = fs.write(whole, types.FsWriteParams(workspace="w", path="/home/nexus/made", content="x"))
            said.append(f"{made.uid}:{made.gid}")
            fs.copy(whole, types.FsCopyParams(workspace="w", source="README.md", target="/tmp/readme"))
            for path in ("/etc/shadow", "/root/private", "/proc/uptime", "/.nexus/run/init.sock", "/disk"):
                try:
                    said.append(fs.read(whole, types.FsReadParams(workspace="w", path=path)).content)
                except errors.NexusError as error:
                    said.append(error.name)
        return said

    def as_another() -> str:
        try:
            with open_whole(root, Peer(peer.pid, 0, 0, ()), worktree, ended).acting():
                return "it acts"
        except errors.PermissionDenied as error:
            return error.message

    try:
        refused = [*["permission_denied"] * 4, "not_a_file"]
        assert as_user(USER, work) == ["from the image\n", f"{USER}:{USER}", *refused]
        assert "cannot act as uid 0" in as_user(USER, as_another)
    finally:
        os.close(root)
    assert (machine.inside / "tmp/readme").read_text() == "# Example\n"


async def test_what_cannot_be_told_apart_is_not_served(machines, monkeypatch: pytest.MonkeyPatch) -> None:
    machine = await machines()
    inside = await machine.backend._inside(machine.spec)
    root, peer = await inside.connection.root(), inside.connection.peer
    worktree = machine.backend.machine(machine.spec).root()
    try:
        # Another process has the number by now, or none, or this node does not see it.
        for pid in (os.getpid(), 0, 2**22):
            with pytest.raises(errors.CapabilityMissing, match="cannot be reached"):
                open_whole(root, peer._replace(pid=pid), worktree, inside.connection.closed)
        other = os.open("/", os.O_PATH | os.O_DIRECTORY)
        try:
            with pytest.raises(errors.CapabilityMissing):
                open_whole(other, peer, worktree, inside.connection.closed)
        finally:
            os.close(other)

        def too_old(fd: int) -> int:
            raise OSError(38, "Function not implemented")

        monkeypatch.setattr(filesystem, "mount_id", too_old)
        with pytest.raises(errors.CapabilityMissing, match=r"Linux 5\.8|not implemented"):
            await machine.read("/etc/issue")
        monkeypatch.undo()
        assert await machine.read("/etc/issue") == "from the image\n", "a failure is not for ever"
    finally:
        os.close(root)


async def test_callers_at_the_same_time_share_one_attempt(machines) -> None:
    machine = await machines()
    made = await asyncio.gather(*(machine.backend.machine(machine.spec).whole() for _ in range(20)))
    assert len({id(whole) for whole in made}) == 1
