"""Payload vectors: for every type values that every implementation must accept, and must refuse.

A file is ``{"type", "valid": [{"name", "value"}], "invalid": [{"name", "value", "path"}]}``. ``path``
is the innermost place that is wrong, from ``$`` for the whole value; for a missing or an unknown
field it is the object that should have it or should not, and entries of a map are written ``[...]``
because their keys come from outside. A vector may have ``raw`` instead of ``value``: the JSON text
itself, for what a parsed value cannot say.
"""

from __future__ import annotations

import json
import re
from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any

from generate.model import (
    MAX_INTEGER,
    AliasType,
    Array,
    EnumType,
    Free,
    Map,
    Nullable,
    ObjectType,
    Ref,
    Scalar,
    Schema,
    Shape,
    UnionType,
)
from generate.samples import field_sample, object_sample, scalar_sample, shape_sample, type_sample

LONG = 256
"""Largest bound on a length that vectors go up to; beyond it they would be mostly filler."""

Case = tuple[str, Any]
"""A name and a value."""
Wrong = tuple[str, Any, str]
"""A name, a value and the path below the tested place, which is empty for the place itself."""


@dataclass(slots=True)
class Vectors:
    """The vectors of one type."""

    type: str
    valid: list[dict[str, Any]] = field(default_factory=list)
    invalid: list[dict[str, Any]] = field(default_factory=list)

    def accept(self, name: str, value: Any) -> None:
        self.valid.append({"name": name, "value": value})

    def refuse(self, name: str, value: Any, path: str) -> None:
        self.invalid.append({"name": name, "value": value, "path": path})


def emit(schema: Schema) -> dict[str, str]:
    """One file per named type, by file name."""
    files = {}
    for name in sorted(schema.types):
        vectors = build(schema, name)
        document = {
            "comment": "Generated from schema/nexus; do not edit.",
            "type": vectors.type,
            "valid": vectors.valid,
            "invalid": vectors.invalid,
        }
        files[f"{name}.json"] = render(document)
    return files


def render(document: dict[str, Any]) -> str:
    """JSON with one vector per line, so that a change shows as the lines it concerns."""
    lines = ["{"]
    for key, value in document.items():
        comma = "" if key == list(document)[-1] else ","
        if isinstance(value, list) and value:
            rows = ",\n".join(f"    {json.dumps(row, ensure_ascii=True)}" for row in value)
            lines.append(f"  {json.dumps(key)}: [\n{rows}\n  ]{comma}")
        else:
            lines.append(f"  {json.dumps(key)}: {json.dumps(value, ensure_ascii=True)}{comma}")
    return "\n".join([*lines, "}"]) + "\n"


def build(schema: Schema, name: str) -> Vectors:
    """All vectors of one type."""
    vectors = Vectors(name)
    named = schema.types[name]
    match named:
        case ObjectType():
            _object(schema, named, vectors)
        case EnumType():
            for label, value in _enum_valid(named):
                vectors.accept(label, value)
            for label, value in _enum_invalid(named):
                vectors.refuse(label, value, "$")
        case UnionType():
            _union(schema, named, vectors)
        case AliasType(shape=shape):
            for label, value in valid(schema, shape):
                vectors.accept(label, value)
            for label, value, path in invalid(schema, shape):
                vectors.refuse(label, value, "$" + path)
    return vectors


def _object(schema: Schema, named: ObjectType, vectors: Vectors) -> None:
    minimal = object_sample(schema, named, full=False)
    vectors.accept("required fields only", minimal)
    if any(not item.required for item in named.fields):
        vectors.accept("all fields", object_sample(schema, named, full=True))
    for item in named.fields:
        if not item.required:
            present = {**minimal, item.name: field_sample(schema, item, full=False)}
            vectors.accept(f"{item.name} present, other optional fields absent", present)
        for label, value in valid(schema, item.shape):
            vectors.accept(f"{item.name}: {label}", {**minimal, item.name: value})
    if named.side == "input":
        vectors.refuse("unknown field", {**minimal, "not_a_field": 1}, "$")
    else:
        vectors.accept("unknown field is ignored", {**minimal, "not_a_field": {"later": True}})
    for item in named.fields:
        if item.required:
            without = {key: value for key, value in minimal.items() if key != item.name}
            vectors.refuse(f"{item.name}: missing", without, "$")
        for label, value, path in invalid(schema, item.shape):
            vectors.refuse(f"{item.name}: {label}", {**minimal, item.name: value}, f"$.{item.name}{path}")
    for label, value in (("array", []), ("string", "text"), ("null", None), ("number", 1)):
        vectors.refuse(f"{label} instead of an object", value, "$")


