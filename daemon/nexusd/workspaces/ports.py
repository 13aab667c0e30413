"""Host ports of workspaces: a block per workspace, deterministic, never handed out twice.

The range is cut into blocks of equal size. A workspace's preferred block follows from a hash of its owner and name, so
the same workspace gets the same ports on every node and after every re-creation, unless another one sits there; then
the next free block is taken. Inside a block each standard name has a fixed offset. Allocation happens in the one write
transaction that accepts the workspace, and the port is the table's primary key, so two workspaces can neither race for
a block nor end up in one after a restart.
"""

from __future__ import annotations

import hashlib
import socket
import sys
from collections.abc import Callable, Collection, Sequence

import msgspec
from nexus_sdk.protocol.errors import InvalidParams, PortsExhausted

from nexusd.backends.host.net import listened_on

STANDARD = {"ssh": 0, "web": 1, "api": 2, "db": 3, "cache": 4}
"""Offsets of the standard names inside a block; the others follow from `FIRST_EXTRA`, in the order they are given."""

FIRST_EXTRA = 5


class PortRange(msgspec.Struct, frozen=True):
    """The configured range, both ends included, and the size of a workspace's block."""

    start: int
    end: int
    per_workspace: int

    @property
    def blocks(self) -> int:
        """How many workspaces fit."""
        return (self.end - self.start + 1) // self.per_workspace


def is_free(port: int) -> bool:
    """Whether nobody on this host listens on the port, on loopback or any address.

    The range may lie within the ports that the system gives to outgoing connections. Such a connection is passing, and
    must neither move a workspace's ports nor use up the range.
    """
    with socket.socket(socket.AF_INET, socket.SOCK_STREAM) as probe:
        probe.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        try:
            probe.bind(("127.0.0.1", port))
        except OSError:
            return sys.platform == "linux" and not listened_on(port)
    return True


def allocate(
    ports: PortRange,
    owner: str,
    name: str,
    extra: Sequence[str],
    taken: Collection[int],
    free: Callable[[int], bool] = is_free,
) -> dict[str, int]:
    """Choose a workspace's ports.

    Args:
        ports: the configured range.
        owner: the workspace's owner.
        name: the workspace's name.
        extra: names wanted besides the standard ones.
        taken: ports that belong to other workspaces.
        free: whether the host itself could bind a port; a block with a foreign listener is passed over.

    Returns:
        name → port, the standard names first.

    Raises:
        InvalidParams: more names than a block holds, or a name twice.
        PortsExhausted: no block is free.
    """
    wanted = dict(STANDARD)
    for offset, label in enumerate(extra, FIRST_EXTRA):
        if label in wanted:
            raise InvalidParams(
                f"the port name {label!r} is given twice or is a standard name", path="$.ports", reason="twice"
            )
        wanted[label] = offset
    if max(wanted.values()) >= ports.per_workspace:
        room = max(ports.per_workspace - FIRST_EXTRA, 0)
        raise InvalidParams(f"a workspace has room for {room} extra ports", path="$.ports", reason=f"at most {room}")
    used = {(port - ports.start) // ports.per_workspace for port in taken if ports.start <= port <= ports.end}
    preferred = int.from_bytes(hashlib.sha256(f"{owner}\0{name}".encode()).digest()[:8]) % max(ports.blocks, 1)
    for step in range(ports.blocks):
        block = (preferred + step) % ports.blocks
        base = ports.start + block * ports.per_workspace
        if block not in used and all(free(base + offset) for offset in wanted.values()):
            return {label: base + offset for label, offset in wanted.items()}
    raise PortsExhausted(
        f"no block of {ports.per_workspace} ports is free between {ports.start} and {ports.end}",
        start=ports.start,
        end=ports.end,
    )
