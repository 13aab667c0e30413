from __future__ import annotations

import asyncio
import socket
import sys

import pytest
from host_bench import HostBench, machine_spec, read_line
from nexus_sdk.protocol.errors import PortForbidden, PortRefused

SERVER = """
import socket, sys
family = socket.AF_INET6 if ":" in sys.argv[1] else socket.AF_INET
server = socket.socket(family)
server.bind((sys.argv[1], 0))
server.listen()
print(server.getsockname()[1], flush=True)
while True:
    connection, _ = server.accept()
    whole = b""
    while data := connection.recv(65536):
        whole += data
    connection.sendall(whole[::-1])
    connection.shutdown(socket.SHUT_WR)
    connection.close()
"""

# Says one thing, ends its half, and still listens.
HALF = """
import socket
server = socket.socket()
server.bind(("127.0.0.1", 0))
server.listen()
print(server.getsockname()[1], flush=True)
connection, _ = server.accept()
connection.sendall(b"first")
connection.shutdown(socket.SHUT_WR)
print(connection.recv(100).decode(), flush=True)
"""


async def ask(stream, data: bytes) -> bytes:
    """Send all, finish our half, read all."""
    sending = asyncio.ensure_future(stream.send(data))
    await sending
    await stream.send_eof()
    found = b""
    while part := await asyncio.wait_for(stream.receive(), 30):
        found += part
    await stream.aclose()
    return found


@pytest.mark.parametrize("address", ["127.0.0.1", "0.0.0.0", "::1", "::"])
async def test_dial_a_server_of_the_workspace(host: HostBench, address: str) -> None:
    handle = await host.spawn(sys.executable, "-c", SERVER, address)
    port = int(await read_line(handle.stdout))
    machine = host.backend.machine(host.spec)
    data = bytes(range(256)) * 4000
    for _ in range(2):
        assert await ask(await machine.dial(port), data) == data[::-1]
    found = [socket for socket in await machine.listening() if socket.port == port]
    assert [(s.address, s.pid) for s in found] == [(address, handle.pid)]
    assert found[0].command.startswith("python")
    await handle.kill_tree(0)
    handle.close()
    with pytest.raises(PortForbidden):
        await machine.dial(port)


async def test_ports_of_other_people_are_forbidden_whether_open_or_not(host: HostBench) -> None:
    with socket.socket() as server, socket.socket() as closed:
        server.bind(("127.0.0.1", 0))
        server.listen()
        closed.bind(("127.0.0.1", 0))
        machine = host.backend.machine(host.spec)
        errors = []
        for port in (server.getsockname()[1], closed.getsockname()[1]):
            with pytest.raises(PortForbidden) as caught:
                await machine.dial(port)
            errors.append(str(caught.value).replace(str(port), "PORT"))
        assert errors[0] == errors[1]
        assert await machine.listening() == []


async def test_a_port_that_changed_hands_is_forbidden(host: HostBench) -> None:
    handle = await host.spawn(sys.executable, "-c", SERVER, "127.0.0.1")
    port = int(await read_line(handle.stdout))
    machine = host.backend.machine(host.spec)
    await (await machine.dial(port)).aclose()
    await handle.kill_tree(0)
    handle.close()
    with socket.socket() as server:
        server.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
        server.bind(("127.0.0.1", port))
        server.listen()
        with pytest.raises(PortForbidden):
            await machine.dial(port)


async def test_allocated_ports_may_be_dialled_and_refuse(host: HostBench) -> None:
    with socket.socket() as server:
        server.bind(("127.0.0.1", 0))
        port = server.getsockname()[1]
        machine = host.backend.machine(machine_spec(host.directory / "worktree", ports={"web": port}))
        with pytest.raises(PortRefused):
            await machine.dial(port)
        server.listen()
        stream = await machine.dial(port)
        await stream.aclose()
        with pytest.raises(OSError):
            await stream.send(b"x")


async def test_either_half_closes_alone(host: HostBench) -> None:
    handle = await host.spawn(sys.executable, "-c", HALF)
    stream = await host.backend.machine(host.spec).dial(int(await read_line(handle.stdout)))
    assert await stream.receive() == b"first"
    assert await stream.receive() == b""
    await stream.send(memoryview(b"still heard"))
    assert await read_line(handle.stdout) == "still heard"
    await stream.aclose()
    await stream.aclose()
    await handle.wait()
    handle.close()
