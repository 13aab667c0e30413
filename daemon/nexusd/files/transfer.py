"""Large files in motion: `Download` reads one version of a file, `Upload` collects one and puts it in place whole.

Both are made for a stream of bytes on the event loop. What the page cache has is read at once (RWF_NOWAIT), everything
else moves in pieces of 1 MiB in a thread, so that there is no thread switch for each frame and the loop never waits for
a disk. Opening, finishing and closing block and belong into a thread.
"""

from __future__ import annotations

import asyncio
import errno
import hashlib
import os
import stat
import threading
import time
import weakref
from contextlib import closing
from typing import Any, Final

import msgspec
from nexus_sdk.protocol import errors
from nexus_sdk.protocol.types import (
    FsDownloaded,
    FsDownloadOpen,
    FsDownloadParams,
    FsUploaded,
    FsUploadOpen,
    FsUploadParams,
)

from nexusd.files import acting
from nexusd.files.beneath import Beneath, open_entry
from nexusd.files.errors import naming, not_a_file, param
from nexusd.files.info import content_stamp, file_info
from nexusd.files.remove import remove_tree
from nexusd.files.stage import TEMPORARY, UPLOAD, Staged, check_match, check_mode, entry_status, is_ours, write_parts
from nexusd.files.syscalls import start_writeback
from nexusd.files.walk import walk_all

BLOCK: Final = 1 << 20
"""Bytes that move at once between a file and memory."""

READ: Final = 1 << 18
"""Bytes that a download reads at a time: small enough to stay in the processor's cache until they are sent."""

_WRITE_BACK: Final = 8 << 20
"""Bytes of an upload after which the disk is told to begin, so that the fsync at the end does not wait for them all."""

EXPIRY: Final = 24 * 3600.0
"""Seconds after which an upload that nobody continued is removed."""

_NOWAIT: Final = getattr(os, "RWF_NOWAIT", 0)
_REVOKE_WAIT: Final = 10.0


class Download:
    """A file being read: one version of it, or an error.

    Attributes:
        opened: what is coming; the answer to the open of the stream.
        position: where the next byte is in the file.
    """

    def __init__(self, beneath: Beneath, params: FsDownloadParams, *, checksum: bool = False) -> None:
        """Open the file. Blocks.

        Args:
            checksum: compute the SHA-256 of the bytes sent; costs about as much as sending them.

        Raises:
            InvalidParams: `offset` lies behind the end of the file.
            EtagMismatch: `if_match` does not hold.
            NotAFile: and the errors of `Beneath`.
        """
        self._path = params.path
        with beneath.acting():
            self._fd = beneath.open(params.path)
        try:
            status = os.fstat(self._fd)
            check_match(status, params.if_match if isinstance(params.if_match, str) else None, params.path)
            if params.offset > status.st_size:
                raise param("offset", f"the file has {status.st_size} bytes")
        except BaseException:
            os.close(self._fd)
            raise
        self._stamp = content_stamp(status)
        self._digest = hashlib.sha256() if checksum else None
        self._info = file_info(beneath.relative(params.path), status)
        length = status.st_size - params.offset
        if isinstance(params.length, int):
            length = min(length, params.length)
        self.position = params.offset
        self._end = params.offset + length
        self.opened = FsDownloadOpen(info=self._info, length=length)

    async def read(self, limit: int = BLOCK) -> memoryview:
        """The next bytes, at most `limit`; empty when all have come.

        Raises:
            FileChanged: the file became shorter.
        """
        limit = min(limit, self._end - self.position)
        if limit <= 0:
            return memoryview(b"")
        buffer = bytearray(limit)
        count = await self.read_into(memoryview(buffer))
        return memoryview(buffer)[:count]

    async def read_into(self, buffer: memoryview) -> int:
        """Fill the front of `buffer` with the next bytes; returns how many, 0 when all have come.

        Fewer than fit come only where the cache holds no more or the end is near.

        Raises:
            FileChanged: the file became shorter.
        """
        view = buffer[: max(0, min(len(buffer), self._end - self.position))]
        if not view:
            return 0
        count = self._read_cached(view)
        if count is None:
            with naming(self._path):
                count = await asyncio.to_thread(os.preadv, self._fd, [view], self.position)
        if count == 0:
            raise self._changed("became shorter")
        if self._digest is not None:
            await asyncio.to_thread(self._digest.update, view[:count])
        self.position += count
        return count

    def finish(self) -> FsDownloaded:
        """Say that all was sent, and that it was one version of the file. Blocks.

        A file that was replaced or removed meanwhile is no failure: what was sent is the old file, whole.

        Raises:
            FileChanged: the content changed, or not all was read.
        """
        with naming(self._path):
            if content_stamp(os.fstat(self._fd)) != self._stamp:
                raise self._changed("was written to")
        if self.position != self._end:
            raise self._changed("was not read to its end")
        checksum = self._digest.hexdigest() if self._digest is not None else msgspec.UNSET
        return FsDownloaded(info=self._info, sha256=checksum)

    def close(self) -> None:
        """Let go of the file. Safe to repeat, not while a read is running."""
        if self._fd >= 0:
            os.close(self._fd)
            self._fd = -1

    def _read_cached(self, view: memoryview) -> int | None:
        """Read what is in memory; None where the disk would have to be waited for."""
        if not _NOWAIT:
            return None
        try:
            return os.preadv(self._fd, [view], self.position, _NOWAIT) or None
        except OSError as error:
            if error.errno in (errno.EAGAIN, errno.EOPNOTSUPP, errno.EINVAL, errno.ENOSYS):
                return None
            raise

    def _changed(self, what: str) -> errors.FileChanged:
        return errors.FileChanged(f"{self._path!r}: the file {what} while it was being transferred", path=self._path)


