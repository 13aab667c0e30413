"""What programs ask of a terminal, taken out of output that is shown again."""

from __future__ import annotations

import pytest
from boulder.queries import QueryFilter
from hypothesis import given
from hypothesis import strategies as st

QUERIES = [
    b"\x05",
    b"\x1bZ",
    b"\x1b[c",
    b"\x1b[0c",
    b"\x1b[>c",
    b"\x1b[=0c",
    b"\x1b[5n",
    b"\x1b[6n",
    b"\x1b[?6n",
    b"\x1b[?996n",
    b"\x1b[x",
    b"\x1b[14t",
    b"\x1b[18t",
    b"\x1b[?2026$p",
    b"\x1b[4$p",
    b"\x1b[>q",
    b"\x1b[>0q",
    b"\x1b[?u",
    b"\x1b[?1;1;0S",
    b"\x1b]10;?\x07",
    b"\x1b]11;?\x1b\\",
    b"\x1b]4;7;?\x1b\\",
    b"\x1b]52;c;?\x07",
    b"\x1bP+q544e\x1b\\",
    b"\x1bP$qm\x1b\\",
    b"\x1b_Gi=31,s=1,v=1,a=q,t=d,f=24;AAAA\x1b\\",
]
SHOWN = [
    b"text",
    b"\xc3\xbc\xe2\x82\xac",
    b"\r\n",
    b"\x1b[0;1m",
    b"\x1b[?1049h",
    b"\x1b[2J",
    b"\x1b[3;4H",
    b"\x1b[22;0;0t",
    b"\x1b[>4;2m",
    b"\x1b[>1u",
    b"\x1b[2S",
    b"\x1b[!p",
    b"\x1b[2 q",
    b"\x1b]0;a title?\x07",
    b"\x1b]8;;https://example.org/?q=1\x1b\\",
    b"\x1b]52;c;aGk=\x07",
    b"\x1bP1000p\x1b\\",
    b"\x1b(B",
    b"\x1b7",
    b"\x1b=",
]


@pytest.mark.parametrize("query", QUERIES, ids=repr)
def test_a_question_is_left_out(query: bytes) -> None:
    assert QueryFilter().feed(b"a" + query + b"b") == b"ab"


@pytest.mark.parametrize("shown", SHOWN, ids=repr)
def test_everything_else_stays(shown: bytes) -> None:
    assert QueryFilter().feed(b"a" + shown + b"b") == b"a" + shown + b"b"


@given(st.lists(st.sampled_from(QUERIES + SHOWN), max_size=12), st.lists(st.integers(1, 9), min_size=1))
def test_wherever_the_pieces_are_cut(parts: list[bytes], sizes: list[int]) -> None:
    text, queries, shown, index = b"".join(parts), QueryFilter(), b"", 0
    while text:
        size = sizes[index % len(sizes)]
        shown += queries.feed(text[:size])
        text, index = text[size:], index + 1
    assert shown + queries.flush() == b"".join(part for part in parts if part in SHOWN)


def test_a_beginning_is_given_back_when_questions_may_be_asked() -> None:
    queries = QueryFilter()
    assert queries.feed(b"a\x1b[") == b"a"
    assert queries.flush() == b"\x1b["
    assert queries.flush() == b""


def test_what_never_ends_is_not_held_for_ever() -> None:
    queries, endless = QueryFilter(), b"\x1b]" + b"x" * 10_000
    assert queries.feed(endless) + queries.feed(b"y" * 10_000) == endless + b"y" * 10_000
