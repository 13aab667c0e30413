"""The output of a process, through its log on disk and `exec.attach`, beside raw frames of the same stack."""

from __future__ import annotations

import time

from benchmarks.context import Context
from benchmarks.rounds import alternate
from benchmarks.rows import Bar, Row
from benchmarks.sizes import MIB
from benchmarks.wire import BINARY, Wire

__all__ = ["output"]

WINDOW = 4 * MIB


def output(context: Context) -> list[Row]:
    """How fast one attached client gets what a process writes as fast as it can."""
    size = context.sizes.transfer
    daemon, frames = context.daemon, context.start_peer("frames")
    workspace = context.workspace["id"]
    # it writes only when somebody is attached: before that its log would wrap
    command = f"read go; exec dd if=/dev/zero bs=1048576 count={size // MIB} status=none"
    argv = ["sh", "-c", command]

    def ours() -> float:
        with daemon.wire() as wire:
            start = time.perf_counter()
            process = wire.call("exec.start", workspace=workspace, argv=argv, stdin=True)["id"]
            came = wire.pull("exec.attach", WINDOW, len, first_input=b"go\n", process=process)
            seconds = time.perf_counter() - start
            wire.call("exec.remove", process=process)
        return _rate(came, size, seconds)

    def peer() -> float:
        with frames.wire() as wire:
            start = time.perf_counter()
            wire.send(str(size).encode())
            came = _drain(wire, size)
            return _rate(came, size, time.perf_counter() - start)

    figure, beside = alternate(context.sizes.transfers, ours, peer)
    name = f"process output, {size // MIB} MiB, exec.attach"
    return [Row(name, "GB/s", figure, beside, Bar(0.4, "least"), "raw frames", "bare")]


def _drain(wire: Wire, size: int) -> int:
    came = 0
    while came < size:
        for kind, payload in wire.frames():
            if kind == BINARY:
                came += len(payload) - 14
    return came


def _rate(came: int, size: int, seconds: float) -> float:
    if came != size:
        raise RuntimeError(f"{came} bytes came instead of {size}")
    return came / seconds / 1e9
