"""What a keeper tells of a process before anybody watches it."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nexusd.backends.keeper.kept import Kept
from nexusd.backends.keeper.messages import Grown, Known, Stalled


class Silent:
    """A line on which nothing is sent."""

    def __getattr__(self, name: str) -> Any:
        raise AssertionError(f"{name} is not called")


@pytest.mark.parametrize(("why", "reason"), [("held", ""), ("disk", "no space left on device")])
def test_that_reading_waits_is_known_to_who_watches_later(why: str, reason: str, tmp_path: Path) -> None:
    known = Known(
        process="pr_x",
        pid=1,
        started=1,
        state="running",
        start=0,
        end=0,
        first_run=0,
        ended=False,
        complete=False,
        stream=1,
    )
    kept = Kept(Silent(), known, tmp_path / "log")  # type: ignore[arg-type]
    told: list[tuple[object, ...]] = []
    kept.grew(Grown(process="pr_x", start=0, end=7, first_run=0, at=0, runs=[1]))
    kept.stall(Stalled("pr_x", why, reason))
    kept.watch(
        lambda growth: told.append(("grown", growth.end)),
        lambda complete: told.append(("ended", complete)),
        lambda *stalled: told.append(stalled),
    )
    assert told == [("grown", 7), (why, reason)]
    kept.stall(Stalled("pr_x"))
    assert told[2:] == [(None, "")]
