"""fs.stat and fs.list."""

from __future__ import annotations

import base64
import os
from contextlib import closing
from stat import S_ISLNK

from nexus_sdk.protocol import errors
from nexus_sdk.protocol.types import FileInfo, FsListing, FsListParams, FsStatParams

from nexusd.files.beneath import Beneath
from nexusd.files.errors import naming
from nexusd.files.ignore import Ignore
from nexusd.files.info import file_info
from nexusd.files.walk import Entry, prefix, walk


def stat(beneath: Beneath, params: FsStatParams) -> FileInfo:
    """What is known of an entry. With `follow`, of what the link means; the path stays the one that was asked for."""
    fd = beneath.open_path(params.path, follow=params.follow)
    try:
        with naming(params.path):
            status = os.fstat(fd)
            target = beneath.readlink(params.path) if S_ISLNK(status.st_mode) else None
    finally:
        os.close(fd)
    return file_info(beneath.relative(params.path), status, target=target)


def list_directory(beneath: Beneath, params: FsListParams, *, exclude: str = "") -> FsListing:
    """Entries below a directory, ordered by path (compared component by component, each directory before its content).

    Links are listed, never followed; temporary files of ours are left out; a directory that cannot be read shows none
    of its content. The cursor says after which path to go on, so a page that follows shows no entry twice and misses
    none that was there all the time; it stays good for ever.

    Args:
        exclude: more exclude patterns in the format of .gitignore, lowest in precedence; used with `gitignore`.

    Raises:
        NotADirectory: the path is something else.
        CursorExpired: the cursor is not one of this list.
    """
    start = beneath.relative(params.path)
    after = _position(params.cursor, start) if isinstance(params.cursor, str) else None
    directory = beneath.opendir(params.path)
    try:
        ignore = Ignore.at(beneath, params.path, exclude) if params.gitignore else None
        base = tuple(prefix(start).split("/"))[:-1]

        def enter(entry: Entry) -> bool:
            # A directory wholly before the cursor has nothing left to show.
            return after is None or tuple(entry.path.split("/")) >= after[: len(base) + entry.level]

        entries: list[FileInfo] = []
        last = ""
        with closing(
            walk(directory, start, ignore=ignore, hidden=params.hidden, depth=params.depth, enter=enter)
        ) as found:
            for entry in found:
                if after is not None and tuple(entry.path.split("/")) <= after:
                    continue
                status = entry.status()
                if status is None:
                    continue
                if len(entries) == params.limit:
                    return FsListing(entries=entries, next_cursor=_cursor(last))
                entries.append(_info(entry, status))
                last = entry.path
        return FsListing(entries=entries)
    finally:
        os.close(directory)


def _info(entry: Entry, status: os.stat_result) -> FileInfo:
    target = None
    if S_ISLNK(status.st_mode):
        try:
            target = os.readlink(entry.name, dir_fd=entry.directory)
        except OSError:
            target = ""  # replaced between two looks: the status is of the link that was
    return file_info(entry.path, status, target=target)


def _cursor(path: str) -> str:
    return base64.urlsafe_b64encode(os.fsencode(path)).decode("ascii")


def _position(cursor: str, start: str) -> tuple[str, ...]:
    try:
        path = os.fsdecode(base64.b64decode(cursor.encode("ascii"), altchars=b"-_", validate=True))
    except (ValueError, UnicodeError):
        path = ""
    if not path or "\0" in path or not path.startswith(prefix(start)):
        raise errors.CursorExpired(f"{cursor!r} is no cursor of this list", hint="List from the start.", cursor=cursor)
    return tuple(path.split("/"))
