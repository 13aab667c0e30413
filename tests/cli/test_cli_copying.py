"""Copying: what a hostile workspace says cannot write outside of the destination."""

from __future__ import annotations

from datetime import UTC, datetime
from pathlib import Path

import pytest
from boulder.copying import Place, _stays, download, parse_place, upload
from boulder.errors import CliError
from boulder.output import Output
from boulder.progress import Transfer
from hypothesis import given
from hypothesis import strategies as st
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import PathEscapes, PathNotFound


def entry(path: str, kind: str = "file", target: str | None = None, mode: str = "644") -> types.FileInfo:
    """What a daemon says of an entry."""
    info = types.FileInfo(
        path=path,
        name=path.rpartition("/")[2],
        type=kind,
        size=1,
        mode=mode,
        mtime=datetime(2026, 1, 2, tzinfo=UTC),
        etag="e",
        uid=0,
        gid=0,
    )
    if target is not None:
        info.target = target
    return info


class HostileFiles:
    """A workspace that says what it likes. Its files hold one byte each."""

    def __init__(self, root: types.FileInfo, entries: list[types.FileInfo]) -> None:
        self.root = root
        self.entries = entries
        self.sent: list[tuple[str, str]] = []

    async def stat(self, path: str) -> types.FileInfo:
        if path == "missing" or path.startswith("new"):
            raise PathNotFound(f"nothing at {path}", path=path)
        return self.root

    async def list(self, path: str, depth: int) -> list[types.FileInfo]:
        return self.entries

    async def download(self, path: str, destination: Path, on_progress) -> types.FileInfo:
        destination.write_bytes(b"!")
        return next((item for item in self.entries if item.path == path), self.root)

    async def mkdir(self, path: str, parents: bool) -> None:
        self.sent.append(("mkdir", path))

    async def upload(self, source, path: str, **options) -> None:
        self.sent.append(("upload", path))

    async def symlink(self, path: str, target: str, overwrite: bool) -> None:
        if target.startswith("/"):
            raise PathEscapes("it leads out", path=path)
        self.sent.append(("link", path))


def progress() -> Transfer:
    return Transfer(Output(quiet=True), "copy")


async def fetch(entries: list[types.FileInfo], target: Path):
    files = HostileFiles(entry("dir", "directory"), entries)
    return await download(files, "dir", target, recursive=True, progress=progress())


@pytest.mark.parametrize(
    "path",
    ["dir/../../evil", "../evil", "/etc/evil", "dir//evil", "dir/./evil", "elsewhere/evil", "dir/a\0b", "dirt/evil"],
)
@pytest.mark.parametrize("kind", ["file", "directory", "symlink"])
async def test_names_that_lead_out_are_refused(path: str, kind: str, tmp_path: Path) -> None:
    target = tmp_path / "deep" / "target"
    with pytest.raises((CliError, BaseExceptionGroup)) as raised:
        await fetch([entry(path, kind, "x")], target)
    assert "refused" in repr(raised.value)
    assert [found.name for found in tmp_path.rglob("*")] in (["deep", "target"], ["deep"], [])


async def test_nothing_is_written_through_a_link(tmp_path: Path) -> None:
    outside, target = tmp_path / "outside", tmp_path / "target"
    outside.mkdir()
    target.mkdir()
    (target / "dir").mkdir()
    (target / "dir" / "sub").symlink_to(outside)
    with pytest.raises((CliError, BaseExceptionGroup)) as raised:
        await fetch([entry("dir/sub/evil")], target)
    assert "is a link" in repr(raised.value)
    assert list(outside.iterdir()) == []


async def test_a_name_that_is_a_link_and_a_directory(tmp_path: Path) -> None:
    entries = [entry("dir/a", "symlink", ".."), entry("dir/a", "directory"), entry("dir/a/evil")]
    copied = await fetch(entries, tmp_path / "target")
    assert (tmp_path / "target" / "a" / "evil").read_bytes() == b"!"
    assert not (tmp_path / "target" / "a").is_symlink()
    assert len(copied.skipped) == 1


