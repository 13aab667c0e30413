"""A stream that outlives links: opens its method, and opens it again where it stood when the link breaks.

What can be resumed belongs to the resource (a byte offset, a cursor, an upload id), so each kind of stream says in
`params` where it stands and judges in `opened` what it was given.
"""

from __future__ import annotations

import asyncio
from abc import ABC, abstractmethod
from typing import Any

import msgspec

from nexus_sdk.connection import Connection
from nexus_sdk.exceptions import CallTimeout, ConnectionClosed, ProtocolViolation
from nexus_sdk.link import Link, LinkDown
from nexus_sdk.protocol.errors import NexusError
from nexus_sdk.protocol.methods import METHODS
from nexus_sdk.wire import frames

__all__ = ["Attachment"]

_OPEN_TIMEOUT = 30.0
_RETRY_NAMES = frozenset(("draining", "too_many_requests"))
_RETRY_STEP = 0.2


class Attachment(ABC):
    """Base of every stream: one task that drives it from `start` to its final answer."""

    method: str
    """The stream method."""
    resumable: bool = True
    """Whether a break is survived."""

    def __init__(self, connection: Connection) -> None:
        self._reconnects = 0
        self._connection = connection
        self._link: Link | None = None
        self._number = 0
        self._task: asyncio.Task[None] | None = None
        self._first: asyncio.Future[None] | None = None
        self._opened = False
        self._finished = False

    # -- what a kind of stream says of itself --

    @abstractmethod
    def _params(self) -> msgspec.Struct:
        """Params that begin, or continue, where the stream stands."""

    @abstractmethod
    def _ended(self, result: Any, error: BaseException | None) -> None:
        """The stream is over: with its final response, or an error. Called once."""

    def _on_open(self, info: Any) -> None:  # noqa: B027 - optional to override
        """The stream is in place; `info` is the decoded struct, None where the method has none."""

    def _on_lost(self) -> None:  # noqa: B027 - optional to override
        """The link is gone; what was on its way is too."""

    def _broken(self, lost: LinkDown) -> NexusError:
        """The error of a stream that cannot be resumed."""
        return lost.error(f"the connection broke during {self.method}: {lost}", may_have_run=lost.sent)

    def _refused(self, error: NexusError) -> NexusError | None:
        """Translate the error of an attempt to resume; None tries once more with changed params."""
        return error

    # -- the sink of the link; these are overridden where a kind of stream uses them --

    def opened(self, link: Link, number: int, info: msgspec.Raw) -> None:
        spec = METHODS[self.method].stream
        kind = None if spec is None else spec.open
        self._link, self._number = link, number
        self._on_open(None if kind is None else msgspec.json.decode(info, type=kind))
        self._opened = True
        if self._first is not None and not self._first.done():
            self._first.set_result(None)

    def data(self, channel: int, offset: int, payload: memoryview) -> None:
        raise ProtocolViolation(f"{self.method} carries no data on channel {channel}")

    def eof(self, channel: int, offset: int) -> None:
        raise ProtocolViolation(f"{self.method} has no channel {channel} to end")

    def credit(self, channel: int, limit: int) -> None:
        raise ProtocolViolation(f"{self.method} takes no credit on channel {channel}")

    def event(self, cursor: str | None, event: msgspec.Raw) -> None:
        raise ProtocolViolation(f"{self.method} has no events")

    # -- used by kinds of streams --

    @property
    def reconnects(self) -> int:
        """How often the stream was attached again after a break."""
        return self._reconnects

    @property
    def finished(self) -> bool:
        """Whether the stream is over."""
        return self._finished

    async def _start(self) -> None:
        """Open the stream; returns when it is in place, or it ended at once.

        Raises:
            NexusError: it could not be opened.
        """
        if self._task is not None:
            raise RuntimeError(f"this {self.method} was started before; make another one")
        self._first = asyncio.get_running_loop().create_future()
        self._task = asyncio.create_task(self._drive(), name=f"nexus-{self.method}")
        try:
            await self._first
        except BaseException:
            await self._stop()
            raise

    async def _stop(self) -> None:
        """Leave the stream: the daemon is told to cancel it, which for an attachment means to detach."""
        task = self._task
        if task is None:
            return
        task.cancel()
        await asyncio.wait([task])

    def _grant(self, limit: int) -> None:
        if self._link is not None:
            self._link.post(frames.encode_credit(frames.DOWN, self._number, limit))

    def _post(self, frame: bytes) -> None:
        if self._link is not None:
            self._link.post(frame)

    async def _drive(self) -> None:
        try:
            result = await self._run()
        except asyncio.CancelledError:
            self._over(None, ConnectionClosed(f"{self.method} was left"))
            raise
        except NexusError as error:
            self._over(None, error)
        except BaseException as error:
            self._over(None, error)
            if not isinstance(error, Exception):
                raise
        else:
            self._over(result, None)

    def _over(self, result: Any, error: BaseException | None) -> None:
        self._link = None
        self._finished = True
        self._ended(result, error)
        first = self._first
        if first is not None and not first.done():
            if error is None:
                first.set_result(None)
            else:
                first.set_exception(error)

    async def _run(self) -> Any:
        spec = METHODS[self.method]
        loop = asyncio.get_running_loop()
        deadline = 0.0
        while True:
            link = await self._connection.link()
            self._connection.check_level(spec, link)
            try:
                return await self._attach(link)
            except LinkDown as lost:
                self._link = None
                if self._connection.closed:
                    raise ConnectionClosed(f"the client was closed during {self.method}") from None
                self._on_lost()
                deadline = loop.time() + self._connection.options.reconnect_timeout
                if not self.resumable and lost.sent:
                    raise self._broken(lost) from lost.cause
                if self._opened:
                    self._reconnects += 1
            except NexusError as error:
                if not self._opened or self._link is not None:
                    raise
                if error.name in _RETRY_NAMES and loop.time() < deadline:
                    await asyncio.sleep(_RETRY_STEP)
                    continue
                translated = self._refused(error)
                if translated is error:
                    raise
                if translated is not None:
                    raise translated from error
            finally:
                self._link = None

    async def _attach(self, link: Link) -> Any:
        request = link.request(self.method, self._params(), sink=self)
        overdue = asyncio.get_running_loop().call_later(_OPEN_TIMEOUT, self._overdue, request.answer)
        try:
            raw = await request.answer
        finally:
            overdue.cancel()
            link.abandon(request)
        if self._link is None:
            raise ProtocolViolation(f"{self.method} was answered before it was open")
        result = METHODS[self.method].result
        try:
            return msgspec.json.decode(raw, type=result or Any)
        except msgspec.DecodeError as error:
            raise ProtocolViolation(f"the result of {self.method} is not what the schema says: {error}") from None

    def _overdue(self, answer: asyncio.Future[msgspec.Raw]) -> None:
        if self._link is None and not answer.done():
            message = f"{self.method} was not opened within {_OPEN_TIMEOUT:g} s"
            answer.set_exception(CallTimeout(message, timeout=_OPEN_TIMEOUT))
