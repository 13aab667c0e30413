"""fs.edit: exact replacements or a unified diff, all or nothing."""

from __future__ import annotations

import os
from typing import Final

from nexus_sdk.protocol import errors
from nexus_sdk.protocol.types import FsEdit, FsEdited, FsEditParams

from nexusd.files import patch
from nexusd.files.beneath import Beneath
from nexusd.files.errors import naming, param
from nexusd.files.info import etag, file_info
from nexusd.files.read import pread_all
from nexusd.files.stage import Staged, check_match, write_all
from nexusd.files.textdiff import unified

MAX_EDIT: Final = 8 << 20
"""Bytes that a file may have before and after an edit."""

MAX_DIFF: Final = 128 << 10
"""Characters of the diff in the answer; each may take six bytes in JSON, and a message has 1 MiB."""

_ATTEMPTS: Final = 5


def edit(beneath: Beneath, params: FsEditParams) -> FsEdited:
    """Change one text file. Line ends are part of the text: nothing is translated.

    Replacements are made in order, each in the result of the one before. For a diff, `replacements` counts hunks; what
    tolerance it has is said in `patch`. If the file changes between reading and replacing, the edit is made again on
    the new content, five times at most. With `dry_run` the answer is the file as it is, and what would change.

    Raises:
        InvalidParams: both edits and a diff, or neither.
        EditFailed: an edit did not apply. Nothing was changed.
        EtagMismatch: `if_match` does not hold, or the file kept changing.
        NotText: FileTooLarge, NotAFile, StorageFull and the errors of `Beneath`.
    """
    if bool(params.edits) == isinstance(params.diff, str):
        raise param("edits", "give edits or a diff" + (", not both" if params.edits else ""))
    for attempt in range(1, _ATTEMPTS + 1):
        try:
            return _attempt(beneath, params)
        except errors.EtagMismatch:
            if isinstance(params.if_match, str) or attempt == _ATTEMPTS:
                raise
    raise AssertionError("unreachable")


def _attempt(beneath: Beneath, params: FsEditParams) -> FsEdited:
    path = params.path
    fd = beneath.open(path)
    try:
        with naming(path):
            status = os.fstat(fd)
            check_match(status, params.if_match if isinstance(params.if_match, str) else None, path)
            _check_size(path, status.st_size)
            data = pread_all(fd, MAX_EDIT + 1, 0)
    finally:
        os.close(fd)
    _check_size(path, len(data))
    try:
        old = data.decode()
    except UnicodeDecodeError:
        raise errors.NotText(f"{path!r}: the bytes are not UTF-8", path=path) from None
    new, count = _replace(old, params.edits, path) if params.edits else _patch(old, str(params.diff), path)
    shown = beneath.relative(path)
    if not params.dry_run and new != old:
        with beneath.open_target(path) as place, naming(path), Staged(place.fd) as staged:
            write_all(staged.fd, new.encode())
            status = staged.commit(place.name, path, if_match=etag(status))
    return FsEdited(info=file_info(shown, status), replacements=count, diff=unified(old, new, shown, MAX_DIFF))


def _replace(text: str, edits: list[FsEdit], path: str) -> tuple[str, int]:
    total = 0
    for index, change in enumerate(edits):
        count = text.count(change.old)
        if count == 0:
            raise _failed(path, index, 0, "its text is not in the file")
        # Overlapping matches count once for `count`, and still leave it open which one is meant.
        if not change.all and text.find(change.old, text.find(change.old) + 1) >= 0:
            raise _failed(path, index, max(2, count), "its text is there more than once and `all` was not given")
        size = len(text) + count * (len(change.new) - len(change.old))
        _check_size(path, size)
        text = text.replace(change.old, change.new)
        total += count
    _check_size(path, len(text.encode()))
    return text, total


def _patch(text: str, diff: str, path: str) -> tuple[str, int]:
    try:
        hunks = patch.parse(diff)
        return patch.apply(text, hunks), len(hunks)
    except patch.PatchError as error:
        raise _failed(path, error.hunk, 0, error.reason) from None


def _failed(path: str, index: int, matches: int, reason: str) -> errors.EditFailed:
    return errors.EditFailed(
        f"{path!r}, edit {index}: {reason}", path=path, index=index, matches=matches, reason=reason
    )


def _check_size(path: str, size: int) -> None:
    if size > MAX_EDIT:
        raise errors.FileTooLarge(
            f"{path!r}: files over {MAX_EDIT} bytes are not edited in place",
            hint="Use fs.download and fs.upload, or a process in the workspace.",
            path=path,
            size=size,
            limit=MAX_EDIT,
        )
