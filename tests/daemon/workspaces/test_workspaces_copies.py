"""The files of checkpoints: saved whole, brought out whole, and exchanged so that a crash at any step can be mended."""

from __future__ import annotations

import errno
import os
import stat
from pathlib import Path
from typing import NoReturn

import pytest
from nexus_sdk.protocol.errors import StorageFull
from nexusd.workspaces import copies
from nexusd.workspaces.copies import Copies, Damaged


def never() -> bool:
    return False


def quiet(extent: object) -> None:
    pass


@pytest.fixture
def worktree(tmp_path: Path) -> Path:
    made = tmp_path / "worktree"
    (made / "folder").mkdir(parents=True)
    (made / "folder" / "file").write_text("content")
    (made / ".git").write_text("gitdir: elsewhere\n")
    return made


@pytest.fixture
def entry(tmp_path: Path) -> Path:
    made = tmp_path / "entry"
    made.mkdir()
    for name in ("HEAD", "index", "gitdir", "commondir", "MERGE_HEAD", "index.lock"):
        (made / name).write_text(name)
    return made


@pytest.fixture
def store(tmp_path: Path) -> Copies:
    return Copies(tmp_path / "home")


def test_one_is_there_when_it_is_finished(store: Copies, worktree: Path, entry: Path) -> None:
    extent = store.save("cp_a", worktree, entry, quiet, never)
    assert not store.complete("cp_a")
    assert store.names() == ["cp_a"]
    store.finish("cp_a")
    store.finish("cp_a")
    assert store.complete("cp_a")
    assert extent.entries == 2
    assert sorted(os.listdir(store.path("cp_a") / "git")) == ["HEAD", "MERGE_HEAD", "index"]
    for path in (store.root, store.path("cp_a")):
        assert stat.S_IMODE(path.stat().st_mode) == 0o700
    store.remove("cp_a")
    store.remove("cp_a")
    assert store.names() == []


def test_what_an_attempt_left_is_made_anew(store: Copies, worktree: Path, entry: Path) -> None:
    store.save("cp_a", worktree, entry, quiet, never)
    (store.partial("cp_a") / "tree" / "stray").write_text("x")
    (worktree / "folder" / "file").write_text("newer")
    store.save("cp_a", worktree, entry, quiet, never)
    assert sorted(os.listdir(store.partial("cp_a") / "tree")) == ["folder"]
    assert (store.partial("cp_a") / "tree" / "folder" / "file").read_text() == "newer"


def test_files_that_somebody_took_away_are_missed(store: Copies, worktree: Path, entry: Path, tmp_path: Path) -> None:
    extent = store.save("cp_a", worktree, entry, quiet, never)
    store.finish("cp_a")
    store.bring_out("cp_a", tmp_path / "out", extent.entries, quiet, never)
    assert (tmp_path / "out" / "folder" / "file").read_text() == "content"
    (store.path("cp_a") / "tree" / "folder" / "file").unlink()
    with pytest.raises(Damaged):
        store.bring_out("cp_a", tmp_path / "again", extent.entries, quiet, never)
    store.remove("cp_a")
    with pytest.raises(Damaged):
        store.bring_out("cp_a", tmp_path / "gone", extent.entries, quiet, never)
    with pytest.raises(Damaged):
        store.bring_out_git("cp_a", tmp_path / "git", lambda name: False)


def test_git_that_is_a_directory_is_a_tenants_own(store: Copies, worktree: Path, entry: Path, tmp_path: Path) -> None:
    (worktree / ".git").unlink()
    (worktree / ".git").mkdir()
    (worktree / ".git" / "config").write_text("theirs")
    extent = store.save("cp_a", worktree, entry, quiet, never)
    store.finish("cp_a")
    out = tmp_path / "out"
    out.mkdir()
    (out / ".git").write_text("gitdir: ours\n")
    store.bring_out("cp_a", out, extent.entries, quiet, never)
    copies.place_pointer(out, entry)
    assert (out / ".git" / "config").read_text() == "theirs"


