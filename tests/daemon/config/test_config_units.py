"""Durations and sizes: what people write is read exactly, and nothing else is."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexusd.config.units import format_duration, format_size, parse_duration, parse_size


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("30s", 30),
        ("30m", 1800),
        ("1h30m", 5400),
        ("500ms", 0.5),
        ("1d", 86400),
        ("1.5h", 5400),
        ("1m1ms", 60.001),
        ("90", 90),
        (" 2s ", 2),
        ("0s", 0),
        (90, 90),
        (1.5, 1.5),
        (0, 0),
    ],
)
def test_durations(text: object, seconds: float) -> None:
    assert parse_duration(text) == pytest.approx(seconds)


@pytest.mark.parametrize(
    "text", ["", " ", "s", "3 days", "30 m", "1m1h", "1m1m", "-5s", "1e3", "5S", "1h30", "inf", "nan", "٣s", "1" * 70]
)
def test_texts_that_are_no_durations(text: str) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(text)


@pytest.mark.parametrize("value", [None, True, -1, -0.5, [], {}, float("inf"), float("nan"), 10**30])
def test_values_that_are_no_durations(value: object) -> None:
    with pytest.raises(ValueError, match="duration"):
        parse_duration(value)


@pytest.mark.parametrize(
    ("text", "size"),
    [
        ("4G", 4 << 30),
        ("16M", 16 << 20),
        ("64k", 64 << 10),
        ("1.5GiB", 3 << 29),
        ("2MiB", 2 << 20),
        ("4096", 4096),
        ("512B", 512),
        (4096, 4096),
        ("0", 0),
        ("1T", 1 << 40),
    ],
)
def test_sizes(text: object, size: int) -> None:
    assert parse_size(text) == size


@pytest.mark.parametrize(
    "text", ["", "M", "4 G", "-1M", "4P", "1.3", "0.3K", "1e6", "9999999999999T", "٤G", None, True, 1.5, -1, 1 << 63]
)
def test_what_is_no_size(text: object) -> None:
    with pytest.raises(ValueError, match="size"):
        parse_size(text)


def test_an_ambiguous_size_is_refused_with_both_meanings_named() -> None:
    with pytest.raises(ValueError, match=r'"16M" or "16MiB".*"16MB" could mean either'):
        parse_size("16MB")


@given(st.integers(0, 10**13).map(lambda ms: ms / 1000))
def test_a_formatted_duration_reads_the_same(seconds: float) -> None:
    assert parse_duration(format_duration(seconds)) == pytest.approx(seconds, abs=0.0006)


@given(st.integers(0, (1 << 63) - 1))
def test_a_formatted_size_reads_the_same(size: int) -> None:
    assert parse_size(format_size(size)) == size


@given(st.text(max_size=100))
def test_any_text_is_read_or_refused(text: str) -> None:
    for parse in (parse_duration, parse_size):
        try:
            assert parse(text) >= 0
        except ValueError as error:
            assert str(error)
