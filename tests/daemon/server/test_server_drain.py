from __future__ import annotations

import asyncio
import json
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from server_harness import Served
from websockets.asyncio.client import ClientConnection, connect
from websockets.exceptions import ConnectionClosed
from websockets.typing import Subprotocol


def open_rpc(served: Served) -> connect:
    return connect(
        f"ws://127.0.0.1:{served.port}/rpc", subprotocols=[Subprotocol("nexus.v1")], additional_headers=served.bearer()
    )


async def messages(socket: ClientConnection) -> tuple[list[dict[str, object]], int]:
    """All that comes, and the close code."""
    found = []
    try:
        async with asyncio.timeout(10):
            while True:
                found.append(json.loads(await socket.recv()))
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        return found, closed.rcvd.code


async def until(done: Callable[[], bool]) -> None:
    end = time.monotonic() + 10
    while not done():
        assert time.monotonic() < end, "it did not come to pass"
        await asyncio.sleep(0.005)


def call(id: int, method: str) -> str:
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": {"process": "p_1"}})


# requirement: close.shutdown
async def test_draining_waits_for_calls_and_says_so(served: Served) -> None:
    served.add_workspace("ws_a")
    async with open_rpc(served) as socket:
        await socket.recv()
        await socket.send(call(7, "exec.wait"))
        await until(lambda: served.calls == ["exec.wait"])
        draining = asyncio.create_task(asyncio.to_thread(served.run, served.server.drain(10)))
        closing = json.loads(await socket.recv())
        assert (closing["method"], closing["params"]["code"]) == ("session.closing", 1001)
        with pytest.raises(OSError):
            await open_rpc(served)
        assert not draining.done()
        served.release.set()
        found, code = await messages(socket)
        assert [message["id"] for message in found] == [7]
        assert "result" in found[0]
        assert code == 1001
        assert await draining == 0


async def test_draining_does_not_wait_for_streams(served: Served) -> None:
    served.add_workspace("ws_a")
    async with open_rpc(served) as socket:
        await socket.recv()
        await socket.send(call(1, "exec.attach"))
        await until(lambda: served.calls == ["exec.attach"])
        async with asyncio.timeout(9):
            assert await asyncio.to_thread(served.run, served.server.drain(10)) == 0


async def test_draining_gives_up_in_time(served: Served) -> None:
    served.add_workspace("ws_a")
    async with open_rpc(served) as socket:
        await socket.recv()
        await socket.send(call(1, "exec.wait"))
        await until(lambda: served.calls == ["exec.wait"])
        assert await asyncio.to_thread(served.run, served.server.drain(0.05)) == 1
        assert (await messages(socket))[1] == 1001


async def test_stopping_cuts_off_who_does_not_go(served: Served) -> None:
    async with open_rpc(served) as socket:
        await socket.recv()
        reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
        await until(lambda: served.server.connections == 2)
        await asyncio.to_thread(served.run, served.server.stop(0.5))
        assert served.server.connections == 0
        assert not Path(served.socket_path).exists()
        assert await reader.read() == b""
        writer.close()
        await writer.wait_closed()
        assert (await messages(socket))[1] == 1001
