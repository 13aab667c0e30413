"""fs.watch: changes below a path, as they happen, with cursors to continue from.

One `Watcher` per workspace is shared by all who watch it. A thread waits for the kernel, keeps the picture of the tree
(`watchtree`) and hands batches to the event loop, at most 25 ms after a change. On the loop each scope (path,
recursive, gitignore) has a log of its last 10,000 changes; a subscriber reads from it at his own pace, and changes of
one path that he has not yet read become one. Whoever falls behind the log gets an `overflow` event and lists again:
nothing is lost in silence.

Why not the `watchfiles` notifier on Linux: it follows links, so a link in a workspace makes it report, and hold watches
on, directories outside. It serves where there is no inotify (`watchportable`).
"""

from __future__ import annotations

import asyncio
import secrets
import sys
from collections import deque
from collections.abc import AsyncIterator, Callable
from contextlib import asynccontextmanager
from typing import Final

from nexus_sdk.protocol import errors
from nexus_sdk.protocol.types import ChangeType, FsChange, FsOverflow, FsWatchEvent, FsWatchOpen, FsWatchParams

from nexusd.files.beneath import Beneath
from nexusd.files.errors import naming
from nexusd.files.info import printable
from nexusd.files.inotify import is_limit
from nexusd.files.watchthread import WatchThread
from nexusd.files.watchtree import Scope

LOG: Final = 10_000
"""Changes kept for each scope: how far a subscriber may fall behind, and how long a cursor is good."""

LINGER: Final = 300.0
"""Seconds that a scope without subscribers goes on, so that a client can come back to its cursor."""

MAX_LINGERING: Final = 8
"""Scopes without subscribers that a watcher keeps; the oldest goes first."""

OPEN_TIMEOUT: Final = 60.0
"""Seconds that putting a watch in place may take."""


class Watcher:
    """The watch on one root. All methods belong to one event loop.

    Attributes:
        beneath: the root.
    """

    def __init__(self, beneath: Beneath, instance: str, *, exclude: str = "") -> None:
        """Make ready; nothing is watched before the first `subscribe`.

        Args:
            instance: an id of this run of the daemon; cursors of another run are expired.
            exclude: more exclude patterns in the format of .gitignore, see `Ignore.at`.
        """
        self.beneath = beneath
        self._instance = instance
        self._exclude = exclude
        self._thread: WatchThread | None = None
        self._feeds: dict[tuple[tuple[str, ...], bool, bool], Feed] = {}
        self._opening = asyncio.Lock()
        self._closed = False

    @asynccontextmanager
    async def subscribe(self, params: FsWatchParams) -> AsyncIterator[Subscription]:
        """Watch. When this returns the watch is in place: every later change is reported.

        Raises:
            CursorExpired: the cursor is of another run, of another path, or too old.
            TooManyRequests: a limit of the system on watching is reached; the message names it.
            DeadlineExceeded: the tree could not be read in 60 s.
            PathNotFound: and the errors of `Beneath`.
        """
        loop = asyncio.get_running_loop()
        path = params.path
        start = await asyncio.to_thread(self._resolve, path)
        key = (start, params.recursive, params.gitignore)
        cursor = params.cursor if isinstance(params.cursor, str) else None
        try:
            async with asyncio.timeout(OPEN_TIMEOUT), self._opening:
                feed = self._feeds.get(key)
                if cursor is not None and (feed is None or not feed.knows(cursor)):
                    raise errors.CursorExpired(f"{cursor!r}: events after this cursor are gone", cursor=cursor)
                if feed is None:
                    feed = Feed(f"{self._instance}-{secrets.token_hex(6)}", loop, *key)
                    await self._begin(feed, path)
                    self._feeds[key] = feed
        except TimeoutError:
            raise errors.DeadlineExceeded(
                f"{path!r}: the watch was not in place in time",
                hint="Watch a smaller part of the tree.",
                timeout_ms=int(OPEN_TIMEOUT * 1000),
            ) from None
        subscription = Subscription(feed, cursor)
        feed.subscribe(subscription)
        try:
            yield subscription
        finally:
            if not feed.unsubscribe(subscription):
                self._linger(key, feed)

    async def aclose(self, why: str = "the workspace is no longer there to be watched") -> None:
        """End the watch; subscribers get `PathNotFound` behind their last event."""
        self._closed = True
        for feed in self._feeds.values():
            feed.end(errors.PathNotFound(why, path="."))
        self._feeds.clear()
        await self._stop()

    def _resolve(self, path: str) -> tuple[str, ...]:
        with self.beneath.acting():
            self.beneath.stat(path)
            return self.beneath.canonical(path)

    async def _begin(self, feed: Feed, path: str) -> None:
        if self._closed:
            raise errors.PathNotFound(f"{path!r}: the workspace is gone", path=path)
        try:
            if self._thread is None:
                self._thread = WatchThread(self.beneath, self._exclude, self._root_gone)
            await self._thread.add(feed.scope)
        except OSError as error:
            if self._thread is not None and not self._feeds:
                await self._stop()
            if is_limit(error):
                raise _limit_reached(path) from None
            with naming(path):
                raise

    def _linger(self, key: tuple[tuple[str, ...], bool, bool], feed: Feed) -> None:
        if self._closed:
            return
        loop = asyncio.get_running_loop()
        feed.lingering = loop.call_later(LINGER, self._expire, key, feed)
        idle = [(k, f) for k, f in self._feeds.items() if f.lingering is not None]
        if len(idle) > MAX_LINGERING:
            self._expire(*idle[0])

    def _expire(self, key: tuple[tuple[str, ...], bool, bool], feed: Feed) -> None:
        if self._feeds.get(key) is not feed or feed.busy:
            return
        del self._feeds[key]
        feed.end(None)
        if self._thread is not None:
            self._thread.remove(feed.scope)

    async def _stop(self) -> None:
        thread, self._thread = self._thread, None
        if thread is not None:
            await asyncio.to_thread(thread.close)

    def _root_gone(self) -> None:
        """The root itself was removed; called in the event loop."""
        for feed in self._feeds.values():
            feed.end(errors.PathNotFound("the root of the workspace was removed", path="."))
        self._feeds.clear()


