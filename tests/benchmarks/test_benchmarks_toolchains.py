"""Where Go and Node.js are missing and cannot be installed, the rows say so, and nothing breaks."""

from __future__ import annotations

import dataclasses
import shutil
import tempfile
from pathlib import Path

import pytest

from benchmarks import __main__ as program
from benchmarks import programs, toolchains
from benchmarks.dockerd import OwnEngine
from benchmarks.measures import ALL
from benchmarks.sizes import MIB, QUICK
from benchmarks.toolchains import Unavailable, go_program, node_path


@pytest.fixture
def bare_machine(monkeypatch, tmp_path):
    """Neither language, and no package index."""
    monkeypatch.setattr(toolchains.shutil, "which", lambda name: None)
    monkeypatch.setattr(toolchains.importlib.util, "find_spec", lambda name: None)
    monkeypatch.setattr(programs, "_toolchain", lambda name: tmp_path / name)
    monkeypatch.setenv("PIP_NO_INDEX", "1")


@pytest.mark.parametrize(("make", "hint"), [(go_program, "https://go.dev/dl/"), (node_path, "https://nodejs.org/")])
def test_a_toolchain_that_cannot_be_had_names_what_to_do(bare_machine, tmp_path, make, hint):
    with pytest.raises(Unavailable, match=hint):
        make(tmp_path / "target")


def test_the_rows_say_what_is_missing(bare_machine):
    sizes = dataclasses.replace(QUICK, rounds=1, calls=40, runs=1, transfer=MIB, transfers=1, clients=1)
    chosen = {name: ALL[name] for name in ("client-go", "client-typescript", "client-python")}
    go, typescript, *python = program.run(chosen, sizes)
    for row, hint in ((go, "https://go.dev/dl/"), (typescript, "https://nodejs.org/")):
        assert not row.ok
        assert hint in row.problem
    assert [row.problem for row in python] == [""] * 4


def test_what_was_installed_before_is_used_again(bare_machine, tmp_path):
    go = tmp_path / "go" / "go" / "bin" / "go"
    npm = tmp_path / "node" / "bin" / "npm"
    for installed in (go, npm):
        installed.parent.mkdir(parents=True)
        installed.touch()
    assert go_program(tmp_path / "go") == go
    assert node_path(tmp_path / "node") == str(npm.parent)


def test_an_engine_is_where_temporary_files_are_unless_its_sockets_had_no_name_there(monkeypatch):
    short = tempfile.mkdtemp(prefix="nx", dir="/tmp")
    try:
        long = Path(short) / ("x" * 60)
        long.mkdir()
        for folder, expected in ((short, short), (str(long), "/tmp")):
            monkeypatch.setattr(tempfile, "tempdir", folder)
            made = OwnEngine(apart=True)
            made.close()
            assert str(made.root.parent) == expected
    finally:
        shutil.rmtree(short)
