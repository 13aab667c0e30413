"""fs.mkdir, fs.remove, fs.rename, fs.copy, fs.chmod and fs.symlink."""

from __future__ import annotations

import os
import threading
from pathlib import Path
from typing import Any

import pytest
from files_support import SECRET, beneath_at, open_descriptors, snapshot
from nexus_sdk.protocol import errors
from nexus_sdk.protocol.types import (
    FileInfo,
    FsChmodParams,
    FsCopyParams,
    FsMkdirParams,
    FsRemoveParams,
    FsRenameParams,
    FsSymlinkParams,
)
from nexusd.files import operations as fs
from nexusd.files import stage
from nexusd.files.beneath import Beneath
from nexusd.files.copytree import Copying


def mkdir(files: Beneath, path: str, **more: Any) -> FileInfo:
    return fs.mkdir(files, FsMkdirParams(workspace="w", path=path, **more))


def remove(files: Beneath, path: str, **more: Any) -> int:
    return fs.remove(files, FsRemoveParams(workspace="w", path=path, **more)).removed


def rename(files: Beneath, source: str, target: str, **more: Any) -> FileInfo:
    return fs.rename(files, FsRenameParams(workspace="w", source=source, target=target, **more))


def copy(files: Beneath, source: str, target: str, **more: Any) -> FileInfo:
    return fs.copy(files, FsCopyParams(workspace="w", source=source, target=target, **more))


def symlink(files: Beneath, path: str, target: str, **more: Any) -> FileInfo:
    return fs.symlink(files, FsSymlinkParams(workspace="w", path=path, target=target, **more))


# mkdir


def test_mkdir_has_the_mode_asked_for(files: Beneath, root: Path) -> None:
    old = os.umask(0o077)
    try:
        assert mkdir(files, "a").mode == "755"
        assert mkdir(files, "a/b/c", parents=True, mode="1777").mode == "1777"
    finally:
        os.umask(old)
    assert os.stat(root / "a" / "b").st_mode & 0o7777 == 0o755


def test_mkdir_where_something_is(files: Beneath, root: Path) -> None:
    (root / "file").write_text("x")
    (root / "d").mkdir()
    (root / "link").symlink_to("d")
    for path, more in (("d", {}), ("file", {}), ("file", {"parents": True}), (".", {}), ("link", {})):
        with pytest.raises(errors.PathExists):
            mkdir(files, path, **more)
    for path in ("d", ".", "link"):
        mkdir(files, path, parents=True)
    with pytest.raises(errors.PathNotFound):
        mkdir(files, "x/y")
    with pytest.raises(errors.PathNotFound):
        mkdir(files, "file/x/y", parents=True)
    assert sorted(os.listdir(root)) == ["d", "file", "link"]


# remove


def test_remove_counts_and_never_follows(files: Beneath, root: Path, outside: Path) -> None:
    (root / "d" / "e").mkdir(parents=True)
    (root / "d" / "f").write_text("x")
    (root / "d" / "link").symlink_to(outside)
    (root / "d" / "e" / "up").symlink_to("../..")
    os.mkfifo(root / "d" / "fifo")
    (root / "away").symlink_to(outside)
    with pytest.raises(errors.DirectoryNotEmpty):
        remove(files, "d")
    assert remove(files, "d", recursive=True) == 6
    assert remove(files, "away", recursive=True) == 1
    assert os.listdir(root) == []


def test_remove_what_is_missing_and_the_root(files: Beneath, root: Path) -> None:
    with pytest.raises(errors.PathNotFound):
        remove(files, "x")
    assert remove(files, "x", missing_ok=True) == 0
    assert remove(files, "x/y/z", missing_ok=True) == 0
    (root / "f").write_text("x")
    for path in (".", "f/..", str(root)):
        with pytest.raises(errors.PathInvalid):
            remove(files, path, recursive=True, missing_ok=True)
    assert (root / "f").exists()


def test_remove_a_tree_deeper_than_there_are_descriptors(files: Beneath, root: Path) -> None:
    place = os.open(root, os.O_RDONLY)
    for _ in range(2000):
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
    before = open_descriptors()
    assert remove(files, "d", recursive=True) == 2000
    assert os.listdir(root) == [] and open_descriptors() == before


def test_remove_while_somebody_adds(files: Beneath, root: Path) -> None:
    (root / "d").mkdir()
    for number in range(500):
        (root / "d" / str(number)).write_text("")
    stop = threading.Event()

    def add() -> None:
        for number in range(100_000):
            if stop.is_set():
                return
            try:
                (root / "d" / f"new{number}").write_text("")
            except OSError:
                return

    thread = threading.Thread(target=add)
    thread.start()
    try:
        assert remove(files, "d", recursive=True) >= 501
        assert not (root / "d").exists()
    except errors.DirectoryNotEmpty:
        assert (root / "d").is_dir()
    finally:
        stop.set()
        thread.join()


# rename


