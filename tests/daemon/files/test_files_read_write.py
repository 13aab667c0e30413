"""fs.stat, fs.list, fs.read and fs.write."""

from __future__ import annotations

import base64
import os
import threading
from pathlib import Path
from typing import Any

import msgspec
import pytest
from files_support import beneath_at, open_descriptors, snapshot
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nexus_sdk.protocol import errors
from nexus_sdk.protocol.types import (
    FileContent,
    FileInfo,
    FsListing,
    FsListParams,
    FsReadParams,
    FsStatParams,
    FsWriteParams,
)
from nexusd.files import operations as fs
from nexusd.files.beneath import Beneath
from nexusd.files.read import MAX_ANSWER, MAX_COUNTED


def read(files: Beneath, path: str, **more: Any) -> FileContent:
    return fs.read(files, FsReadParams(workspace="w", path=path, **more))


def write(files: Beneath, path: str, content: str, **more: Any) -> FileInfo:
    return fs.write(files, FsWriteParams(workspace="w", path=path, content=content, **more))


def stat(files: Beneath, path: str, **more: Any) -> FileInfo:
    return fs.stat(files, FsStatParams(workspace="w", path=path, **more))


def listing(files: Beneath, path: str = ".", **more: Any) -> FsListing:
    return fs.list_directory(files, FsListParams(workspace="w", path=path, **more))


# stat


def test_stat_says_what_is_there(files: Beneath, root: Path) -> None:
    (root / "file").write_text("hello")
    os.chmod(root / "file", 0o640)
    (root / "link").symlink_to("file")
    os.mkfifo(root / "fifo")
    assert (stat(files, "file").type, stat(files, "file").size, stat(files, "file").mode) == ("file", 5, "640")
    followed, itself = stat(files, "link"), stat(files, "link", follow=False)
    assert (followed.type, followed.path, followed.target) == ("file", "link", msgspec.UNSET)
    assert (itself.type, itself.target, itself.size) == ("symlink", "file", 4)
    assert stat(files, "fifo").type == "other"
    assert (stat(files, ".").path, stat(files, ".").type) == (".", "directory")


def test_hostile_times_and_names_can_be_told(files: Beneath, root: Path) -> None:
    far = 2**40
    (root / "far").write_text("x")
    try:
        os.utime(root / "far", (far, far))
    except OverflowError:
        pytest.skip("this filesystem has no such time")
    with open(os.path.join(os.fsencode(root), b"\xff\xfe"), "wb"):
        pass
    entries = listing(files).entries
    assert [entry.name for entry in entries] == ["far", "\ufffd\ufffd"]
    assert b"far" in msgspec.json.encode(entries)


def test_the_etag_changes_with_the_content_and_not_by_looking(files: Beneath, root: Path) -> None:
    (root / "file").write_text("one")
    first = stat(files, "file").etag
    assert read(files, "file").etag == first
    times = os.stat(root / "file").st_mtime_ns
    (root / "file").write_text("two")
    os.utime(root / "file", ns=(times, times))
    assert stat(files, "file").etag != first


# list


def test_list_is_ordered_and_shows_links_without_following(files: Beneath, root: Path, outside: Path) -> None:
    for name in ("b", "a-b", "a", ".hidden"):
        (root / name).mkdir()
        (root / name / "x").write_text("")
    (root / "link").symlink_to(outside)
    (root / ".nexus-tmp-0123456789abcdef").write_text("")
    paths = [entry.path for entry in listing(files, depth=5).entries]
    assert paths == [".hidden", ".hidden/x", "a", "a/x", "a-b", "a-b/x", "b", "b/x", "link"]
    assert [e.path for e in listing(files, hidden=False).entries] == ["a", "a-b", "b", "link"]
    assert listing(files, "a").entries[0].path == "a/x"
    with pytest.raises(errors.NotADirectory):
        listing(files, "a/x")
    with pytest.raises(errors.PathEscapes):
        listing(files, "link")


