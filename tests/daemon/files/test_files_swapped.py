"""What was a directory when it was listed is a link when it is opened: the moment that races hit, made certain."""

from __future__ import annotations

import os
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest
from files_support import SECRET, beneath_at
from nexus_sdk.protocol import errors
from nexus_sdk.protocol.types import FsCopyParams
from nexusd.files import operations as fs
from nexusd.files.beneath import Beneath, make_directory, open_entry
from nexusd.files.remove import _Removal, remove_tree
from nexusd.files.walk import Entry, walk


@pytest.fixture
def here(root: Path, outside: Path) -> Any:
    """The root, open, with a link to the outside in it."""
    (root / "link").symlink_to(outside)
    (root / "file").symlink_to(outside / "secret")
    fd = os.open(root, os.O_RDONLY)
    yield fd
    os.close(fd)


def test_removing_takes_the_link(here: int, root: Path) -> None:
    removal = _Removal(here)
    removal._directory(here, "link", 0)
    assert removal.count == 1 and not (root / "link").is_symlink()
    assert remove_tree(here, "file") == 1


def test_walking_does_not_enter(here: int, root: Path, outside: Path) -> None:
    (root / "d").mkdir()

    def swap(entry: Entry) -> bool:
        os.rmdir(root / "d")
        (root / "d").symlink_to(outside)
        return True

    unreadable: list[str] = []
    with closing(walk(here, ".", enter=swap, unreadable=unreadable.append)) as found:
        assert [entry.path for entry in found] == ["d", "file", "link"]
    assert unreadable == ["d"]


def test_opening_an_entry_does_not_follow(here: int) -> None:
    assert open_entry(here, "file") is None
    assert open_entry(here, "link") is None


def test_opening_known_components_does_not_follow(files: Beneath, here: int) -> None:
    for parts in (("link",), ("link", "full")):
        with pytest.raises(NotADirectoryError):
            files.open_plain(parts)


def test_copying_out_does_not_enter(
    files: Beneath, here: int, root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "d").mkdir()
    (root / "d" / "sub").symlink_to(outside)
    real = os.stat

    def followed(path: Any, *, dir_fd: int | None = None, follow_symlinks: bool = True) -> os.stat_result:
        return real(path, dir_fd=dir_fd, follow_symlinks=follow_symlinks or path == "sub")

    monkeypatch.setattr(os, "stat", followed)
    with pytest.raises(errors.PathNotFound):
        fs.copy(files, FsCopyParams(workspace="w", source="d", target="c", recursive=True))
    assert not (root / "c").exists()


def test_copying_in_does_not_enter(files: Beneath, here: int, root: Path) -> None:
    (root / "d" / "link").mkdir(parents=True)
    (root / "d" / "link" / "new").write_text("x")
    (root / "t").mkdir()
    os.rename(root / "link", root / "t" / "link")
    with pytest.raises(errors.PathExists):
        fs.copy(files, FsCopyParams(workspace="w", source="d", target="t", recursive=True, overwrite=True))


def test_making_a_directory_where_a_link_is(here: int, outside: Path) -> None:
    mode = os.stat(outside).st_mode
    with pytest.raises(FileExistsError):
        make_directory(here, "link", 0o700)
    assert os.stat(outside).st_mode == mode


def test_a_swapped_ancestor_does_not_lead_out(root: Path, outside: Path) -> None:
    """A directory that was opened stays what it was, wherever its name leads by now."""
    (root / "d").mkdir()
    (root / "d" / "f").write_text("inside")
    files = beneath_at(root)
    with files.open_parent("d/f") as (directory, name):
        os.rename(root / "d", root / "moved")
        (root / "d").symlink_to(outside)
        os.rename(directory_path(directory) / name, root / "moved" / "g")
        fd = open_entry(directory, "g")
        assert fd is not None
        assert os.read(fd, 100) == b"inside" != SECRET.encode()
        os.close(fd)


def directory_path(directory: int) -> Path:
    return Path(os.readlink(f"/proc/self/fd/{directory}"))