def _union(schema: Schema, named: UnionType, vectors: Vectors) -> None:
    for variant in named.variants:
        target = schema.object(variant)
        minimal = object_sample(schema, target, full=False)
        vectors.accept(f"{target.tag}: required fields only", minimal)
        vectors.accept(f"{target.tag}: all fields", object_sample(schema, target, full=True))
        for item in target.fields:
            if item.required:
                without = {key: value for key, value in minimal.items() if key != item.name}
                vectors.refuse(f"{target.tag}: {item.name} missing", without, "$")
    first = object_sample(schema, schema.object(named.variants[0]), full=False)
    untagged = {key: value for key, value in first.items() if key != named.tag_field}
    vectors.refuse("no tag", untagged, "$")
    vectors.refuse("unknown tag", {**first, named.tag_field: "not_a_variant"}, f"$.{named.tag_field}")
    vectors.refuse("tag of a wrong type", {**first, named.tag_field: 1}, f"$.{named.tag_field}")
    vectors.refuse("array instead of an object", [], "$")


def _enum_valid(named: EnumType) -> Iterator[Case]:
    for value in named.values:
        yield f"value {value}", value
    if named.open:
        yield "a value of a later level", "not_yet_known"


def _enum_invalid(named: EnumType) -> Iterator[Case]:
    if not named.open:
        yield "value outside the set", "not_yet_known"
        first = next(iter(named.values))
        swapped = first.swapcase()
        if swapped not in named.values and swapped != first:
            yield "value in other case", swapped
    yield "number instead of a string", 1
    yield "null", None


def valid(schema: Schema, shape: Shape) -> Iterator[Case]:
    """Values at the edges of a shape that are still inside."""
    match shape:
        case Nullable(inner):
            yield "null", None
            yield from valid(schema, inner)
        case Ref(name):
            target = schema.types[name]
            if isinstance(target, EnumType):
                yield from _enum_valid(target)
            elif isinstance(target, AliasType):
                yield from valid(schema, target.shape)
            elif isinstance(target, UnionType):
                for variant in target.variants:
                    yield f"variant {variant}", type_sample(schema, variant, full=False)
        case Array(items, low, high):
            sample = shape_sample(schema, items, full=False)
            if not low:
                yield "empty", []
            if high is None or high >= 2:
                yield "two items", [sample, sample]
        case Map(values, low, high):
            sample = shape_sample(schema, values, full=False)
            if not low:
                yield "empty", {}
            if high is None or high >= 2:
                yield "two entries, one with an empty name", {"": sample, "\u00e9 \U0001f600": sample}
        case Free():
            yield from (("null", None), ("string", "text"), ("zero", 0), ("array", [1, "a", None]), ("false", False))
        case Scalar():
            yield from _scalar_valid(shape)


def _whole(number: float) -> float | int:
    """A bound as an integer where it is one: JSON tells 1 and 1.0 apart, and so do some of its readers."""
    return int(number) if number == int(number) else number


def _scalar_valid(shape: Scalar) -> Iterator[Case]:
    match shape.type:
        case "boolean":
            yield "true", True
            yield "false", False
        case "integer" | "number":
            if shape.minimum is not None:
                yield "smallest", _whole(shape.minimum)
            if shape.maximum is not None:
                yield "largest", _whole(shape.maximum)
            if shape.type == "number" and shape.minimum is None:
                yield "fraction", 0.5
        case "string" if shape.format == "date-time":
            yield "fraction of a second", "2026-01-02T03:04:05.123456Z"
            yield "offset of a time zone", "2026-01-02T04:04:05+01:00"
        case "string" if shape.format == "base64":
            yield "no bytes", ""
            yield "bytes that are no text", "AP+AfwA="
        case "string" if shape.format == "octal-mode":
            yield "three digits", "755"
            yield "four digits", "1777"
        case "string" if shape.pattern is None:
            low, high = shape.min_length or 0, shape.max_length
            yield "shortest", "x" * low
            if high is not None and high <= LONG:
                yield "longest", "x" * high
            if low <= 4 and (high is None or high >= 4):
                yield "any characters", "\u00e9\U0001f600\u2028\\"


