"""``python -m benchmarks``: measure, print the table, write the results; exits with 1 if a bar is missed."""

from __future__ import annotations

import argparse
import json
import signal
import sys
import time
from datetime import UTC, datetime
from pathlib import Path
from types import FrameType
from typing import Any

from benchmarks.children import file_limit
from benchmarks.context import Benchmark, Context
from benchmarks.machine import facts
from benchmarks.measures import ALL
from benchmarks.rows import Row, Skipped, failed, render, skipped, to_json
from benchmarks.sizes import FULL, QUICK, Sizes

RESULTS = Path(__file__).with_name("results.json")
LIMIT_S = 720
"""Longest that a run takes, in seconds; what was not measured by then counts as missed."""


class OutOfTime(Exception):
    """The run is over."""


def main(argv: list[str] | None = None) -> int:
    """Run; the exit code."""
    arguments = _parser().parse_args(argv)
    chosen = {name: ALL[name] for name in ALL if not arguments.only or name in arguments.only}
    sizes = QUICK if arguments.quick else FULL
    file_limit()
    begun, started = datetime.now(UTC), time.monotonic()
    machine = facts()
    rows = run(chosen, sizes, _say)
    document = {
        "started_at": begun.isoformat(timespec="seconds"),
        "seconds": round(time.monotonic() - started, 1),
        "quick": arguments.quick,
        "machine": machine,
        "rows": [to_json(row) for row in rows],
    }
    arguments.json.write_text(json.dumps(document, indent=2, ensure_ascii=False) + "\n")
    print(render(rows))
    measured = [row for row in rows if not row.skipped]
    missed = [row.name for row in measured if not row.ok]
    print(f"\n{len(measured) - len(missed)} of {len(measured)} rows hold, {document['seconds']} s; {arguments.json}")
    for row in rows:
        if row.skipped:
            print(f"skipped: {row.name}: {row.problem}")
    for name in missed:
        print(f"missed: {name}")
    return 1 if missed else 0


def run(chosen: dict[str, Benchmark], sizes: Sizes, say: Any = lambda text: None) -> list[Row]:
    """Run benchmarks one after the other. One that fails gives a row that says so, and the others run."""
    rows: list[Row] = []
    signal.signal(signal.SIGALRM, _out_of_time)
    signal.alarm(LIMIT_S)
    try:
        with Context(sizes, say) as context:
            left = dict(chosen)
            try:
                for name, benchmark in chosen.items():
                    started = time.monotonic()
                    try:
                        rows += benchmark(context)
                    except OutOfTime:
                        raise
                    except Skipped as reason:
                        rows.append(skipped(name, str(reason)))
                    except Exception as error:
                        rows.append(failed(name, f"{type(error).__name__}: {error}".replace("\n", " ")[:600]))
                    del left[name]
                    say(f"{name}: {time.monotonic() - started:.1f} s")
            except OutOfTime:
                rows += [failed(name, f"not measured: the run took {LIMIT_S} s") for name in left]
    finally:
        signal.alarm(0)
    return rows


def _parser() -> argparse.ArgumentParser:
    parser = argparse.ArgumentParser(prog="python -m benchmarks", description="Measure Nexus beside its peers.")
    parser.add_argument(
        "--only", action="append", choices=list(ALL), metavar="NAME", help=f"one of {', '.join(ALL)}; may be repeated"
    )
    parser.add_argument("--quick", action="store_true", help="small sizes: for a look, not for judging")
    parser.add_argument("--json", type=Path, default=RESULTS, metavar="PATH", help="where the results go")
    return parser


def _say(text: str) -> None:
    print(text, file=sys.stderr, flush=True)


def _out_of_time(number: int, frame: FrameType | None) -> None:
    raise OutOfTime


if __name__ == "__main__":
    sys.exit(main())
