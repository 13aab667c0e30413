"""The meta-schema and the semantic rules: each is broken once and must say so."""

from __future__ import annotations

from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from generate.load import SchemaError, load_directory, load_documents
from generate.model import AliasType, EnumType, Nullable, ObjectType, Schema, UnionType

Json = dict[str, Any]


def test_the_small_schema_is_sound_and_read_as_meant(tiny: Json, meta_schema: Json) -> None:
    schema = load_documents([tiny], meta_schema)
    assert schema.level == 1
    assert schema.scopes == ("box:read", "box:write")
    put = schema.object("PutParams")
    fields = {item.name: item for item in put.fields}
    assert put.side == "input"
    assert fields["box"].required and not fields["note"].required and not fields["note"].has_default
    assert isinstance(fields["note"].shape, Nullable)
    assert (fields["count"].has_default, fields["count"].default) == (True, 1)
    assert schema.object("Box").side == "output"
    assert schema.object("BoxAdded").tag == "added"
    assert [item.name for item in schema.object("BoxAdded").fields] == ["box"]
    colour, event, label = schema.types["Colour"], schema.types["BoxEvent"], schema.types["Label"]
    assert isinstance(colour, EnumType) and colour.open and colour.side == "shared"
    assert isinstance(event, UnionType) and event.variants == ("BoxAdded", "BoxGone")
    assert isinstance(label, AliasType)
    stream = schema.methods["box.follow"].stream
    assert stream is not None and stream.window == 16 and stream.lossy


def test_the_real_schema_is_sound(schema: Schema) -> None:
    assert schema.methods and schema.errors
    assert all(isinstance(schema.types[method.params], ObjectType) for method in schema.methods.values())


def _method(document: Json, name: str) -> Json:
    found: Json = next(method for method in document["methods"] if method["name"] == name)
    return found


def _set(*path: Any, to: Any) -> Callable[[Json], None]:
    def change(document: Json) -> None:
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        place[path[-1]] = to

    return change


def _drop(*path: Any) -> Callable[[Json], None]:
    def change(document: Json) -> None:
        place: Any = document
        for step in path[:-1]:
            place = place[step]
        del place[path[-1]]

    return change


def _add(name: str, item: Json) -> Callable[[Json], None]:
    def change(document: Json) -> None:
        document[name].append(item)

    return change


PUT, FOLLOW = ("methods", 0), ("methods", 1)
FIELD = ("types", "PutParams", "properties")
ERROR: Json = {"code": 102, "summary": "It failed.", "retryable": False}
STRING = {"type": "string", "description": "Text."}

META: list[tuple[str, Callable[[Json], None], str]] = [
    ("a type without description", _drop("types", "Label", "description"), "$.types.Label"),
    ("a property without description", _drop(*FIELD, "note", "description"), "$.types.PutParams"),
    ("a method without summary", _drop(*PUT, "summary"), "summary"),
    ("an error without summary", _drop("errors", 0, "summary"), "summary"),
    ("a blank description", _set("types", "Box", "description", to=" "), "$.types.Box"),
    (
        "an anonymous nested object",
        _set(*FIELD, "note", to={**STRING, "type": "object", "properties": {}}),
        "PutParams",
    ),
    ("allOf", _set(*FIELD, "note", to={"description": "x", "allOf": [STRING]}), "$.types.PutParams"),
    ("anyOf", _set(*FIELD, "note", to={"description": "x", "anyOf": [STRING]}), "$.types.PutParams"),
    ("if", _set("types", "Box", "if", to={}), "$.types.Box"),
    ("patternProperties", _set("types", "Box", "patternProperties", to={}), "$.types.Box"),
    ("an unknown format", _set(*FIELD, "note", "format", to="email"), "$.types.PutParams"),
    ("a number above 2^53 - 1", _set(*FIELD, "count", "maximum", to=2**53), "$.types.PutParams"),
    ("an enum that is neither open nor closed", _drop("types", "Lid", "x-open"), "$.types.Lid"),
    ("a union without a tag", _drop("types", "BoxEvent", "x-tag"), "$.types.BoxEvent"),
    ("a union of anonymous types", _set("types", "BoxEvent", "oneOf", 0, to=STRING), "$.types.BoxEvent"),
    ("a type list other than null", _set(*FIELD, "note", "type", to=["string", "integer"]), "$.types.PutParams"),
    ("a pattern that is not anchored", _set("types", "Label", "pattern", to="[a-z]"), "$.types.Label"),
    ("a field in camel case", _set(*FIELD, "camelCase", to=STRING), "camelCase"),
    ("a type in lower case", _set("types", "lower", to=STRING), "lower"),
    ("an unknown member of a method", _set(*PUT, "retries", to=3), "retries"),
    ("a scope that is no scope", _set(*PUT, "scope", to="Box Write"), "Box Write"),
    ("an unknown kind", _set(*PUT, "kind", to="batch"), "batch"),
    ("no error range", _drop("error_range"), "error_range"),
]

