"""One connection: exactly one answer to every request, whatever happens to it."""

from __future__ import annotations

import asyncio
import json
import logging
import random
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nexus_sdk.protocol.errors import Forbidden
from nexus_sdk.wire.frames import HEADER
from nexusd.wire.call import Call
from nexusd.wire.connection import ConnectionLimits
from nexusd.wire.errors import ConnectionLost, ProtocolViolation
from wire_harness import PATIENCE_S, Peer, Service, soon


async def test_a_plain_handler_is_answered_before_feed_returns() -> None:
    peer = Peer(Service())
    await peer.send(0, "test.echo", text="hi")
    assert peer.arrived.qsize() == 1
    assert await peer.result(0) == {"text": "hi"}
    assert peer.connection.in_flight == 0


# requirement: call.overtake
async def test_answers_overtake_each_other() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send("slow", "test.wait")
    await soon(service.started)
    await peer.send("", "test.echo", text="fast")
    assert await peer.result("") == {"text": "fast"}
    service.go.set()
    assert await peer.result("slow") == {"text": "waited"}


async def test_malformed_text_is_answered_and_the_connection_lives() -> None:
    peer = Peer(Service())
    for data, code, id in (
        ("{", -32700, None),
        (b"\xff", -32700, None),
        ("[]", -32600, None),
        ('{"jsonrpc":"2.0","id":7,"method":1}', -32600, 7),
        ('{"jsonrpc":"2.0","id":8,"method":"test.echo","params":["a"]}', -32602, 8),
        ('{"jsonrpc":"2.0","id":9,"result":1}', -32600, None),
        ('{"jsonrpc":"2.0","id":null,"error":{"code":1,"message":"m"}}', -32600, None),
    ):
        await peer.connection.feed_text(data)
        assert (await peer.error(id))["code"] == code
    await peer.quiet()


async def test_the_message_limit_is_the_connections_own() -> None:
    peer = Peer(Service(), limits=ConnectionLimits(max_message=100))
    await peer.send(1, "test.echo", text="x" * 100)
    assert (await peer.error(None))["code"] == -32600
    await peer.quiet()


async def test_unknown_methods_name_their_neighbours() -> None:
    peer = Peer(Service())
    await peer.send(1, "test.ecko")
    error = await peer.error(1)
    assert error["code"] == -32601
    assert "test.ecko" in error["message"]
    assert "test.echo" in error["data"]["hint"]
    for name in ("test.unserved", "test.ready", "$/cancel", "", "x" * 1000):
        await peer.send(2, name)
        error = await peer.error(2)
        assert error["code"] == -32601
        assert len(error["message"]) < 100


# requirement: call.params, call.extra
@pytest.mark.parametrize(
    ("params", "path", "reason"),
    [
        ({}, "$.argv", "missing"),
        ({"argv": [1]}, "$.argv[0]", "Expected `str`, got `int`"),
        ({"argv": [], "env": {"A": 1}}, "$.env[...]", "Expected `str`, got `int`"),
        ({"argv": [], "x": 1}, "$.x", "unknown"),
        ({"argv": [], "inner": {}}, "$.inner.text", "missing"),
        ({"argv": [], "inner": {"text": "", "y": 1}}, "$.inner.y", "unknown"),
        ({"argv": None}, "$.argv", "Expected `array`, got `null`"),
    ],
)
async def test_bad_params_name_the_path(params: dict[str, Any], path: str, reason: str) -> None:
    peer = Peer(Service())
    await peer.send(1, "test.nested", **params)
    error = await peer.error(1)
    assert error["code"] == -32602
    assert error["data"]["details"] == {"path": path, "reason": reason}
    assert "test.nested" in error["message"]
    assert path in error["message"]


# requirement: call.duplicate
async def test_an_id_in_flight_is_refused_and_the_first_call_unharmed() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.wait")
    await peer.send(1, "test.echo", text="again")
    error = await peer.error(1)
    assert error["code"] == -32600
    assert "in flight" in error["message"]
    await peer.send("1", "test.echo", text="a string is another id")
    await peer.result("1")
    service.go.set()
    assert await peer.result(1) == {"text": "waited"}
    await peer.send(1, "test.echo", text="free again")
    assert await peer.result(1) == {"text": "free again"}


