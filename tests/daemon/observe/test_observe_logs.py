"""Logs: one record, one line, nothing secret, and never in the way."""

from __future__ import annotations

import asyncio
import base64
import io
import json
import logging
import os
import threading
from collections.abc import Callable, Iterator
from pathlib import Path

import jwt
import pytest
from hypothesis import HealthCheck, assume, given, settings
from hypothesis import strategies as st
from nexusd.observe import logs
from nexusd.observe.context import bound, current
from nexusd.observe.logs import JsonFormatter, LogOutput, TextFormatter, fields, setup
from nexusd.observe.redact import Secret

log = logging.getLogger("nexusd.test")


@pytest.fixture(autouse=True)
def restored() -> Iterator[None]:
    root = logging.getLogger()
    handlers, level = list(root.handlers), root.level
    levels = {name: logging.getLogger(name).level for name in logs._QUIET}
    yield
    root.handlers[:] = handlers
    root.setLevel(level)
    for name, old in levels.items():
        logging.getLogger(name).setLevel(old)
    logging.captureWarnings(False)


def written(act: Callable[[], object], *, level: str = "info", format: str = "json") -> str:
    stream = io.StringIO()
    output = setup(level, format, stream)
    try:
        act()
    finally:
        output.close()
        logging.getLogger().removeHandler(output)
    return stream.getvalue()


def test_a_record_as_json() -> None:
    def act() -> None:
        with bound(connection="c1", call="7", workspace="ws_a"):
            log.info("hello %s", "world", extra=fields(took_ms=1.5, names=["a", "b"], nothing=None))

    line = json.loads(written(act))
    assert line.pop("time").endswith("Z")
    assert line == {
        "level": "info",
        "logger": "nexusd.test",
        "message": "hello world",
        "connection": "c1",
        "call": "7",
        "workspace": "ws_a",
        "took_ms": 1.5,
        "names": ["a", "b"],
        "nothing": None,
    }


def test_a_record_as_text() -> None:
    def act() -> None:
        with bound(workspace="ws_a"):
            log.warning("hello", extra=fields(path="a b", n=1))

    line = written(act, format="text")
    assert line[10] == "T"
    assert line[24:] == ' warning nexusd.test: hello workspace=ws_a path="a b" n=1\n'


def test_fields_do_not_hide_what_every_line_has() -> None:
    line = json.loads(written(lambda: log.info("real", extra=fields(message="forged", level="error", time="then"))))
    assert (line["message"], line["level"]) == ("real", "info")
    assert line["time"] != "then"


def test_levels() -> None:
    def act() -> None:
        for level in ("debug", "info", "warning", "error"):
            getattr(log, level)(level)
        logging.getLogger("asyncio").info("chatter")

    assert [json.loads(line)["message"] for line in written(act, level="warning").splitlines()] == ["warning", "error"]
    assert len(written(act, level="debug").splitlines()) == 4


def fail(message: str) -> None:
    try:
        raise ValueError(message)
    except ValueError:
        log.exception("it failed")


def test_an_exception_is_told_and_forges_no_line() -> None:
    forged = "x\n2026-01-01T00:00:00.000Z info    nexusd: all is well\x1b[2J"
    text = written(lambda: fail(forged), format="text")
    assert "ValueError: x" in text
    assert all(line.startswith("    | ") for line in text.splitlines()[1:])
    assert "\x1b" not in text
    line = json.loads(written(lambda: fail(forged)))
    assert "Traceback" in line["exception"] and "\x1b" not in line["exception"]


def test_control_characters_in_a_message_are_written_out() -> None:
    for format in ("json", "text"):
        text = written(lambda: log.info("a\nb\x1b[2J %s", "c\rd\u2028e"), format=format)
        assert len(text.splitlines()) == 1
        assert "\x1b" not in text


def test_long_texts_are_cut() -> None:
    text = written(lambda: log.info("x" * 10_000_000))
    assert len(text) < 20_000
    assert "10000000 characters in all" in text


def test_what_cannot_be_formatted_does_not_raise_and_is_not_repeated() -> None:
    stream = io.StringIO()
    output = LogOutput(stream)
    output.setFormatter(JsonFormatter())
    alone = logging.Logger("nexusd.alone")
    alone.addHandler(output)
    alone.info("%d", "hunter2")
    output.close()
    line = stream.getvalue()
    assert "could not be formatted" in line
    assert "hunter2" not in line


def test_marks_follow_tasks_and_threads() -> None:
    async def main() -> list[dict[str, str]]:
        with bound(connection="c1"):
            with bound(call="1"):
                inner = asyncio.create_task(asyncio.to_thread(current))
            outer = current()
        return [await inner, outer, current()]

    assert asyncio.run(main()) == [{"connection": "c1", "call": "1"}, {"connection": "c1"}, {}]


def test_setting_up_again_replaces() -> None:
    first, second = io.StringIO(), io.StringIO()
    setup("info", "json", first)
    output = setup("info", "json", second)
    log.info("once")
    output.close()
    assert first.getvalue() == ""
    assert len(second.getvalue().splitlines()) == 1
    assert not any(thread.name == "nexus-log" for thread in threading.enumerate())


def test_auto_is_json_where_nobody_looks(tmp_path: Path) -> None:
    with (tmp_path / "log").open("w") as stream:
        output = setup("info", "auto", stream)
        log.info("hello")
        output.close()
    assert json.loads((tmp_path / "log").read_text())["message"] == "hello"