async def test_links_that_lead_out_are_left_out(tmp_path: Path) -> None:
    entries = [
        entry("dir/in/side", "symlink", "../other"),
        entry("dir/out", "symlink", "../x"),
        entry("dir/absolute", "symlink", "/etc/passwd"),
        entry("dir/twisted", "symlink", "in/../../x"),
        entry("dir/none", "symlink"),
        entry("dir/in", "directory"),
    ]
    copied = await fetch(entries, tmp_path / "target")
    assert (tmp_path / "target" / "in" / "side").readlink() == Path("../other")
    assert len(copied.skipped) == 4
    assert sorted(found.name for found in (tmp_path / "target").iterdir()) == ["in"]


async def test_special_files_and_bits_are_left_out(tmp_path: Path) -> None:
    copied = await fetch([entry("dir/fifo", "other"), entry("dir/suid", mode="4755")], tmp_path / "target")
    assert copied.skipped == ["dir/fifo: no regular file"]
    assert (tmp_path / "target" / "suid").stat().st_mode & 0o7000 == 0
    assert (tmp_path / "target" / "suid").stat().st_mode & 0o100


async def test_a_file_goes_into_a_directory_that_is_there(tmp_path: Path) -> None:
    files = HostileFiles(entry("a/file.txt"), [])
    await download(files, "a/file.txt", tmp_path, recursive=False, progress=progress())
    assert (tmp_path / "file.txt").read_bytes() == b"!"


async def test_a_directory_needs_recursive(tmp_path: Path) -> None:
    files = HostileFiles(entry("dir", "directory"), [])
    with pytest.raises(CliError, match="is a directory"):
        await download(files, "dir", tmp_path / "x", recursive=False, progress=progress())
    (tmp_path / "here").mkdir()
    with pytest.raises(CliError, match="is a directory"):
        await upload(files, "w", tmp_path / "here", "new", recursive=False, progress=progress())
    with pytest.raises(CliError, match="there is no"):
        await upload(files, "w", tmp_path / "missing", "new", recursive=False, progress=progress())


async def test_upload_of_a_tree(tmp_path: Path) -> None:
    tree = tmp_path / "tree"
    (tree / "a" / "empty").mkdir(parents=True)
    (tree / "a" / "file").write_text("x")
    (tree / "good").symlink_to("a/file")
    (tree / "evil").symlink_to("/etc/passwd")
    files = HostileFiles(entry("dir", "directory"), [])
    copied = await upload(files, "w", tree, "new", recursive=True, progress=progress())
    assert sorted(files.sent) == [
        ("link", "new/good"),
        ("mkdir", "new"),
        ("mkdir", "new/a"),
        ("mkdir", "new/a/empty"),
        ("upload", "new/a/file"),
    ]
    assert copied.files == 2 and len(copied.skipped) == 1 and "evil" in copied.skipped[0]


@pytest.mark.parametrize(
    ("text", "place"),
    [
        ("work:src/x", Place("work", "src/x")),
        (":src/x", Place("", "src/x")),
        ("work:", Place("work", ".")),
        ("./odd:name", Place(None, "./odd:name")),
        ("/a:b", Place(None, "/a:b")),
        ("plain", Place(None, "plain")),
        ("-", Place(None, "-")),
        ("work:a:b", Place("work", "a:b")),
    ],
)
def test_parse_place(text: str, place: Place) -> None:
    assert parse_place(text) == place


@given(st.lists(st.sampled_from(["a", "b", "..", "."]), max_size=6), st.integers(1, 4))
def test_a_link_that_stays_never_leads_out(words: list[str], depth: int) -> None:
    parts = [f"d{number}" for number in range(depth)]
    if _stays(parts, "/".join(words)):
        place = parts[:-1]
        for word in words:
            if word == "..":
                assert place, "it went above the root"
                place = place[:-1]
            elif word != ".":
                place = [*place, word]
