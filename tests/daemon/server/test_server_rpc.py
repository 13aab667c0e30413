from __future__ import annotations

import asyncio
import base64
import http.client
import json
import socket
import time
from collections.abc import Callable
from typing import Any

import pytest
from server_harness import Served
from websockets.asyncio.client import ClientConnection, connect, unix_connect
from websockets.exceptions import ConnectionClosed, InvalidStatus
from websockets.typing import Subprotocol

NEXUS = Subprotocol("nexus.v1")


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.ahead = 0.0

    def __call__(self) -> float:
        return time.time() + self.ahead


def open_rpc(served: Served, *, protocols: list[str] | None = None, **grant: Any) -> connect:
    return connect(
        f"ws://127.0.0.1:{served.port}/rpc",
        subprotocols=[Subprotocol(name) for name in protocols] if protocols is not None else [NEXUS],
        additional_headers=served.bearer(**grant) if protocols is None else {},
        compression=None,
    )


async def read(socket: ClientConnection) -> Any:
    async with asyncio.timeout(10):
        return json.loads(await socket.recv())


async def ask(socket: ClientConnection, method: str, params: Any = None, id: Any = 1) -> Any:
    await socket.send(json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params or {}}))
    return await read(socket)


async def refusal(opening: connect) -> tuple[int, dict[str, Any]]:
    with pytest.raises(InvalidStatus) as caught:
        async with opening:
            raise AssertionError("accepted")
    assert caught.value.response.body is not None
    return caught.value.response.status_code, json.loads(caught.value.response.body)["error"]


# requirement: call.ready
async def test_the_server_speaks_first(served: Served) -> None:
    async with open_rpc(served, scopes=["exec:read"], workspaces=["ws_a"]) as socket:
        assert socket.subprotocol == "nexus.v1"
        ready = await read(socket)
        assert ready["method"] == "session.ready"
        assert ready["params"]["identity"] == {
            "subject": "alice", "scopes": ["exec:read"], "workspaces": ["ws_a"], "via": "jwt",
        }  # fmt: skip
        assert ready["params"]["limits"]["max_message"] == 1 << 20
        assert ready["params"]["expires_at"].endswith("Z")
        assert (await ask(socket, "session.ping"))["result"]["time"]
        assert (await ask(socket, "session.info"))["result"] == ready["params"]
        assert (await ask(socket, "rpc.discover"))["result"] == {"document": {"openrpc": "1.3.2"}}


async def test_answers_go_out_whole_whatever_their_size(served: Served) -> None:
    async with open_rpc(served) as socket:
        await read(socket)
        for size in (1, 20, 200, 9000, 70_000, 1_000_000):
            answer = await ask(socket, "session.ping", id="x" * size)
            assert answer["id"] == "x" * size


# requirement: auth.subprotocol
async def test_a_token_as_subprotocol(served: Served) -> None:
    carried = "nexus.bearer." + base64.urlsafe_b64encode(served.mint().encode()).rstrip(b"=").decode()
    async with open_rpc(served, protocols=["nexus.v1", carried]) as socket:
        assert socket.subprotocol == "nexus.v1"
        assert (await read(socket))["method"] == "session.ready"
        assert carried not in str(socket.response)


@pytest.mark.parametrize("carried", ["nexus.bearer.", "nexus.bearer.!!!", "nexus.bearer.YWJj", "nexus.v2"])
async def test_without_a_good_token_nobody_gets_in(served: Served, carried: str) -> None:
    status, error = await refusal(open_rpc(served, protocols=["nexus.v1", carried]))
    assert (status, error["name"]) == (401, "unauthenticated")


async def test_two_tokens_are_none(served: Served) -> None:
    carried = "nexus.bearer." + base64.urlsafe_b64encode(served.mint().encode()).rstrip(b"=").decode()
    status, _ = await refusal(open_rpc(served, protocols=["nexus.v1", carried, carried]))
    assert status == 401


@pytest.mark.parametrize("header", ["Bearer", "Bearer ", "Basic YTpi", "Bearer a.b.c", "bearer x"])
async def test_bad_authorization_is_refused_alike(served: Served, header: str) -> None:
    opening = connect(
        f"ws://127.0.0.1:{served.port}/rpc", subprotocols=[NEXUS], additional_headers={"Authorization": header}
    )
    assert await refusal(opening) == (
        401,
        {
            "name": "unauthenticated",
            "message": "the token is not valid",
            "hint": "Pass a token in the Authorization header; `boulder token create` makes one.",
        },
    )


