"""port.*: what listens in a workspace, and tunnels to it."""

from __future__ import annotations

import asyncio

import msgspec
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import TunnelLost
from nexus_sdk.protocol.errors import WorkspaceState as WorkspaceStateError

from nexusd.api.observing import Calls
from nexusd.api.services import Services
from nexusd.backends.base import ByteStream
from nexusd.wire.call import Call
from nexusd.wire.stream import ServerStream

TUNNEL_WINDOW = 1024 * 1024
"""Credit towards the machine, in bytes."""

CHUNK = 256 * 1024


def register(calls: Calls, services: Services) -> None:
    """Serve the domain."""

    async def list_(call: Call, params: types.PortListParams) -> types.PortList:
        ports = {
            port: types.ListeningPort(port=port, name=name, listening=False)
            for name, port in services.parts.ports.get(call.workspace.id, {}).items()
        }
        for socket in await services.parts.machine(call.workspace).listening():
            known = ports.get(socket.port)
            ports[socket.port] = types.ListeningPort(
                port=socket.port,
                name=known.name if known is not None else msgspec.UNSET,
                listening=True,
                address=socket.address,
                pid=socket.pid,
                command=socket.command,
            )
        return types.PortList(ports=[ports[port] for port in sorted(ports)])

    async def forward(call: Call, params: types.PortForwardParams, stream: ServerStream) -> types.PortForwarded:
        if call.workspace.state != "running":
            raise WorkspaceStateError(
                f"workspace {call.workspace.name} is {call.workspace.state}; a tunnel needs it to be running",
                workspace=call.workspace.id,
                state=call.workspace.state,
                allowed=["running"],
            )
        connection = await services.parts.machine(call.workspace).dial(params.port)
        try:
            await stream.open(types.PortForwardOpen(window=TUNNEL_WINDOW), up_window=TUNNEL_WINDOW)
            async with asyncio.TaskGroup() as group:
                up = group.create_task(_up(stream, connection))
                down = group.create_task(_down(stream, connection))
            return types.PortForwarded(sent=up.result(), received=down.result())
        except ExceptionGroup as broken:
            first = broken.exceptions[0]
            if isinstance(first, OSError):
                reason = f"the connection to port {params.port} broke: {first.strerror or first}"
                raise TunnelLost(reason, port=params.port) from None
            raise first from None
        finally:
            await connection.aclose()

    calls.register("port.list", list_)
    calls.register("port.forward", forward)


async def _up(stream: ServerStream, connection: ByteStream) -> int:
    sent = 0
    while (data := await stream.receive()) is not None:
        await connection.send(data)
        sent += len(data)
        await stream.grant(sent)
    await connection.send_eof()
    return sent


async def _down(stream: ServerStream, connection: ByteStream) -> int:
    received = 0
    while data := await connection.receive(CHUNK):
        await stream.send(1, received, data)
        received += len(data)
    await stream.eof(1, received)
    return received
