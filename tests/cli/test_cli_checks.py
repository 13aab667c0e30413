"""`boulder doctor`: each check finds what it is for."""

from __future__ import annotations

import json
import socket
from pathlib import Path

import pytest
from boulder import checks
from boulder.app import cli
from boulder.context import App
from click.testing import CliRunner
from daemon_process import DaemonProcess


@pytest.fixture
def app(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> App:
    monkeypatch.setenv("NEXUS_HOME", str(tmp_path / "home"))
    monkeypatch.delenv("NEXUS_URL", raising=False)
    return App()


def test_this_machine_passes(app: App) -> None:
    assert checks.python(app).status == "ok"
    assert checks.git(app).status == "ok"
    assert checks.kernel(app).status == "ok"


def test_git_that_is_missing(app: App, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    found = checks.git(app)
    assert found.status == "fail" and "apt install git" in found.hint


def test_git_that_is_old(app: App, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    program = tmp_path / "git"
    program.write_text("#!/bin/sh\necho git version 2.19.9\n")
    program.chmod(0o755)
    monkeypatch.setenv("PATH", f"{tmp_path}:/bin:/usr/bin")
    found = checks.git(app)
    assert found.status == "fail" and "2.19.9" in found.message


def test_home_that_others_can_write_to(app: App) -> None:
    assert checks.home(app).status == "ok"
    app.home.mkdir(mode=0o700)
    assert checks.home(app).status == "ok"
    app.home.chmod(0o777)
    found = checks.home(app)
    assert found.status == "fail" and found.hint.startswith("chmod 700")


def test_home_that_is_a_file(app: App) -> None:
    app.home.write_text("")
    assert checks.home(app).status == "fail"


def test_home_with_a_path_too_long_for_a_socket(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    place = tmp_path / ("x" * 100)
    place.mkdir(mode=0o700)
    monkeypatch.setenv("NEXUS_HOME", str(place))
    found = checks.home(App())
    assert found.status == "fail" and "107" in found.message


def test_a_full_disk(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    usage = checks.shutil.disk_usage("/")
    monkeypatch.setattr(checks.shutil, "disk_usage", lambda path: usage._replace(free=1000))
    assert checks.disk(app).status == "fail"


def test_no_daemon_is_a_warning_where_we_would_start_it(app: App) -> None:
    found = checks.daemon(app)
    assert found.status == "warn" and "boulder daemon start" in found.hint
    assert checks.token(app).status == "skip" and checks.clock(app).status == "skip"


def test_whether_processes_outlive_the_daemon(app: App, daemon: DaemonProcess, nexus_init: Path) -> None:
    for keep, status in (("true", "ok"), ("false", "warn")):
        daemon.stop()
        daemon.settings = [f"processes.outlive_daemon={keep}"]
        daemon.start()
        kept = App()
        found = checks.processes(kept)
        assert found.status == status, found
    daemon.stop()
    assert checks.processes(app).status == "skip"


def test_no_daemon_is_a_failure_where_one_was_named() -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        found = checks.daemon(App(url=f"ws://127.0.0.1:{free.getsockname()[1]}/rpc"))
    assert found.status == "fail"


def test_a_check_that_breaks_is_reported(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(app: App) -> checks.Finding:
        raise RuntimeError("oops")

    monkeypatch.setattr(checks, "CHECKS", (broken, checks.python))
    found = checks.run_all(app)
    assert [item.status for item in found] == ["fail", "ok"] and "oops" in found[0].message


def test_the_exit_code_follows_the_failures(app: App, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(checks, "CHECKS", (lambda app: checks.Finding("x", "fail", "broken", "mend it"),))
    done = CliRunner().invoke(cli, ["doctor"])
    assert done.exit_code == 1 and "mend it" in done.stdout
    done = CliRunner().invoke(cli, ["doctor", "--json"])
    assert done.exit_code == 1 and json.loads(done.stdout)["ok"] is False
    monkeypatch.setattr(checks, "CHECKS", (lambda app: checks.Finding("x", "warn", "hm", "perhaps"),))
    assert CliRunner().invoke(cli, ["doctor"]).exit_code == 0
