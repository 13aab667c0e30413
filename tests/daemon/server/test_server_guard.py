from __future__ import annotations

import pytest
from nexusd.server.guard import Guard, is_loopback_name
from nexusd.server.head import Head, Refused
from nexusd.server.peers import Peer
from server_harness import Served


def head(*headers: tuple[str, str], peer: Peer | None = None, query: str = "") -> Head:
    there = peer if peer is not None else Peer("tcp", address="127.0.0.1", local="127.0.0.1", port=8080)
    return Head("GET", "/", query, list(headers), there)


def refused(guard: Guard, request: Head) -> str:
    with pytest.raises(Refused) as caught:
        guard.check(request)
    return caught.value.name


@pytest.mark.parametrize("host", ["localhost:8080", "127.0.0.1:8080", "[::1]:8080", "LOCALHOST:8080"])
def test_loopback_names_are_ours(host: str) -> None:
    Guard().check(head(("host", host)))


@pytest.mark.parametrize(
    "host",
    [
        "evil.example",
        "evil.example:8080",
        "localhost.evil.example:8080",
        "evil-localhost:8080",
        "127.0.0.1.evil.example:8080",
        "127.0.0.2:8080",
        "0.0.0.0:8080",
        "[::]:8080",
        "2130706433:8080",
        "0x7f000001:8080",
        "localhost.:8080",
        "user@localhost:8080",
        "localhost:8080@evil.example",
        "localhost:08080x",
        "localhost:",
        "",
        " localhost:8080",
        "localhost:8080 ",
        "localhost:8080,evil.example",
        "[::1%lo]:8080",
        "[::ffff:127.0.0.1]:8080",
    ],
)
def test_other_hosts_are_not(host: str) -> None:
    assert refused(Guard(), head(("host", host))) == "host_refused"


def test_exactly_one_host_is_wanted() -> None:
    assert refused(Guard(), head()) == "host_refused"
    assert refused(Guard(), head(("host", "localhost:8080"), ("host", "localhost:8080"))) == "host_refused"


@pytest.mark.parametrize("host", ["localhost", "localhost:80", "localhost:8081", "127.0.0.1:9999", "[::1]"])
def test_loopback_is_ours_with_any_port_since_ports_are_forwarded(host: str) -> None:
    Guard().check(head(("host", host)))


def test_a_page_must_come_from_the_host_that_it_calls() -> None:
    """A forwarded port is its own origin; another port of the same machine is somebody else's server."""
    Guard().check(head(("host", "localhost:9999"), ("origin", "http://localhost:9999")))
    Guard().check(head(("host", "localhost"), ("origin", "http://localhost")))
    for origin in ("http://localhost:3000", "http://localhost", "http://127.0.0.1:9998", "https://localhost:9998"):
        assert refused(Guard(), head(("host", "localhost:9999"), ("origin", origin))) == "origin_refused"
    named = Guard(["nexus.example"])
    named.check(head(("host", "nexus.example"), ("origin", "http://nexus.example")))
    assert refused(named, head(("host", "nexus.example"), ("origin", "http://nexus.example:3000"))) == "origin_refused"


def test_the_address_that_was_connected_to_is_ours() -> None:
    four = Peer("tcp", address="192.0.2.9", local="192.0.2.1", port=8080)
    six = Peer("tcp", address="2001:db8::9", local="2001:db8::1", port=8080)
    Guard().check(head(("host", "192.0.2.1:8080"), peer=four))
    Guard().check(head(("host", "[2001:DB8:0::1]:8080"), peer=six))
    assert refused(Guard(), head(("host", "192.0.2.2:8080"), peer=four)) == "host_refused"
    Guard().check(head(("host", "192.0.2.1:8081"), peer=four))
    assert refused(Guard(), head(("host", "[2001:db8::2]:8080"), peer=six)) == "host_refused"


def test_configured_hosts() -> None:
    guard = Guard(["Nexus.example", "other.example:9000"])
    guard.check(head(("host", "nexus.example")))
    guard.check(head(("host", "nexus.example:444")))
    guard.check(head(("host", "other.example:9000")))
    for host in ("other.example", "other.example:9001", "a.nexus.example", "nexus.example.org", "xnexus.example"):
        assert refused(guard, head(("host", host))) == "host_refused"


HOST = ("host", "localhost:8080")


@pytest.mark.parametrize("origin", ["http://localhost:8080", "http://127.0.0.1:8080", "HTTP://LOCALHOST:8080"])
def test_pages_of_ours_may_call(origin: str) -> None:
    Guard().check(head(HOST, ("origin", origin)))


@pytest.mark.parametrize(
    "origin",
    [
        "null",
        "",
        "http://evil.example",
        "http://localhost:3000",
        "http://localhost",
        "http://localhost:8080.evil.example",
        "http://evil.example:8080",
        "file://",
        "http://localhost:8080/",
        "http://user@localhost:8080",
        "ws://localhost:8080",
        "http://localhost:8080 http://evil.example",
        "chrome-extension://abcdef",
        "http://localhost:8080#x",
        "//localhost:8080",
    ],
)
def test_pages_of_others_may_not(origin: str) -> None:
    assert refused(Guard(), head(HOST, ("origin", origin))) == "origin_refused"


