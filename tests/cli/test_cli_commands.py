"""The commands, as programs of their own, against a real daemon."""

from __future__ import annotations

import contextlib
import hashlib
import json
import os
import re
import signal
import socket
import subprocess
import sys
import time
import urllib.request
from pathlib import Path

import pytest
from daemon_process import git, make_repository
from nexus_sdk.protocol.methods import LEVEL

WORKTREE = Path(".nexus/worktrees/work")


def until(condition, what: str, seconds: float = 20.0):
    """Wait until a condition gives something, and return it."""
    deadline = time.monotonic() + seconds
    while not (found := condition()):
        assert time.monotonic() < deadline, f"{what} did not come in {seconds} s"
        time.sleep(0.02)
    return found


# -- workspaces ------------------------------------------------------------------------------------------------------


def test_up_names_the_workspace_after_the_branch_and_is_idempotent(boulder) -> None:
    first = boulder.json("up")
    assert first["workspace"]["name"] == "main" and first["workspace"]["branch"] == "nexus/main"
    assert first["operation"]["state"] == "done"
    again = boulder("up")
    assert again.returncode == 0 and b"runs already" in again.stdout
    assert boulder.json("up")["workspace"]["id"] == first["workspace"]["id"]
    inside = boulder.ok("up", "--json", cwd=boulder.cwd / ".nexus/worktrees/main")
    assert json.loads(inside)["workspace"]["id"] == first["workspace"]["id"]
    assert boulder.ok("down", "main") == "main is gone\n"


def test_up_starts_what_was_stopped(boulder) -> None:
    boulder.ok("ws", "create", "later", "--no-start", "-e", "COLOUR=green", "-l", "team=a", "--port", "extra")
    record = boulder.json("ws", "get", "later")
    assert record["state"] == "stopped" and record["env"] == {"COLOUR": "green"} and record["labels"] == {"team": "a"}
    assert "extra" in [port["name"] for port in record["ports"]]
    done = boulder("up", "later", "--ref", "main")
    assert done.returncode == 0 and b"is running" in done.stdout and b"--ref changes nothing" in done.stderr
    assert boulder.ok("exec", "later", "--", "sh", "-c", "echo $COLOUR") == "green\n"
    boulder.ok("down", "later")


def test_up_in_no_repository(boulder, tmp_path: Path) -> None:
    done = boulder("up", "x", cwd=tmp_path)
    assert done.returncode == 2 and b"--repo" in done.stderr


def test_up_keeps_repositories_apart(boulder, tmp_path: Path) -> None:
    other = make_repository(tmp_path / "other")
    done = boulder("up", "work", cwd=other)
    assert done.returncode == 5 and b"made from" in done.stderr
    git("checkout", "-q", "-b", "work", cwd=other)
    assert json.loads(boulder.ok("up", "--json", cwd=other))["workspace"]["name"] == "other-work"
    assert json.loads(boulder.ok("up", "--json", cwd=other))["workspace"]["name"] == "other-work"
    boulder.ok("down", "other-work")


def test_up_on_no_branch_asks_for_a_name(boulder, tmp_path: Path) -> None:
    other = make_repository(tmp_path / "other")
    git("checkout", "-q", "--detach", cwd=other)
    done = boulder("up", cwd=other)
    assert done.returncode == 2 and b"HEAD is on no branch" in done.stderr


def test_ls(boulder) -> None:
    listed = boulder.json("ls")
    assert "work" in [workspace["name"] for workspace in listed["workspaces"]]
    assert "work" in boulder.ok("ls", "-q").split()
    lines = boulder.ok("ls").splitlines()
    assert lines[0].split() == ["NAME", "STATE", "BRANCH", "BACKEND", "ACTIVE", "REPOSITORY"]
    assert any(line.startswith("work ") and "running" in line and "\x1b" not in line for line in lines)
    assert "\x1b[32mrunning" in boulder.ok("ls", "--color", "always")
    assert boulder.ok("ls", "--state", "error", "-q") == ""
    assert boulder.ok("ls", "--repo", ".", "-q").split() == boulder.ok("ls", "-q").split()


