"""Small calls: how many per second on one core, and how long one takes."""

from __future__ import annotations

import os
import selectors
import time
from contextlib import ExitStack

import msgspec

from benchmarks.context import Context
from benchmarks.machine import client_apart, pin, server_core
from benchmarks.rounds import alternate, percentile
from benchmarks.rows import Bar, Row
from benchmarks.servers import Daemon, Peer
from benchmarks.wire import TEXT, Wire, masked

__all__ = ["calls", "pipelined", "round_trip"]

CONNECTIONS = 8
DEPTH = 32
PING: tuple[str, dict[str, object]] = ("session.ping", {})
_decode = msgspec.json.decode


def calls(context: Context) -> list[Row]:
    """Calls against the raw echo: as small as they get, and one that passes the gate and looks something up."""
    sizes, daemon, echo = context.sizes, context.daemon, context.echo
    workspace = context.workspace["id"]
    get = ("workspace.get", {"workspace": workspace})
    everything = os.sched_getaffinity(0)
    with client_apart(), ExitStack() as stack:
        for server in (daemon, echo):
            pin(server.child.pid, server_core())
            stack.callback(pin, server.child.pid, everything)
        small, looked_up, raw = alternate(
            sizes.rounds,
            lambda: pipelined(daemon, sizes.calls, *PING),
            lambda: pipelined(daemon, sizes.calls, *get),
            lambda: pipelined(echo, sizes.calls, *PING),
        )
        trip, get_trip, raw_trip = alternate(
            sizes.rounds,
            lambda: round_trip(daemon, sizes.trips, *PING),
            lambda: round_trip(daemon, sizes.trips, *get),
            lambda: round_trip(echo, sizes.trips, *PING),
        )
    many = f"bare, {CONNECTIONS} connections x {DEPTH} in flight"
    return [
        Row("session.ping, pipelined, one core", "calls/s", small, raw, Bar(0.6, "least"), "raw echo", many),
        Row("session.ping, round trip p50", "µs", trip * 1e6, raw_trip * 1e6, Bar(1.5, "most"), "raw echo", "bare"),
        Row("workspace.get, pipelined, one core", "calls/s", looked_up, raw, None, "raw echo", many),
        Row("workspace.get, round trip p50", "µs", get_trip * 1e6, raw_trip * 1e6, None, "raw echo", "bare"),
    ]


def pipelined(server: Daemon | Peer, calls: int, method: str, params: dict[str, object]) -> float:
    """Calls per second over several connections, each with a fixed number in flight; every answer is checked."""
    each = max(1, calls // CONNECTIONS)
    blob, ends = _requests(each, method, params)
    answers: list[list[bytes]] = []
    with ExitStack() as stack:
        wires = [stack.enter_context(server.wire(buffered=1 << 20)) for _ in range(CONNECTIONS)]
        for wire in wires:
            _expect_greeting(wire, server)
        selector = stack.enter_context(selectors.DefaultSelector())
        sent = [min(DEPTH, each)] * CONNECTIONS
        for at, wire in enumerate(wires):
            answers.append([])
            selector.register(wire.socket, selectors.EVENT_READ, at)
        start = time.perf_counter()
        for wire in wires:
            wire.socket.sendall(blob[: ends[min(DEPTH, each)]])
        open_ = CONNECTIONS
        while open_:
            for key, _ in selector.select(30):
                at = key.data
                got = answers[at]
                got += [payload.tobytes() for _, payload in wires[at].frames()]
                if len(got) == each:
                    selector.unregister(wires[at].socket)
                    open_ -= 1
                    continue
                reach = min(each, len(got) + DEPTH)
                if reach > sent[at]:
                    wires[at].socket.sendall(blob[ends[sent[at]] : ends[reach]])
                    sent[at] = reach
        seconds = time.perf_counter() - start
    for got in answers:
        _check(got, each, method)
    return each * CONNECTIONS / seconds


def round_trip(server: Daemon | Peer, trips: int, method: str, params: dict[str, object]) -> float:
    """Median of the seconds of a call with nothing else in flight."""
    blob, ends = _requests(trips, method, params)
    taken: list[float] = []
    answers: list[bytes] = []
    with server.wire(buffered=1 << 20) as wire:
        _expect_greeting(wire, server)
        clock, send = time.perf_counter, wire.socket.sendall
        for number in range(trips):
            request = blob[ends[number] : ends[number + 1]]
            start = clock()
            send(request)
            frames = wire.frames()
            taken.append(clock() - start)
            answers += [payload.tobytes() for _, payload in frames]
    _check(answers, trips, method)
    return percentile(taken, 0.5)


def _requests(count: int, method: str, params: dict[str, object]) -> tuple[memoryview, list[int]]:
    """Frames of so many requests in a row, and where each ends; ids count from 0."""
    frames = [
        masked(TEXT, msgspec.json.encode({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
        for id in range(count)
    ]
    ends = [0]
    for frame in frames:
        ends.append(ends[-1] + len(frame))
    return memoryview(b"".join(frames)), ends


def _expect_greeting(wire: Wire, server: Daemon | Peer) -> None:
    if isinstance(server, Daemon):
        wire.frames()


def _check(answers: list[bytes], count: int, method: str) -> None:
    ids = set()
    for answer in answers:
        message = _decode(answer)
        if "result" not in message:
            raise RuntimeError(f"{method}: {message}")
        ids.add(message["id"])
    if ids != set(range(count)):
        raise RuntimeError(f"{method}: {count} calls, {len(ids)} answers")
