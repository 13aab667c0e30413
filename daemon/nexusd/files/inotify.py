"""inotify(7) by descriptor: a watch is put on an open directory, not on a path, so that no link can lead it astray."""

from __future__ import annotations

import ctypes
import errno
import os
import struct
from typing import Final, NamedTuple

IN_MODIFY: Final = 0x2
IN_ATTRIB: Final = 0x4
IN_CLOSE_WRITE: Final = 0x8
IN_MOVED_FROM: Final = 0x40
IN_MOVED_TO: Final = 0x80
IN_CREATE: Final = 0x100
IN_DELETE: Final = 0x200
IN_Q_OVERFLOW: Final = 0x4000
IN_IGNORED: Final = 0x8000
IN_ONLYDIR: Final = 0x0100_0000
IN_ISDIR: Final = 0x4000_0000

APPEARED: Final = IN_CREATE | IN_MOVED_TO
VANISHED: Final = IN_DELETE | IN_MOVED_FROM
CHANGED: Final = IN_MODIFY | IN_ATTRIB | IN_CLOSE_WRITE

_MASK: Final = APPEARED | VANISHED | CHANGED | IN_ONLYDIR
_HEAD: Final = struct.Struct("iIII")
_BUFFER: Final = 256 << 10

_libc: Final = ctypes.CDLL(None, use_errno=True)


class Event(NamedTuple):
    """One event: the watch, what happened (IN_*), and the entry's name, empty for the directory itself."""

    watch: int
    mask: int
    name: str


class Inotify:
    """One queue of events. Not thread-safe."""

    def __init__(self) -> None:
        """Open a queue.

        Raises:
            OSError: EMFILE where the user has as many as ``fs.inotify.max_user_instances`` allows.
        """
        self.fd: int = _libc.inotify_init1(os.O_NONBLOCK | os.O_CLOEXEC)
        if self.fd < 0:
            raise _error()

    def add(self, directory: int, mask: int = _MASK) -> int:
        """Watch an open directory; the same directory gives the same watch. It may be closed afterwards.

        Args:
            mask: the events (IN_*) to hear of; default: every change of what the directory holds.

        Raises:
            OSError: ENOSPC at the limit ``fs.inotify.max_user_watches``; EACCES where it may not be read.
        """
        watch: int = _libc.inotify_add_watch(self.fd, f"/proc/self/fd/{directory}".encode(), ctypes.c_uint32(mask))
        if watch < 0:
            raise _error()
        return watch

    def remove(self, watch: int) -> None:
        """End a watch; nothing happens where it ended by itself."""
        _libc.inotify_rm_watch(self.fd, watch)

    def read(self) -> list[Event]:
        """What is in the queue now; empty where it is empty.

        Raises:
            OSError: as read(2).
        """
        try:
            data = os.read(self.fd, _BUFFER)
        except BlockingIOError:
            return []
        events: list[Event] = []
        position = 0
        while position < len(data):
            watch, mask, _, size = _HEAD.unpack_from(data, position)
            position += _HEAD.size
            name = data[position : position + size].rstrip(b"\0")
            position += size
            events.append(Event(watch, mask, os.fsdecode(name)))
        return events

    def close(self) -> None:
        """Close the queue and end every watch."""
        os.close(self.fd)


def is_limit(error: OSError) -> bool:
    """Whether the error says that a limit of the system on watching is reached."""
    return error.errno in (errno.ENOSPC, errno.EMFILE, errno.ENFILE)


def _error() -> OSError:
    number = ctypes.get_errno()
    return OSError(number, os.strerror(number))
