"""The daemon's own life: signals, probes, service manager, what it logs, counts and audits."""

from __future__ import annotations

import asyncio
import contextlib
import http.client
import json
import os
import signal
import socket
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon_process import DaemonProcess, UnixHTTPConnection, make_repository
from method_cases import Refs, case, client_methods
from nexus_sdk.protocol.methods import METHODS
from nexusd.config.paths import Home
from prometheus_client.parser import text_string_to_metric_families
from wire_client import PATIENCE, WireClient
from world import World


def nexusd(home: Path, *argv: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run `nexusd` to its end."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
    env.update({"NEXUS_HOME": str(home), "NEXUS_NODE_CONFIG": str(home / "no-node.yaml"), **environ})
    return subprocess.run(
        [sys.executable, "-m", "nexusd", *argv], env=env, capture_output=True, text=True, timeout=PATIENCE, check=False
    )


# -- SIGTERM -----------------------------------------------------------------------------------------------------------


async def test_sigterm_lets_calls_finish(daemon: DaemonProcess, repository: Path) -> None:
    made = await asyncio.to_thread(daemon.call, "workspace.create", name="a", repository={"url": str(repository)})
    workspace = made["workspace"]["id"]
    fifo = Path(made["workspace"]["worktree"]) / "gate"
    os.mkfifo(fifo)
    client = await WireClient.open(daemon.socket)
    watch = await client.stream("workspace.watch")
    running = await client.send("exec.run", {"workspace": workspace, "argv": ["sh", "-c", "cat gate; echo done"]})
    gate = await asyncio.to_thread(fifo.open, "w")  # opens when the command has opened its side
    assert daemon.process is not None
    daemon.process.send_signal(signal.SIGTERM)
    async with asyncio.timeout(PATIENCE):
        while not client.closing:
            await client.alive()  # calls about the session itself are still answered
    assert client.closing[0] == {"code": 1001, "reason": "the daemon stops"}
    refused = await client.fails("exec.run", workspace=workspace, argv=["true"])
    assert refused["name"] == "draining"
    assert refused["retryable"]
    with contextlib.suppress(OSError):
        late = await asyncio.to_thread(daemon.get, "/health/ready")
        assert late[0] == 503
    gate.write("in flight\n")
    gate.close()
    answer = await client.answer(running)
    assert answer["result"]["stdout"]["text"] == "in flight\ndone\n"
    assert await asyncio.wait_for(client.closed, PATIENCE) == 1001
    assert await asyncio.to_thread(daemon.wait) == 0
    assert watch.items.get_nowait()[0] in ("event", "answer", "end")
    assert not daemon.socket.exists()
    assert '"message":"stopped"' in daemon.log


async def test_sigterm_does_not_wait_for_ever(tmp_path: Path, repository: Path) -> None:
    daemon = DaemonProcess(tmp_path / "home", settings=["daemon.drain_timeout=300ms"])
    await daemon.astart()
    made = await asyncio.to_thread(daemon.call, "workspace.create", name="a", repository={"url": str(repository)})
    client = await WireClient.open(daemon.socket)
    running = await client.send("exec.run", {"workspace": made["workspace"]["id"], "argv": ["sleep", "600"]})
    async with asyncio.timeout(PATIENCE):
        while not (await client.call("exec.list", workspace="a"))["processes"]:
            await client.alive()
    assert await daemon.astop() == 0
    assert await asyncio.wait_for(client.closed, PATIENCE) == 1001
    with pytest.raises(ConnectionError):
        await client.answer(running)
    assert "1 calls were still in flight" in daemon.log


async def test_drain_by_call(daemon: DaemonProcess) -> None:
    client = await WireClient.open(daemon.socket)
    await client.call("system.drain", timeout_ms=1000)
    assert await asyncio.wait_for(client.closed, PATIENCE) == 1001
    assert await asyncio.to_thread(daemon.wait) == 0
    lines = [json.loads(line) for line in Home(daemon.home).audit_log.read_text().splitlines()]
    assert [(line["event"], line.get("method"), line.get("result")) for line in lines] == [
        ("intent", "system.drain", None),
        ("outcome", None, "ok"),
    ]


# -- SIGHUP ------------------------------------------------------------------------------------------------------------


def until(condition: Any, what: str) -> None:
    """Wait for something that the daemon does by itself."""
    end = time.monotonic() + PATIENCE
    while not condition():
        assert time.monotonic() < end, what
        time.sleep(0.01)


def test_sighup_reads_the_configuration_again(daemon: DaemonProcess, repository: Path) -> None:
    assert daemon.process is not None
    config = daemon.home / "config.yaml"
    config.write_text("limits:\n  max_workspaces_total: 1\n")
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: "configuration reloaded" in daemon.log, "not reloaded")
    daemon.call("workspace.create", name="one", repository={"url": str(repository)})
    refused = daemon.rpc("workspace.create", name="two", repository={"url": str(repository)})
    assert refused["error"]["data"]["name"] == "limit_workspaces"
    config.write_text("limits:\n  max_workspaces_totall: 5\n")
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: "was not reloaded" in daemon.log, "a wrong configuration was not noticed")
    entries = daemon.call("config.get", prefix="limits.max_workspaces_total")["entries"]
    assert [entry["value"] for entry in entries] == [1]
    config.write_text("daemon:\n  host: 0.0.0.0\n")
    daemon.process.send_signal(signal.SIGHUP)
    until(lambda: "take effect when the daemon starts again" in daemon.log, "it did not say what needs a restart")
    daemon.call("workspace.create", name="two", repository={"url": str(repository)})


