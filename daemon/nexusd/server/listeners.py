"""The sockets we listen on: TCP, Unix, or those that the service manager opened for us."""

from __future__ import annotations

import errno
import fcntl
import os
import socket
import stat
from collections.abc import Mapping, MutableMapping
from dataclasses import dataclass
from pathlib import Path
from typing import Final, Literal

__all__ = ["BACKLOG", "BindProblem", "Listener", "PortTaken", "activated", "bind_tcp", "bind_unix"]

BACKLOG: Final = 2048
"""Connections that may wait to be accepted; the kernel lowers it to its own maximum."""

_FIRST_FD: Final = 3


class BindProblem(Exception):
    """We cannot listen there; the message says where and why, `hint` what to do.

    Attributes:
        hint: what to do about it.
    """

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.hint = hint


class PortTaken(BindProblem):
    """Another program listens on the port."""


@dataclass(slots=True)
class Listener:
    """A listening socket.

    Attributes:
        kind: what it is.
        socket: the socket.
        path: where a Unix socket is; None for TCP.
        ours: whether we made it, and so remove its path in the end.
        lock: an open file that is locked while a Unix socket of ours lives.
    """

    kind: Literal["tcp", "unix"]
    socket: socket.socket
    path: Path | None = None
    ours: bool = True
    lock: int | None = None
    _closed: bool = False

    @property
    def address(self) -> str:
        """Where it can be reached, as a URL."""
        if self.kind == "unix":
            return f"unix:{self.path or self.socket.getsockname()}"
        host, port = self.socket.getsockname()[:2]
        return f"http://[{host}]:{port}" if ":" in host else f"http://{host}:{port}"

    @property
    def port(self) -> int:
        """Its TCP port; 0 for a Unix socket."""
        return int(self.socket.getsockname()[1]) if self.kind == "tcp" else 0

    def close(self) -> None:
        """Stop to listen, and remove what we made. Again: nothing happens."""
        if self._closed:
            return
        self._closed = True
        if self.path is not None and self.ours and self.lock is not None:
            self.path.unlink(missing_ok=True)
        self.socket.close()
        if self.lock is not None:
            os.close(self.lock)


def bind_tcp(host: str, port: int) -> list[Listener]:
    """Listen on a TCP port, on every address that `host` stands for.

    Args:
        host: an address or a name; empty for every address of the machine.
        port: 0 lets the system choose, the same for all addresses where that can be had.

    Raises:
        PortTaken: another program has the port.
        BindProblem: we may not have it, or there is no such address.
    """
    try:
        found = socket.getaddrinfo(host or None, port, type=socket.SOCK_STREAM, flags=socket.AI_PASSIVE)
    except (socket.gaierror, UnicodeError) as error:
        raise BindProblem(
            f"{host!r} is no address of this machine: {error}", "Set daemon.host to an address of this machine."
        ) from None
    listeners: list[Listener] = []
    try:
        for family, kind, proto, _, address in dict.fromkeys(found):
            chosen = listeners[0].port if listeners and port == 0 else port
            sock = _bind_one(family, kind, proto, (address[0], chosen, *address[2:]))
            if sock is not None:
                listeners.append(Listener("tcp", sock))
    except BindProblem:
        for listener in listeners:
            listener.close()
        raise
    if not listeners:
        raise BindProblem(f"no address of {host!r} is available", "Set daemon.host to an address of this machine.")
    return listeners


def _bind_one(family: int, kind: int, proto: int, address: tuple[object, ...]) -> socket.socket | None:
    try:
        sock = socket.socket(family, kind, proto)
    except OSError:
        return None  # a kernel without this address family
    try:
        sock.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        if family == socket.AF_INET6:
            sock.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_V6ONLY, 1)
        sock.bind(address)
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        if error.errno == errno.EADDRNOTAVAIL and family == socket.AF_INET6:
            return None  # "localhost" stands for ::1, too, where IPv6 is switched off
        raise _problem(error, f"{address[0]} port {address[1]}", address[1]) from None
    return sock


def _problem(error: OSError, where: str, port: object) -> BindProblem:
    if error.errno == errno.EADDRINUSE:
        return PortTaken(
            f"cannot listen on {where}: something else does",
            f"Stop it (`ss -ltnp 'sport = :{port}'` shows it), or choose another daemon.port; 0 takes any.",
        )
    if error.errno in (errno.EACCES, errno.EPERM):
        return BindProblem(
            f"cannot listen on {where}: not permitted",
            "Choose a daemon.port from 1024 on, or grant CAP_NET_BIND_SERVICE.",
        )
    return BindProblem(f"cannot listen on {where}: {error.strerror}", "Set daemon.host to an address of this machine.")


