"""Starting and stopping the daemon."""

from __future__ import annotations

import json
import os
import signal
import socket
import subprocess

from boulder.node import probe


def test_up_starts_the_daemon(lonely) -> None:
    first = lonely("up", "here")
    assert first.returncode == 0 and b"started the daemon" in first.stderr
    second = lonely("up", "here")
    assert second.returncode == 0 and b"started the daemon" not in second.stderr
    status = lonely.json("daemon", "status")
    assert status["info"]["workspaces"] == 1 and status["health"]["ok"] is True
    pid = status["info"]["pid"]
    assert os.getsid(pid) == pid
    assert os.readlink(f"/proc/{pid}/cwd") == "/"
    assert (lonely.home / "logs" / "daemon.log").stat().st_mode & 0o077 == 0


def test_start_stop_restart(lonely) -> None:
    assert lonely("daemon", "status").returncode == 6
    assert lonely("daemon", "stop").returncode == 0
    pid = int(lonely.ok("daemon", "start", "-q"))
    assert int(lonely.ok("daemon", "start", "-q")) == pid
    again = int(lonely.ok("daemon", "restart", "-q"))
    assert again != pid
    assert '"message":"ready"' in lonely.ok("daemon", "logs").replace(" ", "")
    stopped = lonely("daemon", "stop")
    assert stopped.returncode == 0 and str(again).encode() in stopped.stderr
    assert probe.state(lonely.home / "run" / "nexusd.sock") == "absent"
    assert lonely("ls").returncode == 6


def test_many_start_it_at_once(lonely) -> None:
    running = [
        lonely.popen("up", name, "--json", stdout=subprocess.PIPE, stderr=subprocess.PIPE)
        for name in ("a", "b", "c", "d")
    ]
    outcomes = [process.communicate(timeout=60) for process in running]
    assert [process.returncode for process in running] == [0] * 4, outcomes
    names = {json.loads(out)["workspace"]["name"] for out, _ in outcomes}
    assert names == {"a", "b", "c", "d"}
    assert sorted(lonely.ok("ls", "-q").split()) == ["a", "b", "c", "d"]
    log = (lonely.home / "logs" / "daemon.log").read_text()
    assert log.count('"message":"ready"') == 1 and "another nexusd" not in log


def test_a_daemon_that_cannot_start_says_why(lonely) -> None:
    lonely.home.mkdir(mode=0o700)
    (lonely.home / "config.yaml").write_text("daemon:\n  prot: 1\n")
    done = lonely("up", "x")
    assert done.returncode == 6
    assert b"the daemon did not start (exit code 78)" in done.stderr and b"daemon.port" in done.stderr


def test_a_port_that_is_taken(lonely) -> None:
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        done = lonely("daemon", "start", NEXUS_PORT=str(taken.getsockname()[1]))
    assert done.returncode == 6 and b"something else does" in done.stderr


def test_nobody_asked_for_the_default_port(lonely) -> None:
    with socket.socket() as taken:
        try:
            taken.bind(("127.0.0.1", 8080))
            taken.listen()
        except OSError:
            pass  # taken by something else: the same to the daemon
        del lonely.environ["NEXUS_PORT"]
        lonely.ok("up", "here")
        assert "instead" in lonely.ok("daemon", "logs")
        asked = lonely("daemon", "restart", NEXUS_PORT="8080")
        assert asked.returncode == 6 and b"something else does" in asked.stderr
    lonely.environ["NEXUS_PORT"] = "0"


def test_a_socket_that_was_left_behind(lonely) -> None:
    pid = int(lonely.ok("daemon", "start", "-q"))
    os.kill(pid, signal.SIGKILL)
    ended = lonely("up", "x")
    assert ended.returncode == 0, ended.stderr
    assert int(lonely.json("daemon", "status")["info"]["pid"]) != pid


def test_a_daemon_elsewhere_is_not_started(lonely) -> None:
    with socket.socket() as free:
        free.bind(("127.0.0.1", 0))
        done = lonely("up", "x", NEXUS_URL=f"http://127.0.0.1:{free.getsockname()[1]}")
    assert done.returncode == 6
    assert not lonely.home.exists()


def test_stop_of_a_daemon_that_hangs(lonely) -> None:
    pid = int(lonely.ok("daemon", "start", "-q"))
    os.kill(pid, signal.SIGSTOP)
    done = lonely("daemon", "stop", "--timeout", "300ms")
    assert done.returncode == 7 and b"--force" in done.stderr
    done = lonely("daemon", "stop", "--timeout", "300ms", "--force")
    assert done.returncode == 0
    assert probe.state(lonely.home / "run" / "nexusd.sock") == "absent"


def test_run_in_the_foreground(lonely) -> None:
    with lonely.popen("daemon", "run", stdout=subprocess.PIPE, stderr=subprocess.STDOUT) as running:
        for line in running.stdout:
            if b'"ready"' in line:
                break
        assert lonely.json("daemon", "status")["info"]["pid"] == running.pid
        running.send_signal(signal.SIGTERM)
        running.stdout.read()
        assert running.wait(30) == 0