async def test_a_fault_is_logged_and_not_told(caplog: pytest.LogCaptureFixture) -> None:
    peer = Peer(Service())
    with caplog.at_level(logging.ERROR, logger="nexusd.wire"):
        await peer.send(1, "test.boom")
    error = await peer.error(1)
    assert error["code"] == -32603
    assert "hunter2" not in json.dumps(error)
    incident = error["data"]["details"]["incident"]
    (record,) = caplog.records
    assert incident in record.getMessage()
    assert record.exc_info is not None
    assert "hunter2" in str(record.exc_info[1])


async def test_a_protocol_error_inside_a_task_group_is_found() -> None:
    peer = Peer(Service())
    await peer.send(1, "test.refuse")
    error = await peer.error(1)
    assert error["data"]["name"] == "process_not_found"
    assert error["data"]["details"] == {"process": "p1"}


async def test_a_result_that_does_not_fit_is_an_error() -> None:
    peer = Peer(Service())
    await peer.send(1, "test.huge")
    error = await peer.error(1)
    assert error["data"]["name"] == "message_too_large"
    assert error["data"]["details"] == {"limit": "max_message", "value": 1_048_576}
    await peer.quiet()


# --- cancel ---------------------------------------------------------------------------------------------------------


# requirement: call.cancel
@pytest.mark.parametrize("id", [0, "", 5, "x"])
async def test_cancel_answers_through_the_normal_path(id: int | str) -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(id, "test.wait")
    call = await soon(service.started)
    await peer.cancel(id)
    error = await peer.error(id)
    assert (error["code"], error["data"]["name"]) == (1002, "cancelled")
    assert await soon(service.ended) == ("cancelled", call)
    assert call.interruption == "cancelled"
    await peer.cancel(id)
    await peer.quiet()


async def test_a_call_cancelled_before_its_first_step_is_answered() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.wait")
    await peer.cancel(1)
    assert (await peer.error(1))["data"]["name"] == "cancelled"
    await peer.quiet()


async def test_cancel_of_what_is_not_there_is_ignored() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.wait")
    await soon(service.started)
    for params in ({"id": 2}, {"id": "1"}, {"id": 1.0}, {"id": None}, {"id": True}, {"id": [1]}, {}, {"ID": 1}):
        message = {"jsonrpc": "2.0", "method": "$/cancel", "params": params}
        await peer.connection.feed_text(json.dumps(message))
    await peer.send(None, "test.unknown")
    await peer.send(None, "test.echo", text="a call needs an id to be made")
    await peer.quiet()
    service.go.set()
    assert await peer.result(1) == {"text": "waited"}


async def test_a_method_that_cannot_be_cancelled_goes_on() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.firm")
    call = await soon(service.started)
    await peer.cancel(1)
    await peer.quiet()
    service.go.set()
    assert await peer.result(1) == {"text": "waited"}
    assert call.interruption is None


# requirement: call.cancel
async def test_a_handler_that_finished_first_keeps_its_result() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.wait")
    await soon(service.started)
    peer.open.clear()  # the transport is congested, so the answer is made but not away
    service.go.set()
    assert (await soon(service.ended))[0] == "done"
    await asyncio.sleep(0)
    await peer.cancel(1)
    await asyncio.sleep(0)
    peer.open.set()
    assert await peer.result(1) == {"text": "waited"}
    await peer.quiet()


async def test_a_cancel_in_the_turn_in_which_the_handler_finishes_does_not_lose_the_answer() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.wait")
    await soon(service.started)
    peer.open.clear()
    service.go.set()
    await peer.cancel(1)
    assert (await soon(service.ended))[0] == "done"
    for _ in range(3):
        await asyncio.sleep(0)
    peer.open.set()
    assert await peer.result(1) == {"text": "waited"}


async def test_a_handler_that_does_not_let_go_is_answered_for(caplog: pytest.LogCaptureFixture) -> None:
    service = Service()
    release = asyncio.Event()
    ended = asyncio.Event()

    async def stubborn(call: Call, params: object) -> object:
        service.started.put_nowait(call)
        while not release.is_set():
            try:
                await release.wait()
            except asyncio.CancelledError:
                continue
        ended.set()
        return {"text": "too late"}

    service.wait = stubborn  # type: ignore[method-assign, assignment]
    peer = Peer(service, limits=ConnectionLimits(grace_s=0.01))
    await peer.send(1, "test.wait")
    await soon(service.started)
    with caplog.at_level(logging.ERROR, logger="nexusd.wire"):
        await peer.cancel(1)
        assert (await peer.error(1))["data"]["name"] == "cancelled"
    assert "test.wait" in caplog.text
    release.set()
    await asyncio.wait_for(ended.wait(), PATIENCE_S)
    await peer.quiet()
    assert peer.connection.in_flight == 0


