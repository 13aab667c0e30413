"""Ports of a workspace on this node: sockets that listen here, and that its helper accepts on.

The engine could publish ports, too. It starts a proxy for each, which a start waits for (12 to 22 ms each), and reaches
only servers that listen on the container's address. The helper connects to the container's loopback, where development
servers listen unless they are told otherwise; and as the sockets are its own, it serves them without a daemon as well.
"""

from __future__ import annotations

import errno
import socket
from collections.abc import Collection, Mapping

from nexus_sdk.protocol.errors import PortTaken

from nexusd.backends.base import MachineSpec
from nexusd.backends.host.net import listened_on

ADDRESS = "127.0.0.1"
"""Where a port is on this node: on loopback alone, like a server on the host backend."""
BACKLOG = 1024
"""Connections that wait until they are accepted."""


def inside(spec: MachineSpec) -> dict[int, int]:
    """Port on this node → port in the container."""
    return {port: spec.options.container_ports.get(name, port) for name, port in spec.ports.items()}


def listen(spec: MachineSpec, without: Collection[int] = ()) -> dict[int, socket.socket]:
    """Listen on the ports of a workspace, by port on this node; the caller closes them.

    One is left out that nobody listens on and that cannot be had all the same: a connection of this node to itself has
    it as its own end, since the range may lie within what the system gives to those. It ends some day.

    Args:
        spec: the workspace.
        without: ports on this node that need not be listened on.

    Raises:
        PortTaken: another program listens on one of them.
        OSError: as socket(2).
    """
    found: dict[int, socket.socket] = {}
    try:
        for name, port in spec.ports.items():
            if port in without:
                continue
            found[port] = made = socket.socket(socket.AF_INET, socket.SOCK_STREAM)
            # What a connection of the last run left behind is no other program.
            made.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
            try:
                made.bind((ADDRESS, port))
                made.listen(BACKLOG)
            except OSError as error:
                if error.errno != errno.EADDRINUSE:
                    raise
                if not listened_on(port):
                    found.pop(port).close()
                    continue
                raise PortTaken(
                    f"port {port} of this node ({name}) is taken by another program",
                    hint=f"`ss -ltnp 'sport = :{port}'` shows which; end it, and start the workspace again.",
                    port=port,
                    name=name,
                ) from None
    except BaseException:
        close(found)
        raise
    return found


def close(listening: Mapping[int, socket.socket]) -> None:
    """Let go of them here; whoever they were handed to keeps them."""
    for made in listening.values():
        made.close()