def test_configured_origins() -> None:
    guard = Guard(allowed_origins=["https://ui.example", "http://localhost:3000"])
    guard.check(head(HOST, ("origin", "https://UI.example")))
    guard.check(head(HOST, ("origin", "http://localhost:3000")))
    for origin in ("http://ui.example", "https://ui.example:444", "https://a.ui.example", "https://ui.example.org"):
        assert refused(guard, head(HOST, ("origin", origin))) == "origin_refused"
    assert refused(guard, head(HOST, ("origin", "https://ui.example"), ("origin", "https://ui.example")))


def test_on_a_unix_socket_the_host_is_free_and_the_origin_is_not() -> None:
    unix = Peer("unix")
    Guard().check(head(("host", "anything"), peer=unix))
    Guard().check(head(peer=unix))
    assert refused(Guard(), head(("host", "localhost"), ("origin", "http://localhost"), peer=unix)) == "origin_refused"
    Guard(allowed_origins=["http://localhost"]).check(head(("origin", "http://localhost"), peer=unix))


@pytest.mark.parametrize("query", ["token=x", "access_token=x", "a=1&Token=", "%74oken=x", "authorization=Bearer+x"])
def test_tokens_in_the_url_are_refused(query: str) -> None:
    assert refused(Guard(), head(HOST, query=query)) == "token_in_url"
    Guard().check(head(HOST, query="tokens=x&mode=644"))


@pytest.mark.parametrize("entry", ["http://host", "a b", "", "host:port", "host:123456"])
def test_wrong_configuration_is_named(entry: str) -> None:
    with pytest.raises(ValueError, match="is no host"):
        Guard([entry])
    with pytest.raises(ValueError, match="is no origin"):
        Guard([], [entry.replace("http://", "")])


def test_loopback_names() -> None:
    assert is_loopback_name("localhost:1")
    assert is_loopback_name("[::1]")
    assert not is_loopback_name("localhost.example")
    assert not is_loopback_name(None)


def request(served: Served, *lines: str) -> bytes:
    """Send a request as it stands, read the answer to the end."""
    import socket

    with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
        sock.sendall("\r\n".join([*lines, "Connection: close", "", ""]).encode())
        answer = b""
        while chunk := sock.recv(65536):
            answer += chunk
    return answer


def test_no_route_escapes_the_guard(served: Served) -> None:
    served.add_workspace("ws_a")
    token = served.bearer()["Authorization"]
    routes = [(route.path, method) for route in served.app.routes for method in route.methods]
    assert {path for path, _ in routes} >= {"/", "/rpc", "/metrics", "/openrpc.json", "/files/", "/health/live"}
    routes += [("/nowhere", "GET"), ("/rpc", "DELETE")]
    for path, method in routes:
        where = path + "ws_a/x" if path == "/files/" else path
        start = f"{method} {where} HTTP/1.1"
        auth = f"Authorization: {token}"
        ours = f"Host: localhost:{served.port}"
        assert request(served, start, "Host: evil.example", auth).startswith(b"HTTP/1.1 421 "), (method, path)
        assert request(served, start, auth).startswith(b"HTTP/1.1 421 "), (method, path)
        assert request(served, start, ours, auth, "Origin: http://evil.example").startswith(b"HTTP/1.1 403 "), path
        assert request(served, f"{method} {where}?token=x HTTP/1.1", ours, auth).startswith(b"HTTP/1.1 400 "), path
        assert not request(served, start, ours, auth).startswith((b"HTTP/1.1 421 ", b"HTTP/1.1 403 ")), path


def test_the_websocket_does_not_escape_either(served: Served) -> None:
    token = served.bearer()["Authorization"]
    upgrade = [
        "GET /rpc HTTP/1.1", f"Authorization: {token}", "Upgrade: websocket", "Sec-WebSocket-Version: 13",
        "Sec-WebSocket-Key: dGhlIHNhbXBsZSBub25jZQ==", "Sec-WebSocket-Protocol: nexus.v1",
    ]  # fmt: skip

    def ask(*more: str) -> bytes:
        import socket

        with socket.create_connection(("127.0.0.1", served.port), timeout=10) as sock:
            sock.sendall("\r\n".join([*upgrade, *more, "Connection: Upgrade", "", ""]).encode())
            return sock.recv(65536)

    ours = f"Host: localhost:{served.port}"
    assert ask("Host: evil.example").startswith(b"HTTP/1.1 421 ")
    assert ask().startswith(b"HTTP/1.1 421 ")
    assert ask(ours, "Origin: http://evil.example").startswith(b"HTTP/1.1 403 ")
    assert ask(ours, "Origin: null").startswith(b"HTTP/1.1 403 ")
    assert ask(ours, f"Origin: http://localhost:{served.port}").startswith(b"HTTP/1.1 101 ")
    assert ask(ours).startswith(b"HTTP/1.1 101 ")
