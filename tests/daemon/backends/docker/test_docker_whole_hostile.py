"""Files around the worktree in containers of a hostile image: nothing of the kernel, Nexus or this node is reached.

Each container runs the real nexus-init. Its user is nobody special (uid 1000) unless a test says so; we are root.
"""

from __future__ import annotations

import ctypes
import os
import threading
from pathlib import Path

import pytest
from container_files import denied
from nexus_sdk.protocol import errors, types
from nexusd.files import operations as fs

ROUNDS = 300
SECRET = "a secret of the host"

KERNEL = [
    "/proc", "/proc/1/environ", "/proc/1/mem", "/proc/sysrq-trigger", "/proc/kcore", "/proc/sys/kernel/core_pattern",
    "/proc/self/root/etc/issue", "/proc/1/root/etc/issue", "/proc/self/cwd", "/proc/meminfo", "/proc/acpi",
    "/sys", "/sys/kernel/uevent_helper", "/sys/fs/cgroup", "/sys/fs/cgroup/cgroup.procs", "/sys/firmware",
    "/dev/pts", "/dev/pts/ptmx", "/dev/mqueue", "/links/host", "/links/host/etc/issue", "/links/self", "/links/proc",
    "/links/proc/uptime", "/links/sysrq", "/links/all/proc/uptime",
]  # fmt: skip
"""Places in filesystems of the kernel, or that lead through them."""


@pytest.mark.parametrize("user", ["owner", "root"])
async def test_filesystems_of_the_kernel_are_not_served(machines, user: str) -> None:
    machine = await machines(user=user)
    kinds = (errors.PermissionDenied, errors.PathNotFound, errors.TooManyLinks, errors.NotAFile)
    for path in KERNEL:
        with denied(*kinds):
            await machine.read(path)
        with denied(*kinds, errors.NotADirectory):
            await machine.names(path)
        with denied(*kinds):
            await machine.write(path)
        with denied(*kinds):
            await machine.write(f"{path}/made", parents=True)
        if not path.startswith("/links"):  # links are copied as links
            with denied(*kinds, errors.NotADirectory):
                await machine.copy(path, "/tmp/copied", recursive=True)
        with denied(*kinds, errors.NotADirectory):
            await machine.do(fs.glob, types.FsGlobParams(workspace="w", path=path, pattern="*"))
    with denied() as _:
        await machine.read("/proc/uptime")
    listed = await machine.names("/", depth=4)
    assert "/proc" in listed and "/etc/issue" in listed
    assert not [path for path in listed if path.startswith(("/proc/", "/sys/", "/dev/pts/", "/.nexus/run/"))]
    assert not [path for path in await machine.search("/", "processor|Linux") if path.startswith(("/proc", "/sys"))]


@pytest.mark.parametrize("user", ["owner", "root"])
async def test_what_is_ours_in_there_is_not_served(machines, user: str) -> None:
    machine = await machines(user=user)
    (machine.inside / ".nexus/run/secret").write_text("the helper's")
    os.chmod(machine.inside / ".nexus/run/secret", 0o666)
    git = f"{machine.spec.repository}/.git"
    assert (machine.inside / git[1:] / "config").exists()

    async def look(where: str) -> None:
        for path in (f"{where}/run", f"{where}/run/secret", f"{where}/run/init.sock", f"{where}/init", git):
            with denied(errors.PermissionDenied, errors.PathNotFound):
                await machine.do(fs.stat, types.FsStatParams(workspace="w", path=path))
            with denied(errors.PermissionDenied, errors.PathNotFound, errors.NotAFile):
                await machine.read(path)
            with denied(errors.PermissionDenied, errors.PathNotFound, errors.NotAFile):
                await machine.write(path)
            with denied(errors.PermissionDenied, errors.PathNotFound):
                await machine.remove(path, recursive=True)
            with denied(errors.PermissionDenied, errors.PathNotFound):
                await machine.rename(path, "/tmp/taken")
        assert await machine.search("/", "the helper's") == []

    await look("/.nexus")
    with denied():
        await machine.read("/links/run/secret")
    with denied():
        await machine.read(f"{git}/config")
    # Root inside can move the directory that they are in; a daemon that connects anew is not deceived.
    os.rename(machine.inside / ".nexus", machine.inside / "open/moved")
    await look("/open/moved")
    await machine.backend._sessions.drop(machine.spec.workspace)
    await look("/open/moved")
    assert (machine.inside / "open/moved/run/secret").read_text() == "the helper's"


