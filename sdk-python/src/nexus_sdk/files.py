"""Files of a workspace.

Paths are relative to the workspace's root, or absolute as its processes see it. Content that does not fit one message
goes by stream without being asked.
"""

from __future__ import annotations

import base64
import os
from collections.abc import Sequence
from typing import BinaryIO, Literal, TypeAlias

from msgspec import UNSET

from nexus_sdk.connection import Connection, ProgressCallback
from nexus_sdk.events import FileWatch, Search
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import FileTooLarge, MessageTooLarge, NotADirectory, NotText, PathNotFound
from nexus_sdk.transfer import DOWNLOAD_WINDOW, Download, Source, download_to, new_id, upload_from

__all__ = ["Files", "Paths"]

Paths: TypeAlias = list[str]
"""Paths relative to the workspace's root, in order."""

_INLINE = 393_216
"""Up to so many bytes content is sent in one message, where it fits base64 into 1 MiB with room to spare."""


class Files:
    """Files of one workspace; `workspace.files`."""

    def __init__(self, connection: Connection, workspace: str) -> None:
        self._connection = connection
        self._workspace = workspace

    async def stat(self, path: str, *, follow: bool = True) -> types.FileInfo:
        """Return what is known of an entry; with `follow` of what a link points to.

        Raises:
            PathNotFound: there is nothing.
        """
        params = types.FsStatParams(workspace=self._workspace, path=path, follow=follow)
        info: types.FileInfo = await self._connection.call("fs.stat", params)
        return info

    async def exists(self, path: str) -> bool:
        """Return whether there is something at a path; a link that leads nowhere counts."""
        try:
            await self.stat(path, follow=False)
        except (PathNotFound, NotADirectory):
            return False
        return True

    async def list(
        self,
        path: str = ".",
        *,
        depth: int = 1,
        hidden: bool = True,
        gitignore: bool = False,
        limit: int | None = None,
    ) -> list[types.FileInfo]:
        """Return the entries of a directory, ordered by path.

        Args:
            path: the directory.
            depth: 1 for its own entries, up to 64.
            hidden: include names that begin with a dot.
            gitignore: leave out what .gitignore excludes, and .git.
            limit: at most so many; None for all.
        """
        entries: list[types.FileInfo] = []
        cursor: str | None = None
        while True:
            page: types.FsListing = await self._connection.call(
                "fs.list",
                types.FsListParams(
                    workspace=self._workspace,
                    path=path,
                    depth=depth,
                    hidden=hidden,
                    gitignore=gitignore,
                    limit=1000 if limit is None else max(1, min(1000, limit - len(entries))),
                    cursor=UNSET if cursor is None else cursor,
                ),
            )
            entries += page.entries
            if page.next_cursor is UNSET or (limit is not None and len(entries) >= limit):
                return entries
            cursor = str(page.next_cursor)

    async def read(
        self,
        path: str,
        *,
        offset: int | None = None,
        length: int | None = None,
        line: int | None = None,
        lines: int | None = None,
        encoding: Literal["utf-8", "base64"] = "utf-8",
    ) -> types.FileContent:
        """Return a window of a file, with its etag, in one answer.

        Args:
            path: the file.
            offset: first byte, from 0; None for the beginning.
            length: at most so many bytes.
            line: first line, from 1, instead of a byte range.
            lines: at most so many lines.
            encoding: how `content` is encoded.

        Raises:
            NotText: the bytes are not UTF-8.
            FileTooLarge: the window is larger than one answer may be; use `read_text`, `read_bytes` or `open`.
        """
        params = types.FsReadParams(
            workspace=self._workspace,
            path=path,
            encoding=encoding,
            offset=UNSET if offset is None else offset,
            length=UNSET if length is None else length,
            line=UNSET if line is None else line,
            lines=UNSET if lines is None else lines,
        )
        content: types.FileContent = await self._connection.call("fs.read", params)
        return content

    async def read_text(self, path: str) -> str:
        """Return a whole file as text; a large one comes by stream and is held in memory.

        Raises:
            NotText: it is not UTF-8.
        """
        try:
            content = await self.read(path)
            if not content.truncated:
                return content.content
        except (FileTooLarge, MessageTooLarge):
            pass
        data = await self._read_stream(path)
        try:
            return data.decode()
        except UnicodeDecodeError as error:
            raise NotText(f"{path!r} is not UTF-8 at byte {error.start}", path=path) from None

    async def read_bytes(self, path: str) -> bytes:
        """Return a whole file; a large one comes by stream and is held in memory."""
        try:
            content = await self.read(path, encoding="base64")
            if not content.truncated:
                return base64.b64decode(content.content)
        except (FileTooLarge, MessageTooLarge):
            pass
        return await self._read_stream(path)

    async def write(
        self,
        path: str,
        data: str | bytes,
        *,
        mode: str | None = None,
        if_match: str | None = None,
        parents: bool = False,
        key: str | None = None,
    ) -> types.FileInfo:
        """Replace a file atomically, or make one.

        Args:
            path: the file; a link is followed.
            data: its content; text is written as UTF-8.
            mode: permission bits in octal; None keeps those of the file replaced, else 644.
            if_match: only if the file's etag is this; empty: only if there is no file. None: in any case.
            parents: make missing directories.
            key: makes repeating the call safe; None makes a random one.

        Raises:
            EtagMismatch: the file is not the one that was read.
        """
        raw = data.encode() if isinstance(data, str) else bytes(data)
        if len(raw) <= _INLINE:
            params = types.FsWriteParams(
                workspace=self._workspace,
                path=path,
                content=data if isinstance(data, str) else base64.b64encode(raw).decode(),
                encoding="utf-8" if isinstance(data, str) else "base64",
                mode=UNSET if mode is None else mode,
                if_match=UNSET if if_match is None else if_match,
                parents=parents,
                key=UNSET if key is None else key,
            )
            try:
                info: types.FileInfo = await self._connection.call("fs.write", params)
                return info
            except MessageTooLarge:
                pass
        return await self.upload(raw, path, mode=mode, if_match=if_match, parents=parents, checksum=True)

    async def edit(
        self,
        path: str,
        edits: Sequence[types.FsEdit | tuple[str, str]] = (),
        *,
        diff: str | None = None,
        if_match: str | None = None,
        dry_run: bool = False,
        key: str | None = None,
    ) -> types.FsEdited:
        """Change a text file, all or nothing.

        Args:
            path: the file.
            edits: replacements of exactly matching text, in order; a pair means old and new, found exactly once.
            diff: a unified diff of this one file, instead of `edits`.
            if_match: only if the file's etag is this.
            dry_run: check only.
            key: makes repeating the call safe; None makes a random one.

        Raises:
            EditFailed: one of them did not apply; nothing was changed.
        """
        params = types.FsEditParams(
            workspace=self._workspace,
            path=path,
            edits=[types.FsEdit(old=e[0], new=e[1]) if isinstance(e, tuple) else e for e in edits],
            diff=UNSET if diff is None else diff,
            if_match=UNSET if if_match is None else if_match,
            dry_run=dry_run,
            key=UNSET if key is None else key,
        )
        edited: types.FsEdited = await self._connection.call("fs.edit", params)
        return edited

    async def mkdir(
        self, path: str, *, parents: bool = False, mode: str = "755", key: str | None = None
    ) -> types.FileInfo:
        """Make a directory; with `parents` also missing ones above it, and one that exists is success."""
        params = types.FsMkdirParams(
            workspace=self._workspace, path=path, parents=parents, mode=mode, key=UNSET if key is None else key
        )
        info: types.FileInfo = await self._connection.call("fs.mkdir", params)
        return info

    async def remove(
        self, path: str, *, recursive: bool = False, missing_ok: bool = False, key: str | None = None
    ) -> int:
        """Remove an entry and return how many were removed; a link is removed, not followed.

        Raises:
            DirectoryNotEmpty: it holds something, and `recursive` is not set.
        """
        params = types.FsRemoveParams(
            workspace=self._workspace,
            path=path,
            recursive=recursive,
            missing_ok=missing_ok,
            key=UNSET if key is None else key,
        )
        removed: types.FsRemoved = await self._connection.call("fs.remove", params)
        return removed.removed

    async def rename(
        self, source: str, target: str, *, overwrite: bool = False, parents: bool = False, key: str | None = None
    ) -> types.FileInfo:
        """Rename or move an entry; `parents` makes missing directories."""
        params = types.FsRenameParams(
            workspace=self._workspace,
            source=source,
            target=target,
            overwrite=overwrite,
            parents=parents,
            key=UNSET if key is None else key,
        )
        info: types.FileInfo = await self._connection.call("fs.rename", params)
        return info

    async def copy(
        self,
        source: str,
        target: str,
        *,
        recursive: bool = False,
        overwrite: bool = False,
        parents: bool = False,
        on_progress: ProgressCallback | None = None,
        key: str | None = None,
    ) -> types.FileInfo:
        """Copy a file, or with `recursive` a directory; links are copied as links."""
        params = types.FsCopyParams(
            workspace=self._workspace,
            source=source,
            target=target,
            recursive=recursive,
            overwrite=overwrite,
            parents=parents,
            key=UNSET if key is None else key,
        )
        info: types.FileInfo = await self._connection.call("fs.copy", params, on_progress=on_progress)
        return info

    async def chmod(self, path: str, mode: str | int, *, key: str | None = None) -> types.FileInfo:
        """Set permission bits, in octal as a string, or as an integer like 0o755."""
        params = types.FsChmodParams(
            workspace=self._workspace,
            path=path,
            mode=f"{mode:03o}" if isinstance(mode, int) else mode,
            key=UNSET if key is None else key,
        )
        info: types.FileInfo = await self._connection.call("fs.chmod", params)
        return info

    async def symlink(
        self, path: str, target: str, *, overwrite: bool = False, key: str | None = None
    ) -> types.FileInfo:
        """Make a link at `path` that points to `target`, which must stay inside the workspace."""
        params = types.FsSymlinkParams(
            workspace=self._workspace,
            path=path,
            target=target,
            overwrite=overwrite,
            key=UNSET if key is None else key,
        )
        info: types.FileInfo = await self._connection.call("fs.symlink", params)
        return info

    async def glob(self, pattern: str, *, path: str = ".", gitignore: bool = True, limit: int = 1000) -> Paths:
        """Return the paths that match `*`, `?`, `[...]` and `**` below `path`, at most `limit` (up to 10,000)."""
        params = types.FsGlobParams(
            workspace=self._workspace, pattern=pattern, path=path, gitignore=gitignore, limit=limit
        )
        found: types.FsGlobbed = await self._connection.call("fs.glob", params)
        return found.paths

    def search(
        self,
        pattern: str,
        *,
        regex: bool = False,
        ignore_case: bool = False,
        word: bool = False,
        path: str = ".",
        include: Sequence[str] = (),
        exclude: Sequence[str] = (),
        gitignore: bool = True,
        context: int = 0,
        limit: int = 1000,
    ) -> Search:
        """Search the content of files: `async with files.search(...) as matches`, then `async for match in matches`.

        Args:
            pattern: what to find.
            regex: whether it is a regular expression.
            ignore_case: whether case is ignored.
            word: only whole words.
            path: where to begin.
            include: only paths that match one of these globs; empty for all.
            exclude: not paths that match one of these.
            gitignore: leave out what .gitignore excludes, and .git.
            context: lines around a match.
            limit: at most so many matches, up to 100,000.

        Raises on entering or reading:
            PatternInvalid: the expression cannot be compiled.
        """
        params = types.FsSearchParams(
            workspace=self._workspace,
            pattern=pattern,
            regex=regex,
            ignore_case=ignore_case,
            word=word,
            path=path,
            include=[*include],
            exclude=[*exclude],
            gitignore=gitignore,
            context=context,
            limit=limit,
        )
        return Search(self._connection, params)

    def watch(
        self,
        path: str = ".",
        *,
        recursive: bool = True,
        gitignore: bool = True,
        cursor: str | None = None,
        window: int = 256,
    ) -> FileWatch:
        """Follow changes: `async with files.watch() as events`, then `async for event in events`.

        Entering returns when the watch is in place. It goes on after a break; where changes were missed, an
        `FsOverflow` says so.

        Args:
            path: file or directory.
            recursive: whether directories below are watched too, those made later included.
            gitignore: leave out what .gitignore excludes, and .git.
            cursor: continue after this, from `events.cursor` of an earlier watch; None begins now.
            window: how many events may wait here unread.

        Raises on entering:
            CursorExpired: events after `cursor` are no longer kept.
        """
        params = types.FsWatchParams(
            workspace=self._workspace,
            path=path,
            recursive=recursive,
            gitignore=gitignore,
            cursor=UNSET if cursor is None else cursor,
            window=window,
        )
        return FileWatch(self._connection, params)

    def open(
        self,
        path: str,
        *,
        offset: int = 0,
        length: int | None = None,
        if_match: str | None = None,
        window: int = DOWNLOAD_WINDOW,
    ) -> Download:
        """Read a file by stream: `async with files.open(path) as download`, then `async for data in download`.

        Args:
            path: the file.
            offset: first byte.
            length: at most so many bytes; None for all.
            if_match: only if the file's etag is this.
            window: how much may wait here unread, in bytes.
        """
        params = self._download(path, offset, length, if_match)
        return Download(self._connection, params, window=window)

    async def download(
        self,
        path: str,
        destination: str | os.PathLike[str] | BinaryIO,
        *,
        offset: int = 0,
        length: int | None = None,
        if_match: str | None = None,
        on_progress: ProgressCallback | None = None,
        resume: bool = True,
    ) -> types.FileInfo:
        """Write a file of the workspace to a local path, or into a binary file that is open.

        A local path is replaced atomically, when everything has come. Until then the bytes are in a hidden part file
        beside it, which the same call continues later, in another process too, unless the remote file has changed.

        Args:
            path: the file in the workspace.
            destination: a local path, or a binary file to write into at its position.
            offset: first byte.
            length: at most so many bytes; None for all.
            if_match: only if the file's etag is this.
            on_progress: called with `Progress`, in bytes.
            resume: continue an earlier part file, and leave one when this call fails.

        Raises:
            FileChanged: the file changed on the way; nothing was replaced.
        """
        params = self._download(path, offset, length, if_match)
        return await download_to(self._connection, params, destination, on_progress, resume)

    async def upload(
        self,
        source: Source,
        path: str,
        *,
        mode: str | None = None,
        if_match: str | None = None,
        parents: bool = False,
        checksum: bool = False,
        upload_id: str | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> types.FileInfo:
        """Send a local file to the workspace; it appears at its path as a whole, when all of it has come.

        Args:
            source: a local path, bytes, or a seekable binary file, sent from its position on.
            path: the file in the workspace.
            mode: permission bits in octal; None keeps those of the file replaced, else 644.
            if_match: only if the file's etag is this; empty: only if there is no file.
            parents: make missing directories.
            checksum: announce a SHA-256, which the daemon checks; the source is read twice then.
            upload_id: 8 to 64 letters, digits, `_` or `-`; the same id continues an upload that another process began
                with the same source. Use it with `checksum`. None makes a random one.
            on_progress: called with `Progress`, in bytes that have arrived.

        Raises:
            UploadMismatch: what came is not what was announced; nothing was changed.
        """
        params = types.FsUploadParams(
            workspace=self._workspace,
            path=path,
            upload=upload_id or new_id(),
            mode=UNSET if mode is None else mode,
            if_match=UNSET if if_match is None else if_match,
            parents=parents,
        )
        return await upload_from(self._connection, params, source, on_progress, checksum)

    def _download(self, path: str, offset: int, length: int | None, if_match: str | None) -> types.FsDownloadParams:
        return types.FsDownloadParams(
            workspace=self._workspace,
            path=path,
            offset=offset,
            length=UNSET if length is None else length,
            if_match=UNSET if if_match is None else if_match,
        )

    async def _read_stream(self, path: str) -> bytes:
        async with self.open(path) as download:
            return await download.read_all()