RULES: list[tuple[str, Callable[[Json], None], str]] = [
    ("a missing type", _set(*FIELD, "label", "$ref", to="#/types/Nowhere"), "type PutParams: there is no type Nowhere"),
    ("missing params", _set(*PUT, "params", to="Nowhere"), "method box.put: there is no type Nowhere"),
    ("missing error data", _set("errors", 0, "data", to="Nowhere"), "error box_full: there is no type Nowhere"),
    ("a missing error", _set(*PUT, "errors", to=["nowhere"]), "method box.put: there is no error nowhere"),
    ("a missing event", _set(*FOLLOW, "stream", "event", to="Nowhere"), "method box.follow: there is no type Nowhere"),
    ("a range the wrong way round", _set("error_range", to=[199, 100]), "domain box: error_range ends before"),
    ("a code outside the range", _set("errors", 1, "code", to=200), "error box_shut: code 200 is outside the range"),
    ("a reserved code", _set("errors", 1, "code", to=-32000), "error box_shut: code -32000 is reserved"),
    ("a code used twice", _set("errors", 1, "code", to=100), "error box_shut: code 100 is already that of box_full"),
    (
        "a reserved error name",
        _add("errors", {**ERROR, "name": "parse_error"}),
        "error parse_error: this name is reserved",
    ),
    ("error data that is no object", _set("errors", 0, "data", to="Label"), "its data Label is not an object type"),
    (
        "error data that hides the message",
        _set("types", "BoxData", "properties", "message", to=STRING),
        "error box_full: its data may not have a field message",
    ),
    ("a required field that is not there", _set("types", "Box", "required", to=["size"]), "required names size"),
    ("const elsewhere", _set(*FIELD, "note", to={**STRING, "const": "a"}), "PutParams.note: const is only for"),
    ("a tag that is optional", _set("types", "BoxGone", "required", to=["box"]), "type BoxGone.kind: must be required"),
    ("a variant without a tag", _drop("types", "BoxGone", "properties", "kind"), "required names kind"),
    (
        "two variants with one tag",
        _set("types", "BoxGone", "properties", "kind", "const", to="added"),
        "BoxGone and BoxAdded have the same kind",
    ),
    ("a value without a meaning", _drop("types", "Lid", "x-values", "shut"), "x-values does not explain shut"),
    ("a meaning without a value", _set("types", "Lid", "x-values", "ajar", to="Ajar."), "x-values explains ajar"),
    (
        "required with a default",
        _set(*FIELD, "box", "default", to="a"),
        "PutParams.box: a required field has no default",
    ),
    ("a default of a wrong type", _set(*FIELD, "count", "default", to="1"), "the default does not fit: '1' is not"),
    ("a default out of bounds", _set(*FIELD, "count", "default", to=10), "the default does not fit: 10 is above 9"),
    ("a default outside the enum", _set(*FIELD, "lid", "default", to="ajar"), "'ajar' is not one of open, shut"),
    (
        "a default of an object",
        _set("types", "BoxAdded", "properties", "box", "default", to={}),
        "an object has no default",
    ),
    ("a default that does not match", _set(*FIELD, "label", "default", to="A"), "'A' does not match"),
    ("a default with a newline at the end", _set(*FIELD, "label", "default", to="a\n"), "does not match"),
    (
        "an example that does not fit",
        _set(*FIELD, "count", "examples", to=[0]),
        "an example does not fit: 0 is below 1",
    ),
    (
        "bounds the wrong way round",
        _set(*FIELD, "count", "minimum", to=10),
        "PutParams.count: minimum is above maximum",
    ),
    ("a negative count", _set(*FIELD, "count", "minimum", to=-1), "format uint53 is never negative"),
    ("a length on base64", _set(*FIELD, "data", "maxLength", to=4), "PutParams.data: base64 takes no length"),
    ("a broken pattern", _set("types", "Label", "pattern", to="^[$"), "type Label: pattern does not compile"),
    ("a pattern that differs by language", _set("types", "Label", "pattern", to="^\\d$"), "type Label: pattern uses"),
    ("a type that nothing uses", _set("types", "Spare", to=STRING), "type Spare: nothing uses it"),
    (
        "a type on both sides",
        _set(*FIELD, "inside", to={"$ref": "#/types/Box", "description": "A box."}),
        "type Box: is both sent by clients and read by them",
    ),
    ("params that are no object", _set(*PUT, "params", to="Label"), "params Label is not an object type"),
    ("a result that is no object", _set(*PUT, "result", to="Label"), "result Label is not an object type"),
    ("keyed without a key", _drop(*FIELD, "key"), "method box.put: keyed needs an optional param key"),
    ("a key that is required", _set("types", "PutParams", "required", to=["key"]), "keyed needs an optional param key"),
    ("a key that is no text", _set(*FIELD, "key", "type", to="integer"), "param key must be a string"),
    ("progress without the param", _drop(*FIELD, "progress"), "progress needs an optional param progress"),
    ("the param without progress", _set(*PUT, "progress", to=False), "has a param progress but is not progress"),
    ("a target that is no param", _set(*PUT, "target", to="process"), "target process is not a field of PutParams"),
    ("a thing the gate would not see", _set(*PUT, "target", to=None), "params name a workspace but target is null"),
    ("a call without a result", _drop(*PUT, "result"), "method box.put: a call has a result"),
    ("a notification with a result", _set(*PUT, "kind", to="notify"), "a notification has neither result nor errors"),
    ("a call by the server", _set(*PUT, "direction", to="server"), "the server sends notifications only"),
    ("a stream without its block", _drop(*FOLLOW, "stream"), "kind stream and a stream block belong together"),
    ("a block without a stream", _set(*FOLLOW, "kind", to="call"), "kind stream and a stream block belong together"),
    ("events without a type", _set(*FOLLOW, "stream", "event", to=None), "events have a type, bytes have none"),
    ("a stream of nothing", _set(*FOLLOW, "stream", "down", to=None), "the stream carries nothing"),
    ("lossy bytes", _set(*FOLLOW, "stream", "down", to="bytes"), "bytes are never lossy"),
    (
        "a cursor that cannot be passed",
        _drop("types", "FollowParams", "properties", "cursor"),
        "resumes by cursor, but",
    ),
    ("a window that differs", _set(*FOLLOW, "stream", "window", to=17), "the default of params.window (16) is not"),
    ("no window", _drop("types", "FollowParams", "properties", "window"), "params need an optional integer window"),
    (
        "deprecated for something that is not there",
        _set(*PUT, "deprecated", to={"since": 1, "message": "Old.", "use": "box.place"}),
        "deprecated in favour of box.place, which is not there",
    ),
]


