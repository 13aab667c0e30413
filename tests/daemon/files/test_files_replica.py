"""Whole trees copied: what is kept, what is left out, and what a hostile tree gets: nothing."""

from __future__ import annotations

import errno
import os
import socket
import stat
import subprocess
import sys
import textwrap
import threading
from pathlib import Path
from typing import Any

import pytest
from files_support import SECRET, open_descriptors
from nexus_sdk.protocol.errors import Cancelled
from nexusd.files import replica
from nexusd.files.replica import Extent, Replica, Unsavable, discard

as_root = pytest.mark.skipif(os.geteuid() != 0, reason="needs root")


def copied(source: Path, target: Path, **options: Any) -> Extent:
    """Copy one directory to a new one."""
    target.mkdir()
    fds = [os.open(path, os.O_RDONLY | os.O_DIRECTORY) for path in (source, target)]
    try:
        return Replica(**options).copy(*fds)
    finally:
        for fd in fds:
            os.close(fd)


def measured(source: Path, **options: Any) -> Extent:
    fd = os.open(source, os.O_RDONLY | os.O_DIRECTORY)
    try:
        return Replica(**options).measure(fd)
    finally:
        os.close(fd)


@pytest.fixture
def source(tmp_path: Path) -> Path:
    made = tmp_path / "source"
    made.mkdir()
    return made


@pytest.fixture
def target(tmp_path: Path) -> Path:
    return tmp_path / "target"


def facts(path: Path) -> tuple[Any, ...]:
    status = path.lstat()
    what = os.readlink(path) if path.is_symlink() else path.read_bytes() if path.is_file() else None
    return stat.S_IFMT(status.st_mode), stat.S_IMODE(status.st_mode), status.st_mtime_ns, what


def test_everything_that_can_be_kept_is(source: Path, target: Path) -> None:
    (source / "deep" / "er").mkdir(parents=True)
    (source / "deep" / "er" / "file").write_bytes(os.urandom(3 << 20))
    (source / "empty").touch()
    (source / "na\udcffme\n").write_text("odd")
    (source / "tool").write_text("#!/bin/sh\n")
    (source / "tool").chmod(0o750)
    (source / "link").symlink_to("deep/er/file")
    (source / "dangling").symlink_to("/nowhere/at/all")
    os.mkfifo(source / "fifo", 0o620)
    (source / "read-only").mkdir()
    (source / "read-only" / "file").touch(0o444)
    (source / "read-only").chmod(0o555)
    for path in (source / "deep" / "er", source / "deep", source):
        os.utime(path, ns=(10**18, 10**18 + 7))
    os.utime(source / "link", ns=(5, 6), follow_symlinks=False)
    before = open_descriptors()
    extent = copied(source, target)
    assert open_descriptors() == before
    names = sorted(path.relative_to(source) for path in source.rglob("*"))
    assert sorted(path.relative_to(target) for path in target.rglob("*")) == names
    assert extent.entries == len(names)
    assert extent.skipped == 0
    for name in [Path("."), *names]:
        assert facts(target / name) == facts(source / name), name
    assert measured(source).entries == extent.entries


def test_names_of_one_file_stay_names_of_one_file(source: Path, target: Path, tmp_path: Path) -> None:
    (source / "a").write_text("shared")
    (source / "b").mkdir()
    os.link(source / "a", source / "b" / "c")
    os.link(source / "a", tmp_path / "outside")
    extent = copied(source, target)
    assert (target / "a").stat().st_ino == (target / "b" / "c").stat().st_ino
    assert (target / "a").stat().st_nlink == 2, "the name outside is not of the copy"
    assert extent.size == measured(source).size
    (target / "a").write_text("changed")
    assert (source / "a").read_text() == (tmp_path / "outside").read_text() == "shared"


def test_holes_take_no_room(source: Path, target: Path) -> None:
    with (source / "sparse").open("wb") as file:
        file.truncate(1 << 42)
        file.seek(1 << 40)
        file.write(b"here")
    extent = copied(source, target)
    made = (target / "sparse").stat()
    assert made.st_size == 1 << 42
    assert made.st_blocks * 512 < 1 << 20
    assert extent.size < 1 << 20
    with (target / "sparse").open("rb") as file:
        file.seek((1 << 40) - 1)
        assert file.read(6) == b"\0here\0"