def bind_unix(path: Path) -> Listener:
    """Listen on a Unix socket that only its owner can reach.

    The directory is made with mode 0700 if it is missing, the socket has mode 0600. What a daemon that was killed left
    behind is replaced; a lock beside the socket tells the two cases apart, and no two daemons that start together can
    both take the path.

    Raises:
        BindProblem: another daemon listens there, or the place is not ours alone.
    """
    if len(os.fsencode(path)) > 107:
        raise BindProblem(
            f"the path of the socket has {len(os.fsencode(path))} bytes: {path}",
            "A Unix socket's path has at most 107.",
        )
    try:
        path.parent.mkdir(mode=0o700, parents=True, exist_ok=True)
        folder = path.parent.stat()
        if folder.st_uid != os.geteuid() or folder.st_mode & 0o022:
            raise BindProblem(f"others can write to {path.parent}", f"chown it to yourself and chmod 700 {path.parent}")
        lock = os.open(f"{path}.lock", os.O_RDWR | os.O_CREAT | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    except OSError as error:
        raise BindProblem(
            f"cannot make {path}: {error.strerror}", "Set daemon.socket to a place of your own."
        ) from None
    try:
        try:
            fcntl.flock(lock, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except OSError:
            holder = os.pread(lock, 32, 0).decode("ascii", "replace").strip()
            raise _running(path, holder) from None
        _clear(path)
        os.ftruncate(lock, 0)
        os.pwrite(lock, f"{os.getpid()}\n".encode(), 0)
        return Listener("unix", _listen_unix(path), path, lock=lock)
    except BaseException:
        os.close(lock)
        raise


def _running(path: Path, pid: str) -> BindProblem:
    who = f"another nexusd is running (pid {pid})" if pid.isdecimal() else "another nexusd is running"
    return BindProblem(f"{who} and listens on {path}", "Stop it, or use another NEXUS_HOME.")


def _clear(path: Path) -> None:
    """Remove a socket that nobody listens on."""
    try:
        status = path.stat(follow_symlinks=False)
    except FileNotFoundError:
        return
    if not stat.S_ISSOCK(status.st_mode):
        raise BindProblem(f"{path} is there and is no socket", "Move it away, or set daemon.socket to another place.")
    with socket.socket(socket.AF_UNIX, socket.SOCK_STREAM) as probe:
        probe.settimeout(1.0)
        try:
            probe.connect(str(path))
        except (ConnectionRefusedError, FileNotFoundError):
            path.unlink(missing_ok=True)
            return
        except OSError as error:
            raise BindProblem(f"{path} cannot be examined: {error}", "Remove it if no nexusd is running.") from None
    raise _running(path, "")


def _listen_unix(path: Path) -> socket.socket:
    sock = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    mask = os.umask(0o177)
    try:
        sock.bind(str(path))
        sock.listen(BACKLOG)
        sock.setblocking(False)
    except OSError as error:
        sock.close()
        raise BindProblem(f"cannot listen on {path}: {error.strerror}", "Set daemon.socket to another place.") from None
    finally:
        os.umask(mask)
    return sock


def activated(environ: MutableMapping[str, str] | Mapping[str, str] = os.environ) -> list[Listener]:
    """The sockets that systemd opened for us (``LISTEN_PID``, ``LISTEN_FDS``); none if it did not.

    Raises:
        BindProblem: a descriptor is no listening stream socket.
    """
    count = environ.get("LISTEN_FDS", "")
    if environ.get("LISTEN_PID") != str(os.getpid()) or not count.isdecimal():
        return []
    listeners = []
    for descriptor in range(_FIRST_FD, _FIRST_FD + int(count)):
        try:
            os.set_inheritable(descriptor, False)
            sock = socket.socket(fileno=descriptor)
            listens = sock.getsockopt(socket.SOL_SOCKET, socket.SO_ACCEPTCONN)
        except OSError as error:
            raise BindProblem(f"descriptor {descriptor} of LISTEN_FDS is no socket: {error.strerror}", _UNIT) from None
        if sock.type != socket.SOCK_STREAM or not listens:
            raise BindProblem(f"descriptor {descriptor} of LISTEN_FDS does not listen for streams", _UNIT)
        sock.setblocking(False)
        if sock.family == socket.AF_UNIX:
            listeners.append(Listener("unix", sock, Path(sock.getsockname()), ours=False))
        else:
            listeners.append(Listener("tcp", sock, ours=False))
    return listeners


_UNIT: Final = "Use ListenStream= in the socket unit."
