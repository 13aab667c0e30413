"""Calls over one connection: answers, deadlines, breaks, and a peer that does not keep to the rules."""

from __future__ import annotations

import asyncio
import datetime
import ipaddress
import json
import math
import ssl

import nexus_sdk
import pytest
from cryptography import x509
from cryptography.hazmat.primitives import hashes, serialization
from cryptography.hazmat.primitives.asymmetric import ec
from fake_daemon import NOW, FakeDaemon, operation_record, ready, workspace_record
from nexus_sdk import CallTimeout, ConnectionClosed, ConnectionFailed, ConnectionLost, ProtocolViolation
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import (
    InvalidParams,
    KeyReused,
    MessageTooLarge,
    MethodNotFound,
    NexusError,
    OutcomeUnknown,
    TooManyRequests,
    Unauthenticated,
    WorkspaceNotFound,
)
from nexus_sdk.wire import messages

CREATE = {"name": "demo", "repository": {"url": "/r"}}


def created() -> dict:
    return {"workspace": workspace_record(), "operation": operation_record()}


def connect(daemon: FakeDaemon, **options):
    return nexus_sdk.connect(daemon.url, "t0ken", environ={}, **{"reconnect_timeout": 5, **options})


async def test_the_token_travels_in_the_header_and_only_there(fake, nexus):
    request = fake.requests[0]
    assert request.headers["Authorization"] == "Bearer t0ken"
    assert request.headers["Sec-WebSocket-Protocol"] == "nexus.v1"
    assert "Sec-WebSocket-Extensions" not in request.headers
    assert "t0ken" not in request.path


async def test_session_is_what_the_daemon_announced(nexus):
    assert nexus.session.identity.subject == "uid:0"
    assert nexus.session.limits.max_payload == 65536
    assert nexus.session.expires_at is None


async def test_a_client_can_be_awaited_instead_of_entered(fake):
    nexus = await connect(fake)
    assert (await nexus.ping()).time.year == 2026
    await nexus.close()
    await nexus.close()
    with pytest.raises(ConnectionClosed):
        await nexus.ping()


async def test_answers_may_overtake_each_other(fake, nexus):
    gates = {name: asyncio.Event() for name in "abc"}

    @fake.on("workspace.get")
    async def get(call):
        await gates[call.params["workspace"]].wait()
        return workspace_record(call.params["workspace"])

    waiting = {name: asyncio.create_task(nexus.workspaces.get(name)) for name in gates}
    for name in "cab":
        gates[name].set()
        assert (await waiting[name]).name == name


async def test_unknown_fields_in_results_are_ignored(fake, nexus):
    @fake.on("session.ping")
    async def ping(call):
        return {"time": NOW, "newer": {"thing": 1}}

    assert (await nexus.ping()).time.month == 1


async def test_a_result_that_breaks_the_schema_is_a_violation_and_the_connection_goes_on(fake, nexus):
    answers = iter([{"time": 5}, {}, [], {"time": NOW}])

    @fake.on("session.ping")
    async def ping(call):
        return next(answers) or {"nothing": 1}

    for _ in range(3):
        with pytest.raises(ProtocolViolation, match=r"session\.ping"):
            await nexus.ping()
    await nexus.ping()
    assert len(fake.sessions) == 1


async def test_errors_arrive_as_their_classes_with_hint_and_details(fake, nexus):
    @fake.on("workspace.get")
    async def get(call):
        raise WorkspaceNotFound("there is no workspace 'x'", hint="list them", workspace="x")

    with pytest.raises(WorkspaceNotFound) as caught:
        await nexus.workspaces.get("x")
    assert caught.value.details.workspace == "x"
    assert caught.value.hint == "list them"


async def test_an_error_of_a_newer_daemon_keeps_everything(fake, nexus):
    @fake.on("session.ping")
    async def ping(call):
        call.answered = True
        data = {"name": "new_trouble", "hint": "h", "retryable": True, "details": {"a": 1}}
        await call.session.text(messages.encode_error(call.id, 9999, "trouble", data))

    with pytest.raises(NexusError) as caught:
        await nexus.ping()
    assert (caught.value.code, caught.value.name, caught.value.retryable) == (9999, "new_trouble", True)


async def test_outcome_unknown_says_that_it_may_have_run(fake, nexus):
    @fake.on("workspace.create")
    async def create(call):
        raise OutcomeUnknown("interrupted", key=call.params["key"])

    with pytest.raises(OutcomeUnknown) as caught:
        await nexus.call("workspace.create", CREATE)
    assert caught.value.may_have_run


