"""The same request gets the same answer from us and from jsonrpcserver, where the two do not differ on purpose.

On purpose we refuse what the standard allows: batches, positional parameters, and unknown members beside `params` go by
other tests. Ours is also stricter about ids (no floats, nothing beyond 2^53 - 1) and never runs a call that has no id.
"""

from __future__ import annotations

import asyncio
import json
import warnings
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from wire_harness import Service

with warnings.catch_warnings():
    # the oracle reads its own schema by a deprecated call
    warnings.simplefilter("ignore", DeprecationWarning)
    from jsonrpcserver import Error, Result, Success, dispatch


def oracle_echo(**params: Any) -> Result:
    if set(params) - {"text", "key", "progress"} or "text" not in params or not isinstance(params["text"], str):
        return Error(-32602, "Invalid params")
    if not isinstance(params.get("progress", False), bool) or not isinstance(params.get("key", ""), str):
        return Error(-32602, "Invalid params")
    return Success({"text": params["text"]})


def oracle_boom(**params: Any) -> Result:
    if params:
        return Error(-32602, "Invalid params")
    raise RuntimeError("boom")


ORACLE = {"test.echo": oracle_echo, "test.boom": oracle_boom}


def theirs(request: str) -> tuple[Any, ...] | None:
    answer = dispatch(request, methods=ORACLE)
    return essence(answer) if answer else None


async def ours(request: str) -> tuple[Any, ...] | None:
    answer = await Service().dispatcher().dispatch_one(request.encode(), "somebody")
    return essence(answer) if answer is not None else None


def essence(answer: str | bytes) -> tuple[Any, ...]:
    """What the standard fixes: version, id, and either the result or the error's code."""
    decoded = json.loads(answer)
    assert set(decoded) <= {"jsonrpc", "id", "result", "error"}
    id = decoded["id"]
    return decoded["jsonrpc"], type(id), id, decoded.get("result"), decoded.get("error", {}).get("code")


REQUESTS = [
    '{"jsonrpc": "2.0", "method": "test.echo", "params": {"text": "a"}, "id": 1}',
    '{"jsonrpc": "2.0", "method": "test.echo", "params": {"text": "a"}, "id": 0}',
    '{"jsonrpc": "2.0", "method": "test.echo", "params": {"text": "a"}, "id": ""}',
    '{"jsonrpc": "2.0", "method": "test.echo", "params": {"text": "a"}, "id": "x"}',
    '{"jsonrpc": "2.0", "method": "test.echo", "params": {"text": "\\u00fc\\ud83d\\ude00"}, "id": -5}',
    '{"jsonrpc": "2.0", "method": "test.echo", "params": {"text": 1}, "id": 1}',
    '{"jsonrpc": "2.0", "method": "test.echo", "params": {"txt": "a"}, "id": 1}',
    '{"jsonrpc": "2.0", "method": "test.echo", "params": {}, "id": 1}',
    '{"jsonrpc": "2.0", "method": "test.echo", "id": 1}',
    '{"jsonrpc": "2.0", "method": "test.boom", "id": "b"}',
    '{"jsonrpc": "2.0", "method": "test.none", "id": 1}',
    '{"jsonrpc": "2.0", "method": "", "id": 1}',
    '{"jsonrpc": "2.0", "method": "test.echo", "params": {"text": "a"}}',
    '{"jsonrpc": "2.0", "method": "test.none"}',
    '{"jsonrpc": "2.0", "method": "foobar, "params": "bar", "baz]',
    '{"jsonrpc": "2.0", "method"',
    "",
    "1",
    '"text"',
    "{}",
]


@pytest.mark.parametrize("request_text", REQUESTS)
async def test_same_request_same_answer(request_text: str) -> None:
    assert await ours(request_text) == theirs(request_text)


MALFORMED = [
    '{"jsonrpc": "2.0", "method": 1, "params": "bar", "id": 1}',
    '{"jsonrpc": "1.0", "method": "test.echo", "id": "x"}',
    '{"method": "test.echo", "id": 1}',
    '{"jsonrpc": "2.0", "id": 1}',
    '{"jsonrpc": "2.0", "method": "test.echo", "params": null, "id": 1}',
    '{"jsonrpc": "2.0", "method": "test.echo", "params": 3, "id": 1}',
    '{"jsonrpc": "2.0", "method": "test.echo", "id": {}}',
]


@pytest.mark.parametrize("request_text", MALFORMED)
async def test_malformed_requests_get_the_same_code(request_text: str) -> None:
    """Theirs answers them with a null id; ours with the request's id where it could be read, as the standard has it."""
    mine, other = await ours(request_text), theirs(request_text)
    assert mine is not None
    assert other is not None
    assert mine[4] == other[4] == -32600


async def test_the_differences_on_purpose_are_still_differences() -> None:
    batch = '[{"jsonrpc": "2.0", "method": "test.echo", "params": {"text": "a"}, "id": 1}]'
    mine = await ours(batch)
    assert mine is not None
    assert (mine[2], mine[4]) == (None, -32600)
    assert isinstance(json.loads(dispatch(batch, methods=ORACLE)), list)
    positional = '{"jsonrpc": "2.0", "method": "test.echo", "params": ["a"], "id": 1}'
    mine = await ours(positional)
    assert mine is not None
    assert mine[4] == -32602


@settings(deadline=None)
@given(
    id=st.integers(-(2**53) + 1, 2**53 - 1) | st.text(max_size=10),
    name=st.sampled_from(["test.echo", "test.boom", "test.none"]) | st.text(max_size=6),
    params=st.none()
    | st.fixed_dictionaries({}, optional={"text": st.text(max_size=10) | st.integers(), "extra": st.booleans()}),
)
def test_any_call_gets_the_same_answer(id: int | str, name: str, params: dict[str, Any] | None) -> None:
    request = json.dumps({"jsonrpc": "2.0", "id": id, "method": name} | ({} if params is None else {"params": params}))
    assert asyncio.run(ours(request)) == theirs(request)