# requirement: http.subprotocol
async def test_the_subprotocol_is_needed(served: Served) -> None:
    opening = connect(f"ws://127.0.0.1:{served.port}/rpc", additional_headers=served.bearer())
    status, error = await refusal(opening)
    assert (status, error["name"]) == (400, "subprotocol_missing")


@pytest.mark.parametrize("path", ["/", "/rpc/", "/files/x", "/RPC"])
async def test_other_paths_have_no_websocket(served: Served, path: str) -> None:
    opening = connect(f"ws://127.0.0.1:{served.port}{path}", subprotocols=[NEXUS], additional_headers=served.bearer())
    assert (await refusal(opening))[0] == 404


# requirement: http.deflate
async def test_compression_is_not_offered(served: Served) -> None:
    async with connect(
        f"ws://127.0.0.1:{served.port}/rpc",
        subprotocols=[NEXUS],
        additional_headers=served.bearer(),
        compression="deflate",
    ) as socket:
        assert socket.protocol.extensions == []


# requirement: auth.peer
async def test_the_unix_socket_needs_no_token(served: Served) -> None:
    async with unix_connect(served.socket_path, "ws://anything/rpc", subprotocols=[NEXUS]) as socket:
        identity = (await read(socket))["params"]["identity"]
        assert identity["via"] == "peer"
        assert identity["subject"].startswith("uid:")
        assert identity["scopes"] == ["*"]


async def test_a_token_on_the_unix_socket_decides(served: Served) -> None:
    async with unix_connect(
        served.socket_path,
        "ws://anything/rpc",
        subprotocols=[NEXUS],
        additional_headers=served.bearer(scopes=["tokens"]),
    ) as socket:
        assert (await read(socket))["params"]["identity"]["scopes"] == ["tokens"]
    bad = unix_connect(
        served.socket_path, "ws://x/rpc", subprotocols=[NEXUS], additional_headers={"Authorization": "Bearer a.b.c"}
    )
    assert (await refusal(bad))[0] == 401


async def test_peers_are_not_trusted_when_told_so(serve: Callable[..., Served]) -> None:
    served = serve(trust_peer=False)
    status, _ = await refusal(unix_connect(served.socket_path, "ws://x/rpc", subprotocols=[NEXUS]))
    assert status == 401


async def closing_of(socket: ClientConnection) -> tuple[list[Any], int]:
    """The rest of what comes, and the close code."""
    messages = []
    try:
        while True:
            messages.append(await read(socket))
    except ConnectionClosed as closed:
        assert closed.rcvd is not None
        return messages, closed.rcvd.code


# requirement: auth.expiry
async def test_expiry_closes_live_connections(serve: Callable[..., Served]) -> None:
    clock = Clock()
    served = serve(clock=clock)
    async with open_rpc(served, ttl=100, id="a") as short, open_rpc(served, ttl=1000, id="b") as long:
        await read(short)
        await read(long)
        clock.ahead = 101
        messages, code = await closing_of(short)
        assert code == 4401
        assert messages[-1] == {
            "jsonrpc": "2.0", "method": "session.closing", "params": {"code": 4401, "reason": "the token has expired"},
        }  # fmt: skip
        assert (await ask(long, "session.ping"))["result"]
    assert (await refusal(open_rpc(served, ttl=-1)))[0] == 401


# requirement: auth.expiry
async def test_revocation_closes_live_connections_and_their_streams(served: Served) -> None:
    async with open_rpc(served, id="gone") as one, open_rpc(served, id="stays") as other:
        await read(one)
        await read(other)
        await one.send('{"jsonrpc":"2.0","id":1,"method":"exec.attach","params":{"process":"p_1","window":0}}')
        served.add_workspace("ws_a")
        served.see(lambda: served.sessions.revoked(["gone"]))
        messages, code = await closing_of(one)
        assert code == 4401
        assert messages[-1]["method"] == "session.closing"
        assert (await ask(other, "session.ping"))["result"]
    assert served.see(lambda: len(served.sessions)) in (0, 1)


