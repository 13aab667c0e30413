"""Sizes that measure nothing, and what every row must have all the same."""

from __future__ import annotations

from collections.abc import Sequence

from benchmarks.rows import Row, to_json
from benchmarks.sizes import MIB, Sizes

TINY = Sizes(
    rounds=1,
    calls=64,
    trips=8,
    runs=2,
    transfer=2 * MIB,
    transfers=1,
    files=60,
    connections=40,
    clients=20,
    tree=60,
    changes=4,
    starts=1,
    boxes=2,
    execs=8,
)


def sound(rows: Sequence[Row]) -> None:
    """Every row has its figures, and what its bar is compared with."""
    assert rows
    for row in rows:
        assert row.problem == ""
        assert row.name
        assert row.unit
        assert row.ours is not None
        if row.unit != "KB":  # a few connections fit into memory that is there already
            assert row.ours > 0
            assert row.peer is None or row.peer > 0
        if row.bar is not None and row.bar.of == "ratio":
            assert row.peer is not None
        assert set(to_json(row)) >= {"name", "unit", "ours", "peer", "ratio", "bar", "ok"}
    assert len({row.name for row in rows}) == len(rows)
