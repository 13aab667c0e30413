"""The wire scripts against connections in memory, and the runner against scripts that must fail."""

from __future__ import annotations

import json
from pathlib import Path
from typing import Any

import pytest
from runner import SCRIPTS, Script, ScriptError, load, load_all, run
from wire_memory import OFFERED, MemoryServer

ALL = load_all(OFFERED)


def test_no_script_is_left_out() -> None:
    assert {script.name for script in ALL} == {path.stem for path in SCRIPTS.glob("*.jsonl")}
    assert len(ALL) >= 10


@pytest.mark.parametrize("script", ALL, ids=lambda script: script.name)
async def test_script(script: Script) -> None:
    server = MemoryServer()
    await run(script, server.connect, {"workspace": "w1"})
    assert await server.dispatcher.drain(10.0) == 0


READY = {"expect": {"method": "session.ready"}}
PING = {"send": {"jsonrpc": "2.0", "id": 1, "method": "session.ping", "params": {}}}
UPLOAD = {
    "send": {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "fs.upload",
        "params": {"workspace": "w", "path": "f", "upload": "12345678", "size": 1},
    }
}
OPEN = {"expect": {"method": "stream.open", "params": {"stream": "$bind:s"}}}
DATA = {"type": "DATA", "channel": 0, "stream": "$s", "offset": 0}

FAILING: dict[str, list[dict[str, Any]]] = {
    "another method": [{"expect": {"method": "session.other"}}],
    "another id": [READY, PING, {"expect": {"id": 2}}],
    "an id of another type": [READY, PING, {"expect": {"id": True}}],
    "a member that is not there": [READY, PING, {"expect": {"result": {"colour": "$any"}}}],
    "a result instead of an error": [READY, PING, {"expect": {"error": "$any"}}],
    "something else bound": [READY, PING, {"expect": {"id": "$bind:x"}}, PING, {"expect": {"result": "$x"}}],
    "a frame instead of text": [READY, PING, {"expect_bin": DATA}],
    "text instead of a frame": [READY, UPLOAD, OPEN, {"send_bin": {**DATA, "text": "x" * 40_000}}, {"expect": {}}],
    "another frame": [
        READY,
        UPLOAD,
        OPEN,
        {"send_bin": {**DATA, "text": "x" * 40_000}},
        {"expect_bin": {"type": "CREDIT", "channel": 0, "stream": "$s", "offset": 1}},
    ],
    "not all": [READY, PING, PING, {"expect_all": [{"id": 1}, {"id": 2}]}],
    "not closed": [READY, PING, {"expect_close": 4400}],
    "closed otherwise": [READY, {"send_bin_raw": "00"}, {"expect_close": 1002}],
    "closed unexpectedly": [READY, {"send_bin_raw": "00"}, {"expect": {}}],
    "no such step": [READY, {"wait": 1}],
    "two things in one step": [{**READY, **PING}],
}


@pytest.mark.parametrize("steps", FAILING.values(), ids=FAILING.keys())
async def test_the_runner_sees_what_is_wrong(steps: list[dict[str, Any]], tmp_path: Path) -> None:
    path = tmp_path / "failing.jsonl"
    path.write_text("\n".join(json.dumps(line) for line in [{"title": "t", "requires": []}, *steps]))
    with pytest.raises(ScriptError, match=r"failing\.jsonl:\d+"):
        await run(load(path), MemoryServer().connect)


@pytest.mark.parametrize(("end", "good"), [("end", True), ("enD", False), ("en", False), ("ends", False)])
async def test_data_may_be_cut_anywhere_and_must_be_right_everywhere(end: str, good: bool, tmp_path: Path) -> None:
    server = MemoryServer()
    server.files["f"] = b"ab" * 35_000 + b"end"
    get = {
        "jsonrpc": "2.0",
        "id": 1,
        "method": "fs.download",
        "params": {"workspace": "w", "path": "f", "window": 100_000},
    }
    frame = {"type": "DATA", "channel": 1, "stream": "$s", "offset": 0, "text": "ab" * 35_000 + end}
    path = tmp_path / "data.jsonl"
    steps = [READY, {"send": get}, OPEN, {"expect_bin": frame}]
    path.write_text("\n".join(json.dumps(line) for line in [{"title": "t", "requires": []}, *steps]))
    if good:
        await run(load(path), server.connect)
    else:
        with pytest.raises(ScriptError, match=r"data\.jsonl:5"):
            await run(load(path), server.connect)


async def test_scripts_that_need_more_than_is_offered_are_left_out() -> None:
    assert {script.name for script in load_all(frozenset({"session"}))} < {script.name for script in ALL}
