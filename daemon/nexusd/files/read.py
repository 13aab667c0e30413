"""fs.read: a part of a file as text or base64, small enough for one answer."""

from __future__ import annotations

import base64
import os
from typing import Final

import msgspec
from nexus_sdk.protocol import errors
from nexus_sdk.protocol.types import FileContent, FsReadParams

from nexusd.files.beneath import Beneath
from nexusd.files.errors import naming, param
from nexusd.files.info import etag

MAX_ANSWER: Final = (1 << 20) - (32 << 10)
"""Bytes that the content may take in its JSON form: one message (1 MiB) less room for everything around it."""

MAX_COUNTED: Final = 256 << 20
"""Files above this are not searched for line ends; a byte range still reads them."""

_BLOCK: Final = 1 << 20
_ATTEMPTS: Final = 3


def read(beneath: Beneath, params: FsReadParams) -> FileContent:
    """Read a byte range or a line window.

    Text is cut on character boundaries: a range that begins inside a character begins at the next one (`offset` says
    where), one that ends inside a character ends before it; if not even one character fits, one whole character
    comes. Reading on at ``offset + len(bytes)`` therefore yields every byte once. Content and etag belong together: a
    file that changes while it is read is read again, up to three times.

    Raises:
        InvalidParams: both a byte range and a line window.
        FileTooLarge: the window does not fit into one answer, or lines are asked of a file over 256 MiB.
        NotText: the bytes are not UTF-8.
        NotAFile: and the errors of `Beneath`.
    """
    by_line = params.line is not msgspec.UNSET or params.lines is not msgspec.UNSET
    if by_line and (params.offset is not msgspec.UNSET or params.length is not msgspec.UNSET):
        raise param("line", "give a byte range or a line window, not both")
    fd = beneath.open(params.path)
    try:
        with naming(params.path):
            for _ in range(_ATTEMPTS):
                status = os.fstat(fd)
                answer = _lines(beneath, fd, status, params) if by_line else _range(beneath, fd, status, params)
                if etag(os.fstat(fd)) == answer.etag:
                    break
            return answer
    finally:
        os.close(fd)


def _range(beneath: Beneath, fd: int, status: os.stat_result, params: FsReadParams) -> FileContent:
    start = params.offset if isinstance(params.offset, int) else 0
    length = params.length if isinstance(params.length, int) else status.st_size
    length = min(length, max(0, status.st_size - start))
    if length > MAX_ANSWER:
        raise _too_large(params.path, length)
    if params.encoding == "base64":
        data = pread_all(fd, length, start)
    else:
        start, data = _whole_characters(fd, start, length)
    return _answer(beneath, params, status, start, data)


def _whole_characters(fd: int, start: int, length: int) -> tuple[int, bytes]:
    """The range, moved and cut so that it holds whole UTF-8 characters; what is not UTF-8 is left as it is."""
    data = pread_all(fd, length + 6, start)
    lead = 0
    if start > 0:
        while lead < min(3, len(data)) and data[lead] & 0xC0 == 0x80:
            lead += 1
    end = min(length, len(data))
    if end <= lead:
        end = lead + _width(data[lead]) if length and lead < len(data) else lead
        return start + lead, data[lead:end]
    if end < len(data):
        begin = end
        while begin > lead and end - begin < 3 and data[begin] & 0xC0 == 0x80:
            begin -= 1
        if data[begin] & 0xC0 != 0x80 and begin + _width(data[begin]) > end:
            end = begin if begin > lead else begin + _width(data[begin])
    return start + lead, data[lead:end]


def _width(first: int) -> int:
    """How many bytes a character that begins with this byte has."""
    return 1 if first < 0xC0 else 2 if first < 0xE0 else 3 if first < 0xF0 else 4


def _lines(beneath: Beneath, fd: int, status: os.stat_result, params: FsReadParams) -> FileContent:
    if status.st_size > MAX_COUNTED:
        raise errors.FileTooLarge(
            f"{params.path!r}: {status.st_size} bytes are too many to count lines in",
            hint="Use offset and length.",
            path=params.path,
            size=status.st_size,
            limit=MAX_COUNTED,
        )
    first = params.line if isinstance(params.line, int) else 1
    wanted = params.lines if isinstance(params.lines, int) else None
    last = None if wanted is None else first + wanted - 1
    start, end, count, position = status.st_size, status.st_size, 0, 0
    if first == 1:
        start = 0
    final = b""
    while position < status.st_size:
        block = os.pread(fd, _BLOCK, position)
        if not block:
            break
        found = block.count(b"\n")
        # The window's edges lie behind the line ends number first - 1 and last.
        if count < first - 1 <= count + found:
            start = position + _after_line_end(block, first - 1 - count)
        if last is not None and count < last <= count + found:
            end = position + _after_line_end(block, last - count)
        count += found
        position += len(block)
        final = block[-1:]
    end = min(end, position)
    start = min(start, end)
    total = count + (1 if final not in (b"", b"\n") else 0)
    if end - start > MAX_ANSWER:
        raise _too_large(params.path, end - start)
    answer = _answer(beneath, params, status, start, pread_all(fd, end - start, start))
    answer.line = first
    answer.lines = max(0, (total if last is None else min(last, total)) - first + 1)
    answer.total_lines = total
    return answer


def _after_line_end(block: bytes, number: int) -> int:
    """The position behind the `number`-th line end of a block, counted from 1."""
    position = 0
    for _ in range(number):
        position = block.index(b"\n", position) + 1
    return position


def _answer(beneath: Beneath, params: FsReadParams, status: os.stat_result, start: int, data: bytes) -> FileContent:
    if params.encoding == "base64":
        content = base64.b64encode(data).decode("ascii")
        if len(content) > MAX_ANSWER:
            raise _too_large(params.path, len(data))
    else:
        try:
            content = data.decode()
        except UnicodeDecodeError:
            raise errors.NotText(f"{params.path!r}: the bytes are not UTF-8", path=params.path) from None
        # Control characters take six bytes each in JSON: only the encoded form tells what fits.
        if len(data) * 6 > MAX_ANSWER and len(msgspec.json.encode(content)) - 2 > MAX_ANSWER:
            raise _too_large(params.path, len(data))
    return FileContent(
        path=beneath.relative(params.path),
        encoding=params.encoding,
        content=content,
        offset=start,
        size=status.st_size,
        etag=etag(status),
        truncated=start + len(data) < status.st_size,
    )


def _too_large(path: str, size: int) -> errors.FileTooLarge:
    return errors.FileTooLarge(
        f"{path!r}: {size} bytes do not fit into one answer",
        hint="Ask for a smaller range or window, or use fs.download.",
        path=path,
        size=size,
        limit=MAX_ANSWER,
    )


def pread_all(fd: int, length: int, offset: int) -> bytes:
    """Read `length` bytes at `offset`; fewer only at the end of the file.

    Raises:
        OSError: as pread(2).
    """
    data = os.pread(fd, length, offset)
    if len(data) == length or not data:
        return data
    pieces = [data]
    got = len(data)
    while got < length:
        piece = os.pread(fd, min(length - got, _BLOCK), offset + got)
        if not piece:
            break
        pieces.append(piece)
        got += len(piece)
    return b"".join(pieces)
