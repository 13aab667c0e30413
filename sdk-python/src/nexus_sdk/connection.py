"""The connection to a daemon: one link at a time, made anew when it breaks.

Calls and streams ask for the link when they need it; the first to ask after a break starts the reconnect that all
share. Nothing reconnects while nobody asks.
"""

from __future__ import annotations

import asyncio
import inspect
import math
from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import msgspec
from websockets.exceptions import InvalidStatus

from nexus_sdk.calling import deadline, decode_result, find, prepare, refusal, unreachable
from nexus_sdk.discovery import Address
from nexus_sdk.exceptions import (
    CallTimeout,
    ConnectionClosed,
    ConnectionFailed,
    ConnectionLost,
    ProtocolViolation,
)
from nexus_sdk.link import Link, LinkDown, Progress
from nexus_sdk.protocol.errors import MethodNotFound, NexusError
from nexus_sdk.protocol.methods import Method
from nexus_sdk.protocol.types import SessionReady
from nexus_sdk.retry import Backoff, IsTransient, is_transient

__all__ = ["Connection", "Options", "ProgressCallback"]

ProgressCallback = Callable[[Progress], object]


@dataclass(frozen=True, slots=True, kw_only=True)
class Options:
    """How a connection behaves; the arguments of `connect`."""

    open_timeout: float = 10.0
    """Seconds for connecting, handshake and the daemon's first message."""
    reconnect_timeout: float = 60.0
    """Seconds to go on trying after a connection broke; 0 never reconnects."""
    ping_interval: float | None = 20.0
    """Seconds between pings, and until a missing pong ends the connection; None sends none."""
    is_transient: IsTransient = is_transient
    """Decides what is worth another attempt."""
    auto_key: bool = True
    """Give keyed calls without a key a random one, so that they can be repeated safely after a break."""
    ssl: Any = None
    """An `ssl.SSLContext` for wss://; None verifies against the system's certificates."""


