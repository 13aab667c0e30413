"""fs.search: lines that hold a text or match a pattern.

A search is a generator that is driven in slices from the event loop, each slice in a thread and short: a reader who is
slow costs no thread, and leaving the search stops it at the next slice. Patterns are RE2, so that none can hang; long
lines are cut for matching and the time spent matching is bounded, which `truncated` tells.
"""

from __future__ import annotations

import asyncio
import os
import time
from collections.abc import Generator, Iterator
from contextlib import closing, contextmanager
from typing import Final

from nexus_sdk.protocol import errors
from nexus_sdk.protocol.types import FsMatch, FsSearched, FsSearchEvent, FsSearchParams, FsSearchProgress

from nexusd.files.beneath import Beneath, open_entry
from nexusd.files.ignore import Ignore, Rules
from nexusd.files.info import printable
from nexusd.files.read import pread_all
from nexusd.files.regex import Regex, compile_regex, escape
from nexusd.files.walk import Entry, prefix, walk

MAX_FILE: Final = 10 << 20
"""Larger files are skipped, and counted as such."""

MAX_LINE: Final = 2000
"""Characters of a line that are shown."""

MAX_SECONDS: Final = 120.0
"""Time that one search may spend reading and matching; then it ends as truncated."""

_BLOCK: Final = 64 << 10
"""Bytes matched in one go, to the next line end: bounds the time until a cancel is seen. A longer line is cut."""

_BINARY: Final = 8 << 10
_SLICE: Final = 0.05
_PROGRESS: Final = 0.25


class Search:
    """One search: `async with`, then `async for` its events, then `result`."""

    def __init__(self, beneath: Beneath, params: FsSearchParams, *, exclude: str = "") -> None:
        """Make ready; nothing is read yet.

        Args:
            exclude: more exclude patterns in the format of .gitignore, see `Ignore.at`; used with `gitignore`.

        Raises:
            PatternInvalid: the pattern, or a glob of `include` or `exclude`, cannot be compiled.
        """
        self._acting = beneath.acting
        self._scan = Scan(beneath, params, exclude)
        self._events = self._scan.run()
        self._ready: list[FsSearchEvent] = []
        self._done = False
        self._running: asyncio.Future[None] | None = None

    async def __aenter__(self) -> Search:
        """Begin. Raises the errors of the path."""
        try:
            await self._slice()
        except BaseException:
            await self.__aexit__()
            raise
        return self

    async def __aexit__(self, *_: object) -> None:
        """Stop, and return when nothing of the search is running or open any more."""
        self._scan.cancelled = True
        if self._running is not None:
            await asyncio.wait([self._running])
            self._running.exception()  # seen: whoever waited for it was cancelled
        await asyncio.to_thread(self._events.close)

    def __aiter__(self) -> Search:
        return self

    async def __anext__(self) -> FsSearchEvent:
        """The next match or progress, in the order of paths and lines."""
        while not self._ready:
            if self._done:
                raise StopAsyncIteration
            await self._slice()
        return self._ready.pop()

    @property
    def result(self) -> FsSearched:
        """What was done so far."""
        scan = self._scan
        return FsSearched(files=scan.files, matches=scan.matches, skipped=scan.skipped, truncated=scan.truncated)

    async def _slice(self) -> None:
        self._running = asyncio.ensure_future(asyncio.to_thread(self._drive))
        await asyncio.shield(self._running)

    def _drive(self) -> None:
        """Run the generator for a while; it yields None where it can be left."""
        found: list[FsSearchEvent] = []
        with self._acting():
            self._scan.begin_slice()
            for event in self._events:
                if event is None:
                    break
                found.append(event)
                if len(found) >= 256:
                    break
            else:
                self._done = True
        self._ready = found[::-1]


