"""Credit: grants are absolute, late ones harmless, and no pair of ends runs dry or over."""

from __future__ import annotations

from hypothesis import given
from hypothesis import strategies as st
from nexus_sdk.wire.credit import ReceiveCredit, SendCredit


def test_a_grant_is_idempotent_and_never_taken_back() -> None:
    credit = SendCredit(10)
    assert credit.available(4) == 6
    assert credit.grant(20)
    assert not credit.grant(20)
    assert not credit.grant(5)
    assert credit.limit == 20
    assert credit.available(20) == 0
    assert credit.available(25) == 0


def test_a_receiver_tops_up_at_half() -> None:
    credit = ReceiveCredit(100, start=1000)
    assert credit.limit == 1100
    assert credit.consume(49) is None
    assert credit.consume(1) == 1150
    assert credit.consume(49) is None
    assert credit.consumed_to(1099) is None, "not beyond what was consumed before"
    assert credit.consumed_to(1100) == 1200


def test_a_window_of_one_and_of_nothing() -> None:
    assert ReceiveCredit(1).consume(1) == 2
    closed = ReceiveCredit(0)
    assert closed.limit == 0
    assert closed.widen(10) == 10
    assert closed.widen(4) is None, "a smaller window takes back nothing"


@given(grants=st.lists(st.integers(0, 1000)), start=st.integers(0, 1000))
def test_the_limit_is_the_greatest_grant_in_any_order(grants: list[int], start: int) -> None:
    credit = SendCredit(start)
    for grant in grants:
        credit.grant(grant)
    assert credit.limit == max([start, *grants])


@given(window=st.integers(1, 200), start=st.integers(0, 50), takes=st.lists(st.integers(1, 80), max_size=60))
def test_a_sender_never_starves_and_never_exceeds_the_window(window: int, start: int, takes: list[int]) -> None:
    receiver, sender = ReceiveCredit(window, start), SendCredit(start + window)
    sent = consumed = start
    for take in takes:
        sent += min(take, sender.available(sent))
        assert sent - consumed <= window
        amount = sent - consumed
        limit = receiver.consume(amount)
        consumed = sent
        if limit is not None:
            assert sender.grant(limit)
        assert sender.available(sent) > 0, "all is consumed, so there is room"