# -- starting ----------------------------------------------------------------------------------------------------------


def test_a_second_daemon_on_the_same_home_is_refused(daemon: DaemonProcess, repository: Path) -> None:
    daemon.call("workspace.create", name="kept", repository={"url": str(repository)})
    second = nexusd(daemon.home, "--set", "daemon.port=0")
    assert second.returncode == 1
    assert "running" in second.stderr
    assert "try:" in second.stderr
    assert str(daemon.process.pid if daemon.process else "") in second.stderr
    assert daemon.call("workspace.get", workspace="kept")["state"] == "running"


def test_a_port_that_is_taken(daemon: DaemonProcess, tmp_path: Path) -> None:
    with socket.create_server(("127.0.0.1", 0)) as taken:
        port = taken.getsockname()[1]
        second = nexusd(tmp_path / "second", "--set", f"daemon.port={port}")
    assert second.returncode == 1
    assert str(port) in second.stderr
    assert not (tmp_path / "second" / "run" / "nexusd.sock").exists()


def test_a_home_open_to_others(tmp_path: Path) -> None:
    home = tmp_path / "open"
    home.mkdir(mode=0o777)
    home.chmod(0o777)
    made = nexusd(home, "--set", "daemon.port=0", "--set", "daemon.host=256.0.0.1")
    assert made.returncode in (1, 78)
    assert made.stderr.startswith("nexusd: ")


CHECKS = {
    "an unknown key": ("daemon:\n  prot: 1\n", ["daemon.prot", "daemon.port"]),
    "an unknown section": ("deamon:\n  port: 1\n", ["deamon", "daemon"]),
    "a wrong type": ("daemon:\n  port: high\n", ["daemon.port", "whole number"]),
    "out of bounds": ("daemon:\n  port: 70000\n", ["daemon.port", "65535"]),
    "a choice that is none": ("log:\n  level: loud\n", ["log.level", "info"]),
    "no duration": ("daemon:\n  drain_timeout: soon\n", ["daemon.drain_timeout", "duration"]),
    "no YAML": ("daemon: [\n", ["config.yaml"]),
    "a list": ("- daemon\n", ["config.yaml"]),
    "a key twice": ("log:\n  level: info\n  level: debug\n", ["level"]),
}


