"""Peers that mean harm: they cost little, and nobody else notices."""

from __future__ import annotations

import asyncio
import base64
import json
import os
import socket
import struct
import time
from collections.abc import Callable
from typing import Any

import pytest
from nexusd.server.peers import Turnstile
from nexusd.server.websocket import Tuning
from nexusd.wire.connection import ConnectionLimits
from server_harness import Served

PING = b'{"jsonrpc":"2.0","id":1,"method":"session.ping"}'


def frame(payload: bytes, opcode: int = 1, *, fin: bool = True, masked: bool = True) -> bytes:
    size = len(payload)
    bit = 0x80 if masked else 0
    if size < 126:
        header = bytes(((0x80 if fin else 0) | opcode, bit | size))
    elif size < 65536:
        header = struct.pack("!BBH", (0x80 if fin else 0) | opcode, bit | 126, size)
    else:
        header = struct.pack("!BBQ", (0x80 if fin else 0) | opcode, bit | 127, size)
    return header + (b"\0\0\0\0" if masked else b"") + payload


class Raw:
    """A WebSocket client without manners."""

    def __init__(self, served: Served, *, small: bool = False, **grant: Any) -> None:
        self.sock = socket.socket()
        if small:
            self.sock.setsockopt(socket.SOL_SOCKET, socket.SO_RCVBUF, 4096)
        self.sock.settimeout(10)
        self.sock.connect(("127.0.0.1", served.port))
        auth = served.bearer(**grant)["Authorization"]
        self.sock.sendall(upgrade(served.port, f"Authorization: {auth}"))
        self.data = b""
        while b"\r\n\r\n" not in self.data:
            self.data += self.sock.recv(4096)
        head, _, self.data = self.data.partition(b"\r\n\r\n")
        assert head.startswith(b"HTTP/1.1 101 ")

    def __enter__(self) -> Raw:
        return self

    def __exit__(self, *_: object) -> None:
        self.sock.close()

    def send(self, data: bytes) -> None:
        self.sock.sendall(data)

    def frame(self) -> tuple[int, bytes]:
        """The next frame: opcode and payload."""
        head = self._take(2)
        size = head[1]
        if size == 126:
            size = struct.unpack("!H", self._take(2))[0]
        elif size == 127:
            size = struct.unpack("!Q", self._take(8))[0]
        return head[0] & 15, self._take(size)

    def answer(self) -> Any:
        """The next text frame."""
        while True:
            opcode, payload = self.frame()
            if opcode == 1:
                return json.loads(payload)
            assert opcode != 8, payload

    def close_code(self) -> int:
        """The code of the close frame, whatever comes before it."""
        while True:
            opcode, payload = self.frame()
            if opcode == 8:
                return int(struct.unpack("!H", payload[:2])[0])

    def _take(self, size: int) -> bytes:
        while len(self.data) < size:
            chunk = self.sock.recv(65536)
            assert chunk, "the connection ended"
            self.data += chunk
        taken, self.data = self.data[:size], self.data[size:]
        return taken


def upgrade(port: int, *more: str, drop: str = "") -> bytes:
    lines = [
        f"Host: 127.0.0.1:{port}",
        "Upgrade: websocket",
        "Connection: Upgrade",
        f"Sec-WebSocket-Key: {base64.b64encode(os.urandom(16)).decode()}",
        "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Protocol: nexus.v1",
        *more,
    ]
    kept = [line for line in lines if not drop or not line.startswith(drop)]
    return "\r\n".join(["GET /rpc HTTP/1.1", *kept, "", ""]).encode()


def wait_until(done: Callable[[], bool], seconds: float = 15) -> None:
    end = time.monotonic() + seconds
    while not done():
        assert time.monotonic() < end, "it did not come to pass"
        time.sleep(0.005)


def waiting_bytes(served: Served) -> int:
    """How much waits to be sent, over all sockets."""
    return served.see(lambda: sum(one.transport.get_write_buffer_size() for one in served.sockets()))


def flood(client: Raw, block: bytes, most: int) -> int:
    """Send without reading until nothing more is taken for half a second; returns how much was."""
    client.sock.settimeout(0.5)
    sent = 0
    try:
        while sent < most:
            sent += client.sock.send(block)
    except TimeoutError:
        pass
    client.sock.settimeout(10)
    return sent


def test_a_reader_that_never_reads_is_not_read_either(served: Served) -> None:
    with Raw(served, small=True) as client, Raw(served) as other:
        sent = flood(client, frame(b'{"jsonrpc":"2.0","id":1,"method":"session.info"}') * 500, 64 << 20)
        assert sent < 48 << 20
        assert waiting_bytes(served) < 2 << 20
        other.answer()
        other.send(frame(PING))
        assert other.answer()["result"]["time"]


