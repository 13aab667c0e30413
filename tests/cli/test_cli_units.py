"""Durations and sizes, as people write and read them."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from boulder.units import ago, format_duration, format_size, parse_duration, until
from hypothesis import given
from hypothesis import strategies as st

NOW = datetime(2026, 1, 2, 3, 4, 5, tzinfo=UTC)


@pytest.mark.parametrize(
    ("text", "milliseconds"),
    [
        ("30s", 30_000),
        ("1h30m", 5_400_000),
        ("250ms", 250),
        ("2.5", 2500),
        ("7d", 604_800_000),
        ("0", 0),
        ("1.5m", 90_000),
    ],
)
def test_parse_duration(text: str, milliseconds: int) -> None:
    assert parse_duration(text) == milliseconds


@pytest.mark.parametrize("text", ["", "s", "5x", "-3s", "1h 30m", "1h30", "nan", "1e3", "5 s"])
def test_parse_duration_refuses(text: str) -> None:
    with pytest.raises(ValueError, match="no duration"):
        parse_duration(text)


@given(st.integers(0, 10**9))
def test_parse_duration_reads_what_it_is_given(milliseconds: int) -> None:
    assert parse_duration(f"{milliseconds}ms") == milliseconds


@pytest.mark.parametrize(
    ("seconds", "text"),
    [(0.25, "250 ms"), (3.14, "3.1 s"), (42, "42 s"), (60, "1m"), (95, "1m35s"), (3700, "1h1m"), (90_000, "1d1h")],
)
def test_format_duration(seconds: float, text: str) -> None:
    assert format_duration(seconds) == text


@pytest.mark.parametrize(
    ("size", "text"), [(0, "0 B"), (1023, "1023 B"), (1536, "1.5 KiB"), (20 * 1024, "20 KiB"), (5 << 30, "5.0 GiB")]
)
def test_format_size(size: int, text: str) -> None:
    assert format_size(size) == text


def test_moments() -> None:
    assert ago(NOW - timedelta(seconds=2), NOW) == "just now"
    assert ago(NOW - timedelta(hours=5), NOW) == "5h ago"
    assert until(NOW + timedelta(days=30), NOW) == "in 30d"
    assert until(NOW + timedelta(days=30), NOW + timedelta(milliseconds=300)) == "in 30d"
    assert until(NOW, NOW) == "expired"