@pytest.mark.parametrize(("text", "words"), CHECKS.values(), ids=CHECKS.keys())
def test_check_says_what_is_wrong_where_and_what_would_be_right(tmp_path: Path, text: str, words: list[str]) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "config.yaml").write_text(text)
    checked = nexusd(home, "--check")
    assert checked.returncode == 78
    for word in words:
        assert word in checked.stdout, checked.stdout
    assert "config.yaml" in checked.stdout
    assert "1 problem in the configuration" in checked.stdout
    started = nexusd(home)
    assert started.returncode == 78
    assert words[0] in started.stderr
    assert not (home / "state").exists()


def test_check_of_what_is_right(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    (home / "config.yaml").write_text("log:\n  level: debug\nports:\n  per_workspace: 20\n")
    checked = nexusd(home, "--check", "--set", "daemon.port=9", NEXUS_LOG__LEVEL="warning")
    assert checked.returncode == 0
    assert "the configuration is valid" in checked.stdout
    assert "daemon.port = 9" in checked.stdout
    assert "ports.per_workspace = 20" in checked.stdout
    assert "log.level = warning" in checked.stdout
    assert "NEXUS_LOG__LEVEL" in checked.stdout


# -- probes ------------------------------------------------------------------------------------------------------------


def test_probes(world: World) -> None:
    for path in ("/health/live", "/health/ready", "/health/startup"):
        answer = world.daemon.http("GET", path)
        assert (answer.status, json.loads(answer.body)) == (200, {"status": "ok"})
        assert world.daemon.http("HEAD", path).body == b""
        assert world.daemon.http("POST", path).status == 405
    health = world.daemon.call("system.health")
    assert {check["name"] for check in health["checks"]} >= {"store", "disk", "backend host"}
    root = json.loads(world.daemon.http("GET", "/").body)
    assert root["name"] == "nexusd"


def test_the_schema_is_served(world: World) -> None:
    document = json.loads(world.daemon.http("GET", "/openrpc.json").body)
    assert document == world.daemon.call("rpc.discover")["document"]
    listed = {method["name"] for method in document["methods"]}
    assert {method.name for method in client_methods()} <= listed


def metrics(world: World) -> dict[str, list[Any]]:
    """The metrics, by name."""
    answer = world.daemon.http("GET", "/metrics")
    assert answer.status == 200
    families = text_string_to_metric_families(answer.body.decode())
    return {family.name: list(family.samples) for family in families}


def test_metrics_count(world: World) -> None:
    def calls(method: str) -> float:
        samples = [sample for family in metrics(world).values() for sample in family]
        return sum(
            sample.value
            for sample in samples
            if sample.labels.get("method") == method and sample.name.endswith("_total")
        )

    before = calls("session.ping"), calls("workspace.get")
    world.daemon.call("session.ping")
    world.daemon.rpc("workspace.get", workspace="nobody")
    assert (calls("session.ping"), calls("workspace.get")) == (before[0] + 1, before[1] + 1)
    found = metrics(world)
    assert len(found) >= 5
    assert all(name.startswith(("nexus", "process", "python")) for name in found)


def test_metrics_are_local(world: World) -> None:
    forwarded = [("X-Forwarded-For", "203.0.113.7")]
    assert world.daemon.http("GET", "/metrics", headers=forwarded).status == 401
    weak = world.daemon.token("weak", ["files:read"], ["own"])
    assert world.daemon.http("GET", "/metrics", headers=forwarded, token=weak).status == 403
    assert world.daemon.http("GET", "/metrics", headers=forwarded, token=world.daemon.token()).status == 200


# -- what is written ---------------------------------------------------------------------------------------------------


def audit(world: World) -> list[dict[str, Any]]:
    """The lines of the audit log."""
    path = Home(world.daemon.home).audit_log
    return [json.loads(line) for line in path.read_text().splitlines()]


@pytest.mark.parametrize(
    "method",
    [
        m.name
        for m in client_methods()
        if m.kind == "call" and (m.scope or "").endswith(":write") and m.name != "system.drain"
    ],
)
def test_every_change_is_audited(world: World, method: str) -> None:
    subject = f"auditor-{method}"
    token = world.daemon.token(subject)
    record = world.workspace()
    process = world.daemon.call("exec.start", workspace=record["id"], argv=["sleep", "600"], pty={"cols": 9, "rows": 9})
    operation = world.daemon.call("operation.list", workspace=record["id"])["operations"][0]["id"]
    saved = world.daemon.call("checkpoint.create", workspace=record["id"])["checkpoint"]["id"]
    refs = Refs(record["id"], process["id"], operation, "", str(world.repository), subject, saved)
    answer = world.daemon.http(
        "POST",
        "/rpc",
        token=token,
        headers=[("Content-Type", "application/json")],
        body=json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": case(method, refs)}).encode(),
    )
    told = json.loads(answer.body)
    lines = audit(world)
    intents = [line for line in lines if line["event"] == "intent" and line.get("actor") == subject]
    assert [line["method"] for line in intents] == [method]
    outcomes = [line for line in lines if line["event"] == "outcome" and line["id"] == intents[0]["id"]]
    assert len(outcomes) == 1
    wanted = told["error"]["data"]["name"] if "error" in told else "ok"
    assert wanted in json.dumps(outcomes[0])
    assert lines.index(intents[0]) < lines.index(outcomes[0])
    if METHODS[method].target is not None:
        assert intents[0]["target"] == record["id"]


def test_refusals_are_audited(world: World) -> None:
    token = world.daemon.token("nosy", ["system:read"], ["own"])
    for method, params in (("system.drain", {}), ("workspace.destroy", {"workspace": "x"})):
        world.daemon.http(
            "POST",
            "/rpc",
            token=token,
            headers=[("Content-Type", "application/json")],
            body=json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params}).encode(),
        )
        intent = [line for line in audit(world) if line.get("actor") == "nosy" and line["method"] == method][-1]
        outcome = next(line for line in audit(world) if line["event"] == "outcome" and line["id"] == intent["id"])
        assert "forbidden" in json.dumps(outcome)


