"""An engine that is away, hangs, answers nonsense or has no room: each has its name and leaves nothing behind."""

from __future__ import annotations

import asyncio
import os
import signal
import socket
import subprocess
import sys

import pytest
from docker_backend import NoHelper, make_backend, spec_for
from nexus_sdk.protocol.errors import BackendFailed, BackendUnavailable, PortTaken, StorageFull
from nexus_sdk.protocol.types import MachineOptions
from nexusd.backends.docker import address, failures
from nexusd.backends.docker import engine as engines


class Proxy:
    """A socket in front of the engine's, which can stop passing on."""

    def __init__(self, path, target):
        self.path, self.target = path, target.removeprefix("unix://")
        self.open = asyncio.Event()
        self.open.set()
        self._server = None
        self._tasks = set()

    async def __aenter__(self):
        self._server = await asyncio.start_unix_server(self._serve, self.path)
        return self

    async def __aexit__(self, *_):
        self._server.close()
        for task in tuple(self._tasks):
            task.cancel()
        await asyncio.gather(*self._tasks, return_exceptions=True)

    async def _serve(self, reader, writer):
        there, back = await asyncio.open_unix_connection(self.target)
        for pair in ((reader, back), (there, writer)):
            task = asyncio.create_task(self._pump(*pair))
            self._tasks.add(task)
            task.add_done_callback(self._tasks.discard)

    async def _pump(self, reader, writer):
        try:
            while data := await reader.read(65536):
                await self.open.wait()
                writer.write(data)
                await writer.drain()
        except OSError:
            pass
        finally:
            writer.close()


@pytest.fixture
async def stalling(engine, tmp_path):
    """A backend with little patience, and the proxy that it goes through."""
    async with Proxy(tmp_path / "p.sock", engine.host) as proxy:
        backend = make_backend(tmp_path, f"unix://{proxy.path}", timeout=1.0)
        await backend.open()
        yield backend, proxy
        await backend.close()
        proxy.open.set()
        engine.clear(backend._instance)


async def test_what_the_engine_is_is_asked_once(stalling, monkeypatch):
    from nexusd.backends.docker.client import Client

    backend, proxy = stalling
    asked = []
    info = Client.info
    monkeypatch.setattr(Client, "info", lambda self: asked.append(1) or info(self))
    first = await backend.check(MachineOptions(), [])
    assert await backend.check(MachineOptions(), []) == first
    assert len(asked) == 1
    proxy.open.clear()
    with pytest.raises(BackendUnavailable):
        await backend.check(MachineOptions(), [])
    proxy.open.set()
    monkeypatch.setattr(engines, "INFO_SECONDS", 0.0)
    await backend.check(MachineOptions(), [])
    assert len(asked) == 2


async def test_an_engine_that_is_away_is_named(tmp_path, worktree):
    backend = make_backend(tmp_path, f"unix://{tmp_path}/none.sock")
    await backend.open()
    try:
        well, message = await backend.health()
        assert not well
        assert "none.sock" in message and "apt install docker.io" in message
        spec = spec_for(worktree, "ws_away")
        for call in (backend.check(MachineOptions(), []), backend.create(spec), backend.start(spec)):
            with pytest.raises(BackendUnavailable) as caught:
                await call
            assert "apt install docker.io" in caught.value.hint
        # Nothing was asked of it, so there is nothing to wait for.
        await backend.destroy(spec.workspace)
    finally:
        await backend.close()


async def test_without_a_note_an_absent_engine_holds_nothing(tmp_path):
    backend = make_backend(tmp_path, f"unix://{tmp_path}/none.sock")
    await backend.open()
    try:
        assert await backend.list() == []
        await backend.destroy("ws_never")
    finally:
        await backend.close()


async def test_an_engine_that_hangs_is_given_up_and_taken_up_again(engine, stalling, worktree):
    backend, proxy = stalling
    spec = spec_for(worktree, "ws_slow")
    await backend.create(spec)
    proxy.open.clear()
    with pytest.raises(BackendUnavailable, match="did not answer within 1 s") as caught:
        await backend.start(spec)
    assert caught.value.may_have_run
    assert (await backend.health())[0] is False
    # The engine may hold something: that is not forgotten.
    with pytest.raises(BackendUnavailable):
        await backend.destroy(spec.workspace)
    assert [note.workspace for note in backend._notes.all()] == [spec.workspace]
    proxy.open.set()
    await backend.start(spec)
    assert (await backend.list())[0].state == "running"
    await backend.destroy(spec.workspace)
    assert not any(engine.leftovers(backend._instance).values())


async def test_a_frozen_engine_does_not_freeze_us(own_engine, tmp_path, worktree):
    backend = make_backend(tmp_path, f"unix://{own_engine.socket}", timeout=1.0)
    await backend.open()
    os.kill(own_engine.pid, signal.SIGSTOP)
    try:
        beats = 0

        async def beat():
            nonlocal beats
            while True:
                await asyncio.sleep(0.01)
                beats += 1

        beating = asyncio.create_task(beat())
        well, message = await backend.health()
        assert not well and "did not answer" in message
        with pytest.raises(BackendUnavailable, match="did not answer"):
            await backend.create(spec_for(worktree, "ws_frozen"))
        beating.cancel()
        assert beats > 20, "the loop ran on"
    finally:
        os.kill(own_engine.pid, signal.SIGCONT)
        await backend.destroy("ws_frozen")
        await backend.close()