class Connection:
    """Calls over one shared WebSocket. Safe to use from many tasks of one event loop, not from other threads.

    Attributes:
        address: where the daemon is.
        reconnects: how often the WebSocket was made anew.
    """

    def __init__(self, address: Address, options: Options | None = None) -> None:
        self.address = address
        self.options = options or Options()
        self.reconnects = 0
        self._link: Link | None = None
        self._connecting: asyncio.Task[Link] | None = None
        self._backoff = Backoff()
        self._closed = False
        self._ready: SessionReady | None = None

    @property
    def ready(self) -> SessionReady:
        """What the daemon announced when the connection was last made.

        Raises:
            ConnectionFailed: it was never made.
        """
        if self._ready is None:
            raise ConnectionFailed("not connected yet", hint="use `async with connect(...)`, or await connect(...)")
        return self._ready

    @property
    def closed(self) -> bool:
        """Whether `close` was called."""
        return self._closed

    async def open(self) -> None:
        """Connect, once: what fails now is an answer to the caller, not something to sit out.

        Raises:
            ConnectionFailed: nothing answers, or not a daemon.
            Unauthenticated: the token was refused.
            ProtocolViolation: what answers is not a daemon.
        """
        try:
            self._adopt(await self._open_link())
        except (OSError, TimeoutError) as error:
            if isinstance(error, NexusError):
                raise
            raise unreachable(self.address, error) from error

    async def link(self) -> Link:
        """Return the live link, waiting for one if it broke.

        Raises:
            ConnectionClosed: the client was closed.
            ConnectionLost: no link could be made for `reconnect_timeout`, or none will ever be.
            Unauthenticated: the daemon no longer accepts the token.
        """
        if self._closed:
            raise ConnectionClosed("the client is closed")
        link = self._link
        if link is not None and link.alive:
            return link
        if self._connecting is None:
            self._connecting = asyncio.create_task(self._reconnect(), name="nexus-reconnect")
            self._connecting.add_done_callback(self._settled)
        try:
            return await asyncio.shield(self._connecting)
        except asyncio.CancelledError:
            if self._closed:
                raise ConnectionClosed("the client is closed") from None
            raise

    async def call(
        self,
        method: str,
        params: msgspec.Struct | dict[str, Any] | None = None,
        *,
        timeout: float | None = None,
        on_progress: ProgressCallback | None = None,
    ) -> Any:
        """Call a method and return its result.

        After a break the call is repeated by itself if the schema calls it idempotent or it carries a key; one that may
        not be repeated raises.

        Args:
            method: name, as in the schema.
            params: the params struct, or a mapping with its fields; None for no params.
            timeout: seconds until `CallTimeout`; None takes the method's own deadline and a margin; `math.inf` none.
            on_progress: called with `Progress`, at most ten times a second, where the method knows progress.

        Returns:
            The result struct of the schema; of a method this client does not know, its result as JSON types.

        Raises:
            CallTimeout: the deadline passed; the daemon was told to cancel.
            ConnectionLost: the connection broke; `may_have_run` says whether the call may have had its effect.
            MethodNotFound: the daemon speaks an older level; nothing was sent.
            ProtocolViolation: the result is not what the schema says, or the peer broke the protocol meanwhile;
            `may_have_run` likewise.
            NexusError: whatever the daemon answered.
        """
        spec = find(method)
        prepared = self.prepare(spec, params, on_progress is not None)
        repeatable = spec is not None and (
            spec.idempotent or getattr(prepared, "key", msgspec.UNSET) is not msgspec.UNSET
        )
        limit = deadline(spec, prepared) if timeout is None else timeout
        if math.isinf(limit):
            return await self._call(method, spec, prepared, on_progress, repeatable, [])
        started: list[bool] = []
        try:
            async with asyncio.timeout(limit) as scope:
                return await self._call(method, spec, prepared, on_progress, repeatable, started)
        except TimeoutError as error:
            if isinstance(error, NexusError) or not scope.expired():
                raise
            message = f"{method} was not answered within {limit:g} s"
            raise CallTimeout(message, timeout=limit, may_have_run=bool(started)) from None

    async def close(self) -> None:
        """Close the connection; every call and stream under way raises. Closing twice does nothing."""
        self._closed = True
        if self._connecting is not None:
            self._connecting.cancel()
        link, self._link = self._link, None
        if link is not None:
            await link.close()

    def check_level(self, spec: Method, link: Link) -> None:
        """Raise MethodNotFound when the daemon's level is older than the method."""
        if spec.since > link.ready.level:
            raise MethodNotFound(
                f"{spec.name} exists since level {spec.since}; this daemon speaks level {link.ready.level}",
                hint="update the daemon",
            )

    def prepare(self, spec: Method | None, params: Any, progress: bool) -> Any:
        """Return the params as their struct, with a key where the method takes one and none was given."""
        return prepare(spec, params, progress=progress, auto_key=self.options.auto_key)

    async def _call(
        self,
        method: str,
        spec: Method | None,
        params: Any,
        on_progress: ProgressCallback | None,
        repeatable: bool,
        started: list[bool],
    ) -> Any:
        while True:
            try:
                link = await self.link()
            except (ConnectionLost, ProtocolViolation) as lost:
                if not started:
                    raise
                # others wait for the same link and have sent nothing: the error is theirs too, so this is another one
                raise type(lost)(lost.message, hint=lost.hint, may_have_run=True) from lost
            if spec is not None:
                self.check_level(spec, link)
            await link.admit()
            try:
                request = link.request(method, params, on_progress=on_progress)
                try:
                    raw = await request.answer
                finally:
                    if request.sent:
                        started.append(True)
                    link.abandon(request)
            except LinkDown as down:
                if self._closed:
                    raise ConnectionClosed(
                        f"the client was closed while {method} was under way", may_have_run=down.sent
                    ) from None
                if repeatable or not down.sent:
                    continue
                message = f"the connection broke while {method} was under way: {down}"
                hint = "find out whether it had its effect before you repeat it, or give it a key"
                raise down.error(message, hint=hint, may_have_run=True) from down.cause
            return decode_result(method, spec, raw)

    async def _open_link(self) -> Link:
        token = self.address.token
        if callable(token):
            made = token()
            token = await made if inspect.isawaitable(made) else made
        options = self.options
        try:
            return await Link.open(
                self.address, token, timeout=options.open_timeout, ping_interval=options.ping_interval, ssl=options.ssl
            )
        except InvalidStatus as error:
            response = error.response
            raise refusal(response.status_code, bytes(response.body or b""), self.address) from error
        except Exception as error:
            if isinstance(error, OSError | TimeoutError | NexusError):
                raise
            raise ConnectionFailed(f"cannot connect to {self.address}: {error}") from error

    async def _reconnect(self) -> Link:
        loop = asyncio.get_running_loop()
        patience = self.options.reconnect_timeout
        deadline = loop.time() + patience
        lost, self._link = self._link, None
        if lost is None or lost.useful:
            self._backoff.reset()
        down = None if lost is None else lost.end
        if down is not None and (patience <= 0 or not self.options.is_transient(down.cause)):
            raise down.error(str(down)) from down.cause
        attempts = 0
        while True:
            pause = self._backoff.next()
            if attempts and loop.time() + pause >= deadline:
                message = f"no connection to {self.address} for {patience:g} s ({attempts} attempts)"
                raise ConnectionLost(message, hint="see that the daemon runs")
            await asyncio.sleep(min(pause, patience))
            attempts += 1
            try:
                link = await self._open_link()
            except Exception as error:
                cause = error.__cause__ if isinstance(error, ConnectionFailed) and error.__cause__ else error
                if self.options.is_transient(cause):
                    continue
                if isinstance(error, OSError) and not isinstance(error, NexusError):
                    raise unreachable(self.address, error) from error
                raise
            self._adopt(link)
            self.reconnects += 1
            return link

    def _adopt(self, link: Link) -> None:
        self._link = link
        self._ready = link.ready

    def _settled(self, task: asyncio.Task[Link]) -> None:
        self._connecting = None
        if not task.cancelled():
            task.exception()  # those who waited have it; nobody may have