@as_root
def test_owners_are_kept_and_set_id_bits_are_not(source: Path, target: Path) -> None:
    for name, mode in (("suid", 0o4755), ("sgid", 0o2755)):
        (source / name).write_text("x")
        os.chown(source / name, 1234, 2345)
        (source / name).chmod(mode)
    (source / "shared").mkdir()
    (source / "shared").chmod(0o3770)
    (source / "link").symlink_to("x")
    os.lchown(source / "link", 1234, 2345)
    copied(source, target)
    for name in ("suid", "sgid"):
        found = (target / name).stat()
        assert (found.st_uid, found.st_gid, stat.S_IMODE(found.st_mode)) == (1234, 2345, 0o755)
    assert stat.S_IMODE((target / "shared").stat().st_mode) == 0o3770, "files made there belong to its group"
    assert (target / "link").lstat().st_uid == 1234


def test_sockets_and_what_is_left_out(source: Path, target: Path) -> None:
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(source / "s"))
        (source / ".git").write_text("gitdir: elsewhere")
        (source / "in").mkdir()
        (source / "in" / ".git").write_text("gitdir: elsewhere, too")
        (source / ".nexus-tmp-0123456789abcdef").write_text("half a write")
        extent = copied(source, target, leave_out=(".git",))
    assert sorted(path.relative_to(target).as_posix() for path in target.rglob("*")) == ["in", "in/.git"]
    assert (extent.entries, extent.skipped) == (2, 1)


@as_root
def test_devices_and_other_filesystems_are_left_out(source: Path, target: Path) -> None:
    os.mknod(source / "zero", stat.S_IFCHR | 0o666, os.makedev(1, 5))
    (source / "mount").mkdir()
    subprocess.run(["mount", "-t", "tmpfs", "nexus-test", str(source / "mount")], check=True)
    try:
        (source / "mount" / "inside").write_text("elsewhere")
        extent = copied(source, target)
    finally:
        subprocess.run(["umount", str(source / "mount")], check=True)
    assert [path.name for path in target.rglob("*")] == ["mount"]
    assert (extent.entries, extent.skipped) == (1, 2)


def test_a_tree_without_end_is_refused(source: Path, target: Path) -> None:
    fd = os.open(source, os.O_RDONLY)
    for _ in range(200):
        os.mkdir("d", dir_fd=fd)
        inner = os.open("d", os.O_RDONLY, dir_fd=fd)
        os.close(fd)
        fd = inner
    os.close(fd)
    before = open_descriptors()
    with pytest.raises(Unsavable, match="nested deeper"):
        copied(source, target)
    with pytest.raises(Unsavable, match="nested deeper"):
        measured(source)
    assert open_descriptors() == before
    parent = os.open(source.parent, os.O_RDONLY)
    try:
        discard(parent, "target")
        discard(parent, "source")
        discard(parent, "never-there")
    finally:
        os.close(parent)
    assert not source.exists() and not target.exists()


def test_it_can_be_cancelled_between_two_entries(source: Path, target: Path) -> None:
    for number in range(20):
        (source / str(number)).write_text("x")
    seen: list[int] = []
    with pytest.raises(Cancelled):
        copied(source, target, tell=lambda extent: seen.append(extent.entries), cancelled=lambda: len(seen) == 5)
    assert len(seen) == 5


def test_room_is_left_on_the_disk(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source / "file").write_bytes(os.urandom(1 << 16))
    monkeypatch.setattr(replica, "free", lambda fd: 0)
    monkeypatch.setattr(replica, "clone", lambda source, target: False)
    with pytest.raises(OSError, match="No space") as caught:
        copied(source, target)
    assert caught.value.errno == errno.ENOSPC


