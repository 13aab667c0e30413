"""Stream halves: nothing lost, doubled, reordered or over the credit passes unseen."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexus_sdk.wire.streams import Inbound, Outbound, StreamError


def view(data: bytes) -> memoryview:
    return memoryview(data)


def fault(call: object, *arguments: object) -> str:
    with pytest.raises(StreamError) as caught:
        call(*arguments)  # type: ignore[operator]
    return caught.value.fault


def test_data_in_order_over_two_channels() -> None:
    inbound = Inbound((1, 2), start=5, limit=100)
    assert bytes(inbound.data(1, 5, view(b"ab"))) == b"ab"
    assert bytes(inbound.data(2, 7, view(b"c"))) == b"c"
    assert inbound.offset == 8
    assert inbound.eof(1, 7)
    assert not inbound.ended
    assert inbound.eof(2, 8)
    assert inbound.ended


def test_gap_overlap_credit_and_foreign_channels_change_nothing() -> None:
    inbound = Inbound((1, 2), limit=4)
    inbound.data(1, 0, view(b"ab"))
    assert fault(inbound.data, 1, 3, view(b"x")) == "gap"
    assert fault(inbound.data, 1, 1, view(b"x")) == "overlap"
    assert fault(inbound.data, 1, 2, view(b"xyz")) == "over_credit"
    assert fault(inbound.data, 0, 2, view(b"x")) == "channel"
    assert inbound.offset == 2
    assert bytes(inbound.data(1, 2, view(b"cd"))) == b"cd"


def test_a_channel_that_ended_has_ended() -> None:
    inbound = Inbound((1, 2), limit=10)
    inbound.eof(1, 0)
    assert fault(inbound.data, 1, 0, view(b"x")) == "after_eof"
    assert fault(inbound.eof, 1, 0) == "after_eof"
    assert bytes(inbound.data(2, 0, view(b"y"))) == b"y"


def test_an_end_agrees_with_what_came() -> None:
    alone = Inbound((0,), limit=10)
    alone.data(0, 0, view(b"abc"))
    assert fault(alone.eof, 0, 4) == "gap"
    assert fault(alone.eof, 0, 2) == "overlap"
    assert fault(alone.eof, 1, 3) == "channel"
    assert alone.eof(0, 3)
    shared = Inbound((1, 2), limit=10)
    shared.data(1, 0, view(b"abc"))
    shared.data(2, 3, view(b"de"))
    assert fault(shared.eof, 1, 2) == "overlap"
    assert shared.eof(1, 3), "the end of a channel may be behind the shared position"


def test_what_is_resent_is_trimmed() -> None:
    inbound = Inbound((0,), start=10, limit=20, allow_replay=True)
    assert bytes(inbound.data(0, 4, view(b"456789"))) == b""
    assert bytes(inbound.data(0, 8, view(b"89ab"))) == b"ab"
    assert inbound.offset == 12
    assert inbound.eof(0, 12)
    assert not inbound.eof(0, 12), "told again"
    assert fault(inbound.eof, 0, 11) == "after_eof"
    assert bytes(inbound.data(0, 10, view(b"ab"))) == b"", "resent after the end, but old"
    assert fault(inbound.data, 0, 12, view(b"c")) == "after_eof"


def test_old_bytes_cost_no_credit() -> None:
    inbound = Inbound((0,), start=10, limit=12, allow_replay=True)
    assert bytes(inbound.data(0, 0, view(b"0123456789ab"))) == b"ab"
    assert fault(inbound.data, 0, 12, view(b"c")) == "over_credit"
    assert not inbound.grant(12)
    assert inbound.grant(13)
    assert bytes(inbound.data(0, 12, view(b"c"))) == b"c"


def test_an_empty_frame_is_harmless() -> None:
    inbound = Inbound((0,), limit=0)
    assert len(inbound.data(0, 0, view(b""))) == 0
    assert fault(inbound.data, 0, 1, view(b"")) == "gap"


def test_outbound_keeps_to_its_position_and_credit() -> None:
    outbound = Outbound((1, 2), start=5, limit=9)
    assert outbound.window == 4
    assert outbound.reserve(1, 5, 3) == 3
    assert fault(outbound.reserve, 1, 7, 1) == "overlap"
    assert fault(outbound.reserve, 1, 9, 1) == "gap"
    assert fault(outbound.reserve, 0, 8, 1) == "channel"
    assert outbound.reserve(2, 8, 10) == 1
    assert outbound.reserve(2, 9, 10) == 0
    outbound.credit.grant(11)
    assert outbound.reserve(2, 9, 10) == 2
    assert fault(outbound.eof, 1, 12) == "gap"
    outbound.eof(1, 8)
    assert fault(outbound.eof, 1, 8) == "after_eof"
    assert fault(outbound.reserve, 1, 11, 1) == "after_eof"
    assert not outbound.ended
    outbound.eof(2, 11)
    assert outbound.ended


@given(
    content=st.binary(min_size=1, max_size=200),
    cuts=st.lists(st.integers(1, 40), max_size=40),
    back=st.lists(st.integers(0, 60), max_size=40),
)
def test_any_resending_client_delivers_exactly_its_content(content: bytes, cuts: list[int], back: list[int]) -> None:
    """A client that reconnects at any moment resends from any earlier position; the machine sees each byte once."""
    inbound = Inbound((0,), limit=len(content), allow_replay=True)
    got = bytearray()
    position = 0
    for size, rewind in zip(cuts, back, strict=False):
        position = max(0, min(position, inbound.offset) - rewind)
        got += inbound.data(0, position, view(content[position : position + size]))
        position = min(position + size, len(content))
    got += inbound.data(0, inbound.offset, view(content[inbound.offset :]))
    assert inbound.eof(0, len(content))
    assert bytes(got) == content


@given(
    pieces=st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=30)), max_size=30),
    window=st.integers(1, 50),
)
def test_both_halves_together_keep_bytes_and_order(pieces: list[tuple[int, bytes]], window: int) -> None:
    outbound, inbound = Outbound((1, 2), limit=window), Inbound((1, 2), limit=window)
    got: list[tuple[int, bytes]] = []
    for channel, data in pieces:
        done = 0
        while done < len(data):
            offset = outbound.offset
            taken = outbound.reserve(channel, offset, len(data) - done)
            if not taken:
                limit = inbound.offset + window
                assert inbound.grant(limit)
                assert outbound.credit.grant(limit)
                continue
            got.append((channel, bytes(inbound.data(channel, offset, view(data[done : done + taken])))))
            done += taken
    for channel in (1, 2):
        assert b"".join(d for c, d in got if c == channel) == b"".join(d for c, d in pieces if c == channel)
    assert b"".join(d for _, d in got) == b"".join(d for _, d in pieces)