# requirement: auth.refresh
async def test_refresh_renews_in_place(serve: Callable[..., Served]) -> None:
    clock = Clock()
    served = serve(clock=clock)
    async with open_rpc(served, ttl=100) as socket:
        await read(socket)
        answer = await ask(socket, "session.refresh", {"token": served.mint(ttl=5000, id="tok_2")})
        assert answer["result"]["identity"]["subject"] == "alice"
        clock.ahead = 1000
        served.see(served.sessions.sweep)
        assert (await ask(socket, "session.ping"))["result"]
        clock.ahead = 5001
        assert (await closing_of(socket))[1] == 4401


# requirement: auth.refresh
@pytest.mark.parametrize(
    "grant", [{"subject": "bob"}, {"scopes": ["tokens"]}, {"workspaces": "own"}, {"workspaces": ["ws_a"]}, {"ttl": -5}]
)
async def test_refresh_takes_no_other_and_no_lesser_token(served: Served, grant: dict[str, Any]) -> None:
    async with open_rpc(served) as socket:
        before = (await read(socket))["params"]["identity"]
        answer = await ask(socket, "session.refresh", {"token": served.mint(**{"id": "tok_2", **grant})})
        assert answer["error"]["data"]["name"] == "unauthenticated"
        assert (await ask(socket, "session.info"))["result"]["identity"] == before


# requirement: close.frames
async def test_bad_frames_close_with_4400(served: Served) -> None:
    async with open_rpc(served) as socket:
        await read(socket)
        await socket.send(b"short")
        messages, code = await closing_of(socket)
        assert code == 4400
        assert messages[-1]["params"]["code"] == 4400


async def test_bad_messages_do_not(served: Served) -> None:
    async with open_rpc(served) as socket:
        await read(socket)
        for text in ("", "{", "[]", "null", '{"jsonrpc":"2.0","id":null,"method":"session.ping"}', "\x00"):
            await socket.send(text)
            assert (await read(socket))["error"]["code"] in (-32700, -32600)
        assert (await ask(socket, "session.ping"))["result"]


# requirement: frame.size, close.size
async def test_a_message_that_is_a_little_too_long_is_named(served: Served) -> None:
    async with open_rpc(served) as socket:
        await read(socket)
        await socket.send("x" * ((1 << 20) + 1))
        assert (await read(socket))["error"]["code"] == -32600
        await socket.send("x" * (4 << 20))
        assert (await read(socket))["error"]["code"] == -32600
        await socket.send("x" * ((4 << 20) + 1))
        assert (await closing_of(socket))[1] == 1009


# --- POST ---------------------------------------------------------------------------------------------------------


def post(served: Served, body: bytes, headers: dict[str, str] | None = None, path: str = "/rpc") -> tuple[int, Any]:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    try:
        connection.request(
            "POST",
            path,
            body,
            headers if headers is not None else {"Content-Type": "application/json", **served.bearer()},
        )
        response = connection.getresponse()
        text = response.read()
        return response.status, json.loads(text) if text else None
    finally:
        connection.close()


# requirement: http.post, http.stream
def test_one_call_by_post(served: Served) -> None:
    status, answer = post(served, b'{"jsonrpc":"2.0","id":"","method":"session.info"}')
    assert (status, answer["id"]) == (200, "")
    assert answer["result"]["identity"]["subject"] == "alice"
    assert post(served, b'{"jsonrpc":"2.0","method":"session.info"}') == (204, None)
    assert post(served, b'{"jsonrpc":"2.0","id":1,"method":"exec.attach","params":{"process":"p_1"}}')[1]["error"][
        "data"
    ]["name"] == ("stream_needs_websocket")
    refresh = json.dumps({"jsonrpc": "2.0", "id": 1, "method": "session.refresh", "params": {"token": served.mint()}})
    assert post(served, refresh.encode())[1]["error"]["data"]["name"] == "stream_needs_websocket"


def test_post_wants_json_and_a_token(served: Served) -> None:
    good = b'{"jsonrpc":"2.0","id":1,"method":"session.ping"}'
    assert post(served, good, {"Content-Type": "text/plain", **served.bearer()})[0] == 415
    assert post(served, good, served.bearer())[0] == 415
    status, answer = post(served, good, {"Content-Type": "application/json"})
    assert (status, answer["error"]["name"]) == (401, "unauthenticated")
    assert post(served, good, {"Content-Type": "application/json; charset=utf-8", **served.bearer()})[0] == 200


