"""Whole files over streams, continued where they stood when a connection breaks.

A download goes on at its offset as long as the file is the one it began with. An upload goes on where the daemon says
it stands; the file appears at its path as a whole, when all of it has come.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import secrets
from collections.abc import Callable
from pathlib import Path
from types import TracebackType
from typing import Any, BinaryIO, TypeAlias

import msgspec

from nexus_sdk.attachment import Attachment
from nexus_sdk.connection import Connection, ProgressCallback
from nexus_sdk.exceptions import NexusError, OutputGap, ProtocolViolation
from nexus_sdk.link import Progress
from nexus_sdk.output import Output
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import EtagMismatch, FileChanged
from nexus_sdk.sender import ByteSender

__all__ = ["Download", "Source", "Upload", "download_to", "upload_from"]

Source: TypeAlias = str | os.PathLike[str] | bytes | BinaryIO
"""What can be uploaded: a local path, bytes, or a seekable binary file."""

DOWNLOAD_WINDOW = 4_194_304
_BLOCK = 2_097_152


class Download(Attachment):
    """A file's bytes: `async with files.open(path) as download`, then `async for data in download`."""

    method = "fs.download"

    def __init__(
        self, connection: Connection, params: types.FsDownloadParams, *, window: int = DOWNLOAD_WINDOW
    ) -> None:
        super().__init__(connection)
        self._request = params
        self._output = Output(window, (1,), self._grant)
        self._lane = self._output.claim(None)
        self._info: types.FileInfo | None = None
        self._end = 0

    @property
    def info(self) -> types.FileInfo:
        """The file, as it was when the download began."""
        if self._info is None:
            raise RuntimeError("this download is not open; use it in `async with`")
        return self._info

    @property
    def start(self) -> int:
        """Position in the file of the first byte that comes."""
        return self._request.offset

    @property
    def length(self) -> int:
        """How many bytes come in all."""
        return self._end - self._request.offset

    async def __aenter__(self) -> Download:
        await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Download:
        return self

    async def __anext__(self) -> bytes:
        chunk = await self._output.take(self._lane)
        if chunk is None:
            raise StopAsyncIteration
        return chunk.data

    async def read(self) -> bytes:
        """Return the next bytes, at most 64 KiB; `b""` at the end.

        Raises:
            FileChanged: the file is no longer the one that the download began with.
        """
        chunk = await self._output.take(self._lane)
        return b"" if chunk is None else chunk.data

    async def read_all(self) -> bytes:
        """Return everything to the end; it is held in memory."""
        parts: list[bytes] = []
        while data := await self.read():
            parts.append(data)
        return b"".join(parts)

    async def aclose(self) -> None:
        """Stop. Closing twice does nothing."""
        await self._stop()

    def _params(self) -> types.FsDownloadParams:
        window = self._output.next_window()
        if not self._opened:
            return msgspec.structs.replace(self._request, window=window)
        offset = self._output.offset
        return msgspec.structs.replace(
            self._request, offset=offset, length=self._end - offset, if_match=self.info.etag, window=window
        )

    def _on_open(self, info: types.FsDownloadOpen) -> None:
        first = not self._opened
        offset = self._request.offset if first else self._output.offset
        self._output.attach(offset, first=first)
        if first:
            self._info, self._end = info.info, offset + info.length

    def _refused(self, error: NexusError) -> NexusError | None:
        return self._changed() if isinstance(error, EtagMismatch) else error

    def data(self, channel: int, offset: int, payload: memoryview) -> None:
        self._output.data(channel, offset, payload)

    def eof(self, channel: int, offset: int) -> None:
        """Hold the end back until the daemon has said that the file did not change meanwhile."""

    def _ended(self, result: types.FsDownloaded | None, error: BaseException | None) -> None:
        if result is not None and self._info is not None:
            if result.info.etag != self._info.etag:
                error = self._changed()
            elif self._output.offset > self._end:
                error = ProtocolViolation(
                    f"the download of {self._request.path!r} has {self._end} bytes, but {self._output.offset} came"
                )
            elif self._output.offset < self._end:
                error = OutputGap(
                    f"the download of {self._request.path!r} ended at {self._output.offset} instead of {self._end}",
                    expected=self._output.offset,
                    offset=self._end,
                    hint="download it again",
                )
        self._output.finish(error)

    def _changed(self) -> FileChanged:
        path = self._request.path
        return FileChanged(f"{path!r} changed while it was downloaded", path=path)


