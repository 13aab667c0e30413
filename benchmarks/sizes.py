"""How much is measured."""

from __future__ import annotations

from dataclasses import dataclass

__all__ = ["FULL", "QUICK", "Sizes"]

MIB = 1_048_576


@dataclass(frozen=True, slots=True)
class Sizes:
    """Counts of a run."""

    rounds: int
    """Rounds of cheap measures; expensive ones take fewer."""
    calls: int
    """Pipelined calls per round."""
    trips: int
    """Single round trips per round."""
    runs: int
    """Processes per round."""
    transfer: int
    """Bytes of a transfer."""
    transfers: int
    """Rounds of transfers."""
    files: int
    """Files of the repository that workspaces are created from."""
    connections: int
    """Idle connections."""
    clients: int
    """Idle connections of one client process."""
    tree: int
    """Files of the tree that is watched."""
    changes: int
    """Changes per round."""
    starts: int
    """Starts of programs."""
    boxes: int
    """Containers that run at once."""
    execs: int
    """Commands across them."""


FULL = Sizes(
    rounds=5,
    calls=20_000,
    trips=2_000,
    runs=100,
    transfer=1024 * MIB,
    transfers=3,
    files=5_000,
    connections=10_000,
    clients=500,
    tree=10_000,
    changes=120,
    starts=7,
    boxes=50,
    execs=1_000,
)
"""What the design names."""

QUICK = Sizes(
    rounds=3,
    calls=5_000,
    trips=500,
    runs=30,
    transfer=128 * MIB,
    transfers=2,
    files=1_000,
    connections=1_000,
    clients=200,
    tree=1_000,
    changes=40,
    starts=3,
    boxes=8,
    execs=160,
)
"""For a look while working; not for judging."""
