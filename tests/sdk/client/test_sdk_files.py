"""Files: small ones in a message, large ones by stream, transfers that go on after a break."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import io
import random

import pytest
from fake_daemon import file_record
from nexus_sdk import ConnectionLost, OutputGap, ProtocolViolation
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import (
    EtagMismatch,
    FileChanged,
    FileTooLarge,
    NotText,
    PathNotFound,
    StorageFull,
    UploadMismatch,
)


class Store:
    """One file that can be read and written by message and by stream, with cuts."""

    def __init__(self, fake, content: bytes = b"") -> None:
        self.content = content
        self.etag = "e1"
        self.parts: dict[str, bytearray] = {}
        self.window = 100_000
        self.cuts: list[int] = []
        self.downloads: list[dict] = []
        self.uploads: list[dict] = []
        self.lost_tail = 0
        fake.handlers.update(
            {
                "fs.stat": self.stat,
                "fs.read": self.read,
                "fs.write": self.write,
                "fs.download": self.download,
                "fs.upload": self.upload,
            }
        )

    @property
    def info(self):
        return file_record("f", len(self.content), self.etag)

    async def stat(self, call):
        return self.info

    async def read(self, call):
        if len(self.content) > 1_048_576:
            raise FileTooLarge("too large", path="f", size=len(self.content), limit=1_048_576)
        encoding = call.params.get("encoding", "utf-8")
        text = self.content.decode() if encoding == "utf-8" else base64.b64encode(self.content).decode()
        size = len(self.content)
        head = {"path": "f", "encoding": encoding, "content": text, "offset": 0, "size": size}
        return {**head, "etag": self.etag, "truncated": False}

    async def write(self, call):
        content = call.params["content"]
        self.content = base64.b64decode(content) if call.params.get("encoding") == "base64" else content.encode()
        return self.info

    async def download(self, call):
        self.downloads.append(call.params)
        if call.params.get("if_match", self.etag) != self.etag:
            raise EtagMismatch("changed", path="f", etag=self.etag)
        begin = call.params.get("offset", 0)
        end = min(len(self.content), begin + call.params.get("length", len(self.content)))
        cut = self.cuts.pop(0) if self.cuts else None
        await call.open({"info": self.info, "length": max(0, end - begin)})
        for at in range(begin, end, 65536):
            part = self.content[at : min(at + 65536, end)]
            if cut is not None and at - begin >= cut:
                call.session.drop()
                return None
            await call.room(at + len(part), begin)
            await call.data(1, at, part)
        await call.eof(1, end)
        return {"info": self.info}

    async def upload(self, call):
        self.uploads.append(call.params)
        part = self.parts.setdefault(call.params["upload"], bytearray())
        if self.lost_tail and part:
            del part[-self.lost_tail :]
        start = len(part)
        call.params["_up_start"] = start
        cut = self.cuts.pop(0) if self.cuts else None
        await call.open({"offset": start, "window": self.window})
        while True:
            await call.until(lambda: bool(call.up) or call.up_ended is not None)
            if call.up:
                part += call.up
                call.params["_up_start"] += len(call.up)
                call.up.clear()
                if cut is not None and len(part) - start >= cut:
                    call.session.drop()
                    return None
                await call.credit(len(part) + self.window)
            if call.up_ended == len(part):
                break
        if "sha256" in call.params and hashlib.sha256(part).hexdigest() != call.params["sha256"]:
            raise UploadMismatch("not what was announced", path="f", expected="a", actual="b")
        assert call.params["size"] == len(part)
        self.content = bytes(part)
        return {"info": self.info}


BIG = random.Random(1).randbytes(3_000_000)


async def test_small_files_travel_in_one_message(fake, workspace):
    store = Store(fake, "grüße".encode())
    assert await workspace.files.read_text("f") == "grüße"
    assert await workspace.files.read_bytes("f") == "grüße".encode()
    await workspace.files.write("f", "text")
    assert store.content == b"text"
    await workspace.files.write("f", b"\x00\xff")
    assert store.content == b"\x00\xff"
    assert store.downloads == [] and store.uploads == []


async def test_large_files_travel_by_stream_without_being_asked(fake, workspace):
    store = Store(fake)
    await workspace.files.write("f", BIG, mode="600", parents=True)
    assert store.content == BIG
    assert store.uploads[0]["sha256"] == hashlib.sha256(BIG).hexdigest() and store.uploads[0]["mode"] == "600"
    assert await workspace.files.read_bytes("f") == BIG


async def test_text_whose_json_is_too_long_travels_by_stream(fake, workspace):
    store = Store(fake)
    text = "\x01" * 300_000
    await workspace.files.write("f", text)
    assert store.content == text.encode() and len(store.uploads) == 1


async def test_a_large_file_that_is_not_text_says_where(fake, workspace):
    Store(fake, b"a" * 2_000_000 + b"\xff")
    with pytest.raises(NotText, match="byte 2000000"):
        await workspace.files.read_text("f")


async def test_a_download_by_stream_with_bounds(fake, workspace):
    store = Store(fake, BIG)
    async with workspace.files.open("f", offset=1000, length=200_000) as download:
        assert (download.start, download.length, download.info.size) == (1000, 200_000, len(BIG))
        assert b"".join([data async for data in download]) == BIG[1000:201_000]
    assert store.downloads[0]["length"] == 200_000


async def test_a_download_goes_on_after_breaks(fake, workspace):
    store = Store(fake, BIG)
    store.cuts = [300_000, 1, 500_000, 65_536]
    async with workspace.files.open("f") as download:
        assert await download.read_all() == BIG
        assert download.reconnects == 4
    offsets = [params.get("offset", 0) for params in store.downloads]
    assert offsets == sorted(offsets) and all(params["if_match"] == "e1" for params in store.downloads[1:])


async def test_a_file_that_changes_while_the_connection_is_broken(fake, workspace):
    store = Store(fake, BIG)
    store.cuts = [300_000]
    async with workspace.files.open("f") as download:
        await download.read()
        store.etag = "e2"
        with pytest.raises(FileChanged):
            await download.read_all()


async def test_a_file_that_changes_under_the_download(fake, workspace):
    @fake.on("fs.download")
    async def download(call):
        await call.open({"info": file_record("f", 3), "length": 3})
        await call.data(1, 0, b"abc")
        await call.eof(1, 3)
        return {"info": file_record("f", 3, "e2")}

    async with workspace.files.open("f") as stream:
        assert await stream.read() == b"abc"
        with pytest.raises(FileChanged):
            await stream.read()


async def test_a_download_that_ends_early_is_not_a_success(fake, workspace):
    @fake.on("fs.download")
    async def download(call):
        await call.open({"info": file_record("f", 10), "length": 10})
        await call.data(1, 0, b"abc")
        await call.eof(1, 3)
        return {"info": file_record("f", 10)}

    async with workspace.files.open("f") as stream:
        with pytest.raises(OutputGap, match="ended at 3 instead of 10"):
            await stream.read_all()


async def test_download_to_a_path_is_atomic(fake, workspace, tmp_path):
    Store(fake, BIG)
    seen = []
    target = tmp_path / "copy"
    target.write_bytes(b"old")
    target.chmod(0o640)
    info = await workspace.files.download("f", target, on_progress=seen.append)
    assert target.read_bytes() == BIG and info.size == len(BIG)
    assert target.stat().st_mode & 0o777 == 0o640
    assert list(tmp_path.iterdir()) == [target]
    assert [item.done for item in seen] == sorted(item.done for item in seen)
    assert (seen[-1].done, seen[-1].total) == (len(BIG), len(BIG))


async def test_an_interrupted_download_continues_in_the_next_call(fake, workspace, tmp_path):
    store = Store(fake, BIG)
    target = tmp_path / "copy"
    real, calls = store.download, []

    async def fails_once(call):
        calls.append(call)
        if len(calls) == 1:
            store.cuts = [1_500_000]
        elif len(calls) == 2:
            raise PathNotFound("hidden for a while", path="f")
        return await real(call)

    fake.handlers["fs.download"] = fails_once
    with pytest.raises(PathNotFound):
        await workspace.files.download("f", target)
    assert not target.exists()
    (part,) = tmp_path.iterdir()
    assert 0 < part.stat().st_size < len(BIG) and part.stat().st_mode & 0o777 == 0o600
    kept = part.stat().st_size
    await workspace.files.download("f", target)
    assert target.read_bytes() == BIG
    assert calls[-1].params["offset"] == kept
    assert list(tmp_path.iterdir()) == [target]


async def test_a_part_of_another_version_is_not_continued(fake, workspace, tmp_path):
    store = Store(fake, BIG)
    target = tmp_path / "copy"
    store.cuts = [1_500_000]
    real, calls = store.download, []

    async def changes(call):
        calls.append(call)
        if len(calls) == 2:
            store.etag, store.content = "e2", BIG[::-1]
        return await real(call)

    fake.handlers["fs.download"] = changes
    with pytest.raises(FileChanged):
        await workspace.files.download("f", target)
    await workspace.files.download("f", target)
    assert target.read_bytes() == BIG[::-1]


async def test_without_resume_nothing_is_left_behind(fake, workspace, tmp_path):
    store = Store(fake, BIG)
    store.cuts = [1_500_000]
    real = store.download

    async def fails(call):
        if store.downloads:
            raise PathNotFound("gone", path="f")
        return await real(call)

    fake.handlers["fs.download"] = fails
    with pytest.raises(PathNotFound):
        await workspace.files.download("f", tmp_path / "copy", resume=False)
    assert list(tmp_path.iterdir()) == []


async def test_download_into_an_open_file(fake, workspace):
    Store(fake, BIG)
    file = io.BytesIO()
    await workspace.files.download("f", file, offset=10)
    assert file.getvalue() == BIG[10:]


@pytest.mark.parametrize("kind", ["path", "bytes", "file"])
async def test_upload_from_anything(fake, workspace, tmp_path, kind):
    store = Store(fake)
    path = tmp_path / "source"
    path.write_bytes(BIG)
    seen = []
    file = io.BytesIO(b"skipped" + BIG)
    file.seek(7)
    source = {"path": path, "bytes": BIG, "file": file}[kind]
    await workspace.files.upload(source, "f", checksum=kind == "path", if_match="", on_progress=seen.append)
    assert store.content == BIG
    assert store.uploads[0]["size"] == len(BIG) and store.uploads[0]["if_match"] == ""
    assert ("sha256" in store.uploads[0]) is (kind == "path")
    assert [item.done for item in seen] == sorted(item.done for item in seen) and seen[-1].done == len(BIG)


async def test_an_upload_goes_on_after_breaks(fake, workspace):
    store = Store(fake)
    store.cuts = [1, 300_000, 500_000, 100_000]
    await workspace.files.upload(BIG, "f")
    assert store.content == BIG
    assert len(store.uploads) == 5 and len({params["upload"] for params in store.uploads}) == 1


async def test_an_upload_starts_over_where_the_daemon_stands(fake, workspace):
    """A crash of the daemon may lose bytes that it had taken: they are read again from the source."""
    store = Store(fake)
    store.cuts, store.lost_tail = [400_000, 900_000], 250_000
    await workspace.files.upload(BIG, "f", checksum=True)
    assert store.content == BIG


async def test_a_cut_after_the_end_was_sent_is_survived(fake, workspace):
    store = Store(fake)
    store.window = 1_000_000
    store.cuts = [300_000]
    store.lost_tail = 100_000
    await workspace.files.upload(BIG[:300_000], "f")
    assert store.content == BIG[:300_000]


async def test_an_empty_file(fake, workspace, tmp_path):
    store = Store(fake, b"old")
    await workspace.files.upload(b"", "f")
    assert store.content == b""
    await workspace.files.download("f", tmp_path / "copy")
    assert (tmp_path / "copy").read_bytes() == b""


async def test_an_upload_continues_another_processs(fake, workspace):
    store = Store(fake)
    store.parts["shared-id"] = bytearray(BIG[:1_000_000])
    await workspace.files.upload(BIG, "f", upload_id="shared-id", checksum=True)
    assert store.content == BIG


async def test_an_upload_that_is_refused_stops_at_once(fake, workspace):
    @fake.on("fs.upload")
    async def upload(call):
        await call.open({"offset": 0, "window": 1000})
        await call.until(lambda: len(call.up) > 0)
        raise StorageFull("no space", path="/w")

    with pytest.raises(StorageFull):
        await asyncio.wait_for(workspace.files.upload(BIG, "f"), 5)


async def test_an_upload_that_is_continued_beyond_its_end(fake, workspace):
    @fake.on("fs.upload")
    async def upload(call):
        await call.open({"offset": 1001, "window": 1000})

    with pytest.raises(ProtocolViolation, match="1001 of 1000 bytes"):
        await asyncio.wait_for(workspace.files.upload(b"x" * 1000, "f"), 5)


async def test_a_checksum_that_does_not_match(fake, workspace):
    store = Store(fake)
    store.parts["shared-id"] = bytearray(b"x" * 100)
    with pytest.raises(UploadMismatch):
        await workspace.files.upload(BIG, "f", upload_id="shared-id", checksum=True)


async def test_a_source_that_shrinks_is_not_a_success(fake, workspace, tmp_path):
    store = Store(fake)
    path = tmp_path / "source"
    path.write_bytes(BIG)
    real = store.upload

    async def shrink(call):
        path.write_bytes(BIG[:2_000_000])
        return await real(call)

    fake.handlers["fs.upload"] = shrink
    store.window = 50_000
    with pytest.raises(OSError, match="shrank"):
        await asyncio.wait_for(workspace.files.upload(path, "f"), 10)


async def test_the_rest_says_on_the_wire_what_it_means(fake, workspace):
    for name in ("mkdir", "rename", "copy", "chmod", "symlink", "stat"):

        async def info(call):
            return file_record("f")

        fake.handlers[f"fs.{name}"] = info
    pages = iter([{"entries": [file_record("a")], "next_cursor": "n"}, {"entries": [file_record("b")]}])

    @fake.on("fs.list")
    async def listing(call):
        return next(pages)

    @fake.on("fs.remove")
    async def remove(call):
        return {"removed": 3}

    @fake.on("fs.glob")
    async def glob(call):
        return {"paths": ["a.py"], "truncated": False}

    @fake.on("fs.edit")
    async def edit(call):
        return {"info": file_record("f"), "replacements": 1, "diff": "d"}

    files = workspace.files
    assert [entry.path for entry in await files.list(depth=2)] == ["a", "b"]
    assert fake.calls[-1].params["cursor"] == "n"
    await files.mkdir("d", parents=True)
    await files.rename("a", "b", overwrite=True)
    await files.copy("a", "b", recursive=True)
    await files.chmod("a", 0o755)
    assert fake.calls[-1].params["mode"] == "755"
    await files.symlink("l", "a")
    assert await files.remove("d", recursive=True) == 3
    assert await files.glob("*.py") == ["a.py"]
    edited = await files.edit("f", [("old", "new"), types.FsEdit(old="a", new="b", all=True)])
    assert edited.replacements == 1
    assert fake.calls[-1].params["edits"] == [{"old": "old", "new": "new"}, {"old": "a", "new": "b", "all": True}]
    assert await files.exists("f")

    @fake.on("fs.stat")
    async def absent(call):
        raise PathNotFound("nothing", path="x")

    assert not await files.exists("x")


async def test_closing_during_a_transfer_is_not_a_hang(fake, nexus, workspace):
    store = Store(fake, BIG)
    async with workspace.files.open("f", window=65536) as download:
        await download.read()
        await nexus.close()
        with pytest.raises(Exception, match="closed"):
            await asyncio.wait_for(download.read_all(), 5)
    assert store.downloads


async def test_a_download_whose_daemon_never_comes_back(fake, workspace, nexus):
    store = Store(fake, BIG)
    store.cuts = [300_000]
    nexus._connection.options = type(nexus._connection.options)(reconnect_timeout=0.1)
    async with workspace.files.open("f") as download:
        fake.refusals = [(503, b"")] * 50
        with pytest.raises(ConnectionLost):
            await asyncio.wait_for(download.read_all(), 5)