class Feed:
    """The log of one scope, in the event loop."""

    def __init__(
        self, name: str, loop: asyncio.AbstractEventLoop, start: tuple[str, ...], recursive: bool, gitignore: bool
    ) -> None:
        self._name = name
        self._loop = loop
        self._log: deque[tuple[int, str, ChangeType | None]] = deque(maxlen=LOG)
        self._subscribers: set[Subscription] = set()
        self.sequence = 0
        self.lingering: asyncio.TimerHandle | None = None
        self.ended = False
        self.failure: errors.NexusError | None = None
        self.scope = Scope(start, recursive, gitignore, self._changed_elsewhere, self._lost_elsewhere)

    @property
    def busy(self) -> bool:
        """Whether anybody is subscribed."""
        return bool(self._subscribers)

    def cursor(self, sequence: int) -> str:
        """The cursor behind an entry of the log."""
        return f"{self._name}-{sequence}"

    def position(self, cursor: str) -> int | None:
        """The sequence number of a cursor of this feed, None for any other text."""
        name, _, number = cursor.rpartition("-")
        return (
            int(number) if name == self._name and number.isascii() and number.isdigit() and len(number) < 16 else None
        )

    def knows(self, cursor: str) -> bool:
        """Whether everything after a cursor is still there."""
        position = self.position(cursor)
        return position is not None and self.sequence - len(self._log) <= position <= self.sequence

    def subscribe(self, subscription: Subscription) -> None:
        """Tell the subscription of changes from now on."""
        if self.lingering is not None:
            self.lingering.cancel()
            self.lingering = None
        self._subscribers.add(subscription)

    def unsubscribe(self, subscription: Subscription) -> bool:
        """Tell it no more; returns whether anybody is left."""
        self._subscribers.discard(subscription)
        return self.busy

    def after(self, position: int) -> list[tuple[int, str, ChangeType | None]] | None:
        """The log behind a position; None where a part of that is gone. An entry without a change is a loss."""
        count = self.sequence - position
        if count > len(self._log):
            return None
        if count == 0:
            return []
        if count == len(self._log):
            return list(self._log)
        return [self._log[index] for index in range(-count, 0)]

    def end(self, failure: errors.NexusError | None) -> None:
        """No more will come."""
        self.ended, self.failure = True, failure
        if self.lingering is not None:
            self.lingering.cancel()
        self._wake()

    def _wake(self) -> None:
        for subscription in self._subscribers:
            subscription.wake()

    def _changed_elsewhere(self, changes: list[tuple[str, ChangeType]]) -> None:
        self._call(self._changed, changes)

    def _lost_elsewhere(self, reason: str) -> None:
        self._call(self._lost, reason)

    def _call(self, call: Callable[..., None], *args: object) -> None:
        try:
            self._loop.call_soon_threadsafe(call, *args)
        except RuntimeError:
            return  # the loop is closed, and with it everybody who listened

    def _changed(self, changes: list[tuple[str, ChangeType]]) -> None:
        for path, change in changes:
            self.sequence += 1
            self._log.append((self.sequence, path, change))
        self._wake()

    def _lost(self, reason: str) -> None:
        self.sequence += 1
        self._log.append((self.sequence, reason, None))
        self._wake()


