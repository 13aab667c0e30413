"""From a request to the handler that serves it.

The registry joins each row of the method table to a handler. A plain function is called in place, which is right for
what is answered from memory; a coroutine function runs in a task of its own. Stream handlers are coroutine functions
that take the stream as third argument.
"""

from __future__ import annotations

import asyncio
import inspect
from collections.abc import Awaitable, Callable, Mapping
from typing import Any, Final, TypeAlias

import msgspec
from nexus_sdk.protocol.errors import (
    Draining,
    InvalidParams,
    InvalidRequest,
    MessageTooLarge,
    MethodNotFound,
    NexusError,
    ParseError,
    StreamNeedsWebsocket,
)
from nexus_sdk.protocol.methods import Method
from nexus_sdk.wire.messages import (
    MAX_MESSAGE,
    MessageError,
    MessageId,
    Notification,
    Request,
    decode_message,
    encode_error,
    encode_response,
)

from nexusd.wire.call import Call
from nexusd.wire.faults import as_error, deadline_exceeded, encode_fault
from nexusd.wire.stream import ServerStream

__all__ = ["Admit", "Dispatcher", "Handler", "Keyed", "Route"]

Handler: TypeAlias = Callable[..., Any]
"""`(call, params) -> result`, plain or coroutine function; `(call, params, stream)` for streams, coroutine only."""

Admit: TypeAlias = Callable[[Call], Awaitable[None] | None]
"""The gate: raises a NexusError to refuse the call. Returns None when it has decided, else something to await."""

Keyed: TypeAlias = Callable[[Call, Callable[[], Awaitable[Any]]], Awaitable[Any]]
"""Serves a call that carries a key: returns a stored outcome (a result, or `msgspec.Raw` as it was encoded), or runs
the call and stores what came of it."""

_NAME_SHOWN: Final = 64
_LAST_WORDS_S: Final = 1.0


class Route:
    """A method and its handler."""

    __slots__ = ("decode", "handler", "method", "plain")

    def __init__(self, method: Method, handler: Handler) -> None:
        self.method = method
        self.handler = handler
        self.decode: Callable[[msgspec.Raw], Any] = msgspec.json.Decoder(method.params).decode
        self.plain = not inspect.iscoroutinefunction(handler)
        """Whether the handler is a plain function."""