# requirement: stream.isolation
def test_a_stream_nobody_reads_waits(served: Served) -> None:
    served.add_workspace("ws_a")
    with Raw(served, small=True) as client, Raw(served) as other:
        params = {"process": "p_1", "window": 64 << 20}
        for id in range(20):
            call = {"jsonrpc": "2.0", "id": id, "method": "exec.attach", "params": params}
            client.send(frame(json.dumps(call).encode()))
        wait_until(lambda: len(served.calls) == 20)
        wait_until(lambda: waiting_bytes(served) > 0)
        other.answer()
        for _ in range(20):
            other.send(frame(PING))
            assert other.answer()["result"]["time"]
        assert waiting_bytes(served) < 2 << 20
    wait_until(lambda: served.see(lambda: served.server.endpoint.dispatcher.running) == 0)


def test_a_slow_reader_gets_every_byte(served: Served) -> None:
    served.add_workspace("ws_a")
    with Raw(served, small=True) as client:
        client.answer()
        params = {"process": "p_1", "window": 3 << 20}
        client.send(frame(json.dumps({"jsonrpc": "2.0", "id": 1, "method": "exec.attach", "params": params}).encode()))
        expected = 0
        while expected < 3 << 20:
            opcode, payload = client.frame()
            if opcode == 2:
                kind, channel, _, offset = struct.unpack_from("!BBIQ", payload)
                assert (kind, channel, offset) == (0, 1, expected)
                expected += len(payload) - 14


def test_one_byte_fragments(served: Served) -> None:
    message = b'{"jsonrpc":"2.0","id":"' + b"x" * 20_000 + b'","method":"session.ping"}'
    pieces = [frame(message[:1], fin=False)]
    pieces += [frame(message[i : i + 1], 0, fin=False) for i in range(1, len(message) - 1)]
    pieces.append(frame(message[-1:], 0))
    with Raw(served) as client, Raw(served) as other:
        client.answer()
        other.answer()
        client.send(b"".join(pieces))
        other.send(frame(PING))
        assert other.answer()["result"]["time"]
        assert client.answer()["id"] == "x" * 20_000


def test_fragments_with_pings_between_them(served: Served) -> None:
    with Raw(served) as client:
        client.answer()
        client.send(frame(PING[:10], fin=False) + frame(b"p", 9) + frame(PING[10:], 0))
        assert client.frame() == (10, b"p")
        assert client.answer()["result"]["time"]


def test_endless_continuation_is_ended(served: Served) -> None:
    with Raw(served) as client:
        client.answer()
        client.send(frame(b"x" * 60_000, fin=False))
        with pytest.raises((AssertionError, OSError, TimeoutError)):
            for _ in range(200):
                client.send(frame(b"x" * 60_000, 0, fin=False))
            raise TimeoutError
        assert client.close_code() == 1009


def test_a_flood_of_pings_is_answered_within_bounds(served: Served) -> None:
    with Raw(served, small=True) as client, Raw(served) as other:
        sent = flood(client, frame(b"0123456789" * 12, 9) * 500, 24 << 20)
        assert sent > 0
        assert waiting_bytes(served) < 2 << 20
        other.answer()
        other.send(frame(PING))
        assert other.answer()["result"]["time"]


def test_the_last_of_many_pings_is_answered(served: Served) -> None:
    with Raw(served) as client:
        client.answer()
        for number in range(2000):
            client.send(frame(b"%d" % number, 9))
        while client.frame() != (10, b"1999"):
            pass
        client.send(frame(PING))
        assert client.answer()["result"]["time"]


def test_a_flood_of_tiny_frames_leaves_room_for_others(served: Served) -> None:
    with Raw(served) as client, Raw(served) as other:
        client.answer()
        other.answer()
        client.sock.settimeout(30)
        client.send(frame(b"", 10) * 200_000 + frame(PING))
        for _ in range(20):
            other.send(frame(PING))
            assert other.answer()["result"]["time"]
        assert client.answer()["result"]["time"]