def test_secrets_are_in_no_file_of_ours(world: World) -> None:
    record = world.workspace(env={"API_TOKEN": "sekrit-in-env"})
    world.daemon.rpc("exec.run", workspace=record["id"], argv=["echo", "sekrit-in-argv"], env={"PASSWORD": "sekrit-p"})
    world.daemon.rpc("fs.write", workspace=record["id"], path="s", content="sekrit-in-file")
    url = "https://user:sekrit-in-url@127.0.0.1:1/x.git"
    refused = world.daemon.rpc("workspace.create", name="secret", repository={"url": url})
    assert "sekrit-in-url" not in json.dumps(refused)
    assert "sekrit-in-url" not in json.dumps(world.daemon.call("workspace.list", destroyed=True))
    written = [world.daemon.log, *(json.dumps(line) for line in audit(world))]
    for text in written:
        assert "sekrit" not in text
        for token in world.daemon.tokens:
            assert token not in text
            assert token.rpartition(".")[2] not in text
    assert world.daemon.tokens
    for path in world.daemon.home.rglob("*"):
        if path.is_file() and path.suffix in (".db", ".db-wal", ".yaml", ".log", ".jsonl"):
            content = path.read_bytes()
            assert not any(token.rpartition(".")[2].encode() in content for token in world.daemon.tokens), path


def test_what_is_ours_is_for_us_alone(world: World) -> None:
    for path in (world.daemon.home, world.daemon.home / "keys", world.daemon.home / "run", world.daemon.socket):
        assert path.stat().st_mode & 0o077 == 0, path
    for path in (world.daemon.home / "keys").glob("*ed25519.pem"):
        assert path.stat().st_mode & 0o177 == 0


# -- the service manager -----------------------------------------------------------------------------------------------


@pytest.fixture
def manager(tmp_path: Path) -> Iterator[socket.socket]:
    """What systemd listens on."""
    with socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM) as listening:
        listening.bind(str(tmp_path / "notify"))
        listening.settimeout(PATIENCE)
        yield listening


