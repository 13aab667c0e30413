"""Text from elsewhere is harmless when it is shown."""

from __future__ import annotations

import unicodedata

import pytest
from boulder.text import clean, clip, width
from hypothesis import given
from hypothesis import strategies as st


@given(st.text())
def test_clean_leaves_nothing_that_a_terminal_obeys(text: str) -> None:
    shown = clean(text)
    assert not any(unicodedata.category(character) in ("Cc", "Cs") for character in shown)
    assert "\u202e" not in shown and "\u2066" not in shown
    shown.encode()


@given(st.text(st.characters(codec="ascii", categories=("L", "N", "P", "S"))))
def test_clean_changes_nothing_that_is_harmless(text: str) -> None:
    assert clean(text) == text


@pytest.mark.parametrize(
    ("hostile", "shown"),
    [
        ("\x1b]0;owned\x07", "\\x1b]0;owned\\x07"),
        ("a\nb", "a\\nb"),
        ("\x9b31m", "\\x9b31m"),
        ("gpj.\u202eexe", "gpj.\\u202eexe"),
        ("\udcff", "\\udcff"),
        ("ü…é 漢", "ü…é 漢"),
    ],
)
def test_clean_examples(hostile: str, shown: str) -> None:
    assert clean(hostile) == shown


def test_clean_lets_lines_through_where_asked() -> None:
    assert clean("a\nb\tc\rd", lines=True) == "a\nb\tc\\rd"


@given(st.text(st.characters(exclude_categories=("C", "M"))), st.integers(0, 40))
def test_clip_never_needs_more_room(text: str, cells: int) -> None:
    cut = clip(text, cells)
    assert width(cut) <= cells
    assert cut == text or cut.endswith("…") or cells == 0


def test_width_counts_cells() -> None:
    assert width("abc") == 3
    assert width("漢字") == 4
    assert width("e\u0301") == 1
    assert width("\x1b[31mred\x1b[0m") == 3
