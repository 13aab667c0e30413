"""Which workspace and repository are meant."""

from __future__ import annotations

import re
from dataclasses import dataclass, field
from pathlib import Path
from types import SimpleNamespace

import pytest
from boulder.names import around, checkout, from_branch, from_source, inside, is_name, is_url
from daemon_process import git, make_repository
from hypothesis import given
from hypothesis import strategies as st


@dataclass
class Workspace:
    """As much of a workspace as matters here."""

    id: str
    worktree: str
    repository: SimpleNamespace = field(default_factory=lambda: SimpleNamespace(path=""))
    current: bool = False


@pytest.mark.parametrize(
    ("branch", "name"),
    [
        ("main", "main"),
        ("nexus/fix-login", "fix-login"),
        ("feature/Add_Things!", "feature-add-things"),
        ("--", None),
        ("ü", None),
        ("x" * 80, "x" * 63),
        ("a" * 62 + "-b", "a" * 62),
    ],
)
def test_from_branch(branch: str, name: str | None) -> None:
    assert from_branch(branch) == name


@given(st.text())
def test_a_name_from_a_branch_is_valid(branch: str) -> None:
    name = from_branch(branch)
    assert name is None or re.fullmatch(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?", name)


@pytest.mark.parametrize(
    ("source", "name"),
    [
        ("https://example.org/team/Billing.git", "billing"),
        ("git@example.org:team/billing.git", "billing"),
        ("ssh://git@example.org/billing/", "billing"),
        ("https://example.org/", None),
    ],
)
def test_from_source(source: str, name: str | None) -> None:
    assert from_source(source) == name


@pytest.mark.parametrize("name", ["a", "fix-login", "0", "a" * 63])
def test_is_name(name: str) -> None:
    assert is_name(name)


@pytest.mark.parametrize("name", ["", "Fix", "a b", "-a", "a-", "a" * 64, "a\n", "a/b", "é"])
def test_is_no_name(name: str) -> None:
    assert not is_name(name)


def test_is_url(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.chdir(tmp_path)
    (tmp_path / "odd:name").mkdir()
    assert is_url("https://example.org/x") and is_url("git@example.org:x.git") and is_url("file:///srv/x")
    assert not is_url("odd:name") and not is_url("../x") and not is_url("/srv/x")


def test_checkout(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "repository")
    (repository / "src" / "deep").mkdir(parents=True)
    found = checkout(repository / "src" / "deep")
    assert found is not None and found.root == repository and found.branch == "main"
    git("worktree", "add", "-q", "-b", "other", str(tmp_path / "linked"), cwd=repository)
    linked = checkout(tmp_path / "linked")
    assert linked is not None and linked.root == repository and linked.branch == "other"
    git("checkout", "-q", "--detach", cwd=repository)
    detached = checkout(repository)
    assert detached is not None and detached.branch is None
    assert checkout(tmp_path) is None


def test_checkout_of_a_bare_repository(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "repository")
    git("clone", "-q", "--bare", str(repository), str(tmp_path / "bare.git"), cwd=tmp_path)
    found = checkout(tmp_path / "bare.git")
    assert found is not None and found.root == tmp_path / "bare.git"


def test_inside_takes_the_innermost(tmp_path: Path) -> None:
    outer, inner = Workspace("a", str(tmp_path / "a")), Workspace("b", str(tmp_path / "a" / "deep"))
    (tmp_path / "a" / "deep" / "er").mkdir(parents=True)
    (tmp_path / "ab").mkdir()
    assert inside([outer, inner], tmp_path / "a" / "deep" / "er") is inner
    assert inside([outer, inner], tmp_path / "a") is outer
    # a name that begins with another one is not below it
    assert inside([outer, inner], tmp_path / "ab") is None
    assert inside([Workspace("c", "")], tmp_path) is None


def test_around(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.delenv("NEXUS_WORKSPACE", raising=False)
    repository = make_repository(tmp_path / "repository")
    here = SimpleNamespace(path=str(repository))
    first, second = Workspace("a", "/w/a", here), Workspace("b", "/w/b", here)
    other = Workspace("c", "/w/c", SimpleNamespace(path="/elsewhere"), current=True)
    assert around([first, other], repository) is first
    assert around([first, second, other], repository) is None
    second.current = True
    assert around([first, second, other], repository) is second
    first.current = True  # another owner's
    assert around([first, second, other], repository) is None
    monkeypatch.setenv("NEXUS_WORKSPACE", "c")
    assert around([first, second, other], repository) is other