def invalid(schema: Schema, shape: Shape, *, null: bool = True) -> Iterator[Wrong]:
    """Values just outside a shape, each with the path of what is wrong below the place itself."""
    match shape:
        case Nullable(inner):
            yield from invalid(schema, inner, null=False)
            return
        case Free():
            return
        case Ref(name):
            yield from _named_invalid(schema, name, null)
            return
        case Array(items, low, high):
            sample = shape_sample(schema, items, full=False)
            yield "object instead of an array", {}, ""
            if low:
                yield "too few items", [sample] * (low - 1), ""
            if high is not None and high <= LONG:
                yield "too many items", [sample] * (high + 1), ""
            for label, value, path in _first(invalid(schema, items)):
                yield f"item: {label}", [*[sample] * max(0, (low or 0) - 1), value], f"[{max(0, (low or 0) - 1)}]{path}"
        case Map(values, low, high):
            sample = shape_sample(schema, values, full=False)
            yield "array instead of an object", [], ""
            if low:
                yield "too few entries", {str(number): sample for number in range(low - 1)}, ""
            if high is not None and high <= LONG:
                yield "too many entries", {str(number): sample for number in range(high + 1)}, ""
            for label, value, path in _first(invalid(schema, values)):
                yield f"entry: {label}", {"name": value}, f"[...]{path}"
        case Scalar():
            yield from ((label, value, "") for label, value in _scalar_invalid(shape))
    if null:
        yield "null", None, ""


def _named_invalid(schema: Schema, name: str, null: bool) -> Iterator[Wrong]:
    target = schema.types[name]
    match target:
        case EnumType():
            yield from ((label, value, "") for label, value in _enum_invalid(target) if null or value is not None)
        case AliasType(shape=shape):
            yield from invalid(schema, shape, null=null)
        case ObjectType() | UnionType():
            yield "string instead of an object", "text", ""
            if null:
                yield "null", None, ""


def _first(cases: Iterator[Wrong]) -> list[Wrong]:
    """One case is enough to show that items are looked at; their own type has the rest."""
    return list(cases)[:1]


def _scalar_invalid(shape: Scalar) -> Iterator[Case]:
    match shape.type:
        case "boolean":
            yield "number instead of a boolean", 1
            yield "string instead of a boolean", "true"
            return
        case "integer" | "number":
            sample = scalar_sample(shape)
            yield "string instead of a number", str(sample)
            yield "boolean instead of a number", True
            if shape.type == "integer":
                yield "fraction", 1.5 if shape.minimum is None or shape.minimum <= 1 else shape.minimum + 0.5
            if shape.minimum is not None:
                yield "below the smallest", _whole(shape.minimum - 1)
            if shape.maximum is not None:
                yield "above the largest", _whole(shape.maximum + 1)
            if shape.type == "integer" and shape.maximum != MAX_INTEGER:
                yield "2^53", MAX_INTEGER + 1
            return
    yield "number instead of a string", 1
    yield "array instead of a string", ["text"]
    match shape.format:
        case "date-time":
            yield "no time zone", "2026-01-02T03:04:05"
            yield "date only", "2026-01-02"
            yield "thirteenth month", "2026-13-02T03:04:05Z"
            yield "seconds since 1970 as text", "1767323045"
            return
        case "base64":
            yield "not base64", "%%%%"
            yield "no padding", "aGVsbG8"
            yield "alphabet of URLs", "_-8="
            return
    if shape.min_length:
        yield "too short", "x" * (shape.min_length - 1)
    if shape.max_length is not None and shape.max_length <= LONG:
        yield "too long", "x" * (shape.max_length + 1)
    if shape.pattern is not None:
        strict = re.compile(shape.pattern[:-1] + r"\Z")
        sample = "0644" if shape.format == "octal-mode" else scalar_sample(shape)
        for label, text in (
            ("empty", ""),
            ("newline at the end", sample + "\n"),
            ("newline before", "\n" + sample),
            ("other characters", "\u00e9 /\u0000"),
            ("NUL at the end", sample + "\u0000"),
            ("digits of another script", "\u0661\u0662\u0663"),
        ):
            if strict.search(text) is None:
                yield label, text
