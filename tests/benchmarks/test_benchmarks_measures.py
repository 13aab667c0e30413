"""Every benchmark runs, with sizes that measure nothing, against a real daemon and real peers."""

from __future__ import annotations

import pytest
from engines import unavailable

from benchmarks.context import Context
from benchmarks.measures import ALL
from benchmarks.rows import to_json
from benchmarks.sizes import MIB, Sizes
from benchmarks.sshd import HELP, install
from benchmarks.toolchains import Unavailable

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
)


@pytest.fixture(scope="module")
def context():
    with Context(TINY) as made:
        yield made


@pytest.mark.parametrize("name", list(ALL))
def test_it_yields_rows(name, context):
    if name == "transfers" and (missing := install()):
        unavailable(f"OpenSSH's {missing} is missing; {HELP}")
    try:
        rows = ALL[name](context)
    except Unavailable as reason:
        unavailable(str(reason))
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
