"""The schema as typed, language-neutral values: what every emitter reads.

Nothing here knows Python, Markdown or OpenRPC. References between types stay names; look them up
in :attr:`Schema.types`.
"""

from __future__ import annotations

from collections.abc import Iterator
from dataclasses import dataclass, field
from typing import Any, Literal, TypeAlias

MAX_INTEGER = 2**53 - 1
"""Largest integer on the wire: the largest that every JavaScript number holds exactly."""

OCTAL_MODE_PATTERN = "^[0-7]{3,4}$"
"""Permission bits as text, ``644`` or ``0644``: the format ``octal-mode``."""

Side = Literal["input", "output", "shared"]
"""Who reads values of a type. ``input``: the daemon reads it and refuses unknown fields. ``output``:
a client reads it and ignores them. ``shared``: scalars and enums, where the question does not arise."""


@dataclass(frozen=True, slots=True)
class Scalar:
    """A string, integer, number or boolean with its constraints (None: unconstrained)."""

    type: Literal["string", "integer", "number", "boolean"]
    format: str | None = None
    minimum: float | None = None
    maximum: float | None = None
    min_length: int | None = None
    max_length: int | None = None
    pattern: str | None = None


@dataclass(frozen=True, slots=True)
class Array:
    """A JSON array whose items all have one shape."""

    items: Shape
    min_items: int | None = None
    max_items: int | None = None


@dataclass(frozen=True, slots=True)
class Map:
    """A JSON object with free string keys and values of one shape."""

    values: Shape
    min_entries: int | None = None
    max_entries: int | None = None


@dataclass(frozen=True, slots=True)
class Ref:
    """A named type."""

    name: str


@dataclass(frozen=True, slots=True)
class Free:
    """Any JSON value."""


@dataclass(frozen=True, slots=True)
class Nullable:
    """Either null, which then means something, or the inner shape."""

    inner: Shape


Shape: TypeAlias = Scalar | Array | Map | Ref | Free | Nullable


@dataclass(frozen=True, slots=True)
class Field:
    """One property of an object type.

    ``has_default`` tells a default of null apart from none. A field that is neither required nor
    has a default is absent when it is not given, which differs from null.
    """

    name: str
    description: str
    shape: Shape
    required: bool
    has_default: bool = False
    default: Any = None
    examples: tuple[Any, ...] = ()
    since: int = 1


@dataclass(frozen=True, slots=True)
class ObjectType:
    """A JSON object with named fields.

    ``tag`` is the constant value of the field ``kind`` when the type is a variant of a union; that
    field is then not among ``fields``.
    """

    name: str
    domain: str
    description: str
    fields: tuple[Field, ...]
    tag: str | None = None
    side: Side = "shared"
    since: int = 1


@dataclass(frozen=True, slots=True)
class EnumType:
    """A set of strings. ``open``: later levels may add values, so readers accept any string."""

    name: str
    domain: str
    description: str
    values: dict[str, str]
    open: bool
    side: Side = "shared"
    since: int = 1


@dataclass(frozen=True, slots=True)
class UnionType:
    """One of several object types, told apart by the constant in ``tag_field``."""

    name: str
    domain: str
    description: str
    variants: tuple[str, ...]
    tag_field: str = "kind"
    side: Side = "shared"
    since: int = 1


@dataclass(frozen=True, slots=True)
class AliasType:
    """A name for a constrained scalar, array or map."""

    name: str
    domain: str
    description: str
    shape: Shape
    side: Side = "shared"
    since: int = 1


NamedType: TypeAlias = ObjectType | EnumType | UnionType | AliasType


@dataclass(frozen=True, slots=True)
class ErrorType:
    """One row of the error table. ``data`` names the type of its details, None when it has none."""

    name: str
    domain: str
    code: int
    summary: str
    retryable: bool
    hint: str
    data: str | None
    since: int = 1


@dataclass(frozen=True, slots=True)
class Stream:
    """What a stream method carries beside its request and response. Windows are bytes or events."""

    down: Literal["bytes", "events"] | None
    up: Literal["bytes"] | None
    channels: tuple[str, ...]
    resume: Literal["offset", "cursor", "none"]
    open: str | None
    event: str | None
    lossy: bool
    window: int


