"""Real repositories, made with the real git, with a configuration of their own."""

from __future__ import annotations

import os
import subprocess
from collections.abc import Callable
from pathlib import Path

import pytest
from nexusd.git import worktrees
from nexusd.git.layout import Checkout

GitCall = Callable[..., str]


@pytest.fixture(autouse=True)
def own_configuration(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Git's configuration of "the user": an identity, and nothing of whoever runs the tests."""
    config = tmp_path / "gitconfig"
    config.write_text("[user]\n\tname = Ada\n\temail = ada@example.org\n[init]\n\tdefaultBranch = main\n")
    monkeypatch.setenv("GIT_CONFIG_GLOBAL", str(config))
    monkeypatch.setenv("GIT_CONFIG_SYSTEM", os.devnull)
    monkeypatch.setenv("HOME", str(tmp_path / "nobody"))
    for name in ("GIT_DIR", "GIT_WORK_TREE", "GIT_INDEX_FILE", "EMAIL"):
        monkeypatch.delenv(name, raising=False)
    return config


@pytest.fixture
def git() -> GitCall:
    """Run git in a directory and give its output; a failure fails the test."""

    def call(cwd: Path, *argv: str, stdin: str = "") -> str:
        done = subprocess.run(["git", *argv], cwd=cwd, input=stdin, capture_output=True, text=True, timeout=60)
        assert done.returncode == 0, f"git {' '.join(argv)}: {done.stderr}"
        return done.stdout.strip()

    return call


@pytest.fixture
def repo(tmp_path: Path, git: GitCall) -> Path:
    """A repository with two commits on main, a tag, and a branch."""
    path = tmp_path / "project"
    path.mkdir()
    git(path, "init", "--quiet")
    (path / "a.txt").write_text("one\ntwo\nthree\n")
    (path / "sub").mkdir()
    (path / "sub" / "b.txt").write_text("b\n")
    (path / ".gitignore").write_text("*.log\n")
    git(path, "add", ".")
    git(path, "commit", "--quiet", "-m", "first")
    git(path, "tag", "v1")
    git(path, "branch", "feature")
    (path / "a.txt").write_text("one\ntwo\nthree\nfour\n")
    git(path, "commit", "--quiet", "-am", "second\n\nIn more words.")
    return path


@pytest.fixture
def home(tmp_path: Path) -> Path:
    """NEXUS_HOME."""
    path = tmp_path / "home"
    path.mkdir(mode=0o700)
    return path


@pytest.fixture
def library(tmp_path: Path, git: GitCall) -> Path:
    """A repository that becomes a submodule."""
    path = tmp_path / "library"
    path.mkdir()
    git(path, "init", "--quiet")
    (path / "lib.txt").write_text("lib\n")
    git(path, "add", ".")
    git(path, "commit", "--quiet", "-m", "library")
    return path


@pytest.fixture
async def submodule(repo: Path, library: Path, git: GitCall, own_configuration: Path) -> Checkout:
    """A worktree with a submodule, `lib`, that is checked out."""
    with own_configuration.open("a") as config:
        config.write('[protocol "file"]\n\tallow = always\n')
    git(repo, "submodule", "--quiet", "add", str(library), "lib")
    git(repo, "commit", "--quiet", "-m", "with a submodule")
    place = repo / ".nexus" / "worktrees" / "w"
    await worktrees.create(repo, place, "nexus/w", git(repo, "rev-parse", "main"))
    git(place, "submodule", "--quiet", "update", "--init")
    return Checkout.find(repo, place)
