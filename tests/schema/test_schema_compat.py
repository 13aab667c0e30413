"""Promises to frozen levels: each rule is broken on a copy and must be named, each harmless change must pass."""

from __future__ import annotations

import copy
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from generate.__main__ import broken_promises, frozen_levels
from generate.compat import breaks
from generate.load import load_documents, merge
from generate.model import Schema

Json = dict[str, Any]
Change = Callable[[Json], None]
TEXT = {"type": "string", "description": "Text."}


def changed(path: str, to: Any) -> Change:
    """Sets the place ``a/b/0/c``; a value of DELETE takes it away."""

    def change(document: Json) -> None:
        *steps, last = [int(step) if step.isdigit() else step for step in path.split("/")]
        place: Any = document
        for step in steps:
            place = place[step]
        if to is DELETE:
            del place[last]
        else:
            place[last] = to

    return change


def all_of(*changes: Change) -> Change:
    def change(document: Json) -> None:
        for one in changes:
            one(document)

    return change


DELETE = object()
PUT, FOLLOW, BOX = "types/PutParams/properties", "methods/1/stream", "types/Box/properties"
METHOD = {
    "name": "box.count",
    "kind": "call",
    "summary": "Count.",
    "params": "PutParams",
    "result": "Box",
    "scope": None,
    "target": "workspace",
    "idempotent": True,
    "keyed": True,
    "progress": True,
    "cancel": "abort",
    "timeout_ms": None,
    "stability": "stable",
}
ERROR = {"name": "box_lost", "code": 102, "summary": "It is lost.", "retryable": False}


def added(path: str, item: Any) -> Change:
    """Appends to the list at ``a/b``."""

    def change(document: Json) -> None:
        place: Any = document
        for step in path.split("/"):
            place = place[step]
        place.append(item)

    return change


