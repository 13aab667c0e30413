"""What is returned of a command's output: its beginning and its end, and how much was left out between."""

from __future__ import annotations

from collections import deque

from nexus_sdk.protocol.types import OutputText

_CONTINUATION = range(0x80, 0xC0)
_LONGEST = 4


class HeadTail:
    """Keeps the first and the last half of a limit.

    Args:
        limit: bytes to keep in all; output up to so many is kept whole.
    """

    def __init__(self, limit: int) -> None:
        self._head_limit = limit - limit // 2
        self._tail_limit = limit // 2
        self._head = bytearray()
        self._tail: deque[bytes] = deque()
        self._tail_bytes = 0
        self.total = 0

    def add(self, data: bytes) -> None:
        """The next bytes."""
        self.total += len(data)
        missing = self._head_limit - len(self._head)
        if missing > 0:
            self._head += data[:missing]
            data = data[missing:]
        if not data or not self._tail_limit:
            return
        self._tail.append(data)
        self._tail_bytes += len(data)
        while self._tail_bytes - len(self._tail[0]) >= self._tail_limit:
            self._tail_bytes -= len(self._tail.popleft())

    def result(self) -> OutputText:
        """Text and counts. Where something was left out, no character is torn: its parts count as left out, too."""
        tail = b"".join(self._tail)[-self._tail_limit :] if self._tail_limit else b""
        head = bytes(self._head)
        if len(head) + len(tail) < self.total:
            head, tail = _whole_end(head), _whole_start(tail)
        return OutputText(
            text=head.decode("utf-8", "replace") + tail.decode("utf-8", "replace")
            if len(head) + len(tail) < self.total
            else (head + tail).decode("utf-8", "replace"),
            bytes=self.total,
            dropped=self.total - len(head) - len(tail),
        )


def _whole_end(data: bytes) -> bytes:
    for back in range(1, min(_LONGEST, len(data)) + 1):
        byte = data[-back]
        if byte not in _CONTINUATION:
            needed = 1 if byte < 0xC0 else 2 if byte < 0xE0 else 3 if byte < 0xF0 else 4
            return data[:-back] if needed > back else data
    return data


def _whole_start(data: bytes) -> bytes:
    # What is left of a torn character is at most three bytes; more of them in a row are no text anyway.
    for at in range(min(_LONGEST, len(data))):
        if data[at] not in _CONTINUATION:
            return data[at:]
    return data if len(data) >= _LONGEST else b""