class Scan:
    """The work of a search, without the event loop.

    Attributes:
        files: looked at.
        matches: found.
        skipped: left out as binary, too large or unreadable.
        truncated: ended by a limit.
        cancelled: set it to end the scan at the next block.
    """

    def __init__(self, beneath: Beneath, params: FsSearchParams, exclude: str) -> None:
        self._beneath = beneath
        self._params = params
        self._more_exclude = exclude
        self._needle = _needle(params)
        self._include = _globs(params.include)
        self._exclude = _globs(params.exclude)
        self.files = self.matches = self.skipped = 0
        self.truncated = self.cancelled = False
        self._left = MAX_SECONDS
        self._slice_end = 0.0
        self._last_event = time.monotonic()

    def begin_slice(self) -> None:
        """The clock of the time budget runs from here."""
        self._slice_end = time.monotonic() + _SLICE

    def run(self) -> Generator[FsSearchEvent | None, None, None]:
        """Yield events, and None whenever a slice is over."""
        path = self._params.path
        start = self._beneath.relative(path)
        try:
            directory = self._beneath.opendir(path)
        except errors.NotADirectory:
            yield from self._file(self._beneath.open(path), start)
            return
        try:
            ignore = Ignore.at(self._beneath, path, self._more_exclude) if self._params.gitignore else None
            skip = len(prefix(start))

            def enter(entry: Entry) -> bool:
                return not _excluded(self._exclude, entry.path[skip:], True)

            with closing(walk(directory, start, ignore=ignore, enter=enter, unreadable=self._unreadable)) as found:
                for entry in found:
                    if entry.is_file and self._wanted(entry.path[skip:]):
                        yield from self._entry(entry)
                    elif self._pause():
                        yield None
                    if self.truncated or self.cancelled:
                        return
        finally:
            os.close(directory)

    def _unreadable(self, path: str) -> None:
        self.skipped += 1

    def _wanted(self, path: str) -> bool:
        if self._include is not None and not _excluded(self._include, path, False):
            return False
        return not _excluded(self._exclude, path, False)

    def _entry(self, entry: Entry) -> Iterator[FsSearchEvent | None]:
        try:
            fd = open_entry(entry.directory, entry.name)
        except OSError:
            self.skipped += 1
            return
        yield from self._file(fd, entry.path)

    def _file(self, fd: int | None, path: str) -> Iterator[FsSearchEvent | None]:
        if fd is None:
            self.skipped += 1
            return
        data = self._load(fd)
        if data is None:
            self.skipped += 1
        else:
            self.files += 1
            yield from self._lines(data, printable(path))
        now = time.monotonic()
        if now - self._last_event >= _PROGRESS:
            self._last_event = now
            yield FsSearchProgress(files=self.files)
        if self._pause():
            yield None

    def _load(self, fd: int) -> bytes | None:
        """The content of a text file of bearable size; closes the descriptor."""
        try:
            size = os.fstat(fd).st_size
            if size > MAX_FILE:
                return None
            data = pread_all(fd, size, 0)
        except OSError:
            return None
        finally:
            os.close(fd)
        return None if b"\0" in data[:_BINARY] else data

    def _lines(self, data: bytes, path: str) -> Iterator[FsSearchEvent | None]:
        """One event for each line that matches, at its first match."""
        number = 1
        counted = 0
        with _counted(self):
            for begin, end in self._needle.find(data, self):
                if self.matches == self._params.limit:
                    self.truncated = True
                    return
                line_begin = data.rfind(b"\n", 0, begin) + 1
                line_end = data.find(b"\n", end)
                line_end = len(data) if line_end < 0 else line_end
                number += data.count(b"\n", counted, line_begin)
                counted = line_begin
                self.matches += 1
                self._last_event = time.monotonic()
                yield FsMatch(
                    path=path,
                    line=number,
                    column=len(data[line_begin:begin].decode("utf-8", "replace")) + 1,
                    text=_shown(data[line_begin:line_end]),
                    before=_before(data, line_begin, self._params.context),
                    after=_after(data, line_end, self._params.context),
                )
                if self._pause():
                    yield None

    def _pause(self) -> bool:
        """Whether the slice is over; charges the time spent and ends the scan when none is left."""
        if time.monotonic() < self._slice_end:
            return False
        self._left -= _SLICE
        if self._left <= 0:
            self.truncated = True
        return True

    def overdue(self) -> bool:
        """Asked between blocks: whether to stop within a file."""
        over = time.monotonic() - self._slice_end
        if over > self._left:
            self.truncated = True
        return self.cancelled or self.truncated


@contextmanager
def _counted(scan: Scan) -> Iterator[None]:
    """Charge what one file took beyond its slice."""
    begin = time.monotonic()
    try:
        yield
    finally:
        scan._left -= max(0.0, time.monotonic() - max(begin, scan._slice_end))


