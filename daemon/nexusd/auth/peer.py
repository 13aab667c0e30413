"""The identity of whoever is at the other end of a Unix socket, as the kernel vouches for it."""

from __future__ import annotations

import os
import socket
import struct
import sys
from dataclasses import dataclass

from nexus_sdk.protocol.errors import Unauthenticated

from nexusd.auth.identity import Identity

__all__ = ["PeerCredentials", "peer_credentials", "peer_identity"]

_UCRED = struct.Struct("3i")
_XUCRED = struct.Struct("@IIh16I")
_LOCAL_PEERCRED = 1
_SOL_LOCAL = 0


@dataclass(frozen=True, slots=True)
class PeerCredentials:
    """Who connected, at the time of connecting. `pid` is None where the system does not tell it."""

    uid: int
    gid: int
    pid: int | None


def peer_credentials(sock: socket.socket) -> PeerCredentials:
    """Ask the kernel who is at the other end of a connected Unix socket.

    Args:
        sock: anything with `getsockopt`, connected.

    Raises:
        OSError: the kernel does not know, or the socket is not a Unix socket.
    """
    if sys.platform == "linux":
        pid, uid, gid = _UCRED.unpack(sock.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, _UCRED.size))
        if pid == 0:
            raise OSError("the peer is not in this PID namespace or not a Unix socket's")
        return PeerCredentials(uid, gid, pid)
    fields = _XUCRED.unpack(sock.getsockopt(_SOL_LOCAL, _LOCAL_PEERCRED, _XUCRED.size))
    return PeerCredentials(fields[1], fields[3], None)


def peer_identity(credentials: PeerCredentials, *, trust: bool, uid: int | None = None) -> Identity:
    """The identity of a peer: everything for the daemon's own user and for root, nothing for anybody else.

    Args:
        credentials: what the kernel said.
        trust: whether peers are trusted at all (``auth.trust_peer``).
        uid: the daemon's own user; None for that of this process.

    Raises:
        Unauthenticated: the peer is another user, or peers are not trusted.
    """
    own = os.geteuid() if uid is None else uid
    if not trust or credentials.uid not in (own, 0):
        raise Unauthenticated(
            "this socket does not identify the caller",
            hint="Connect as the user that runs nexusd, or pass a token in the Authorization header.",
        )
    return Identity(subject=f"uid:{credentials.uid}", scopes=frozenset(("*",)), workspaces="*", via="peer")
