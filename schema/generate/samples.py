"""Values that fit a shape: for vectors and for the examples in the reference.

Deterministic, so that regenerating changes nothing. A field's own ``examples`` come first, then a
plausible value for its name, then whatever fits its constraints.
"""

from __future__ import annotations

import re
from re import _constants, _parser  # type: ignore[attr-defined]
from typing import Any

from generate.model import (
    AliasType,
    Array,
    EnumType,
    Field,
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
from generate.rules import mismatch

PLAUSIBLE: dict[str, tuple[Any, ...]] = {
    "Process.id": ("pr-8d3k5w",),
    "Process.state": ("exited",),
    "Process.attached": (0,),
    "Operation.id": ("op-2v7c1d",),
    "Operation.kind": ("workspace.create",),
    "Operation.state": ("failed",),
    "Workspace.root": ("/home/alice/billing/.nexus/worktrees/billing",),
    "Workspace.state": ("running",),
    "Workspace.worktree": ("/home/alice/billing/.nexus/worktrees/billing",),
    "argv": (["make", "test"],),
    "backend": ("host",),
    "base": ("main",),
    "branch": ("nexus/billing",),
    "commit": ("9fceb02d0ae598e95dc970b74767f19372d61af8",),
    "cols": (120,),
    "content": ("print('hello')\n",),
    "cursor": ("7-1843",),
    "cwd": ("src",),
    "data": ("hello\n", "aGVsbG8K"),
    "env": ({"CI": "1"},),
    "error": ("git: could not read from the remote repository",),
    "etag": ("5f2a-18c9e1d0",),
    "exit": ({"code": 0, "reason": "exited", "at": "2026-01-02T03:04:05Z"},),
    "from": ("src/old.py",),
    "checkpoint": ("cp-3n8w2r",),
    "glob": ("**/*.py",),
    "host": ("127.0.0.1",),
    "id": (7, "ws-4k2m9x"),
    "jti": ("tk-81hq0c",),
    "key": ("6f1d2c9a",),
    "labels": ({"team": "billing"},),
    "limit": (100, "max_requests"),
    "line": (12,),
    "message": ("Reading the repository.",),
    "method": ("exec.start",),
    "mode": ("0644",),
    "name": ("billing", "web"),
    "operation": ("op-2v7c1d",),
    "output_end": (1284,),
    "output_limit": (1048576,),
    "output_start": (0,),
    "owner": ("alice",),
    "path": ("src/main.py",),
    "paths": (["src/main.py"],),
    "pattern": ("deadline",),
    "pid": (4211,),
    "port": (3000,),
    "process": ("pr-8d3k5w",),
    "program": ("make",),
    "ref": ("main",),
    "remote": ("origin",),
    "repository": ("https://example.org/billing.git",),
    "rows": (40,),
    "scope": ("exec:read",),
    "scopes": (["exec:read", "exec:write"],),
    "sha256": ("b94d27b9934d3e08a52e52d7da7dabfac484efe37a5380ee9088f7ace2efcde9",),
    "signal": ("TERM",),
    "size": (1284,),
    "stream": (3,),
    "subject": ("alice",),
    "target": ("../shared/config.py",),
    "text": ("print('hello')\n",),
    "time": ("2026-01-02T03:04:05Z",),
    "timeout_ms": (60000,),
    "to": ("src/new.py",),
    "total": (40,),
    "upload": ("u-3f9a2c71",),
    "url": ("https://example.org/billing.git",),
    "version": ("0.1.0",),
    "workspace": ("billing",),
}
"""Values by field name, or by type and field name, tried in order; one that does not fit is passed over."""

BY_FORMAT: dict[str, Any] = {
    "date-time": "2026-01-02T03:04:05Z",
    "base64": "aGVsbG8K",
    "octal-mode": "0644",
    "path": "src/main.py",
}


def field_sample(schema: Schema, item: Field, *, full: bool, seen: tuple[str, ...] = ()) -> Any:
    """A value for a field. ``full`` fills the optional fields of nested objects too.

    ``seen`` are the types around the field, the innermost last.
    """
    owned = PLAUSIBLE.get(f"{seen[-1]}.{item.name}", ()) if seen else ()
    for candidate in (*item.examples, *owned, *PLAUSIBLE.get(item.name, ())):
        if not any(mismatch(schema, item.shape, candidate)):
            return candidate
    return shape_sample(schema, item.shape, full=full, seen=seen)


def object_sample(schema: Schema, named: ObjectType, *, full: bool, seen: tuple[str, ...] = ()) -> dict[str, Any]:
    """An object with its required fields, or with all; a type inside itself stays minimal."""
    full = full and named.name not in seen
    inner = (*seen, named.name)
    value: dict[str, Any] = {}
    if named.tag is not None:
        value[schema.tag_fields().get(named.name, "kind")] = named.tag
    for item in named.fields:
        if item.required or full:
            value[item.name] = field_sample(schema, item, full=full, seen=inner)
    return value


def type_sample(schema: Schema, name: str, *, full: bool, seen: tuple[str, ...] = ()) -> Any:
    """A value of a named type."""
    named = schema.types[name]
    match named:
        case ObjectType():
            return object_sample(schema, named, full=full, seen=seen)
        case EnumType(values=values):
            return next(iter(values))
        case UnionType(variants=variants):
            return type_sample(schema, variants[0], full=full, seen=seen)
        case AliasType(shape=shape):
            return shape_sample(schema, shape, full=full, seen=seen)


def shape_sample(schema: Schema, shape: Shape, *, full: bool, seen: tuple[str, ...] = ()) -> Any:
    """A value that fits a shape."""
    match shape:
        case Free():
            return {"any": ["json", 1, None]}
        case Nullable(inner):
            return shape_sample(schema, inner, full=full, seen=seen)
        case Ref(name):
            return type_sample(schema, name, full=full, seen=seen)
        case Array(items, low):
            if isinstance(items, Ref) and items.name in seen:
                return []
            return [shape_sample(schema, items, full=full, seen=seen)] * max(1, low or 0)
        case Map(values):
            return {"name": shape_sample(schema, values, full=full, seen=seen)}
        case Scalar():
            return scalar_sample(shape)


def scalar_sample(shape: Scalar) -> Any:
    """A scalar within its constraints."""
    match shape.type:
        case "boolean":
            return True
        case "integer" | "number":
            low = 0 if shape.minimum is None else shape.minimum
            high = low + 1 if shape.maximum is None else shape.maximum
            value = min(max(1, low), high)
            return int(value) if shape.type == "integer" else float(value)
    if shape.pattern is not None and shape.format != "octal-mode":
        return matching(shape.pattern)
    value = BY_FORMAT.get(shape.format or "", "text")
    return value.ljust(shape.min_length or 0, "x")[: shape.max_length]


def matching(pattern: str) -> str:
    """A string that a pattern of the dialect matches: letters and digits where it has a choice."""
    text = _build(_parser.parse(pattern))
    if re.search(pattern, text) is None:
        raise ValueError(f"no sample for the pattern {pattern}; give the field examples")
    return text


def _build(parsed: Any) -> str:
    parts = []
    for operator, argument in parsed:
        match operator:
            case _constants.LITERAL:
                parts.append(chr(argument))
            case _constants.AT:
                continue
            case _constants.ANY:
                parts.append("x")
            case _constants.IN:
                parts.append(_choose(argument))
            case _constants.MAX_REPEAT | _constants.MIN_REPEAT:
                low, high, inner = argument
                parts.append(_build(inner) * (low if low else min(1, int(high)) if len(parts) == 0 else 0))
            case _constants.SUBPATTERN:
                parts.append(_build(argument[-1]))
            case _constants.BRANCH:
                parts.append(_build(argument[1][0]))
            case _:
                raise ValueError(f"no sample for {operator} in a pattern; give the field examples")
    return "".join(parts)


def _choose(members: list[tuple[Any, Any]]) -> str:
    if members and members[0][0] is _constants.NEGATE:
        excluded = {chr(code) for kind, code in members[1:] if kind is _constants.LITERAL}
        return next(letter for letter in "xyz0" if letter not in excluded)
    for kind, argument in members:
        if kind is _constants.RANGE:
            return chr(argument[0])
    return chr(members[0][1])
