"""Metrics: the numbers that were counted, in the format that Prometheus reads."""

from __future__ import annotations

import subprocess
import sys

import pytest
from nexusd.observe.metrics import BUCKETS, Metrics
from prometheus_client.parser import text_string_to_metric_families


@pytest.fixture
def metrics() -> Metrics:
    return Metrics(version="1.2.3", level=1, methods={"session.ping", "exec.run"})


def samples(metrics: Metrics) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    families = text_string_to_metric_families(metrics.render().decode())
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in families
        for sample in family.samples
    }


def test_calls_are_counted_by_method_and_code(metrics: Metrics) -> None:
    for _ in range(3):
        metrics.call("session.ping", 0, 0.0002)
    metrics.call("exec.run", 4002, 2.0)
    found = samples(metrics)
    assert found["nexus_rpc_calls_total", (("code", "0"), ("method", "session.ping"))] == 3
    assert found["nexus_rpc_calls_total", (("code", "4002"), ("method", "exec.run"))] == 1
    assert found["nexus_rpc_seconds_count", (("method", "session.ping"),)] == 3
    assert found["nexus_rpc_seconds_sum", (("method", "exec.run"),)] == 2.0
    assert found["nexus_rpc_seconds_bucket", (("le", "0.0001"), ("method", "session.ping"))] == 0
    assert found["nexus_rpc_seconds_bucket", (("le", "0.00025"), ("method", "session.ping"))] == 3
    assert found["nexus_rpc_seconds_bucket", (("le", "+Inf"), ("method", "session.ping"))] == 3


def test_a_bound_belongs_to_its_bucket_and_anything_longer_to_the_last(metrics: Metrics) -> None:
    for seconds in (*BUCKETS, 1e6):
        metrics.call("exec.run", 0, seconds)
    found = samples(metrics)
    counts = [found["nexus_rpc_seconds_bucket", (("le", str(bound)), ("method", "exec.run"))] for bound in BUCKETS]
    assert counts == list(range(1, len(BUCKETS) + 1))
    assert found["nexus_rpc_seconds_bucket", (("le", "+Inf"), ("method", "exec.run"))] == len(BUCKETS) + 1


def test_methods_that_clients_make_up_make_no_series(metrics: Metrics) -> None:
    for n in range(1000):
        metrics.call(f"made.up{n}", -32601, 0.001)
    found = samples(metrics)
    assert found["nexus_rpc_calls_total", (("code", "-32601"), ("method", "other"))] == 1000
    assert {dict(labels)["method"] for name, labels in found if name == "nexus_rpc_calls_total"} == {"other"}
    assert len(metrics._calls) == 1


def test_everything_else(metrics: Metrics) -> None:
    metrics.connections += 2
    metrics.streams += 3
    metrics.processes = 4
    metrics.bytes_in += 5
    metrics.bytes_out += 6
    metrics.workspaces = {"running": 7, "stopped": 8}
    metrics.operation("create", "done")
    metrics.operation("create", "done")
    metrics.operation("create", "failed")
    found = samples(metrics)
    assert found["nexus_connections", ()] == 2
    assert found["nexus_streams", ()] == 3
    assert found["nexus_processes", ()] == 4
    assert found["nexus_stream_bytes_total", (("direction", "in"),)] == 5
    assert found["nexus_stream_bytes_total", (("direction", "out"),)] == 6
    assert found["nexus_workspaces", (("state", "running"),)] == 7
    assert found["nexus_workspaces", (("state", "stopped"),)] == 8
    assert found["nexus_operations_total", (("kind", "create"), ("state", "done"))] == 2
    assert found["nexus_operations_total", (("kind", "create"), ("state", "failed"))] == 1
    assert found["nexus_build_info", (("level", "1"), ("version", "1.2.3"))] == 1


def test_counts_only_grow_between_two_readings(metrics: Metrics) -> None:
    metrics.call("exec.run", 0, 0.1)
    first = samples(metrics)
    metrics.call("exec.run", 0, 0.1)
    second = samples(metrics)
    assert set(first) <= set(second)
    assert all(second[key] >= value for key, value in first.items())


def test_counting_does_not_load_the_library() -> None:
    script = (
        "import sys; from nexusd.observe.metrics import Metrics\n"
        "Metrics(version='1', level=1, methods=()).call('x', 0, 1.0)\n"
        "print('prometheus_client' in sys.modules)"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "False", done.stderr
