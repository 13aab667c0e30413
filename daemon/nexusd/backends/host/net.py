"""TCP ports of a workspace on a host that all workspaces share: whose they are, and connections to them."""

from __future__ import annotations

import asyncio
import contextlib
import ipaddress
import os
from collections.abc import Iterable

from msgspec import Struct
from nexus_sdk.protocol.errors import PortRefused

from nexusd.backends.base import ListeningSocket
from nexusd.backends.host import tree
from nexusd.backends.host.census import Proc, census

LOOPBACK = ("127.0.0.1", "::1")
CONNECT_TIMEOUT = 10.0
"""Seconds; a connection within one host is made or refused at once, unless a backlog is full."""
_BUFFER = 256 * 1024
_CLOSE_TIMEOUT = 5.0
_LISTEN = "0A"
"""TCP_LISTEN in /proc/net/tcp."""


class Listener(Struct, frozen=True):
    """A listening socket of any user, by the inode that names it."""

    port: int
    address: str
    inode: str

    @property
    def reachable(self) -> bool:
        """Whether a connection to loopback arrives there."""
        address = ipaddress.ip_address(self.address)
        return address.is_loopback or address.is_unspecified


def listeners() -> list[Listener]:
    """All TCP sockets that listen in our network namespace."""
    found = []
    for table in ("/proc/net/tcp", "/proc/net/tcp6"):
        try:
            with open(table, encoding="ascii") as lines:
                next(lines, None)
                for line in lines:
                    fields = line.split()
                    if fields[3] == _LISTEN:
                        address, _, port = fields[1].partition(":")
                        found.append(Listener(int(port, 16), _address(address), fields[9]))
        except FileNotFoundError:
            continue  # a kernel without IPv6
    return found


def listened_on(port: int) -> bool:
    """Whether something in our network namespace listens on the port, on whatever address."""
    return any(listener.port == port for listener in listeners())


def _address(text: str) -> str:
    # Words of 32 bits in the machine's byte order, each written as one number (proc(5)).
    raw = bytes.fromhex(text)
    swapped = b"".join(raw[at : at + 4][::-1] for at in range(0, len(raw), 4))
    return str(ipaddress.ip_address(swapped))


def owned(processes: Iterable[Proc]) -> list[tuple[Listener, Proc]]:
    """The listening sockets that any of these processes holds open, by port; each socket once."""
    by_inode = {listener.inode: listener for listener in listeners()}
    found: dict[str, tuple[Listener, Proc]] = {}
    for process in processes:
        directory = f"/proc/{process.pid}/fd"
        try:
            names = os.listdir(directory)
        except OSError:
            continue
        for name in names:
            try:
                target = os.readlink(f"{directory}/{name}")
            except OSError:
                continue
            if target.startswith("socket:[") and (listener := by_inode.get(target[8:-1])) is not None:
                found.setdefault(listener.inode, (listener, process))
    return sorted(found.values(), key=lambda pair: (pair[0].port, pair[0].address))


def listening(workspace: str) -> list[ListeningSocket]:
    """What the processes of a workspace listen on. Blocking, for a thread."""
    return [
        ListeningSocket(listener.port, listener.address, process.pid, _command(process.pid))
        for listener, process in owned(tree.find_workspace(census(), workspace).members)
    ]


def _command(pid: int) -> str:
    try:
        with open(f"/proc/{pid}/comm", encoding="utf-8", errors="replace") as file:
            return file.read().rstrip("\n")
    except OSError:
        return ""


class Ownership:
    """Which ports are a workspace's own, remembered by socket, so that a busy tunnel does not walk /proc each time."""

    def __init__(self, workspace: str) -> None:
        self._workspace = workspace
        self._known: set[str] = set()

    def owns(self, port: int) -> bool:
        """Whether a process of the workspace listens on the port, and on loopback. Blocking, for a thread."""
        inodes = {listener.inode for listener in listeners() if listener.port == port and listener.reachable}
        if not inodes:
            return False
        if not inodes & self._known:
            mine = {listener.inode for listener, _ in owned(tree.find_workspace(census(), self._workspace).members)}
            self._known = (self._known | mine) & {listener.inode for listener in listeners()}
        return bool(inodes & self._known)


class TcpStream:
    """Fulfils `ByteStream` over one connection."""

    def __init__(self, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
        self._reader = reader
        self._writer = writer

    async def receive(self, limit: int = 65536) -> bytes:
        """The next bytes; empty when the other side has finished."""
        return await self._reader.read(limit)

    async def send(self, data: bytes | memoryview) -> None:
        """Send all of `data`."""
        if self._writer.is_closing():
            raise ConnectionResetError("the connection is closed")
        self._writer.write(data)
        await self._writer.drain()

    async def send_eof(self) -> None:
        """Finish our half."""
        if not self._writer.is_closing():
            self._writer.write_eof()

    async def aclose(self) -> None:
        """Close both halves."""
        self._writer.close()
        with contextlib.suppress(OSError, TimeoutError):
            await asyncio.wait_for(self._writer.wait_closed(), _CLOSE_TIMEOUT)


async def connect(port: int) -> TcpStream:
    """Connect to a port of this host's loopback, IPv4 first. Raises PortRefused."""
    reason = "nothing listens there"
    for address in LOOPBACK:
        try:
            reader, writer = await asyncio.wait_for(
                asyncio.open_connection(address, port, limit=_BUFFER), CONNECT_TIMEOUT
            )
        except TimeoutError:
            reason = f"no answer within {CONNECT_TIMEOUT:g} s"
        except OSError:
            continue
        else:
            writer.transport.set_write_buffer_limits(high=_BUFFER)
            return TcpStream(reader, writer)
    raise PortRefused(f"cannot connect to port {port}: {reason}", port=port)