class Upload(Attachment):
    """A file on its way to the workspace. Driven by `upload_from`."""

    method = "fs.upload"

    def __init__(self, connection: Connection, params: types.FsUploadParams) -> None:
        super().__init__(connection)
        self._request = params
        self.sender = ByteSender(self._post, rewindable=True)
        self.result: types.FsUploaded | None = None

    async def __aenter__(self) -> Upload:
        await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self._stop()

    def _params(self) -> types.FsUploadParams:
        return self._request

    def _on_open(self, info: types.FsUploadOpen) -> None:
        size = self._request.size
        if not isinstance(size, msgspec.UnsetType) and info.offset > size:
            raise ProtocolViolation(f"the daemon continues the upload at {info.offset} of {size} bytes")
        self.sender.attach(self._number, info.offset, info.window)

    def _on_lost(self) -> None:
        self.sender.detach()

    def credit(self, channel: int, limit: int) -> None:
        self.sender.credit(limit)

    def _ended(self, result: types.FsUploaded | None, error: BaseException | None) -> None:
        self.result = result
        if error is None:
            self.sender.finish()
        else:
            self.sender.fail(error)


async def download_to(
    connection: Connection,
    params: types.FsDownloadParams,
    destination: str | os.PathLike[str] | BinaryIO,
    on_progress: ProgressCallback | None,
    resume: bool,
) -> types.FileInfo:
    """Write a file of the workspace to a local path, atomically, or into a binary file that is open."""
    if not isinstance(destination, str | os.PathLike):
        return await _download_into(connection, params, destination, on_progress)
    target = Path(destination)
    stat: types.FileInfo = await connection.call(
        "fs.stat", types.FsStatParams(workspace=params.workspace, path=params.path)
    )
    # The part is named after the version it belongs to, so one of an older version is never continued.
    version = hashlib.sha256(f"{params.path}\0{stat.etag}\0{params.offset}".encode()).hexdigest()[:16]
    part = target.with_name(f".{target.name}.{version}.nexus-part")
    file = await asyncio.to_thread(_open_part, part, resume)
    try:
        done = file.tell()
        if done:
            length = params.length
            if not isinstance(length, msgspec.UnsetType):
                length = max(length - done, 0)
            params = msgspec.structs.replace(params, offset=params.offset + done, length=length)
        params = msgspec.structs.replace(params, if_match=stat.etag)
        info = await _download_into(connection, params, file, on_progress, done)
        await asyncio.to_thread(_finish_part, file, part, target)
    except BaseException:
        file.close()
        if not resume:
            part.unlink(missing_ok=True)
        raise
    return info


async def upload_from(
    connection: Connection,
    params: types.FsUploadParams,
    source: Source,
    on_progress: ProgressCallback | None,
    checksum: bool,
) -> types.FileInfo:
    """Send a local file, bytes or a seekable binary file to a path of the workspace."""
    read, size, close = await asyncio.to_thread(_open_source, source)
    try:
        digest = await asyncio.to_thread(_digest, read) if checksum else None
        params = msgspec.structs.replace(
            params, size=size, sha256=msgspec.UNSET if digest is None else digest, upload=params.upload or new_id()
        )
        upload = Upload(connection, params)
        sender = upload.sender
        if on_progress is not None:
            report = on_progress
            sender.on_acknowledged = lambda done: report(Progress(done, size))
        async with upload, _ReadAhead(read, size) as blocks:
            while True:
                offset = sender.end
                if offset < size:
                    await sender.write_at(offset, await blocks.at(offset))
                    continue
                sender.close()
                if await sender.settle():
                    break
        assert upload.result is not None
        if on_progress is not None:
            on_progress(Progress(size, size))
        return upload.result.info
    finally:
        close()