async def test_a_deadline_is_answered_as_one() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.short")
    error = await peer.error(1)
    assert error["data"]["name"] == "deadline_exceeded"
    assert error["data"]["details"] == {"timeout_ms": 1}
    assert (await soon(service.ended))[1].interruption == "deadline"


async def test_a_deadline_that_is_armed_late_is_kept_too() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.longer")
    await soon(service.started)
    assert (await peer.error(1))["data"]["details"] == {"timeout_ms": 120}


async def test_a_change_that_outlives_its_connection_keeps_its_deadline() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.longer")
    call = await soon(service.started)
    peer.connection.close()
    assert await soon(service.ended) == ("cancelled", call)
    assert call.interruption == "deadline"


async def test_a_handler_cancelled_by_nobodys_wish_is_a_fault() -> None:
    service = Service()

    async def confused(call: Call, params: object) -> object:
        raise asyncio.CancelledError

    service.wait = confused  # type: ignore[method-assign, assignment]
    peer = Peer(service)
    await peer.send(1, "test.wait")
    assert (await peer.error(1))["code"] == -32603


# --- limits and fairness --------------------------------------------------------------------------------------------


# requirement: call.limit
async def test_more_calls_than_allowed_are_refused_by_name() -> None:
    service = Service()
    peer = Peer(service, limits=ConnectionLimits(max_requests=3))
    for id in range(5):
        await peer.send(id, "test.wait")
    for id in (3, 4):
        error = await peer.error(id)
        assert error["data"]["name"] == "too_many_requests"
        assert error["data"]["details"] == {"limit": "max_requests", "value": 3}
        assert error["data"]["retryable"] is True
    service.go.set()
    assert sorted([(await peer.json())["id"] for _ in range(3)]) == [0, 1, 2]
    await peer.quiet()


async def test_a_long_pipeline_of_quick_calls_is_not_refused() -> None:
    """A reader that feeds without a pause must not starve the calls it made of their turn."""
    service = Service()
    service.go.set()
    peer = Peer(service, limits=ConnectionLimits(max_requests=8))
    for id in range(500):
        await peer.send(id, "test.wait")
    answers = [await peer.json() for _ in range(500)]
    assert all("result" in answer for answer in answers)
    assert sorted(answer["id"] for answer in answers) == list(range(500))


async def test_feeding_yields_to_others() -> None:
    peer = Peer(Service())
    turns = 0
    stop = False

    async def other() -> None:
        nonlocal turns
        while not stop:
            turns += 1
            await asyncio.sleep(0)

    task = asyncio.create_task(other())
    for id in range(1000):
        await peer.send(id, "test.echo", text="")
    stop = True
    await task
    assert turns >= 1000 // 64


# --- the gate and keys ----------------------------------------------------------------------------------------------


async def test_the_gate_sees_the_call_and_may_refuse_at_once_or_later() -> None:
    service = Service()
    seen: list[tuple[str, Any, Any]] = []

    async def slowly(call: Call) -> None:
        await asyncio.sleep(0)
        if call.method.name == "test.huge":
            raise Forbidden("not this", scope="s", method=call.method.name)
        call.workspace = "w1"

    def admit(call: Call) -> Any:
        seen.append((call.method.name, call.identity, call.params))
        if call.method.name == "test.wait":
            raise Forbidden("not you", scope="s", method=call.method.name)
        return slowly(call)

    peer = Peer(service, service.dispatcher(admit=admit), identity="alice")
    await peer.send(1, "test.wait")
    assert (await peer.error(1))["data"]["name"] == "forbidden"
    await peer.send(2, "test.echo", text="x")
    assert await peer.result(2) == {"text": "x"}
    peer.connection.identity = "alice, renewed"
    await peer.send(3, "test.huge")
    assert (await peer.error(3))["data"]["name"] == "forbidden"
    assert [(name, identity) for name, identity, _ in seen] == [
        ("test.wait", "alice"),
        ("test.echo", "alice"),
        ("test.huge", "alice, renewed"),
    ]
    assert service.started.empty()


async def test_calls_with_a_key_go_through_the_key_store() -> None:
    service = Service()
    service.go.set()
    stored: dict[str, Any] = {}

    async def keyed(call: Call, run: Any) -> Any:
        assert call.key is not None
        if call.key not in stored:
            stored[call.key] = await run()
        return stored[call.key]

    peer = Peer(service, service.dispatcher(keyed=keyed))
    for id in (1, 2):
        await peer.send(id, "test.change", text="once", key="k1")
        assert await peer.result(id) == {"text": "once"}
    assert service.changes == 1
    await peer.send(3, "test.change", text="without")
    assert await peer.result(3) == {"text": "without"}
    assert service.changes == 2
    assert list(stored) == ["k1"]


