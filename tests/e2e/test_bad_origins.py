"""Foreign Host and Origin: refused on every route, on loopback too, before anything else is looked at."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Iterator

import pytest
from nexusd.server.files_http import FilesHttp
from nexusd.server.pages import Pages
from nexusd.server.rpc import RPC_PATH
from websockets.exceptions import InvalidStatus
from wire_client import open_socket
from world import World

ROUTES = [
    ("GET", "/"),
    ("GET", "/health/live"),
    ("GET", "/health/ready"),
    ("GET", "/health/startup"),
    ("GET", "/metrics"),
    ("GET", "/openrpc.json"),
    ("GET", "/rpc"),
    ("POST", "/rpc"),
    ("GET", "/files/ws_x/y"),
    ("HEAD", "/files/ws_x/y"),
    ("PUT", "/files/ws_x/y"),
    ("GET", "/nothing/is/here"),
    ("OPTIONS", "/rpc"),
    ("DELETE", "/files/ws_x/y"),
]

FOREIGN_HOSTS = [
    "evil.example",
    "evil.example:{port}",
    "localhost.evil.example:{port}",
    "127.0.0.1.evil.example:{port}",
    "127.0.0.2:{port}",
    "localhost:{port}.evil.example",
    "localhost:{port}@evil.example",
    "[::ffff:127.0.0.1]:{port}",
    "0.0.0.0:{port}",
    "2130706433:{port}",
    "",
    " ",
    "*",
]

FOREIGN_ORIGINS = [
    "http://evil.example",
    "https://evil.example:{port}",
    "http://127.0.0.1.evil.example:{port}",
    "http://localhost:{port}.evil.example",
    "http://localhost:{port}@evil.example",
    "http://127.0.0.1:1",
    "http://127.0.0.1",
    "http://localhost",
    "null",
    "file://",
    "",
    "chrome-extension://abcdefgh",
    "http://localhost:{port}/path",
    "http://trusted.example.evil.example",
    "http://trusted.example:81",
    "https://trusted.example",
]

FAMILIAR_HOSTS = ["127.0.0.1:{port}", "localhost:{port}", "LOCALHOST:{port}", "ours.example", "ours.example:9"]
FAMILIAR_ORIGINS = ["http://127.0.0.1:{port}", "http://localhost:{port}", "http://trusted.example"]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    settings = ["daemon.allowed_hosts=ours.example", "daemon.allowed_origins=http://trusted.example"]
    made = World(tmp_path_factory.mktemp("origins"), settings)
    made.daemon.start()
    yield made
    assert made.daemon.stop() == 0, made.daemon.log[-4000:]


def test_no_route_is_left_out() -> None:
    served = [*object.__new__(Pages).routes(), *object.__new__(FilesHttp).routes()]
    assert len(served) >= 7
    walked = {(method, path) for method, path in ROUTES}
    for route in served:
        for method in route.methods:
            if method != "HEAD":
                assert any(m == method and route.matches(path) for m, path in walked), (method, route.path)
    assert {("GET", RPC_PATH), ("POST", RPC_PATH)} <= walked


# requirement: auth.origin
@pytest.mark.parametrize("host", FOREIGN_HOSTS)
def test_a_foreign_host_is_refused_on_every_route(world: World, host: str) -> None:
    token = world.daemon.token()
    for method, path in ROUTES:
        answer = world.daemon.http(method, path, token=token, host=host.format(port=world.daemon.port))
        assert answer.status == 421, (method, path)
        assert method == "HEAD" or answer.error["name"] == "host_refused"


def test_two_hosts_are_refused(world: World) -> None:
    ours = f"127.0.0.1:{world.daemon.port}"
    for second in (ours, "evil.example"):
        answer = world.daemon.http("GET", "/health/live", headers=[("Host", second)])
        assert answer.status in (400, 421)


# requirement: auth.origin
@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
def test_a_foreign_origin_is_refused_on_every_route(world: World, origin: str) -> None:
    token = world.daemon.token()
    headers = [("Origin", origin.format(port=world.daemon.port))]
    for method, path in ROUTES:
        answer = world.daemon.http(method, path, token=token, headers=headers)
        assert answer.status == 403, (method, path)
        assert method == "HEAD" or answer.error["name"] == "origin_refused"
        assert "access-control-allow-origin" not in answer.headers


@pytest.mark.parametrize("host", FAMILIAR_HOSTS)
def test_a_familiar_host_is_served(world: World, host: str) -> None:
    assert world.daemon.http("GET", "/health/live", host=host.format(port=world.daemon.port)).status == 200


@pytest.mark.parametrize("origin", FAMILIAR_ORIGINS)
async def test_a_familiar_origin_is_served(world: World, origin: str) -> None:
    origin = origin.format(port=world.daemon.port)
    answer = await asyncio.to_thread(world.daemon.http, "GET", "/health/live", headers=[("Origin", origin)])
    assert answer.status == 200
    opened = await open_socket(world.daemon.ws_url, world.daemon.token(), headers={"Origin": origin})
    await opened.close()


# requirement: auth.origin
@pytest.mark.parametrize("origin", FOREIGN_ORIGINS)
async def test_a_foreign_origin_opens_no_websocket(world: World, origin: str) -> None:
    origin = origin.format(port=world.daemon.port)
    with pytest.raises(InvalidStatus) as refused:
        await open_socket(world.daemon.ws_url, world.daemon.token(), headers={"Origin": origin})
    assert refused.value.response.status_code == 403
    assert b"origin_refused" in (refused.value.response.body or b"")


# requirement: auth.origin
@pytest.mark.parametrize("host", FOREIGN_HOSTS)
async def test_a_foreign_host_opens_no_websocket(world: World, host: str) -> None:
    head = [
        ("Upgrade", "websocket"),
        ("Sec-WebSocket-Version", "13"),
        ("Sec-WebSocket-Key", "AAAAAAAAAAAAAAAAAAAAAA=="),
        ("Sec-WebSocket-Protocol", "nexus.v1"),
        ("Authorization", f"Bearer {world.daemon.token()}"),
    ]
    answer = await asyncio.to_thread(_upgrade, world, host.format(port=world.daemon.port), head)
    assert answer.startswith(b"HTTP/1.1 421 ")
    assert b"host_refused" in answer
    ours = await asyncio.to_thread(_upgrade, world, f"127.0.0.1:{world.daemon.port}", head)
    assert ours.startswith(b"HTTP/1.1 101 ")


def _upgrade(world: World, host: str, head: list[tuple[str, str]]) -> bytes:
    lines = ["GET /rpc HTTP/1.1", f"Host: {host}", "Connection: Upgrade", *(f"{name}: {value}" for name, value in head)]
    with socket.create_connection(("127.0.0.1", world.daemon.port), timeout=10.0) as raw:
        raw.sendall("\r\n".join(lines).encode() + b"\r\n\r\n")
        got = b""
        while b"}}" not in got and not got.startswith(b"HTTP/1.1 101 ") and (part := raw.recv(65_536)):
            got += part
        return got


async def test_a_foreign_origin_is_refused_on_the_unix_socket_too(world: World) -> None:
    with pytest.raises(InvalidStatus) as refused:
        await open_socket(world.daemon.socket, headers={"Origin": "http://localhost"})
    assert refused.value.response.status_code == 403


def test_what_is_refused_never_says_more(world: World) -> None:
    for headers in ([("Origin", "http://evil.example")], []):
        for token in (world.daemon.token(), "x.y.z"):
            answer = world.daemon.http(
                "POST", "/rpc", token=token, headers=headers, host=None if headers else "evil.example"
            )
            assert answer.status in (403, 421)
            assert b"nexusd" not in answer.body
