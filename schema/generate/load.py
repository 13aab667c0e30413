"""From the JSON files to the model: reading, the meta-schema, and the translation of the dialect.

Every problem of a schema is reported at once, in one :class:`SchemaError`.
"""

from __future__ import annotations

import json
from collections.abc import Iterable
from dataclasses import replace
from pathlib import Path
from typing import Any, cast

import jsonschema  # type: ignore[import-untyped]

from generate.model import (
    MAX_INTEGER,
    OCTAL_MODE_PATTERN,
    AliasType,
    Array,
    Deprecation,
    Domain,
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
    reach,
)
from generate.rules import check

Json = dict[str, Any]


class SchemaError(Exception):
    """The schema breaks its own rules; ``problems`` has one sentence each."""

    def __init__(self, problems: Iterable[str]) -> None:
        self.problems = tuple(problems)
        super().__init__("\n".join(self.problems))


def load_directory(directory: Path, meta_schema: Path) -> Schema:
    """Reads every ``*.json`` of a directory, checks it and returns the merged schema.

    Raises SchemaError for malformed JSON, a violation of the meta-schema or of the semantic rules.
    """
    documents = [_read(path) for path in sorted(directory.glob("*.json"))]
    return load_documents(documents, _read(meta_schema))


def load_documents(documents: list[Json], meta_schema: Json) -> Schema:
    """Checks domain documents against the meta-schema and the rules, and merges them."""
    validator = jsonschema.Draft202012Validator(meta_schema)
    problems = []
    for document in documents:
        name = document.get("domain", "?")
        for error in validator.iter_errors(document):
            best = jsonschema.exceptions.best_match([error])
            problems.append(f"{name}: {best.json_path}: {best.message[:300]}")
    if problems:
        raise SchemaError(problems)
    problems += _clashes(documents)
    if problems:
        raise SchemaError(problems)
    schema = merge(documents)
    problems = check(schema)
    if problems:
        raise SchemaError(problems)
    return schema


def merge(documents: list[Json]) -> Schema:
    """Builds the model without checking it. Frozen levels were checked when they were frozen."""
    documents = sorted(documents, key=lambda document: cast(str, document["domain"]))
    types: dict[str, NamedType] = {}
    errors: dict[str, ErrorType] = {}
    methods: dict[str, Method] = {}
    domains = []
    for document in documents:
        name = document["domain"]
        low, high = document["error_range"]
        domains.append(Domain(name, document["summary"], document.get("description", ""), (low, high)))
        for type_name, source in document.get("types", {}).items():
            types[type_name] = _named(type_name, name, source)
        for source in document.get("errors", []):
            errors[source["name"]] = _error(name, source)
        for source in document.get("methods", []):
            methods[source["name"]] = _method(name, source)
    schema = Schema(tuple(domains), types, errors, methods, tuple(documents))
    sides = reach(schema)
    schema.types.update({name: replace(named, side=_side(sides[name])) for name, named in types.items()})
    return schema


def _side(sides: set[Side]) -> Side:
    return next(iter(sides)) if len(sides) == 1 else "shared"


def _read(path: Path) -> Json:
    def unique(pairs: list[tuple[str, Any]]) -> Json:
        names = [name for name, _ in pairs]
        repeated = sorted({name for name in names if names.count(name) > 1})
        if repeated:
            raise SchemaError([f"{path.name}: repeated member {', '.join(repeated)}"])
        return dict(pairs)

    try:
        return cast(Json, json.loads(path.read_text(encoding="utf-8"), object_pairs_hook=unique))
    except ValueError as error:
        raise SchemaError([f"{path.name}: not JSON: {error}"]) from error


def _clashes(documents: list[Json]) -> list[str]:
    """Names used twice across files; after merging they would silently replace each other."""
    problems = []
    seen: dict[tuple[str, str], str] = {}
    for document in documents:
        domain = document["domain"]
        names = [("domain", domain)]
        names += [("type", name) for name in document.get("types", {})]
        names += [("error", source["name"]) for source in document.get("errors", [])]
        names += [("method", source["name"]) for source in document.get("methods", [])]
        for kind, name in names:
            if (kind, name) in seen:
                problems.append(f"{domain}: {kind} {name} is already defined in {seen[kind, name]}")
            seen[kind, name] = domain
    return problems