@settings(max_examples=40, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(
    names=st.sets(
        st.lists(st.sampled_from(["a", "a-", "b", "ab", ".c"]), min_size=1, max_size=3).map("/".join), max_size=12
    ),
    limit=st.integers(1, 5),
    depth=st.integers(1, 4),
)
def test_pages_put_together_are_the_list(
    names: set[str], limit: int, depth: int, tmp_path_factory: pytest.TempPathFactory
) -> None:
    root = tmp_path_factory.mktemp("pages")
    for name in names:
        (root / name).mkdir(parents=True, exist_ok=True)
    files = beneath_at(root)
    whole = [entry.path for entry in listing(files, depth=depth).entries]
    assert whole == sorted(whole, key=lambda path: path.split("/"))
    pages: list[str] = []
    cursor: Any = msgspec.UNSET
    while True:
        page = listing(files, depth=depth, limit=limit, cursor=cursor)
        pages += [entry.path for entry in page.entries]
        cursor = page.next_cursor
        if cursor is msgspec.UNSET:
            break
        assert len(page.entries) == limit
    assert pages == whole


@pytest.mark.parametrize("cursor", ["", "%%%", "bm90LWhlcmU=", "é", "AA=="])
def test_a_strange_cursor_is_refused(files: Beneath, root: Path, cursor: str) -> None:
    (root / "d").mkdir()
    with pytest.raises(errors.CursorExpired):
        listing(files, "d", cursor=cursor)


def test_a_deep_tree_is_listed_with_few_descriptors(files: Beneath, root: Path) -> None:
    place = os.open(root, os.O_RDONLY)
    for _ in range(300):
        os.mkdir("d", dir_fd=place)
        inner = os.open("d", os.O_RDONLY, dir_fd=place)
        os.close(place)
        place = inner
    os.close(place)
    before = open_descriptors()
    assert len(listing(files, depth=64).entries) == 64
    assert open_descriptors() == before


# read


def test_read_whole_ranges_and_base64(files: Beneath, root: Path) -> None:
    (root / "f").write_bytes(b"0123456789")
    assert read(files, "f").content == "0123456789" and not read(files, "f").truncated
    part = read(files, "f", offset=2, length=3)
    assert (part.content, part.offset, part.size, part.truncated) == ("234", 2, 10, True)
    assert read(files, "f", offset=8, length=99).content == "89"
    assert read(files, "f", offset=50).content == ""
    assert read(files, "f", length=0).content == ""
    (root / "b").write_bytes(b"\xff\x00\x01")
    with pytest.raises(errors.NotText):
        read(files, "b")
    assert base64.b64decode(read(files, "b", encoding="base64").content) == b"\xff\x00\x01"
    with pytest.raises(errors.InvalidParams) as caught:
        read(files, "f", offset=1, line=1)
    assert caught.value.details is not None and caught.value.details.path == "$.line"


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet="aé€😀\n", max_size=30), length=st.integers(1, 7))
def test_windows_of_text_put_together_are_the_text(files: Beneath, root: Path, text: str, length: int) -> None:
    (root / "text").write_text(text, newline="")
    got, position = "", 0
    while True:
        part = read(files, "text", offset=position, length=length)
        assert part.offset == position
        got += part.content
        position += len(part.content.encode())
        if not part.truncated:
            break
        assert part.content
    assert got == text


@given(text=st.text(alphabet="aé€😀", min_size=1, max_size=10), offset=st.integers(0, 40), length=st.integers(0, 9))
@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
def test_any_window_of_text_is_whole_characters(
    files: Beneath, root: Path, text: str, offset: int, length: int
) -> None:
    (root / "text").write_text(text)
    part = read(files, "text", offset=offset, length=length)
    data = text.encode()
    assert data[part.offset : part.offset + len(part.content.encode())].decode() == part.content


