"""The small pages: what this is, whether it lives, what it counts, what it speaks."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from dataclasses import dataclass
from http import HTTPStatus

from nexus_sdk.protocol import types
from nexus_sdk.protocol.methods import LEVEL, METHODS

from nexusd.auth.gate import Gate
from nexusd.server.app import Route
from nexusd.server.authenticate import Authenticator
from nexusd.server.exchange import Exchange
from nexusd.server.guard import is_loopback_name
from nexusd.server.head import Head, Refused
from nexusd.server.replies import JSON
from nexusd.wire.call import Call

__all__ = ["Pages", "Probes"]


@dataclass(frozen=True, slots=True)
class Probes:
    """How the daemon says how it is.

    Attributes:
        started: whether it has finished to start.
        ready: whether it takes work, and why not if it does not.
    """

    started: Callable[[], bool]
    ready: Callable[[], tuple[bool, str] | Awaitable[tuple[bool, str]]]


class Pages:
    """The handlers.

    Args:
        version: the daemon's version.
        probes: how the daemon is.
        metrics: renders the metrics in Prometheus' text format.
        openrpc: the schema as an OpenRPC document, encoded; called on each request.
        gate: decides who may see the metrics from elsewhere.
        authenticator: establishes identities.
    """

    def __init__(
        self,
        *,
        version: str,
        probes: Probes,
        metrics: Callable[[], bytes],
        openrpc: Callable[[], bytes],
        gate: Gate,
        authenticator: Authenticator,
    ) -> None:
        self._version = version
        self._probes = probes
        self._metrics = metrics
        self._openrpc = openrpc
        self._gate = gate
        self._authenticator = authenticator

    def routes(self) -> list[Route]:
        """Where they are."""
        pages = {
            "/": self.root,
            "/health/live": self.live,
            "/health/ready": self.ready,
            "/health/startup": self.startup,
            "/metrics": self.metrics,
            "/openrpc.json": self.openrpc,
        }
        return [Route(path, {"GET": handler, "HEAD": handler}) for path, handler in pages.items()]

    async def root(self, exchange: Exchange) -> None:
        """What this is."""
        endpoints = ["/rpc", "/files/{workspace}/{path}", "/openrpc.json", "/health/live", "/health/ready", "/metrics"]
        await exchange.json({"name": "nexusd", "version": self._version, "level": LEVEL, "endpoints": endpoints})

    async def live(self, exchange: Exchange) -> None:
        """The event loop turns, or nobody would answer."""
        await exchange.json({"status": "ok"})

    async def startup(self, exchange: Exchange) -> None:
        """Whether the start is over."""
        await self._health(exchange, self._probes.started(), "starting")

    async def ready(self, exchange: Exchange) -> None:
        """Whether work is taken."""
        state = self._probes.ready()
        ok, reason = state if isinstance(state, tuple) else await state
        await self._health(exchange, ok, reason)

    async def metrics(self, exchange: Exchange) -> None:
        """Counters: for the local machine as it is, for others by their scope."""
        if not _local(exchange.head):
            identity = self._authenticator.identify(exchange.head)
            # the same right as for what it counts: everybody's connections, processes and workspaces
            decision = self._gate.admit(Call(None, METHODS["system.info"], types.NoParams(), identity))
            if decision is not None:
                await decision
        await exchange.reply(
            HTTPStatus.OK, self._metrics(), [("content-type", "text/plain; version=0.0.4; charset=utf-8")]
        )

    async def openrpc(self, exchange: Exchange) -> None:
        """The schema. It is public: nothing in it is of this installation."""
        await exchange.reply(HTTPStatus.OK, self._openrpc(), [("content-type", JSON)])

    async def _health(self, exchange: Exchange, ok: bool, reason: str) -> None:
        if ok:
            await exchange.json({"status": "ok"})
        else:
            raise Refused(HTTPStatus.SERVICE_UNAVAILABLE, "not_ready", reason, headers=[("retry-after", "1")])


def _local(head: Head) -> bool:
    # a proxy on this machine connects by loopback, too, but on behalf of somebody who knows us by another name
    address = head.peer.address
    loopback = address is not None and (address == "::1" or address.startswith("127."))
    return loopback and is_loopback_name(head.one("host")) and not head.all("x-forwarded-for") + head.all("forwarded")
