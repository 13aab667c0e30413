"""What must hold in a schema beyond what the meta-schema can say: one function per concern.

Each yields a sentence per problem, naming the thing.
"""

from __future__ import annotations

import base64
import re
from collections.abc import Iterator
from datetime import datetime
from itertools import pairwise

from generate.model import (
    MAX_INTEGER,
    AliasType,
    Array,
    EnumType,
    Field,
    Free,
    Map,
    Method,
    NamedType,
    Nullable,
    ObjectType,
    Ref,
    Scalar,
    Schema,
    Shape,
    UnionType,
    reach,
    type_references,
)

RESERVED_CODES = range(-32768, -31999)
"""Codes that JSON-RPC keeps for itself."""
RESERVED_ERRORS = frozenset({"parse_error", "invalid_request", "method_not_found", "invalid_params", "internal_error"})
"""Names of the errors that JSON-RPC itself defines."""
RESERVED_DETAILS = frozenset({"message", "hint", "may_have_run"})
"""Names an error's details may not use: they are passed to an error's constructor beside the details."""
TARGET_FIELDS = ("workspace", "process", "operation", "checkpoint")


def check(schema: Schema) -> list[str]:
    """All problems of a merged schema, in a stable order; empty when it is sound."""
    problems = list(_references(schema))
    if problems:
        return problems
    return [
        *_domains(schema),
        *_errors(schema),
        *_types(schema),
        *_reachability(schema),
        *(problem for method in schema.methods.values() for problem in _method(schema, method)),
    ]


def _references(schema: Schema) -> Iterator[str]:
    for named in schema.types.values():
        for name in sorted(set(type_references(named)) - set(schema.types)):
            yield f"type {named.name}: there is no type {name}"
    for error in schema.errors.values():
        if error.data is not None and error.data not in schema.types:
            yield f"error {error.name}: there is no type {error.data}"
    for method in schema.methods.values():
        stream = method.stream
        wanted = [method.params, method.result, stream and stream.open, stream and stream.event]
        for wanted_name in wanted:
            if wanted_name is not None and wanted_name not in schema.types:
                yield f"method {method.name}: there is no type {wanted_name}"
        for error_name in method.errors:
            if error_name not in schema.errors:
                yield f"method {method.name}: there is no error {error_name}"


def _domains(schema: Schema) -> Iterator[str]:
    ranges = sorted((domain.error_range, domain.name) for domain in schema.domains)
    for (low, high), name in ranges:
        if low > high:
            yield f"domain {name}: error_range ends before it begins"
    for (first, first_name), (second, second_name) in pairwise(ranges):
        if second[0] <= first[1]:
            yield f"domain {second_name}: error_range overlaps that of {first_name}"


def _errors(schema: Schema) -> Iterator[str]:
    ranges = {domain.name: domain.error_range for domain in schema.domains}
    codes: dict[int, str] = {}
    for error in schema.errors.values():
        low, high = ranges[error.domain]
        if error.code in RESERVED_CODES:
            yield f"error {error.name}: code {error.code} is reserved by JSON-RPC"
        elif not low <= error.code <= high:
            yield f"error {error.name}: code {error.code} is outside the range {low}..{high} of {error.domain}"
        if error.code in codes:
            yield f"error {error.name}: code {error.code} is already that of {codes[error.code]}"
        codes[error.code] = error.name
        if error.name in RESERVED_ERRORS:
            yield f"error {error.name}: this name is reserved by JSON-RPC"
        if error.data is None:
            continue
        data = schema.types[error.data]
        if not isinstance(data, ObjectType):
            yield f"error {error.name}: its data {error.data} is not an object type"
            continue
        for name in sorted({item.name for item in data.fields} & RESERVED_DETAILS):
            yield f"error {error.name}: its data may not have a field {name}, every error takes one itself"


def _types(schema: Schema) -> Iterator[str]:
    members = {variant for union in schema.types.values() if isinstance(union, UnionType) for variant in union.variants}
    for document in schema.documents:
        for name, source in document.get("types", {}).items():
            properties = source.get("properties", {})
            required = source.get("required", [])
            for unknown in sorted(set(required) - set(properties)):
                yield f"type {name}: required names {unknown}, which is not a property"
            for field_name, item in properties.items():
                if "const" not in item:
                    continue
                if field_name != "kind" or name not in members:
                    yield f"type {name}.{field_name}: const is only for the field kind of a union's variant"
                elif "kind" not in required:
                    yield f"type {name}.kind: must be required"
    for named in schema.types.values():
        match named:
            case ObjectType(fields=fields):
                for item in fields:
                    yield from _field(schema, named, item)
            case UnionType(variants=variants):
                yield from _union(schema, named, variants)
            case EnumType(values=values):
                for value, meaning in values.items():
                    if not meaning:
                        yield f"type {named.name}: x-values does not explain {value}"
                yield from _enum_extras(schema, named)
            case AliasType(shape=shape):
                yield from _shape(schema, named.name, shape)


