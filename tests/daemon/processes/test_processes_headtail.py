from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from nexusd.processes.headtail import HeadTail


@given(st.lists(st.binary(max_size=40)), st.integers(0, 100))
def test_counts_and_ends_are_right(parts: list[bytes], limit: int) -> None:
    kept = HeadTail(limit)
    for part in parts:
        kept.add(part)
    whole = b"".join(parts)
    result = kept.result()
    assert result.bytes == len(whole)
    if len(whole) <= limit:
        assert (result.text, result.dropped) == (whole.decode("utf-8", "replace"), 0)
    else:
        assert len(whole) - limit <= result.dropped <= len(whole) - limit + 6


@given(st.text(min_size=60), st.integers(0, 50))
def test_no_character_is_torn(text: str, limit: int) -> None:
    whole = text.encode("utf-8", "ignore")
    kept = HeadTail(limit)
    for at in range(0, len(whole), 7):
        kept.add(whole[at : at + 7])
    result = kept.result()
    rest = len(whole) - result.dropped
    encoded = result.text.encode()
    assert len(encoded) == rest
    split = next(n for n in range(len(encoded) + 1) if whole.startswith(encoded[:n]) and whole.endswith(encoded[n:]))
    assert 0 <= split <= len(encoded)


def test_a_character_across_head_and_tail_of_whole_output_is_whole() -> None:
    kept = HeadTail(4)
    kept.add("aé".encode())
    kept.add(b"b")
    assert kept.result().text == "aéb"
