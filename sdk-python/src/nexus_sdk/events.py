"""Streams of events: searches, and watches that continue after a break.

Events wait here within the credit that was granted, so a slow reader slows the daemon's stream, never the connection.
A watch that cannot continue without a gap says so with an overflow event, after which the reader lists again.
"""

from __future__ import annotations

import asyncio
from abc import abstractmethod
from collections import deque
from types import TracebackType
from typing import Any, Generic, Self, TypeVar

import msgspec

from nexus_sdk.attachment import Attachment
from nexus_sdk.connection import Connection
from nexus_sdk.exceptions import NexusError, ProtocolViolation
from nexus_sdk.link import LinkDown
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import CursorExpired
from nexus_sdk.protocol.methods import METHODS
from nexus_sdk.wire import frames
from nexus_sdk.wire.credit import ReceiveCredit

__all__ = ["EventStream", "FileWatch", "Search", "WorkspaceWatch"]

E = TypeVar("E")

WINDOW = 256


class EventStream(Attachment, Generic[E]):
    """Base of the streams of events: `async with ... as events`, then `async for event in events`.

    Entering returns when the stream is in place: whatever happens afterwards is reported. Leaving ends it.
    """

    def __init__(self, connection: Connection, window: int = WINDOW) -> None:
        super().__init__(connection)
        self._window = window
        self._credit = ReceiveCredit(window)
        self._received = 0
        self._granted = 0
        self._events: deque[E] = deque()
        self._owed = 0
        self._asked = window
        self._waiter: asyncio.Future[None] | None = None
        self._failure: BaseException | None = None
        spec = METHODS[self.method].stream
        assert spec is not None
        self._decode = msgspec.json.Decoder(spec.event).decode

    async def __aenter__(self) -> Self:
        await self._start()
        return self

    async def __aexit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        await self.aclose()

    def __aiter__(self) -> Self:
        return self

    async def __anext__(self) -> E:
        while not self._events:
            if self.finished:
                if self._failure is not None:
                    raise self._failure
                raise StopAsyncIteration
            if self._task is None:
                raise RuntimeError("this stream is not open; use it in `async with`")
            if self._waiter is not None:
                raise RuntimeError("two tasks read the same stream")
            self._waiter = asyncio.get_running_loop().create_future()
            try:
                await self._waiter
            finally:
                self._waiter = None
        event = self._events.popleft()
        if self._owed:
            self._owed -= 1
        else:
            limit = self._credit.consume(1)
            if limit is not None:
                self._granted = limit
                self._grant(limit)
        return event

    async def aclose(self) -> None:
        """End the stream. Closing twice does nothing."""
        await self._stop()

    def _free(self) -> int:
        """Return the initial credit to ask for: what is free of the window."""
        self._asked = max(self._window - len(self._events), 1)
        return self._asked

    def _on_open(self, info: Any) -> None:
        # each attachment counts its events from 0; those that still wait here were paid for by an earlier one
        self._owed = len(self._events)
        self._credit = ReceiveCredit(self._window)
        self._received, self._granted = 0, self._asked
        self._credit.limit = self._asked

    def event(self, cursor: str | None, event: msgspec.Raw) -> None:
        self._received += 1
        if self._received > self._granted:
            raise ProtocolViolation(f"{self.method}: event {self._received} exceeds the credit of {self._granted}")
        try:
            decoded = self._decode(event)
        except msgspec.DecodeError as error:
            raise ProtocolViolation(f"an event of {self.method} is not what the schema says: {error}") from None
        self._came(cursor, decoded)

    def _came(self, cursor: str | None, event: E) -> None:
        self._push(event)

    def _push(self, event: E) -> None:
        self._events.append(event)
        self._wake()

    def _ended(self, result: Any, error: BaseException | None) -> None:
        self._failure = error
        self._wake()

    def _wake(self) -> None:
        if self._waiter is not None and not self._waiter.done():
            self._waiter.set_result(None)


