"""nexus-init's output log is the daemon's: the same bytes for the same appends."""

from __future__ import annotations

import hashlib
import re
from pathlib import Path

from nexusd.processes.log import MIN_CAPACITY, OutputLog

GOLDEN = Path(__file__).resolve().parents[2] / "init" / "internal" / "outputlog" / "log_test.go"


def test_both_write_the_same_file(tmp_path: Path) -> None:
    """The same appends as `script` in the Go test, whose hash must be the same."""
    log = OutputLog.create(tmp_path / "log", MIN_CAPACITY)
    number = 1

    def following(below: int) -> int:
        nonlocal number
        number = (number * 1103515245 + 12345) % 2**32
        return (number >> 8) % below

    for at in range(6000):
        size, channel = following(40) + 1, following(2) + 1
        if at % 500 == 499:
            size = 20000 + following(30000)
        log.append(channel, bytes((at + position * 7) % 256 for position in range(size)))
    log.close()
    found = re.search(r'const golden = "(\w+)"', GOLDEN.read_text())
    assert found is not None
    assert hashlib.sha256((tmp_path / "log").read_bytes()).hexdigest() == found[1]
    loaded = OutputLog.load(tmp_path / "log")
    assert loaded.end - loaded.start <= MIN_CAPACITY
    loaded.close()
