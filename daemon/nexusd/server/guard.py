"""Host and Origin: is this request meant for us, and does it come from a page we trust?

Every route passes here, loopback included. A page that had its own name resolve to 127.0.0.1 still sends that name as
Host; a page of another site that opens a WebSocket to us still sends its own Origin. Both are refused, by equality with
what is known to be ours.
"""

from __future__ import annotations

import ipaddress
import re
from collections.abc import Iterable
from http import HTTPStatus
from typing import Final

from nexusd.server.head import Head, Refused

__all__ = ["Guard", "is_loopback_name"]

_HOST: Final = re.compile(r"(?P<name>\[[0-9a-f:.]+\]|[a-z0-9._-]+)(?::(?P<port>[0-9]{1,5}))?\Z")
_ORIGIN: Final = re.compile(r"(?P<scheme>https?)://(?P<host>[^/?#@\\]+)\Z")
_LOOPBACK: Final = frozenset(("localhost", "127.0.0.1", "[::1]"))
_IN_URL: Final = frozenset(("token", "access_token", "bearer", "authorization"))
_DEFAULT_PORTS: Final = {"http": 80, "https": 443}


def is_loopback_name(host: str | None) -> bool:
    """Whether a Host header names this machine's loopback, with whatever port."""
    found = _HOST.match((host or "").lower())
    return found is not None and found["name"] in _LOOPBACK


class Guard:
    """Checks where requests are addressed to and come from.

    Loopback names and the address that the client connected to are ours, with any port. A page is ours when its origin
    is the host and port that it calls.

    Args:
        allowed_hosts: further names that are ours, ``name`` (with any port) or ``name:port``.
        allowed_origins: pages of other origins that may call us, ``scheme://host[:port]``.

    Raises:
        ValueError: an entry has another form; the message quotes it.
    """

    def __init__(self, allowed_hosts: Iterable[str] = (), allowed_origins: Iterable[str] = ()) -> None:
        self._hosts: set[tuple[str, int | None]] = set()
        for entry in allowed_hosts:
            found = _HOST.match(entry.lower())
            if found is None:
                raise ValueError(f"{entry!r} is no host; write a name or an address, with or without a port")
            self._hosts.add((found["name"], int(found["port"]) if found["port"] else None))
        self._origins: set[str] = set()
        for entry in allowed_origins:
            if _ORIGIN.match(entry.lower()) is None:
                raise ValueError(f"{entry!r} is no origin; write scheme://host or scheme://host:port")
            self._origins.add(entry.lower())

    def check(self, head: Head) -> None:
        """Let a request pass, or raise.

        Raises:
            Refused: foreign Host or Origin, or a token in the URL, where logs and browsers keep it.
        """
        if head.peer.listener == "tcp":
            self._check_host(head)
        self._check_origin(head)
        if head.query and any(name.lower() in _IN_URL for name, _ in head.parameters()):
            raise Refused(
                HTTPStatus.BAD_REQUEST,
                "token_in_url",
                "a token must not be in the URL",
                "Send it in the Authorization header, or as the subprotocol nexus.bearer.<base64url token>.",
            )

    def _check_host(self, head: Head) -> None:
        hosts = head.all("host")
        if len(hosts) == 1:
            found = _HOST.match(hosts[0].lower())
            if found is not None and self._may_be_called(found["name"], found["port"], head):
                return
        raise Refused(
            HTTPStatus.MISDIRECTED_REQUEST,
            "host_refused",
            "the Host header does not name this daemon",
            "Use a loopback name, or add the name to daemon.allowed_hosts.",
        )

    def _check_origin(self, head: Head) -> None:
        origins = head.all("origin")
        if not origins:
            return
        if len(origins) == 1:
            origin = origins[0].lower()
            if origin in self._origins:
                return
            found = _ORIGIN.match(origin)
            if found is not None and head.peer.listener == "tcp" and self._is_our_page(found, head):
                return
        raise Refused(
            HTTPStatus.FORBIDDEN,
            "origin_refused",
            "pages of this origin may not call the daemon",
            "Add the origin to daemon.allowed_origins if you trust it.",
        )

    def _may_be_called(self, name: str, port: str | None, head: Head) -> bool:
        """Whether a Host means us. A loopback name may come with any port: it is what a forwarded port looks like, and
        no page can make its own name resolve to one."""
        if (name, None) in self._hosts or (name, int(port) if port else _default_port(head)) in self._hosts:
            return True
        return name in _LOOPBACK or _same_address(name, head.peer.local)

    def _is_our_page(self, origin: re.Match[str], head: Head) -> bool:
        """Whether a page of this origin is one of ours: the very host and port that are being called, no other port of
        this machine, where anybody's server may run."""
        found = _HOST.match(origin["host"])
        called = _HOST.match((head.one("host") or "").lower())
        if found is None or called is None:
            return False
        port = int(found["port"]) if found["port"] else _DEFAULT_PORTS[origin["scheme"]]
        if (found["name"], port) == (called["name"], int(called["port"]) if called["port"] else _default_port(head)):
            return True
        return port == head.peer.port and (found["name"] in _LOOPBACK or _same_address(found["name"], head.peer.local))


def _default_port(head: Head) -> int:
    return _DEFAULT_PORTS["https" if head.peer.secure else "http"]


def _same_address(name: str, local: str | None) -> bool:
    # only ever an address: a name that resolves to it is what a rebinding page would send
    try:
        return local is not None and ipaddress.ip_address(name.strip("[]")) == ipaddress.ip_address(local)
    except ValueError:
        return False
