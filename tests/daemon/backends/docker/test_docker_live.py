"""A real daemon, a real engine, the real nexus-init: the main job on a container, through a killed daemon too."""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Iterator
from pathlib import Path

import nexus_sdk
import pytest
from daemon_process import DaemonProcess
from engine import BASE, TestEngine
from nexus_sdk.protocol.errors import PortRefused

# Below what the kernel hands out by itself, or other tests' connections would take some.
PORTS = ["ports.range.start=25000", "ports.range.end=27999"]


@pytest.fixture
def daemon(nexus_init: Path, engine: TestEngine, tmp_path: Path) -> Iterator[DaemonProcess]:
    process = DaemonProcess(tmp_path / "home", settings=[f"docker.host={engine.host}", *PORTS]).start()
    yield process
    for workspace in process.call("workspace.list")["workspaces"]:
        process.call("workspace.destroy", workspace=workspace["id"], force=True)
    assert process.stop() == 0, process.log[-4000:]
    machines = tmp_path / "home" / "run" / "machines"
    assert not machines.exists() or not list(machines.iterdir()), "a run directory is left"


def create(daemon: DaemonProcess, repository: Path, name: str = "inside", **options: object) -> dict[str, object]:
    made = daemon.call(
        "workspace.create",
        name=name,
        repository={"url": str(repository)},
        backend="docker",
        options={"image": BASE, **options},
    )
    return dict(made["workspace"])


async def test_the_main_job_in_a_container(daemon: DaemonProcess, engine: TestEngine, repository: Path) -> None:
    made = await asyncio.to_thread(create, daemon, repository)
    assert made["root"] == "/workspace"
    worktree = Path(str(made["worktree"]))
    async with nexus_sdk.connect(daemon.ws_url, daemon.token()) as nexus:
        workspace = await nexus.workspaces.get("inside")
        ran = await workspace.run(["sh", "-c", "pwd; cat README.md; echo $NEXUS_WORKSPACE_NAME; exit 3"])
        assert (ran.stdout, ran.exit_code) == ("/workspace\n# Example\ninside\n", 3)
        await workspace.files.write("written.txt", "by the daemon\n")
        ran = await workspace.run(["sh", "-c", "cat written.txt; echo by the container > answer.txt"])
        assert ran.stdout == "by the daemon\n"
        assert (worktree / "answer.txt").read_text() == "by the container\n"
        assert (worktree / "answer.txt").stat().st_uid == worktree.stat().st_uid, "files belong to the worktree's owner"
        assert {file.path for file in (await workspace.git.status()).files} == {"written.txt", "answer.txt"}

        digest = "head -c 5000000 /dev/urandom | tee sent | sha256sum; cat sent >&2"
        async with workspace.exec(["sh", "-c", digest]) as process:
            output, errors = await asyncio.gather(process.stdout.read_all(), process.stderr.read_all())
        assert output.decode().split()[0] == hashlib.sha256(errors).hexdigest()
        await workspace.files.remove("sent")

        async with workspace.exec(["sh"], pty=(80, 24)) as shell:
            await shell.stdin.write(b"stty size; tty; exit 4\n")
            said = await shell.stdout.read_all()
            assert b"24 80" in said and b"/dev/pts/" in said
            assert (await shell.wait()).exit_code == 4

        # Bound to the loopback inside, as servers of developers are.
        serve = ["httpd", "-f", "-p", "127.0.0.1:7123", "-h", "/workspace"]
        async with workspace.exec(serve) as server:
            page = b""
            for _ in range(200):
                try:
                    async with workspace.ports.dial(7123) as peer:
                        await peer.send(b"GET /README.md HTTP/1.0\r\n\r\n")
                        async for part in peer:
                            page += part
                        break
                except PortRefused:
                    await asyncio.sleep(0.05)
            assert page.endswith(b"\r\n\r\n# Example\n")
            await server.signal("KILL")

        with pytest.raises(nexus_sdk.protocol.errors.CommandNotFound):
            await workspace.run(["no-such-program"])


