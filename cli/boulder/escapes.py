"""The escape character of a terminal session: ``~`` after a line feed, as in `ssh`.

``~.`` leaves the process running, ``~?`` explains, ``~~`` is one ``~``. Everything else goes through as it is.
"""

from __future__ import annotations

from typing import Final

__all__ = ["HELP", "EscapeFilter"]

_TILDE: Final = 0x7E
_NEWLINES: Final = b"\r\n"

HELP: Final = "\r\nescapes, after Enter:\r\n  ~.  leave; the process goes on\r\n  ~?  this text\r\n  ~~  one ~\r\n"


class EscapeFilter:
    """Takes what is typed and gives what is to be sent.

    Attributes:
        left: whether ``~.`` was typed.
        asked: whether ``~?`` was typed since this was last set to False.
    """

    def __init__(self) -> None:
        self.left = False
        self.asked = False
        self._fresh = True
        self._pending = False

    def feed(self, data: bytes) -> bytes:
        """Return the bytes to send; nothing after ``~.``."""
        # most input is one key or a paste without escapes
        if not self._pending and not self._fresh and not any(newline in data for newline in _NEWLINES):
            return data
        sent = bytearray()
        for byte in data:
            if self._pending:
                self._pending = False
                if byte == ord("."):
                    self.left = True
                    return bytes(sent)
                if byte == ord("?"):
                    self.asked = True
                    continue
                if byte != _TILDE:
                    sent.append(_TILDE)
            elif self._fresh and byte == _TILDE:
                self._pending = True
                self._fresh = False
                continue
            sent.append(byte)
            self._fresh = byte in _NEWLINES
        return bytes(sent)