def test_ls_watch(boulder) -> None:
    with boulder.popen("ls", "--watch", "--json", stdout=subprocess.PIPE, text=True) as watching:
        try:
            assert json.loads(watching.stdout.readline())["workspace"]["name"] == "work"
            boulder.ok("ws", "create", "seen")
            states = []
            for line in watching.stdout:
                event = json.loads(line)
                if event["workspace"]["name"] == "seen":
                    states.append(event["workspace"]["state"])
                    if states[-1] == "running":
                        break
            assert states[-1] == "running"
        finally:
            watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 130
    boulder.ok("down", "seen")


def test_lifecycle_in_long_form(boulder) -> None:
    boulder.ok("up", "life")
    for verb, state in (("stop", "stopped"), ("start", "running"), ("pause", "paused"), ("resume", "running")):
        assert boulder.json("workspace", verb, "life")["workspace"]["state"] == state
    assert boulder.ok("ws", "restart", "life") == "life is running\n"
    assert boulder.json("switch", "life")["workspace"]["current"] is True
    assert "life *" in boulder.ok("ls")
    operation = boulder.ok("ws", "stop", "life", "--no-wait", "-q").strip()
    assert boulder.ok("operation", "wait", operation, "-q") == "done\n"
    assert boulder("operation", "cancel", operation).returncode == 5
    kinds = [item["kind"] for item in boulder.json("ws", "operations", "life")["operations"]]
    assert len(kinds) >= 6
    boulder.ok("ws", "update", "life", "--display-name", "For \x1b[2J people", "-e", "A=1", "-l", "b=2")
    shown = boulder.ok("ws", "get", "life")
    assert "\\x1b[2J" in shown and "\x1b" not in shown and "A=1" in shown
    boulder.ok("ws", "update", "life", "--unset-env", "A")
    assert boulder.json("ws", "get", "life")["env"] == {}
    assert boulder("ws", "update", "life").returncode == 2
    assert set(boulder.json("ws", "stats", "life")["stats"]) == {"cpu_ms", "memory", "processes", "disk"}
    boulder.ok("ws", "destroy", "life")
    assert "life" not in boulder.ok("ls", "-q").split() and "life" in boulder.ok("ls", "-aq").split()


def test_down_keeps_work(boulder) -> None:
    boulder.ok("up", "precious")
    (boulder.cwd / ".nexus/worktrees/precious/new.txt").write_text("work\n")
    refused = boulder("down", "precious")
    assert refused.returncode == 5
    assert b"new.txt" in refused.stderr and b"boulder down --force precious" in refused.stderr
    found = json.loads(boulder("down", "precious", "--json").stderr)["error"]
    assert found["name"] == "workspace_dirty" and found["details"]["files"] == ["new.txt"]
    boulder.ok("git", "commit", "precious", "-m", "keep", "--author", "Test <test@example.invalid>")
    said = boulder.ok("down", "precious")
    assert "nexus/precious" in said and "1 commit that exists nowhere else" in said
    assert "nexus/precious" in git("branch", "--list", "nexus/precious", cwd=boulder.cwd)
    git("branch", "-D", "nexus/precious", cwd=boulder.cwd)


def test_down_force(boulder) -> None:
    boulder.ok("up", "rubbish")
    (boulder.cwd / ".nexus/worktrees/rubbish/new.txt").write_text("rubbish\n")
    assert boulder.ok("down", "--force", "rubbish") == "rubbish is gone\n"
    assert git("branch", "--list", "nexus/rubbish", cwd=boulder.cwd) == ""


def test_a_name_that_is_left_out(boulder, tmp_path: Path) -> None:
    inside = boulder.cwd / WORKTREE / "src"
    assert json.loads(boulder.ok("ws", "get", "--json", cwd=inside))["name"] == "work"
    outside = boulder("ws", "get", cwd=tmp_path)
    assert outside.returncode == 2 and b"name it" in outside.stderr
    missing = boulder("ws", "get", "nowhere")
    assert missing.returncode == 3 and b"error: " in missing.stderr and b"  try: " in missing.stderr


# -- processes -------------------------------------------------------------------------------------------------------


def test_exec_passes_output_and_code(boulder) -> None:
    done = boulder("exec", "work", "--", "sh", "-c", "echo out; echo err >&2; exit 7")
    assert (done.returncode, done.stdout, done.stderr) == (7, b"out\n", b"err\n")
    assert boulder("exec", "work", "sh", "-c", "exit 3").returncode == 3
    assert boulder.ok("run", "-C", "src", "work", "--", "ls") == "app.py\n"
    assert boulder.ok("exec", "--env", "A=b c", "work", "--", "sh", "-c", "echo $A") == "b c\n"
    assert boulder.ok("exec", "--", "pwd", cwd=boulder.cwd / WORKTREE).strip().endswith("worktrees/work")


