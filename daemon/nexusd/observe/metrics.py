"""Numbers for Prometheus, on ``/metrics``.

Counting is on the path of every call, so it is arithmetic on our own objects, on the event loop alone; the library
that knows the exposition format is loaded, and given the numbers, when somebody asks for them.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Container, Iterator, Mapping
from typing import TYPE_CHECKING, Any

if TYPE_CHECKING:
    from prometheus_client.core import Metric

BUCKETS = (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0)
"""Upper bounds of the histogram of call durations, in seconds: a small call takes 0.1 ms, a create a few seconds."""

CONTENT_TYPE = "text/plain; version=0.0.4; charset=utf-8"
"""Content type of `Metrics.render`."""

OTHER = "other"
"""The label of methods that do not exist: what a client makes up must not become a series."""


class _Calls:
    """What is counted of one method."""

    __slots__ = ("buckets", "codes", "seconds")

    def __init__(self) -> None:
        self.buckets = [0] * (len(BUCKETS) + 1)
        self.codes: dict[int, int] = {}
        self.seconds = 0.0


class Metrics:
    """All metrics of one daemon. Not thread-safe: count on the event loop.

    Args:
        version: the daemon's version.
        level: the schema's level.
        methods: the names of the methods that exist.

    Attributes:
        connections: connections now.
        streams: open streams now.
        processes: processes that run now.
        workspaces: workspaces by state.
        bytes_in: bytes of streams received.
        bytes_out: bytes of streams sent.
    """

    def __init__(self, *, version: str, level: int, methods: Container[str]) -> None:
        self.connections = 0
        self.streams = 0
        self.processes = 0
        self.workspaces: Mapping[str, int] = {}
        self.bytes_in = 0
        self.bytes_out = 0
        self._version = version
        self._level = level
        self._methods = methods
        self._calls: dict[str, _Calls] = {}
        self._operations: dict[tuple[str, str], int] = {}
        self._registry: Any = None

    def call(self, method: str, code: int, seconds: float) -> None:
        """Count a call that was answered.

        Args:
            method: its name; those that do not exist share one label.
            code: the error's number; 0 for a result.
            seconds: from its arrival to its answer.
        """
        calls = self._calls.get(method)
        if calls is None:
            name = method if method in self._methods else OTHER
            calls = self._calls.get(name)
            if calls is None:
                calls = self._calls[name] = _Calls()
        codes = calls.codes
        codes[code] = codes.get(code, 0) + 1
        calls.buckets[bisect_left(BUCKETS, seconds)] += 1
        calls.seconds += seconds

    def operation(self, kind: str, state: str) -> None:
        """Count an operation that reached a state."""
        key = (kind, state)
        self._operations[key] = self._operations.get(key, 0) + 1

    def render(self) -> bytes:
        """The exposition, in text format 0.0.4."""
        from prometheus_client import CollectorRegistry, generate_latest

        if self._registry is None:
            self._registry = CollectorRegistry(auto_describe=False)
            self._registry.register(self)
        exposition: bytes = generate_latest(self._registry)
        return exposition

    def describe(self) -> list[Metric]:
        """Nothing in advance; what the registry asks a collector for."""
        return []

    def collect(self) -> Iterator[Metric]:
        """The metrics as they are now; what the registry asks a collector for."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        answered = CounterMetricFamily(
            "nexus_rpc_calls", "Calls answered, by method and error number (0: a result).", labels=("method", "code")
        )
        durations = HistogramMetricFamily(
            "nexus_rpc_seconds", "From the arrival of a call to its answer.", labels=("method",)
        )
        for method, calls in sorted(self._calls.items()):
            for code, number in sorted(calls.codes.items()):
                answered.add_metric((method, str(code)), number)
            total, buckets = 0, []
            for bound, number in zip((*map(str, BUCKETS), "+Inf"), calls.buckets, strict=True):
                total += number
                buckets.append((bound, float(total)))
            durations.add_metric((method,), buckets, calls.seconds)
        yield answered
        yield durations

        yield GaugeMetricFamily("nexus_connections", "Connections.", value=self.connections)
        yield GaugeMetricFamily("nexus_streams", "Open streams.", value=self.streams)
        moved = CounterMetricFamily("nexus_stream_bytes", "Bytes of streams, by direction.", labels=("direction",))
        moved.add_metric(("in",), self.bytes_in)
        moved.add_metric(("out",), self.bytes_out)
        yield moved

        workspaces = GaugeMetricFamily("nexus_workspaces", "Workspaces, by state.", labels=("state",))
        for state, number in sorted(self.workspaces.items()):
            workspaces.add_metric((state,), number)
        yield workspaces
        yield GaugeMetricFamily("nexus_processes", "Processes that run.", value=self.processes)

        operations = CounterMetricFamily(
            "nexus_operations", "Operations, by kind and the state they reached.", labels=("kind", "state")
        )
        for (kind, state), number in sorted(self._operations.items()):
            operations.add_metric((kind, state), number)
        yield operations

        build = GaugeMetricFamily("nexus_build_info", "Version and schema level.", labels=("version", "level"))
        build.add_metric((self._version, str(self._level)), 1)
        yield build
