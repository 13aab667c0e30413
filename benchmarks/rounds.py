"""Ours and the peer in turn, so that whatever else the machine does meets both."""

from __future__ import annotations

import math
import time
from collections.abc import Callable, Sequence
from statistics import median

__all__ = ["alternate", "percentile", "timed"]


def alternate(rounds: int, *measures: Callable[[], float]) -> list[float]:
    """Run each measure once per round, in an order that turns with the rounds.

    Args:
        rounds: how often.
        measures: functions that return a figure.

    Returns:
        The median of each measure's figures, in the order of the arguments.
    """
    figures: list[list[float]] = [[] for _ in measures]
    for turn in range(rounds):
        for step in range(len(measures)):
            at = (turn + step) % len(measures)
            figures[at].append(measures[at]())
    return [median(of_one) for of_one in figures]


def timed(action: Callable[[], object]) -> float:
    """Seconds that an action takes."""
    start = time.perf_counter()
    action()
    return time.perf_counter() - start


def percentile(values: Sequence[float], share: float) -> float:
    """The smallest value that `share` (0 to 1) of all values do not exceed."""
    ordered = sorted(values)
    return ordered[max(0, math.ceil(share * len(ordered)) - 1)]