def heard(manager: socket.socket, wanted: str) -> dict[str, str]:
    """The next datagram with this member."""
    while True:
        lines = manager.recv(4096).decode().splitlines()
        found = dict(line.split("=", 1) for line in lines)
        if wanted in found:
            return found


def test_notifications(tmp_path: Path, manager: socket.socket) -> None:
    daemon = DaemonProcess(
        tmp_path / "home", environ={"NOTIFY_SOCKET": str(tmp_path / "notify"), "WATCHDOG_USEC": "300000"}
    )
    daemon.spawn()
    assert daemon.process is not None
    try:
        ready = heard(manager, "READY")
        assert ready["READY"] == "1"
        assert "nexusd.sock" in ready["STATUS"]
        # when it says so it serves
        assert daemon.get("/health/ready")[0] == 200
        for _ in range(3):
            assert heard(manager, "WATCHDOG")["WATCHDOG"] == "1"
        daemon.process.send_signal(signal.SIGHUP)
        assert int(heard(manager, "RELOADING")["MONOTONIC_USEC"]) > 0
        assert heard(manager, "READY")["READY"] == "1"
        daemon.process.send_signal(signal.SIGTERM)
        assert heard(manager, "STOPPING")["STOPPING"] == "1"
        assert daemon.wait() == 0
    finally:
        daemon.stop()


LAUNCHER = """
import os, socket, sys
path, count = sys.argv[1], int(sys.argv[2])
unix = socket.socket(socket.AF_UNIX)
unix.bind(path)
unix.listen()
tcp = socket.create_server(("127.0.0.1", 0))
print(tcp.getsockname()[1], flush=True)
for target, sock in ((3, unix), (4, tcp)):
    copy = os.dup(sock.fileno())
    os.dup2(copy, target, inheritable=True)
os.environ["LISTEN_FDS"] = str(count)
os.environ["LISTEN_PID"] = str(os.getpid())
os.execv(sys.executable, [sys.executable, "-m", "nexusd", "--set", "daemon.port=0"])
"""


def test_socket_activation(tmp_path: Path) -> None:
    home = tmp_path / "home"
    home.mkdir(mode=0o700)
    path = tmp_path / "activated.sock"
    env = {name: value for name, value in os.environ.items() if not name.startswith(("NEXUS_", "LISTEN_"))}
    env.update({"NEXUS_HOME": str(home), "NEXUS_NODE_CONFIG": str(home / "none.yaml")})
    process = subprocess.Popen(
        [sys.executable, "-c", LAUNCHER, str(path), "2"], env=env, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL
    )
    try:
        assert process.stdout is not None
        port = int(process.stdout.readline())
        # the connection is accepted by the kernel before there is a daemon: nobody has to wait for it to be up
        connection = UnixHTTPConnection(path, timeout=PATIENCE)
        connection.request("GET", "/health/live")
        assert connection.getresponse().status == 200
        connection.close()
        over_tcp = http.client.HTTPConnection("127.0.0.1", port, timeout=PATIENCE)
        over_tcp.request("GET", "/health/ready")
        assert over_tcp.getresponse().status == 200
        over_tcp.close()
        process.send_signal(signal.SIGTERM)
        assert process.wait(PATIENCE) == 0
        assert path.exists(), "the socket belongs to the service manager"
    finally:
        if process.poll() is None:
            process.kill()
            process.wait(PATIENCE)
        if process.stdout is not None:
            process.stdout.close()


def test_a_home_from_before_is_taken_up(tmp_path: Path) -> None:
    daemon = DaemonProcess(tmp_path / "home").start()
    repository = make_repository(tmp_path / "repository")
    made = daemon.call("workspace.create", name="kept", repository={"url": str(repository)})["workspace"]
    token = daemon.token()
    assert daemon.stop() == 0
    daemon.start()
    again = daemon.call("workspace.get", workspace="kept")
    assert again["ports"] == made["ports"]
    assert again["id"] == made["id"]
    assert daemon.http("GET", f"/files/{made['id']}/README.md", token=token).body == b"# Example\n"
    assert daemon.stop() == 0