async def test_what_is_no_engine_is_said_so(tmp_path):
    async def answer(reader, writer):
        await reader.readline()
        writer.write(b"HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nOK")
        writer.close()

    server = await asyncio.start_unix_server(answer, tmp_path / "web.sock")
    try:
        said = await asyncio.to_thread(engines.ping, f"unix://{tmp_path}/web.sock")
        assert "is no Docker Engine" in said
    finally:
        server.close()
    assert "no address of an engine" in engines.ping("ssh://somewhere")


def test_an_old_engine_is_refused(tmp_path):
    import threading

    listener = socket.socket(socket.AF_UNIX)
    listener.bind(str(tmp_path / "old.sock"))
    listener.listen()

    def serve():
        peer, _ = listener.accept()
        with peer:
            peer.recv(1000)
            peer.sendall(b"HTTP/1.1 200 OK\r\nApi-Version: 1.40\r\nContent-Length: 2\r\n\r\nOK")

    thread = threading.Thread(target=serve)
    thread.start()
    assert "Engine 20.10" in engines.ping(f"unix://{tmp_path}/old.sock")
    thread.join()
    listener.close()


async def test_a_port_that_is_taken_is_named_and_free_again_later(engine, backend, worktree):
    with socket.create_server(("127.0.0.1", 0)) as server:
        port = server.getsockname()[1]
        spec = spec_for(worktree, "ws_port", web=port)
        await backend.create(spec)
        with pytest.raises(PortTaken) as caught:
            await backend.start(spec)
        assert (caught.value.details.port, caught.value.details.name) == (port, "web")
        assert (await backend.list())[0].state == "stopped"
    await backend.start(spec)
    assert (await backend.list())[0].state == "running"


async def test_a_container_that_ends_at_once_says_why(engine, tmp_path, worktree):
    helper = NoHelper("echo it is all wrong >&2; exit 3")

    async def nobody(*_):
        ended = {"label": ["nexus.workspace=ws_ends"], "status": ["exited"]}
        async with asyncio.timeout(30):
            while True:
                if await asyncio.to_thread(engine.api.containers, all=True, filters=ended):
                    break
                await asyncio.sleep(0.02)
        raise BackendFailed("nobody answers", backend="docker", step="connect", reason="nobody")

    helper.connect = nobody
    backend = make_backend(tmp_path, engine.host, helper=helper)
    await backend.open()
    spec = spec_for(worktree, "ws_ends")
    try:
        await backend.create(spec)
        with pytest.raises(BackendFailed, match=r"ended at once|is stopped") as caught:
            await backend.start(spec)
        assert "exit code 3" in caught.value.message or "stopped" in caught.value.message
    finally:
        await backend.destroy(spec.workspace)
        await backend.close()


async def test_a_full_disk_is_named(engine, backend):
    class Full(Exception):
        response = object()
        explanation = "write /var/lib/docker/tmp/x: no space left on device"

    def fail(client):
        raise Full

    with pytest.raises(StorageFull, match="no space left"):
        await backend._engine.call("making the container", fail)
    assert failures.full(Full())


def test_the_library_is_not_loaded_before_it_is_needed(tmp_path):
    script = (
        "import asyncio, sys; sys.path[:0] = sys.argv[2:]\n"
        "from pathlib import Path; import nexusd.daemon; from docker_backend import make_backend\n"
        "async def main():\n"
        "    backend = make_backend(Path(sys.argv[1]), 'unix:///nowhere'); await backend.open()\n"
        "    await backend.health(); await backend.list(); backend.on_change = print; await backend.close()\n"
        "asyncio.run(main()); print(sorted({'docker', 'requests', 'urllib3'} & set(sys.modules)))"
    )
    stub = tmp_path / "stub"
    stub.mkdir()
    (stub / "engine.py").write_text("BASE = 'x:1'\n")
    support = os.path.dirname(sys.modules["docker_backend"].__file__)
    done = subprocess.run(
        [sys.executable, "-c", script, str(tmp_path), str(stub), support], capture_output=True, text=True, timeout=60
    )
    assert done.stdout.strip() == "[]", done.stderr


def test_the_engine_is_where_somebody_says_or_in_the_usual_place(tmp_path, monkeypatch):
    assert address.find("tcp://127.0.0.1:1", {"DOCKER_HOST": "unix:///x"}) == "tcp://127.0.0.1:1"
    assert address.find(None, {"DOCKER_HOST": "unix:///x"}) == "unix:///x"
    monkeypatch.setattr(address, "DEFAULT_HOST", f"unix://{tmp_path}/docker.sock")
    assert address.find(None, {}) is None
    (tmp_path / "docker.sock").touch()
    assert address.find(None, {}) == address.DEFAULT_HOST


def test_a_daemon_without_an_engine_does_not_load_the_backend():
    script = (
        "import sys, nexusd.daemon; print([name for name in sys.modules if name.startswith('nexusd.backends.docker.')])"
    )
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60)
    assert done.stdout.strip() == "['nexusd.backends.docker.address']", done.stderr
