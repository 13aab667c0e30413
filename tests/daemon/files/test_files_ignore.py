"""Exclude rules, beside git's own answers."""

from __future__ import annotations

import os
import subprocess
from contextlib import closing
from pathlib import Path

import pytest
from files_support import beneath_at
from hypothesis import given, settings
from hypothesis import strategies as st
from nexusd.files.ignore import Ignore, Rules
from nexusd.files.walk import walk

ENVIRONMENT = {
    "PATH": os.environ["PATH"],
    "HOME": "/nonexistent",
    "GIT_CONFIG_NOSYSTEM": "1",
    "GIT_CONFIG_GLOBAL": "/dev/null",
    "XDG_CONFIG_HOME": "/nonexistent",
}

NAME = st.sampled_from(["a", "b", "ab", "a.o", "b.o", "x y", "foo", "#c", "!d", "é"])
ATOM = st.sampled_from(
    [
        "a",
        "b",
        "o",
        ".",
        "*",
        "**",
        "?",
        "[ab]",
        "[!a]",
        "[^b]",
        "[a-c]",
        "[[:alpha:]]",
        "[]a]",
        "[a",
        "\\",
        "\\*",
        " ",
        "foo",
    ]
)
SEGMENT = st.lists(ATOM, min_size=1, max_size=3).map("".join)
PATTERN = st.builds(
    lambda no, lead, parts, tail: no + lead + "/".join(parts) + tail,
    st.sampled_from(["", "", "", "!", "#", "\\!", "\\#"]),
    st.sampled_from(["", "", "/", "**/"]),
    st.lists(SEGMENT | st.just("**"), min_size=1, max_size=3),
    st.sampled_from(["", "", "/", "/**", " ", "\\ "]),
)
FILE = st.lists(PATTERN, max_size=5).map("\n".join)


def visible(root: Path, exclude: str = "") -> set[str]:
    files = beneath_at(root)
    fd = files.opendir(".")
    try:
        with closing(walk(fd, ".", ignore=Ignore.at(files, ".", exclude))) as found:
            return {entry.path for entry in found}
    finally:
        os.close(fd)


def visible_to_git(root: Path) -> set[str]:
    paths: list[str] = []
    for base, directories, names in os.walk(root):
        if ".git" in directories:
            directories.remove(".git")
        for name in (*directories, *names):
            path = os.path.relpath(os.path.join(base, name), root)
            paths.append(path)
    told = "\0".join(paths).encode()
    answer = subprocess.run(
        ["git", "check-ignore", "--stdin", "-z", "--no-index"],
        input=told,
        cwd=root,
        env=ENVIRONMENT,
        capture_output=True,
        timeout=20,
        check=False,
    )
    assert answer.returncode in (0, 1), answer.stderr
    return set(paths) - set(answer.stdout.decode().split("\0"))


@settings(max_examples=250, deadline=None)
@given(
    paths=st.sets(st.lists(NAME, min_size=1, max_size=3).map("/".join), min_size=1, max_size=8),
    top=FILE,
    inner=FILE,
    exclude=FILE,
)
def test_it_agrees_with_git(
    paths: set[str], top: str, inner: str, exclude: str, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("ignore")
    subprocess.run(["git", "init", "-q", "."], cwd=root, env=ENVIRONMENT, check=True, timeout=20)
    for path in sorted(paths, key=len, reverse=True):
        if not (root / path).exists():
            (root / path).parent.mkdir(parents=True, exist_ok=True)
            (root / path).write_text("")
    (root / ".git" / "info" / "exclude").write_text(exclude)
    (root / ".gitignore").write_text(top)
    for place in sorted(p for p in root.iterdir() if p.is_dir() and p.name != ".git")[:1]:
        (place / ".gitignore").write_text(inner)
    assert visible(root) == visible_to_git(root)


@pytest.mark.parametrize(
    ("text", "path", "is_dir", "verdict"),
    [
        ("*.o", "a/b.o", False, True),
        ("/*.o", "a/b.o", False, None),
        ("build/", "build", False, None),
        ("build/", "build", True, True),
        ("a/**/z", "a/z", False, True),
        ("b**/**", "b", False, True),
        ("b**/z", "bz", False, True),
        ("a/**/z", "a/b/c/z", False, True),
        ("*\n!keep", "keep", False, False),
        ("\\#x", "#x", False, True),
        ("x  ", "x", False, True),
        ("x\\ ", "x ", False, True),
        ("\ufeffx", "x", False, True),
        ("x\r", "x", False, True),
        ("[", "[", False, None),
        ("*/", "a", True, True),
    ],
)
def test_single_rules(text: str, path: str, is_dir: bool, verdict: bool | None) -> None:
    assert Rules(text.encode()).decide(path.encode(), is_dir) is verdict


def test_a_hostile_pattern_does_not_hang() -> None:
    """A backtracking matcher needs longer than anybody waits for this."""
    rules = Rules(b"*a*a*a*a*a*a*a*a*a*a*a*a*b\n" * 50)
    assert rules.decide(b"a" * 255, False) is None


def test_a_gitignore_that_is_a_link_or_a_fifo_is_not_read(root: Path) -> None:
    (root / "rules").write_text("f\n")
    (root / ".gitignore").symlink_to("rules")
    (root / "d").mkdir()
    os.mkfifo(root / "d" / ".gitignore")
    (root / "f").write_text("")
    assert "f" in visible(root)


def test_the_exclude_list_is_lowest(root: Path) -> None:
    for name in ("a", "b", ".nexus-tmp-0123456789abcdef"):
        (root / name).write_text("")
    (root / ".gitignore").write_text("!a\n")
    assert visible(root, "a\nb\n.gitignore") == {"a"}
