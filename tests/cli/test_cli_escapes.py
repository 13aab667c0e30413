"""The escape character of a terminal session."""

from __future__ import annotations

import pytest
from boulder.escapes import EscapeFilter
from boulder.tty import ModeTracker
from hypothesis import given
from hypothesis import strategies as st


@pytest.mark.parametrize(
    ("typed", "sent", "left"),
    [
        (b"ls\r", b"ls\r", False),
        (b"~.", b"", True),
        (b"ls\r~.more", b"ls\r", True),
        (b"a~.", b"a~.", False),
        (b"\r~~", b"\r~", False),
        (b"\r~x", b"\r~x", False),
        (b"cd ~/src\r", b"cd ~/src\r", False),
        (b"\r~\r", b"\r~\r", False),
        (b"\r~\r~.", b"\r~\r", True),
    ],
)
def test_escapes(typed: bytes, sent: bytes, left: bool) -> None:
    whole = EscapeFilter()
    assert (whole.feed(typed), whole.left) == (sent, left)
    single = EscapeFilter()
    got = b""
    for byte in typed:
        if not single.left:
            got += single.feed(bytes([byte]))
    assert (got, single.left) == (sent, left)


def test_help() -> None:
    escapes = EscapeFilter()
    assert escapes.feed(b"\r~?") == b"\r" and escapes.asked and not escapes.left


@given(st.binary())
def test_nothing_without_a_tilde_is_changed(data: bytes) -> None:
    data = data.replace(b"~", b"")
    assert EscapeFilter().feed(data) == data


@given(st.lists(st.sampled_from([b"~", b".", b"\r", b"\n", b"a", b"~?", b"~~"]), max_size=12), st.data())
def test_how_it_is_cut_does_not_matter(parts: list[bytes], data: st.DataObject) -> None:
    typed = b"".join(parts)
    cut = data.draw(st.integers(0, len(typed)))
    whole, halves = EscapeFilter(), EscapeFilter()
    expected = whole.feed(typed)
    got = halves.feed(typed[:cut])
    if not halves.left:
        got += halves.feed(typed[cut:])
    assert (got, halves.left) == (expected, whole.left)


def test_modes_that_were_left_on_are_put_back() -> None:
    modes = ModeTracker()
    modes.feed(b"\x1b[?1049h\x1b[?25l\x1b[?1000;1006h text \x1b=")
    assert modes.reset() == b"\x1b[?25h\x1b[?1000l\x1b[?1006l\x1b[?1049l\x1b>\x1b[0m"


def test_modes_that_were_switched_off_again_are_left_alone() -> None:
    modes = ModeTracker()
    modes.feed(b"\x1b[?1049h\x1b[?25l")
    modes.feed(b"bye\x1b[?1049l\x1b[?25h")
    modes.feed(b"\x1b[?7h\x1b[31m")
    assert modes.reset() == b""


@pytest.mark.parametrize("cut", range(1, 8))
def test_a_mode_that_is_cut_in_two(cut: int) -> None:
    modes = ModeTracker()
    text = b"\x1b[?1049h"
    modes.feed(b"x" + text[:cut])
    modes.feed(text[cut:] + b"y")
    assert modes.reset() == b"\x1b[?1049l\x1b[0m"
