"""fs.download and fs.upload: whole files or named errors, and resuming."""

from __future__ import annotations

import hashlib
import os
import time
from pathlib import Path
from typing import Any

import pytest
from files_support import SECRET, open_descriptors, snapshot
from nexus_sdk.protocol import errors
from nexus_sdk.protocol.types import FsDownloadParams, FsUploadParams
from nexusd.files import transfer
from nexusd.files.beneath import Beneath
from nexusd.files.transfer import BLOCK, Download, Upload, sweep

DATA = bytes(range(256)) * 12_000


def download(files: Beneath, path: str, *, checksum: bool = False, **more: Any) -> Download:
    return Download(files, FsDownloadParams(workspace="w", path=path, **more), checksum=checksum)


def upload(files: Beneath, path: str = "f", *, owner: str = "me", id: str = "upload-1", **more: Any) -> Upload:
    return Upload(files, FsUploadParams(workspace="w", path=path, upload=id, **more), owner)


async def drain(running: Download, limit: int = BLOCK) -> bytes:
    pieces = []
    while piece := await running.read(limit):
        pieces.append(piece)
    return b"".join(pieces)


async def feed(running: Upload, data: bytes, piece: int = 65_536) -> None:
    for begin in range(0, len(data), piece):
        await running.write(data[begin : begin + piece])


async def test_download_whole_and_in_part(files: Beneath, root: Path) -> None:
    (root / "f").write_bytes(DATA)
    running = download(files, "f", checksum=True)
    assert running.opened.length == len(DATA) and running.opened.info.path == "f"
    assert await drain(running, 100_000) == DATA
    assert running.finish().sha256 == hashlib.sha256(DATA).hexdigest()
    running.close()
    running.close()
    running = download(files, "f", offset=1000, length=70_000)
    assert await drain(running) == DATA[1000:71_000] and running.position == 71_000
    running.finish()
    running.close()
    running = download(files, "f", offset=len(DATA))
    assert await drain(running) == b"" and running.finish().info.size == len(DATA)
    running.close()


async def test_download_into_a_buffer(files: Beneath, root: Path) -> None:
    (root / "f").write_bytes(DATA)
    running, buffer, got = download(files, "f"), bytearray(300_000), b""
    while count := await running.read_into(memoryview(buffer)):
        got += buffer[:count]
    assert got == DATA
    running.close()


@pytest.mark.parametrize(
    ("path", "more", "error"),
    [
        ("missing", {}, errors.PathNotFound),
        ("d", {}, errors.NotAFile),
        ("f", {"offset": 4}, errors.InvalidParams),
        ("f", {"if_match": "other"}, errors.EtagMismatch),
        ("away", {}, errors.PathEscapes),
    ],
)
def test_a_refused_download_holds_nothing(
    files: Beneath, root: Path, outside: Path, path: str, more: Any, error: type[errors.NexusError]
) -> None:
    (root / "f").write_text("abc")
    (root / "d").mkdir()
    (root / "away").symlink_to("../outside/secret")
    before = open_descriptors()
    with pytest.raises(error):
        download(files, path, **more)
    assert open_descriptors() == before


async def test_a_file_that_changes_is_no_download(files: Beneath, root: Path) -> None:
    (root / "f").write_bytes(DATA)
    running = download(files, "f")
    await running.read(1000)
    (root / "f").write_bytes(b"other" + DATA[5:])
    await drain(running)
    with pytest.raises(errors.FileChanged):
        running.finish()
    running.close()
    running = download(files, "f")
    await running.read(1000)
    os.truncate(root / "f", 500)
    with pytest.raises(errors.FileChanged):
        await drain(running)
    running.close()
    running = download(files, "f")
    with pytest.raises(errors.FileChanged):
        running.finish()
    running.close()


async def test_a_file_that_is_replaced_is_sent_as_it_was(files: Beneath, root: Path) -> None:
    (root / "f").write_bytes(DATA)
    running = download(files, "f")
    await running.read(1000)
    (root / "new").write_text("new")
    os.replace(root / "new", root / "f")
    assert len(await drain(running)) == len(DATA) - 1000
    running.finish()
    running.close()


async def test_upload_puts_a_whole_file_in_place(files: Beneath, root: Path) -> None:
    checksum = hashlib.sha256(DATA).hexdigest()
    running = upload(files, "a/b/f", parents=True, size=len(DATA), sha256=checksum, mode="600")
    assert running.opened.offset == 0
    await feed(running, DATA)
    assert not (root / "a/b/f").exists()
    done = await running.finish()
    await running.abort()
    assert (root / "a/b/f").read_bytes() == DATA
    assert (done.info.path, done.info.size, done.info.mode) == ("a/b/f", len(DATA), "600")
    assert os.listdir(root / "a/b") == ["f"]


async def test_an_empty_file_can_be_uploaded(files: Beneath, root: Path) -> None:
    running = upload(files, size=0, sha256=hashlib.sha256(b"").hexdigest())
    assert (await running.finish()).info.size == 0


# requirement: resume.upload
async def test_upload_goes_on_where_it_ended(files: Beneath, root: Path) -> None:
    checksum = hashlib.sha256(DATA).hexdigest()
    running = upload(files, size=len(DATA), sha256=checksum)
    await feed(running, DATA[:1_500_000], 7777)
    await running.abort()
    for other in (upload(files, owner="you"), upload(files, id="upload-2")):
        assert other.opened.offset == 0
        await other.abort()
    running = upload(files, size=len(DATA), sha256=checksum)
    assert running.opened.offset == 1_500_000 == running.received
    await feed(running, DATA[1_500_000:])
    await running.finish()
    assert (root / "f").read_bytes() == DATA