BREAKS: list[tuple[str, Change, list[str]]] = [
    ("a method vanishes", changed("methods/1", DELETE), ["method box.follow is gone"]),
    ("a method is renamed", changed("methods/1/name", "box.watch"), ["method box.follow is gone", "box.watch is new"]),
    ("a type vanishes", changed("types/BoxData", DELETE), ["type BoxData is gone"]),
    ("an error vanishes", changed("errors/1", DELETE), ["error box_shut is gone"]),
    (
        "a code changes hands",
        changed("errors/1/name", "box_locked"),
        ["error box_shut is gone", "box_locked: takes the code 101 of the former box_shut", "box_locked is new"],
    ),
    ("an error code changes", changed("errors/1/code", 150), ["error box_shut: code was 101, is 150"]),
    ("an error becomes final", changed("errors/0/retryable", False), ["box_full: retryable was true, is false"]),
    ("error details change", changed("errors/0/data", "Box"), ["error box_full: data was boxdata, is box"]),
    ("an open enum loses a value", changed("types/Colour/enum", ["red"]), ["type Colour: value blue is gone"]),
    ("a closed enum loses a value", changed("types/Lid/enum", ["open"]), ["type Lid: value shut is gone"]),
    (
        "a closed enum grows where it is read",
        changed("types/Lid/enum", ["open", "shut", "ajar"]),
        ["type Lid: is closed and got the value ajar"],
    ),
    ("an enum closes", changed("types/Colour/x-open", False), ["type Colour: was open, is closed"]),
    (
        "a required param is added",
        all_of(changed(f"{PUT}/size", {**TEXT, "x-since": 2}), added("types/PutParams/required", "size")),
        ["field PutParams.size: is a new required param"],
    ),
    (
        "a param becomes required",
        changed("types/PutParams/required", ["box", "workspace", "note"]),
        ["was optional, is"],
    ),
    ("a param vanishes", changed(f"{PUT}/note", DELETE), ["field PutParams.note is gone"]),
    (
        "a param changes its type",
        changed(f"{PUT}/note", {**TEXT, "type": "integer"}),
        ["the type was string, is integer"],
    ),
    (
        "a param is no longer nullable",
        changed(f"{PUT}/note/type", "string"),
        ["PutParams.note: null is no longer taken"],
    ),
    ("a param gets a shorter length", changed(f"{PUT}/box/maxLength", 7), ["its length was 1..8, is narrowed to 1..7"]),
    ("a param gets a longer length", changed(f"{PUT}/box/minLength", 2), ["its length was 1..8, is narrowed to 2..8"]),
    ("a param gets a bound", changed(f"{PUT}/workspace/maxLength", 9), ["was unbounded..unbounded, is narrowed to"]),
    ("a param gets a higher minimum", changed(f"{PUT}/count/minimum", 2), ["its range was 1..9, is narrowed to 2..9"]),
    ("a param gets a lower maximum", changed(f"{PUT}/count/maximum", 8), ["its range was 1..9, is narrowed to 1..8"]),
    ("a param takes fewer items", changed(f"{PUT}/weights/maxItems", 2), ["its items was 1..3, is narrowed to 1..2"]),
    ("items narrow", changed(f"{PUT}/weights/items/maximum", 9), ["its items: its range was 0..10, is narrowed"]),
    ("values narrow", changed(f"{PUT}/marks/additionalProperties", {"type": "string"}), ["its values: the type was"]),
    (
        "a map gets a bound",
        changed(f"{PUT}/marks/maxProperties", 2),
        ["its entries was unbounded..unbounded, is narrowed"],
    ),
    ("a param gets a pattern", changed(f"{PUT}/box/pattern", "^a$"), ["the pattern was none, is ^a$"]),
    ("a shared pattern changes", changed("types/Label/pattern", "^[a-z]$"), ["type Label: the pattern was"]),
    ("a default changes", changed(f"{PUT}/count/default", 2), ["field PutParams.count: the default was 1, is 2"]),
    ("a default vanishes", changed(f"{PUT}/count/default", DELETE), ["PutParams.count: the default was 1, is none"]),
    ("a reference changes", changed(f"{PUT}/lid/$ref", "#/types/Label"), ["the type was Lid, is Label"]),
    ("a result field vanishes", changed(f"{BOX}/colour", DELETE), ["field Box.colour is gone"]),
    (
        "a result field becomes optional",
        changed("types/Box/required", ["box", "lid", "at"]),
        ["Box.count: was always there"],
    ),
    ("a result field changes its type", changed(f"{BOX}/colour", {**TEXT}), ["the type was Colour, is string"]),
    (
        "a result field changes its format",
        changed(f"{BOX}/at/format", "path"),
        ["string (date-time), is string (path)"],
    ),
    ("a result field may be null", changed(f"{BOX}/box/type", ["string", "null"]), ["field Box.box: may now be null"]),
    (
        "a result widens",
        changed(f"{BOX}/count/maximum", 10),
        ["field Box.count: its range was 1..9, is widened to 1..10"],
    ),
    ("a result loses a bound", changed(f"{BOX}/count/maximum", DELETE), ["is widened to 1..9.0072e+15"]),
    ("a variant vanishes", changed("types/BoxEvent/oneOf/1", DELETE), ["type BoxEvent: variant BoxGone is gone"]),
    (
        "a variant is added where it is read",
        all_of(
            changed("types/BoxMoved", {"type": "object", "description": "x", "x-since": 2, "properties": {}}),
            changed("types/BoxEvent/oneOf/1/$ref", "#/types/BoxMoved"),
        ),
        ["variant BoxGone is gone", "variant BoxMoved is new"],
    ),
    ("a tag changes", changed("types/BoxGone/properties/kind/const", "left"), ["type BoxGone: kind was gone, is left"]),
    (
        "a type changes its kind",
        changed("types/Label", {**TEXT, "enum": ["a"], "x-open": True, "x-values": {"a": "A."}}),
        ["type Label: was an alias, is an enum"],
    ),
    ("a scope changes", changed("methods/0/scope", "box:all"), ["method box.put: scope was box:write, is box:all"]),
    ("a scope is dropped", changed("methods/0/scope", None), ["method box.put: scope was box:write, is none"]),
    ("a target changes", changed("methods/0/target", None), ["method box.put: target was workspace, is none"]),
    ("other params", changed("methods/1/params", "PutParams"), ["method box.follow: params was followparams, is"]),
    ("another result", changed("methods/0/result", "BoxData"), ["method box.put: result was box, is boxdata"]),
    (
        "a call becomes a notification",
        changed("methods/0/kind", "notify"),
        ["method box.put: kind was call, is notify"],
    ),
    (
        "cancel means something else",
        changed("methods/1/cancel", "abort"),
        ["method box.follow: cancel was detach, is abort"],
    ),
    ("a key is no longer taken", changed("methods/0/keyed", False), ["method box.put: keyed was true, is false"]),
    ("no longer idempotent", changed("methods/1/idempotent", False), ["method box.follow: is no longer idempotent"]),
    ("needs a capability", changed("methods/0/capability", "pause"), ["method box.put: capability was none, is pause"]),
    ("a shorter deadline", changed("methods/0/timeout_ms", 999), ["timeout_ms was 1000, is the shorter 999"]),
    ("a deadline where there was none", changed("methods/1/timeout_ms", 5), ["timeout_ms was none, is the shorter 5"]),
    (
        "no longer stable",
        changed("methods/0/stability", "experimental"),
        ["method box.put: was stable, is experimental"],
    ),
    ("history is rewritten", changed("methods/0/since", 2), ["method box.put: since was 1, is 2"]),
    (
        "a stream block vanishes",
        changed("methods/1/stream", DELETE),
        ["method box.follow: its stream block came or went"],
    ),
    *[
        (f"stream.{name} changes", changed(f"{FOLLOW}/{name}", value), [f"method box.follow: stream.{name} was"])
        for name, value in [
            ("down", "bytes"),
            ("up", "bytes"),
            ("channels", ["stdout"]),
            ("resume", "none"),
            ("open", "Box"),
            ("event", "Box"),
            ("lossy", False),
            ("window", 32),
        ]
    ],
    ("a method is slipped in", added("methods", {**METHOD, "since": 1}), ["method box.count is new but says since 1"]),
    ("an error is slipped in", added("errors", ERROR), ["error box_lost is new but says since 1; level 1 is frozen"]),
    ("a type is slipped in", changed("types/Spare", {**TEXT}), ["type Spare is new but says x-since 1"]),
    ("a field is slipped in", changed(f"{BOX}/size", {**TEXT}), ["field Box.size is new but says x-since 1"]),
]