@pytest.mark.parametrize(
    ("args", "code"),
    [
        (["work", "--", "no-such-program"], 127),
        (["work", "--", "./README.md"], 126),
        (["work", "--", "./src"], 126),
        (["nowhere", "--", "true"], 125),
        (["work", "-C", "nowhere", "--", "true"], 126),
        (["--timeout", "200ms", "work", "--", "sleep", "60"], 124),
        (["work", "--", "sh", "-c", "kill -KILL $$"], 137),
        (["work", "--"], 2),
        (["work"], 2),
        (["two", "names", "--", "true"], 2),
    ],
)
def test_exec_failures(boulder, args: list[str], code: int) -> None:
    assert boulder("exec", *args).returncode == code


def test_what_is_no_name_for_a_workspace_is_told_before_anything_is_done(boulder) -> None:
    done = boulder("up", "Fix Login/2")
    assert done.returncode == 2 and b"'Fix Login/2' is no name" in done.stderr and b"take fix-login-2" in done.stderr


def test_exec_passes_stdin(boulder) -> None:
    data = os.urandom(3_000_000)
    done = boulder("exec", "work", "--", "sha256sum", input=data)
    assert done.stdout.split()[0].decode() == hashlib.sha256(data).hexdigest()
    assert boulder("exec", "work", "-n", "--", "cat", input=b"not wanted").stdout == b""
    assert boulder("exec", "work", "--", "true", input=data).returncode == 0


def test_exec_carries_much_output(boulder) -> None:
    done = boulder("exec", "work", "--", sys.executable, "-c", "print('x' * 79 + '\\n' * 1, end=''); " * 1 + BIG)
    assert hashlib.sha256(done.stdout).hexdigest() == hashlib.sha256(expected_output()).hexdigest()


BIG = "import sys\nfor i in range(200000): sys.stdout.write(f'{i:08d} some output that is long enough\\n')"


def expected_output() -> bytes:
    lines = "".join(f"{number:08d} some output that is long enough\n" for number in range(200_000))
    return b"x" * 79 + b"\n" + lines.encode()


def test_exec_as_json(boulder) -> None:
    done = boulder("exec", "--json", "work", "--", "sh", "-c", "echo out; printf '\\377' >&2; exit 4")
    assert done.returncode == 4
    first, *chunks, last = [json.loads(line) for line in done.stdout.splitlines()]
    assert first["process"]["argv"][0] == "sh"
    assert {chunk["channel"]: chunk.get("text", chunk.get("base64")) for chunk in chunks} == {
        "stdout": "out\n",
        "stderr": "/w==",
    }
    assert last["exit"]["code"] == 4 and last["output_end"] == 5