class Upload:
    """A file being received into a temporary file beside its place. The temporary file is what resume goes by.

    Its name follows from the owner, the upload id and the place, so that another identity cannot continue it; its size
    is the offset. One upload has one writer: whoever opens it again takes over, and the earlier writer fails.

    Attributes:
        opened: where to continue from; the answer to the open of the stream.
        received: offset of the next byte to be written.
    """

    def __init__(self, beneath: Beneath, params: FsUploadParams, owner: str) -> None:
        """Open or continue the upload. Blocks.

        Args:
            owner: identity of the sender; an upload is continued by its owner only.

        Raises:
            EtagMismatch: `if_match` cannot hold.
            NotAFile: something is at the place that is no regular file.
            StorageFull: and the errors of `Beneath`.
        """
        self._params = params
        self._path = params.path
        self._shown = beneath.relative(params.path)
        self._mode = check_mode(int(params.mode, 8), params.path) if isinstance(params.mode, str) else None
        self._if_match = params.if_match if isinstance(params.if_match, str) else None
        self._lock = threading.Lock()
        self._revoked = False
        self._pending: list[bytes | memoryview] = []
        self._pending_size = 0
        self._flushing: asyncio.Task[None] | None = None
        self._acting = beneath.acting
        with (
            beneath.acting(),
            beneath.open_target(params.path, parents=params.parents) as place,
            naming(params.path),
        ):
            if not place.name:
                raise not_a_file(params.path, "the root")
            there = entry_status(place.fd, place.name)
            check_match(there, self._if_match, params.path)
            if there is not None and not stat.S_ISREG(there.st_mode):
                raise not_a_file(params.path)
            key = "\0".join((owner, params.upload, "/".join(beneath.canonical(params.path))))
            temporary = UPLOAD + hashlib.sha256(key.encode("utf-8", "surrogateescape")).hexdigest()[:32]
            self._directory = os.dup(place.fd)
            self._name = place.name
            try:
                self._staged = _open_staged(self._directory, temporary)
            except BaseException:
                os.close(self._directory)
                raise
        status = os.fstat(self._staged.fd)
        self._key = (status.st_dev, status.st_ino)
        _take_over(self._key, self)
        with self._lock:
            # Taken over already, the descriptor is closed, and its number may be that of another file by now.
            self._check_alive()
            size = os.fstat(self._staged.fd).st_size
            if isinstance(params.size, int) and size > params.size:
                os.ftruncate(self._staged.fd, 0)
                size = 0
            self._written = self._written_back = self.received = size
            os.lseek(self._staged.fd, size, os.SEEK_SET)
        self._digest = hashlib.sha256() if isinstance(params.sha256, str) else None
        self._digested = 0
        self.opened = FsUploadOpen(offset=size, window=BLOCK)

    async def write(self, data: bytes | memoryview) -> None:
        """Take the next bytes. Returns when there is room for more: at most 2 MiB wait for the disk.

        Raises:
            UploadMismatch: more came than was announced. The upload is given up.
            StorageFull: the disk is full. The upload is given up.
            FileChanged: another connection continues this upload.
        """
        self.received += len(data)
        size = self._params.size
        if isinstance(size, int) and self.received > size:
            await self._settle()
            raise await asyncio.to_thread(self._mismatch, f"{size} bytes", f"at least {self.received} bytes")
        self._pending.append(data)
        self._pending_size += len(data)
        if self._pending_size >= BLOCK:
            await self._settle()
            self._flushing = asyncio.create_task(self._flush_and_digest(self._take()))

    async def finish(self) -> FsUploaded:
        """Check the file and put it in place, see `stage`. The upload is over then, whatever the outcome.

        Raises:
            UploadMismatch: size or checksum differ from what was announced. Nothing was changed.
            EtagMismatch: `if_match` does not hold. Nothing was changed; the bytes are kept for another try.
            StorageFull: FileChanged, NotAFile.
        """
        await self._settle()
        return await asyncio.shield(asyncio.to_thread(self._finish, self._take()))

    async def abort(self, *, keep: bool = True) -> None:
        """Stop. Safe after `finish` and safe to repeat; raises nothing.

        Args:
            keep: keep what came, for resume; otherwise remove it.
        """
        try:
            await self._settle()
            if self._pending and keep:
                await asyncio.to_thread(self._flush, self._take())
        except (errors.NexusError, OSError):
            pass  # what was written before stays what resume begins with
        finally:
            await asyncio.to_thread(self._close, keep=keep)

    def _take(self) -> list[bytes | memoryview]:
        parts, self._pending, self._pending_size = self._pending, [], 0
        return parts

    async def _settle(self) -> None:
        """Wait for the write that is under way."""
        if self._flushing is not None:
            task, self._flushing = self._flushing, None
            await asyncio.shield(task)

    def _flush(self, parts: list[bytes | memoryview]) -> None:
        with self._lock:
            self._check_alive()
            try:
                with naming(self._path):
                    self._written += write_parts(self._staged.fd, parts)
            except BaseException as error:
                # How much arrived is unknown now. What is there can be continued, unless the disk is to be freed.
                if not isinstance(error, errors.StorageFull):
                    self._staged.keep()
                self._release()
                raise
            if self._written - self._written_back >= _WRITE_BACK:
                start_writeback(self._staged.fd, self._written_back, self._written - self._written_back)
                self._written_back = self._written

    async def _flush_and_digest(self, parts: list[bytes | memoryview]) -> None:
        """Write and hash at the same time: each takes about as long as the other."""
        if self._digest is None or self._digested != self._written:
            await asyncio.to_thread(self._flush, parts)
            return
        hashing = asyncio.ensure_future(asyncio.to_thread(_update, self._digest, parts))
        try:
            await asyncio.to_thread(self._flush, parts)
        finally:
            await hashing
        self._digested += sum(map(len, parts))

    def _finish(self, parts: list[bytes | memoryview]) -> FsUploaded:
        if parts:
            self._flush(parts)
        size, checksum = self._params.size, self._params.sha256
        if isinstance(size, int) and self._written != size:
            raise self._mismatch(f"{size} bytes", f"{self._written} bytes")
        if isinstance(checksum, str):
            with self._lock:
                self._check_alive()
                actual = self._checksum()
            if actual != checksum:
                raise self._mismatch(checksum, actual)
        with self._lock:
            self._check_alive()
            with self._acting(), naming(self._path):
                status = self._staged.commit(self._name, self._path, mode=self._mode, if_match=self._if_match)
                self._release()
        return FsUploaded(info=file_info(self._shown, status))

    def _checksum(self) -> str:
        """SHA-256 of all that was received; what earlier connections sent is read back."""
        if self._digest is None:
            return ""
        with naming(self._path):
            while block := os.pread(self._staged.fd, BLOCK, self._digested):
                self._digest.update(block)
                self._digested += len(block)
        return self._digest.hexdigest()

    def _mismatch(self, expected: str, actual: str) -> errors.UploadMismatch:
        with self._lock:
            if not self._revoked:
                self._release()
        return errors.UploadMismatch(
            f"{self._path!r}: {expected} were announced, {actual} came",
            path=self._path,
            expected=expected,
            actual=actual,
        )

    def _check_alive(self) -> None:
        if self._revoked:
            raise errors.FileChanged(
                f"{self._path!r}: this upload is over, or another connection continues it", path=self._path
            )

    def _close(self, *, keep: bool) -> None:
        with self._lock:
            if not self._revoked:
                if keep:
                    self._staged.keep()
                self._release()

    def _release(self) -> None:
        """Close, and remove the temporary file unless it is kept or in place: resuming would fail the same way."""
        self._revoked = True
        with self._acting():
            self._staged.__exit__()
        os.close(self._directory)
        _forget(self._key, self)

    def revoke(self) -> None:
        """Another connection continues: keep the file and write no more."""
        if not self._lock.acquire(timeout=_REVOKE_WAIT):
            raise errors.DeadlineExceeded(
                f"{self._path!r}: an earlier writer of this upload does not end", timeout_ms=int(_REVOKE_WAIT * 1000)
            )
        try:
            if not self._revoked:
                self._staged.keep()
                self._release()
        finally:
            self._lock.release()