def _enum_extras(schema: Schema, named: EnumType) -> Iterator[str]:
    for document in schema.documents:
        source = document.get("types", {}).get(named.name)
        if source is not None:
            for value in sorted(set(source["x-values"]) - set(source["enum"])):
                yield f"type {named.name}: x-values explains {value}, which is not in the enum"


def _union(schema: Schema, named: UnionType, variants: tuple[str, ...]) -> Iterator[str]:
    tags: dict[str, str] = {}
    for variant in variants:
        target = schema.types[variant]
        if not isinstance(target, ObjectType) or target.tag is None:
            yield f"type {named.name}: variant {variant} has no constant field {named.tag_field}"
            continue
        if target.tag in tags:
            yield f"type {named.name}: {variant} and {tags[target.tag]} have the same {named.tag_field}"
        tags[target.tag] = variant


def _field(schema: Schema, owner: ObjectType, item: Field) -> Iterator[str]:
    where = f"{owner.name}.{item.name}"
    yield from _shape(schema, where, item.shape)
    if item.required and item.has_default:
        yield f"type {where}: a required field has no default"
    if item.has_default and isinstance(item.shape, Ref) and isinstance(schema.types[item.shape.name], ObjectType):
        yield f"type {where}: an object has no default; say in prose what absent means"
    elif item.has_default:
        for reason in mismatch(schema, item.shape, item.default):
            yield f"type {where}: the default does not fit: {reason}"
    for example in item.examples:
        for reason in mismatch(schema, item.shape, example):
            yield f"type {where}: an example does not fit: {reason}"


def _shape(schema: Schema, where: str, shape: Shape) -> Iterator[str]:
    match shape:
        case Array(items=inner) | Map(values=inner) | Nullable(inner=inner):
            yield from _shape(schema, where, inner)
        case Scalar():
            if shape.minimum is not None and shape.maximum is not None and shape.minimum > shape.maximum:
                yield f"type {where}: minimum is above maximum"
            if shape.format in ("uint53", "duration-ms") and (shape.minimum or 0) < 0:
                yield f"type {where}: format {shape.format} is never negative"
            if shape.format == "base64" and (shape.min_length, shape.max_length, shape.pattern) != (None, None, None):
                yield f"type {where}: base64 takes no length or pattern, languages differ in what they count"
            if shape.pattern is not None:
                yield from _pattern(where, shape.pattern)
        case Ref() | Free():
            pass


def _pattern(where: str, pattern: str) -> Iterator[str]:
    try:
        re.compile(pattern)
    except re.error as error:
        yield f"type {where}: pattern does not compile: {error}"
    if re.search(r"\\[dDwWsSbB]|\(\?", pattern):
        yield f"type {where}: pattern uses a construct that means different things in different languages"


def _reachability(schema: Schema) -> Iterator[str]:
    for name, sides in reach(schema).items():
        if not sides:
            yield f"type {name}: nothing uses it"
        elif len(sides) > 1 and isinstance(schema.types[name], ObjectType | UnionType):
            yield f"type {name}: is both sent by clients and read by them; split it, unknown fields differ"


def _method(schema: Schema, method: Method) -> Iterator[str]:
    where = f"method {method.name}"
    params = schema.types[method.params]
    if not isinstance(params, ObjectType):
        yield f"{where}: params {method.params} is not an object type"
        return
    fields = {item.name: item for item in params.fields}
    yield from _convention(where, fields, "key", method.keyed, "keyed")
    yield from _convention(where, fields, "progress", method.progress, "progress")
    if method.target not in (None, "node") and method.target not in fields:
        yield f"{where}: target {method.target} is not a field of {method.params}"
    elif method.target is None and method.scope is not None:
        for name in TARGET_FIELDS:
            if name in fields and fields[name].required:
                yield f"{where}: params name a {name} but target is null, so the gate would not look at it"
    if method.kind == "notify":
        if method.result is not None or method.errors:
            yield f"{where}: a notification has neither result nor errors"
    elif method.result is None:
        yield f"{where}: a {method.kind} has a result"
    elif not isinstance(schema.types[method.result], ObjectType):
        yield f"{where}: result {method.result} is not an object type"
    if method.kind != "notify" and method.direction == "server":
        yield f"{where}: the server sends notifications only"
    if method.deprecated is not None and method.deprecated.use not in (None, *schema.methods):
        yield f"{where}: is deprecated in favour of {method.deprecated.use}, which is not there"
    yield from _stream(schema, where, method, fields)


def _convention(where: str, fields: dict[str, Field], name: str, declared: bool, flag: str) -> Iterator[str]:
    item = fields.get(name)
    if declared and (item is None or item.required):
        yield f"{where}: {flag} needs an optional param {name}"
    elif not declared and item is not None and name == "progress":
        yield f"{where}: has a param {name} but is not {flag}"
    elif declared and item is not None:
        wanted = "string" if name == "key" else "boolean"
        if not isinstance(item.shape, Scalar) or item.shape.type != wanted:
            yield f"{where}: param {name} must be a {wanted}"


