"""Frames out of what was read from a socket.

Whole, masked text and binary frames, which is nearly all that ever comes, are unmasked here and handed on: one copy of
the payload, where the core of `websockets` makes three and runs a generator. Every other frame goes to the core, and
always as a whole, so that the core is never in the middle of one.

Nothing is judged here. A frame that breaks a rule, or is too large, is one of the others, and the core's to refuse.
"""

from __future__ import annotations

import time
from collections.abc import Callable
from typing import Final

try:
    from websockets.speedups import apply_mask
except ImportError:  # websockets was installed without its compiled part
    from websockets.utils import apply_mask

__all__ = ["FrameSplitter"]

_TEXT: Final = 0x81
_BINARY: Final = 0x82
_MASKED: Final = 0x80
_FRAMES_PER_LOOK: Final = 32
_HEAD: Final = 14
"""Most bytes of a client frame's header."""


class FrameSplitter:
    """Takes reads, gives frames.

    Args:
        deliver: called with whether it is text, and the payload, of each plain message.
        core: called with everything else: the handshake as it comes, then whole frames.
        max_size: payload size from which on a frame is the core's to refuse, without waiting for the rest of it.

    Attributes:
        framed: the handshake is over.
        plain: plain messages may be delivered: the connection is open and no fragmented message is under way.
    """

    __slots__ = ("_core", "_deliver", "_held", "_held_size", "_max_size", "_rest", "_wanted", "framed", "plain")

    def __init__(
        self, deliver: Callable[[bool, bytes], None], core: Callable[[bytes | memoryview], None], max_size: int
    ) -> None:
        self._deliver = deliver
        self._core = core
        self._max_size = max_size
        self._held: list[bytes | memoryview] = []
        self._held_size = 0
        self._wanted = 0
        self._rest: bytes | memoryview = b""
        self.framed = False
        self.plain = False

    def feed(self, data: bytes, seconds: float) -> bool:
        """Take what was read. Returns True when `seconds` were over first: feed `rest()` to go on."""
        if not self.framed:
            self._core(data)
            return False
        if not self._held:
            return self._split(data, 0, seconds)
        if self._held_size + len(data) < self._wanted:
            self._held.append(data)
            self._held_size += len(data)
            return False
        held, self._held = self._held, []
        if self._wanted <= _HEAD:
            # only a header was cut: its size is not known yet, and there is little to join
            return self._split(b"".join((*held, data)), 0, seconds)
        cut = self._wanted - self._held_size
        self._split(b"".join((*held, memoryview(data)[:cut])), 0, seconds)
        return cut < len(data) and self._split(data, cut, seconds)

    def rest(self) -> bytes:
        """What was not looked at when the time was over; to be fed next."""
        rest, self._rest = self._rest, b""
        return bytes(rest)

    def clear(self) -> None:
        """Forget everything: the connection is gone."""
        self._held.clear()
        self._rest = b""
        self.plain = False

    def _split(self, data: bytes, at: int, seconds: float) -> bool:
        view, end = memoryview(data), len(data)
        until, frames = 0.0, 0
        while at < end:
            start = at + 2
            if start > end:
                self._hold(view[at:], 2)
                return False
            first, second = data[at], data[at + 1]
            size = second & 0x7F
            if size >= 126:
                start = at + (4 if size == 126 else 10)
                if start > end:
                    self._hold(view[at:], start - at)
                    return False
                size = int.from_bytes(view[at + 2 : start], "big")
            if second & _MASKED:
                start += 4
            stop = start + size
            allowed = size <= self._max_size
            if stop > end and allowed:
                self._hold(view[at:], stop - at)
                return False
            if self.plain and allowed and second & _MASKED and first in (_TEXT, _BINARY):
                self._deliver(first == _TEXT, apply_mask(view[start:stop], data[start - 4 : start]))
            else:
                self._core(view[at:stop])
            at = stop
            frames += 1
            if frames % _FRAMES_PER_LOOK == 0 and at < end:
                now = time.monotonic()
                until = until or now + seconds
                if now > until:
                    self._rest = view[at:]
                    return True
        return False

    def _hold(self, part: memoryview, wanted: int) -> None:
        self._held.append(part)
        self._held_size = len(part)
        self._wanted = wanted
