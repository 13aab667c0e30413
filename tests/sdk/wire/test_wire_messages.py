"""Text frames: what is accepted, and a named reason for everything else."""

from __future__ import annotations

import json
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexus_sdk.wire.messages import (
    INVALID_PARAMS,
    INVALID_REQUEST,
    MAX_ID,
    MAX_MESSAGE,
    PARSE_ERROR,
    ErrorResponse,
    MessageError,
    Notification,
    Request,
    Response,
    decode_message,
    encode_error,
    encode_notification,
    encode_request,
    encode_response,
)


def refused(data: bytes | str) -> MessageError:
    with pytest.raises(MessageError) as caught:
        decode_message(data)
    assert caught.value.data["name"] in ("parse_error", "invalid_request", "invalid_params")
    assert caught.value.data["retryable"] is False
    return caught.value


def text(**members: Any) -> str:
    return json.dumps({"jsonrpc": "2.0", **members})


@pytest.mark.parametrize("id", [0, 1, -1, MAX_ID, -MAX_ID, "", "a", "0", "ü"])
def test_ids_survive(id: int | str) -> None:
    message = decode_message(text(id=id, method="m", params={"a": 1}))
    assert isinstance(message, Request)
    assert (message.id, type(message.id), message.method) == (id, type(id), "m")
    assert bytes(message.params) == b'{"a": 1}'


@pytest.mark.parametrize("id", ["1.0", "1e3", "true", "false", "null", "[]", "{}", str(MAX_ID + 1), "-" + "9" * 40])
def test_other_ids_are_refused_without_being_echoed(id: str) -> None:
    error = refused(f'{{"jsonrpc":"2.0","id":{id},"method":"m"}}')
    assert (error.code, error.id) == (INVALID_REQUEST, None)
    assert "`id`" in error.message


def test_absent_params_read_as_an_empty_object() -> None:
    request = decode_message(b'{"jsonrpc":"2.0","id":1,"method":"m"}')
    assert isinstance(request, Request)
    assert bytes(request.params) == b"{}"


def test_a_message_without_id_is_a_notification() -> None:
    message = decode_message(b'{"method":"$/cancel","params": {"id":3},"jsonrpc":"2.0"}')
    assert message == Notification("$/cancel", message.params if isinstance(message, Notification) else msgspec.Raw())
    assert isinstance(message, Notification)
    assert bytes(message.params) == b'{"id":3}'


NOT_JSON: dict[str, bytes | str] = {
    "empty": b"",
    "blank": b"  ",
    "cut": b'{"jsonrpc":"2.0","id":1',
    "two objects": b'{"jsonrpc":"2.0","id":1,"method":"m"}{}',
    "trailing comma": b'{"jsonrpc":"2.0","id":1,"method":"m",}',
    "single quotes": b"{'jsonrpc':'2.0'}",
    "nan": b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":NaN}}',
    "byte order mark": b'\xef\xbb\xbf{"jsonrpc":"2.0","id":1,"method":"m"}',
    "latin-1 in the method": b'{"jsonrpc":"2.0","id":1,"method":"\xfc"}',
    "latin-1 in the params": b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"\xfc"}}',
    "cut utf-8": b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"\xc3"}}',
    "lone surrogate escaped": b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"\\ud800"}}',
    "lone surrogate in a string": '{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"\ud800"}}',
    "a number beyond every double": b'{"jsonrpc":"2.0","id":1e400,"method":"m"}',
    "nul outside": b'{"jsonrpc":"2.0"}\x00',
}


@pytest.mark.parametrize("data", NOT_JSON.values(), ids=NOT_JSON.keys())
def test_not_json(data: bytes | str) -> None:
    error = refused(data)
    assert (error.code, error.id) == (PARSE_ERROR, None)