def test_a_file_that_grows_all_the_time_ends(source: Path, target: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    (source / "log").write_bytes(bytes(1000))
    original = replica._copy_range

    def grow(*args: int) -> int:
        with (source / "log").open("ab") as file:
            file.write(bytes(100_000))
        return original(*args)

    monkeypatch.setattr(replica, "_copy_range", grow)
    monkeypatch.setattr(replica, "clone", lambda source, target: False)
    copied(source, target)
    assert (target / "log").stat().st_size == 1000


@pytest.mark.parametrize("kind", ["directory", "file", "fifo"])
def test_whoever_swaps_links_meanwhile_gets_nothing(source: Path, tmp_path: Path, kind: str) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "secret").write_text(SECRET)
    place, other = source / "a" / "place", source / "other"
    (source / "a").mkdir()
    if kind == "directory":
        place.mkdir()
        (place / "secret").write_text("mine")
        other.symlink_to(outside)
    else:
        place.write_text("mine")
        other.symlink_to(outside / "secret") if kind == "file" else os.mkfifo(other)
    done = threading.Event()

    def swap() -> None:
        from nexusd.files.syscalls import rename_exchange

        fd = os.open(source, os.O_RDONLY)
        while not done.is_set():
            rename_exchange(fd, "a/place", fd, "other")
        os.close(fd)

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        for number in range(60):
            target = tmp_path / f"copy{number}"
            try:
                copied(source, target)
            except (Unsavable, FileNotFoundError, NotADirectoryError, OSError) as error:
                # It changed its kind between two looks: no copy is better than a wrong one.
                assert not isinstance(error, PermissionError)
            found = [path for path in target.rglob("*") if path.is_file() and not path.is_symlink()]
            assert all(SECRET not in path.read_text() for path in found)
    finally:
        done.set()
        thread.join()


@as_root
def test_without_root_what_is_ones_own_is_lent_and_what_is_not_is_named(tmp_path: Path) -> None:
    """As the user nobody: directories and files without permissions are read, and are afterwards as they were."""
    script = """
        import os, sys
        from pathlib import Path
        from nexusd.files.replica import Replica, Unsavable, discard
        # Here, for nobody may have no way to this interpreter.
        os.setgroups([])
        os.setgid(65534)
        os.setuid(65534)
        base = Path(sys.argv[1])
        source = base / "source"
        (source / "closed").mkdir(parents=True)
        (source / "closed" / "file").write_text("hidden")
        (source / "closed" / "file").chmod(0)
        (source / "closed").chmod(0)

        def copy(name):
            (base / name).mkdir()
            return Replica().copy(os.open(source, os.O_RDONLY), os.open(base / name, os.O_RDONLY))

        assert copy("target").entries == 2
        for top in ("source", "target"):
            assert (base / top / "closed").stat().st_mode & 0o7777 == 0, top
        (base / "target" / "closed").chmod(0o700)
        assert (base / "target" / "closed" / "file").stat().st_mode & 0o7777 == 0
        (base / "target" / "closed" / "file").chmod(0o600)
        assert (base / "target" / "closed" / "file").read_text() == "hidden"
        (base / "target" / "closed").chmod(0)
        parent = os.open(base, os.O_RDONLY)
        discard(parent, "target")
        assert not (base / "target").exists()

        (source / "linked").write_text("x")
        os.link(source / "linked", base / "outside")
        (source / "linked").chmod(0)
        try:
            copy("second")
        except Unsavable as error:
            assert error.path == "linked", error
        else:
            raise AssertionError("it changed the permissions of a file outside")
        assert (base / "outside").stat().st_mode & 0o7777 == 0
    """
    base = tmp_path / "base"
    base.mkdir()
    os.chown(base, 65534, 65534)
    for folder in (tmp_path, *tmp_path.parents):
        folder.chmod(folder.stat().st_mode | 0o011)
    path = [str(Path(module).resolve()) for module in sys.path if module]
    done = subprocess.run(
        [sys.executable, "-c", textwrap.dedent(script), str(base)],
        env={"PYTHONPATH": os.pathsep.join(path), "PYTHONDONTWRITEBYTECODE": "1"},
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stderr