class Subscription:
    """One reader of a feed: ``async for cursor, event in subscription``.

    Attributes:
        opened: the answer to the open of the stream.
    """

    def __init__(self, feed: Feed, cursor: str | None) -> None:
        self._feed = feed
        position = None if cursor is None else feed.position(cursor)
        self._position = feed.sequence if position is None else position
        self._ready: deque[tuple[str, FsWatchEvent]] = deque()
        self._news = asyncio.Event()
        self.opened = FsWatchOpen(cursor=feed.cursor(self._position), resumed=cursor is not None)

    def __aiter__(self) -> Subscription:
        return self

    async def __anext__(self) -> tuple[str, FsWatchEvent]:
        """The next event and the cursor behind it. What happened since the one before is coalesced first.

        Raises:
            PathNotFound: the root was removed, or the watcher was closed.
        """
        while True:
            if not self._ready:
                self._ready.extend(self._collect())
            if self._ready:
                return self._ready.popleft()
            if self._feed.ended:
                if self._feed.failure is not None:
                    raise self._feed.failure
                raise StopAsyncIteration
            self._news.clear()
            await self._news.wait()

    def take_nowait(self) -> list[tuple[str, FsWatchEvent]]:
        """Everything that is there, coalesced, without waiting. For a sender that gathers before it sends."""
        ready = [*self._ready, *self._collect()]
        self._ready.clear()
        return ready

    def wake(self) -> None:
        """There is news, or the end."""
        self._news.set()

    def _collect(self) -> list[tuple[str, FsWatchEvent]]:
        feed = self._feed
        entries = feed.after(self._position)
        self._position = feed.sequence
        if entries is None:
            overflow = FsOverflow(reason=f"the reader fell more than {LOG} changes behind")
            return [(feed.cursor(feed.sequence), overflow)]
        return [(feed.cursor(sequence), event) for sequence, event in _coalesced(entries)]


def _coalesced(entries: list[tuple[int, str, ChangeType | None]]) -> list[tuple[int, FsWatchEvent]]:
    """One event per path, in the order of its last change; a loss takes the place of everything before it.

    The sequence number of each is that of its last change, so continuing after any of them misses none.
    """
    net: dict[str, tuple[int, bool, bool]] = {}
    out: list[tuple[int, FsWatchEvent]] = []
    for sequence, text, change in entries:
        if change is None:
            net.clear()
            out = [(sequence, FsOverflow(reason=text))]
            continue
        earlier = net.pop(text, None)
        existed = earlier[1] if earlier is not None else change != "created"
        net[text] = (sequence, existed, change != "deleted")
    for path, (sequence, existed, exists) in net.items():
        if existed or exists:
            kind: ChangeType = "modified" if existed and exists else "created" if exists else "deleted"
            out.append((sequence, FsChange(path=printable(path), change=kind)))
    return out


def _limit_reached(path: str) -> errors.TooManyRequests:
    name, value = "fs.inotify.max_user_watches", 0
    if sys.platform == "linux":
        try:
            with open("/proc/sys/fs/inotify/max_user_watches", encoding="ascii") as file:
                value = int(file.read())
        except (OSError, ValueError):
            value = 0
    return errors.TooManyRequests(
        f"{path!r}: the system's limit on watching directories is reached ({name} = {value}, or max_user_instances)",
        hint=f"Raise it with `sysctl {name}=524288`, or watch a smaller part of the tree.",
        limit=name,
        value=value,
    )
