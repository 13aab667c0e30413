"""Conditional and partial requests: the parts of RFC 9110 that a file needs."""

from __future__ import annotations

import re
from http import HTTPStatus
from typing import Final

from nexusd.server.head import Head, Refused

__all__ = ["ByteRange", "check_match", "content_range", "not_modified", "requested_range"]

_ETAGS: Final = re.compile(r'\s*(W/)?"([\x21\x23-\x7e\x80-\xff]*)"\s*(?:,|\Z)')
_RANGE: Final = re.compile(r"bytes\s*=\s*([0-9]{0,18})\s*-\s*([0-9]{0,18})\s*\Z", re.IGNORECASE)
_CONTENT_RANGE: Final = re.compile(r"bytes ([0-9]{1,16})-([0-9]{1,16})/([0-9]{1,16}|\*)\Z", re.IGNORECASE)

ByteRange = tuple[int, int]
"""First byte, and the byte behind the last."""


def check_match(head: Head, etag: str) -> None:
    """Look at ``If-Match``.

    Raises:
        Refused: 412, the file has another etag.
    """
    value = head.one("if-match")
    if value is not None and value.strip() != "*" and (False, etag) not in _etags(value):
        raise Refused(
            HTTPStatus.PRECONDITION_FAILED, "etag_mismatch", "the file has changed", headers=[("etag", f'"{etag}"')]
        )


def not_modified(head: Head, etag: str) -> bool:
    """Whether ``If-None-Match`` says that the client has this version already."""
    value = head.one("if-none-match")
    return value is not None and (value.strip() == "*" or any(known == etag for _, known in _etags(value)))


def requested_range(head: Head, etag: str, size: int) -> ByteRange | None:
    """The range to send; None for the whole file.

    Several ranges, another unit, or an ``If-Range`` of another version mean the whole file.

    Raises:
        Refused: 416, no byte of the file lies in the range.
    """
    value = head.one("range")
    found = _RANGE.match(value) if value is not None else None
    if found is None or not (found[1] or found[2]):
        return None
    condition = head.one("if-range")
    if condition is not None and (False, etag) not in _etags(condition):
        return None
    if found[1]:
        start = int(found[1])
        if found[2] and int(found[2]) < start:
            return None
        end = min(int(found[2]) + 1, size) if found[2] else size
    else:
        start, end = max(0, size - int(found[2])), size
    if start >= end:
        raise Refused(
            HTTPStatus.REQUESTED_RANGE_NOT_SATISFIABLE,
            "range_unsatisfiable",
            f"the file has {size} bytes",
            headers=[("content-range", f"bytes */{size}")],
        )
    return start, end


def content_range(head: Head) -> tuple[int, int, int | None] | None:
    """The ``Content-Range`` of a body: first byte, the byte behind the last, and the size of the whole if it is known.

    Raises:
        Refused: 400, it has another form.
    """
    value = head.one("content-range")
    if value is None:
        return None
    found = _CONTENT_RANGE.match(value.strip())
    if found is not None:
        start, end = int(found[1]), int(found[2]) + 1
        total = None if found[3] == "*" else int(found[3])
        if start < end and (total is None or end <= total):
            return start, end, total
    raise Refused(
        HTTPStatus.BAD_REQUEST, "range_invalid", "Content-Range has another form", "Write bytes first-last/total."
    )


def _etags(value: str) -> list[tuple[bool, str]]:
    """The etags of a list: whether each is weak, and its text. What is malformed ends the list."""
    found = []
    position = 0
    while (match := _ETAGS.match(value, position)) is not None:
        found.append((match[1] is not None, match[2]))
        position = match.end()
    return found