def _named(name: str, domain: str, source: Json) -> NamedType:
    description, since = source["description"], source.get("x-since", 1)
    if "oneOf" in source:
        variants = tuple(_target(variant["$ref"]) for variant in source["oneOf"])
        return UnionType(name, domain, description, variants, source["x-tag"], since=since)
    if "enum" in source:
        meanings = source["x-values"]
        values = {value: meanings.get(value, "") for value in source["enum"]}
        return EnumType(name, domain, description, values, source["x-open"], since=since)
    if "properties" not in source:
        return AliasType(name, domain, description, _shape(source), since=since)
    required = set(source.get("required", []))
    tag = None
    fields = []
    for field_name, item in source["properties"].items():
        if field_name == "kind" and "const" in item:
            tag = item["const"]
            continue
        fields.append(
            Field(
                name=field_name,
                description=item["description"],
                shape=_shape(item),
                required=field_name in required,
                has_default="default" in item,
                default=item.get("default"),
                examples=tuple(item.get("examples", ())),
                since=item.get("x-since", 1),
            )
        )
    return ObjectType(name, domain, description, tuple(fields), tag, since=since)


def _shape(source: Json) -> Shape:
    if "$ref" in source:
        return Ref(_target(source["$ref"]))
    if "x-any" in source:
        return Free()
    declared = source["type"]
    if isinstance(declared, list):
        return Nullable(_shape({**source, "type": declared[0]}))
    if declared == "array":
        return Array(_shape(source["items"]), source.get("minItems"), source.get("maxItems"))
    if declared == "object":
        values = _shape(source["additionalProperties"])
        return Map(values, source.get("minProperties"), source.get("maxProperties"))
    minimum, maximum = source.get("minimum"), source.get("maximum")
    pattern = source.get("pattern")
    match declared, source.get("format"):
        case "integer", "uint53" | "duration-ms":
            minimum = 0 if minimum is None else minimum
            maximum = MAX_INTEGER if maximum is None else maximum
        case "integer", _:
            minimum = -MAX_INTEGER if minimum is None else minimum
            maximum = MAX_INTEGER if maximum is None else maximum
        case "string", "octal-mode":
            pattern = OCTAL_MODE_PATTERN
    return Scalar(
        declared,
        source.get("format"),
        minimum,
        maximum,
        source.get("minLength"),
        source.get("maxLength"),
        pattern,
    )


def _target(reference: str) -> str:
    return reference.removeprefix("#/types/")


def _error(domain: str, source: Json) -> ErrorType:
    return ErrorType(
        name=source["name"],
        domain=domain,
        code=source["code"],
        summary=source["summary"],
        retryable=source["retryable"],
        hint=source.get("hint", ""),
        data=source.get("data"),
        since=source.get("since", 1),
    )


def _method(domain: str, source: Json) -> Method:
    deprecated, stream = source.get("deprecated"), source.get("stream")
    return Method(
        name=source["name"],
        domain=domain,
        kind=source["kind"],
        direction=source.get("direction", "client"),
        summary=source["summary"],
        description=source.get("description", ""),
        params=source["params"],
        result=source.get("result"),
        errors=tuple(source.get("errors", ())),
        scope=source["scope"],
        target=source["target"],
        idempotent=source["idempotent"],
        keyed=source.get("keyed", False),
        progress=source.get("progress", False),
        cancel=source["cancel"],
        timeout_ms=source["timeout_ms"],
        capability=source.get("capability"),
        since=source["since"],
        stability=source["stability"],
        deprecated=deprecated
        and Deprecation(
            deprecated["since"], deprecated["message"], deprecated.get("use"), deprecated.get("remove_after")
        ),
        stream=stream
        and Stream(
            down=stream["down"],
            up=stream["up"],
            channels=tuple(stream.get("channels", ())),
            resume=stream["resume"],
            open=stream.get("open"),
            event=stream.get("event"),
            lossy=stream.get("lossy", False),
            window=stream["window"],
        ),
    )
