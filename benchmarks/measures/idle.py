"""Ten thousand connections that do nothing: what each holds, and what the others feel."""

from __future__ import annotations

import os
from contextlib import ExitStack

from benchmarks.children import file_limit
from benchmarks.context import Context
from benchmarks.machine import client_apart, pin, server_core
from benchmarks.measures.calls import PING, round_trip
from benchmarks.rows import Bar, Row
from benchmarks.servers import Daemon, Peer
from benchmarks.wire import Wire

__all__ = ["idle"]

BATCH = 32
SPARE = 200
"""Open files that are needed for other things."""


def idle(context: Context) -> list[Row]:
    """Resident memory and round trips, before and with the connections."""
    wanted = context.sizes.connections
    if file_limit() < wanted + SPARE:
        raise RuntimeError(f"{wanted} connections need as many open files; raise the limit: ulimit -n {wanted + SPARE}")
    daemon, echo = context.start_daemon("idle"), context.start_peer("echo")
    ours, before, during = _crowd(context, daemon)
    peer, peer_before, peer_during = _crowd(context, echo)
    name = f"{wanted:,} idle connections"
    return [
        Row(f"{name}, each", "KB", ours / 1e3, peer / 1e3, Bar(25, "most", "ours"), "raw echo", "bare"),
        Row(
            f"session.ping p50 beside {name}",
            "µs",
            during * 1e6,
            before * 1e6,
            Bar(2, "most"),
            "the same without them",
            "bare",
        ),
        Row(f"raw echo p50 beside {name}", "µs", peer_during * 1e6, peer_before * 1e6, None, "the same without them"),
    ]


def _crowd(context: Context, server: Daemon | Peer) -> tuple[float, float, float]:
    """Bytes per connection, seconds of a round trip before and with them."""
    sizes = context.sizes
    everything = os.sched_getaffinity(0)
    with client_apart(), ExitStack() as stack:
        pin(server.child.pid, server_core())
        stack.callback(pin, server.child.pid, everything)
        with ExitStack() as warm:
            _connect(warm, server, min(200, sizes.connections))
        before = round_trip(server, sizes.trips, *PING)
        held = server.child.resident()
        _connect(stack, server, sizes.connections)
        each = (server.child.resident() - held) / sizes.connections
        during = round_trip(server, sizes.trips, *PING)
        server.child.check()
    return each, before, during


def _connect(stack: ExitStack, server: Daemon | Peer, count: int) -> list[Wire]:
    """Open so many connections and take what the server says first."""
    made: list[Wire] = []
    while len(made) < count:
        batch = [server.wire(buffered=2048) for _ in range(min(BATCH, count - len(made)))]
        for wire in batch:
            stack.callback(wire.close, reset=True)
        for wire in batch:
            wire.opened()
            if isinstance(server, Daemon):
                wire.frames()
        made += batch
    return made
