"""Every script of schema/broken, in every SDK: the error that the script says, in time."""

from __future__ import annotations

import asyncio
import contextlib
import itertools
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import pytest
from broken_server import NUMBERS, BrokenServer, Script, load_all
from drivers import SDKS, Driver, Json, each
from matrix import Matrix

SCRIPTS = load_all()
TOPICS = sorted({script.topic for script in SCRIPTS})
RECONNECT_MS = 3000
DEADLINE_MS = 8000
"""Of a case that says nothing of it; one that needs it all hangs."""

RUNS = itertools.count()
"""Numbers the scripts: no download may find what another one left."""

LARGE = 32 * 1024 * 1024


@pytest.fixture(scope="module")
def files(tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    folder = tmp_path_factory.mktemp("broken")
    made = {"$source": folder / "source", "$large": folder / "large"}
    made["$source"].write_bytes(bytes(300_000))
    with made["$large"].open("wb") as file:
        file.truncate(LARGE)
    return {**made, "$target": folder / "target"}


def matches(wanted: Any, came: Any) -> bool:
    """Whether everything that is wanted is there; there may be more."""
    if isinstance(wanted, dict):
        return isinstance(came, dict) and all(key in came and matches(wanted[key], came[key]) for key in wanted)
    if isinstance(wanted, list):
        return isinstance(came, list) and len(wanted) == len(came) and all(map(matches, wanted, came))
    return type(wanted) is type(came) and bool(wanted == came)


def judge(expect: Json, answer: Json) -> str | None:
    """What is wrong with an answer; None for nothing."""
    if expect.get("ok"):
        if answer["ok"] and matches(expect.get("result", {}), answer["result"]):
            return None
    elif not answer["ok"]:
        wanted = {"code": NUMBERS.get(expect["name"]), "may_have_run": False, **expect}
        if all(answer["error"][key] == value for key, value in wanted.items()):
            return None
    return f"{answer}, wanted {expect}"


def verdict(answer: Json) -> str:
    """An answer as the table shows it."""
    return "ok" if answer["ok"] else str(answer["error"]["name"])


async def play(script: Script, drivers: Mapping[str, Driver], files: Mapping[str, Path]) -> tuple[Json, list[str]]:
    """Run a script with every driver at once, each against a server of its own.

    Returns:
        What came of the first case that the script is about, by SDK; and what is wrong.
    """
    wrong: list[str] = []
    shown: Json = {}
    async with contextlib.AsyncExitStack() as stack:
        servers = {name: await stack.enter_async_context(BrokenServer(script)) for name in drivers}
        number = next(RUNS)
        first: Json = {"do": "connect", "token": "t", "timeout_ms": DEADLINE_MS, "reconnect_timeout_ms": RECONNECT_MS}
        first |= {**script.options, "expect": script.connect}
        for case in [first, *script.cases]:
            case = {"timeout_ms": DEADLINE_MS, **case}
            expect = case.pop("expect")
            cases = {}
            for name in drivers:
                own = {key: files.get(value, value) if isinstance(value, str) else value for key, value in case.items()}
                own = {key: f"{value}-{name}-{number}" if key == "target" else value for key, value in own.items()}
                own = {key: str(value) if isinstance(value, Path) else value for key, value in own.items()}
                cases[name] = {**own, "url": servers[name].url} if case["do"] == "connect" else own
            answers = await asyncio.to_thread(each, drivers, cases)
            for name, answer in answers.items():
                fault = judge(expect, answer)
                if fault is not None:
                    wrong.append(f"{script.topic}: {script.name}: {name}: {case['do']}: {fault}")
            if not shown and (case["do"] != "connect" or not script.cases):
                shown = {name: verdict(answer) for name, answer in answers.items()}
        wrong += [
            f"{script.topic}: {script.name}: the server: {fault}" for one in servers.values() for fault in one.failures
        ]
    return shown, wrong


@pytest.mark.parametrize("topic", TOPICS)
async def test_scripts(topic: str, drivers: dict[str, Driver], files: dict[str, Path]) -> None:
    matrix = Matrix(f"broken: {topic}", f"{topic}: the server")
    wrong: list[str] = []
    for script in SCRIPTS:
        if script.topic == topic:
            shown, faults = await play(script, drivers, files)
            matrix.row(script.name, shown)
            wrong += faults
    print(matrix.table())
    assert wrong == [], "\n" + "\n".join(wrong)
    matrix.check()


def test_scripts_have_names_of_their_own() -> None:
    names = [(script.topic, script.name) for script in SCRIPTS]
    assert len(names) == len(set(names)) > 100


def test_the_judge_can_say_no() -> None:
    refused = {"ok": False, "error": {"name": "output_gap", "code": None, "message": "", "may_have_run": False}}
    assert judge({"name": "output_gap"}, refused) is None
    assert judge({"name": "protocol_violation"}, refused)
    assert judge({"name": "output_gap", "may_have_run": True}, refused)
    assert judge({"name": "forbidden"}, {"ok": False, "error": {**refused["error"], "name": "forbidden"}})
    assert judge({"ok": True}, refused)
    assert judge({"ok": True, "result": {"a": 1}}, {"ok": True, "result": {"a": True}})
    assert set(SDKS) == {"python", "typescript", "go"}
