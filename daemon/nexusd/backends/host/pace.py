"""Whether a program may be started on the event loop itself, which saves two switches of thread.

Starting `true` takes 0.2 ms, handing it to a thread and back as much again. But an exec can wait for a disk, or for a
network filesystem that will never answer. So the loop starts only what a thread has started just before, quickly, and
only while such starts take a small part of its time.
"""

from __future__ import annotations

from collections.abc import Hashable
from typing import Final

QUICK: Final = 0.002
"""Seconds that a start may take to be called quick."""
REMEMBERED: Final = 5.0
"""Seconds for which a quick start vouches for the next one like it."""
SHARE: Final = 0.4
"""The part of the loop's time that starts may take."""
_BURST: Final = 0.002
_MOST: Final = 256


class Pace:
    """Remembers what was quick, and how much of the loop's time is left for starts.

    Args:
        now: monotonic seconds.
    """

    def __init__(self, now: float) -> None:
        self._quick: dict[Hashable, float] = {}
        self._allowance = _BURST
        self._at = now

    def allows(self, key: Hashable, now: float) -> bool:
        """Whether a start like this one may happen on the loop.

        Args:
            key: what makes starts alike: program, search path, place.
        """
        self._allowance = min(self._allowance + (now - self._at) * SHARE, _BURST)
        self._at = now
        return self._allowance > 0 and now - self._quick.get(key, float("-inf")) <= REMEMBERED

    def spend(self, seconds: float) -> None:
        """A start on the loop took so long."""
        self._allowance -= seconds

    def learn(self, key: Hashable, seconds: float, now: float) -> None:
        """A start, wherever it happened, took so long."""
        self._quick.pop(key, None)
        if seconds <= QUICK:
            if len(self._quick) >= _MOST:
                self._quick.pop(next(iter(self._quick)))
            self._quick[key] = now
