"""Calls over one connection: answers, deadlines and breaks."""

from __future__ import annotations

import asyncio
import json

import nexus_sdk
import pytest
from fake_daemon import NOW, FakeDaemon, operation_record, workspace_record
from nexus_sdk import CallTimeout, ConnectionClosed, ConnectionFailed, ConnectionLost, ProtocolViolation
from nexus_sdk.protocol.errors import (
    NexusError,
    OutcomeUnknown,
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


# requirement: call.overtake
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


# requirement: call.fields
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


# requirement: key.retry
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


# requirement: key.retry
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


# requirement: key.retry
@pytest.mark.parametrize("auto_key", [True, False])
async def test_a_call_that_may_not_be_repeated_says_that_it_may_have_run(fake, auto_key):
    method, params = ("exec.signal", {"process": "p"}) if auto_key else ("exec.run", {"workspace": "w", "argv": ["a"]})

    async def handler(call):
        if len(fake.calls) > 1:
            raise OutcomeUnknown("it was sent twice", key="none")
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