@pytest.mark.parametrize(("change", "expected"), [pytest.param(c, e, id=n) for n, c, e in [*META, *RULES]])
def test_a_mistake_is_named(tiny: Json, meta_schema: Json, change: Callable[[Json], None], expected: str) -> None:
    change(tiny)
    with pytest.raises(SchemaError) as caught:
        load_documents([tiny], meta_schema)
    assert any(expected in problem for problem in caught.value.problems), caught.value.problems


def test_a_target_may_be_named_only_by_optional_params(tiny: Json, meta_schema: Json) -> None:
    """A list that can be narrowed to a workspace still has target null."""
    tiny["types"]["PutParams"]["required"] = ["box"]
    _method(tiny, "box.put")["target"] = None
    assert load_documents([tiny], meta_schema).methods["box.put"].target is None


@pytest.mark.parametrize("kind", ["domain", "type", "error", "method"])
def test_names_are_unique_across_domains(tiny: Json, meta_schema: Json, kind: str) -> None:
    other: Json = {"domain": "crate", "summary": "Crates.", "error_range": [200, 299]}
    match kind:
        case "domain":
            other["domain"] = "box"
        case "type":
            other["types"] = {"Label": STRING}
        case "error":
            other["errors"] = [{**tiny["errors"][1], "code": 200}]
        case "method":
            other["methods"] = [tiny["methods"][0]]
    with pytest.raises(SchemaError, match=f"{kind} .* is already defined in box"):
        load_documents([tiny, other], meta_schema)


# requirement: error.numbers
def test_error_ranges_do_not_overlap(tiny: Json, meta_schema: Json) -> None:
    other = {"domain": "crate", "summary": "Crates.", "error_range": [199, 299]}
    with pytest.raises(SchemaError, match="domain crate: error_range overlaps that of box"):
        load_documents([tiny, other], meta_schema)


@pytest.mark.parametrize(("text", "expected"), [("{", "not JSON"), ('{"a": 1, "a": 2}', "repeated member a")])
def test_a_file_that_cannot_be_read_is_named(tmp_path: Path, root: Path, text: str, expected: str) -> None:
    (tmp_path / "bad.json").write_text(text)
    with pytest.raises(SchemaError, match=f"bad.json: {expected}"):
        load_directory(tmp_path, root / "schema/nexus.schema.json")
