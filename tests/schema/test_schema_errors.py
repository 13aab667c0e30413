"""The generated exceptions: their table, their wire form, and what becomes of errors of a newer server."""

from __future__ import annotations

import builtins
import copy
import json
import pickle

import msgspec
import pytest
from generate.emit_python import class_name
from generate.model import Schema
from generate.samples import object_sample
from nexus_sdk.protocol import errors, types
from nexus_sdk.protocol.errors import ERRORS, InternalError, InvalidParams, NexusError, OffsetExpired, ProcessNotFound

STANDARD = {-32700, -32600, -32601, -32602, -32603}


def test_the_table_is_the_schema(schema: Schema) -> None:
    assert set(ERRORS) == STANDARD | {error.code for error in schema.errors.values()}
    for error in schema.errors.values():
        cls = ERRORS[error.code]
        assert cls.__name__ == class_name(error.name)
        assert (cls.code, cls.name, cls.retryable, cls.hint) == (error.code, error.name, error.retryable, error.hint)
        assert (cls.details_type and cls.details_type.__name__) == error.data
        assert issubclass(cls, NexusError) and cls.__base__ is NexusError
        assert cls.__name__ in (errors.__doc__ or "")


# requirement: error.numbers
def test_numbers_are_none_of_json_rpcs_and_lie_in_the_range_of_their_domain(schema: Schema) -> None:
    for document in schema.documents:
        first, last = document["error_range"]
        for error in document.get("errors", []):
            assert not -32768 <= error["code"] <= -32000, error["name"]
            assert first <= error["code"] <= last, error["name"]


def test_no_class_hides_a_builtin() -> None:
    assert [cls.__name__ for cls in ERRORS.values() if hasattr(builtins, cls.__name__)] == []
    assert class_name("timeout_error") == "NexusTimeoutError"
    assert class_name("warning") == "WarningError"
    assert class_name("process_not_found") == "ProcessNotFound"


# requirement: call.error
def test_what_is_raised_goes_over_the_wire_and_comes_back(schema: Schema) -> None:
    for error in schema.errors.values():
        cls = ERRORS[error.code]
        details = {}
        if error.data is not None:
            sample = object_sample(schema, schema.object(error.data), full=True)
            struct = msgspec.convert(sample, cls.details_type)
            details = {name: getattr(struct, name) for name in struct.__struct_fields__}
        raised = cls("it failed", **details)
        wire = raised.to_wire()
        assert wire["code"] == error.code and wire["message"] == "it failed"
        assert set(wire["data"]) == {"name", "hint", "retryable"} | ({"details"} if details else set())
        received = json.loads(json.dumps(wire))
        back = NexusError.from_wire(received["code"], received["message"], received["data"])
        assert type(back) is cls
        assert back.details == raised.details
        assert back.data == received["data"]
        assert back.to_wire() == wire


def test_details_are_typed_and_keyword_only() -> None:
    error = OffsetExpired("gone", process="p", offset=1, earliest=2, end=3)
    assert error.details == types.OffsetData(process="p", offset=1, earliest=2, end=3)
    with pytest.raises(TypeError, match="process"):
        OffsetExpired("gone")  # type: ignore[call-arg]
    with pytest.raises(TypeError, match="unexpected"):
        ProcessNotFound("gone", process="p", more=1)  # type: ignore[call-arg]


def test_hint_and_may_have_run_belong_to_the_instance() -> None:
    error = ProcessNotFound("no process p", process="p", hint="Look again.", may_have_run=True)
    assert (error.hint, error.may_have_run, str(error)) == ("Look again.", True, "no process p")
    other = ProcessNotFound("no process p", process="p")
    assert other.hint == ProcessNotFound.hint != ""
    assert not other.may_have_run
    assert ProcessNotFound("", process="p", hint="").hint == ""


def test_an_error_of_a_newer_server_keeps_everything() -> None:
    data = {"name": "box_melted", "hint": "Cool it.", "retryable": True, "details": {"degrees": 900}, "later": [1]}
    error = NexusError.from_wire(999_999, "the box melted", data)
    assert type(error) is NexusError
    assert (error.code, error.name, error.hint, error.retryable) == (999_999, "box_melted", "Cool it.", True)
    assert (error.message, error.data, error.details) == ("the box melted", data, None)
    assert error.to_wire()["data"]["details"] == {"degrees": 900}
    assert NexusError.code == 0 and NexusError.name == "unknown_error"


@pytest.mark.parametrize("data", [None, "text", 7, [], {}, {"details": None}, {"details": {"process": 1}}, {"hint": 1}])
def test_missing_or_malformed_data_never_hides_the_error(data: object) -> None:
    error = NexusError.from_wire(ProcessNotFound.code, "no process p", data)
    assert type(error) is ProcessNotFound
    assert (error.name, error.hint, error.retryable) == ("process_not_found", ProcessNotFound.hint, False)
    assert (error.message, error.data, error.details, error.may_have_run) == ("no process p", data, None, False)
    assert type(NexusError.from_wire(999_999, "?", data)) is NexusError


def test_details_of_a_newer_server_may_have_more_fields() -> None:
    data = {"name": "process_not_found", "details": {"process": "p", "since": 3}, "retryable": True}
    error = NexusError.from_wire(ProcessNotFound.code, "m", data)
    assert error.details == types.ProcessRef(process="p")
    assert error.retryable is True


def test_the_errors_of_json_rpc_itself() -> None:
    wrong = InvalidParams("argv is empty", path="$.argv", reason="Expected `array` of length >= 1")
    assert wrong.to_wire() == {
        "code": -32602,
        "message": "argv is empty",
        "data": {
            "name": "invalid_params",
            "hint": "",
            "retryable": False,
            "details": {"path": "$.argv", "reason": "Expected `array` of length >= 1"},
        },
    }
    assert InternalError("failed", incident="i-1").to_wire()["data"]["details"] == {"incident": "i-1"}
    assert {cls.name for code, cls in ERRORS.items() if code in STANDARD} == {
        "parse_error",
        "invalid_request",
        "method_not_found",
        "invalid_params",
        "internal_error",
    }


def test_errors_survive_copying_and_pickling() -> None:
    error = OffsetExpired("gone", process="p", offset=1, earliest=2, end=3, hint="h", may_have_run=True)
    for twin in (copy.copy(error), pickle.loads(pickle.dumps(error))):
        assert type(twin) is OffsetExpired
        assert (twin.args, twin.__dict__) == (error.args, error.__dict__)