NOT_A_REQUEST: dict[str, tuple[bytes, int | str | None, str]] = {
    "batch": (b'[{"jsonrpc":"2.0","id":1,"method":"m"}]', None, "batches"),
    "empty batch": (b"[]", None, "batches"),
    "string": (b'"m"', None, "object"),
    "number": (b"1", None, "object"),
    "null": (b"null", None, "object"),
    "no version": (b'{"id":1,"method":"m"}', 1, "jsonrpc"),
    "version 1.0": (b'{"jsonrpc":"1.0","id":1,"method":"m"}', 1, "jsonrpc"),
    "version as a number": (b'{"jsonrpc":2.0,"id":"a","method":"m"}', "a", "jsonrpc"),
    "method as a number": (b'{"jsonrpc":"2.0","id":1,"method":1}', 1, "method"),
    "method null": (b'{"jsonrpc":"2.0","id":0,"method":null}', 0, "method"),
    "no method": (b'{"jsonrpc":"2.0","id":""}', "", "method"),
    "params null": (b'{"jsonrpc":"2.0","id":1,"method":"m","params":null}', 1, "params"),
    "params a string": (b'{"jsonrpc":"2.0","id":1,"method":"m","params":"x"}', 1, "params"),
    "unknown member": (b'{"jsonrpc":"2.0","id":1,"method":"m","extra":1}', 1, "extra"),
    "request and result": (b'{"jsonrpc":"2.0","id":1,"method":"m","result":1}', 1, "result"),
    "result and error": (b'{"jsonrpc":"2.0","id":1,"result":1,"error":{"code":1,"message":""}}', 1, "method"),
    "error without message": (b'{"jsonrpc":"2.0","id":1,"error":{"code":1}}', 1, "error"),
}


@pytest.mark.parametrize(("data", "id", "word"), NOT_A_REQUEST.values(), ids=NOT_A_REQUEST.keys())
def test_not_a_request(data: bytes, id: int | str | None, word: str) -> None:
    for form in (data, data.decode()):
        error = refused(form)
        assert error.code == INVALID_REQUEST
        assert (error.id, type(error.id)) == (id, type(id))
        assert word in error.message


def test_positional_params_are_bad_params() -> None:
    error = refused(text(id=1, method="m", params=[1, 2]))
    assert (error.code, error.id) == (INVALID_PARAMS, 1)
    assert error.data["details"]["path"] == "$"
    assert "name" in error.data["hint"]


@pytest.mark.parametrize("depth", [2_000, 300_000])
def test_deep_nesting_is_refused_and_does_no_harm(depth: int) -> None:
    error = refused('{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":' + "[" * depth + "]" * depth + "}}")
    assert (error.code, error.message) == (INVALID_REQUEST, "nested too deeply")


def test_the_longest_message_and_one_byte_more() -> None:
    frame = b'{"jsonrpc":"2.0","id":1,"method":"m","params":{"a":"%s"}}'
    longest = frame % (b"x" * (MAX_MESSAGE - len(frame) + 2))
    assert len(longest) == MAX_MESSAGE
    assert isinstance(decode_message(longest), Request)
    assert isinstance(decode_message(longest.decode()), Request)
    for data in (longest + b" ", longest.decode() + " "):
        error = refused(data)
        assert (error.code, error.id) == (INVALID_REQUEST, None)
        assert error.data["hint"]