@pytest.mark.parametrize(
    ("data", "code"),
    [
        (frame(PING, masked=False), 1002),
        (frame(b"x", 3), 1002),
        (frame(b"x", 0), 1002),
        (b"\xf1" + frame(PING)[1:], 1002),
        (frame(b"x" * 126, 9), 1002),
        (frame(b"p", 9, fin=False), 1002),
        (frame(b"", 8), 1000),
        (struct.pack("!BBQ", 0x81, 0x80 | 127, 1 << 62), 1009),
        (frame(b"short", 2), 4400),
        (frame(struct.pack("!BBIQ", 0, 0, 77, 0) + b"x", 2), 4400),
        (frame(struct.pack("!BBIQ", 0, 1, 1, 0) + b"x" * 65537, 2), 4400),
    ],
)
def test_broken_frames_close_that_connection_alone(served: Served, data: bytes, code: int) -> None:
    with Raw(served) as client, Raw(served) as other:
        client.answer()
        client.send(data)
        if code == 1000:
            opcode, _ = client.frame()
            assert opcode == 8
        else:
            assert client.close_code() == code
        other.answer()
        other.send(frame(PING))
        assert other.answer()["result"]["time"]
    wait_until(lambda: served.see(lambda: len(served.sessions)) == 0)


def test_a_silent_peer_is_pinged_and_then_closed(serve: Callable[..., Served]) -> None:
    served = serve(tuning=Tuning(ping_s=0.1))
    with Raw(served) as dead, Raw(served) as alive:
        dead.answer()
        alive.answer()
        deadline = time.monotonic() + 15
        while served.see(lambda: len(served.sessions)) > 1:
            assert time.monotonic() < deadline
            opcode, payload = alive.frame()
            assert (opcode, payload) == (9, b"")
            alive.send(frame(payload, 10))
        assert dead.close_code() == 1011
        alive.send(frame(PING))
        assert alive.answer()["result"]["time"]


# requirement: call.limit
def test_calls_in_flight_are_limited(serve: Callable[..., Served]) -> None:
    served = serve(limits=ConnectionLimits(max_requests=3))
    served.add_workspace("ws_a")
    with Raw(served) as client:
        client.answer()
        for id in range(4):
            call = {"jsonrpc": "2.0", "id": id, "method": "exec.wait", "params": {"process": "p_1"}}
            client.send(frame(json.dumps(call).encode()))
        answer = client.answer()
        assert (answer["id"], answer["error"]["data"]["name"]) == (3, "too_many_requests")
        served.release.set()
        assert {client.answer()["id"] for _ in range(3)} == {0, 1, 2}


# --- before the handshake -----------------------------------------------------------------------------------------


def exchange(served: Served, data: bytes) -> bytes:
    """Send bytes, return what comes back until the server closes."""
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
        sock.sendall(data)
        answer = b""
        try:
            while chunk := sock.recv(65536):
                answer += chunk
        except ConnectionResetError:
            pass
        return answer


@pytest.mark.parametrize(
    ("drop", "more", "status"),
    [
        ("Sec-WebSocket-Key", (), b"400"),
        ("Sec-WebSocket-Key", ("Sec-WebSocket-Key: short",), b"400"),
        ("Sec-WebSocket-Version", (), b"400"),
        ("Sec-WebSocket-Version", ("Sec-WebSocket-Version: 8",), b"400"),
    ],
)
def test_malformed_upgrades(served: Served, drop: str, more: tuple[str, ...], status: bytes) -> None:
    auth = f"Authorization: {served.bearer()['Authorization']}"
    answer = exchange(served, upgrade(served.port, auth, *more, drop=drop))
    assert answer.split(b" ")[1] == status
    assert b"101" not in answer.split(b"\r\n")[0]
    assert served.see(lambda: len(served.sessions)) == 0


