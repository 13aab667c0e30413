"""A machine's whole filesystem without a machine: in whose name, what is shown, what is refused."""

from __future__ import annotations

import asyncio
import os
import threading
from collections.abc import Iterator
from pathlib import Path

import pytest
from files_support import open_descriptors
from nexus_sdk.protocol import errors, types
from nexusd.backends.base import RootHandle
from nexusd.files import acting
from nexusd.files import operations as fs
from nexusd.files.acting import Actor
from nexusd.files.syscalls import mount_id
from nexusd.files.whole import Whole

only_root = pytest.mark.skipif(os.geteuid() != 0, reason="only root can act as somebody else")
EFFECTIVE = "CapEff"
IDS = ("Uid", "Gid", "Groups", EFFECTIVE, "CapPrm", "CapInh")


def ourselves() -> Actor:
    return Actor(os.geteuid(), os.getegid(), os.getgroups())


def whole_at(root: Path, actor: Actor | None = None, mounts: set[int] | None = None) -> Whole:
    """A directory, taken for the root of a machine whose worktree is in /workspace."""
    (root / "workspace").mkdir(exist_ok=True)
    fd = os.open(root, os.O_PATH | os.O_DIRECTORY)
    try:
        served = {mount_id(fd)} if mounts is None else mounts
        ended: asyncio.Future[None] = asyncio.Future(loop=asyncio.new_event_loop())
        ended.get_loop().close()
        return Whole(RootHandle(fd=fd, path="/", in_root=True), "/workspace", actor or ourselves(), served, ended)
    finally:
        os.close(fd)


def credentials() -> dict[str, str]:
    """What the kernel says of this thread."""
    lines = Path("/proc/thread-self/status").read_text().splitlines()
    found = dict(line.split(":\t", 1) for line in lines if ":\t" in line)
    return {name: found[name].strip() for name in IDS}


@pytest.fixture
def restored() -> Iterator[None]:
    """The credentials are the same afterwards."""
    before = credentials()
    yield
    assert credentials() == before


@only_root
@pytest.mark.parametrize(("uid", "effective"), [(1234, 0), (0, 0b11011)])
def test_a_thread_has_the_rights_of_the_user_and_then_its_own(restored: None, uid: int, effective: int) -> None:
    """Root keeps what root in a container has of the capabilities for files: CHOWN, DAC_OVERRIDE, FOWNER, FSETID."""
    actor = Actor(uid, 1235, (7, 8))
    for _ in range(2):
        with actor.act(lambda fd: True):
            now = credentials()
            with actor.act(lambda fd: True):
                assert credentials() == now
            assert acting.user() == uid and acting.anybody()
        assert now["Uid"].split() == ["0", "0", "0", str(uid)]
        assert now["Gid"].split()[3] == "1235" and now["Groups"].split() == ["7", "8"]
        assert int(now[EFFECTIVE], 16) == effective
        assert not acting.anybody() and acting.user() == 0
    with pytest.raises(ZeroDivisionError), actor.act(lambda fd: True):
        raise ZeroDivisionError


@only_root
def test_other_threads_are_not_touched(restored: None) -> None:
    seen: list[dict[str, str]] = []
    now = threading.Event()

    def look() -> None:
        now.wait(10)
        seen.append({**credentials(), "acts": str(acting.anybody())})

    # Begun before: a thread begins with the credentials of the one that makes it.
    thread = threading.Thread(target=look)
    thread.start()
    with Actor(1234, 1234, (1,)).act(lambda fd: True):
        now.set()
        thread.join()
    assert seen == [{**credentials(), "acts": "False"}]


@only_root
def test_nobody_acts_for_two(restored: None) -> None:
    with (
        Actor(1, 1, ()).act(lambda fd: True),
        pytest.raises(RuntimeError, match="somebody else"),
        Actor(2, 2, ()).act(lambda fd: True),
    ):
        raise AssertionError("not reached")


@only_root
def test_where_it_is_not_possible_nothing_is_done(restored: None, monkeypatch: pytest.MonkeyPatch) -> None:
    def fail(groups: tuple[int, ...]) -> None:
        if groups == (7,):
            raise PermissionError(1, "Operation not permitted")

    monkeypatch.setattr(acting, "_set_groups", fail)
    actor = Actor(1234, 1, (7,))
    with pytest.raises(errors.PermissionDenied, match="cannot act as uid 1234"), actor.act(lambda fd: True):
        raise AssertionError("not reached")


