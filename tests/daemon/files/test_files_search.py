"""fs.search, beside a naive search, and against hostile patterns."""

from __future__ import annotations

import asyncio
import os
import re
from pathlib import Path
from typing import Any

import pytest
from files_support import beneath_at, open_descriptors
from hypothesis import given, settings
from hypothesis import strategies as st
from nexus_sdk.protocol import errors
from nexus_sdk.protocol.types import FsMatch, FsSearched, FsSearchParams, FsSearchProgress
from nexusd.files import search as search_module
from nexusd.files.beneath import Beneath
from nexusd.files.search import MAX_FILE, MAX_LINE, Search


async def search(files: Beneath, pattern: str, **more: Any) -> tuple[list[FsMatch], FsSearched]:
    matches: list[FsMatch] = []
    async with asyncio.timeout(60), Search(files, FsSearchParams(workspace="w", pattern=pattern, **more)) as running:
        async for event in running:
            if isinstance(event, FsMatch):
                matches.append(event)
        return matches, running.result


def places(matches: list[FsMatch]) -> list[tuple[str, int, int]]:
    return [(match.path, match.line, match.column) for match in matches]


@pytest.fixture
def tree(root: Path) -> Path:
    for path, text in {
        "a.txt": "one\ntwo needle\nthree\nneedle needle\n",
        "src/b.py": "éé needle\r\nNEEDLE\nneedles\n",
        "src/c.txt": "no newline at end: needle",
        "build/out.txt": "needle\n",
        ".git/config": "needle\n",
    }.items():
        (root / path).parent.mkdir(parents=True, exist_ok=True)
        (root / path).write_text(text, newline="")
    (root / "binary").write_bytes(b"needle\0")
    (root / ".gitignore").write_text("build\n")
    return root


async def test_literal(files: Beneath, tree: Path) -> None:
    matches, done = await search(files, "needle")
    assert places(matches) == [
        ("a.txt", 2, 5),
        ("a.txt", 4, 1),
        ("src/b.py", 1, 4),
        ("src/b.py", 3, 1),
        ("src/c.txt", 1, 20),
    ]
    assert (done.files, done.matches, done.skipped, done.truncated) == (4, 5, 1, False)
    assert matches[2].text == "éé needle"


@pytest.mark.parametrize(
    ("pattern", "more", "found"),
    [
        (
            "needle",
            {"ignore_case": True, "path": "src"},
            [("src/b.py", 1, 4), ("src/b.py", 2, 1), ("src/b.py", 3, 1), ("src/c.txt", 1, 20)],
        ),
        ("needle", {"word": True, "path": "src/b.py"}, [("src/b.py", 1, 4)]),
        ("^needle", {"regex": True}, [("a.txt", 4, 1), ("src/b.py", 3, 1)]),
        ("needle$", {"regex": True}, [("a.txt", 2, 5), ("a.txt", 4, 8), ("src/c.txt", 1, 20)]),
        ("o+", {"regex": True, "include": ["a.*"]}, [("a.txt", 1, 1), ("a.txt", 2, 3)]),
        ("needle", {"include": ["*.txt"], "exclude": ["src/"]}, [("a.txt", 2, 5), ("a.txt", 4, 1)]),
        ("needle", {"include": ["src/**"], "exclude": ["*.py"]}, [("src/c.txt", 1, 20)]),
        (
            "needle",
            {"gitignore": False, "include": ["build", ".git"]},
            [(".git/config", 1, 1), ("build/out.txt", 1, 1)],
        ),
        ("n.*\\n", {"regex": True}, []),
        ("one\\s+two", {"regex": True}, []),
        ("éé", {"word": True}, [("src/b.py", 1, 1)]),
        ("é", {"word": True}, []),
        ("o(?:ne|)", {"regex": True, "word": True, "path": "a.txt"}, [("a.txt", 1, 1)]),
    ],
)
async def test_kinds(files: Beneath, tree: Path, pattern: str, more: dict[str, Any], found: list[Any]) -> None:
    assert places((await search(files, pattern, **more))[0]) == found


async def test_context_limit_and_cut(files: Beneath, tree: Path) -> None:
    matches, done = await search(files, "three", context=2)
    assert (matches[0].before, matches[0].after) == (["one", "two needle"], ["needle needle"])
    matches, done = await search(files, "needle", limit=2)
    assert (len(matches), done.matches, done.truncated) == (2, 2, True)
    (tree / "long").write_text("é" * 5000 + "x")
    matches, _ = await search(files, "x", path="long")
    assert (len(matches[0].text), matches[0].column) == (MAX_LINE, 5001)