class _Literal:
    """A fixed text, matched by the byte."""

    def __init__(self, text: bytes) -> None:
        self._text = text

    def find(self, data: bytes, scan: Scan) -> Iterator[tuple[int, int]]:
        """Where the first match of each line is."""
        begin = data.find(self._text)
        while begin >= 0:
            end = begin + len(self._text)
            yield begin, end
            following = data.find(b"\n", end)
            if following < 0 or scan.overdue():
                return
            begin = data.find(self._text, following + 1)


class _Pattern:
    """A regular expression; the match is its group `group`."""

    def __init__(self, regex: Regex, group: int) -> None:
        self._regex = regex
        self._group = group

    def find(self, data: bytes, scan: Scan) -> Iterator[tuple[int, int]]:
        """Where the first match of each line is."""
        position, size = 0, len(data)
        while position < size:
            block_end = data.find(b"\n", min(size, position + _BLOCK)) + 1
            if not 0 < block_end <= position + 2 * _BLOCK:
                block_end = min(size, position + 2 * _BLOCK)
            while position < block_end:
                match = self._regex.search(data, position, block_end)
                if match is None:
                    break
                begin, end = match.start(self._group), match.end(self._group)
                if begin == block_end and (block_end < size or data.endswith(b"\n")):
                    break  # an empty match behind a line end belongs to the next block, or to no line
                yield begin, end
                following = data.find(b"\n", end)
                position = size if following < 0 else following + 1
            position = max(position, block_end)
            if scan.overdue():
                return


def _needle(params: FsSearchParams) -> _Literal | _Pattern:
    if "\n" in params.pattern or "\0" in params.pattern:
        raise errors.PatternInvalid(
            f"{params.pattern!r}: lines are searched one by one",
            pattern=params.pattern,
            reason="it holds a line end or a NUL character",
        )
    if not (params.regex or params.ignore_case or params.word):
        return _Literal(params.pattern.encode())
    inner = params.pattern if params.regex else escape(params.pattern)
    # Compiled alone first: an unbalanced bracket must not close ours.
    compile_regex(inner, given=params.pattern, ignore_case=params.ignore_case)
    if params.word:
        edge = r"[^\pL\pN\pM_]"
        whole = rf"(?m)(?:^|{edge})((?-m:{inner}))(?:$|{edge})"
        return _Pattern(compile_regex(whole, given=params.pattern, ignore_case=params.ignore_case), 1)
    return _Pattern(compile_regex(f"(?m:{inner})", given=params.pattern, ignore_case=params.ignore_case), 0)


def _globs(patterns: list[str]) -> Rules | None:
    """Globs as exclude rules: without a slash they speak of names at any depth, with one of paths from the start."""
    for pattern in patterns:
        if not pattern.strip("/ ") or "\n" in pattern or "\0" in pattern:
            raise errors.PatternInvalid(f"{pattern!r}: no usable glob", pattern=pattern, reason="no usable glob")
    lines = (rf"\{pattern}" if pattern[0] in "!#" else pattern for pattern in patterns)
    return Rules("\n".join(lines).encode()) if patterns else None


def _excluded(rules: Rules | None, path: str, is_dir: bool) -> bool:
    """Whether the rules speak of the entry or, for `include`, of a directory above it."""
    if rules is None:
        return False
    text = os.fsencode(path)
    while text:
        if rules.decide(text, is_dir):
            return True
        text, is_dir = text.rpartition(b"/")[0], True
    return False


def _shown(line: bytes) -> str:
    return line[: MAX_LINE * 4].decode("utf-8", "replace").removesuffix("\r")[:MAX_LINE]


def _before(data: bytes, position: int, count: int) -> list[str]:
    lines: list[str] = []
    while count and position > 0:
        begin = data.rfind(b"\n", 0, position - 1) + 1
        lines.append(_shown(data[begin : position - 1]))
        position, count = begin, count - 1
    return lines[::-1]


def _after(data: bytes, position: int, count: int) -> list[str]:
    lines: list[str] = []
    while count and position + 1 < len(data):
        end = data.find(b"\n", position + 1)
        end = len(data) if end < 0 else end
        lines.append(_shown(data[position + 1 : end]))
        position, count = end, count - 1
    return lines
