"""Ports of a workspace on this node: the real nexus-init serves them, and they lead to servers inside."""

from __future__ import annotations

import asyncio
import itertools
import socket
from contextlib import contextmanager
from dataclasses import replace
from pathlib import Path

import pytest
from docker_backend import make_backend, spec_for
from nexus_sdk.protocol.errors import BackendFailed, PortRefused, PortTaken
from nexus_sdk.protocol.types import MachineOptions
from nexusd.backends.base import SpawnSpec
from nexusd.backends.docker import sessions
from nexusd.backends.docker.helper import NexusInit
from nexusd.backends.host.net import listeners

SUPPORT = Path(__file__).parents[3] / "support"
BASES = itertools.count(21000, 10)
"""Below what the kernel hands out by itself, or other tests' connections would take some."""


class Node:
    """A daemon's backend, which the next one may take the place of, and a workspace with two ports."""

    def __init__(self, folder, host, worktree, options=None):
        self.folder = folder
        self.host = host
        base = next(BASES)
        self.spec = spec_for(worktree, f"ws_port{base}", options, web=base, api=base + 1)
        self.web, self.api = base, base + 1
        self.numbers = itertools.count(1)

    async def open(self):
        def log_of(process):
            return self.folder / f"{process}.log"

        self.log_of = log_of
        self.backend = make_backend(self.folder, self.host, helper=NexusInit(log_of, self.folder / "programs"))
        await self.backend.open()

    async def up(self):
        await self.backend.create(self.spec)
        await self.backend.start(self.spec)

    async def serve(self, port, address="127.0.0.1", shown=None):
        """Let something inside answer on a port, once it listens there; `shown` is the number that is told of it."""
        machine = self.backend.machine(self.spec)
        process = f"pr_{next(self.numbers)}"
        argv = ("httpd", "-f", "-p", f"{address}:{port}", "-h", "/workspace")
        await machine.spawn(SpawnSpec(process=process, argv=argv, log=self.log_of(process), capacity=1 << 20))
        async with asyncio.timeout(30):
            while True:
                if (shown or port) in {one.port for one in await machine.listening()}:
                    break
                await asyncio.sleep(0.02)

    def served(self):
        """Which of its ports something on this node listens on, and where."""
        return {(one.port, one.address) for one in listeners() if one.port in (self.web, self.api)}


async def get(port):
    """What a server behind a port of this node says."""
    reader, writer = await asyncio.open_connection("127.0.0.1", port)
    try:
        writer.write(b"GET /README.md HTTP/1.0\r\n\r\n")
        return (await reader.read()).rpartition(b"\r\n\r\n")[2]
    finally:
        writer.close()


@contextmanager
def passing(port):
    """A connection of this node to itself that has a port as its own end."""
    with socket.create_server(("127.0.0.1", 0)) as server, socket.socket() as client:
        client.bind(("127.0.0.1", port))
        client.connect(server.getsockname())
        with server.accept()[0]:
            yield


@pytest.fixture
async def make_node(engine, nexus_init, tmp_path, worktree):
    made = []

    async def make(options=None):
        node = Node(tmp_path, engine.host, worktree, options)
        made.append(node)
        await node.open()
        await node.up()
        return node

    yield make
    for node in made:
        await node.backend.destroy(node.spec.workspace)
        assert node.served() == set()
        await node.backend.close()
        engine.clear(node.backend._instance)


async def test_a_server_on_its_own_loopback_is_reached(make_node, engine):
    node = await make_node()
    assert node.served() == {(node.web, "127.0.0.1"), (node.api, "127.0.0.1")}, "on loopback alone"
    with pytest.raises(ConnectionResetError):
        await get(node.web)  # nobody listens inside
    await node.serve(node.web)
    assert await get(node.web) == b"# Example\n"
    await node.serve(node.api, "0.0.0.0")
    assert await get(node.api) == b"# Example\n"
    found = engine.api.inspect_container(f"nexus-{node.spec.workspace}")
    assert not any(found["NetworkSettings"]["Ports"].values()), "the engine has nothing to do with it"


@pytest.mark.parametrize("egress", [True, False])
async def test_another_port_inside(make_node, egress):
    node = await make_node(MachineOptions(container_ports={"web": 8000}, egress=egress))
    machine = node.backend.machine(node.spec)
    with pytest.raises(PortRefused, match=rf"port {node.web} leads to port 8000 inside.*refused") as caught:
        await machine.dial(node.web)
    assert caught.value.details.port == node.web
    await node.serve(8000, shown=node.web)
    assert await get(node.web) == b"# Example\n"
    for port in (node.web, 8000):
        stream = await machine.dial(port)
        await stream.send(b"GET /README.md HTTP/1.0\r\n\r\n")
        assert await stream.receive(10000)
        await stream.aclose()


async def test_it_is_served_while_no_daemon_is_there_and_by_the_next(make_node):
    node = await make_node()
    await node.serve(node.web)
    await node.backend.close()
    assert await get(node.web) == b"# Example\n"
    await node.open()
    assert await node.backend.machine(node.spec).adopt()
    assert await get(node.web) == b"# Example\n"
    await node.backend.start(node.spec)
    assert node.backend._sessions.live(node.spec.workspace).connection.published == {node.web, node.api}