# --- the end of the connection --------------------------------------------------------------------------------------


async def test_closing_ends_reading_and_leaves_changing_alone() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.wait")
    await peer.send(2, "test.change", text="x")
    reading, changing = await soon(service.started), await soon(service.started)
    peer.connection.close()
    peer.connection.close()
    assert peer.connection.closed
    assert await soon(service.ended) == ("cancelled", reading)
    assert reading.interruption == "lost"
    service.go.set()
    assert await soon(service.ended) == ("done", changing)
    assert changing.interruption is None
    assert service.changes == 1
    assert await peer.dispatcher.drain(PATIENCE_S) == 0
    assert peer.arrived.empty()
    await peer.send(3, "test.echo", text="deaf")
    peer.connection.feed_bytes(b"")
    assert peer.arrived.empty()
    with pytest.raises(ConnectionLost):
        await peer.connection.notify("test.ready")


async def test_a_transport_that_fails_closes_the_connection() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.wait")
    call = await soon(service.started)
    peer.broken = True
    await peer.send(2, "test.echo", text="x")
    assert peer.connection.closed
    assert await soon(service.ended) == ("cancelled", call)


async def test_answers_stuck_in_the_transport_do_not_outlive_the_connection() -> None:
    service = Service()
    service.go.set()
    peer = Peer(service)
    peer.open.clear()
    await peer.send(1, "test.wait")
    await soon(service.ended)
    peer.connection.close()
    assert await peer.dispatcher.drain(PATIENCE_S) == 0
    assert peer.dispatcher.running == 0


async def test_draining_refuses_waits_and_cancels() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.wait")
    await soon(service.started)
    assert await peer.dispatcher.drain(0.01) == 1
    assert (await peer.error(1))["data"]["name"] == "draining"
    await peer.send(2, "test.echo", text="x")
    assert (await peer.error(2))["data"]["name"] == "draining"


@pytest.mark.parametrize(
    "data", [b"", b"short", HEADER.pack(9, 0, 1, 0), HEADER.pack(0, 0, 0, 0), HEADER.pack(0, 0, 1, 0) + b"x"]
)
async def test_frames_that_are_none_or_nobodys_end_the_connection(data: bytes) -> None:
    peer = Peer(Service())
    with pytest.raises(ProtocolViolation) as caught:
        peer.connection.feed_bytes(data)
    assert caught.value.code == 4400
    assert 0 < len(caught.value.reason.encode()) <= 123


async def test_a_violations_reason_fits_a_close_frame() -> None:
    assert len(ProtocolViolation("ü" * 100).reason.encode()) == 122


# --- everything at once ---------------------------------------------------------------------------------------------

ACTIONS = st.lists(
    st.tuples(
        st.sampled_from(["test.echo", "test.wait", "test.refuse", "test.short", "test.firm", "cancel", "turn", "none"]),
        st.integers(0, 5),
    ),
    max_size=40,
)


# requirement: call.once
@settings(deadline=None, max_examples=150)
@given(actions=ACTIONS, seed=st.integers(0, 2**16))
def test_every_request_is_answered_exactly_once_in_any_interleaving(actions: list[tuple[str, int]], seed: int) -> None:
    async def scenario() -> None:
        service = Service()
        peer = Peer(service)
        chance = random.Random(seed)
        asked = 0
        for name, id in actions:
            if name == "cancel":
                await peer.cancel(id)
            elif name == "turn":
                for _ in range(chance.randrange(4)):
                    await asyncio.sleep(0)
            elif name == "none":
                (peer.open.clear if chance.random() < 0.3 else peer.open.set)()
            else:
                asked += 1
                # whoever feeds waits for the transport while it is congested; a client does not know
                feeding = asyncio.ensure_future(peer.send(id, name, **({"text": "x"} if name == "test.echo" else {})))
                await asyncio.sleep(0)
                peer.open.set()
                await feeding
        peer.open.set()
        service.go.set()
        answers = [await peer.json() for _ in range(asked)]
        assert all(("result" in answer) is not ("error" in answer) for answer in answers)
        await peer.quiet()
        assert peer.connection.in_flight == 0
        assert await peer.dispatcher.drain(PATIENCE_S) == 0

    asyncio.run(scenario())
