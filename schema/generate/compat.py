"""Compares today's schema with a frozen level and says what would break somebody who speaks it.

A client of the frozen level talks to a daemon of today, so params may only widen and results may only
grow. Levels are counted, not negotiated away: what is new must say so with ``since`` (``x-since`` on
types and fields), and a level that was frozen gets nothing added afterwards.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import fields

from generate.model import (
    AliasType,
    Array,
    EnumType,
    ErrorType,
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
    Side,
    Stream,
    UnionType,
)

KEPT = ("kind", "direction", "params", "result", "scope", "target", "keyed", "progress", "cancel", "capability")
"""Facts of a method that callers and granted tokens rely on."""


def breaks(frozen: Schema, now: Schema, level: int) -> list[str]:
    """One sentence for each thing in ``now`` that breaks the promise made with ``frozen``."""
    return [
        *_methods(frozen, now),
        *_errors(frozen, now),
        *_types(frozen, now),
        *_late(frozen, now, level),
    ]


def _methods(frozen: Schema, now: Schema) -> Iterator[str]:
    for old in frozen.methods.values():
        new = now.methods.get(old.name)
        if new is None:
            yield f"method {old.name} is gone"
            continue
        for name in KEPT:
            before, after = getattr(old, name), getattr(new, name)
            if before != after:
                yield f"method {old.name}: {name} was {_say(before)}, is {_say(after)}"
        if old.idempotent and not new.idempotent:
            yield f"method {old.name}: is no longer idempotent, but clients of the frozen level retry it by themselves"
        if new.since != old.since:
            yield f"method {old.name}: since was {old.since}, is {new.since}"
        if new.timeout_ms is not None and (old.timeout_ms is None or new.timeout_ms < old.timeout_ms):
            yield f"method {old.name}: timeout_ms was {_say(old.timeout_ms)}, is the shorter {new.timeout_ms}"
        if old.stability == "stable" and new.stability != "stable":
            yield f"method {old.name}: was stable, is {new.stability}"
        for error in sorted(set(old.errors) - set(new.errors)):
            if error in now.errors:
                continue
            yield f"method {old.name}: its error {error} is gone"
        yield from _stream(old, new)


def _stream(old: Method, new: Method) -> Iterator[str]:
    if old.stream is None or new.stream is None:
        if old.stream != new.stream:
            yield f"method {old.name}: its stream block came or went"
        return
    for item in fields(Stream):
        before, after = getattr(old.stream, item.name), getattr(new.stream, item.name)
        if before != after:
            yield f"method {old.name}: stream.{item.name} was {_say(before)}, is {_say(after)}"


def _errors(frozen: Schema, now: Schema) -> Iterator[str]:
    by_code = {error.code: error for error in now.errors.values()}
    for old in frozen.errors.values():
        new = now.errors.get(old.name)
        if new is None:
            yield f"error {old.name} is gone"
            if old.code in by_code:
                yield f"error {by_code[old.code].name}: takes the code {old.code} of the former {old.name}"
            continue
        yield from _error(old, new)


def _error(old: ErrorType, new: ErrorType) -> Iterator[str]:
    for name in ("code", "retryable", "data"):
        before, after = getattr(old, name), getattr(new, name)
        if before == after or (name == "data" and before is None):
            continue
        yield f"error {old.name}: {name} was {_say(before)}, is {_say(after)}"


def _types(frozen: Schema, now: Schema) -> Iterator[str]:
    for old in frozen.types.values():
        new = now.types.get(old.name)
        if new is None:
            yield f"type {old.name} is gone"
        elif type(new) is not type(old):
            yield f"type {old.name}: was {_kind(old)}, is {_kind(new)}"
        else:
            yield from _type(frozen, now, old, new)


def _type(frozen: Schema, now: Schema, old: NamedType, new: NamedType) -> Iterator[str]:
    match old, new:
        case ObjectType(), ObjectType():
            yield from _object(frozen, now, old, new)
        case EnumType(), EnumType():
            yield from _enum(old, new)
        case UnionType(), UnionType():
            for variant in sorted(set(old.variants) - set(new.variants)):
                yield f"type {old.name}: variant {variant} is gone"
            if old.side != "input":
                for variant in sorted(set(new.variants) - set(old.variants)):
                    yield f"type {old.name}: variant {variant} is new; readers of the frozen level do not know it"
        case AliasType(), AliasType():
            for problem in _shape(old.shape, new.shape, old.side):
                yield f"type {old.name}: {problem}"


def _enum(old: EnumType, new: EnumType) -> Iterator[str]:
    for value in sorted(set(old.values) - set(new.values)):
        yield f"type {old.name}: value {value} is gone"
    if old.open != new.open:
        yield f"type {old.name}: was {'open' if old.open else 'closed'}, is {'open' if new.open else 'closed'}"
    if not old.open and old.side != "input":
        for value in sorted(set(new.values) - set(old.values)):
            yield f"type {old.name}: is closed and got the value {value}, which readers of the frozen level refuse"


def _object(frozen: Schema, now: Schema, old: ObjectType, new: ObjectType) -> Iterator[str]:
    if old.tag != new.tag:
        yield f"type {old.name}: kind was {_say(old.tag)}, is {_say(new.tag)}"
    if old.side != new.side:
        yield f"type {old.name}: was {old.side}, is {new.side}, so its unknown fields are treated differently"
    before = {item.name: item for item in old.fields}
    after = {item.name: item for item in new.fields}
    for name, item in before.items():
        where = f"{old.name}.{name}"
        if name not in after:
            yield f"field {where} is gone"
            continue
        yield from _field(where, item, after[name], old.side)
    for name, item in after.items():
        if name not in before and item.required and old.side == "input":
            yield f"field {old.name}.{name}: is a new required param"


def _field(where: str, old: Field, new: Field, side: Side) -> Iterator[str]:
    if side == "input" and new.required and not old.required:
        yield f"field {where}: was optional, is required"
    if side != "input" and old.required and not new.required:
        yield f"field {where}: was always there, is optional"
    if (old.has_default, old.default) != (new.has_default, new.default) and not (old.required or new.required):
        yield f"field {where}: the default was {_default(old)}, is {_default(new)}"
    for problem in _shape(old.shape, new.shape, side):
        yield f"field {where}: {problem}"


def _shape(old: Shape, new: Shape, side: Side) -> Iterator[str]:
    """Params may widen, results may narrow; what is on both sides may do neither."""
    match old, new:
        case Nullable(before), Nullable(after):
            yield from _shape(before, after, side)
        case Nullable(before), _:
            if side != "output":
                yield "null is no longer taken"
            yield from _shape(before, new, side)
        case _, Nullable(after):
            if side != "input":
                yield "may now be null"
            yield from _shape(old, after, side)
        case Array(items=before), Array(items=after):
            yield from _lengths((old.min_items, old.max_items), (new.min_items, new.max_items), side, "items")
            yield from (f"its items: {problem}" for problem in _shape(before, after, side))
        case Map(values=before), Map(values=after):
            yield from _lengths((old.min_entries, old.max_entries), (new.min_entries, new.max_entries), side, "entries")
            yield from (f"its values: {problem}" for problem in _shape(before, after, side))
        case Ref(), Ref():
            if old != new:
                yield f"the type was {old.name}, is {new.name}"
        case Free(), Free():
            return
        case Scalar(), Scalar():
            yield from _scalar(old, new, side)
        case _:
            yield f"the type was {_kind(old)}, is {_kind(new)}"


def _scalar(old: Scalar, new: Scalar, side: Side) -> Iterator[str]:
    if (old.type, old.format) != (new.type, new.format):
        yield f"the type was {_kind(old)}, is {_kind(new)}"
        return
    yield from _lengths((old.minimum, old.maximum), (new.minimum, new.maximum), side, "range")
    yield from _lengths((old.min_length, old.max_length), (new.min_length, new.max_length), side, "length")
    if old.pattern != new.pattern:
        narrower, wider = new.pattern is not None, old.pattern is not None
        if (side != "output" and narrower) or (side != "input" and wider):
            yield f"the pattern was {_say(old.pattern)}, is {_say(new.pattern)}"


_Bounds = tuple[float | None, float | None]


def _lengths(old: _Bounds, new: _Bounds, side: Side, what: str) -> Iterator[str]:
    if side != "output" and not _within(old, new):
        yield f"its {what} was {_range(old)}, is narrowed to {_range(new)}"
    elif side != "input" and not _within(new, old):
        yield f"its {what} was {_range(old)}, is widened to {_range(new)}"


def _within(inner: _Bounds, outer: _Bounds) -> bool:
    low = outer[0] is None or (inner[0] is not None and inner[0] >= outer[0])
    high = outer[1] is None or (inner[1] is not None and inner[1] <= outer[1])
    return low and high


def _late(frozen: Schema, now: Schema, level: int) -> Iterator[str]:
    """Whatever the frozen level does not have must claim a later one."""
    for method in now.methods.values():
        if method.name not in frozen.methods and method.since <= level:
            yield f"method {method.name} is new but says since {method.since}; level {level} is frozen"
    for error in now.errors.values():
        if error.name not in frozen.errors and error.since <= level:
            yield f"error {error.name} is new but says since {error.since}; level {level} is frozen"
    for named in now.types.values():
        before = frozen.types.get(named.name)
        if before is None:
            if named.since <= level:
                yield f"type {named.name} is new but says x-since {named.since}; level {level} is frozen"
        elif isinstance(named, ObjectType) and isinstance(before, ObjectType):
            known = {item.name for item in before.fields}
            for item in named.fields:
                if item.name not in known and item.since <= level:
                    where = f"{named.name}.{item.name}"
                    yield f"field {where} is new but says x-since {item.since}; level {level} is frozen"


def _kind(thing: NamedType | Shape) -> str:
    match thing:
        case Scalar():
            return thing.type if thing.format is None else f"{thing.type} ({thing.format})"
        case Ref(name):
            return name
    words = {
        ObjectType: "an object",
        EnumType: "an enum",
        UnionType: "a union",
        AliasType: "an alias",
        Array: "an array",
        Map: "a map",
        Free: "any JSON",
    }
    return words.get(type(thing), "nullable")


def _say(value: object) -> str:
    if value is None:
        return "none"
    return ", ".join(map(str, value)) or "empty" if isinstance(value, tuple) else str(value).lower()


def _default(item: Field) -> str:
    return repr(item.default) if item.has_default else "none"


def _range(bounds: _Bounds) -> str:
    low, high = ("unbounded" if bound is None else f"{bound:g}" for bound in bounds)
    return f"{low}..{high}"
