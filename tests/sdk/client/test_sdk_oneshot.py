"""Single calls by POST: the answers and errors of a connection, without one."""

from __future__ import annotations

import asyncio
import socket
import threading

import pytest
from nexus_sdk.exceptions import CallTimeout, ConnectionFailed, ConnectionLost, DaemonNotFound, ProtocolViolation
from nexus_sdk.oneshot import OneShot
from nexus_sdk.protocol.errors import InvalidParams, Unauthenticated, WorkspaceNotFound


def ask(daemon, token=None):
    if token is None:
        return OneShot(f"unix:{daemon.socket}", environ={})
    return OneShot(daemon.url, token, environ={})


def test_a_call_over_the_unix_socket_and_over_tcp(daemon):
    for caller in (ask(daemon), ask(daemon, daemon.token())):
        assert caller.call("session.ping").time.tzinfo is not None
        assert caller.call("workspace.list", {"limit": 5}).workspaces == []


def test_errors_are_those_of_a_connection(daemon):
    with pytest.raises(WorkspaceNotFound) as refused:
        ask(daemon).call("workspace.get", {"workspace": "nothing"})
    assert refused.value.details.workspace == "nothing"
    with pytest.raises(Unauthenticated):
        ask(daemon, "nonsense").call("session.ping")
    with pytest.raises(InvalidParams):
        ask(daemon).call("workspace.get", {"workspace": 1})
    with pytest.raises(InvalidParams):
        ask(daemon).call("fs.watch", {"workspace": "x"})


def test_no_daemon(tmp_path):
    with pytest.raises(DaemonNotFound):
        OneShot(environ={"NEXUS_HOME": str(tmp_path)})
    with socket.socket(socket.AF_UNIX) as silent:
        silent.bind(str(tmp_path / "s"))
        with pytest.raises(ConnectionFailed):
            OneShot(f"unix:{tmp_path}/s", environ={}).call("session.ping")


@pytest.fixture
def peer(tmp_path):
    """A server that answers each connection with what the test wants, once the request has come."""
    server = socket.socket(socket.AF_UNIX)
    server.bind(str(tmp_path / "peer"))
    server.listen()
    said = {}

    def serve():
        while True:
            try:
                connection, _ = server.accept()
            except OSError:
                return
            with connection:
                connection.recv(65536)
                if "answer" in said:
                    connection.sendall(said["answer"])
                else:
                    said["stall"].wait(30)

    thread = threading.Thread(target=serve, daemon=True)
    thread.start()
    yield OneShot(f"unix:{tmp_path}/peer", environ={}), said
    if "stall" in said:
        said["stall"].set()
    server.shutdown(socket.SHUT_RDWR)
    server.close()
    thread.join(10)


def answer(body: bytes, head: bytes = b"") -> bytes:
    return b"HTTP/1.1 200 OK\r\n" + (head or b"content-length: %d\r\n" % len(body)) + b"\r\n" + body


PONG = b'{"jsonrpc":"2.0","id":1,"result":{"time":"2026-01-01T00:00:00Z"}}'


@pytest.mark.parametrize(
    "said",
    [
        answer(PONG),
        answer(PONG, b"connection: close\r\n"),
        answer(b"%x\r\n%s\r\n0\r\n\r\n" % (len(PONG), PONG), b"Transfer-Encoding: chunked\r\n"),
    ],
)
def test_forms_of_an_answer(peer, said):
    caller, peer_says = peer
    peer_says["answer"] = said
    assert caller.call("session.ping").time.year == 2026


@pytest.mark.parametrize(
    ("said", "error"),
    [
        (b"", ConnectionLost),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 100\r\n\r\n{}", ConnectionLost),
        (b"HTTP/1.1 200 OK\r\ncontent-", ConnectionLost),
        (b"SSH-2.0-server\r\n\r\n", ConnectionFailed),
        (b"HTTP/1.1 200 OK\r\ncontent-length: 99999999999\r\n\r\n", ConnectionFailed),
        (answer(b"no json"), ProtocolViolation),
        (answer(PONG.replace(b'"id":1', b'"id":2')), ProtocolViolation),
        (answer(PONG.replace(b"2026-01-01T00:00:00Z", b"soon")), ProtocolViolation),
    ],
)
def test_a_peer_that_breaks_the_rules(peer, said, error):
    caller, peer_says = peer
    peer_says["answer"] = said
    with pytest.raises(error):
        caller.call("session.ping", timeout=20)


def test_a_peer_that_says_nothing_is_given_up(peer):
    caller, peer_says = peer
    peer_says["stall"] = threading.Event()
    with pytest.raises(CallTimeout) as gone:
        caller.call("session.ping", timeout=0.2)
    assert gone.value.may_have_run


async def test_it_may_be_used_beside_an_event_loop(daemon):
    pong = await asyncio.to_thread(ask(daemon).call, "session.ping")
    assert pong.time is not None