def test_a_body_that_is_too_long(served: Served) -> None:
    status, answer = post(served, b"x" * ((1 << 20) + 1))
    assert (status, answer["error"]["name"]) == (413, "message_too_large")


def test_a_body_that_lies_about_its_length(served: Served) -> None:
    auth = served.bearer()["Authorization"]
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
        sock.sendall(
            f"POST /rpc HTTP/1.1\r\nHost: localhost:{served.port}\r\nAuthorization: {auth}\r\n"
            "Content-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n".encode()
        )
        chunk = b"10000\r\n" + b"x" * 65536 + b"\r\n"
        for _ in range(17):
            sock.sendall(chunk)
        assert sock.recv(100).startswith(b"HTTP/1.1 413 ")


def test_a_call_by_post_ends_with_its_caller(served: Served) -> None:
    served.add_workspace("ws_a")
    auth = served.bearer()["Authorization"]
    body = b'{"jsonrpc":"2.0","id":1,"method":"exec.wait","params":{"process":"p_1"}}'
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
        sock.sendall(
            f"POST /rpc HTTP/1.1\r\nHost: localhost:{served.port}\r\nAuthorization: {auth}\r\n"
            f"Content-Type: application/json\r\nContent-Length: {len(body)}\r\n\r\n".encode()
            + body
        )
        wait_until(lambda: served.calls == ["exec.wait"])
    wait_until(lambda: served.see(lambda: served.server.endpoint.dispatcher.running) == 0)


def wait_until(done: Callable[[], bool], seconds: float = 10) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.005)


def get(
    served: Served, path: str, headers: dict[str, str] | None = None, method: str = "GET"
) -> http.client.HTTPResponse:
    connection = http.client.HTTPConnection("127.0.0.1", served.port, timeout=10)
    connection.request(method, path, headers=headers or {})
    response = connection.getresponse()
    response.body = response.read()  # type: ignore[attr-defined]
    connection.close()
    return response


# requirement: http.health
def test_the_pages(serve: Callable[..., Served]) -> None:
    served = serve()
    assert json.loads(get(served, "/").body)["name"] == "nexusd"  # type: ignore[attr-defined]
    assert json.loads(get(served, "/openrpc.json").body) == {"openrpc": "1.3.2"}  # type: ignore[attr-defined]
    assert get(served, "/metrics").body == b"nexus_connections 1\n"  # type: ignore[attr-defined]
    for page in ("live", "ready", "startup"):
        assert get(served, f"/health/{page}").status == 200
    assert get(served, "/rpc").status == 426
    unready = serve(ready=(False, "the store is full"))
    assert get(unready, "/health/live").status == 200
    assert get(unready, "/health/startup").status == 503
    answer = get(unready, "/health/ready")
    assert answer.status == 503
    assert json.loads(answer.body)["error"]["message"] == "the store is full"  # type: ignore[attr-defined]


# requirement: http.errors
def test_errors_are_json_and_every_answer_is_hardened(served: Served) -> None:
    for path, status in (("/", 200), ("/nowhere", 404), ("/rpc", 426), ("/files/a/b", 401), ("/health", 404)):
        answer = get(served, path)
        assert answer.status == status, path
        assert answer.headers["X-Content-Type-Options"] == "nosniff"
        assert "sandbox" in answer.headers["Content-Security-Policy"]
        assert answer.headers["Server"] is None
        assert answer.headers["Date"]
        if status >= 400:
            error = json.loads(answer.body)["error"]  # type: ignore[attr-defined]
            assert set(error) == {"name", "message", "hint"}
    assert get(served, "/", method="DELETE").status == 405
    assert get(served, "/", method="HEAD").status == 200


# requirement: http.metrics
def test_metrics_from_elsewhere_need_the_scope(serve: Callable[..., Served]) -> None:
    served = serve(allowed_hosts=["nexus.example"])
    for headers, status in (
        ({"Host": "nexus.example"}, 401),
        ({"Host": "nexus.example", **served.bearer(scopes=["exec:read"])}, 403),
        ({"Host": "nexus.example", **served.bearer(scopes=["system:read"])}, 200),
        ({"Host": f"localhost:{served.port}", "X-Forwarded-For": "192.0.2.1"}, 401),
        ({"Host": f"localhost:{served.port}"}, 200),
    ):
        assert get(served, "/metrics", headers).status == status