def test_auto_is_text_on_a_terminal() -> None:
    controller, terminal = os.openpty()
    with os.fdopen(terminal, "w") as stream:
        output = setup("info", "auto", stream)
        log.info("hello")
        output.close()
        assert b"info    nexusd.test: hello" in os.read(controller, 1000)
    os.close(controller)


def test_the_journal_is_told_the_priority(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with (tmp_path / "log").open("w") as stream:
        found = os.fstat(stream.fileno())
        monkeypatch.setenv("JOURNAL_STREAM", f"{found.st_dev}:{found.st_ino}")
        output = setup("debug", "text", stream)
        fail("no")
        log.info("hello")
        log.debug("detail")
        output.close()
    lines = (tmp_path / "log").read_text().splitlines()
    assert lines[0] == "<3>error   nexusd.test: it failed"
    assert all(line.startswith("<3>    | ") for line in lines[1:-2])
    assert lines[-2:] == ["<6>info    nexusd.test: hello", "<7>debug   nexusd.test: detail"]


class Blocked(io.StringIO):
    """A stream whose reader does not read until it is told to."""

    def __init__(self) -> None:
        super().__init__()
        self.open = threading.Event()

    def write(self, text: str) -> int:
        self.open.wait(20)
        return super().write(text)


def test_a_reader_that_does_not_read_stops_nobody(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(logs, "WAITING", 100)
    stream = Blocked()
    output = setup("info", "text", stream)
    for n in range(500):
        log.info("line %d", n)
    stream.open.set()
    output.close()
    lines = stream.getvalue().splitlines()
    assert any("lines of the log were dropped" in line for line in lines)
    kept = [line for line in lines if "line " in line and "dropped" not in line]
    assert 100 <= len(kept) <= 102


def test_a_closed_stderr_does_not_end_the_daemon() -> None:
    stream = io.StringIO()
    output = setup("info", "text", stream)
    stream.close()
    log.info("hello")
    output.close()


_TEXT = st.text(st.characters(exclude_categories=["Cs"]), max_size=30)
_OPAQUE = st.text("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789", min_size=24, max_size=60)


def _jwt(claims: str) -> str:
    return jwt.encode({"sub": claims}, "k" * 32, algorithm="HS256")


# each form: how a secret stands in a text, and what of it must not come out
FORMS: list[Callable[[str], tuple[str, str]]] = [
    lambda s: (_jwt(s), _jwt(s).split(".")[1]),
    lambda s: (f"Bearer {s}", s),
    lambda s: (f"authorization: Basic {s}", s),
    lambda s: (
        f"nexus.bearer.{base64.urlsafe_b64encode(s.encode()).decode()}",
        base64.urlsafe_b64encode(s.encode()).decode(),
    ),
    lambda s: (f"https://user:{s}@git.example/x", s),
    lambda s: (f"https://{s}@git.example/x", s),
    lambda s: (f"?token={s}&x", s),
    lambda s: (json.dumps({"password": s}), s),
    lambda s: (repr({"client_secret": s}), s),
    lambda s: (f"API_KEY={s}", s),
    lambda s: (f"-----BEGIN PRIVATE KEY-----\n{s}\n-----END PRIVATE KEY-----", s),
    lambda s: (f"-----BEGIN OPENSSH PRIVATE KEY-----\n{s}", s),
]


@settings(max_examples=200, suppress_health_check=[HealthCheck.function_scoped_fixture], deadline=None)
@given(
    secret=_OPAQUE,
    form=st.sampled_from(FORMS),
    before=_TEXT,
    after=_TEXT,
    place=st.sampled_from(["message", "argument", "repr", "exception", "field", "nested", "mark", "secret"]),
    formatter=st.sampled_from([JsonFormatter(), TextFormatter(), TextFormatter(timed=False)]),
)
def test_no_secret_reaches_a_log(
    secret: str,
    form: Callable[[str], tuple[str, str]],
    before: str,
    after: str,
    place: str,
    formatter: logging.Formatter,
) -> None:
    assume(secret not in before and secret not in after)
    shown, hidden = form(secret)
    text = f"{before} {shown} {after}"
    stream = io.StringIO()
    output = LogOutput(stream)
    output.setFormatter(formatter)
    quiet = logging.Logger("nexusd.secret")
    quiet.addHandler(output)
    if place == "message":
        quiet.error(text.replace("%", ""))
    elif place == "argument":
        quiet.error("it is %s", text)
    elif place == "repr":
        quiet.error("it is %r", {"value": text})
    elif place == "exception":
        try:
            raise ValueError(text)
        except ValueError:
            quiet.exception("it failed")
    elif place == "field":
        quiet.error("it is", extra=fields(value=text, token=secret))
    elif place == "nested":
        quiet.error("it is", extra=fields(value={text: [text]}, headers={"Authorization": secret}))
    elif place == "mark":
        with bound(workspace=text):
            quiet.error("it is")
    else:
        quiet.error("it is %s %r", Secret(secret), [Secret(secret)], extra=fields(value=Secret(secret)))
    output.close()
    line = stream.getvalue()
    assert line.endswith("\n") and len(line) > 10
    assert hidden not in line
    assert secret not in line