@pytest.mark.parametrize("exclusive", [True, False], ids=["renameat2", "without"])
def test_rename_replaces_only_when_told(
    files: Beneath, root: Path, exclusive: bool, monkeypatch: pytest.MonkeyPatch
) -> None:
    if not exclusive:

        def missing(*_: object) -> None:
            raise OSError(38, "no such call")

        monkeypatch.setattr(stage, "rename_exclusive", missing)
    (root / "a").write_text("a")
    (root / "b").write_text("b")
    (root / "d").mkdir()
    (root / "d" / "x").write_text("x")
    (root / "empty").mkdir()
    (root / "link").symlink_to("a")
    with pytest.raises(errors.PathExists):
        rename(files, "a", "b")
    with pytest.raises(errors.PathExists):
        rename(files, "empty", "d")
    assert (root / "b").read_text() == "b"
    assert rename(files, "a", "new/deep/a", parents=True).path == "new/deep/a"
    assert rename(files, "new/deep/a", "b", overwrite=True).size == 1
    assert rename(files, "link", "moved").type == "symlink"
    assert rename(files, "d", "e").type == "directory"
    assert (root / "b").read_text() == "a" and (root / "e" / "x").read_text() == "x"


@pytest.mark.parametrize(
    ("source", "target", "more", "error"),
    [
        ("missing", "x", {}, errors.PathNotFound),
        ("a", "no/x", {}, errors.PathNotFound),
        ("a", "d", {"overwrite": True}, errors.PathExists),
        ("d", "a", {"overwrite": True}, errors.NotADirectory),
        ("empty", "d", {"overwrite": True}, errors.DirectoryNotEmpty),
        ("d", "d/inside", {}, errors.PathInvalid),
        ("d", "d/inside", {"overwrite": True}, errors.PathInvalid),
        (".", "x", {}, errors.PathInvalid),
        ("a", ".", {"overwrite": True}, errors.PathInvalid),
        ("a", "away/x", {}, errors.PathEscapes),
        ("away/secret", "x", {}, errors.PathEscapes),
        ("missing", "made/for/x", {"parents": True}, errors.PathNotFound),
    ],
)
def test_a_refused_rename_changes_nothing(
    files: Beneath, root: Path, outside: Path, source: str, target: str, more: Any, error: type[errors.NexusError]
) -> None:
    (root / "a").write_text("a")
    (root / "d").mkdir()
    (root / "d" / "x").write_text("x")
    (root / "empty").mkdir()
    (root / "away").symlink_to("../outside")
    before = set(snapshot(root))
    with pytest.raises(error):
        rename(files, source, target, **more)
    assert set(snapshot(root)) == before


# copy


def test_copy_a_file_and_a_tree(files: Beneath, root: Path, outside: Path) -> None:
    (root / "d" / "e").mkdir(parents=True)
    (root / "d" / "f").write_bytes(os.urandom(3_000_000))
    os.chmod(root / "d" / "f", 0o4750)
    (root / "d" / "link").symlink_to("../../outside/secret")
    told: list[int] = []
    fs.copy(files, FsCopyParams(workspace="w", source="d/f", target="g"), progress=told.append)
    assert (root / "g").read_bytes() == (root / "d" / "f").read_bytes() and told[-1] == 3_000_000
    assert os.stat(root / "g").st_mode & 0o7777 == 0o750
    with pytest.raises(errors.NotAFile):
        copy(files, "d", "copy")
    assert copy(files, "d", "new/copy", recursive=True, parents=True).type == "directory"
    assert os.readlink(root / "new" / "copy" / "link") == "../../outside/secret"
    assert (root / "new" / "copy" / "f").read_bytes() == (root / "g").read_bytes()
    with pytest.raises(errors.PathExists):
        copy(files, "d", "new/copy", recursive=True)
    assert copy(files, "d/link", "l").type == "symlink"


def test_copy_into_what_is_there(files: Beneath, root: Path) -> None:
    for place in ("s", "t"):
        (root / place).mkdir()
        (root / place / "both").write_text(place)
        (root / place / place).write_text(place)
    (root / "t" / "linked").symlink_to("t")
    copy(files, "s", "t", recursive=True, overwrite=True)
    assert (root / "t" / "both").read_text() == "s" and (root / "t" / "t").read_text() == "t"
    with pytest.raises(errors.PathExists):
        copy(files, "s/s", "t/both")
    copy(files, "s/s", "t/linked", overwrite=True)
    assert (root / "t" / "linked").is_symlink() and (root / "t" / "t").read_text() == "s"


