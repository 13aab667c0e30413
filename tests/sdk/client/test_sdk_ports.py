"""Tunnels and local listeners."""

from __future__ import annotations

import asyncio
import random

import pytest
from nexus_sdk.protocol.errors import PortRefused, TunnelLost


class Echo:
    """A port that answers with what it was sent, and ends its half after ours."""

    def __init__(self, fake, window: int = 50_000) -> None:
        self.fake = fake
        self.window = window
        self.cut_after: int | None = None
        self.calls = []
        fake.handlers["port.forward"] = self.forward

    async def forward(self, call):
        self.calls.append(call)
        await call.open({"window": self.window})
        total = 0
        while True:
            await call.until(lambda: bool(call.up) or call.up_ended is not None)
            if call.up:
                data = bytes(call.up)
                call.params["_up_start"] = call.params.get("_up_start", 0) + len(data)
                call.up.clear()
                for at in range(0, len(data), 65536):
                    part = data[at : at + 65536]
                    await call.room(total + len(part))
                    await call.data(1, total, part)
                    total += len(part)
                await call.credit(total + self.window)
            if self.cut_after is not None and total >= self.cut_after:
                call.session.drop()
                return None
            if call.up_ended == total:
                await call.eof(1, total)
                return {"sent": total, "received": total}


async def test_a_tunnel_carries_bytes_both_ways_and_each_half_closes_alone(fake, workspace):
    Echo(fake)
    data = random.Random(2).randbytes(700_000)
    got = bytearray()
    async with workspace.ports.dial(3000) as tunnel, asyncio.TaskGroup() as group:

        async def send():
            await tunnel.send(data)
            await tunnel.send_eof()

        group.create_task(send())
        async with asyncio.timeout(10):
            async for part in tunnel:
                got += part
    assert got == data
    assert fake.calls[-1].params["port"] == 3000


# requirement: resume.tunnel
async def test_a_broken_tunnel_is_lost_and_says_which(fake, workspace):
    echo = Echo(fake)
    echo.cut_after = 10
    async with workspace.ports.dial(3000) as tunnel:
        await tunnel.send(b"x" * 10)
        async with asyncio.timeout(5):
            assert await tunnel.receive() == b"x" * 10
            with pytest.raises(TunnelLost, match="3000") as caught:
                await tunnel.receive()
            with pytest.raises(TunnelLost):
                await tunnel.send(b"y")
    assert caught.value.details.port == 3000
    assert len(echo.calls) == 1


async def test_a_refused_port(fake, workspace):
    @fake.on("port.forward")
    async def forward(call):
        raise PortRefused("nothing listens on 3000", port=3000)

    with pytest.raises(PortRefused):
        async with workspace.ports.dial(3000):
            pass


async def test_leaving_cancels_the_tunnel(fake, workspace):
    Echo(fake)
    async with workspace.ports.dial(3000):
        pass
    async with asyncio.timeout(5):
        await fake.session.cancel_seen.wait()


async def test_a_listener_carries_each_connection_and_keeps_half_close(fake, workspace):
    echo = Echo(fake)
    data = random.Random(3).randbytes(300_000)

    async def client(address) -> bytes:
        reader, writer = await asyncio.open_connection(*address)
        writer.write(data)
        writer.write_eof()
        got = await reader.read()
        writer.close()
        await writer.wait_closed()
        return got

    async with workspace.ports.forward(3000) as listener, asyncio.timeout(20):
        assert listener.local_address[0] == "127.0.0.1"
        results = await asyncio.gather(*(client(listener.local_address) for _ in range(5)))
    assert results == [data] * 5
    assert len(echo.calls) == 5 and listener.last_error is None


async def test_a_connection_whose_port_is_refused_is_closed_and_the_listener_goes_on(fake, workspace):
    refusals = []

    @fake.on("port.forward")
    async def forward(call):
        refusals.append(call)
        raise PortRefused("nothing listens on 3000", port=3000)

    async with workspace.ports.forward(3000) as listener, asyncio.timeout(10):
        for count in (1, 2):
            reader, writer = await asyncio.open_connection(*listener.local_address)
            with pytest.raises(ConnectionError):
                if await reader.read() == b"":
                    raise ConnectionResetError
            writer.close()
            assert len(refusals) == count
    assert isinstance(listener.last_error, PortRefused)


async def test_connections_beyond_the_limit_are_closed_at_once(fake, workspace):
    Echo(fake)
    async with workspace.ports.forward(3000, max_connections=1) as listener, asyncio.timeout(10):
        first_reader, first = await asyncio.open_connection(*listener.local_address)
        first.write(b"a")
        assert await first_reader.read(1) == b"a"
        reader, second = await asyncio.open_connection(*listener.local_address)
        with pytest.raises(ConnectionError):
            if await reader.read() == b"":
                raise ConnectionResetError
        second.close()
        first.write(b"b")
        assert await first_reader.read(1) == b"b"
        first.close()


async def test_a_listener_stops_accepting_when_it_is_left(fake, workspace):
    Echo(fake)
    async with workspace.ports.forward(3000) as listener:
        address = listener.local_address
        reader, writer = await asyncio.open_connection(*address)
        writer.write(b"a")
        await reader.read(1)
        assert listener.connections == 1
    with pytest.raises(OSError):
        await asyncio.open_connection(*address)
    assert listener.connections == 0
    writer.close()


async def test_list_names_what_listens(fake, workspace):
    @fake.on("port.list")
    async def listing(call):
        return {"ports": [{"port": 3000, "name": "web", "listening": True}]}

    (port,) = await workspace.ports.list()
    assert (port.port, port.name, port.listening) == (3000, "web", True)
