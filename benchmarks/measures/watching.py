"""From a change in a large tree to its event, beside inotify itself."""

from __future__ import annotations

import itertools
import queue
import random
import threading
import time
from collections.abc import Callable
from pathlib import Path

import msgspec
import watchfiles

from benchmarks.context import Context
from benchmarks.rounds import percentile
from benchmarks.rows import Bar, Row

__all__ = ["watching"]

WINDOW = 65_536
WAIT_S = 10.0
PAUSE_S = 0.02
"""Longest pause between two changes, in seconds."""


def watching(context: Context) -> list[Row]:
    """99 of 100 events come within this time."""
    sizes, daemon = context.sizes, context.daemon
    workspace = daemon.workspace(context.repository(sizes.tree))
    tree = Path(str(workspace["worktree"]))
    changes = _changes(tree)
    ours: list[float] = []
    peer: list[float] = []
    try:
        for _ in range(3):
            ours += _through_daemon(context, str(workspace["id"]), changes)
            peer += _through_watchfiles(context, tree, changes)
    finally:
        daemon.destroy(str(workspace["id"]))
    name, beside = f"change to watch event, {sizes.tree:,} files", "watchfiles in-process"
    return [
        Row(
            f"{name}, p99",
            "ms",
            percentile(ours, 0.99) * 1e3,
            percentile(peer, 0.99) * 1e3,
            Bar(50, "most", "ours"),
            beside,
            "bare",
        ),
        Row(f"{name}, p50", "ms", percentile(ours, 0.5) * 1e3, percentile(peer, 0.5) * 1e3, None, beside, "bare"),
    ]


def _changes(tree: Path) -> Callable[[], Path]:
    """Each call names the next file to write: in turn one that is there and a new one, anywhere in the tree."""
    choose = random.Random(1)
    files = sorted(path for path in tree.rglob("*.py"))
    numbers = itertools.count()

    def change() -> Path:
        number = next(numbers)
        path = choose.choice(files)
        return path if number % 2 else path.with_name(f"new_{number}.py")

    return change


def _through_daemon(context: Context, workspace: str, change: Callable[[], Path]) -> list[float]:
    taken = []
    with context.daemon.wire() as wire:
        wire.events("fs.watch", workspace=workspace, window=WINDOW)
        for _ in range(context.sizes.changes):
            time.sleep(random.random() * PAUSE_S)
            path = change()
            start = time.perf_counter()
            path.write_text(str(start))
            while not any(_names(bytes(payload), path.name) for _, payload in wire.frames()):
                if time.perf_counter() - start > WAIT_S:
                    raise RuntimeError(f"no event for {path.name} within {WAIT_S:g} s")
            taken.append(time.perf_counter() - start)
    return taken


def _names(message: bytes, name: str) -> bool:
    event = msgspec.json.decode(message).get("params", {}).get("event", {})
    return bool(event.get("kind") == "change" and event.get("path", "").endswith(name))


def _through_watchfiles(context: Context, tree: Path, change: Callable[[], Path]) -> list[float]:
    taken = []
    stop = threading.Event()
    seen: queue.SimpleQueue[tuple[float, str]] = queue.SimpleQueue()

    def follow() -> None:
        events = watchfiles.watch(
            tree, debounce=1, step=1, stop_event=stop, rust_timeout=50, yield_on_timeout=True, raise_interrupt=False
        )
        for batch in events:
            now = time.perf_counter()
            seen.put((now, ""))
            for _, path in batch:
                seen.put((now, path))

    thread = threading.Thread(target=follow)
    thread.start()
    try:
        seen.get(timeout=WAIT_S)  # it yields after its first timeout: the watch is in place
        for _ in range(context.sizes.changes):
            time.sleep(random.random() * PAUSE_S)
            path = change()
            start = time.perf_counter()
            path.write_text(str(start))
            while True:
                when, name = seen.get(timeout=WAIT_S)
                if name == str(path) and when >= start:
                    taken.append(when - start)
                    break
    finally:
        stop.set()
        thread.join()
    return taken
