"""Every benchmark runs, with sizes that measure nothing, against a real daemon and real peers."""

from __future__ import annotations

import pytest
from engines import unavailable
from small_benchmarks import TINY, sound

from benchmarks.context import Context
from benchmarks.measures import ALL, CONTAINERS
from benchmarks.sshd import HELP, install
from benchmarks.toolchains import Unavailable


@pytest.fixture(scope="module")
def context():
    with Context(TINY) as made:
        yield made


@pytest.mark.parametrize("name", [name for name in ALL if name not in CONTAINERS])
def test_it_yields_rows(name, context):
    if name == "transfers" and (missing := install()):
        unavailable(f"OpenSSH's {missing} is missing; {HELP}")
    try:
        rows = ALL[name](context)
    except Unavailable as reason:
        unavailable(str(reason))
    sound(rows)
