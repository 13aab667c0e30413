"""What is worth another attempt, and when."""

from __future__ import annotations

import ssl

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexus_sdk.retry import Backoff, is_transient
from websockets.exceptions import ConnectionClosedError, InvalidMessage, InvalidStatus, InvalidURI, NegotiationError
from websockets.frames import Close
from websockets.http11 import Headers, Response


def closed(code: int | None, *, by_us: int | None = None) -> ConnectionClosedError:
    return ConnectionClosedError(None if code is None else Close(code, ""), None if by_us is None else Close(by_us, ""))


def status(code: int) -> InvalidStatus:
    return InvalidStatus(Response(code, "", Headers()))


@pytest.mark.parametrize(
    "error",
    [
        ConnectionRefusedError(),
        ConnectionResetError(),
        FileNotFoundError(),
        TimeoutError(),
        closed(None),
        closed(1000),
        closed(1001),
        closed(1011),
        closed(1012),
        closed(4401),
        closed(4429),
        status(429),
        status(500),
        status(503),
    ],
    ids=repr,
)
def test_transient(error):
    assert is_transient(error)


@pytest.mark.parametrize(
    "error",
    [
        ssl.SSLCertVerificationError(),
        closed(1002),
        closed(1009),
        closed(4400),
        closed(None, by_us=4400),
        status(401),
        status(403),
        status(404),
        InvalidURI("x", "y"),
        NegotiationError(),
        InvalidMessage("garbage"),
        ValueError(),
    ],
    ids=repr,
)
def test_fatal(error):
    assert not is_transient(error)


def test_a_server_that_dies_during_the_handshake_is_transient():
    error = InvalidMessage("no answer")
    error.__cause__ = EOFError()
    assert is_transient(error)


def test_the_first_attempt_is_immediate_and_steps_grow_to_the_limit():
    backoff = Backoff(0.1, 1.0, random=lambda: 1.0)
    assert [backoff.next() for _ in range(6)] == pytest.approx([0, 0.1, 0.2, 0.4, 0.8, 1.0])
    backoff.reset()
    assert backoff.next() == 0


@given(st.lists(st.floats(0, 1), min_size=12, max_size=12))
def test_a_delay_lies_between_half_and_the_whole_of_its_step(values):
    source = iter(values)
    backoff = Backoff(0.5, 8.0, random=lambda: next(source))
    steps = [0, 0.5, 1, 2, 4, 8, 8, 8]
    for step in steps:
        assert step / 2 <= backoff.next() <= step