async def test_what_is_skipped_is_counted(files: Beneath, root: Path, outside: Path) -> None:
    (root / "large").write_bytes(b"")
    os.truncate(root / "large", MAX_FILE + 1)
    (root / "link").symlink_to(outside / "secret")
    os.mkfifo(root / "fifo")
    (root / "ok").write_text("secret\n")
    matches, done = await search(files, "secret")
    assert places(matches) == [("ok", 1, 1)]
    assert (done.files, done.skipped) == (1, 1)


@pytest.mark.parametrize(
    ("pattern", "more", "error"),
    [
        ("(", {"regex": True}, errors.PatternInvalid),
        ("a)(?:b", {"regex": True}, errors.PatternInvalid),
        (r"(a)\1", {"regex": True}, errors.PatternInvalid),
        ("(?=a)", {"regex": True}, errors.PatternInvalid),
        ("((a{1000}){1000}){1000}", {"regex": True}, errors.PatternInvalid),
        ("a\nb", {}, errors.PatternInvalid),
        ("a", {"include": ["/"]}, errors.PatternInvalid),
        ("a", {"path": "missing"}, errors.PathNotFound),
        ("a", {"path": "../x"}, errors.PathEscapes),
    ],
)
async def test_what_is_refused(
    files: Beneath, pattern: str, more: dict[str, Any], error: type[errors.NexusError]
) -> None:
    with pytest.raises(error):
        await search(files, pattern, **more)


@pytest.mark.parametrize("pattern", ["(a+)+$", "(a|a)*b", "(.*)(.*)(.*)(.*)(.*)x", "(a?){40}a{40}b"])
async def test_a_hostile_pattern_does_not_hang(files: Beneath, root: Path, pattern: str) -> None:
    (root / "f").write_text("a" * 50_000 + "!\n")
    await search(files, pattern, regex=True)


async def test_a_slow_pattern_ends_as_truncated(files: Beneath, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(search_module, "MAX_SECONDS", 0.05)
    for number in range(30):
        (root / f"f{number}").write_text("x" * 400_000 + "\n")
    _, done = await search(files, ".{0,1000}y", regex=True)
    assert done.truncated


async def test_leaving_early_stops_the_search(files: Beneath, root: Path) -> None:
    for number in range(3000):
        (root / f"f{number:04}").write_text("needle\n")
    before = open_descriptors()
    async with Search(files, FsSearchParams(workspace="w", pattern="needle", limit=100_000)) as running:
        async for _ in running:
            break
    assert running.result.files < 3000 and open_descriptors() == before


async def test_leaving_by_cancel_stops_the_search(files: Beneath, root: Path) -> None:
    (root / "f").write_text("x" * 1_000_000)
    before = open_descriptors()

    async def run() -> None:
        async with Search(files, FsSearchParams(workspace="w", pattern=".{0,1000}y", regex=True)) as running:
            async for _ in running:
                pass

    task = asyncio.create_task(run())
    await asyncio.sleep(0)
    await asyncio.sleep(0)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert open_descriptors() == before


async def test_progress_is_told_where_nothing_is_found(
    files: Beneath, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(search_module, "_PROGRESS", 0.0)
    for number in range(5):
        (root / f"f{number}").write_text("x\n")
    async with Search(files, FsSearchParams(workspace="w", pattern="needle")) as running:
        assert [event async for event in running] == [FsSearchProgress(files=count) for count in range(1, 6)]


@settings(max_examples=60, deadline=None)
@given(
    text=st.text(alphabet="ab \n", max_size=60),
    pattern=st.sampled_from(["a", "ab", "a+", "^a", "b$", "^$", "a*", "a b", "[^a]b", "$", "a|b"]),
    block=st.integers(1, 20),
)
def test_it_agrees_with_a_naive_search(
    text: str, pattern: str, block: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("search")
    (root / "f").write_text(text, newline="")
    lines = text.split("\n")[: None if not text.endswith("\n") and text else -1]
    expected = [
        ("f", number, match.start() + 1)
        for number, line in enumerate(lines, 1)
        if (match := re.search(pattern, line)) is not None
    ]
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(search_module, "_BLOCK", max(block, max(map(len, lines), default=0)))
        found, done = asyncio.run(search(beneath_at(root), pattern, regex=True))
    assert places(found) == expected and done.matches == len(expected)