def test_the_index_comes_last_and_in_one_step(store: Copies, worktree: Path, entry: Path, tmp_path: Path) -> None:
    store.save("cp_a", worktree, entry, quiet, never)
    store.finish("cp_a")
    fork = tmp_path / "fork"
    fork.mkdir()
    (fork / "HEAD").write_text("its own")
    (fork / "MERGE_HEAD").write_text("stale")
    store.bring_out_git("cp_a", fork, lambda name: name == "HEAD")
    found = {path.name: path.read_text() for path in fork.iterdir()}
    assert found == {"HEAD": "its own", "MERGE_HEAD": "MERGE_HEAD", "index": "index"}


def test_a_disk_without_room_is_named(store: Copies) -> None:
    store.require_room(0)
    with pytest.raises(StorageFull) as caught:
        store.require_room(1 << 62)
    assert str(store.root) in caught.value.message


def pair(tmp_path: Path) -> tuple[Path, Path, int, int]:
    """Two directories that say what they are, on two levels, and their inodes."""
    place, other = tmp_path / "there" / "place", tmp_path / "elsewhere" / "staged"
    for path, what in ((place, "old"), (other, "new")):
        path.mkdir(parents=True)
        (path / what).touch()
    return place, other, copies.inode(place), copies.inode(other)


@pytest.fixture(params=["exchange", "renames"])
def way(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> str:
    """A filesystem that can exchange two names, and one that cannot."""

    def cannot(*args: object) -> NoReturn:
        raise OSError(errno.EINVAL, "cannot exchange")

    if request.param == "renames":
        monkeypatch.setattr(copies, "rename_exchange", cannot)
    return str(request.param)


def holds(place: Path, other: Path) -> tuple[list[str], list[str]]:
    assert sorted(os.listdir(other.parent)) == [other.name], "nothing is left aside"
    return os.listdir(place), os.listdir(other)


def test_two_directories_change_places_and_back(way: str, tmp_path: Path) -> None:
    place, other, old, new = pair(tmp_path)
    for _ in range(2):
        copies.swap(place, other, new)
        assert holds(place, other) == (["new"], ["old"])
    for _ in range(2):
        copies.swap(place, other, old)
        assert holds(place, other) == (["old"], ["new"])


class Died(BaseException):
    pass


@pytest.mark.parametrize("goes_on", ["new", "old"])
@pytest.mark.parametrize("point", ["checkpoint.swap.aside", "checkpoint.swap.placed"])
def test_renames_that_were_cut_are_mended(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, point: str, goes_on: str
) -> None:
    place, other, old, new = pair(tmp_path)

    def cannot(*args: object) -> NoReturn:
        raise OSError(errno.EINVAL, "cannot exchange")

    def die(name: str) -> None:
        if name == point:
            raise Died

    monkeypatch.setattr(copies, "rename_exchange", cannot)
    with monkeypatch.context() as patch:
        patch.setattr(copies, "failpoint", die)
        with pytest.raises(Died):
            copies.swap(place, other, new)
    copies.swap(place, other, new if goes_on == "new" else old)
    assert holds(place, other) == ((["new"], ["old"]) if goes_on == "new" else (["old"], ["new"]))


def test_what_is_at_neither_place_cannot_be_put_there(tmp_path: Path) -> None:
    place, other, _, _ = pair(tmp_path)
    with pytest.raises(FileNotFoundError):
        copies.swap(place, other, 1)
    assert holds(place, other) == (["old"], ["new"])


async def test_errors_of_the_system_are_named(store: Copies) -> None:
    def full(cancelled: object) -> NoReturn:
        raise OSError(errno.ENOSPC, "No space left on device", "/there")

    with pytest.raises(StorageFull) as caught:
        await store.run(full, what="copying")
    assert "everything is as it was" in caught.value.message