async def test_what_is_mounted_stays_mounted(machines) -> None:
    machine = await machines(user="root")
    before = (machine.inside / "proc/1/mounts").read_text()
    assert "/etc/hosts" in before and "/data" in before
    for path in ("/etc/hosts", "/etc/resolv.conf", "/.nexus/init"):
        with denied():
            await machine.write(path)
        with denied():
            await machine.copy("/etc/issue", path, overwrite=True)
        with denied():
            await machine.rename("/etc/issue", path, overwrite=True)
    mounted = ["/etc/hosts", "/proc", "/sys", "/dev", "/dev/pts", "/data", "/.nexus/run", "/.nexus/init", "/workspace"]
    for path in mounted:
        for recursive in (False, True):
            with denied(errors.PermissionDenied, errors.PathInvalid):
                await machine.remove(path, recursive=recursive)
        with denied(errors.PermissionDenied, errors.PathInvalid):
            await machine.rename(path, "/tmp/away")
    for path in ("/dev", "/.nexus", "/etc"):
        with denied():
            await machine.remove(path, recursive=True)
    assert (machine.inside / "proc/1/mounts").read_text() == before


async def test_links_lead_to_what_they_lead_to_inside(machines) -> None:
    machine = await machines()
    for path in ("/links/up", "/links/relative", "/links/all/etc/issue", "/links/all/links/all/etc/issue"):
        assert await machine.read(path) == "from the image\n"
    with denied(errors.TooManyLinks):
        await machine.read("/links/circle")
    host = Path(machine.spec.worktree).parent / "secret"
    host.write_text(SECRET)
    (machine.inside / "links/outside").symlink_to(host)
    (machine.inside / "links/above").symlink_to("../" * 30 + str(host))
    for path in ("/links/outside", "/links/above", str(host)):
        with denied(errors.PathNotFound):
            await machine.read(path)
        with denied(errors.PathNotFound, errors.PermissionDenied):
            await machine.write(path)
    assert host.read_text() == SECRET


async def test_swapping_while_we_work_leads_nowhere(machines) -> None:
    """A directory becomes a link to one of the host of the same shape, to /proc, to the run directory, and back."""
    machine = await machines(user="root")
    outside = Path(machine.spec.worktree).parent / "outside"
    (outside / "full").mkdir(parents=True)
    for name in ("secret", "full/secret"):
        (outside / name).write_text(SECRET)
    place = machine.inside / "open"
    (place / "real/full").mkdir(parents=True)
    for name in ("real/secret", "real/full/secret"):
        (place / name).write_text("inside")
    os.makedirs(machine.inside / ".nexus/run/full")
    (machine.inside / ".nexus/run/secret").write_text(SECRET)
    targets = ["../" * 20 + str(outside)[1:], f"/proc/1/root{outside}", "/.nexus/run", "/proc/self/root", "/proc"]
    for number, target in enumerate(targets):
        (place / f"evil{number}").symlink_to(target)
    os.rename(place / "real", place / "d")
    stop = threading.Event()

    exchange = ctypes.CDLL(None, use_errno=True).renameat2

    def swap() -> None:
        while not stop.is_set():
            for number in range(len(targets)):
                for _ in range(2):
                    evil, good = bytes(place / f"evil{number}"), bytes(place / "d")
                    assert exchange(-100, evil, -100, good, 2) == 0, os.strerror(ctypes.get_errno())

    thread = threading.Thread(target=swap)
    thread.start()
    read = failed = 0
    try:
        for _ in range(ROUNDS):
            for call in (
                machine.read("/open/d/secret"),
                machine.write("/open/d/secret", "inside"),
                machine.copy("/open/d", "/tmp/copied", recursive=True),
                machine.remove("/open/d/full/secret"),
                machine.write("/open/d/full/secret", "inside", parents=True),
                machine.names("/open/d", depth=3),
                machine.search("/open/d", SECRET),
                machine.rename("/open/d/secret", "/open/d/full/moved", overwrite=True),
                machine.rename("/open/d/full/moved", "/open/d/secret", overwrite=True),
            ):
                try:
                    seen = await call
                except errors.NexusError:
                    failed += 1
                    continue
                read += 1
                assert SECRET not in str(seen)
                assert not isinstance(seen, list) or "environ" not in str(seen)
            try:
                await machine.remove("/tmp/copied", recursive=True)
            except errors.PathNotFound:
                failed += 1
    finally:
        stop.set()
        thread.join()
    assert read and failed, "both happened"
    assert {path.name for path in outside.rglob("*")} == {"secret", "full"}
    assert [(outside / name).read_text() for name in ("secret", "full/secret")] == [SECRET, SECRET]
    assert (machine.inside / ".nexus/run/secret").read_text() == SECRET
    assert sorted(path.name for path in (machine.inside / ".nexus/run").iterdir()) == ["full", "init.sock", "secret"]
