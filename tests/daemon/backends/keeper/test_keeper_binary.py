"""The program of nexus-init, as the package carries it and as machines are given it."""

from __future__ import annotations

import os
from pathlib import Path

import pytest
from nexus_sdk.protocol.errors import BackendFailed
from nexusd.backends.keeper import binary as module
from nexusd.backends.keeper.binary import binary

NAME = "nexus-init-amd64"


@pytest.fixture
def package(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """A package whose installer forgot that programs are executable."""
    folder = tmp_path / "package"
    folder.mkdir()
    (folder / NAME).write_bytes(b"one")
    (folder / NAME).chmod(0o644)
    monkeypatch.setattr(module, "DIRECTORY", folder)
    return folder


def test_a_copy_can_be_executed_by_everybody(package: Path, tmp_path: Path) -> None:
    keep = tmp_path / "state" / "programs"
    with pytest.raises(BackendFailed, match="cannot be executed"):
        binary("amd64")
    copy = binary("amd64", keep)
    assert (copy, copy.read_bytes(), copy.stat().st_mode & 0o777) == (keep / NAME, b"one", 0o755)
    assert os.listdir(keep) == [NAME]


def test_a_copy_is_made_once_and_again_when_the_package_has_another(package: Path, tmp_path: Path) -> None:
    first = binary("amd64", tmp_path / "keep").stat()
    assert binary("amd64", tmp_path / "keep").stat().st_ino == first.st_ino
    # as long, and as old: the bytes decide
    (package / NAME).write_bytes(b"two")
    os.utime(package / NAME, ns=(first.st_atime_ns, first.st_mtime_ns))
    second = binary("amd64", tmp_path / "keep")
    assert (second.read_bytes(), second.stat().st_ino != first.st_ino) == (b"two", True), "what runs keeps its file"


def test_a_copy_that_was_damaged_is_mended(package: Path, tmp_path: Path) -> None:
    copy = binary("amd64", tmp_path / "keep")
    copy.chmod(0o644)
    assert os.access(binary("amd64", tmp_path / "keep"), os.X_OK)
    copy.write_bytes(b"on")
    assert binary("amd64", tmp_path / "keep").read_bytes() == b"one"


def test_a_place_that_cannot_be_written(package: Path, tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(BackendFailed, match="cannot be copied to") as failed:
        binary("amd64", tmp_path / "file" / "keep")
    assert failed.value.hint


def test_an_installation_without_it(package: Path, tmp_path: Path) -> None:
    with pytest.raises(BackendFailed, match="nexus-init for riscv64 is missing from this installation") as failed:
        binary("riscv64", tmp_path / "keep")
    assert "make init" in failed.value.hint
    assert not (tmp_path / "keep").exists()
