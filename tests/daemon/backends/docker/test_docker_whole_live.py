"""A real daemon, a real engine: files around the worktree, through the SDK, HTTP, a killed daemon."""

from __future__ import annotations

import asyncio
import json
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import nexus_sdk
import pytest
from daemon_process import DaemonProcess
from engine import BASE, TestEngine
from nexus_sdk.protocol import errors

# Below what the kernel hands out by itself, or other tests' connections would take some.
PORTS = ["ports.range.start=25000", "ports.range.end=27999"]
BLOB = bytes(range(256)) * 1024


@pytest.fixture
def daemon(nexus_init: Path, engine: TestEngine, repository: Path, tmp_path: Path) -> Iterator[DaemonProcess]:
    """A daemon with one workspace in a container."""
    process = DaemonProcess(tmp_path / "home", settings=[f"docker.host={engine.host}", *PORTS]).start()
    process.call(
        "workspace.create",
        name="inside",
        repository={"url": str(repository)},
        backend="docker",
        options={"image": BASE},
    )
    yield process
    for workspace in process.call("workspace.list")["workspaces"]:
        process.call("workspace.destroy", workspace=workspace["id"], force=True)
    assert process.stop() == 0, process.log[-4000:]


async def test_the_sdk_reaches_the_whole_machine(daemon: DaemonProcess, tmp_path: Path) -> None:
    async with nexus_sdk.connect(daemon.ws_url, daemon.token()) as nexus:
        workspace = await nexus.workspaces.get("inside")
        assert workspace.root == "/workspace"
        files = workspace.files
        assert (await files.read_text("/etc/passwd")).startswith("root:")
        assert (await files.stat("/etc/passwd")).path == "/etc/passwd"
        made = await files.write("/root/.profile", "export MADE=by-the-daemon\n")
        assert made.path == "/root/.profile"
        ran = await workspace.run(["sh", "-lc", "echo $MADE; stat -c %u:%a /root/.profile; echo more >> /tmp/more"])
        assert ran.stdout == "by-the-daemon\n0:644\n"
        assert await files.read_text("/tmp/more") == "more\n"
        assert "/tmp/more" in [entry.path for entry in await files.list("/tmp")]
        assert list(await files.glob("pass*", path="/etc")) == ["/etc/passwd"]
        async with files.search("by-the-daemon", path="/root") as matches:
            assert [match.path async for match in matches] == ["/root/.profile"]
        async with asyncio.timeout(60), files.watch("/tmp") as events:
            await workspace.run(["sh", "-c", "echo x > /tmp/seen"])
            event = await anext(aiter(events))
            assert (event.path, event.change) == ("/tmp/seen", "created")
        sent = await files.upload(BLOB, "/opt/blob/here", parents=True, checksum=True)
        assert (sent.path, sent.size) == ("/opt/blob/here", len(BLOB))
        await files.download("/opt/blob/here", tmp_path / "back")
        assert (tmp_path / "back").read_bytes() == BLOB
        boulder = [sys.executable, "-m", "boulder", "cp", "inside:/opt/blob", str(tmp_path / "copied"), "-r"]
        environ = {**os.environ, "NEXUS_HOME": str(daemon.home)}
        await asyncio.to_thread(subprocess.run, boulder, env=environ, check=True, timeout=60)
        assert (tmp_path / "copied/here").read_bytes() == BLOB
        await files.rename("/opt/blob/here", "blob")
        assert (await files.stat("blob")).size == len(BLOB)
        for path in ("/proc/1/environ", "/proc/uptime", "/sys/kernel/notes", "/.nexus/run/init.sock"):
            with pytest.raises(errors.PermissionDenied, match="not served") as refused:
                await files.read(path)
            assert "command" in refused.value.hint

        await workspace.stop()
        with pytest.raises(errors.WorkspaceState, match="outside of the worktree"):
            await files.read("/etc/passwd")
        with pytest.raises(errors.WorkspaceState):
            await files.upload(b"x", "/tmp/x")
        with pytest.raises(errors.WorkspaceState):
            async with files.watch("/tmp"):
                raise AssertionError("not reached")
        assert await files.read_text("/workspace/README.md") == "# Example\n"
        await workspace.start()
        assert await files.read_text("/root/.profile") == "export MADE=by-the-daemon\n"


async def test_it_is_there_after_the_daemon_was_killed(daemon: DaemonProcess) -> None:
    async with nexus_sdk.connect(daemon.ws_url, daemon.token()) as nexus:
        files = (await nexus.workspaces.get("inside")).files
        await files.write("/tmp/kept", "before")
    await asyncio.to_thread(daemon.kill)
    await daemon.astart()
    async with nexus_sdk.connect(daemon.ws_url, daemon.token()) as nexus:
        files = (await nexus.workspaces.get("inside")).files
        assert await files.read_text("/tmp/kept") == "before"
        await asyncio.to_thread(daemon.call, "workspace.pause", workspace="inside")
        with pytest.raises(errors.WorkspaceState, match="paused"):
            await files.read("/tmp/kept")
        await asyncio.to_thread(daemon.call, "workspace.resume", workspace="inside")
        assert await files.read_text("/tmp/kept") == "before"


def test_http_reaches_the_whole_machine(daemon: DaemonProcess) -> None:
    token = daemon.token()
    put = daemon.http("PUT", "/files/inside//opt/a/b?parents=1", token=token, body=BLOB)
    assert (put.status, json.loads(put.body)["info"]["path"]) == (200, "/opt/a/b")
    whole = daemon.http("GET", "/files/inside//opt/a/b", token=token)
    assert (whole.status, whole.body) == (200, BLOB)
    part = daemon.http("GET", "/files/inside//opt/a/b", token=token, headers=[("Range", "bytes=256-511")])
    assert (part.status, part.body, part.headers["content-range"]) == (206, BLOB[:256], f"bytes 256-511/{len(BLOB)}")
    matched = [("If-Match", whole.headers["etag"])]
    assert daemon.http("PUT", "/files/inside//opt/a/b", token=token, body=b"new", headers=matched).status == 200
    assert daemon.http("PUT", "/files/inside//opt/a/b", token=token, body=b"old", headers=matched).status == 412
    begun = [("Upload-Id", "upload-one"), ("Content-Range", "bytes 0-3/8")]
    assert daemon.http("PUT", "/files/inside//opt/a/c", token=token, body=b"half", headers=begun).status == 202
    told = daemon.http("HEAD", "/files/inside//opt/a/c", token=token, headers=begun[:1])
    assert told.headers["upload-offset"] == "4"
    ended = [("Upload-Id", "upload-one"), ("Content-Range", "bytes 4-7/8")]
    assert daemon.http("PUT", "/files/inside//opt/a/c", token=token, body=b"more", headers=ended).status == 200
    assert daemon.http("GET", "/files/inside//opt/a/c", token=token).body == b"halfmore"
    for path in ("/proc/1/environ", "/.nexus/run/init.sock", "/sys/kernel/notes"):
        assert daemon.http("GET", f"/files/inside/{path}", token=token).status == 403
    daemon.call("workspace.stop", workspace="inside")
    refused = daemon.http("GET", "/files/inside//opt/a/b", token=token)
    assert refused.status == 409 and b"outside of the worktree" in refused.body
    assert daemon.http("GET", "/files/inside/README.md", token=token).status == 200