@pytest.mark.parametrize(
    "data",
    [
        b"\x00\x01\x02\r\n\r\n",
        b"GET / HTTP/1.1\r\nHost: a\r\nContent-Length: 1\r\nContent-Length: 2\r\n\r\n",
        b"GET / HTTP/9.9\r\n\r\n",
        b"GET\r\n\r\n",
        b"CONNECT evil.example:80 HTTP/1.1\r\nHost: evil.example\r\n\r\n",
        b"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    ],
)
def test_what_is_no_request_is_answered_and_closed(served: Served, data: bytes) -> None:
    answer = exchange(served, data)
    assert answer == b"" or answer.startswith((b"HTTP/1.1 400 ", b"HTTP/1.1 421 "))
    with Raw(served) as client:
        assert client.answer()["method"] == "session.ready"


def test_smuggled_requests_do_not_pass(served: Served) -> None:
    data = (
        f"POST /rpc HTTP/1.1\r\nHost: localhost:{served.port}\r\nContent-Length: 4\r\n"
        "Transfer-Encoding: chunked\r\n\r\n0\r\n\r\nGET /health/live HTTP/1.1\r\n\r\n"
    ).encode()
    assert b" 200 " not in exchange(served, data)


def test_a_head_that_is_too_large(served: Served) -> None:
    answer = exchange(served, b"GET / HTTP/1.1\r\nX: " + b"a" * 200_000)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")
    many = b"GET / HTTP/1.1\r\n" + b"".join(b"X-%d: y\r\n" % i for i in range(20_000))
    answer = exchange(served, many)
    assert answer == b"" or answer.startswith(b"HTTP/1.1 431 ")


def test_slow_heads_are_cut(serve: Callable[..., Served]) -> None:
    served = serve(head_deadline=0.2)
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
        sock.sendall(b"GET / HTTP/1.1\r\nHost: localhost")
        assert sock.recv(100).startswith(b"HTTP/1.1 408 ")
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
        assert sock.recv(100).startswith(b"HTTP/1.1 408 ")
    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
        sock.sendall(f"GET /health/live HTTP/1.1\r\nHost: localhost:{served.port}\r\n\r\n".encode())
        assert sock.recv(1000).startswith(b"HTTP/1.1 200 ")
        sock.sendall(b"GET /health/live HT")
        assert sock.recv(1000).startswith(b"HTTP/1.1 408 ")
    wait_until(lambda: served.server.connections == 0)


def test_strangers_wait_their_turn(serve: Callable[..., Served]) -> None:
    served = serve(turnstile=Turnstile(per_address=2))
    live = f"GET /health/live HTTP/1.1\r\nHost: localhost:{served.port}\r\nConnection: close\r\n\r\n".encode()
    strangers = [socket.create_connection(("127.0.0.1", served.port), timeout=10) for _ in range(2)]
    wait_until(lambda: served.server.connections == 2)
    with socket.create_connection(("127.0.0.1", served.port), timeout=0.3) as third:
        third.sendall(live)
        with pytest.raises(TimeoutError):
            third.recv(100)
        strangers.pop().close()
        third.settimeout(10)
        assert third.recv(1000).startswith(b"HTTP/1.1 200 ")
    strangers.pop().close()
    wait_until(lambda: served.server.connections == 0)


def test_those_who_are_known_do_not_count_as_strangers(serve: Callable[..., Served]) -> None:
    served = serve(turnstile=Turnstile(per_address=2))
    clients = [Raw(served) for _ in range(10)]
    for client in clients:
        client.answer()
        client.send(frame(PING))
        assert client.answer()["result"]["time"]
        client.sock.close()
    wait_until(lambda: served.server.connections == 0)
    assert not served.server.turnstile._strangers


# requirement: close.full
def test_a_full_house(serve: Callable[..., Served]) -> None:
    served = serve(turnstile=Turnstile(max_connections=3))
    clients = [Raw(served) for _ in range(3)]
    assert exchange(served, b"").startswith(b"HTTP/1.1 503 ")
    clients.pop().sock.close()
    wait_until(lambda: served.server.connections == 2)
    clients.append(Raw(served))
    for client in clients:
        client.sock.close()


def test_the_turnstile_counts_right() -> None:
    proceeded: list[int] = []
    turnstile = Turnstile(max_connections=100, per_address=2)
    tickets = [turnstile.enter("a", lambda i=i: proceeded.append(i)) for i in range(34)]  # type: ignore[misc]
    assert all(ticket is not None for ticket in tickets)
    assert turnstile.enter("a", lambda: None) is None
    assert turnstile.enter("b", lambda: None) is not None
    assert [ticket.waiting for ticket in tickets if ticket][:4] == [False, False, True, True]
    assert tickets[2] is not None
    tickets[2].left()
    assert tickets[0] is not None
    tickets[0].admitted()
    tickets[0].admitted()
    assert proceeded == [3]
    for ticket in tickets:
        assert ticket is not None
        ticket.left()
        ticket.left()
    assert turnstile.inside == 1
    assert not turnstile._queues
    assert turnstile._strangers == {"b": 1}


async def test_ten_thousand_messages_in_one_go_keep_their_order(served: Served) -> None:
    reader, writer = await asyncio.open_connection("127.0.0.1", served.port)
    writer.write(upgrade(served.port, f"Authorization: {served.bearer()['Authorization']}"))
    await reader.readuntil(b"\r\n\r\n")
    call = b'{"jsonrpc":"2.0","id":%d,"method":"session.ping"}'
    writer.write(b"".join(frame(call % number) for number in range(10_000)))
    ids: list[int] = []
    while len(ids) < 10_000:
        head = await reader.readexactly(2)
        size = head[1] if head[1] < 126 else struct.unpack("!H", await reader.readexactly(2))[0]
        message = json.loads(await reader.readexactly(size))
        if "id" in message:
            ids.append(message["id"])
    assert ids == list(range(10_000))
    writer.close()
    await writer.wait_closed()