def _stream(schema: Schema, where: str, method: Method, fields: dict[str, Field]) -> Iterator[str]:
    stream = method.stream
    if (method.kind == "stream") != (stream is not None):
        yield f"{where}: kind stream and a stream block belong together"
    if stream is None:
        return
    if (stream.down == "events") != (stream.event is not None):
        yield f"{where}: events have a type, bytes have none"
    if stream.down is None and stream.up is None:
        yield f"{where}: the stream carries nothing"
    if stream.resume == "cursor" and stream.down != "events":
        yield f"{where}: only events resume by cursor"
    if stream.lossy and stream.down != "events":
        yield f"{where}: bytes are never lossy"
    if stream.open is not None and not isinstance(schema.types[stream.open], ObjectType):
        yield f"{where}: stream.open {stream.open} is not an object type"
        return
    # What goes up resumes where the server says in stream.open, what comes down where the client asks.
    announced = set() if stream.open is None else {item.name for item in schema.object(stream.open).fields}
    for name in ("offset", "cursor"):
        if stream.resume == name and name not in {*fields, *announced}:
            yield f"{where}: resumes by {name}, but neither params nor stream.open have one"
    window = fields.get("window")
    if stream.down is None:
        return
    if window is None or not isinstance(window.shape, Scalar) or window.shape.type != "integer":
        yield f"{where}: params need an optional integer window"
    elif window.default != stream.window:
        yield f"{where}: the default of params.window ({window.default}) is not stream.window ({stream.window})"


def mismatch(schema: Schema, shape: Shape, value: object) -> Iterator[str]:
    """Why a JSON value does not fit a shape; nothing when it does. Patterns and bounds count."""
    match shape:
        case Free():
            return
        case Nullable(inner):
            if value is not None:
                yield from mismatch(schema, inner, value)
        case Array(items, low, high):
            if not isinstance(value, list):
                yield f"{value!r} is not an array"
                return
            if len(value) < (low or 0) or len(value) > (MAX_INTEGER if high is None else high):
                yield f"{len(value)} items are out of bounds"
            for item in value:
                yield from mismatch(schema, items, item)
        case Map(values):
            if not isinstance(value, dict):
                yield f"{value!r} is not an object"
                return
            for item in value.values():
                yield from mismatch(schema, values, item)
        case Ref(name):
            yield from _named_mismatch(schema, schema.types[name], value)
        case Scalar():
            yield from _scalar_mismatch(shape, value)


def _named_mismatch(schema: Schema, named: NamedType, value: object) -> Iterator[str]:
    match named:
        case AliasType(shape=shape):
            yield from mismatch(schema, shape, value)
        case EnumType(values=values):
            if value not in values:
                yield f"{value!r} is not one of {', '.join(values)}"
        case UnionType(variants=variants):
            tags = {schema.object(variant).tag: variant for variant in variants}
            tag = value.get(named.tag_field) if isinstance(value, dict) else None
            if tag not in tags:
                yield f"{value!r} is no variant of {named.name}"
            else:
                yield from _object_mismatch(schema, schema.object(tags[tag]), value)
        case ObjectType():
            yield from _object_mismatch(schema, named, value)


def _object_mismatch(schema: Schema, named: ObjectType, value: object) -> Iterator[str]:
    if not isinstance(value, dict):
        yield f"{value!r} is not an object"
        return
    fields = {item.name: item for item in named.fields}
    tagged = set() if named.tag is None else {schema.tag_fields().get(named.name, "kind")}
    for name in sorted(set(value) - set(fields) - tagged):
        yield f"{named.name} has no field {name}"
    for item in named.fields:
        if item.name in value:
            yield from mismatch(schema, item.shape, value[item.name])
        elif item.required:
            yield f"{named.name} needs a field {item.name}"


def _scalar_mismatch(shape: Scalar, value: object) -> Iterator[str]:
    python = {"string": (str,), "integer": (int,), "number": (int, float), "boolean": (bool,)}[shape.type]
    if not isinstance(value, python) or (isinstance(value, bool) and shape.type != "boolean"):
        yield f"{value!r} is not a {shape.type}"
    elif isinstance(value, str):
        if len(value) < (shape.min_length or 0) or len(value) > (
            MAX_INTEGER if shape.max_length is None else shape.max_length
        ):
            yield f"{value!r} is too short or too long"
        if shape.pattern is not None and re.search(shape.pattern[:-1] + r"\Z", value) is None:
            yield f"{value!r} does not match {shape.pattern}"
        yield from _format_mismatch(shape.format, value)
    elif isinstance(value, int | float) and not isinstance(value, bool):
        if shape.minimum is not None and value < shape.minimum:
            yield f"{value} is below {shape.minimum:.0f}"
        if shape.maximum is not None and value > shape.maximum:
            yield f"{value} is above {shape.maximum:.0f}"


def _format_mismatch(name: str | None, value: str) -> Iterator[str]:
    try:
        if name == "base64":
            base64.b64decode(value, validate=True)
        elif name == "date-time" and datetime.fromisoformat(value).tzinfo is None:
            yield f"{value!r} has no time zone"
    except ValueError:
        yield f"{value!r} is not {name}"