async def test_progress_is_asked_for_only_when_wanted_and_arrives_in_order(fake, nexus):
    @fake.on("workspace.start")
    async def start(call):
        if call.params.get("progress"):
            for done in range(3):
                await call.session.notify(
                    "$/progress", {"id": call.id, "done": done, "total": 3, "message": f"m{done}"}
                )
        return created()

    seen = []
    await nexus.call("workspace.start", {"workspace": "w"}, on_progress=seen.append)
    assert [(item.done, item.total, item.message) for item in seen] == [(0, 3, "m0"), (1, 3, "m1"), (2, 3, "m2")]
    await nexus.call("workspace.start", {"workspace": "w"})
    assert "progress" not in fake.calls[-1].params


async def test_a_failing_progress_callback_fails_its_own_call_only(fake, nexus):
    @fake.on("workspace.start")
    async def start(call):
        await call.session.notify("$/progress", {"id": call.id, "done": 1, "message": ""})
        await asyncio.Event().wait()

    def fail(progress):
        raise ZeroDivisionError("mine")

    with pytest.raises(ZeroDivisionError):
        await nexus.call("workspace.start", {"workspace": "w"}, on_progress=fail)
    await nexus.ping()
    assert len(fake.sessions) == 1


async def test_a_call_that_is_not_answered_times_out_alone_and_is_cancelled(fake, nexus):
    @fake.on("workspace.get")
    async def get(call):
        await asyncio.Event().wait()

    with pytest.raises(CallTimeout, match=r"workspace\.get was not answered within 0\.05 s") as caught:
        await nexus.call("workspace.get", {"workspace": "w"}, timeout=0.05)
    assert caught.value.timeout == 0.05
    assert caught.value.may_have_run
    async with asyncio.timeout(5):
        await fake.session.cancel_seen.wait()
    assert fake.session.cancelled == [fake.calls[-1].id]
    await nexus.ping()
    assert len(fake.sessions) == 1


async def test_a_cancelled_task_cancels_its_call(fake, nexus):
    arrived = asyncio.Event()

    @fake.on("exec.run")
    async def run(call):
        arrived.set()
        await asyncio.Event().wait()

    task = asyncio.create_task(nexus.call("exec.run", {"workspace": "w", "argv": ["sleep"]}))
    await arrived.wait()
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    async with asyncio.timeout(5):
        await fake.session.cancel_seen.wait()
    await nexus.ping()


async def test_a_timeout_of_the_caller_is_not_mistaken_for_the_calls_own(fake, nexus):
    @fake.on("workspace.get")
    async def get(call):
        await asyncio.Event().wait()

    with pytest.raises(TimeoutError) as caught:
        async with asyncio.timeout(0.05):
            await nexus.workspaces.get("w")
    assert not isinstance(caught.value, CallTimeout)


async def test_late_and_double_and_stray_answers_change_nothing(fake, nexus):
    @fake.on("session.ping")
    async def ping(call):
        await call.respond({"time": NOW})
        await call.respond({"time": "1999-01-01T00:00:00Z"})
        await call.session.text(messages.encode_response(987654, {}))
        await call.session.text(messages.encode_response("0", {}))

    for _ in range(3):
        assert (await nexus.ping()).time.year == 2026
    assert len(fake.sessions) == 1


async def test_idempotent_calls_are_repeated_after_a_break(fake, nexus):
    @fake.on("workspace.get")
    async def get(call):
        if len(fake.sessions) < 4:
            call.session.drop()
            return None
        return workspace_record()

    assert (await nexus.workspaces.get("demo")).name == "demo"
    assert nexus.reconnects == 3
    assert fake.methods() == ["workspace.get"] * 4


async def test_a_keyed_call_is_repeated_with_the_same_key(fake, nexus):
    @fake.on("workspace.create")
    async def create(call):
        if len(fake.calls) < 3:
            call.session.drop()
            return None
        return created()

    await nexus.call("workspace.create", CREATE)
    keys = [call.params["key"] for call in fake.calls]
    assert len(keys) == 3 and len(set(keys)) == 1 and len(keys[0]) >= 20


async def test_each_call_gets_a_key_of_its_own_and_a_given_one_is_kept(fake, nexus):
    @fake.on("workspace.create")
    async def create(call):
        return created()

    await nexus.call("workspace.create", CREATE)
    await nexus.call("workspace.create", CREATE)
    await nexus.call("workspace.create", {**CREATE, "key": "mine"})
    first, second, third = (call.params["key"] for call in fake.calls)
    assert first != second
    assert third == "mine"


