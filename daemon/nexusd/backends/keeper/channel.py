"""Messages over a Unix stream socket, with file descriptors that travel beside them.

A message is a header, ``u8 kind | u32 length``, and its bytes. Nothing here knows what messages mean.
"""

from __future__ import annotations

import array
import asyncio
import errno
import os
import socket
import struct
from collections import deque
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Final, NamedTuple

__all__ = ["BINARY", "TEXT", "Broken", "Channel", "Peer", "connect", "peer"]

TEXT: Final = 0
BINARY: Final = 1
MAX_MESSAGE: Final = 1 << 20
"""Longest text message, in bytes; the other side keeps to it as well."""

_HEADER: Final = struct.Struct(">BI")
_READ: Final = 256 * 1024
_FDS: Final = 8
"""Descriptors that may come with one read; a message has one at most."""
_PEERGROUPS: Final = 59
_MOST_GROUPS: Final = 256


class Broken(Exception):
    """The other side sent what is no message; the connection is useless."""


class Channel:
    """One connected socket, on the event loop. It owns the socket, and descriptors until they are taken.

    Args:
        connected: non-blocking.
        on_message: called with kind and bytes of each message.
        on_lost: called once, when the connection has ended or broke; never after `close`.
    """

    def __init__(
        self,
        connected: socket.socket,
        on_message: Callable[[int, bytes], None],
        on_lost: Callable[[Exception | None], None],
    ) -> None:
        self._socket = connected
        self._on_message = on_message
        self._on_lost = on_lost
        self._loop = asyncio.get_running_loop()
        self._buffer = bytearray()
        self._fds: deque[int] = deque()
        self._waiting: deque[tuple[memoryview, tuple[int, ...]]] = deque()
        self._closed = False
        self._loop.add_reader(connected.fileno(), self._readable)

    @property
    def pending(self) -> int:
        """Bytes that were sent and that the other side has not taken."""
        return sum(len(data) for data, _ in self._waiting)

    def send(self, kind: int, *parts: bytes | memoryview, fds: Sequence[int] = ()) -> None:
        """Send one message; what does not go at once goes later, in order.

        Args:
            parts: the message, in pieces.
            fds: descriptors that go with it; copies are made, so they may be closed afterwards.

        Raises:
            ConnectionResetError: the connection is closed.
        """
        if self._closed:
            raise ConnectionResetError("the connection to the keeper is closed")
        data = b"".join((_HEADER.pack(kind, sum(map(len, parts))), *parts))
        if self._waiting:
            self._later(memoryview(data), fds)
            return
        try:
            sent = self._write(data, fds)
        except OSError as error:
            # told by the reader's side, in its turn
            self._loop.call_soon(self._lose, error)
            return
        if sent < len(data):
            self._later(memoryview(data)[sent:], () if sent else fds)
            self._loop.add_writer(self._socket.fileno(), self._writable)

    def take_fd(self) -> int:
        """The descriptor that came with the message that is being handled; the caller owns it.

        Messages that carry one are few and known by what they answer; they arrive in the order of their descriptors.

        Raises:
            Broken: there came none.
        """
        if not self._fds:
            raise Broken("the keeper sent no descriptor where one belongs")
        return self._fds.popleft()

    def close(self) -> None:
        """Close the socket. Closing twice is harmless."""
        if self._closed:
            return
        self._closed = True
        fd = self._socket.fileno()
        self._loop.remove_reader(fd)
        self._loop.remove_writer(fd)
        self._socket.close()
        for _, fds in self._waiting:
            for number in fds:
                os.close(number)
        for number in self._fds:
            os.close(number)
        self._waiting.clear()
        self._fds.clear()

    def _later(self, data: memoryview, fds: Sequence[int]) -> None:
        self._waiting.append((data, tuple(os.dup(fd) for fd in fds)))

    def _write(self, data: bytes | memoryview, fds: Sequence[int]) -> int:
        try:
            if fds:
                rights = [(socket.SOL_SOCKET, socket.SCM_RIGHTS, array.array("i", fds))]
                return self._socket.sendmsg([data], rights)
            return self._socket.send(data)
        except BlockingIOError:
            return 0

    def _writable(self) -> None:
        try:
            while self._waiting:
                data, fds = self._waiting[0]
                sent = self._write(data, fds)
                if not sent:
                    return
                for fd in fds:
                    os.close(fd)
                if sent < len(data):
                    self._waiting[0] = data[sent:], ()
                    return
                self._waiting.popleft()
        except OSError as error:
            self._lose(error)
            return
        self._loop.remove_writer(self._socket.fileno())

    def _readable(self) -> None:
        try:
            data, fds, _, _ = socket.recv_fds(self._socket, _READ, _FDS)
        except BlockingIOError:
            return
        except OSError as error:
            self._lose(error)
            return
        for fd in fds:
            os.set_inheritable(fd, False)
        # They come with the first byte of their message, so they are here when it is.
        self._fds.extend(fds)
        if not data:
            self._lose(None)
            return
        self._buffer += data
        try:
            self._parse()
        except Broken as error:
            self._lose(error)

    def _parse(self) -> None:
        buffer, at = self._buffer, 0
        while len(buffer) - at >= _HEADER.size and not self._closed:
            kind, length = _HEADER.unpack_from(buffer, at)
            if kind not in (TEXT, BINARY) or length > MAX_MESSAGE:
                raise Broken(f"the keeper sent a message of kind {kind} with {length} bytes")
            stop = at + _HEADER.size + length
            if stop > len(buffer):
                break
            message = bytes(memoryview(buffer)[at + _HEADER.size : stop])
            at = stop
            self._on_message(kind, message)
        del buffer[:at]

    def _lose(self, error: Exception | None) -> None:
        if not self._closed:
            self.close()
            self._on_lost(error)


def connect(path: Path) -> socket.socket:
    """A connected, non-blocking socket. Its path may be longer than an address: it is reached through its directory.

    Raises:
        OSError: nobody listens there.
    """
    directory = os.open(path.parent, os.O_PATH | os.O_DIRECTORY | os.O_CLOEXEC)
    try:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            made.setblocking(False)
            made.connect(f"/proc/self/fd/{directory}/{path.name}")
        except BaseException:
            made.close()
            raise
        return made
    finally:
        os.close(directory)


class Peer(NamedTuple):
    """Who is on the other side, as this node sees it: what it was when it began to listen. The kernel says so, not it.

    Attributes:
        pid: its process id; 0 where this node cannot see it.
        uid: its user.
        gid: its group.
        groups: its supplementary groups; none where it has more than 256.
    """

    pid: int
    uid: int
    gid: int
    groups: tuple[int, ...]


def peer(connected: socket.socket) -> Peer:
    """Who is on the other side of a connected socket.

    Raises:
        OSError: as getsockopt(2).
    """
    pid, uid, gid = struct.unpack("=iII", connected.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, 12))
    try:
        groups = array.array("I", connected.getsockopt(socket.SOL_SOCKET, _PEERGROUPS, 4 * _MOST_GROUPS))
    except OSError as error:
        if error.errno != errno.ERANGE:
            raise
        groups = array.array("I")
    return Peer(pid, uid, gid, tuple(groups))