def test_who_is_not_root_acts_as_himself_only(restored: None, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(os, "geteuid", lambda: 4321)
    before = credentials()
    with Actor(4321, 1, ()).act(lambda fd: True):
        assert credentials() == before and acting.anybody()
    with pytest.raises(errors.PermissionDenied, match="only root") as refused, Actor(1, 1, ()).act(lambda fd: True):
        raise AssertionError("not reached")
    assert "command in the workspace" in refused.value.hint


def test_paths_and_how_they_are_shown(tmp_path: Path) -> None:
    whole = whole_at(tmp_path)
    for given, parts, shown in (
        ("a/b", ("workspace", "a", "b"), "a/b"),
        (".", ("workspace",), "."),
        ("/workspace//a/", ("workspace", "a"), "a"),
        ("/workspace", ("workspace",), "."),
        ("/workspaces", ("workspaces",), "/workspaces"),
        ("/workspace/../etc/./x", ("etc", "x"), "/etc/x"),
        ("/", (), "/"),
    ):
        assert (whole.parts(given), whole.relative(given)) == (parts, shown)
        assert whole.parts(whole.spell(parts)) == parts
    for path in ("..", "../workspace/a", "/..", "/a/../../b"):
        with pytest.raises(errors.PathEscapes):
            whole.parts(path)
    for path in ("", "/a\0", "/" + "x" * 256, "/x" * 2049, "/\udcff"):
        with pytest.raises(errors.PathInvalid):
            whole.parts(path)


def test_results_can_be_asked_for_again(tmp_path: Path) -> None:
    whole = whole_at(tmp_path)
    for name in ("etc/one", "etc/sub/two", "workspace/three"):
        (tmp_path / name).parent.mkdir(parents=True, exist_ok=True)
        (tmp_path / name).write_text("found")
    with whole.acting():
        seen = []
        for start, depth in (("/", 3), ("/etc", 1), ("/etc/", 2), ("/workspace", 1)):
            params = types.FsListParams(workspace="w", path=start, depth=depth, limit=1)
            while True:
                page = fs.list_directory(whole, params)
                seen += [entry.path for entry in page.entries]
                if not isinstance(page.next_cursor, str):
                    break
                params = types.FsListParams(workspace="w", path=start, depth=depth, limit=1, cursor=page.next_cursor)
        for path in seen:
            again = fs.stat(whole, types.FsStatParams(workspace="w", path=path)).path
            assert whole.parts(again) == whole.parts(path)
        everything = ["/etc", "/etc/one", "/etc/sub", "/etc/sub/two", "/workspace", "/workspace/three"]
        assert seen == [*everything, "/etc/one", "/etc/sub", "/etc/one", "/etc/sub", "/etc/sub/two", "three"]
        globbed = fs.glob(whole, types.FsGlobParams(workspace="w", path="/", pattern="**/t*"))
        assert globbed.paths == ["/etc/sub/two", "/workspace/three"]
        root = fs.stat(whole, types.FsStatParams(workspace="w", path="/"))
        assert (root.path, root.name) == ("/", "/")


def test_rules_of_gitignore_are_those_of_the_place(tmp_path: Path) -> None:
    whole = whole_at(tmp_path)
    (tmp_path / "a/b").mkdir(parents=True)
    (tmp_path / "a/.gitignore").write_text("*.log\n")
    (tmp_path / "workspace/.gitignore").write_text("*\n")
    for name in ("x.log", "x.txt"):
        (tmp_path / "a/b" / name).write_text("")
    with whole.acting():
        globbed = fs.glob(whole, types.FsGlobParams(workspace="w", path="/a/b", pattern="*"))
    assert globbed.paths == ["/a/b/x.txt"]


def test_what_is_mounted_elsewhere_is_refused_and_not_kept_open(tmp_path: Path) -> None:
    whole = whole_at(tmp_path, mounts={-1})
    (tmp_path / "file").write_text("x")
    (tmp_path / "link").symlink_to("file")
    with whole.acting():
        before = open_descriptors()
        for path in ("/", "/file", "/link", "/workspace"):
            for call in (whole.open, whole.open_path, whole.opendir, whole.cwd, whole.stat):
                with pytest.raises(errors.PermissionDenied, match="not served"):
                    call(path)
        for path in ("/file", "/link"):
            with pytest.raises(errors.PermissionDenied, match="not served"), whole.open_target(path):
                raise AssertionError("not reached")
        with pytest.raises(acting.Refused):
            whole.open_plain(("workspace",))
        assert open_descriptors() == before


def test_nothing_is_touched_in_our_own_name(tmp_path: Path) -> None:
    whole = whole_at(tmp_path)
    (tmp_path / "file").write_text("x")
    for call in (whole.open, whole.stat, whole.opendir):
        with pytest.raises(RuntimeError, match="its user's name"):
            call("/file")