@pytest.mark.parametrize("auto_key", [True, False])
async def test_a_call_that_may_not_be_repeated_says_that_it_may_have_run(fake, auto_key):
    method, params = ("exec.signal", {"process": "p"}) if auto_key else ("exec.run", {"workspace": "w", "argv": ["a"]})

    async def handler(call):
        call.session.drop()

    fake.handlers[method] = handler
    async with connect(fake, auto_key=auto_key) as nexus:
        with pytest.raises(ConnectionLost) as caught:
            await nexus.call(method, params)
        assert caught.value.may_have_run
        assert method in str(caught.value)
        assert fake.methods() == [method]
        await nexus.ping()


async def test_calls_wait_for_a_daemon_that_restarts(fake, nexus):
    await nexus.ping()
    await fake.stop()
    waiting = asyncio.create_task(nexus.ping())
    await asyncio.sleep(0)
    await fake.listen()
    assert (await waiting).time.year == 2026
    assert nexus.reconnects == 1


async def test_reconnecting_ends_at_its_deadline(fake):
    async with connect(fake, reconnect_timeout=0.3) as nexus:
        await nexus.ping()
        await fake.stop()
        with pytest.raises(ConnectionLost, match=r"no connection to ws://127\.0\.0\.1:\d+/rpc for 0\.3 s") as caught:
            await nexus.ping()
        assert not caught.value.may_have_run
        await fake.listen()
        await nexus.ping()


async def test_the_deadline_of_a_call_covers_the_reconnect(fake):
    async with connect(fake, reconnect_timeout=60) as nexus:
        await fake.stop()
        with pytest.raises(CallTimeout) as caught:
            await nexus.call("session.ping", timeout=0.2)
        assert not caught.value.may_have_run
        await fake.listen()


async def test_no_reconnect_when_it_is_turned_off(fake):
    async with connect(fake, reconnect_timeout=0) as nexus:
        fake.session.drop()
        with pytest.raises(ConnectionLost):
            while True:
                await nexus.ping()
        assert len(fake.sessions) == 1


async def test_a_refused_token_is_fatal_even_while_reconnecting(fake, nexus):
    body = json.dumps({"error": {"name": "unauthenticated", "message": "the token expired", "hint": "get another"}})
    fake.refusals = [(503, b""), (401, body.encode())]
    fake.session.drop()
    with pytest.raises(Unauthenticated, match="the token expired") as caught:
        await asyncio.wait_for(_until_broken(nexus), 5)
    assert caught.value.hint == "get another"
    assert "t0ken" not in str(caught.value)


async def _until_broken(nexus):
    while True:
        await nexus.ping()


@pytest.mark.parametrize("status", [403, 404, 426])
async def test_other_refusals_are_fatal_and_name_the_status(fake, status):
    fake.refusals = [(status, b"<html>not a daemon</html>")]
    with pytest.raises(ConnectionFailed, match=str(status)) as caught:
        await connect(fake)
    assert caught.value.status == status


async def test_a_first_connection_is_not_retried(fake):
    await fake.stop()
    with pytest.raises(ConnectionFailed, match="cannot connect to ws://127"):
        await connect(fake, reconnect_timeout=60)
    await fake.listen()


async def test_the_retry_decision_is_replaceable(fake):
    asked = []

    def never(error):
        asked.append(error)
        return False

    async with connect(fake, is_transient=never) as nexus:
        fake.session.drop()
        with pytest.raises(ConnectionLost):
            await _until_broken(nexus)
    assert asked


async def test_a_token_function_is_asked_for_each_connection(fake):
    made = iter(["one", "two"])

    async def fresh():
        return next(made)

    async with nexus_sdk.connect(fake.url, fresh, environ={}) as nexus:
        fake.session.drop()
        while len(fake.sessions) < 2:
            await nexus.ping()
    assert [request.headers["Authorization"] for request in fake.requests] == ["Bearer one", "Bearer two"]


@pytest.mark.parametrize(
    "greeting",
    [
        b"hello",
        b"[]",
        messages.encode_notification("session.closing", {}),
        messages.encode_notification("something.else", {}),
        messages.encode_notification("session.ready", {"level": "1"}),
        messages.encode_response(1, {}),
    ],
)
async def test_something_else_that_speaks_websocket_is_recognised(fake, greeting):
    fake.greeting = greeting
    with pytest.raises(ProtocolViolation, match=r"session\.ready"):
        await connect(fake)


async def test_a_daemon_that_says_nothing_is_given_up(fake):
    fake.greeting = None
    with pytest.raises(ConnectionFailed):
        await connect(fake, open_timeout=0.1)


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

    with pytest.raises(ConnectionLost, match="broke the protocol"):
        await nexus.ping()


async def test_garbage_in_a_binary_frame_ends_the_link(fake, nexus):
    @fake.on("session.ping")
    async def ping(call):
        call.answered = True
        await call.session.binary(b"\x07garbage")

    with pytest.raises(ConnectionLost, match="broke the protocol"):
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