async def test_an_upload_of_something_shorter_begins_again(files: Beneath, root: Path) -> None:
    first = upload(files, size=len(DATA))
    await feed(first, DATA[:BLOCK])
    await first.abort()
    second = upload(files, size=10)
    assert second.opened.offset == 0
    await feed(second, b"0123456789")
    await second.finish()
    assert (root / "f").read_bytes() == b"0123456789"


async def test_a_second_connection_takes_over(files: Beneath, root: Path) -> None:
    first = upload(files, size=len(DATA))
    await feed(first, DATA[:BLOCK])
    await first._settle()
    second = upload(files, size=len(DATA))
    assert second.opened.offset == BLOCK
    with pytest.raises(errors.FileChanged):
        await feed(first, DATA)
        await first.finish()
    await first.abort()
    await feed(second, DATA[BLOCK:])
    await second.finish()
    assert (root / "f").read_bytes() == DATA


async def test_an_upload_that_is_taken_over_while_it_opens_touches_nothing(
    files: Beneath, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "precious").write_bytes(DATA)
    first = upload(files)
    await feed(first, DATA[:BLOCK])
    await first.abort()
    take_over, others = transfer._take_over, []

    def overtaken(key: tuple[int, int], mine: Upload) -> None:
        take_over(key, mine)
        if not others:
            others.append(None)
            others[0] = upload(files)
            # the number of the closed descriptor now means another file
            others.append(os.open(root / "precious", os.O_RDWR))

    monkeypatch.setattr(transfer, "_take_over", overtaken)
    with pytest.raises(errors.FileChanged):
        upload(files, size=1)
    assert (root / "precious").read_bytes() == DATA
    assert others[0].opened.offset == BLOCK
    await others[0].abort()
    os.close(others[1])


@pytest.mark.parametrize("more", [{"size": 10}, {"size": 12}, {"sha256": "0" * 64}])
async def test_what_differs_from_the_announcement_changes_nothing(files: Beneath, root: Path, more: Any) -> None:
    (root / "f").write_text("old")
    before, descriptors = snapshot(root), open_descriptors()
    running = upload(files, **more)
    with pytest.raises(errors.UploadMismatch):
        await running.write(b"hello world")
        await running.finish()
    await running.abort()
    assert {name: entry[2] for name, entry in snapshot(root).items()} == {n: e[2] for n, e in before.items()}
    assert open_descriptors() == descriptors


async def test_if_match_of_uploads(files: Beneath, root: Path) -> None:
    running = upload(files, if_match="")
    await running.write(b"new")
    (root / "f").write_text("made meanwhile")
    with pytest.raises(errors.EtagMismatch):
        await running.finish()
    await running.abort()
    assert (root / "f").read_text() == "made meanwhile"
    with pytest.raises(errors.EtagMismatch):
        upload(files, if_match="")


@pytest.mark.parametrize(
    ("path", "error"),
    [("d", errors.NotAFile), ("no/f", errors.PathNotFound), ("away", errors.PathEscapes), ("../f", errors.PathEscapes)],
)
def test_a_refused_upload_leaves_nothing(
    files: Beneath, root: Path, outside: Path, path: str, error: type[errors.NexusError]
) -> None:
    (root / "d").mkdir()
    (root / "away").symlink_to("../outside/secret")
    before = open_descriptors()
    with pytest.raises(error):
        upload(files, path)
    assert sorted(os.listdir(root)) == ["away", "d"] and open_descriptors() == before


@pytest.mark.parametrize("kind", ["symlink", "hardlink", "fifo", "directory"])
async def test_what_a_process_puts_under_our_name_is_not_written_to(
    files: Beneath, root: Path, outside: Path, kind: str
) -> None:
    running = upload(files)
    await running.write(b"x")
    await running.abort()
    name = next(entry for entry in os.listdir(root) if entry.startswith(".nexus-upload-"))
    os.unlink(root / name)
    (root / "victim").write_text("victim")
    if kind == "symlink":
        (root / name).symlink_to(outside / "secret")
    elif kind == "hardlink":
        os.link(root / "victim", root / name)
    elif kind == "fifo":
        os.mkfifo(root / name)
    else:
        (root / name).mkdir()
    running = upload(files)
    assert running.opened.offset == 0
    await running.write(b"mine")
    await running.finish()
    assert (root / "f").read_text() == "mine" and (root / "victim").read_text() == "victim"
    assert (outside / "secret").read_text() == SECRET


async def test_the_sweep_takes_what_is_old(files: Beneath, root: Path) -> None:
    (root / "d").mkdir()
    for path in ("f", "d/f", "d/young"):
        running = upload(files, path)
        await running.write(b"x")
        await running.abort()
    (root / ".nexus-tmp-0123456789abcdef").mkdir()
    (root / ".nexus-tmp-0123456789abcdef" / "x").write_text("x")
    (root / ".nexus-tmp-mine").write_text("a user's own")
    old = time.time() - 2 * 86_400
    young = max(os.scandir(root / "d"), key=lambda entry: entry.stat().st_mtime_ns).name
    for base, directories, names in os.walk(root):
        for name in (*directories, *names):
            if name != young:
                os.utime(os.path.join(base, name), (old, old))
    assert sweep(files) == 3
    assert sorted(os.listdir(root)) == [".nexus-tmp-mine", "d"] and os.listdir(root / "d") == [young]