@pytest.mark.parametrize(
    ("source", "target", "more", "error"),
    [
        ("d", "d/inside", {"recursive": True}, errors.PathInvalid),
        (".", "d/inside", {"recursive": True}, errors.PathInvalid),
        ("d", "d/e/deep/er", {"recursive": True, "parents": True}, errors.PathInvalid),
        ("special", "x", {"recursive": True}, errors.NotAFile),
        ("special/fifo", "x", {}, errors.NotAFile),
        ("d", "f", {"recursive": True, "overwrite": True}, errors.PathExists),
        ("f", "d", {"overwrite": True}, errors.NotAFile),
        ("away/secret", "x", {}, errors.PathEscapes),
        ("f", "away/x", {}, errors.PathEscapes),
        ("f", "away", {"overwrite": True}, errors.NotAFile),
    ],
)
def test_a_refused_copy_changes_nothing(
    files: Beneath, root: Path, outside: Path, source: str, target: str, more: Any, error: type[errors.NexusError]
) -> None:
    (root / "d" / "e").mkdir(parents=True)
    (root / "f").write_text("f")
    (root / "special").mkdir()
    (root / "special" / "a").write_text("a")
    os.mkfifo(root / "special" / "fifo")
    (root / "away").symlink_to("../outside")
    before, descriptors = set(snapshot(root)), open_descriptors()
    with pytest.raises((error, errors.PathEscapes) if target == "away" else error):
        copy(files, source, target, **more)
    assert set(snapshot(root)) == before and open_descriptors() == descriptors


def test_a_copy_that_was_moved_into_its_source_ends(root: Path) -> None:
    (root / "a" / "deep").mkdir(parents=True)
    (root / "a" / "f").write_text("x")
    source, made = (os.open(path, os.O_RDONLY) for path in (root / "a", root / "a" / "deep"))
    try:
        copying = Copying("a", None, lambda: False)
        copying.forbid(made)
        with pytest.raises(errors.PathInvalid, match="into itself"):
            copying.tree(source, made, overwrite=False)
    finally:
        os.close(source)
        os.close(made)
    assert not (root / "a" / "deep" / "deep").exists() or not any((root / "a" / "deep" / "deep").iterdir())


def test_a_cancelled_copy_leaves_nothing(files: Beneath, root: Path) -> None:
    (root / "d").mkdir()
    for number in range(20):
        (root / "d" / str(number)).write_text("x")
    asked: list[int] = []

    def cancelled() -> bool:
        asked.append(1)
        return len(asked) > 10

    with pytest.raises(errors.Cancelled):
        fs.copy(files, FsCopyParams(workspace="w", source="d", target="c", recursive=True), cancelled=cancelled)
    assert os.listdir(root) == ["d"]


# chmod


def test_chmod_follows_inside_only(files: Beneath, root: Path, outside: Path) -> None:
    (root / "f").write_text("x")
    os.chmod(root / "f", 0)
    (root / "link").symlink_to("f")
    (root / "away").symlink_to("../outside/secret")
    os.mkfifo(root / "fifo")

    def chmod(path: str, mode: str) -> FileInfo:
        return fs.chmod(files, FsChmodParams(workspace="w", path=path, mode=mode))

    assert chmod("link", "640").mode == "640"
    assert os.stat(root / "f").st_mode & 0o7777 == 0o640
    with pytest.raises(errors.PathEscapes):
        chmod("away", "777")
    for path, mode in (("f", "4755"), ("f", "2755"), ("fifo", "666")):
        with pytest.raises(errors.PermissionDenied):
            chmod(path, mode)
    assert os.stat(root / "f").st_mode & 0o7777 == 0o640


# symlink


def test_links_that_stay_inside(files: Beneath, root: Path) -> None:
    (root / "d").mkdir()
    (root / "d" / "f").write_text("x")
    assert symlink(files, "a", "d/f").target == "d/f"
    assert symlink(files, "d/up", "../d/f").target == "../d/f"
    assert symlink(files, "d/abs", str(root / "d" / "f")).target == "f"
    assert symlink(files, "dangling", "nothing").target == "nothing"
    for name in ("a", "d/up", "d/abs"):
        assert files.stat(name).st_size == 1
    with pytest.raises(errors.PathExists):
        symlink(files, "a", "d")
    assert symlink(files, "a", "d", overwrite=True).target == "d"
    with pytest.raises(errors.PathExists):
        symlink(files, "d/f", "x", overwrite=True)


@pytest.mark.parametrize("target", ["/etc/passwd", "..", "../x", "d/../../x", "../root/d", "/"])
def test_links_that_leave_are_not_made(files: Beneath, root: Path, target: str) -> None:
    (root / "d").mkdir()
    with pytest.raises(errors.PathEscapes):
        symlink(files, "link", target)
    with pytest.raises(errors.PathInvalid):
        symlink(files, "link", "a\0b")
    assert os.listdir(root) == ["d"]


def test_where_a_link_is_decides_what_leaves(files: Beneath, root: Path) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (root / "deep").symlink_to("a/b")
    assert symlink(files, "deep/l", "../../x").target == "../../x"
    with pytest.raises(errors.PathEscapes):
        symlink(files, "deep/m", "../../../x")


def test_in_a_whole_filesystem_absolute_links_are_kept(root: Path) -> None:
    (root / "etc").mkdir()
    (root / "etc" / "x").write_text(SECRET)
    files = beneath_at(root, in_root=True, seen_as="/")
    assert symlink(files, "l", "/etc/x").target == "/etc/x"
    assert files.stat("l").st_size == len(SECRET)
