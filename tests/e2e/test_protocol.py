"""Rules of docs/protocol.md that only a whole daemon can show."""

from __future__ import annotations

import asyncio
import json
from collections.abc import AsyncIterator
from typing import Any

import pytest
from daemon_process import UnixHTTPConnection
from nexus_sdk.protocol.methods import LEVEL, METHODS
from prometheus_client.parser import text_string_to_metric_families
from wire_client import PATIENCE, WINDOW, WireClient
from world import World


@pytest.fixture(scope="module")
def home(world: World) -> dict[str, Any]:
    return world.workspace("protocol")


@pytest.fixture
async def client(world: World) -> AsyncIterator[WireClient]:
    async with await world.connect(world.daemon.token()) as opened:
        yield opened
        await opened.alive()


def by_socket(world: World, method: str, path: str, body: bytes | None = None) -> tuple[int, bytes]:
    """One request over the Unix socket, without a token."""
    connection = UnixHTTPConnection(world.daemon.socket, timeout=PATIENCE)
    try:
        connection.request(method, path, body, {"Content-Type": "application/json"})
        response = connection.getresponse()
        return response.status, response.read()
    finally:
        connection.close()


# -- endpoints ---------------------------------------------------------------------------------------------------------


# requirement: http.openrpc
async def test_the_schema_is_served_and_is_what_discover_answers(client: WireClient, world: World) -> None:
    served = await asyncio.to_thread(world.daemon.http, "GET", "/openrpc.json")
    assert served.status == 200
    document = json.loads(served.body)
    assert document == (await client.call("rpc.discover"))["document"]
    described = {method["name"] for method in document["methods"]}
    assert described >= {name for name in METHODS if not name.startswith(("$/", "stream."))} - {
        "session.ready",
        "session.closing",
    }


# requirement: http.metrics
async def test_the_metrics_are_what_prometheus_reads(client: WireClient, world: World) -> None:
    served = await asyncio.to_thread(world.daemon.http, "GET", "/metrics")
    assert served.status == 200
    families = {family.name: family for family in text_string_to_metric_families(served.body.decode())}
    connections = families["nexus_connections"]
    assert (connections.type, connections.samples[0].value) == ("gauge", 1.0)


# requirement: http.unix
def test_the_unix_socket_serves_what_the_port_serves(world: World, home: dict[str, Any]) -> None:
    token = world.daemon.token()
    file = f"/files/{home['id']}/by-socket.txt"
    params = {"text": "log:\n  level: loud\n"}
    call = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "config.validate", "params": params})
    assert by_socket(world, "PUT", file, b"over the socket")[0] == 200
    for method, path, body in (
        ("GET", file, b""),
        ("POST", "/rpc", call.encode()),
        ("GET", "/rpc", b""),
        ("GET", "/", b""),
        ("GET", "/openrpc.json", b""),
        ("GET", "/health/live", b""),
        ("GET", "/health/ready", b""),
        ("GET", "/health/startup", b""),
        ("GET", "/nothing", b""),
    ):
        by_port = world.daemon.http(
            method, path, token=token, headers=[("Content-Type", "application/json")], body=body
        )
        status, answer = by_socket(world, method, path, body or None)
        assert (status, answer) == (by_port.status, by_port.body), path
    assert by_socket(world, "GET", file)[1] == b"over the socket"


# requirement: level.announced, call.ready
async def test_the_level_is_announced(client: WireClient) -> None:
    assert type(client.ready["level"]) is int
    assert client.ready["level"] == LEVEL
    assert client.ready["identity"]["subject"] == "tester"
    assert client.ready["limits"]["max_message"] == 1 << 20
    assert (await client.call("rpc.discover"))["document"]["info"]["version"] == str(LEVEL)


# -- identities --------------------------------------------------------------------------------------------------------


# requirement: auth.expiry
async def test_a_token_that_is_revoked_ends_its_connections(world: World) -> None:
    made = world.daemon.call("token.create", subject="gone", scopes=["*"], workspaces=["*"], ttl_ms=3_600_000)
    async with await world.connect(world.daemon.token()) as other:
        gone = await world.connect(made["token"])
        await other.call("token.revoke", id=made["info"]["id"])
        assert await asyncio.wait_for(gone.closed, PATIENCE) == 4401
        assert [closing["code"] for closing in gone.closing] == [4401]
        await other.alive()


