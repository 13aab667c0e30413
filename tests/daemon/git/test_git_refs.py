"""Names to commits."""

from __future__ import annotations

import subprocess
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nexus_sdk.protocol.errors import RefNotFound
from nexusd.git import refs
from nexusd.git.command import Git


@pytest.mark.parametrize("revision", ["main", "HEAD", "v1", "feature", "HEAD~1", "HEAD^", "refs/heads/main"])
async def test_revisions_are_found(repo: Path, git, revision: str) -> None:
    found = await refs.find(Git(cwd=repo), revision)
    assert found.commit == git(repo, "rev-parse", f"{revision}^{{commit}}")


async def test_a_branch_comes_before_a_tag_of_the_same_name(repo: Path, git) -> None:
    git(repo, "tag", "main", "main~1")
    found = await refs.find(Git(cwd=repo), "main")
    assert found == refs.Found(git(repo, "rev-parse", "refs/heads/main"), "refs/heads/main")


async def test_an_annotated_tag_is_its_commit(repo: Path, git) -> None:
    git(repo, "tag", "-a", "-m", "x", "v2")
    assert (await refs.find(Git(cwd=repo), "v2")).commit == git(repo, "rev-parse", "HEAD")


async def test_an_abbreviated_hash_is_found(repo: Path, git) -> None:
    full = git(repo, "rev-parse", "HEAD")
    assert (await refs.find(Git(cwd=repo), full[:10])).commit == full


@pytest.mark.parametrize(
    "revision",
    [
        "--upload-pack=touch x",
        "-upload-pack",
        "--output=/tmp/x",
        "-h",
        "nothing",
        "main:a.txt",
        ":/first",
        "main..feature",
        "HEAD@{1}",
        "@{-1}",
        "main\nHEAD",
        "main HEAD",
        "",
        "0" * 40,
        "main^{/first}",
        "*",
    ],
)
async def test_everything_else_is_not(repo: Path, revision: str) -> None:
    with pytest.raises(RefNotFound):
        await refs.find(Git(cwd=repo), revision)


async def test_an_empty_repository_says_so(tmp_path: Path, git) -> None:
    git(tmp_path, "init", "--quiet", "empty")
    with pytest.raises(RefNotFound, match="no commits yet"):
        await refs.find(Git(cwd=tmp_path / "empty"), "HEAD")


_ALPHABET = st.sampled_from([*"abZ09-./@{}~^:?*[]\\ \t\x7f_+é\u2026", ".lock", "HEAD", "..", "@{", "//"])


@settings(max_examples=150, deadline=None)
@given(name=st.lists(_ALPHABET, min_size=1, max_size=6).map("".join))
def test_branch_names_agree_with_git(name: str) -> None:
    verdict = subprocess.run(["git", "check-ref-format", f"refs/heads/{name}"], capture_output=True)
    allowed = verdict.returncode == 0 and not name.startswith("-") and name != "HEAD"
    if name == "@":
        allowed = False  # allowed below refs/heads, but it is another name of HEAD everywhere else
    assert refs.is_branch_name(name) == allowed