def test_exec_ends_when_nobody_reads(boulder) -> None:
    with boulder.popen(
        "exec", "work", "-l", "test=pipe", "--", "yes", stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as endless:
        assert endless.stdout.readline() == b"y\n"
        endless.stdout.close()
        assert endless.wait(30) == 141
        assert endless.stderr.read() == b""
    until(lambda: not boulder.json("ps", "work", "-l", "test=pipe")["processes"], "the end of yes")


@pytest.mark.parametrize(
    ("number", "caught"), [(signal.SIGINT, "INT"), (signal.SIGTERM, "TERM"), (signal.SIGUSR1, "USR1")]
)
def test_exec_forwards_signals(boulder, number: signal.Signals, caught: str) -> None:
    script = f"trap 'echo caught; exit 9' {caught}; echo ready; while :; do sleep 0.05; done"
    with boulder.popen("exec", "work", "--", "sh", "-c", script, stdout=subprocess.PIPE) as running:
        assert running.stdout.readline() == b"ready\n"
        running.send_signal(number)
        assert running.stdout.read() == b"caught\n"
        assert running.wait(20) == 9


def test_the_third_interrupt_kills(boulder) -> None:
    script = "trap 'echo no' INT; echo ready; while :; do sleep 0.05; done"
    with boulder.popen(
        "exec", "work", "--", "sh", "-c", script, stdout=subprocess.PIPE, stderr=subprocess.PIPE
    ) as running:
        assert running.stdout.readline() == b"ready\n"
        for _ in range(2):
            running.send_signal(signal.SIGINT)
            assert running.stdout.readline() == b"no\n"
        running.send_signal(signal.SIGINT)
        assert running.wait(20) == 137


def test_exec_detached_then_followed(boulder) -> None:
    process = boulder.ok(
        "exec", "-d", "work", "--", "sh", "-c", "for i in 1 2 3; do echo $i; done; echo e >&2; sleep 60"
    ).strip()
    assert process in boulder.ok("ps", "work") and boulder.ok("ps", "-q", "work").strip() == process
    until(lambda: boulder.ok("logs", process) == "1\n2\n3\n", "output")
    assert boulder("logs", process).stderr == b"e\n"
    last = boulder("logs", "-n", "2", process)
    assert len((last.stdout + last.stderr).splitlines()) == 2
    assert boulder.ok("logs", "-n", "0", process) == ""
    with boulder.popen("attach", process, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL) as attached:
        assert attached.stdout.readline() == b"1\n"
        boulder.ok("kill", "-s", "SIGKILL", process)
        assert attached.wait(20) == 137
    assert boulder("kill", process).returncode == 5
    assert boulder("kill", "pr_nowhere").returncode == 3
    assert boulder("kill", "-s", "NONSENSE", process).returncode == 2
    listed = {item["id"]: item for item in boulder.json("ps", "-a", "work")["processes"]}
    assert listed[process]["exit"]["signal"] == "KILL"


def test_an_interrupt_leaves_what_was_attached_to(boulder) -> None:
    process = boulder.ok("exec", "-d", "work", "--", "sh", "-c", "echo here; sleep 60").strip()
    with boulder.popen("logs", "-f", process, stdout=subprocess.PIPE) as following:
        assert following.stdout.readline() == b"here\n"
        following.send_signal(signal.SIGINT)
        assert following.wait(20) == 130
    assert boulder.ok("ps", "-q", "work").strip() == process
    boulder.ok("kill", process)


def test_logs_of_long_lines(boulder) -> None:
    code = "import sys\nfor i in range(5): print(str(i) * 100_000)"
    process = boulder.ok("exec", "-d", "work", "--", sys.executable, "-c", code).strip()
    boulder.ok("logs", "-f", process)
    assert [line[:1] for line in boulder.ok("logs", "-n", "3", process).splitlines()] == ["2", "3", "4"]
    assert len(boulder.ok("logs", "-n", "50", process).splitlines()) == 5


# -- files -----------------------------------------------------------------------------------------------------------


def test_cp_both_ways(boulder, tmp_path: Path) -> None:
    source = tmp_path / "big.bin"
    source.write_bytes(os.urandom(9_000_000))
    source.chmod(0o755)
    assert boulder.json("cp", str(source), "work:sub/dir/big.bin") == {"files": 1, "bytes": 9_000_000, "skipped": []}
    there = boulder.cwd / WORKTREE / "sub/dir/big.bin"
    assert there.read_bytes() == source.read_bytes() and there.stat().st_mode & 0o777 == 0o755
    boulder.ok("cp", "work:sub/dir/big.bin", str(tmp_path / "back.bin"))
    assert (tmp_path / "back.bin").read_bytes() == source.read_bytes()
    assert boulder("cp", "work:sub", str(tmp_path / "tree")).returncode == 2
    boulder.ok("cp", "-r", "work:sub", str(tmp_path / "tree"))
    assert (tmp_path / "tree/dir/big.bin").stat().st_size == 9_000_000
    boulder.ok("cp", "-r", str(tmp_path / "tree"), "work:")
    assert (boulder.cwd / WORKTREE / "tree/dir/big.bin").exists()
    boulder.ok("exec", "work", "--", "rm", "-rf", "sub", "tree")


def test_cp_through_pipes_and_within(boulder) -> None:
    boulder.ok("cp", "-", "work:piped", input=b"from stdin\n")
    assert boulder.ok("cp", "work:piped", "-") == "from stdin\n"
    boulder.ok("cp", "work:piped", "work:again")
    assert boulder.ok("cp", ":again", "-", cwd=boulder.cwd / WORKTREE) == "from stdin\n"
    boulder.ok("exec", "work", "--", "rm", "piped", "again")


def test_cp_refuses(boulder, tmp_path: Path) -> None:
    assert boulder("cp", "a", "b").returncode == 2
    assert boulder("cp", "work:nowhere", str(tmp_path)).returncode == 3
    assert boulder("cp", "work:../../../README.md", str(tmp_path)).returncode == 4
    assert boulder("cp", str(tmp_path / "nowhere"), "work:x").returncode == 3
    (tmp_path / "tree").mkdir()
    (tmp_path / "tree" / "evil").symlink_to("/etc/passwd")
    done = boulder("cp", "-r", str(tmp_path / "tree"), "work:linked")
    assert done.returncode == 1 and b"left out" in done.stderr
    boulder.ok("exec", "work", "--", "rm", "-r", "linked")


def test_watch(boulder) -> None:
    with boulder.popen("watch", "work", "--json", stdout=subprocess.PIPE, text=True) as watching:
        marker = boulder.cwd / WORKTREE / "watched.txt"

        def touch() -> bool:
            marker.write_text(str(time.monotonic()))
            return bool(select_ready(watching.stdout))

        until(touch, "an event")
        assert json.loads(watching.stdout.readline())["path"] == "watched.txt"
        watching.send_signal(signal.SIGINT)
        assert watching.wait(20) == 130
    marker.unlink()


def select_ready(stream) -> bool:
    import select

    return bool(select.select([stream], [], [], 0.1)[0])


# -- ports -----------------------------------------------------------------------------------------------------------


def test_port_forward(boulder) -> None:
    web = next(port["port"] for port in boulder.json("ws", "get", "work")["ports"] if port["name"] == "web")
    server = boulder.ok(
        "exec", "-d", "work", "--", sys.executable, "-m", "http.server", "--bind", "127.0.0.1", str(web)
    ).strip()
    listening = lambda: any(p["port"] == web and p["listening"] for p in boulder.json("port", "ls", "work")["ports"])  # noqa: E731
    until(listening, "the server")
    with boulder.popen(
        "port", "forward", "work", "web", f"0:{web}", "--json", stdout=subprocess.PIPE, text=True
    ) as forward:
        for _ in range(2):
            told = json.loads(forward.stdout.readline())
            assert told["port"] == web and told["local_port"] != web
            with urllib.request.urlopen(f"http://127.0.0.1:{told['local_port']}/README.md", timeout=20) as page:
                assert page.read() == b"# Example\n"
        forward.send_signal(signal.SIGINT)
        assert forward.wait(20) == 130
    boulder.ok("kill", server)


def test_port_forward_says_why_a_connection_fails(boulder) -> None:
    with boulder.popen(
        "port", "forward", "work", "0:api", stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True
    ) as forward:
        local = int(forward.stdout.readline().partition(" ")[0].rpartition(":")[2])
        with socket.create_connection(("127.0.0.1", local), timeout=20) as client:
            assert client.recv(1) == b""
        assert "Ctrl-C" in forward.stderr.readline()
        assert "error: " in forward.stderr.readline()
        forward.send_signal(signal.SIGINT)
        assert forward.wait(20) == 130


def test_port_forward_refuses(boulder) -> None:
    assert boulder("port", "forward", "work", "nonsense").returncode == 3
    assert boulder("port", "forward", "work", "70000").returncode == 2
    with socket.socket() as taken:
        taken.bind(("127.0.0.1", 0))
        taken.listen()
        port = taken.getsockname()[1]
        done = boulder("port", "forward", "work", f"{port}:web")
        assert done.returncode == 5 and b"0:" in done.stderr


# -- git, tokens, configuration --------------------------------------------------------------------------------------


def test_git(boulder) -> None:
    boulder.ok("up", "versions")
    worktree = boulder.cwd / ".nexus/worktrees/versions"
    (worktree / "README.md").write_text("# Changed here\n")
    (worktree / "new.txt").write_text("new\n")
    status = boulder.ok("git", "status", "versions")
    assert " M README.md" in status and "?? new.txt" in status and "nexus/versions" in status
    diff = boulder.ok("git", "diff", "versions")
    assert "-# Example\n+# Changed here\n" in diff and "+new" in diff
    assert "+new" not in boulder.ok("git", "diff", "versions", "--tracked")
    assert "\x1b[32m+# Changed here" in boulder.ok("git", "diff", "versions", "--color", "always")
    assert "README.md" in boulder.ok("git", "diff", "versions", "--stat")
    author = ("--author", "Test <test@example.invalid>")
    commit = boulder.ok("git", "commit", "versions", "-m", "-", *author, "-q", input=b"From stdin").strip()
    assert boulder("git", "commit", "versions", "-m", "again", *author).returncode == 5
    log = boulder.json("git", "log", "versions")["commits"]
    assert log[0]["commit"] == commit and log[0]["subject"] == "From stdin" and len(log) == 2
    assert "From stdin" in boulder.ok("git", "log", "versions", "-n", "1")
    boulder.ok("git", "branch", "versions", "--create", "aside")
    assert {"aside", "nexus/versions"} <= {
        item["name"] for item in boulder.json("git", "branch", "versions")["branches"]
    }
    assert boulder("git", "sync", "versions", "--remote", "nowhere").returncode != 0
    boulder.ok("down", "--force", "versions")
    git("branch", "-D", "aside", cwd=boulder.cwd)


def test_token(boulder, node) -> None:
    made = boulder.json("token", "create", "robot", "-s", "workspaces:read,exec:read", "-w", "*", "--ttl", "1h")
    assert made["info"]["subject"] == "robot"
    printed = boulder("token", "create", "robot", "-s", "workspaces:read")
    assert re.fullmatch(rb"[\w-]+\.[\w-]+\.[\w-]+\n", printed.stdout) and b"robot" in printed.stderr
    listed = boulder.ok("token", "ls")
    assert made["info"]["id"] in listed and made["token"] not in listed
    url = next(address for address in boulder.json("daemon", "status")["info"]["listen"] if address.startswith("http"))
    remote = {"NEXUS_URL": url, "NEXUS_TOKEN": made["token"]}
    assert "work" in boulder.ok("ls", "-q", **remote).split()
    refused = boulder("ws", "stop", "work", **remote)
    assert refused.returncode == 4 and b"workspaces:write" in refused.stderr
    assert boulder.ok("ls", "-q", "--url", url, NEXUS_TOKEN=made["token"]) == boulder.ok("ls", "-q", **remote)
    bad = boulder("ls", NEXUS_URL=url, NEXUS_TOKEN="not.a.token")
    assert bad.returncode == 4 and b"not.a.token" not in bad.stderr
    boulder.ok("token", "revoke", made["info"]["id"])
    assert boulder("ls", **remote).returncode == 4
    assert boulder("token", "revoke", "nowhere").returncode == 3
    assert boulder("token", "create", "x", "-s", "nonsense").returncode == 2


def test_config(boulder, tmp_path: Path) -> None:
    assert boulder.ok("config", "get", "ports.range.start", "-q").strip().isdigit()
    assert {"key", "value", "source", "description"} <= set(boulder.json("config", "get")["entries"][0])
    assert boulder("config", "get", "nonsense").returncode == 3
    wrong = tmp_path / "wrong.yaml"
    wrong.write_text("daemon:\n  prot: 99\n")
    done = boulder("config", "validate", str(wrong))
    assert done.returncode == 1 and b":2:" in done.stdout and b"daemon.port" in done.stdout
    wrong.write_text("daemon:\n  port: 99\n")
    assert boulder.ok("config", "validate", str(wrong)).endswith("is valid\n")
    assert "is valid" in boulder.ok("config", "validate")
    assert boulder.ok("config", "path", "-q").splitlines()[1] == str(boulder.home / "config.yaml")


def test_config_that_keeps_the_daemon_from_starting(lonely) -> None:
    lonely.home.mkdir(mode=0o700)
    (lonely.home / "config.yaml").write_text("daemon:\n  prot: 99\n")
    done = lonely("config", "validate")
    assert done.returncode == 1 and b"daemon.port" in done.stdout


# -- the rest --------------------------------------------------------------------------------------------------------


def test_api(boulder) -> None:
    assert json.loads(boulder.ok("api", "workspace.get", '{"workspace": "work"}'))["name"] == "work"
    assert json.loads(boulder.ok("api", "workspace.get", "-", input=b'{"workspace": "work"}'))["name"] == "work"
    assert "workspace.get" in boulder.ok("api", "--list").split()
    assert boulder("api", "no.method").returncode == 3
    assert boulder("api", "workspace.get", "{").returncode == 2
    assert boulder("api", "workspace.get", "[]").returncode == 2
    assert boulder("api", "workspace.get", '{"nonsense": 1}').returncode == 2
    assert boulder("api", "exec.attach", '{"process": "x"}').returncode == 2


def test_backend_version_and_doctor(boulder) -> None:
    assert "host" in boulder.ok("backend", "list", "-q").split()
    assert boulder.json("version")["daemon"]["level"] == LEVEL
    found = {item["name"]: item["status"] for item in boulder.json("doctor")["checks"]}
    assert found["daemon"] == found["token"] == found["clock"] == found["home"] == "ok"


def test_without_a_daemon(boulder, tmp_path: Path) -> None:
    done = boulder("ls", NEXUS_HOME=str(tmp_path))
    assert done.returncode == 6 and b"boulder daemon start" in done.stderr
    assert json.loads(boulder("ls", "--json", NEXUS_HOME=str(tmp_path)).stderr)["error"]["name"] == "daemon_not_found"
    assert boulder("exec", "work", "--", "true", NEXUS_HOME=str(tmp_path)).returncode == 125
    assert boulder.json("version", NEXUS_HOME=str(tmp_path))["daemon"] is None


def test_completion_of_names(boulder) -> None:
    words = {"_BOULDER_COMPLETE": "bash_complete", "COMP_WORDS": "boulder exec wo", "COMP_CWORD": "2"}
    assert boulder.ok(**words).splitlines() == ["plain,work"]


def test_completion_of_places(boulder) -> None:
    for line, found in (
        ("boulder cp wo", ["file,wo", "plain,work:"]),
        ("boulder cp ./wo", ["file,./wo"]),
        ("boulder up --repo sr", ["dir,sr"]),
    ):
        words = {"_BOULDER_COMPLETE": "bash_complete", "COMP_WORDS": line, "COMP_CWORD": str(line.count(" "))}
        assert boulder.ok(**words).splitlines() == found


def test_bash_goes_on_after_the_colon_of_a_place(boulder) -> None:
    script = """
        eval "$(python -m boulder completion bash)"
        compopt() { echo "compopt $1 $2"; }
        env() { command env "${@:1:3}" python -m boulder; }
        COMP_WORDS=(boulder cp wo) COMP_CWORD=2
        _boulder_completion boulder
        printf '%s|' "${COMPREPLY[@]}"
    """
    done = subprocess.run(
        ["bash", "--norc", "-c", script.replace("python -m", f"{sys.executable} -m")],
        env=boulder.env(),
        cwd=boulder.cwd,
        capture_output=True,
        text=True,
        timeout=60,
        check=True,
    )
    assert done.stdout.splitlines() == ["compopt -o default", "compopt -o nospace", "work:|"]


def test_what_to_do_about_uncommitted_work_names_what_was_named(boulder) -> None:
    boulder.ok("up", "dirty")
    worktree = boulder.cwd / ".nexus" / "worktrees" / "dirty"
    (worktree / "new").write_text("x")
    assert b"git commit dirty -m" in boulder("down", "dirty").stderr
    done = boulder("down", cwd=worktree)
    assert done.returncode == 5 and b"boulder git commit -m" in done.stderr and b"down --force\n" in done.stderr
    boulder.ok("down", "--force", "dirty")


def test_broken_pipe_is_quiet(boulder) -> None:
    with boulder.popen("config", "get", stdout=subprocess.PIPE, stderr=subprocess.PIPE) as printing:
        printing.stdout.close()
        assert printing.wait(20) == 141
        assert printing.stderr.read() == b""


def test_what_a_repository_names_is_shown_harmless(boulder) -> None:
    hostile = boulder.cwd / WORKTREE / "evil\x1b]0;owned\x07\n.txt"
    with contextlib.ExitStack() as stack:
        hostile.write_text("x")
        stack.callback(hostile.unlink)
        for args in (
            ("git", "status", "work"),
            ("git", "diff", "work"),
            ("git", "diff", "work", "--stat"),
            ("down", "work"),
        ):
            done = boulder(*args)
            assert b"\x1b" not in done.stdout + done.stderr and b"\x07" not in done.stdout + done.stderr, args
            assert b"owned" in done.stdout + done.stderr, args
