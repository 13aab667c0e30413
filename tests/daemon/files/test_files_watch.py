"""fs.watch: what is reported, what is not, and that nothing is lost in silence.

Each test ends its changes with a marker file and reads until the marker comes: what was to be seen came before it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
from collections.abc import AsyncIterator
from pathlib import Path
from typing import Any

import pytest
from files_support import open_descriptors
from nexus_sdk.protocol import errors
from nexus_sdk.protocol.types import FsChange, FsOverflow, FsWatchParams
from nexusd.files import watch as watch_module
from nexusd.files import watchthread
from nexusd.files.beneath import Beneath
from nexusd.files.inotify import Inotify
from nexusd.files.watch import Subscription, Watcher
from nexusd.files.watchportable import PortableDriver

MARKER = "marker"


@pytest.fixture
async def watcher(files: Beneath) -> AsyncIterator[Watcher]:
    made = Watcher(files, "run")
    yield made
    await made.aclose()


def params(path: str = ".", **more: Any) -> FsWatchParams:
    return FsWatchParams(workspace="w", path=path, **more)


async def until_marker(subscription: Subscription, place: Path, name: str = MARKER) -> list[tuple[str, str]]:
    """Make the marker and give what was reported before it."""
    (place / name).write_text("")
    seen: list[tuple[str, str]] = []
    async with asyncio.timeout(20):
        async for _, event in subscription:
            if isinstance(event, FsOverflow):
                seen.append(("", "overflow"))
            elif event.path.endswith(name):
                return seen
            else:
                seen.append((event.path, event.change))
    raise AssertionError("the events ended")


async def settled(subscription: Subscription, place: Path, name: str) -> None:
    """Wait until everything so far was reported."""
    await until_marker(subscription, place, name)
    (place / name).unlink()
    async with asyncio.timeout(20):
        async for _, event in subscription:
            if isinstance(event, FsChange) and event.path.endswith(name) and event.change == "deleted":
                return


async def test_the_watch_is_in_place_when_it_opens(watcher: Watcher, root: Path) -> None:
    for number in range(50):
        (root / f"d{number}").mkdir()
    async with watcher.subscribe(params()) as subscription:
        (root / "d49" / "f").write_text("at once")
        assert not subscription.opened.resumed
        assert await until_marker(subscription, root) == [("d49/f", "created")]


async def test_kinds_of_change(watcher: Watcher, root: Path) -> None:
    for name in ("kept", "gone", "replaced", "moved"):
        (root / name).write_text("x")
    async with watcher.subscribe(params()) as subscription:
        (root / "kept").write_text("y")
        (root / "gone").unlink()
        (root / "new").write_text("z")
        (root / ".nexus-tmp-0123456789abcdef").write_text("staged")
        os.rename(root / ".nexus-tmp-0123456789abcdef", root / "replaced")
        os.rename(root / "moved", root / "there")
        (root / "brief").write_text("")
        (root / "brief").unlink()
        os.symlink("/etc", root / "link")
        seen = dict(await until_marker(subscription, root))
    assert seen.pop("brief", "deleted") == "deleted"
    assert seen == {
        "kept": "modified",
        "gone": "deleted",
        "new": "created",
        "replaced": "modified",
        "moved": "deleted",
        "there": "created",
        "link": "created",
    }


async def test_folders_made_later_and_files_written_the_instant_after(watcher: Watcher, root: Path) -> None:
    async with watcher.subscribe(params()) as subscription:
        expected = set()
        for number in range(100):
            place = root / f"n{number}" / "a" / "b"
            place.mkdir(parents=True)
            (place / "f").write_text("x")
            expected |= {f"n{number}", f"n{number}/a", f"n{number}/a/b", f"n{number}/a/b/f"}
        seen = await until_marker(subscription, root)
        assert {path for path, change in seen if change == "created"} == expected
        (root / "n99" / "a" / "b" / "f").write_text("y")
        assert await until_marker(subscription, root, "marker2") == [("n99/a/b/f", "modified")]


async def test_a_tree_that_moves_is_told_whole(watcher: Watcher, root: Path, tmp_path: Path) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "f").write_text("x")
    (tmp_path / "elsewhere" / "c").mkdir(parents=True)
    (tmp_path / "elsewhere" / "c" / "g").write_text("x")
    async with watcher.subscribe(params()) as subscription:
        os.rename(root / "a", root / "z")
        seen = await until_marker(subscription, root)
        assert {(p, c) for p, c in seen} == {
            ("a", "deleted"),
            ("a/b", "deleted"),
            ("a/b/f", "deleted"),
            ("z", "created"),
            ("z/b", "created"),
            ("z/b/f", "created"),
        }
        os.rename(tmp_path / "elsewhere", root / "in")
        assert {p for p, _ in await until_marker(subscription, root, "m2")} == {"in", "in/c", "in/c/g"}
        os.rename(root / "in", tmp_path / "out")
        (tmp_path / "out" / "c" / "g").write_text("outside now")
        assert dict(await until_marker(subscription, root, "m3")) == dict.fromkeys(("in", "in/c", "in/c/g"), "deleted")
        shutil.rmtree(root / "z")
        assert {p for p, c in await until_marker(subscription, root, "m4") if c == "deleted"} == {"z", "z/b", "z/b/f"}


async def test_links_are_never_followed_out(watcher: Watcher, root: Path, outside: Path, tmp_path: Path) -> None:
    (tmp_path / "busy").mkdir()
    (root / "before").symlink_to(tmp_path / "busy")
    async with watcher.subscribe(params()) as subscription:
        (root / "after").symlink_to(tmp_path / "busy")
        (tmp_path / "busy" / "f").write_text("x")
        assert await until_marker(subscription, root) == [("after", "created")]
    with pytest.raises(errors.PathEscapes):
        async with watcher.subscribe(params("before")):
            raise AssertionError("not reached")


async def test_what_git_ignores(watcher: Watcher, root: Path) -> None:
    (root / ".gitignore").write_text("build/\n*.o\n")
    (root / "build" / "deep").mkdir(parents=True)
    (root / ".git").mkdir()
    async with watcher.subscribe(params()) as subscription, watcher.subscribe(params(gitignore=False)) as everything:
        for path in ("build/deep/f", "a.o", ".git/index", "seen"):
            (root / path).write_text("x")
        assert await until_marker(subscription, root) == [("seen", "created")]
        assert {path for path, _ in await until_marker(everything, root, "m1")} - {MARKER} == {
            "build/deep/f",
            "a.o",
            ".git/index",
            "seen",
        }
        await until_marker(subscription, root, "m2")
        (root / ".gitignore").write_text("*.o\n")
        await until_marker(subscription, root, "m3")
        (root / "build" / "deep" / "f").write_text("visible now")
        assert await until_marker(subscription, root, "m4") == [("build/deep/f", "modified")]


async def test_one_file_one_level_and_a_part(watcher: Watcher, root: Path) -> None:
    (root / "d" / "e").mkdir(parents=True)
    (root / "d" / "f").write_text("x")
    async with (
        watcher.subscribe(params("d/f")) as single,
        watcher.subscribe(params("d", recursive=False)) as level,
        watcher.subscribe(params("d")) as part,
        watcher.subscribe(params()) as whole,
    ):
        (root / "outside").write_text("x")
        (root / "d" / "e" / "deep").write_text("x")
        (root / "d" / "g").write_text("x")
        (root / "d" / "new").write_text("y")
        os.replace(root / "d" / "new", root / "d" / "f")
        seen = dict(await until_marker(part, root / "d"))
        seen.pop("d/new", None)
        assert seen == {"d/e/deep": "created", "d/g": "created", "d/f": "modified"}
        flat = dict(await until_marker(level, root / "d", "m2"))
        assert "d/e/deep" not in flat and flat["d/g"] == "created" and flat["d/f"] == "modified"
        await until_marker(whole, root, "m3")
        assert [(e.path, e.change) for _, e in single.take_nowait() if isinstance(e, FsChange)] == [("d/f", "modified")]


async def test_the_watched_directory_goes_and_comes_back(watcher: Watcher, root: Path) -> None:
    (root / "a" / "d").mkdir(parents=True)
    (root / "a" / "d" / "f").write_text("x")
    async with watcher.subscribe(params("a/d")) as subscription, watcher.subscribe(params("a/d/f")) as single:
        await settled(subscription, root / "a" / "d", "m0")
        os.rename(root / "a", root / "b")
        async with asyncio.timeout(20):
            assert {(await anext(subscription))[1].path for _ in range(2)} == {"a/d", "a/d/f"}  # type: ignore[union-attr]
            _, event = await anext(single)
        assert event == FsChange(path="a/d/f", change="deleted")
        (root / "a" / "d").mkdir(parents=True)
        (root / "a" / "d" / "f").write_text("again")
        seen = await until_marker(subscription, root / "a" / "d")
        assert seen == [("a/d", "created"), ("a/d/f", "created")]
        async with asyncio.timeout(20):
            _, event = await anext(single)
        assert event == FsChange(path="a/d/f", change="created")


async def test_the_root_goes(watcher: Watcher, root: Path) -> None:
    async with watcher.subscribe(params()) as subscription:
        shutil.rmtree(root)
        with pytest.raises(errors.PathNotFound):
            async with asyncio.timeout(20):
                async for _ in subscription:
                    pass


async def test_a_cursor_continues_without_a_gap(watcher: Watcher, root: Path) -> None:
    async with watcher.subscribe(params()) as subscription:
        (root / "one").write_text("x")
        async with asyncio.timeout(20):
            cursor, event = await anext(subscription)
        assert event == FsChange(path="one", change="created")
    (root / "two").write_text("nobody looks")
    async with watcher.subscribe(params(cursor=cursor)) as subscription:
        assert subscription.opened.resumed
        seen = await until_marker(subscription, root)
        assert [entry for entry in seen if entry[0] != "one"] == [("two", "created")]


async def test_cursors_that_are_not_good(watcher: Watcher, files: Beneath, root: Path) -> None:
    other = Watcher(files, "other")
    async with watcher.subscribe(params()) as subscription, other.subscribe(params()) as foreign:
        good = subscription.opened.cursor
        for cursor in ("", "x", "run-x-0", foreign.opened.cursor, good[:-1] + "7", good[:-1] + "²", good + "0" * 40):
            with pytest.raises(errors.CursorExpired):
                async with watcher.subscribe(params(cursor=cursor)):
                    raise AssertionError("not reached")
        with pytest.raises(errors.CursorExpired):
            async with watcher.subscribe(params(cursor=good, recursive=False)):
                raise AssertionError("not reached")
    await other.aclose()


async def test_who_falls_behind_is_told_once(watcher: Watcher, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(watch_module, "LOG", 50)
    async with watcher.subscribe(params()) as slow, watcher.subscribe(params()) as quick:
        first = slow.opened.cursor
        for group in range(10):
            for number in range(10):
                (root / f"f{group}-{number}").write_text("x")
            await until_marker(quick, root, f"m1-{group}")
        assert [type(event) for _, event in slow.take_nowait()] == [FsOverflow]
        (root / "later").write_text("x")
        assert await until_marker(slow, root, "m2") == [("later", "created")]
        with pytest.raises(errors.CursorExpired):
            async with watcher.subscribe(params(cursor=first)):
                raise AssertionError("not reached")


async def test_a_queue_of_the_kernel_that_overflows_is_told(
    watcher: Watcher, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    from nexusd.files.inotify import IN_Q_OVERFLOW, Event

    read = Inotify.read
    lose = False

    def losing(self: Inotify) -> list[Event]:
        events = read(self)
        return [Event(-1, IN_Q_OVERFLOW, "")] if events and lose else events

    monkeypatch.setattr(Inotify, "read", losing)
    async with watcher.subscribe(params()) as subscription:
        lose = True
        (root / "unseen").mkdir()
        async with asyncio.timeout(20):
            _, event = await anext(subscription)
        assert isinstance(event, FsOverflow)
        lose = False
        await settled(subscription, root, "m0")
        (root / "unseen" / "f").write_text("its directory is watched by now")
        assert await until_marker(subscription, root) == [("unseen/f", "created")]


async def test_what_was_not_read_yet_is_coalesced(watcher: Watcher, root: Path) -> None:
    async with watcher.subscribe(params()) as slow, watcher.subscribe(params()) as quick:
        for number in range(5):
            (root / "f").write_text(str(number))
            await until_marker(quick, root, f"m{number}")
        (root / "f").unlink()
        (root / "g").write_text("x")
        await until_marker(quick, root)
        taken = [event for _, event in slow.take_nowait()]
        assert FsChange(path="g", change="created") in taken
        assert not any(isinstance(event, FsChange) and event.path == "f" for event in taken)
        assert slow.take_nowait() == []


async def test_the_limit_of_the_system_is_named(watcher: Watcher, root: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def full(self: Inotify, directory: int, mask: int = 0) -> int:
        raise OSError(28, "No space left on device")

    with monkeypatch.context() as patch:
        patch.setattr(Inotify, "add", full)
        with pytest.raises(errors.TooManyRequests) as caught:
            async with watcher.subscribe(params()):
                raise AssertionError("not reached")
    assert "fs.inotify.max_user_watches" in str(caught.value) and "sysctl" in caught.value.hint
    async with watcher.subscribe(params()) as subscription:
        assert await until_marker(subscription, root) == []


async def test_a_limit_reached_later_is_an_overflow(
    watcher: Watcher, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    def full(self: Inotify, directory: int, mask: int = 0) -> int:
        raise OSError(28, "No space left on device")

    async with watcher.subscribe(params()) as subscription:
        monkeypatch.setattr(Inotify, "add", full)
        (root / "d").mkdir()
        assert ("", "overflow") in await until_marker(subscription, root)


@pytest.mark.parametrize(("path", "error"), [("missing", errors.PathNotFound), ("../x", errors.PathEscapes)])
async def test_what_cannot_be_watched(watcher: Watcher, path: str, error: type[errors.NexusError]) -> None:
    with pytest.raises(error):
        async with watcher.subscribe(params(path)):
            raise AssertionError("not reached")


async def test_closing_ends_subscribers_and_lets_go(files: Beneath, root: Path) -> None:
    before = open_descriptors()
    made = Watcher(files, "run")
    async with made.subscribe(params()) as subscription:
        waiting = asyncio.ensure_future(anext(subscription))
        await asyncio.sleep(0)
        await made.aclose()
        with pytest.raises(errors.PathNotFound):
            await waiting
    assert open_descriptors() == before


async def test_scopes_without_subscribers_are_few(watcher: Watcher, root: Path) -> None:
    for number in range(20):
        (root / f"d{number}").mkdir()
        async with watcher.subscribe(params(f"d{number}")):
            pass
    assert len(watcher._feeds) == watch_module.MAX_LINGERING


async def test_names_that_are_not_text(watcher: Watcher, root: Path) -> None:
    async with watcher.subscribe(params()) as subscription:
        place = os.path.join(os.fsencode(root), b"\xff")
        os.mkdir(place)
        os.close(os.open(os.path.join(place, b"\xfe"), os.O_CREAT | os.O_WRONLY))
        assert await until_marker(subscription, root) == [("\ufffd", "created"), ("\ufffd/\ufffd", "created")]


async def test_without_inotify(
    files: Beneath, root: Path, outside: Path, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Within a batch the order is not known there, so we read until everything expected has come."""
    monkeypatch.setattr(watchthread, "SystemDriver", PortableDriver)
    (tmp_path / "busy").mkdir()
    for name in ("kept", "gone", "replaced"):
        (root / name).write_text("x")
    (root / ".gitignore").write_text("*.o\n")
    (root / "before").symlink_to(tmp_path / "busy")
    watcher = Watcher(files, "run")
    try:
        async with watcher.subscribe(params()) as subscription:
            (tmp_path / "busy" / "unseen").write_text("x")
            (root / "kept").write_text("y")
            (root / "gone").unlink()
            (root / "a.o").write_text("ignored")
            (root / "staged").write_text("z")
            os.replace(root / "staged", root / "replaced")
            for number in range(20):
                (root / f"n{number}" / "deep").mkdir(parents=True)
                (root / f"n{number}" / "deep" / "f").write_text("x")
            os.symlink(tmp_path / "busy", root / "after")
            expected = {"kept": "modified", "gone": "deleted", "replaced": "modified", "after": "created"}
            for number in range(20):
                expected |= dict.fromkeys((f"n{number}", f"n{number}/deep", f"n{number}/deep/f"), "created")
            seen: dict[str, str] = {}
            async with asyncio.timeout(20):
                while not expected.keys() <= seen.keys():
                    _, event = await anext(subscription)
                    assert isinstance(event, FsChange)
                    seen.setdefault(event.path, event.change)
            assert {path: change for path, change in seen.items() if path != "staged"} == expected
            shutil.rmtree(root)
            with pytest.raises(errors.PathNotFound):
                async with asyncio.timeout(20):
                    async for _ in subscription:
                        pass
    finally:
        await watcher.aclose()
