"""fs.glob, beside a naive matcher."""

from __future__ import annotations

import os
import re
from pathlib import Path
from typing import Any

import pytest
from files_support import beneath_at
from hypothesis import given, settings
from hypothesis import strategies as st
from nexus_sdk.protocol import errors
from nexus_sdk.protocol.types import FsGlobbed, FsGlobParams
from nexusd.files import operations as fs
from nexusd.files.beneath import Beneath


def glob(files: Beneath, pattern: str, **more: Any) -> FsGlobbed:
    return fs.glob(files, FsGlobParams(workspace="w", pattern=pattern, **more))


@pytest.fixture
def tree(root: Path) -> Path:
    for path in (
        "a.py",
        "src/b.py",
        "src/deep/c.py",
        "src/deep/d.txt",
        ".hidden/e.py",
        "é.py",
        "build/out.py",
        "src/[x].py",
    ):
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text("")
    (root / ".gitignore").write_text("build/\n")
    return root


@pytest.mark.parametrize(
    ("pattern", "found"),
    [
        ("*.py", ["a.py", "é.py"]),
        ("?.py", ["a.py", "é.py"]),
        ("**/*.py", [".hidden/e.py", "a.py", "src/[x].py", "src/b.py", "src/deep/c.py", "é.py"]),
        ("src/**", ["src/[x].py", "src/b.py", "src/deep", "src/deep/c.py", "src/deep/d.txt"]),
        ("src/**/c.py", ["src/deep/c.py"]),
        ("src/**/", ["src/deep"]),
        ("s[r]c/[!a-c].py", []),
        ("src/[[]x[]].py", ["src/[x].py"]),
        ("src/\\[x].py", ["src/[x].py"]),
        ("./src//b.py", ["src/b.py"]),
        ("build/*", []),
        ("nothing/*", []),
    ],
)
def test_patterns(files: Beneath, tree: Path, pattern: str, found: list[str]) -> None:
    assert glob(files, pattern).paths == found


def test_start_limit_and_what_git_ignores(files: Beneath, tree: Path) -> None:
    assert glob(files, "*.py", path="src").paths == ["src/[x].py", "src/b.py"]
    assert glob(files, "build/*", gitignore=False).paths == ["build/out.py"]
    assert glob(files, "*", path="build").paths == ["build/out.py"]
    short = glob(files, "**/*.py", limit=2)
    assert (short.paths, short.truncated) == ([".hidden/e.py", "a.py"], True)
    assert not glob(files, "**/*.py", limit=6).truncated
    with pytest.raises(errors.NotADirectory):
        glob(files, "*", path="a.py")


@pytest.mark.parametrize("pattern", ["/etc/*", "../*", "a/../b", "[", "a\\", "a\0", "/", "[[:nope:]]"])
def test_patterns_that_are_none(files: Beneath, pattern: str) -> None:
    with pytest.raises(errors.PatternInvalid):
        glob(files, pattern)


def test_links_are_found_and_not_followed(files: Beneath, root: Path, outside: Path) -> None:
    (root / "link").symlink_to(outside)
    assert glob(files, "**").paths == ["link"]


def test_a_hostile_pattern_does_not_hang(files: Beneath, root: Path) -> None:
    (root / ("a" * 250)).mkdir()
    assert glob(files, "*a" * 40 + "b").paths == []
    assert glob(files, "**/" * 1000 + "x").paths == []


@settings(max_examples=100, deadline=None)
@given(
    paths=st.sets(st.lists(st.sampled_from("abc"), min_size=1, max_size=4).map("/".join), max_size=8),
    parts=st.lists(st.sampled_from(["a", "b", "*", "?", "**", "[ab]"]), min_size=1, max_size=5),
)
def test_it_agrees_with_a_naive_matcher(
    paths: set[str], parts: list[str], tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("glob")
    for path in paths:
        (root / path).mkdir(parents=True, exist_ok=True)
    there = [os.path.relpath(os.path.join(base, name), root) for base, names, _ in os.walk(root) for name in names]
    expected = sorted((p for p in there if _naive(parts, p.split("/"))), key=lambda p: p.split("/"))
    assert glob(beneath_at(root), "/".join(parts), limit=10_000).paths == expected


def _naive(pattern: list[str], path: list[str]) -> bool:
    if not pattern:
        return not path
    head, rest = pattern[0], pattern[1:]
    if head == "**":
        if rest[:1] == ["**"]:
            return _naive(rest, path)
        return any(_naive(rest, path[count:]) for count in range(0 if rest else 1, len(path) + 1))
    regex = head.replace("*", ".*").replace("?", ".")
    return bool(path) and re.fullmatch(regex, path[0]) is not None and _naive(rest, path[1:])
