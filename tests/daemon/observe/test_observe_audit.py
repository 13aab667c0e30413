"""The audit log: intents before, outcomes after, whole lines, no secrets, no end of the disk."""

from __future__ import annotations

import json
import logging
import os
import resource
import signal
import stat
import subprocess
import sys
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from nexus_sdk.protocol.errors import StorageFull
from nexusd.observe.audit import AuditLog
from nexusd.observe.redact import Secret


def lines(path: Path) -> list[dict[str, Any]]:
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.fixture
def path(tmp_path: Path) -> Path:
    return tmp_path / "audit.log"


@pytest.fixture
def audit(path: Path) -> Iterator[AuditLog]:
    log = AuditLog(path)
    yield log
    log.close()


def test_an_intent_is_in_the_file_before_anything_is_done(path: Path, audit: AuditLog) -> None:
    id = audit.intent(
        actor="uid:1000", method="workspace.destroy", target="ws_a", address="127.0.0.1:5", connection="c1"
    )
    (intent,) = lines(path)
    assert intent.pop("time").endswith("+00:00")
    assert intent == {
        "event": "intent",
        "id": id,
        "actor": "uid:1000",
        "method": "workspace.destroy",
        "target": "ws_a",
        "address": "127.0.0.1:5",
        "connection": "c1",
    }
    audit.outcome(id, "workspace_dirty", details={"kept": True})
    outcome = lines(path)[1]
    assert outcome.pop("time") >= intent.get("time", "")
    assert outcome == {"event": "outcome", "id": id, "result": "workspace_dirty", "details": {"kept": True}}


def test_the_file_is_private_and_appended_to(path: Path) -> None:
    for _ in range(2):
        log = AuditLog(path)
        log.intent(actor="a", method="m")
        log.close()
        log.close()
    assert len(lines(path)) == 2
    assert stat.S_IMODE(path.stat().st_mode) == 0o600


def test_a_link_in_its_place_is_not_followed(path: Path, tmp_path: Path) -> None:
    path.symlink_to(tmp_path / "elsewhere")
    with pytest.raises(OSError, match="symbolic links"):
        AuditLog(path)
    assert not (tmp_path / "elsewhere").exists()


def test_secrets_and_forged_lines_stay_out(path: Path, audit: AuditLog) -> None:
    audit.intent(
        actor='x"}\n{"event": "outcome"',
        method="m\x1b[2J",
        target="https://u:hunter2@h/",
        details={"token": "hunter2", "env": {"DB_PASSWORD": "hunter2", "A": "token=hunter2"}, "s": [Secret("hunter2")]},
    )
    text = path.read_text()
    assert "hunter2" not in text and "\x1b" not in text
    (line,) = lines(path)
    assert line["actor"] == 'x"}\\n{"event": "outcome"'
    assert line["details"] == {"token": "***", "env": {"DB_PASSWORD": "***", "A": "token=***"}, "s": ["***"]}


def test_long_values_are_cut(path: Path, audit: AuditLog) -> None:
    audit.intent(actor="x" * 1_000_000, method="m")
    assert path.stat().st_size < 2000


def test_files_are_put_aside_by_size_and_the_oldest_goes(tmp_path: Path, path: Path) -> None:
    audit = AuditLog(path, limit=1000, keep=3)
    for n in range(60):
        audit.intent(actor=f"{n:03}", method="m", details={"filler": "x" * 100})
    audit.close()
    names = sorted(os.listdir(tmp_path))
    assert names == ["audit.log", "audit.log.1", "audit.log.2", "audit.log.3"]
    assert all((tmp_path / name).stat().st_size <= 1000 for name in names)
    actors = [line["actor"] for name in [*reversed(names[1:]), "audit.log"] for line in lines(tmp_path / name)]
    assert actors == [f"{n:03}" for n in range(60 - len(actors), 60)], "in order, without a gap, up to the last"
    assert len(actors) > 12


