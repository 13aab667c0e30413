from __future__ import annotations

from host_bench import HostBench
from nexusd.backends.host.pace import QUICK, REMEMBERED, Pace


def test_only_what_was_quick_just_before_is_allowed() -> None:
    pace = Pace(100.0)
    assert not pace.allows("true", 100.0)
    pace.learn("true", QUICK / 2, 100.0)
    assert pace.allows("true", 100.1) and not pace.allows("other", 100.1)
    assert not pace.allows("true", 100.1 + REMEMBERED)
    pace.learn("true", QUICK / 2, 110.0)
    assert pace.allows("true", 110.0)
    pace.learn("true", QUICK * 2, 110.0)
    assert not pace.allows("true", 110.0)


def test_starts_take_a_small_part_of_the_time() -> None:
    pace, now, spent = Pace(0.0), 0.0, 0.0
    while now < 1.0:
        pace.learn("true", 0.0002, now)
        if pace.allows("true", now):
            pace.spend(0.0002)
            spent += 0.0002
        now += 0.0002
    assert 0.3 < spent < 0.5


def test_one_slow_start_sends_the_next_ones_away() -> None:
    pace = Pace(0.0)
    pace.learn("true", 0.0001, 0.0)
    assert pace.allows("true", 0.0)
    pace.spend(1.0)
    pace.learn("true", 0.0001, 1.0)
    assert not pace.allows("true", 1.0)
    pace.learn("true", 0.0001, 3.0)
    assert pace.allows("true", 3.0)


def test_few_are_remembered() -> None:
    pace = Pace(0.0)
    for number in range(10_000):
        pace.learn(number, 0.0, 0.0)
    assert len(pace._quick) <= 256
    assert pace.allows(9_999, 0.0) and not pace.allows(0, 0.0)


async def test_both_ways_start_the_same(host: HostBench) -> None:
    outputs = {await host.output("sh", "-c", "pwd; env | grep -v NEXUS_PROCESS") for _ in range(30)}
    assert len(outputs) == 1
