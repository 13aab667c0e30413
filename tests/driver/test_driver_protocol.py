"""What a driver promises beside its answers: any number of cases at a time, its own deadline, a good end."""

from __future__ import annotations

import base64
import concurrent.futures
import json
import subprocess
from collections.abc import Iterator
from typing import Any

import pytest
from daemon_process import make_repository
from drivers import SDKS, Driver, Json, Program
from served import Served


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("protocol")
    made = Served(folder / "served", make_repository(folder / "repository"))
    made.daemon.start()
    yield made
    assert made.daemon.stop() == 0, made.daemon.log[-4000:]


def run(program: Program, *cases: Json) -> dict[Any, Json]:
    """Hand over all cases at once and end the input; the answers by id, exactly one for each."""
    ran = subprocess.run(
        [*program.argv],
        input="".join(json.dumps(case) + "\n" for case in cases),
        env=dict(program.environ),
        capture_output=True,
        text=True,
        timeout=120.0,
        check=False,
    )
    assert (ran.returncode, ran.stderr) == (0, "")
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    found = {answer["id"]: answer for answer in answers}
    assert len(found) == len(answers) == len(cases)
    return found


@pytest.mark.parametrize("sdk", SDKS)
def test_cases_overtake_each_other_and_close_waits_for_them(
    sdk: str, programs: dict[str, Program], served: Served
) -> None:
    workspace = served.workspace()["id"]
    waiting = {"do": "exec", "workspace": workspace, "argv": ["sh", "-c", "while ! [ -e go ]; do sleep 0.05; done"]}
    writing = {"workspace": workspace, "path": "go", "content": ""}
    answers = run(
        programs[sdk],
        {"id": 0, "do": "connect", "url": served.daemon.url, "token": served.daemon.token()},
        {"id": "waits", **waiting},
        {"id": "", "do": "call", "method": "fs.write", "params": writing},
        {"id": 2, "do": "close"},
        {"id": 3, "do": "call", "method": "session.ping", "params": {}},
    )
    assert answers[0]["result"] == {"level": served.daemon.call("system.info")["level"], "subject": "tester"}
    assert answers["waits"]["result"]["exit_code"] == 0
    assert answers[""]["ok"] and answers[2]["result"] == {}
    assert answers[3]["error"]["name"] == "connection_failed"


@pytest.mark.parametrize("sdk", SDKS)
def test_following_from_an_offset_for_so_many_bytes(sdk: str, drivers: dict[str, Driver], served: Served) -> None:
    workspace = served.workspace()["id"]
    process = served.ended(workspace, "sh", "-c", "printf 0123456789; exit 5")
    driver = drivers[sdk]
    driver.result({"do": "connect", "url": served.daemon.url, "token": served.daemon.token()})
    part = driver.result({"do": "attach", "process": process, "offset": 3, "limit": 4})
    assert base64.b64decode(part["stdout"]) == b"3456"
    assert (part["exit_code"], part["signal"], part["reason"]) == (None, None, None)
    rest = driver.result({"do": "attach", "process": process, "offset": 7})
    assert (base64.b64decode(rest["stdout"]), rest["exit_code"], rest["reason"]) == (b"789", 5, "exited")
    digest = driver.result({"do": "attach", "process": process, "digest": True})
    assert digest["stdout"]["size"] == 10 and digest["stderr"]["size"] == 0
    assert driver.result({"do": "close"}) == {}


def test_a_driver_that_dies_or_hangs_is_told_from_one_that_answers(programs: dict[str, Program]) -> None:
    environ = programs["python"].environ
    # how long an answer may take beyond the timeout of the call is known; one that dies may be slow to start
    cases = (("raise SystemExit(3)", "ended", 0), ("import time; time.sleep(600)", "hangs", -14_000))
    for code, fault, timeout in cases:
        driver = Driver("none", Program([programs["python"].argv[0], "-c", code], environ))
        with concurrent.futures.ThreadPoolExecutor(1) as pool:
            answer = pool.submit(driver.ask, {"do": "close", "timeout_ms": timeout}).result(30)
        assert answer["error"]["name"] == fault