def test_none_are_kept_where_none_should_be(tmp_path: Path, path: Path) -> None:
    audit = AuditLog(path, limit=200, keep=0)
    for n in range(10):
        audit.intent(actor=str(n), method="m")
    audit.close()
    assert os.listdir(tmp_path) == ["audit.log"]
    assert lines(path)[-1]["actor"] == "9"


def test_reopening_follows_the_name(tmp_path: Path, path: Path, audit: AuditLog) -> None:
    audit.intent(actor="before", method="m")
    path.rename(tmp_path / "moved")
    audit.intent(actor="still", method="m")
    audit.reopen()
    audit.intent(actor="after", method="m")
    assert [line["actor"] for line in lines(tmp_path / "moved")] == ["before", "still"]
    assert [line["actor"] for line in lines(path)] == ["after"]


def test_many_threads_write_whole_lines(tmp_path: Path, path: Path) -> None:
    audit = AuditLog(path, limit=20_000, keep=100)

    def work() -> None:
        for _ in range(100):
            audit.outcome(audit.intent(actor="a", method="m"))

    threads = [threading.Thread(target=work) for _ in range(8)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    audit.close()
    found = [line for name in os.listdir(tmp_path) for line in lines(tmp_path / name)]
    assert len(found) == 1600
    assert len({line["id"] for line in found}) == 800


def test_writing_after_the_end(path: Path, audit: AuditLog, caplog: pytest.LogCaptureFixture) -> None:
    id = audit.intent(actor="a", method="m")
    audit.close()
    with pytest.raises(OSError, match="closed"):
        audit.intent(actor="a", method="m")
    with caplog.at_level(logging.ERROR):
        audit.outcome(id)
    assert id in caplog.text
    assert len(lines(path)) == 1


def test_a_full_disk_refuses_the_intent_and_leaves_no_half_line(tmp_path: Path) -> None:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    if subprocess.run(["mount", "-t", "tmpfs", "-o", "size=8k", "none", str(disk)], capture_output=True).returncode:
        pytest.skip("mounting is not allowed here")
    try:
        audit = AuditLog(disk / "audit.log")
        written = 0
        with pytest.raises(StorageFull) as caught:
            for written in range(1000):
                audit.intent(actor="a", method="m", details={"n": written, "filler": "x" * 700})
        assert str(disk / "audit.log") in str(caught.value)
        assert written
        assert [line["details"]["n"] for line in lines(disk / "audit.log")] == list(range(written))
        audit.outcome("au_x")
        assert len(lines(disk / "audit.log")) == written + 1 or len(lines(disk / "audit.log")) == written
        subprocess.run(["mount", "-o", "remount,size=64k", str(disk)], check=True)
        audit.intent(actor="later", method="m")
        assert lines(disk / "audit.log")[-1]["actor"] == "later"
        audit.close()
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


CHILD = """
import os, signal, sys
from pathlib import Path
from nexusd.observe.audit import AuditLog
audit = AuditLog(Path(sys.argv[1]))
audit.intent(actor="a", method="m")
os.kill(os.getpid(), signal.SIGKILL)
"""


def test_an_intent_survives_the_death_of_the_process(path: Path) -> None:
    done = subprocess.run([sys.executable, "-c", CHILD, str(path)], timeout=60)
    assert done.returncode == -signal.SIGKILL
    assert [line["event"] for line in lines(path)] == ["intent"]


def test_a_file_size_limit_is_an_error_and_no_half_line(path: Path, audit: AuditLog) -> None:
    audit.intent(actor="first", method="m")
    soft, hard = resource.getrlimit(resource.RLIMIT_FSIZE)
    old = signal.signal(signal.SIGXFSZ, signal.SIG_IGN)
    resource.setrlimit(resource.RLIMIT_FSIZE, (path.stat().st_size + 40, hard))
    try:
        with pytest.raises(StorageFull):
            audit.intent(actor="second", method="m")
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, (soft, hard))
        signal.signal(signal.SIGXFSZ, old)
    audit.intent(actor="third", method="m")
    assert [line["actor"] for line in lines(path)] == ["first", "third"]
