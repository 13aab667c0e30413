"""The registry, the params, and one call outside a connection."""

from __future__ import annotations

import asyncio
import json
from typing import Any

import msgspec
import pytest
from nexus_sdk.protocol.errors import InvalidParams, InvalidRequest, ParseError
from nexus_sdk.protocol.methods import METHODS
from nexusd.wire.dispatch import Dispatcher
from wire_harness import PATIENCE_S, TABLE, Service, soon


async def post(dispatcher: Dispatcher, body: bytes | dict[str, Any]) -> Any:
    if isinstance(body, dict):
        body = json.dumps({"jsonrpc": "2.0", **body}).encode()
    answer = await asyncio.wait_for(dispatcher.dispatch_one(body, "somebody"), PATIENCE_S)
    return None if answer is None else json.loads(answer)


def test_only_methods_for_clients_are_served_and_each_once() -> None:
    service = Service()
    dispatcher = Dispatcher(TABLE)
    dispatcher.register("test.echo", service.echo)
    with pytest.raises(ValueError, match=r"test\.echo"):
        dispatcher.register("test.echo", service.echo)
    with pytest.raises(LookupError, match=r"test\.unheard"):
        dispatcher.register("test.unheard", service.echo)
    with pytest.raises(LookupError, match=r"test\.ready"):
        dispatcher.register("test.ready", service.echo)
    with pytest.raises(ValueError, match=r"test\.down"):
        dispatcher.register("test.down", lambda call, params, stream: None)


def test_what_nobody_serves_is_listed() -> None:
    assert Service().dispatcher().unserved == ("test.unserved",)
    assert "session.ping" in Dispatcher(METHODS).unserved
    assert not any(name.startswith("$/") for name in Dispatcher(METHODS).unserved)


def test_every_method_of_the_schema_can_be_decoded() -> None:
    dispatcher = Dispatcher(METHODS)
    for name in dispatcher.unserved:
        dispatcher.register(name, Service().change if METHODS[name].stream is None else Service().down)
        with pytest.raises(InvalidParams) as caught:
            dispatcher.params(dispatcher.route(name), msgspec.Raw(b'{"no such param":1}'))
        assert caught.value.details is not None
        assert caught.value.details.path.startswith("$")


def test_params_that_no_type_can_hold() -> None:
    dispatcher = Service().dispatcher()
    route = dispatcher.route("test.free")
    with pytest.raises(InvalidRequest):
        dispatcher.params(route, msgspec.Raw(b'{"value":' + b"[" * 5000 + b"]" * 5000 + b"}"))
    for text in (rb'{"value":"\ud800"}', b'{"value":"\xff"}'):
        with pytest.raises(ParseError):
            dispatcher.params(route, msgspec.Raw(text))


async def test_one_call() -> None:
    dispatcher = Service().dispatcher()
    assert await post(dispatcher, {"id": 0, "method": "test.echo", "params": {"text": "x"}}) == {
        "jsonrpc": "2.0",
        "id": 0,
        "result": {"text": "x"},
    }


async def test_one_call_that_waits() -> None:
    service = Service()
    dispatcher = service.dispatcher()
    asking = asyncio.create_task(post(dispatcher, {"id": "", "method": "test.wait"}))
    await soon(service.started)
    assert dispatcher.running == 1
    service.go.set()
    answer = await asking
    assert (answer["id"], answer["result"]) == ("", {"text": "waited"})


# requirement: call.error
@pytest.mark.parametrize(
    ("body", "id", "code"),
    [
        (b"{", None, -32700),
        (b"\xff\xfe", None, -32700),
        (b"[]", None, -32600),
        ({"id": 1, "method": 1}, 1, -32600),
        ({"id": 1, "result": 1}, None, -32600),
        ({"id": 1, "method": "test.unheard"}, 1, -32601),
        ({"id": 1, "method": "test.echo", "params": {"text": 1}}, 1, -32602),
        ({"id": 1, "method": "test.boom"}, 1, -32603),
        ({"id": 1, "method": "test.down"}, 1, 1005),
        ({"id": 1, "method": "test.short"}, 1, 1003),
        ({"id": 1, "method": "test.huge"}, 1, 1012),
        ({"id": 1, "method": "test.refuse"}, 1, 4000),
    ],
)
async def test_one_call_that_fails(body: Any, id: Any, code: int) -> None:
    answer = await post(Service().dispatcher(), body)
    assert (answer["id"], answer["error"]["code"]) == (id, code)
    assert set(answer["error"]["data"]) >= {"name", "hint", "retryable"}


# requirement: call.notification
async def test_a_notification_gets_no_answer_and_does_nothing() -> None:
    service = Service()
    service.go.set()
    assert await post(service.dispatcher(), {"method": "test.change", "params": {"text": "x"}}) is None
    assert await post(service.dispatcher(), {"method": "$/cancel", "params": {"id": 1}}) is None
    assert service.changes == 0


async def test_a_caller_that_goes_away_takes_only_reading_along() -> None:
    service = Service()
    dispatcher = service.dispatcher()
    reading = asyncio.create_task(post(dispatcher, {"id": 1, "method": "test.wait"}))
    read = await soon(service.started)
    changing = asyncio.create_task(post(dispatcher, {"id": 2, "method": "test.change", "params": {"text": "x"}}))
    changed = await soon(service.started)
    for task in (reading, changing):
        task.cancel()
        with pytest.raises(asyncio.CancelledError):
            await task
    assert await soon(service.ended) == ("cancelled", read)
    assert read.interruption == "lost"
    service.go.set()
    assert await soon(service.ended) == ("done", changed)
    assert service.changes == 1
    assert await dispatcher.drain(PATIENCE_S) == 0


async def test_the_gate_and_the_key_store_apply_to_one_call_too() -> None:
    service = Service()
    service.go.set()
    asked: list[str] = []

    async def admit(call: Any) -> None:
        asked.append(call.method.name)
        assert call.connection is None

    async def keyed(call: Any, run: Any) -> Any:
        asked.append(call.key)
        return msgspec.Raw(b'{"text":"stored"}')

    dispatcher = service.dispatcher(admit=admit, keyed=keyed)
    answer = await post(dispatcher, {"id": 1, "method": "test.change", "params": {"text": "x", "key": "k"}})
    assert answer["result"] == {"text": "stored"}
    assert asked == ["test.change", "k"]
    assert service.changes == 0


async def test_draining_ends_one_call_by_name() -> None:
    service = Service()
    dispatcher = service.dispatcher()
    asking = asyncio.create_task(post(dispatcher, {"id": 1, "method": "test.wait"}))
    await soon(service.started)
    assert await dispatcher.drain(0.01) == 1
    assert (await asking)["error"]["data"]["name"] == "draining"
    assert (await post(dispatcher, {"id": 2, "method": "test.wait"}))["error"]["data"]["name"] == "draining"
