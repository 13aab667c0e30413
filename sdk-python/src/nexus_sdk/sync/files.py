# Generated from nexus_sdk's asynchronous classes; do not edit.
"""Synchronous twin of nexus_sdk.files."""

from __future__ import annotations

import os
from collections.abc import Sequence
from typing import BinaryIO, Literal

import nexus_sdk.files
from nexus_sdk.connection import ProgressCallback
from nexus_sdk.files import Paths
from nexus_sdk.portal import Facade
from nexus_sdk.protocol import types
from nexus_sdk.sync.events import FileWatch, Search
from nexus_sdk.sync.transfer import Download
from nexus_sdk.transfer import DOWNLOAD_WINDOW, Source

__all__ = ["Files"]


class Files(Facade):
    """Files of one workspace; `workspace.files`."""

    _inner: nexus_sdk.files.Files

    def stat(
        self,
        path: str,
        *,
        follow: bool = True,
    ) -> types.FileInfo:
        """Return what is known of an entry; with `follow` of what a link points to.

        Raises:
            PathNotFound: there is nothing.
        """
        return self._run(self._inner.stat(path, follow=follow))

    def exists(self, path: str) -> bool:
        """Return whether there is something at a path; a link that leads nowhere counts."""
        return self._run(self._inner.exists(path))

    def list(
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
        return self._run(
            self._inner.list(
                path,
                depth=depth,
                hidden=hidden,
                gitignore=gitignore,
                limit=limit,
            )
        )

    def read(
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
        return self._run(
            self._inner.read(
                path,
                offset=offset,
                length=length,
                line=line,
                lines=lines,
                encoding=encoding,
            )
        )

    def read_text(self, path: str) -> str:
        """Return a whole file as text; a large one comes by stream and is held in memory.

        Raises:
            NotText: it is not UTF-8.
        """
        return self._run(self._inner.read_text(path))

    def read_bytes(self, path: str) -> bytes:
        """Return a whole file; a large one comes by stream and is held in memory."""
        return self._run(self._inner.read_bytes(path))

    def write(
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
        return self._run(
            self._inner.write(
                path,
                data,
                mode=mode,
                if_match=if_match,
                parents=parents,
                key=key,
            )
        )

    def edit(
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
        return self._run(
            self._inner.edit(
                path,
                edits,
                diff=diff,
                if_match=if_match,
                dry_run=dry_run,
                key=key,
            )
        )

    def mkdir(
        self,
        path: str,
        *,
        parents: bool = False,
        mode: str = "755",
        key: str | None = None,
    ) -> types.FileInfo:
        """Make a directory; with `parents` also missing ones above it, and one that exists is success."""
        return self._run(self._inner.mkdir(path, parents=parents, mode=mode, key=key))

    def remove(
        self,
        path: str,
        *,
        recursive: bool = False,
        missing_ok: bool = False,
        key: str | None = None,
    ) -> int:
        """Remove an entry and return how many were removed; a link is removed, not followed.

        Raises:
            DirectoryNotEmpty: it holds something, and `recursive` is not set.
        """
        return self._run(self._inner.remove(path, recursive=recursive, missing_ok=missing_ok, key=key))

    def rename(
        self,
        source: str,
        target: str,
        *,
        overwrite: bool = False,
        parents: bool = False,
        key: str | None = None,
    ) -> types.FileInfo:
        """Rename or move an entry; `parents` makes missing directories."""
        return self._run(
            self._inner.rename(
                source,
                target,
                overwrite=overwrite,
                parents=parents,
                key=key,
            )
        )

    def copy(
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
        return self._run(
            self._inner.copy(
                source,
                target,
                recursive=recursive,
                overwrite=overwrite,
                parents=parents,
                on_progress=on_progress,
                key=key,
            )
        )

    def chmod(
        self,
        path: str,
        mode: str | int,
        *,
        key: str | None = None,
    ) -> types.FileInfo:
        """Set permission bits, in octal as a string, or as an integer like 0o755."""
        return self._run(self._inner.chmod(path, mode, key=key))

    def symlink(
        self,
        path: str,
        target: str,
        *,
        overwrite: bool = False,
        key: str | None = None,
    ) -> types.FileInfo:
        """Make a link at `path` that points to `target`, which must stay inside the workspace."""
        return self._run(self._inner.symlink(path, target, overwrite=overwrite, key=key))

    def glob(
        self,
        pattern: str,
        *,
        path: str = ".",
        gitignore: bool = True,
        limit: int = 1000,
    ) -> Paths:
        """Return the paths that match `*`, `?`, `[...]` and `**` below `path`, at most `limit` (up to 10,000)."""
        return self._run(self._inner.glob(pattern, path=path, gitignore=gitignore, limit=limit))

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
        """Search the content of files: `with files.search(...) as matches`, then `for match in matches`.

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
        inner = self._inner.search(
            pattern,
            regex=regex,
            ignore_case=ignore_case,
            word=word,
            path=path,
            include=include,
            exclude=exclude,
            gitignore=gitignore,
            context=context,
            limit=limit,
        )
        return self._wrap(Search, inner)

    def watch(
        self,
        path: str = ".",
        *,
        recursive: bool = True,
        gitignore: bool = True,
        cursor: str | None = None,
        window: int = 256,
    ) -> FileWatch:
        """Follow changes: `with files.watch() as events`, then `for event in events`.

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
        inner = self._inner.watch(
            path,
            recursive=recursive,
            gitignore=gitignore,
            cursor=cursor,
            window=window,
        )
        return self._wrap(FileWatch, inner)

    def open(
        self,
        path: str,
        *,
        offset: int = 0,
        length: int | None = None,
        if_match: str | None = None,
        window: int = DOWNLOAD_WINDOW,
    ) -> Download:
        """Read a file by stream: `with files.open(path) as download`, then `for data in download`.

        Args:
            path: the file.
            offset: first byte.
            length: at most so many bytes; None for all.
            if_match: only if the file's etag is this.
            window: how much may wait here unread, in bytes.
        """
        inner = self._inner.open(
            path,
            offset=offset,
            length=length,
            if_match=if_match,
            window=window,
        )
        return self._wrap(Download, inner)

    def download(
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
        return self._run(
            self._inner.download(
                path,
                destination,
                offset=offset,
                length=length,
                if_match=if_match,
                on_progress=on_progress,
                resume=resume,
            )
        )

    def upload(
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
        return self._run(
            self._inner.upload(
                source,
                path,
                mode=mode,
                if_match=if_match,
                parents=parents,
                checksum=checksum,
                upload_id=upload_id,
                on_progress=on_progress,
            )
        )
