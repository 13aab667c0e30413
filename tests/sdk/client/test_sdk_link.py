"""The link below the calls: a peer that does not keep to the rules, limits, closing, sockets and certificates."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import math
import ssl

import nexus_sdk
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fake_daemon import NOW, FakeDaemon, operation_record, ready, workspace_record
from nexus_sdk import ConnectionClosed, ConnectionFailed, ConnectionLost, ProtocolViolation
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import (
    InvalidParams,
    KeyReused,
    MessageTooLarge,
    MethodNotFound,
    TooManyRequests,
)

CREATE = {"name": "demo", "repository": {"url": "/r"}}


def created() -> dict:
    return {"workspace": workspace_record(), "operation": operation_record()}


def connect(daemon: FakeDaemon, **options):
    return nexus_sdk.connect(daemon.url, "t0ken", environ={}, **{"reconnect_timeout": 5, **options})


async def test_a_peer_that_is_not_there_at_all(fake):
    port = fake.port
    await fake.stop()
    with pytest.raises(ConnectionFailed) as caught:
        await nexus_sdk.connect(f"http://127.0.0.1:{port}", environ={})
    assert "boulder daemon start" in caught.value.hint
    await fake.listen()


@pytest.mark.parametrize("garbage", ["{", '{"jsonrpc":"2.0","id":1}', "[1]", '{"jsonrpc":"1.0","method":"a"}'])
async def test_garbage_ends_the_link_and_the_client_says_why(fake, nexus, garbage):
    @fake.on("session.ping")
    async def ping(call):
        call.answered = True
        await call.session.websocket.send(garbage)

    with pytest.raises(ProtocolViolation, match="broke the protocol") as caught:
        await nexus.ping()
    assert caught.value.may_have_run


async def test_text_that_is_not_utf8_ends_the_link(fake, nexus):
    @fake.on("session.ping")
    async def ping(call):
        call.answered = True
        await call.session.text(b'{"\xff"}')

    with pytest.raises(ProtocolViolation, match="broke the protocol"):
        await nexus.ping()


async def test_who_asks_after_a_violation_is_told_too_and_has_sent_nothing(fake, nexus):
    @fake.on("exec.signal")
    async def signal(call):
        call.answered = True
        await call.session.websocket.send("{")

    with pytest.raises(ProtocolViolation) as first:
        await nexus.call("exec.signal", {"process": "pr_1", "signal": "TERM"})
    with pytest.raises(ProtocolViolation) as second:
        await nexus.ping()
    assert (first.value.may_have_run, second.value.may_have_run) == (True, False)
    await nexus.ping()
    assert nexus.reconnects == 1


async def test_garbage_in_a_binary_frame_ends_the_link(fake, nexus):
    @fake.on("session.ping")
    async def ping(call):
        call.answered = True
        await call.session.binary(b"\x07garbage")

    with pytest.raises(ProtocolViolation, match="broke the protocol"):
        await nexus.ping()


async def test_frames_of_streams_nobody_opened_are_ignored(fake, nexus):
    @fake.on("session.ping")
    async def ping(call):
        call.stream = 4711
        await call.data(1, 10, b"lost")
        await call.credit(5)
        await call.event({"kind": "x"})
        return {"time": NOW}

    await nexus.ping()
    assert len(fake.sessions) == 1


async def test_a_method_of_a_newer_level_is_refused_here(fake):
    fake.greeting = ready(level=0)
    async with connect(fake) as nexus:
        with pytest.raises(MethodNotFound, match="level 0") as caught:
            await nexus.ping()
        assert caught.value.hint == "update the daemon"
    assert fake.calls == []


async def test_params_are_checked_here(fake, nexus):
    with pytest.raises(InvalidParams) as caught:
        await nexus.call("exec.run", {"workspace": "w", "argv": [1]})
    assert caught.value.details.path == "$.argv[0]"
    with pytest.raises(InvalidParams, match="nonsense"):
        await nexus.call("workspace.get", {"workspace": "w", "nonsense": 1})
    with pytest.raises(InvalidParams, match="stream"):
        await nexus.call("fs.watch", {"workspace": "w"})
    assert fake.calls == []


async def test_a_method_this_client_does_not_know_can_be_called(fake, nexus):
    @fake.on("future.method")
    async def handler(call):
        return {"echo": call.params}

    assert await nexus.call("future.method", {"a": [1]}) == {"echo": {"a": [1]}}


async def test_a_message_over_the_limit_is_refused_here(fake):
    fake.greeting = ready(max_message=1000)
    async with connect(fake) as nexus:
        with pytest.raises(MessageTooLarge) as caught:
            await nexus.call("config.validate", {"text": "x" * 2000})
        assert caught.value.details.value == 1000
    assert fake.calls == []


async def test_more_calls_than_the_daemon_takes_wait_their_turn(fake):
    fake.greeting = ready(max_requests=3)
    running, most = 0, 0

    @fake.on("session.ping")
    async def ping(call):
        nonlocal running, most
        running += 1
        most = max(most, running)
        await asyncio.sleep(0)
        running -= 1
        return {"time": NOW}

    async with connect(fake) as nexus:
        await asyncio.gather(*(nexus.ping() for _ in range(50)))
    assert most <= 3
    assert len(fake.calls) == 50


async def test_a_call_in_the_queue_can_be_cancelled_without_losing_a_turn(fake):
    fake.greeting = ready(max_requests=1)
    gate, arrived = asyncio.Event(), asyncio.Event()

    @fake.on("session.ping")
    async def ping(call):
        arrived.set()
        await gate.wait()
        return {"time": NOW}

    async with connect(fake) as nexus:
        tasks = [asyncio.create_task(nexus.ping()) for _ in range(4)]
        await arrived.wait()
        tasks[1].cancel()
        tasks[2].cancel()
        gate.set()
        results = await asyncio.wait_for(asyncio.gather(*tasks, return_exceptions=True), 5)
    assert [isinstance(result, types.SessionPong) for result in results] == [True, False, False, True]


async def test_a_connection_full_of_streams_refuses_calls(fake):
    fake.greeting = ready(max_requests=1)

    @fake.on("fs.watch")
    async def watch(call):
        await call.open({"cursor": "c", "resumed": False})
        await asyncio.Event().wait()

    @fake.on("workspace.get")
    async def get(call):
        return workspace_record()

    async with connect(fake) as nexus:
        workspace = await nexus.workspaces.get("demo")
        async with workspace.files.watch():
            with pytest.raises(TooManyRequests):
                await nexus.ping()


async def test_closing_ends_calls_and_streams(fake, workspace, nexus):
    arrived = asyncio.Event()

    @fake.on("session.ping")
    async def ping(call):
        arrived.set()
        await asyncio.Event().wait()

    @fake.on("fs.watch")
    async def watch(call):
        await call.open({"cursor": "c", "resumed": False})
        await asyncio.Event().wait()

    async with workspace.files.watch() as events:
        call = asyncio.create_task(nexus.ping())
        next_event = asyncio.create_task(anext(events))
        await arrived.wait()
        await nexus.close()
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(call, 5)
        with pytest.raises(ConnectionClosed):
            await asyncio.wait_for(next_event, 5)


async def test_the_reason_of_a_close_reaches_the_caller(fake, nexus):
    @fake.on("exec.signal")
    async def signal(call):
        await call.session.notify("session.closing", {"code": 4401, "reason": "the token was revoked"})
        await call.session.websocket.close(4401, "revoked")

    fake.refusals = []
    with pytest.raises(ConnectionLost, match=r"the token was revoked.*4401"):
        await nexus.call("exec.signal", {"process": "p"})


async def test_refreshing_keeps_the_new_token_for_the_next_connection(fake, nexus):
    @fake.on("session.refresh")
    async def refresh(call):
        return {"identity": {"subject": "s", "scopes": [], "workspaces": [], "via": "jwt"}, "expires_at": None}

    assert (await nexus.refresh("t1")).identity.subject == "s"
    fake.session.drop()
    while len(fake.sessions) < 2:
        await nexus.ping()
    assert fake.requests[-1].headers["Authorization"] == "Bearer t1"


async def test_key_reused_is_not_repeated(fake, nexus):
    @fake.on("workspace.create")
    async def create(call):
        raise KeyReused("again", key="k")

    with pytest.raises(KeyReused):
        await nexus.call("workspace.create", {**CREATE, "key": "k"})
    assert len(fake.calls) == 1


async def test_an_infinite_timeout_is_none(fake, nexus):
    assert (await nexus.call("session.ping", timeout=math.inf)).time.year == 2026


async def test_a_daemon_that_stalls_is_noticed_by_its_missing_pong(fake):
    async with connect(fake, ping_interval=0.1) as nexus:
        await nexus.ping()
        fake.session.websocket.transport.pause_reading()
        assert (await asyncio.wait_for(nexus.ping(), 10)).time.year == 2026
    assert len(fake.sessions) == 2


async def test_the_unix_socket_below_the_home_is_found(tmp_path):
    (tmp_path / "run").mkdir()
    environ = {"NEXUS_HOME": str(tmp_path), "NEXUS_TOKEN": "never sent"}
    async with FakeDaemon(path=str(tmp_path / "run" / "nexusd.sock")) as fake:
        async with nexus_sdk.connect(environ=environ) as nexus:
            await nexus.ping()
            assert nexus.address == f"unix:{tmp_path}/run/nexusd.sock"
        assert "Authorization" not in fake.requests[0].headers


async def test_a_socket_that_nobody_listens_on(tmp_path):
    (tmp_path / "run").mkdir()
    (tmp_path / "run" / "nexusd.sock").touch()
    with pytest.raises(ConnectionFailed, match=r"cannot connect to unix:.*nexusd\.sock"):
        await nexus_sdk.connect(environ={"NEXUS_HOME": str(tmp_path)})


async def test_a_proxy_is_not_used_for_this_machine(fake, monkeypatch):
    for name in ("http_proxy", "https_proxy", "all_proxy"):
        monkeypatch.setenv(name, "http://127.0.0.1:1")
    async with connect(fake) as nexus:
        await nexus.ping()


@pytest.mark.parametrize(("count", "size"), [(50, 0), (50, 300), (9, 5000), (5, 70_000)])
async def test_small_messages_travel_together_and_all_travel_in_order(fake, nexus, monkeypatch, count, size):
    @fake.on("demo.echo")
    async def echo(call):
        return call.params

    link = await nexus._connection.link()
    transport = link._websocket.transport
    writes: list[int] = []
    write = transport.write
    monkeypatch.setattr(transport, "write", lambda data: (writes.append(len(data)), write(data))[1])
    asked = [{"number": number, "text": "x" * size} for number in range(count)]
    assert await asyncio.gather(*(nexus.call("demo.echo", params) for params in asked)) == asked
    assert [call.params for call in fake.calls] == asked
    if size > 4096:
        assert len(writes) == count
    else:
        assert len(writes) < count / 1.5
        assert max(writes) < 2 * 1024


async def test_a_call_given_up_before_it_was_written_is_never_sent(fake, nexus):
    first = asyncio.create_task(nexus.call("demo.first"))
    others = [asyncio.create_task(nexus.ping()) for _ in range(10)]
    link = await nexus._connection.link()
    original = link.request

    def request(method, params, **options):
        made = original(method, params, **options)
        if method == "demo.first":
            first.cancel()
            link.abandon(made)
        return made

    link.request = request
    with pytest.raises(asyncio.CancelledError):
        await first
    await asyncio.gather(*others)
    assert fake.methods() == ["session.ping"] * 10


@pytest.fixture
def certificate(tmp_path):
    """A self-signed certificate for 127.0.0.1: (server context, client context that trusts it)."""
    key = ec.generate_private_key(ec.SECP256R1())
    name = x509.Name([x509.NameAttribute(x509.NameOID.COMMON_NAME, "127.0.0.1")])
    start = datetime.datetime(2020, 1, 1, tzinfo=datetime.UTC)
    built = (
        x509.CertificateBuilder()
        .subject_name(name)
        .issuer_name(name)
        .public_key(key.public_key())
        .serial_number(1)
        .not_valid_before(start)
        .not_valid_after(start.replace(year=2099))
        .add_extension(x509.SubjectAlternativeName([x509.IPAddress(ipaddress.ip_address("127.0.0.1"))]), False)
        .sign(key, hashes.SHA256())
    )
    pem = built.public_bytes(serialization.Encoding.PEM)
    secret = key.private_bytes(
        serialization.Encoding.PEM, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    )
    path = tmp_path / "certificate.pem"
    path.write_bytes(pem + secret)
    server = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    server.load_cert_chain(path)
    return server, ssl.create_default_context(cadata=pem.decode())


async def test_a_certificate_is_verified(certificate):
    server, client = certificate
    async with FakeDaemon(ssl=server) as fake:
        with pytest.raises(ConnectionFailed, match="certificate"):
            await connect(fake)
        assert fake.sessions == []
        async with connect(fake, ssl=client) as nexus:
            await nexus.ping()
            fake.session.drop()
            await nexus.ping()