class Search(EventStream[types.FsMatch]):
    """Matches of `Files.search`, as they are found."""

    method = "fs.search"
    resumable = False

    def __init__(self, connection: Connection, params: types.FsSearchParams) -> None:
        super().__init__(connection, params.window)
        self._search = params
        self._result: types.FsSearched | None = None
        self._files = 0

    @property
    def files(self) -> int:
        """How many files were looked at so far."""
        return self._files

    @property
    def result(self) -> types.FsSearched:
        """What the search did.

        Raises:
            RuntimeError: it has not ended; read to the end first.
        """
        if self._result is None:
            raise RuntimeError("the search has not ended")
        return self._result

    def _params(self) -> types.FsSearchParams:
        return msgspec.structs.replace(self._search, window=self._free())

    def _came(self, cursor: str | None, event: Any) -> None:
        if isinstance(event, types.FsSearchProgress):
            self._files = event.files
            limit = self._credit.consume(1)
            if limit is not None:
                self._granted = limit
                self._post(frames.encode_credit(frames.DOWN, self._number, limit))
        else:
            self._push(event)

    def _broken(self, lost: LinkDown) -> NexusError:
        return lost.error(f"the connection broke during a search: {lost}", hint="search again")

    def _ended(self, result: types.FsSearched | None, error: BaseException | None) -> None:
        if result is not None:
            self._result = result
            self._files = result.files
        super()._ended(result, error)


class _Watch(EventStream[E]):
    """A stream that continues after a cursor."""

    def __init__(self, connection: Connection, window: int, cursor: str | None) -> None:
        super().__init__(connection, window)
        self._cursor = cursor

    @property
    def cursor(self) -> str | None:
        """Where to continue after the last event that came; None before the first is known."""
        return self._cursor

    def _came(self, cursor: str | None, event: E) -> None:
        if cursor is not None:
            self._cursor = cursor
        self._push(event)

    def _on_lost(self) -> None:
        if self._opened and self._cursor is None:
            self._overflow("the connection broke before the first event")

    def _refused(self, error: NexusError) -> NexusError | None:
        if isinstance(error, CursorExpired) and self._cursor is not None:
            self._cursor = None
            self._overflow("events that came while the connection was broken are no longer kept")
            return None
        return error

    @abstractmethod
    def _overflow(self, reason: str) -> None:
        """Tell the reader that events were missed."""


class FileWatch(_Watch[types.FsChange | types.FsOverflow]):
    """Changes of files. `FsOverflow` says that some were missed: list again."""

    method = "fs.watch"

    def __init__(self, connection: Connection, params: types.FsWatchParams) -> None:
        cursor = params.cursor
        super().__init__(connection, params.window, None if isinstance(cursor, msgspec.UnsetType) else cursor)
        self._watch = params

    def _params(self) -> types.FsWatchParams:
        cursor = msgspec.UNSET if self._cursor is None else self._cursor
        return msgspec.structs.replace(self._watch, cursor=cursor, window=self._free())

    def _on_open(self, info: types.FsWatchOpen) -> None:
        super()._on_open(info)
        if self._cursor is not None and not info.resumed:
            self._overflow("the watch could not be continued without a gap")
        self._cursor = info.cursor

    def _overflow(self, reason: str) -> None:
        self._owed += 1
        self._push(types.FsOverflow(reason=reason))


class WorkspaceWatch(_Watch[types.WorkspaceChanged | types.WorkspaceOverflow]):
    """Changes of workspaces. `WorkspaceOverflow` says that some were missed: list again."""

    method = "workspace.watch"

    def __init__(self, connection: Connection, params: types.WorkspaceWatchParams) -> None:
        cursor = params.cursor
        super().__init__(connection, params.window, None if isinstance(cursor, msgspec.UnsetType) else cursor)
        self._watch = params

    def _params(self) -> types.WorkspaceWatchParams:
        cursor = msgspec.UNSET if self._cursor is None else self._cursor
        return msgspec.structs.replace(self._watch, cursor=cursor, window=self._free())

    def _overflow(self, reason: str) -> None:
        self._owed += 1
        self._push(types.WorkspaceOverflow(missed=0))