@settings(max_examples=150, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(text=st.text(alphabet="ab\n\r", max_size=40), line=st.integers(1, 12), lines=st.none() | st.integers(1, 5))
def test_line_windows_agree_with_splitting(files: Beneath, root: Path, text: str, line: int, lines: int | None) -> None:
    (root / "text").write_text(text, newline="")
    more = {} if lines is None else {"lines": lines}
    part = read(files, "text", line=line, **more)
    pieces = text.split("\n")
    whole = [piece + "\n" for piece in pieces[:-1]] + ([pieces[-1]] if pieces[-1] else [])
    expected = whole[line - 1 :] if lines is None else whole[line - 1 : line - 1 + lines]
    assert part.content == "".join(expected)
    assert (part.line, part.lines, part.total_lines) == (line, len(expected), len(whole))
    assert part.truncated == (part.offset + len(part.content) < len(text))


def test_what_does_not_fit_is_refused_and_says_how_else(files: Beneath, root: Path) -> None:
    (root / "big").write_bytes(b"x" * (MAX_ANSWER + 1))
    with pytest.raises(errors.FileTooLarge) as caught:
        read(files, "big")
    assert "fs.download" in caught.value.hint
    assert read(files, "big", length=MAX_ANSWER).truncated
    (root / "control").write_bytes(b"\x01" * (MAX_ANSWER // 2))
    with pytest.raises(errors.FileTooLarge):
        read(files, "control")
    with pytest.raises(errors.FileTooLarge):
        read(files, "big", encoding="base64")
    with open(root / "sparse", "wb") as file:
        file.truncate(MAX_COUNTED + 1)
    with pytest.raises(errors.FileTooLarge):
        read(files, "sparse", line=1, lines=1)
    assert read(files, "sparse", offset=MAX_COUNTED, encoding="base64").size == MAX_COUNTED + 1


# write


def test_write_makes_replaces_and_keeps_the_mode(files: Beneath, root: Path) -> None:
    made = write(files, "f", "one")
    assert (made.mode, made.size, made.etag) == ("644", 3, stat(files, "f").etag)
    os.chmod(root / "f", 0o750)
    assert write(files, "f", "two").mode == "750"
    assert write(files, "f", "two", mode="600").mode == "600"
    assert write(files, "b", base64.b64encode(b"\xff").decode(), encoding="base64").size == 1
    assert sorted(os.listdir(root)) == ["b", "f"]


def test_what_was_written_is_durable_before_it_is_told(
    files: Beneath, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    synced: list[tuple[int, bool]] = []
    real = os.fsync

    def fsync(fd: int) -> None:
        real(fd)
        synced.append((os.fstat(fd).st_ino, (root / "sub" / "f").exists()))

    monkeypatch.setattr(os, "fsync", fsync)
    (root / "sub").mkdir()
    write(files, "sub/f", "x")
    # the content before it has its name, the name before anybody is told
    assert synced == [((root / "sub" / "f").stat().st_ino, False), ((root / "sub").stat().st_ino, True)]


def test_write_is_atomic_for_readers(files: Beneath, root: Path) -> None:
    versions = ["a" * 100_000, "b" * 100_000]
    write(files, "f", versions[0])
    done = threading.Event()
    torn: list[str] = []

    def look() -> None:
        while not done.is_set():
            content = read(files, "f").content
            if content not in versions:
                torn.append(content)

    thread = threading.Thread(target=look)
    thread.start()
    for number in range(60):
        write(files, "f", versions[number % 2])
    done.set()
    thread.join()
    assert torn == []


def test_write_through_a_link_replaces_what_it_means(files: Beneath, root: Path, outside: Path) -> None:
    (root / "d").mkdir()
    (root / "d" / "real").write_text("old")
    (root / "link").symlink_to("d/real")
    (root / "dangling").symlink_to("d/new")
    (root / "away").symlink_to("../outside/secret")
    assert write(files, "link", "new").path == "link"
    write(files, "dangling", "made")
    assert (root / "d" / "real").read_text() == "new" and os.readlink(root / "link") == "d/real"
    assert (root / "d" / "new").read_text() == "made" and (root / "dangling").is_symlink()
    with pytest.raises(errors.PathEscapes):
        write(files, "away", "x")


def test_if_match_lets_one_of_many_win(files: Beneath) -> None:
    etag = write(files, "f", "start").etag
    outcomes: list[str] = []

    def attempt(number: int) -> None:
        try:
            write(files, "f", str(number), if_match=etag)
            outcomes.append(str(number))
        except errors.EtagMismatch:
            pass

    threads = [threading.Thread(target=attempt, args=(number,)) for number in range(12)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    assert outcomes == [read(files, "f").content]


def test_if_match_empty_means_a_new_file(files: Beneath, root: Path) -> None:
    etag = write(files, "f", "x", if_match="").etag
    with pytest.raises(errors.EtagMismatch) as caught:
        write(files, "f", "y", if_match="")
    assert caught.value.details is not None and caught.value.details.etag == etag
    with pytest.raises(errors.EtagMismatch) as caught:
        write(files, "missing", "y", if_match=etag)
    assert caught.value.details is not None and caught.value.details.etag == ""
    assert os.listdir(root) == ["f"]


@pytest.mark.parametrize(
    ("path", "more", "error"),
    [
        ("directory", {}, errors.NotAFile),
        ("fifo", {}, errors.NotAFile),
        (".", {}, errors.PathInvalid),
        ("missing/f", {}, errors.PathNotFound),
        ("file/f", {"parents": True}, errors.PathNotFound),
        ("new", {"encoding": "base64"}, errors.InvalidParams),
        ("new", {"mode": "4755"}, errors.PermissionDenied),
        ("a/b/fifo/x", {"parents": True, "if_match": "nothing"}, errors.EtagMismatch),
    ],
)
def test_a_refused_write_changes_nothing(
    files: Beneath, root: Path, path: str, more: dict[str, Any], error: type[errors.NexusError]
) -> None:
    (root / "directory").mkdir()
    (root / "file").write_text("x")
    os.mkfifo(root / "fifo")
    before = set(snapshot(root))
    with pytest.raises(error):
        write(files, path, "€", **more)
    assert set(snapshot(root)) == before
    assert (root / "file").read_text() == "x"


def test_set_id_bits_do_not_survive_a_replacement(files: Beneath, root: Path) -> None:
    (root / "f").write_text("x")
    os.chmod(root / "f", 0o4755)
    assert write(files, "f", "y").mode == "755"