_active: Final[weakref.WeakValueDictionary[tuple[int, int], Upload]] = weakref.WeakValueDictionary()
_active_lock: Final = threading.Lock()


def _take_over(key: tuple[int, int], upload: Upload) -> None:
    with _active_lock:
        earlier = _active.get(key)
        _active[key] = upload
    if earlier is not None:
        earlier.revoke()


def _update(digest: Any, parts: list[bytes | memoryview]) -> None:
    for part in parts:
        digest.update(part)


def _forget(key: tuple[int, int], upload: Upload) -> None:
    with _active_lock:
        if _active.get(key) is upload:
            del _active[key]


def _open_staged(directory: int, name: str) -> Staged:
    """The temporary file of an upload, made or continued. What a process put there under our name is not continued."""
    for _ in range(3):
        try:
            return Staged(directory, name=name)
        except FileExistsError:
            fd = open_entry(directory, name, os.O_RDWR)
            if fd is not None:
                status = os.fstat(fd)
                if status.st_nlink == 1 and status.st_uid == acting.user():
                    return Staged.adopted(directory, name, fd)
                os.close(fd)
            remove_tree(directory, name)
    raise OSError(errno.EEXIST, os.strerror(errno.EEXIST))


def sweep(beneath: Beneath, *, age: float = EXPIRY) -> int:
    """Remove temporary files that nobody will continue, of crashed calls and of uploads. Returns how many. Blocks.

    Args:
        age: seconds since the last write.
    """
    removed = 0
    horizon = time.time() - age
    directory = beneath.opendir(".")
    try:
        with closing(walk_all(directory)) as found:
            for entry in found:
                if not is_ours(entry.name):
                    continue
                status = entry.status()
                if status is not None and status.st_mtime < horizon and _is_temporary(entry.name, status):
                    try:
                        remove_tree(entry.directory, entry.name)
                        removed += 1
                    except OSError:
                        continue  # in use or not ours to remove: the next sweep looks again
    finally:
        os.close(directory)
    return removed


def _is_temporary(name: str, status: os.stat_result) -> bool:
    return stat.S_ISREG(status.st_mode) or name.startswith(TEMPORARY)