class Dispatcher:
    """The registry of handlers, shared by all connections.

    Args:
        methods: the method table.
        admit: the gate, asked once per call after its params were decoded; None admits all.
        keyed: serves calls that carry a key; None ignores keys.
        max_message: most bytes of one answer.
    """

    def __init__(
        self,
        methods: Mapping[str, Method],
        *,
        admit: Admit | None = None,
        keyed: Keyed | None = None,
        max_message: int = MAX_MESSAGE,
    ) -> None:
        self._methods = methods
        self._routes: dict[str, Route] = {}
        self._admit = admit
        self._keyed = keyed
        self._max_message = max_message
        self._tasks: set[asyncio.Task[Any]] = set()
        self._draining = False

    # --- registry -------------------------------------------------------------------------------------------------

    def register(self, name: str, handler: Handler) -> None:
        """Serve the method `name` with `handler`.

        Raises:
            LookupError: the method table has no such method for clients to call.
            ValueError: it has a handler already, or a stream's handler is not a coroutine function.
        """
        method = self._methods.get(name)
        if method is None or method.direction != "client":
            raise LookupError(f"no method {name} that clients call")
        if name in self._routes:
            raise ValueError(f"{name} has a handler already")
        route = Route(method, handler)
        if method.stream is not None and route.plain:
            raise ValueError(f"the handler of the stream {name} must be a coroutine function")
        self._routes[name] = route

    @property
    def unserved(self) -> tuple[str, ...]:
        """Names of the methods that clients may call and nobody serves, `$/cancel` and its like excepted."""
        wanted = (name for name, method in self._methods.items() if method.direction == "client")
        return tuple(sorted(name for name in wanted if not name.startswith("$/") and name not in self._routes))

    def route(self, name: str) -> Route:
        """Return the route of a method.

        Raises:
            MethodNotFound: nobody serves it. The hint lists its neighbours.
        """
        route = self._routes.get(name)
        if route is None:
            domain = name.partition(".")[0]
            neighbours = sorted(known for known in self._routes if known.partition(".")[0] == domain)
            hint = f"methods of `{domain}`: {', '.join(neighbours)}" if neighbours else None
            raise MethodNotFound(f"no method `{name[:_NAME_SHOWN]}`", hint=hint)
        return route

    # --- one call -------------------------------------------------------------------------------------------------

    def params(self, route: Route, raw: msgspec.Raw) -> Any:
        """Decode the params of a call.

        Raises:
            InvalidParams: a param is missing, unknown, of a wrong type or out of bounds.
            ParseError: a string in them is not text.
            InvalidRequest: they are nested too deeply.
        """
        try:
            return route.decode(raw)
        except msgspec.ValidationError as error:
            path, reason = _locate(str(error))
            message = f"{route.method.name}: {reason} at {path}"
            hint = f"docs/reference/{route.method.name.partition('.')[0]}.md lists the params of {route.method.name}"
            raise InvalidParams(message, hint=hint, path=path, reason=reason) from None
        except (msgspec.DecodeError, UnicodeError):
            raise ParseError(f"{route.method.name}: a string in the params is not valid Unicode") from None
        except RecursionError:
            raise InvalidRequest(f"{route.method.name}: the params are nested too deeply") from None

    def admission(self, call: Call) -> Awaitable[None] | None:
        """Ask the gate. Returns None when it admitted the call, else what `serve` must await first.

        Raises:
            NexusError: the gate refuses, or the daemon stops.
        """
        if self._draining:
            raise Draining(f"{call.method.name} was not started because the daemon stops")
        return None if self._admit is None else self._admit(call)

    def immediate(self, route: Route, call: Call, admission: Awaitable[None] | None) -> bool:
        """Whether the call can be served in place by calling its handler."""
        return route.plain and admission is None and (self._keyed is None or call.key is None)

    async def serve(
        self, route: Route, call: Call, admission: Awaitable[None] | None, stream: ServerStream | None = None
    ) -> Any:
        """Await the gate, look at the key, run the handler. Returns the result, raises what any of them raises."""
        if admission is not None:
            await admission
        if self._keyed is not None and call.key is not None:
            return await self._keyed(call, lambda: _run(route, call, stream))
        if stream is None and not route.plain:
            return await route.handler(call, call.params)
        return await _run(route, call, stream)

    def encode(self, call: Call, id: MessageId, result: object) -> bytes:
        """Encode the answer to a call.

        Raises:
            MessageTooLarge: it would not fit into one text frame.
        """
        answer = encode_response(id, result)
        if len(answer) > self._max_message:
            raise MessageTooLarge(
                f"the result of {call.method.name} has {len(answer)} bytes; a text frame has at most "
                f"{self._max_message}",
                may_have_run=not call.method.idempotent,
                limit="max_message",
                value=self._max_message,
            )
        return answer

    async def dispatch_one(self, body: bytes, identity: Any) -> bytes | None:
        """Serve one message that did not come by a connection: `POST /rpc`.

        A caller that goes away (cancels this) takes only idempotent calls with it; others run to their end, because a
        lost connection must not leave half a change behind.

        Returns:
            The answer; None for a notification.
        """
        try:
            message = decode_message(body, self._max_message)
        except MessageError as error:
            return encode_error(error.id, error.code, error.message, error.data)
        if isinstance(message, Notification):
            return None
        if not isinstance(message, Request):
            return encode_fault(None, InvalidRequest("nothing was asked, so there is nothing to respond to"))
        method: Method | None = None
        try:
            route = self.route(message.method)
            method = route.method
            if method.stream is not None:
                raise StreamNeedsWebsocket(f"{method.name} is a stream")
            call = Call(message.id, method, self.params(route, message.params), identity)
            return self.encode(call, message.id, await self._finish(route, call))
        except (Exception, BaseExceptionGroup) as error:
            return encode_fault(message.id, as_error(error, method))

    async def _finish(self, route: Route, call: Call) -> Any:
        admission = self.admission(call)
        if self.immediate(route, call, admission):
            return route.handler(call, call.params)
        task = asyncio.get_running_loop().create_task(self.serve(route, call, admission))
        self.keep(task)
        timeout_ms = call.method.timeout_ms
        try:
            done, _ = await asyncio.wait((task,), timeout=None if timeout_ms is None else timeout_ms / 1000)
        except asyncio.CancelledError:
            if call.method.idempotent:
                call.interruption = "lost"
                task.cancel()
            raise
        if not done:
            call.interruption = "deadline"
            task.cancel()
            raise deadline_exceeded(call.method)
        try:
            return task.result()
        except asyncio.CancelledError as error:
            raise self.stopped(call, error) from None

    # --- what outlives its connection -----------------------------------------------------------------------------

    def keep(self, task: asyncio.Task[Any]) -> None:
        """Hold on to a task until it ends: a call may outlive the connection it came by."""
        self._tasks.add(task)
        task.add_done_callback(self._forget)

    def hold(self, task: asyncio.Task[None]) -> None:
        """Hold on to a task that never raises and lets go by itself, with `release`; cheaper than `keep`."""
        self._tasks.add(task)

    def release(self, task: asyncio.Task[None] | None) -> None:
        """Let go of a task that is about to end."""
        if task is not None:
            self._tasks.discard(task)

    @property
    def running(self) -> int:
        """How many calls are being served in tasks."""
        return len(self._tasks)

    def stopped(self, call: Call, error: BaseException) -> NexusError:
        """The error of a call whose handler was cancelled, but not on behalf of its caller."""
        if self._draining:
            return Draining(f"{call.method.name} was ended because the daemon stops", may_have_run=True)
        return as_error(error, call.method)

    async def drain(self, timeout_s: float) -> int:
        """Take no more calls, wait for those being served, then cancel what is left.

        Args:
            timeout_s: how long to wait before cancelling, in seconds; what was cancelled gets one second more.

        Returns:
            How many calls had to be cancelled.
        """
        self._draining = True
        tasks = tuple(self._tasks)
        if not tasks:
            return 0
        # a task that never had its first turn could not answer when it is cancelled
        await asyncio.sleep(0)
        _, pending = await asyncio.wait(tasks, timeout=timeout_s)
        for task in pending:
            task.cancel()
        if pending:
            await asyncio.wait(pending, timeout=_LAST_WORDS_S)
        return len(pending)

    def _forget(self, task: asyncio.Task[Any]) -> None:
        self._tasks.discard(task)
        # a result nobody waits for any more: look at its exception, or asyncio would complain that nobody did
        if not task.cancelled():
            task.exception()


async def _run(route: Route, call: Call, stream: ServerStream | None) -> Any:
    if stream is not None:
        result = await route.handler(call, call.params, stream)
        if not stream.opened:
            await stream.open()
        return result
    if route.plain:
        return route.handler(call, call.params)
    return await route.handler(call, call.params)


_MISSING: Final = "Object missing required field `"
_UNKNOWN: Final = "Object contains unknown field `"


def _locate(message: str) -> tuple[str, str]:
    """Split msgspec's message into the offending path and the reason."""
    reason, _, path = message.partition(" - at `")
    path = path.rstrip("`") or "$"
    for start, text in ((_MISSING, "missing"), (_UNKNOWN, "unknown")):
        if reason.startswith(start):
            return f"{path}.{reason[len(start) : -1][:_NAME_SHOWN]}", text
    return path, reason