async def test_a_build_goes_on_while_the_daemon_is_killed(
    daemon: DaemonProcess, engine: TestEngine, repository: Path
) -> None:
    made = await asyncio.to_thread(create, daemon, repository)
    script = "i=0; until [ -e enough ]; do i=$((i+1)); echo line $i; sleep 0.01; done; exit 9"
    started = await asyncio.to_thread(daemon.call, "exec.start", workspace="inside", argv=["sh", "-c", script])
    for _ in range(2):
        await asyncio.to_thread(daemon.kill)
        await daemon.astart()
        seen = (await asyncio.to_thread(daemon.call, "exec.get", process=started["id"]))["state"]
        assert seen == "running"
    Path(str(made["worktree"]), "enough").touch()
    async with nexus_sdk.connect(daemon.ws_url, daemon.token()) as nexus:
        workspace = await nexus.workspaces.get("inside")
        async with workspace.attach(started["id"]) as process:
            output = await process.stdout.read_all()
            ended = await process.wait()
    count = output.count(b"\n")
    assert count > 10
    assert output.decode() == "".join(f"line {number}\n" for number in range(1, count + 1))
    assert ended.exit_code == 9


async def test_a_hostile_image_finds_no_way_out(daemon: DaemonProcess, engine: TestEngine, repository: Path) -> None:
    await asyncio.to_thread(create, daemon, repository)
    secret = "cat /proc/1/environ /proc/1/maps; ls -l /proc/1/fd; cat /.nexus/run/secret; ls /.nexus/run; kill -9 1"
    ran = await asyncio.to_thread(daemon.call, "exec.run", workspace="inside", argv=["sh", "-c", secret])
    assert "Permission denied" in ran["stderr"]["text"] or "can't open" in ran["stderr"]["text"]
    assert "secret" not in ran["stdout"]["text"]
    # The first process of a container cannot be killed from inside, and goes on.
    assert (await asyncio.to_thread(daemon.call, "exec.run", workspace="inside", argv=["true"]))["exit"]["code"] == 0
    for path, target in (("etc", "/etc"), ("up", "../../.."), ("host", "/proc/1/root")):
        argv = ["ln", "-s", target, path]
        await asyncio.to_thread(daemon.call, "exec.run", workspace="inside", argv=argv)
        answer = await asyncio.to_thread(daemon.rpc, "fs.read", workspace="inside", path=f"{path}/passwd")
        assert answer["error"]["data"]["name"] == "path_escapes", answer


async def test_stopping_ends_what_runs_and_starting_begins_anew(
    daemon: DaemonProcess, engine: TestEngine, repository: Path
) -> None:
    await asyncio.to_thread(create, daemon, repository)
    argv = ["sh", "-c", "(setsid sleep 1000 &); sleep 1000"]
    started = await asyncio.to_thread(daemon.call, "exec.start", workspace="inside", argv=argv)
    await asyncio.to_thread(daemon.call, "workspace.pause", workspace="inside")
    await asyncio.to_thread(daemon.call, "workspace.resume", workspace="inside")
    await asyncio.to_thread(daemon.call, "workspace.stop", workspace="inside", timeout_ms=500)
    found = await asyncio.to_thread(daemon.call, "exec.get", process=started["id"])
    assert (found["state"], found["exit"]["reason"]) == ("exited", "stopped")
    await asyncio.to_thread(daemon.call, "workspace.start", workspace="inside")
    ran = await asyncio.to_thread(daemon.call, "exec.run", workspace="inside", argv=["ps", "-o", "args"])
    assert "sleep" not in ran["stdout"]["text"]
    assert (await asyncio.to_thread(daemon.call, "workspace.get", workspace="inside"))["generation"] == 2


async def test_the_next_workspace_is_the_one_that_a_network_was_made_for(
    daemon: DaemonProcess, engine: TestEngine, repository: Path
) -> None:
    def networks() -> set[str]:
        return {one["Name"] for one in engine.api.networks(filters={"label": "nexus.workspace"})}

    before = networks()
    first = await asyncio.to_thread(create, daemon, repository, "first")
    made: set[str] = set()
    for _ in range(600):
        made = made or networks() - before - {f"nexus-{first['id']}"}
        await asyncio.sleep(0 if made else 0.05)
    refused = await asyncio.to_thread(
        daemon.rpc, "workspace.create", name="first", repository={"url": str(repository)}, backend="docker"
    )
    assert refused["error"]["data"]["name"] == "workspace_exists"
    second = await asyncio.to_thread(create, daemon, repository, "second")
    assert made == {f"nexus-{second['id']}"}, "what was refused has not used it up"
    ran = await asyncio.to_thread(daemon.call, "exec.run", workspace="second", argv=["true"])
    assert ran["exit"]["code"] == 0
