"""When colour is written, and when lines are drawn over."""

from __future__ import annotations

import pytest
from boulder.terminal import may_animate, may_color, style


class Stream:
    """A stream that is a terminal, or is not."""

    def __init__(self, terminal: bool) -> None:
        self.terminal = terminal

    def isatty(self) -> bool:
        return self.terminal


TERMINAL, PIPE = Stream(True), Stream(False)


@pytest.mark.parametrize(
    ("choice", "stream", "environ", "expected"),
    [
        ("auto", TERMINAL, {}, True),
        ("auto", PIPE, {}, False),
        ("auto", TERMINAL, {"NO_COLOR": "1"}, False),
        ("auto", TERMINAL, {"NO_COLOR": ""}, True),
        ("auto", PIPE, {"FORCE_COLOR": "1"}, True),
        ("auto", PIPE, {"FORCE_COLOR": "0"}, False),
        ("auto", PIPE, {"FORCE_COLOR": ""}, False),
        ("auto", TERMINAL, {"NO_COLOR": "1", "FORCE_COLOR": "1"}, False),
        ("auto", TERMINAL, {"TERM": "dumb"}, False),
        ("auto", TERMINAL, {"TERM": "dumb", "FORCE_COLOR": "1"}, True),
        ("auto", TERMINAL, {"CI": "true"}, False),
        ("auto", TERMINAL, {"CI": "true", "FORCE_COLOR": "1"}, True),
        ("always", PIPE, {"NO_COLOR": "1"}, True),
        ("never", TERMINAL, {"FORCE_COLOR": "1"}, False),
    ],
)
def test_color(choice: str, stream: Stream, environ: dict[str, str], expected: bool) -> None:
    assert may_color(choice, stream, environ) is expected


@pytest.mark.parametrize(
    ("stream", "environ", "expected"),
    [
        (TERMINAL, {}, True),
        (TERMINAL, {"CI": "false"}, True),
        (TERMINAL, {"CI": "1"}, False),
        (TERMINAL, {"TERM": "dumb"}, False),
        (TERMINAL, {"FORCE_COLOR": "1", "CI": "1"}, False),
        (PIPE, {}, False),
    ],
)
def test_animation(stream: Stream, environ: dict[str, str], expected: bool) -> None:
    assert may_animate(stream, environ) is expected


def test_a_closed_stream_is_no_terminal(tmp_path) -> None:
    file = (tmp_path / "file").open("w")
    file.close()
    assert not may_color("auto", file, {})


def test_style() -> None:
    assert style("x", "bold red") == "\x1b[1;31mx\x1b[0m"
    assert style("x", None) == "x"