async def test_what_a_daemon_had_no_time_for_the_next_one_does(make_node, monkeypatch):
    """It was killed between two ports; the next one starts what was to be started."""
    node = await make_node()
    await node.backend.stop(node.spec.workspace, 1)
    helper = node.backend._helper
    connect = helper.connect

    async def connect_to_one_that_dies(*args):
        connection = await connect(*args)
        publish = connection.publish

        async def once(listening, port):
            await publish(listening, port)
            raise BackendFailed("it was killed", backend="docker", step="publish", reason="killed")

        monkeypatch.setattr(connection, "publish", once)
        return connection

    with monkeypatch.context() as patch:
        patch.setattr(helper, "connect", connect_to_one_that_dies)
        with pytest.raises(BackendFailed, match="killed"):
            await node.backend.start(node.spec)
    assert {port for port, _ in node.served()} == {node.web}
    await node.backend.close()
    await node.open()
    await node.backend.start(node.spec)
    assert {port for port, _ in node.served()} == {node.web, node.api}


async def test_a_workspace_that_does_not_run_has_no_ports(make_node):
    node = await make_node()
    await node.serve(node.web)
    # One connection is open as it stops; the port is free all the same.
    _, writer = await asyncio.open_connection("127.0.0.1", node.web)
    await node.backend.stop(node.spec.workspace, 1)
    assert node.served() == set()
    writer.close()
    await node.backend.start(node.spec)
    await node.serve(node.web)
    assert await get(node.web) == b"# Example\n"


async def test_who_comes_while_it_is_paused_waits(make_node):
    node = await make_node()
    await node.serve(node.web)
    await node.backend.pause(node.spec.workspace)
    asked = asyncio.create_task(get(node.web))
    await asyncio.wait([asked], timeout=0.2)
    assert not asked.done()
    await node.backend.resume(node.spec.workspace)
    assert await asked == b"# Example\n"


async def test_a_taken_port_is_named_before_anything_is_started(make_node, engine):
    node = await make_node()
    await node.backend.stop(node.spec.workspace, 1)
    before = engine.api.inspect_container(f"nexus-{node.spec.workspace}")["State"]
    with socket.create_server(("127.0.0.1", node.api)):
        with pytest.raises(PortTaken) as caught:
            await node.backend.start(node.spec)
        assert (caught.value.details.port, caught.value.details.name) == (node.api, "api")
        assert f"sport = :{node.api}" in caught.value.hint
        assert {port for port, _ in node.served()} == {node.api}, "the other one was let go"
    assert engine.api.inspect_container(f"nexus-{node.spec.workspace}")["State"] == before
    await node.backend.start(node.spec)
    assert {port for port, _ in node.served()} == {node.web, node.api}


async def test_a_port_that_a_connection_uses_is_served_when_that_has_ended(make_node, monkeypatch):
    """It is no server's: nobody could be asked to end it, and `ss -l` would not show it."""
    monkeypatch.setattr(sessions, "AGAIN", 0.05)
    node = await make_node()
    await node.backend.stop(node.spec.workspace, 1)
    with passing(node.web):
        await node.backend.start(node.spec)
        assert {port for port, _ in node.served()} == {node.api}
        assert await node.backend.machine(node.spec).listening() == []
    await node.serve(node.web)
    async with asyncio.timeout(30):
        while True:
            if node.web in {port for port, _ in node.served()}:
                break
            await asyncio.sleep(0.02)
    assert await get(node.web) == b"# Example\n"
    assert node.backend._sessions._late == set()


async def test_nobody_waits_for_ports_of_a_workspace_that_has_stopped(make_node):
    node = await make_node()
    await node.backend.stop(node.spec.workspace, 1)
    with passing(node.web):
        await node.backend.start(node.spec)
        [waiting] = node.backend._sessions._late
        await node.backend.stop(node.spec.workspace, 1)
        await asyncio.wait([waiting], timeout=30)
        assert waiting.cancelled() and node.backend._sessions._late == set()


async def test_processes_inside_cannot_take_the_sockets(make_node, engine, go, worktree):
    """They are of this node's network, and whoever had one could leave the container's by it."""
    thief = replace(go, module=SUPPORT / "thief")
    built = thief.run("build", "-o", str(worktree / "thief"), "main.go", CGO_ENABLED="0")
    assert built.returncode == 0, built.stdout
    node = await make_node(MachineOptions(user="root", egress=False))
    machine = node.backend.machine(node.spec)
    for argv in (("/workspace/thief",), ("ls", "-l", "/proc/self/fd")):
        log = node.log_of("pr_" + argv[0].rpartition("/")[2])
        handle = await machine.spawn(SpawnSpec(process=log.stem, argv=argv, log=log, capacity=1 << 20))
        assert (await handle.wait()).code == 0
        said = log.read_bytes()
        assert b"got" not in said and b"socket:" not in said, said
    assert b"user 0\n" in node.log_of("pr_thief").read_bytes()