def test_text_is_measured_in_bytes_not_in_characters() -> None:
    message = text(id=1, method="m", params={}).replace("{}", '{"a":"%s"}')
    for character in ("é", "€", "😀"):
        fits = message % (character * ((MAX_MESSAGE - 100) // len(character.encode())))
        over = message % (character * (MAX_MESSAGE // len(character.encode())))
        assert isinstance(decode_message(fits), Request)
        assert len(over) <= MAX_MESSAGE < len(over.encode())
        assert refused(over).code == INVALID_REQUEST


def test_responses() -> None:
    assert decode_message(b'{"jsonrpc":"2.0","id":0,"result":null}') == Response(0, msgspec.Raw(b"null"))
    answer = decode_message(b'{"jsonrpc":"2.0","id":"","error":{"code":4001,"message":"gone","data":{"name":"x"}}}')
    assert isinstance(answer, ErrorResponse)
    assert (answer.id, answer.error.code, answer.error.data) == ("", 4001, {"name": "x"})
    nobody = decode_message(b'{"jsonrpc":"2.0","id":null,"error":{"code":-32700,"message":"no"}}')
    assert isinstance(nobody, ErrorResponse)
    assert (nobody.id, nobody.error.data) == (None, None)


def test_a_newer_peer_may_add_members_to_its_answers() -> None:
    answer = decode_message(b'{"jsonrpc":"2.0","id":5,"result":{"a":1},"trace":"x"}')
    assert isinstance(answer, Response)
    assert json.loads(bytes(answer.result)) == {"a": 1}


def test_an_answer_needs_an_id() -> None:
    assert refused(b'{"jsonrpc":"2.0","id":null,"result":1}').code == INVALID_REQUEST
    assert refused(b'{"jsonrpc":"2.0","result":1}').code == INVALID_REQUEST


class Point(msgspec.Struct):
    x: int


def test_encoders_write_what_the_decoder_reads() -> None:
    request = decode_message(encode_request(0, "a.b", Point(1)))
    assert isinstance(request, Request)
    assert (request.id, request.method, bytes(request.params)) == (0, "a.b", b'{"x":1}')
    assert bytes(decode_message(encode_notification("n")).params) == b"{}"  # type: ignore[union-attr]
    response = decode_message(encode_response("", Point(2)))
    assert isinstance(response, Response)
    assert (response.id, bytes(response.result)) == ("", b'{"x":2}')
    assert json.loads(encode_response(1, None)) == {"jsonrpc": "2.0", "id": 1, "result": None}
    assert json.loads(encode_response(1, msgspec.Raw(b"[1]")))["result"] == [1]
    assert json.loads(encode_error(None, -32700, "no")) == {
        "jsonrpc": "2.0",
        "id": None,
        "error": {"code": -32700, "message": "no"},
    }
    failure = decode_message(encode_error(3, 1, "m", {"name": "n"}))
    assert isinstance(failure, ErrorResponse)
    assert failure.error.data == {"name": "n"}


JSON = st.recursive(
    st.none()
    | st.booleans()
    | st.integers(-(2**60), 2**60)
    | st.floats(allow_nan=False, allow_infinity=False)
    | st.text(),
    lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(max_size=5), inner, max_size=3),
    max_leaves=8,
)


@given(
    st.fixed_dictionaries(
        {},
        optional={
            "jsonrpc": st.just("2.0") | JSON,
            "id": st.integers() | st.text(max_size=4) | JSON,
            "method": st.text(max_size=8) | JSON,
            "params": st.dictionaries(st.text(max_size=4), JSON, max_size=2) | JSON,
            "extra": JSON,
        },
    )
)
def test_agreement_with_the_rules_written_out(value: dict[str, Any]) -> None:
    """An independent reading of the rules, on the parsed object, decides the same."""
    id = value.get("id")
    id_ok = type(id) is str or (type(id) is int and abs(id) <= MAX_ID)
    legal = (
        value.get("jsonrpc") == "2.0"
        and type(value.get("method")) is str
        and ("params" not in value or type(value["params"]) is dict)
        and ("id" not in value or id_ok)
        and "extra" not in value
    )
    try:
        message = decode_message(json.dumps(value))
    except MessageError as error:
        assert not legal
        assert error.id == (id if id_ok else None)
        assert (error.code == INVALID_PARAMS) == ("positional" in str(error.data.get("details")))
    else:
        assert legal
        assert isinstance(message, Request if "id" in value else Notification)
        assert json.loads(bytes(message.params)) == value.get("params", {})


@given(st.binary(max_size=60) | st.text(max_size=60))
def test_anything_is_a_message_or_a_message_error(data: bytes | str) -> None:
    try:
        decode_message(data)
    except MessageError as error:
        assert error.code in (PARSE_ERROR, INVALID_REQUEST, INVALID_PARAMS)