@dataclass(frozen=True, slots=True)
class Deprecation:
    """Since which level a method is discouraged, and what to call instead."""

    since: int
    message: str
    use: str | None
    remove_after: int | None


@dataclass(frozen=True, slots=True)
class Method:
    """One method with everything the gate, the dispatcher, the SDKs and the pages need to know."""

    name: str
    domain: str
    kind: Literal["call", "notify", "stream"]
    direction: Literal["client", "server"]
    summary: str
    description: str
    params: str
    result: str | None
    errors: tuple[str, ...]
    scope: str | None
    target: str | None
    idempotent: bool
    keyed: bool
    progress: bool
    cancel: Literal["abort", "detach", "none"]
    timeout_ms: int | None
    capability: str | None
    since: int
    stability: Literal["stable", "experimental"]
    deprecated: Deprecation | None
    stream: Stream | None


@dataclass(frozen=True, slots=True)
class Domain:
    """One file of the schema."""

    name: str
    summary: str
    description: str
    error_range: tuple[int, int]


@dataclass(frozen=True, slots=True)
class Schema:
    """All domains merged, in the order of their names; within a domain in the order of the file."""

    domains: tuple[Domain, ...]
    types: dict[str, NamedType]
    errors: dict[str, ErrorType]
    methods: dict[str, Method]
    documents: tuple[dict[str, Any], ...] = field(repr=False, default=())

    @property
    def level(self) -> int:
        """The highest ``since`` anywhere: the integer version of this schema."""
        levels = [method.since for method in self.methods.values()]
        levels += [error.since for error in self.errors.values()]
        for named in self.types.values():
            levels.append(named.since)
            if isinstance(named, ObjectType):
                levels += [item.since for item in named.fields]
        return max(levels, default=1)

    @property
    def scopes(self) -> tuple[str, ...]:
        """Every scope some method asks for, sorted."""
        return tuple(sorted({method.scope for method in self.methods.values() if method.scope is not None}))

    def object(self, name: str) -> ObjectType:
        """The object type of that name; a different kind of type is a mistake of the schema's author."""
        named = self.types[name]
        if not isinstance(named, ObjectType):
            raise TypeError(f"{name} is not an object type")
        return named

    def tag_fields(self) -> dict[str, str]:
        """Variant name to the name of its tag field, for every variant of every union."""
        return {
            variant: union.tag_field
            for union in self.types.values()
            if isinstance(union, UnionType)
            for variant in union.variants
        }


def shape_references(shape: Shape) -> Iterator[str]:
    """Names of the types that a shape mentions directly."""
    match shape:
        case Ref(name):
            yield name
        case Array(items=inner) | Map(values=inner) | Nullable(inner=inner):
            yield from shape_references(inner)


def type_references(named: NamedType) -> Iterator[str]:
    """Names of the types that a named type mentions directly."""
    match named:
        case ObjectType(fields=fields):
            for item in fields:
                yield from shape_references(item.shape)
        case UnionType(variants=variants):
            yield from variants
        case AliasType(shape=shape):
            yield from shape_references(shape)


def reach(schema: Schema) -> dict[str, set[Side]]:
    """For every type, the sides from which it is reachable: empty when nothing uses it.

    What the client sends is input, what it reads is output; error details are output.
    """
    found: dict[str, set[Side]] = {name: set() for name in schema.types}

    def walk(name: str | None, side: Side) -> None:
        if name is None or name not in found or side in found[name]:
            return
        found[name].add(side)
        for reference in type_references(schema.types[name]):
            walk(reference, side)

    for method in schema.methods.values():
        from_client = method.direction == "client"
        walk(method.params, "input" if from_client else "output")
        walk(method.result, "output" if from_client else "input")
        if method.stream is not None:
            walk(method.stream.open, "output")
            walk(method.stream.event, "output")
    for error in schema.errors.values():
        walk(error.data, "output")
    return found
