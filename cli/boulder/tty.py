"""A local terminal that is lent to a process in a workspace, and always given back as it was."""

from __future__ import annotations

import os
import re
import signal
import termios
import tty
from collections.abc import Callable
from types import FrameType
from typing import Any, Final

__all__ = ["ModeTracker", "RawTerminal", "terminal_environment", "terminal_size"]

_MODES: Final = frozenset((1, 9, 25, 47, 1000, 1002, 1003, 1004, 1005, 1006, 1015, 1047, 1049, 2004))
"""Private modes that a program may leave behind and that make a shell unusable."""
_ON_AT_REST: Final = frozenset((25,))
_MODE = re.compile(rb"\x1b\[\?([0-9;]{1,32})([hl])")
_KEYPAD = re.compile(rb"\x1b([=>])")
_LONGEST = 40


class ModeTracker:
    """Remembers which modes of the terminal a program switched, to put back those that it left on."""

    def __init__(self) -> None:
        self._switched: set[int] = set()
        self._keypad = False
        self._tail = b""

    def feed(self, data: bytes | memoryview) -> None:
        """Look at output on its way to the terminal."""
        text = self._tail + bytes(data)
        if b"\x1b" not in text:
            self._tail = b""
            return
        for match in _MODE.finditer(text):
            for word in match[1].split(b";"):
                number = int(word) if word else 0
                if number in _MODES:
                    if (match[2] == b"h") == (number in _ON_AT_REST):
                        self._switched.discard(number)
                    else:
                        self._switched.add(number)
        for match in _KEYPAD.finditer(text):
            self._keypad = match[1] == b"="
        # a sequence may be cut in two
        start = text.rfind(b"\x1b", max(0, len(text) - _LONGEST))
        self._tail = text[start:] if start >= 0 and not _MODE.match(text, start) else b""

    def reset(self) -> bytes:
        """Return what puts the terminal back; empty where nothing was left on."""
        parts = [b"\x1b[?%d%s" % (number, b"h" if number in _ON_AT_REST else b"l") for number in sorted(self._switched)]
        if self._keypad:
            parts.append(b"\x1b>")
        return b"".join([*parts, b"\x1b[0m"]) if parts else b""


class RawTerminal:
    """The terminal in raw mode, from entering to leaving, whatever ends it.

    Signals that would end this program end the session instead, so that leaving happens. Being stopped from elsewhere
    and continued puts raw mode back.

    Args:
        on_resize: called when the size changed, and after being continued.
        on_end: called with the number of a signal that asks us to end.
    """

    def __init__(self, on_resize: Callable[[], object], on_end: Callable[[int], object]) -> None:
        self.modes = ModeTracker()
        self._on_resize = on_resize
        self._on_end = on_end
        self._saved: list[Any] | None = None
        self._handlers: dict[int, Any] = {}

    def __enter__(self) -> RawTerminal:
        self._saved = termios.tcgetattr(0)
        for number in (signal.SIGWINCH, signal.SIGCONT, signal.SIGTERM, signal.SIGHUP, signal.SIGINT, signal.SIGQUIT):
            self._handlers[number] = signal.signal(number, self._came)
        tty.setraw(0, termios.TCSADRAIN)
        return self

    def __exit__(self, *_: object) -> None:
        for number, handler in self._handlers.items():
            signal.signal(number, handler)
        try:
            reset = self.modes.reset()
            if reset:
                os.write(1, reset)
            if self._saved is not None:
                # not with DRAIN: a terminal whose output is stopped must be given back, too
                termios.tcsetattr(0, termios.TCSANOW, self._saved)
        except (OSError, termios.error):
            pass  # the terminal has gone

    def _came(self, number: int, frame: FrameType | None) -> None:
        if number == signal.SIGCONT:
            tty.setraw(0, termios.TCSANOW)
        if number in (signal.SIGWINCH, signal.SIGCONT):
            self._on_resize()
        else:
            self._on_end(number)


def terminal_size() -> tuple[int, int]:
    """Columns and rows of the terminal; 80 and 24 where it does not say."""
    try:
        size = os.get_terminal_size(0)
    except OSError:
        return 80, 24
    return size.columns or 80, size.lines or 24


def terminal_environment() -> dict[str, str]:
    """What programs must know of this terminal."""
    found = {name: os.environ[name] for name in ("TERM", "COLORTERM") if os.environ.get(name)}
    found.setdefault("TERM", "xterm-256color")
    return found
