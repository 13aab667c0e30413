"""How far long work is: a line that is drawn over on a terminal, plain lines elsewhere, nothing with ``-q`` or JSON."""

from __future__ import annotations

import sys
import time
from collections.abc import Callable
from types import TracebackType
from typing import Any, Self

from boulder.output import Output
from boulder.terminal import columns
from boulder.text import clean, clip
from boulder.units import format_duration, format_size

__all__ = ["Progress", "Transfer"]

_FRAMES = "⠋⠙⠹⠸⠼⠴⠦⠧⠇⠏"
_EVERY = 0.1
_PATIENCE = 0.3
_SILENCE = 1.0


class Progress:
    """Shows the messages of one call. Its instance is what the SDK takes as ``on_progress``.

    Args:
        out: where.
        what: what is being done, such as ``creating billing``.
    """

    def __init__(self, out: Output, what: str) -> None:
        self.out = out
        self.what = what
        self._began = time.monotonic()
        self._drawn = 0.0
        self._last = ""
        self._open = False

    def __enter__(self) -> Self:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self.clear()

    def __call__(self, progress: Any) -> None:
        """Take what the daemon says."""
        message = progress.message
        if progress.total:
            message = f"{message} {progress.done}/{progress.total}"
        self.show(message)

    def show(self, message: str) -> None:
        """Show one message."""
        text = clean(message)
        now = time.monotonic()
        if self.out.animated:
            # what is over at once needs no picture
            if now - self._began >= _PATIENCE and now - self._drawn >= _EVERY:
                self._drawn = now
                frame = _FRAMES[int(now * 10) % len(_FRAMES)]
                self._draw(f"{frame} {self.what}: {text} ({format_duration(now - self._began)})")
        elif now - self._began >= _SILENCE and text != self._last:
            self._last = text
            self.out.note(f"{self.what}: {text}")

    def clear(self) -> None:
        """Take the line away."""
        if self._open:
            self._open = False
            self._put("\r\x1b[K")

    def _draw(self, text: str) -> None:
        self._open = True
        self._put("\r\x1b[K" + clip(text, columns() - 1))

    @staticmethod
    def _put(text: str) -> None:
        try:
            sys.stderr.write(text)
            sys.stderr.flush()
        except (OSError, ValueError):
            pass  # the terminal has gone; the work goes on


class Transfer(Progress):
    """Shows how many bytes of one or more files have come; several may be under way at once.

    Args:
        out: where.
        what: the verb, such as ``upload``.
        total: bytes in all; None where that is not known.
    """

    def __init__(self, out: Output, what: str, total: int | None = None) -> None:
        super().__init__(out, what)
        self.total = total
        self._done = 0

    def file(self, name: str) -> Callable[[Any], None]:
        """Begin with a file; return what takes how much of it is done."""
        last = 0

        def report(progress: Any) -> None:
            nonlocal last
            self._done += progress.done - last
            last = progress.done
            self._show(name)

        return report

    def _show(self, name: str) -> None:
        now = time.monotonic()
        if not self.out.animated or now - self._began < _PATIENCE or now - self._drawn < _EVERY:
            return
        self._drawn = now
        done = self._done
        rate = f"{format_size(done / (now - self._began))}/s"
        if self.total:
            part = min(done / self.total, 1.0)
            bar = "█" * int(part * 24)
            left = (now - self._began) * (1 - part) / part if part > 0 else 0.0
            text = f"{bar:<24} {part:4.0%} {format_size(done)} of {format_size(self.total)} {rate}"
            text += f" {format_duration(left)} left" if left >= 1 else ""
        else:
            text = f"{format_size(done)} {rate}"
        self._draw(f"{text}  {clean(name)}")
