"""The Go driver speaks the protocol of tests/driver/README.md."""

from __future__ import annotations

import base64
import hashlib
import json
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon_process import DaemonProcess, make_repository
from go_toolchain import Go

pytestmark = pytest.mark.xdist_group("sdk_go")

Json = dict[str, Any]


@pytest.fixture(scope="module")
def program(go: Go, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The driver, built."""
    built = tmp_path_factory.mktemp("driver") / "driver"
    made = go.run("build", "-o", str(built), "./cmd/driver")
    assert made.returncode == 0, made.stdout
    return built


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[DaemonProcess, str]]:
    """A daemon, and the id of a workspace."""
    home = tmp_path_factory.mktemp("served")
    daemon = DaemonProcess(home / "home").start()
    repository = make_repository(home / "repository")
    made = daemon.call("workspace.create", name="driven", repository={"url": str(repository)})
    yield daemon, made["workspace"]["id"]
    assert daemon.stop() == 0, daemon.log[-4000:]


def drive(program: Path, *cases: Json) -> dict[Any, Json]:
    """Run cases and return the answers by id; there is exactly one for each."""
    lines = "".join(json.dumps(case) + "\n" for case in cases)
    ran = subprocess.run([str(program)], input=lines, capture_output=True, text=True, timeout=120.0, check=False)
    assert ran.returncode == 0, ran.stderr
    answers = [json.loads(line) for line in ran.stdout.splitlines()]
    by_id = {answer["id"]: answer for answer in answers}
    assert len(by_id) == len(answers) == len(cases)
    for answer in answers:
        assert set(answer) == ({"id", "ok", "result"} if answer["ok"] else {"id", "ok", "error"}), answer
    return by_id


def test_every_case(program: Path, served: tuple[DaemonProcess, str], tmp_path: Path) -> None:
    daemon, workspace = served
    source, target = tmp_path / "source", tmp_path / "target"
    source.write_bytes(bytes(range(256)) * 4096)
    answers = drive(
        program,
        {"id": 0, "do": "connect", "url": daemon.url, "token": daemon.token()},
        {"id": "ping", "do": "call", "method": "session.ping", "params": {}},
        {"id": "run", "do": "call", "method": "exec.run", "params": {"workspace": workspace, "argv": ["echo", "hi"]}},
        {
            "id": "exec",
            "do": "exec",
            "workspace": workspace,
            "argv": ["sh", "-c", "cat; echo bad >&2; exit 4"],
            "stdin": base64.b64encode(b"\xff in").decode(),
        },
        {"id": "killed", "do": "exec", "workspace": workspace, "argv": ["sh", "-c", "kill -9 $$"]},
        {"id": "upload", "do": "upload", "workspace": workspace, "source": str(source), "path": "uploaded"},
        {"id": "search", "do": "search", "workspace": workspace, "pattern": "hello"},
        {"id": "watch", "do": "watch", "workspace": workspace, "path": "src", "touch": ["src/t"], "count": 1},
        {"id": "labels", "do": "watch_workspaces", "workspace": workspace, "labels": {"a": "b"}},
        {"id": "refused", "do": "dial", "workspace": workspace, "port": 1, "send": ""},
        {"id": "unknown", "do": "nothing of the kind"},
        {"id": "late", "do": "exec", "workspace": workspace, "argv": ["sleep", "600"], "timeout_ms": 200},
        {"id": "close", "do": "close"},
    )
    assert answers[0]["result"] == {"level": daemon.call("system.info")["level"], "subject": "tester"}
    assert "time" in answers["ping"]["result"]
    assert answers["run"]["result"]["stdout"]["text"] == "hi\n"
    done = answers["exec"]["result"]
    assert (base64.b64decode(done["stdout"]), base64.b64decode(done["stderr"])) == (b"\xff in", b"bad\n")
    assert (done["exit_code"], done["signal"], done["reason"], done["reconnects"]) == (4, None, "exited", 0)
    killed = answers["killed"]["result"]
    assert (killed["exit_code"], killed["signal"], killed["stdout"]) == (None, "KILL", "")
    sent = {"size": source.stat().st_size, "sha256": hashlib.sha256(source.read_bytes()).hexdigest()}
    assert answers["upload"]["result"] == sent
    found = answers["search"]["result"]
    assert found["matches"] == [{"path": "src/app.py", "line": 1, "text": found["matches"][0]["text"]}]
    assert found["files"] >= 2
    assert answers["watch"]["result"]["events"][0]["kind"] == "change"
    changed = answers["labels"]["result"]["event"]
    assert (changed["kind"], changed["workspace"]["labels"]) == ("changed", {"a": "b"})
    assert answers["refused"]["error"]["name"] in ("port_refused", "port_forbidden")
    assert isinstance(answers["refused"]["error"]["code"], int)
    assert answers["unknown"]["error"]["name"] == "internal"
    late = answers["late"]["error"]
    assert (late["name"], late["code"], late["may_have_run"]) == ("call_timeout", None, True)
    assert answers["close"]["result"] == {}

    follow = {"do": "attach", "process": done["process"]}
    answers = drive(
        program,
        {"id": 0, "do": "connect", "url": daemon.url, "token": daemon.token()},
        {"id": 1, **follow},
        {"id": 2, **follow, "offset": 1, "limit": 2},
        {"id": 3, "do": "download", "workspace": workspace, "path": "uploaded", "target": str(target)},
        {"id": 4, "do": "attach", "process": "missing"},
    )
    assert {**answers[1]["result"], "reconnects": 0} == {**done, "reconnects": 0}
    part = answers[2]["result"]
    assert (base64.b64decode(part["stdout"]), part["exit_code"], part["reason"]) == (b" i", None, None)
    assert answers[3]["result"] == sent and target.read_bytes() == source.read_bytes()
    assert answers[4]["error"]["name"] == "process_not_found"


def test_without_a_daemon(program: Path) -> None:
    answers = drive(
        program,
        {"id": 1, "do": "call", "method": "session.ping", "params": {}},
        {"id": 2, "do": "connect", "url": "http://127.0.0.1:1", "token": "t"},
    )
    assert [answers[number]["error"]["name"] for number in (1, 2)] == ["connection_failed", "connection_failed"]