HARMLESS: list[tuple[str, Change]] = [
    ("nothing", lambda document: None),
    ("other words", changed("types/Box/description", "A crate.")),
    ("a hint", changed("errors/0/hint", "Take something out.")),
    ("a new method", added("methods", {**METHOD, "since": 2})),
    ("a new error", added("errors", {**ERROR, "since": 2})),
    ("another error of a method", changed("methods/0/errors", ["box_full", "box_shut"])),
    ("an error less of a method", changed("methods/0/errors", [])),
    ("a new type", changed("types/Spare", {**TEXT, "x-since": 2})),
    ("a new optional param", changed(f"{PUT}/size", {**TEXT, "x-since": 2})),
    ("a new result field", changed(f"{BOX}/size", {**TEXT, "x-since": 2})),
    ("a param becomes optional", changed("types/PutParams/required", ["box"])),
    ("a param becomes nullable", changed(f"{PUT}/box/type", ["string", "null"])),
    ("a param takes more", changed(f"{PUT}/count/maximum", 10)),
    ("a param loses its bound", changed(f"{PUT}/box/maxLength", DELETE)),
    ("a result says less", changed(f"{BOX}/count/maximum", 8)),
    ("a result is never null", changed(f"{BOX}/at/type", "string")),
    ("a result field is always there", changed("types/Box/required", ["box", "lid", "at", "count", "colour"])),
    ("an open enum grows", changed("types/Colour/enum", ["red", "blue", "green"])),
    ("a method becomes idempotent", changed("methods/0/idempotent", True)),
    ("a method is deprecated", changed("methods/0/deprecated", {"since": 2, "message": "Old."})),
    ("a longer deadline", changed("methods/0/timeout_ms", 2000)),
    ("no deadline", changed("methods/0/timeout_ms", None)),
    ("details where there were none", changed("errors/1/data", "BoxData")),
]


def compare(tiny: Json, change: Change) -> list[str]:
    frozen = merge([copy.deepcopy(tiny)])
    change(tiny)
    return breaks(frozen, merge([tiny]), 1)


# requirement: level.frozen
@pytest.mark.parametrize(("change", "expected"), [pytest.param(c, e, id=n) for n, c, e in BREAKS])
def test_a_broken_promise_is_named(tiny: Json, change: Change, expected: list[str]) -> None:
    found = compare(tiny, change)
    for sentence in expected:
        assert any(sentence in problem for problem in found), found


@pytest.mark.parametrize("change", [pytest.param(c, id=n) for n, c in HARMLESS])
def test_a_harmless_change_passes(tiny: Json, change: Change) -> None:
    assert compare(tiny, change) == []


def test_a_closed_enum_may_grow_where_only_the_daemon_reads_it(tiny: Json) -> None:
    del tiny["types"]["Box"]["properties"]["lid"]
    tiny["types"]["Box"]["required"].remove("lid")
    assert compare(tiny, changed("types/Lid/enum", ["open", "shut", "ajar"])) == []


def test_a_frozen_level_is_read_as_it_was_written(tiny: Json, meta_schema: Json) -> None:
    schema = load_documents([tiny], meta_schema)
    assert breaks(merge(list(schema.documents)), schema, 1) == []


# requirement: level.frozen
def test_todays_schema_keeps_what_every_frozen_level_promised(schema: Schema, root: Path) -> None:
    levels = frozen_levels(root / "schema/levels")
    assert broken_promises(schema, root / "schema/levels") == []
    assert all(level <= schema.level and frozen.level == level for level, frozen in levels.items())
