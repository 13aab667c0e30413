"""A daemon that finds containers with a nexus-init of another version."""

from __future__ import annotations

import asyncio
import shutil
from pathlib import Path

import pytest
from docker_backend import make_backend, spec_for
from nexus_sdk.protocol.errors import BackendFailed
from nexusd.backends.base import SpawnSpec
from nexusd.backends.docker.helper import NexusInit
from nexusd.backends.keeper import binary as carried
from nexusd.backends.keeper.binary import architecture, binary
from nexusd.backends.keeper.upgrading import about

PORT = 20999
"""Below what the kernel hands out by itself, or other tests' connections would take it."""


class Installation:
    """A daemon's backend, with the program that its package carries; the next one may carry another."""

    def __init__(self, folder: Path, host: str) -> None:
        self.folder = folder
        self.host = host
        self.programs = folder / "programs"

    def log_of(self, process: str) -> Path:
        return self.folder / f"{process}.log"

    async def open(self):
        self.backend = make_backend(self.folder, self.host, helper=NexusInit(self.log_of, self.programs))
        await self.backend.open()
        return self.backend

    async def spawn(self, spec, process: str, *argv: str):
        log = self.log_of(process)
        wanted = SpawnSpec(process=process, argv=argv, log=log, capacity=1 << 20, stdin=True)
        return await self.backend.machine(spec).spawn(wanted)


def carry(monkeypatch: pytest.MonkeyPatch, folder: Path, program: Path) -> None:
    """From now on the package has this program."""
    folder.mkdir(exist_ok=True)
    shutil.copyfile(program, folder / f"nexus-init-{architecture()}")
    monkeypatch.setattr(carried, "DIRECTORY", folder)


@pytest.fixture
async def installation(engine, tmp_path):
    made = Installation(tmp_path, engine.host)
    yield made
    await made.backend.close()
    engine.clear(made.backend._instance)


Peer = tuple[asyncio.StreamReader, asyncio.StreamWriter]


async def said(peer: Peer, text: bytes) -> bytes:
    """What comes back from a server that returns what it is told."""
    peer[1].write(text)
    return await peer[0].readexactly(len(text))


async def connected(port: int) -> Peer:
    """A connection to a server that returns what it is told, once it listens."""
    async with asyncio.timeout(30):
        while True:
            peer = await asyncio.open_connection("127.0.0.1", port)
            try:
                assert await said(peer, b"before") == b"before"
                return peer
            except (ConnectionError, asyncio.IncompleteReadError):
                peer[1].close()
                await asyncio.sleep(0.02)


async def test_the_next_daemon_puts_its_program_in_place(
    installation, worktree, make_init, nexus_init, tmp_path, monkeypatch
):
    spec = spec_for(worktree, "ws_upgraded", web=PORT)
    with monkeypatch.context() as patch:
        carry(patch, tmp_path / "package", make_init())
        backend = await installation.open()
        await backend.create(spec)
        await backend.start(spec)
        handle = await installation.spawn(spec, "pr_one", "sh", "-c", "read go; exit 7")
        await installation.spawn(spec, "pr_serves", "nc", "-l", "-p", str(PORT), "-e", "cat")
        connection = await connected(PORT)
        boot = backend._sessions.live(spec.workspace).connection.boot
        await backend.close()
    backend = await installation.open()
    kept, _ = await backend.machine(spec).adopt()
    live = backend._sessions.live(spec.workspace).connection
    assert (live.build, live.boot, live.published) == ((await about(nexus_init)).build, boot, {PORT})
    assert (kept.process, kept.pid) == (handle.process, handle.pid)
    assert await said(connection, b"after") == b"after", "a connection from outside outlives it, too"
    connection[1].close()
    assert kept.kept.write(b"go\n") == 3
    assert (await kept.wait()).code == 7
    await backend.destroy(spec.workspace)


async def test_one_that_cannot_be_spoken_to_is_refused_until_it_is_restarted(
    installation, engine, spec, make_init, nexus_init, tmp_path, monkeypatch
):
    with monkeypatch.context() as patch:
        carry(patch, tmp_path / "package", make_init(version="0.0.9", protocol=0))
        patch.setattr("nexusd.backends.keeper.handshake.PROTOCOL", 0)
        backend = await installation.open()
        await backend.create(spec)
        await backend.start(spec)
        await installation.spawn(spec, "pr_one", "sleep", "1000")
        await backend.close()
    backend = await installation.open()
    for refused in (backend.machine(spec).adopt, lambda: backend.start(spec)):
        with pytest.raises(BackendFailed, match=r"0\.0\.9.* is older than this daemon.*Restart the workspace") as told:
            await refused()
        assert "boulder workspace restart" in told.value.hint
    top = [line[-1] for line in engine.api.top(f"nexus-{spec.workspace}")["Processes"]]
    assert any("sleep 1000" in command for command in top), "what runs is not touched"
    assert (await backend.health()) == (True, "")
    # what a restart of the workspace does
    await backend.stop(spec.workspace, 1)
    await backend.start(spec)
    connection = backend._sessions.live(spec.workspace).connection
    assert connection.build == (await about(nexus_init)).build
    handle = await installation.spawn(spec, "pr_two", "true")
    assert (await handle.wait()).code == 0
    await backend.destroy(spec.workspace)


async def test_a_container_starts_when_the_package_is_elsewhere(installation, spec, nexus_init, tmp_path, monkeypatch):
    """Another virtual environment, as after an upgrade; the old one is gone. No file of it is executable, either."""
    with monkeypatch.context() as patch:
        carry(patch, tmp_path / "package", nexus_init)
        backend = await installation.open()
        await backend.create(spec)
        await backend.close()
        shutil.rmtree(tmp_path / "package")
    carry(monkeypatch, tmp_path / "elsewhere", nexus_init)
    with pytest.raises(BackendFailed, match="cannot be executed"):
        binary()
    backend = await installation.open()
    await backend.start(spec)
    handle = await installation.spawn(spec, "pr_one", "true")
    assert (await handle.wait()).code == 0
    await backend.destroy(spec.workspace)


async def test_a_package_without_the_program_says_so(installation, tmp_path, monkeypatch):
    monkeypatch.setattr(carried, "DIRECTORY", tmp_path / "nothing")
    backend = await installation.open()
    healthy, message = await backend.health()
    assert not healthy and "is missing from this installation" in message
