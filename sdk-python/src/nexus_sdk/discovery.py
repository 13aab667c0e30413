"""Where the daemon is, and who we are to it.

An explicit URL and token come first, then `NEXUS_URL` and `NEXUS_TOKEN`, then the Unix socket
`$NEXUS_HOME/run/nexusd.sock`, where the operating system vouches for the user and no token is needed.
"""

from __future__ import annotations

import os
from collections.abc import Awaitable, Callable, Mapping
from pathlib import Path
from typing import NamedTuple, TypeAlias
from urllib.parse import urlsplit

from nexus_sdk.exceptions import ConnectionFailed, DaemonNotFound

__all__ = ["Address", "Token", "default_home", "discover"]

Token: TypeAlias = str | Callable[[], str | Awaitable[str]]
"""A token, or a function that returns a fresh one each time a connection is made; it may be asynchronous."""

_SCHEMES = {"ws": "ws", "wss": "wss", "http": "ws", "https": "wss"}
_LOOPBACK = frozenset(("localhost", "127.0.0.1", "::1"))


class Address(NamedTuple):
    """Where to connect to."""

    url: str
    """WebSocket URL of the endpoint, without credentials."""
    socket: str | None = None
    """Path of the Unix socket; None for TCP."""
    token: Token | None = None
    """The token to present; None on a Unix socket."""

    def __repr__(self) -> str:
        return f"Address({self})"

    def __str__(self) -> str:
        return f"unix:{self.socket}" if self.socket is not None else self.url

    @property
    def loopback(self) -> bool:
        """Whether the connection stays on this machine."""
        return self.socket is not None or urlsplit(self.url).hostname in _LOOPBACK


def default_home(environ: Mapping[str, str] | None = None) -> Path:
    """Return `$NEXUS_HOME`, or `~/.nexus` when it is not set."""
    values = os.environ if environ is None else environ
    home = values.get("NEXUS_HOME")
    return Path(home).expanduser() if home else Path("~/.nexus").expanduser()


def discover(
    url: str | None = None, token: Token | None = None, *, environ: Mapping[str, str] | None = None
) -> Address:
    """Return where the daemon is.

    Args:
        url: `ws://`, `wss://`, `http://` or `https://`, path `/rpc` unless it has one; or `unix:<path>`. None looks
            further: `NEXUS_URL`, then the socket below `NEXUS_HOME`.
        token: the token, or what returns one. None takes `NEXUS_TOKEN`, which is never sent to a Unix socket.
        environ: the environment; None takes the process's own.

    Raises:
        ConnectionFailed: the URL cannot be used.
        DaemonNotFound: no URL was given, and there is no socket.
    """
    values = os.environ if environ is None else environ
    given = url or values.get("NEXUS_URL")
    if not given:
        socket = default_home(values) / "run" / "nexusd.sock"
        if not socket.exists():
            raise DaemonNotFound(f"no daemon found: NEXUS_URL is not set and there is no socket at {socket}")
        return Address("ws://localhost/rpc", str(socket), token)
    if given.startswith("unix:"):
        path = given[len("unix:") :]
        if path.startswith("//"):
            path = path[2:]
        if not path.startswith("/"):
            raise ConnectionFailed(
                f"the URL {given!r} names no absolute socket path", hint="write unix:/run/user/1000/nexusd.sock"
            )
        return Address("ws://localhost/rpc", path, token)
    return Address(_endpoint(given), None, token or values.get("NEXUS_TOKEN") or None)


def _endpoint(url: str) -> str:
    parts = urlsplit(url)
    try:
        host, port = parts.hostname, parts.port
    except ValueError:
        host = port = None
    # the message must not repeat what may be a credential
    if parts.username is not None or parts.query or parts.fragment:
        raise ConnectionFailed(
            "the daemon's URL holds credentials, a query or a fragment", hint="pass the token as token= or NEXUS_TOKEN"
        )
    scheme = _SCHEMES.get(parts.scheme)
    if scheme is None or not host:
        raise ConnectionFailed(
            f"{url!r} is not a URL of a daemon", hint="write http://host:port, wss://host/rpc or unix:/path"
        )
    name = f"[{host}]" if ":" in host else host
    path = parts.path if parts.path not in ("", "/") else "/rpc"
    return f"{scheme}://{name}{'' if port is None else f':{port}'}{path}"