# -- streams -----------------------------------------------------------------------------------------------------------


# requirement: credit.channels, stream.sender
async def test_both_output_channels_share_one_credit(client: WireClient, home: dict[str, Any]) -> None:
    argv = ["sh", "-c", "head -c 3000 /dev/zero; head -c 3000 /dev/zero >&2"]
    started = await client.call("exec.start", workspace=home["id"], argv=argv)
    await client.call("exec.wait", process=started["id"])
    stream = await client.stream("exec.attach", process=started["id"], window=4096)
    channels, position = set(), 0
    while position < 4096:
        kind, channel, offset, data = await stream.next()
        assert (kind, offset) == ("data", position)
        channels.add(channel)
        position += len(data)
    assert (channels, position) == ({1, 2}, 4096)
    await client.alive()
    assert stream.items.empty()
    await stream.grant(5000)
    kind, _, offset, data = await stream.next()
    assert (kind, offset, len(data)) == ("data", 4096, 904)
    await stream.grant(6000)
    assert (await stream.rest())[1]["result"]["output_end"] == 6000


# requirement: resume.upload
async def test_an_upload_goes_on_where_the_daemon_says(world: World, home: dict[str, Any]) -> None:
    data = bytes(range(256)) * 8192
    params = {"workspace": home["id"], "path": "resumed.bin", "upload": "protocol-upload-1", "size": len(data)}
    first = await world.connect(world.daemon.token())
    stream = await first.stream("fs.upload", **params)
    window = stream.info["window"]
    assert (stream.info["offset"], window < len(data)) == (0, True)
    await stream.send(0, data[:window])
    await asyncio.wait_for(stream.credited.wait(), PATIENCE)
    taken = stream.credit - window
    assert taken > 0
    await first.drop()
    async with await world.connect(world.daemon.token()) as second:
        again = await second.stream("fs.upload", **params)
        assert taken <= again.info["offset"] <= window
        await again.pump(data[again.info["offset"] :], again.info["offset"])
        await again.eof(len(data))
        assert (await again.answer())["result"]["info"]["size"] == len(data)
        back = await second.stream("fs.download", workspace=home["id"], path="resumed.bin", window=WINDOW)
        assert (await back.rest())[0] == data


# requirement: resume.download
async def test_a_download_goes_on_with_the_same_file_only(client: WireClient, home: dict[str, Any]) -> None:
    place = {"workspace": home["id"], "path": "changing.txt"}
    written = await client.call("fs.write", **place, content="0123456789")
    etag = written["etag"]
    stream = await client.stream("fs.download", **place, offset=4, if_match=etag, window=WINDOW)
    assert stream.info["length"] == 6
    assert (await stream.rest())[0] == b"456789"
    await client.call("fs.write", **place, content="abcdefghij")
    refused = await client.fails("fs.download", **place, offset=4, if_match=etag)
    assert refused["name"] == "etag_mismatch"


RESETTING = """
import socket, struct
server = socket.create_server(("127.0.0.1", 0))
print(server.getsockname()[1], flush=True)
connection, _ = server.accept()
connection.recv(1)
connection.setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, struct.pack("ii", 1, 0))
connection.close()
"""
"""Takes one connection, reads a byte and resets it."""


# requirement: resume.tunnel
async def test_a_tunnel_that_breaks_is_lost(client: WireClient, home: dict[str, Any]) -> None:
    started = await client.call("exec.start", workspace=home["id"], argv=["python3", "-c", RESETTING])
    output = await client.stream("exec.attach", process=started["id"])
    port = int(await output.until(b"\n"))
    tunnel = await client.stream("port.forward", workspace=home["id"], port=port)
    await tunnel.send(0, b"x")
    error = (await tunnel.answer())["error"]
    assert error["data"]["name"] == "tunnel_lost"
    assert error["data"]["details"] == {"port": port}
