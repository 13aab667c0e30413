"""Everything over HTTP that is not a WebSocket: an ASGI application of few routes, none of which escapes the guard."""

from __future__ import annotations

import logging
import secrets
from collections.abc import Awaitable, Callable, MutableMapping, Sequence
from dataclasses import dataclass
from http import HTTPStatus
from typing import Any
from urllib.parse import unquote_to_bytes

from nexus_sdk.protocol.errors import NexusError

from nexusd.server.exchange import Exchange, Gone
from nexusd.server.guard import Guard
from nexusd.server.head import Head, Refused
from nexusd.server.peers import Peer
from nexusd.server.replies import as_refused

__all__ = ["App", "Route"]

_log = logging.getLogger("nexusd.server")

Handler = Callable[[Exchange], Awaitable[None]]
Message = MutableMapping[str, Any]


@dataclass(frozen=True, slots=True)
class Route:
    """A path and what answers there.

    Attributes:
        path: the path; with a slash at its end, everything below it.
        methods: the handler of each HTTP method.
    """

    path: str
    methods: dict[str, Handler]

    def matches(self, path: str) -> bool:
        """Whether this route answers `path`."""
        return path == self.path or (len(self.path) > 1 and self.path.endswith("/") and path.startswith(self.path))


class App:
    """The ASGI application.

    Args:
        routes: what there is, in order of precedence.
        guard: asked before a route is even looked for.
    """

    def __init__(self, routes: Sequence[Route], guard: Guard) -> None:
        self.routes = tuple(routes)
        self._guard = guard

    async def __call__(
        self,
        scope: MutableMapping[str, Any],
        receive: Callable[[], Awaitable[Message]],
        send: Callable[[Message], Awaitable[None]],
    ) -> None:
        """Answer one request."""
        exchange = Exchange(_head_of(scope), receive, send)
        try:
            try:
                _check_path(scope)
                await self._answer(exchange)
            except (Refused, NexusError) as error:
                if exchange.started:
                    _log.warning("an answer could not be finished: %s", error)
                    raise Gone from None
                await exchange.refuse(error if isinstance(error, Refused) else as_refused(error))
        except Gone:
            _drop(scope)
        except Exception:
            incident = secrets.token_hex(6)
            _log.exception("%s failed (incident %s)", exchange.head.method, incident)
            if exchange.started:
                _drop(scope)
                return
            refused = Refused(
                HTTPStatus.INTERNAL_SERVER_ERROR,
                "internal_error",
                f"internal error; incident {incident}",
                "Look for the incident in the daemon's log.",
            )
            await exchange.refuse(refused)

    async def _answer(self, exchange: Exchange) -> None:
        head = exchange.head
        self._guard.check(head)
        for route in self.routes:
            if route.matches(head.path):
                handler = route.methods.get(head.method)
                if handler is None:
                    raise Refused(
                        HTTPStatus.METHOD_NOT_ALLOWED,
                        "method_not_allowed",
                        f"{head.method} does not work here",
                        headers=[("allow", ", ".join(sorted(route.methods)))],
                    )
                await handler(exchange)
                return
        raise Refused(HTTPStatus.NOT_FOUND, "not_found", "nothing is here", "The root path lists what there is.")


def _check_path(scope: MutableMapping[str, Any]) -> None:
    # uvicorn decodes leniently: what is no UTF-8 would quietly become the name of another file
    if "\ufffd" in scope["path"]:
        try:
            unquote_to_bytes(scope["raw_path"]).decode()
        except UnicodeDecodeError:
            raise Refused(HTTPStatus.BAD_REQUEST, "path_invalid", "the path is not UTF-8") from None


def _head_of(scope: MutableMapping[str, Any]) -> Head:
    peer: Peer = scope["state"]["peer"]
    headers = [(name.decode("latin-1"), value.decode("latin-1")) for name, value in scope["headers"]]
    return Head(scope["method"], scope["path"], scope["query_string"].decode("latin-1"), headers, peer)


def _drop(scope: MutableMapping[str, Any]) -> None:
    """Cut a connection whose answer cannot be finished: a half answer must not look like a whole one."""
    peer: Peer = scope["state"]["peer"]
    if peer.transport is not None:
        peer.transport.abort()
