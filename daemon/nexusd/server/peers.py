"""Who is connected, and how many at once.

A socket that has not shown an identity yet costs memory and gives nothing, so each address may hold only so many of
them; further ones are accepted but not read until one of the others has been admitted or is gone, and past a multiple
of that they are refused. Unix sockets are exempt: the kernel already said who they are.
"""

from __future__ import annotations

import asyncio
import socket
from collections import deque
from collections.abc import Callable
from typing import Any, Final, Literal

from nexusd.auth.peer import PeerCredentials, peer_credentials

__all__ = ["Peer", "Ticket", "Turnstile"]

_WAITING_FACTOR: Final = 16


class Ticket:
    """One connection's place. `admitted` and `left` may each be called any number of times."""

    __slots__ = ("_address", "_counted", "_proceed", "_turnstile", "waiting")

    def __init__(self, turnstile: Turnstile, address: str | None, proceed: Callable[[], None]) -> None:
        self._turnstile: Turnstile | None = turnstile
        self._address = address
        self._proceed: Callable[[], None] | None = proceed
        self._counted = False
        self.waiting = False

    def admitted(self) -> None:
        """It has shown an identity: its place among the strangers is free."""
        if self._turnstile is not None and self._address is not None:
            self._turnstile._settle(self, self._address)
            self._address = None
        self._proceed = None

    def left(self) -> None:
        """It is closed."""
        if self._turnstile is not None:
            self.admitted()
            self._turnstile._inside -= 1
            self._turnstile = None


class Turnstile:
    """Counts connections.

    Args:
        max_connections: most connections in all.
        per_address: most connections without an identity that one address has read from.
    """

    def __init__(self, *, max_connections: int = 20_000, per_address: int = 64) -> None:
        self._max = max_connections
        self._per_address = per_address
        self._inside = 0
        self._strangers: dict[str, int] = {}
        self._queues: dict[str, deque[Ticket]] = {}

    @property
    def inside(self) -> int:
        """How many connections there are."""
        return self._inside

    def enter(self, address: str | None, proceed: Callable[[], None]) -> Ticket | None:
        """Let a connection in.

        Args:
            address: where it comes from; None is not counted by address.
            proceed: called when a ticket that was `waiting` need not wait any longer.

        Returns:
            Its ticket; None if it must be closed at once.
        """
        if self._inside >= self._max:
            return None
        ticket = Ticket(self, address, proceed)
        if address is not None:
            if self._strangers.get(address, 0) >= self._per_address:
                queue = self._queues.setdefault(address, deque())
                if len(queue) >= self._per_address * _WAITING_FACTOR:
                    return None
                queue.append(ticket)
                ticket.waiting = True
            else:
                self._count(ticket, address)
        self._inside += 1
        return ticket

    def _count(self, ticket: Ticket, address: str) -> None:
        self._strangers[address] = self._strangers.get(address, 0) + 1
        ticket._counted = True

    def _settle(self, ticket: Ticket, address: str) -> None:
        queue = self._queues.get(address)
        if not ticket._counted:
            ticket.waiting = False
            if queue is not None and ticket in queue:
                queue.remove(ticket)
        else:
            ticket._counted = False
            left = self._strangers[address] - 1
            if left:
                self._strangers[address] = left
            else:
                del self._strangers[address]
            if queue:
                following = queue.popleft()
                following.waiting = False
                self._count(following, address)
                if following._proceed is not None:
                    following._proceed()
        if queue is not None and not queue:
            self._queues.pop(address, None)


class Peer:
    """The other end of one TCP or Unix connection.

    Attributes:
        listener: by which kind of socket it came.
        address: its IP address; None on the Unix socket.
        local: the IP address it connected to; None on the Unix socket.
        port: the port it connected to; 0 on the Unix socket.
        secure: whether TLS is in use.
        credentials: who the kernel says it is; None over TCP, or if the kernel does not know.
        ticket: its place.
        transport: the connection itself.
    """

    __slots__ = ("address", "credentials", "listener", "local", "port", "secure", "ticket", "transport")

    def __init__(
        self,
        listener: Literal["tcp", "unix"],
        *,
        address: str | None = None,
        local: str | None = None,
        port: int = 0,
        secure: bool = False,
        credentials: PeerCredentials | None = None,
    ) -> None:
        self.listener = listener
        self.address = address
        self.local = local
        self.port = port
        self.secure = secure
        self.credentials = credentials
        self.ticket: Ticket | None = None
        self.transport: asyncio.Transport | None = None

    @classmethod
    def of(cls, transport: asyncio.BaseTransport) -> Peer:
        """The peer of a connected transport."""
        sock: Any = transport.get_extra_info("socket")
        if sock.family == socket.AF_UNIX:
            try:
                return cls("unix", credentials=peer_credentials(sock))
            except OSError:
                return cls("unix")
        remote = transport.get_extra_info("peername") or ("", 0)
        local = transport.get_extra_info("sockname") or ("", 0)
        return cls(
            "tcp",
            address=_plain(remote[0]),
            local=_plain(local[0]),
            port=local[1],
            secure=transport.get_extra_info("sslcontext") is not None,
        )

    def __str__(self) -> str:
        if self.listener == "tcp":
            return str(self.address)
        return f"uid:{self.credentials.uid}" if self.credentials is not None else "unix"


def _plain(address: str) -> str:
    """An address without zone, and without the prefix that a dual-stack socket gives IPv4 addresses."""
    address = address.partition("%")[0]
    return address[7:] if address.startswith("::ffff:") and "." in address else address