class _ReadAhead:
    """Blocks of a source, of which the next is read while one is sent."""

    def __init__(self, read: Callable[[int, int], bytes], size: int) -> None:
        self._read = read
        self._size = size
        self._next: tuple[int, asyncio.Task[bytes]] | None = None

    async def __aenter__(self) -> _ReadAhead:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._next is not None:
            await _settled(self._next[1])

    async def at(self, offset: int) -> bytes:
        """Return the block that begins at `offset`, and begin to read the one after it.

        Raises:
            OSError: the source cannot be read, or has become shorter.
        """
        if self._next is not None and self._next[0] != offset:
            await _settled(self._next[1])
            self._next = None
        if self._next is None:
            self._next = offset, self._begin(offset)
        block = await asyncio.shield(self._next[1])
        self._next = None
        if not block:
            raise OSError(f"the source shrank to {offset} bytes while it was sent; it had {self._size}")
        after = offset + len(block)
        if after < self._size:
            self._next = after, self._begin(after)
        return block

    def _begin(self, offset: int) -> asyncio.Task[bytes]:
        return asyncio.create_task(asyncio.to_thread(self._read, offset, min(_BLOCK, self._size - offset)))


class _WriteBehind:
    """Writes to a file in a thread, one block at a time, while the next one comes."""

    def __init__(self, file: BinaryIO) -> None:
        self._file = file
        self._writing: asyncio.Task[None] | None = None

    async def __aenter__(self) -> _WriteBehind:
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        if self._writing is not None:
            failure = await _settled(self._writing)
            if kind is None and failure is not None:
                raise failure

    async def write(self, parts: list[bytes]) -> None:
        """Begin to write; returns when what was begun before is written.

        Raises:
            OSError: that could not be written.
        """
        if self._writing is not None:
            await asyncio.shield(self._writing)
        self._writing = asyncio.create_task(asyncio.to_thread(self._file.writelines, parts))


async def _settled(work: asyncio.Task[Any]) -> BaseException | None:
    # Waited for even when nobody wants the outcome: a thread must not use a file that was closed meanwhile.
    await asyncio.wait([work])
    return None if work.cancelled() else work.exception()


def new_id() -> str:
    """Return a fresh id for an upload."""
    return secrets.token_urlsafe(18)


async def _download_into(
    connection: Connection,
    params: types.FsDownloadParams,
    file: BinaryIO,
    on_progress: ProgressCallback | None,
    done: int = 0,
) -> types.FileInfo:
    async with Download(connection, params) as download, _WriteBehind(file) as behind:
        total = done + download.length
        parts: list[bytes] = []
        size = 0
        try:
            async for data in download:
                parts.append(data)
                size += len(data)
                if size >= _BLOCK:
                    await behind.write(parts)
                    done += size
                    parts, size = [], 0
                    if on_progress is not None:
                        on_progress(Progress(done, total))
        finally:
            # what came before a failure is where the next call continues
            if parts:
                await behind.write(parts)
        info = download.info
    if on_progress is not None:
        on_progress(Progress(total, total))
    return info


def _open_part(part: Path, resume: bool) -> BinaryIO:
    flags = os.O_RDWR | os.O_CREAT | getattr(os, "O_NOFOLLOW", 0) | (0 if resume else os.O_TRUNC)
    file = os.fdopen(os.open(part, flags, 0o600), "r+b", buffering=0)
    file.seek(0, os.SEEK_END)
    return file


def _finish_part(file: BinaryIO, part: Path, target: Path) -> None:
    with file:
        os.fsync(file.fileno())
        mask = os.umask(0)
        os.umask(mask)
        mode = target.stat().st_mode & 0o7777 if target.exists() else 0o666 & ~mask
        os.fchmod(file.fileno(), mode)
    os.replace(part, target)


def _open_source(source: Source) -> tuple[Callable[[int, int], bytes], int, Callable[[], None]]:
    if isinstance(source, bytes):
        data = source
        return (lambda offset, size: data[offset : offset + size]), len(data), lambda: None
    if isinstance(source, str | os.PathLike):
        descriptor = os.open(source, os.O_RDONLY | getattr(os, "O_BINARY", 0))
        return (
            lambda offset, size: os.pread(descriptor, size, offset),
            os.fstat(descriptor).st_size,
            lambda: os.close(descriptor),
        )
    file = source
    start = file.tell()
    total = file.seek(0, os.SEEK_END) - start

    def read(offset: int, size: int) -> bytes:
        file.seek(start + offset)
        return file.read(size)

    return read, total, lambda: None


def _digest(read: Callable[[int, int], bytes]) -> str:
    digest, offset = hashlib.sha256(), 0
    while block := read(offset, _BLOCK):
        digest.update(block)
        offset += len(block)
    return digest.hexdigest()
