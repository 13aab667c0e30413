"""The dialect as plain JSON Schema: what OpenRPC readers and an independent validator understand.

Works on the source documents and not on the model, so that a mistake of the loader shows up as a
disagreement between the two.
"""

from __future__ import annotations

from collections.abc import Iterable
from typing import Any

from generate.model import MAX_INTEGER, OCTAL_MODE_PATTERN, Schema

Json = dict[str, Any]

FORMATS: dict[str, Json] = {
    "uint53": {"minimum": 0, "maximum": MAX_INTEGER},
    "duration-ms": {"minimum": 0, "maximum": MAX_INTEGER},
    "date-time": {"format": "date-time"},
    "path": {},
    "base64": {"contentEncoding": "base64"},
    "octal-mode": {"pattern": OCTAL_MODE_PATTERN},
}
"""What a format of the dialect says in plain keywords."""


CONSTRAINTS = (
    "minimum",
    "maximum",
    "pattern",
    "minLength",
    "maxLength",
    "const",
    "minItems",
    "maxItems",
    "minProperties",
    "maxProperties",
)
"""Keywords that mean the same in the dialect and in JSON Schema."""


def schemas(schema: Schema, prefix: str) -> dict[str, Json]:
    """Every named type as a schema of its own; ``prefix`` comes before names in references."""
    found = {}
    for document in schema.documents:
        for name, source in document.get("types", {}).items():
            found[name] = _named(source, prefix, strict=schema.types[name].side == "input")
    return dict(sorted(found.items()))


def errors_data(prefix: str, name: str, details: str | None) -> Json:
    """Schema of the ``data`` member of one error object."""
    properties: Json = {
        "name": {"const": name},
        "hint": {"type": "string"},
        "retryable": {"type": "boolean"},
    }
    required = ["name", "hint", "retryable"]
    if details is not None:
        properties["details"] = {"$ref": prefix + details}
        required.append("details")
    return {"type": "object", "properties": properties, "required": required}


def _named(source: Json, prefix: str, *, strict: bool) -> Json:
    if "oneOf" in source:
        return {
            "description": source["description"],
            "oneOf": [{"$ref": _reference(variant["$ref"], prefix)} for variant in source["oneOf"]],
            "x-tag": source["x-tag"],
        }
    if "enum" in source:
        plain: Json = {"type": "string", "description": source["description"]}
        plain["x-known-values" if source["x-open"] else "enum"] = list(source["enum"])
        plain["x-values"] = dict(source["x-values"])
        return plain
    if "properties" not in source:
        return shape(source, prefix)
    plain = {
        "type": "object",
        "description": source["description"],
        "properties": {name: shape(item, prefix) for name, item in source["properties"].items()},
    }
    if source.get("required"):
        plain["required"] = list(source["required"])
    if strict:
        plain["additionalProperties"] = False
    return plain


def shape(source: Json, prefix: str) -> Json:
    """One property, item or map value."""
    notes = _pick(source, ("description", "default", "examples"))
    if "$ref" in source:
        reference = {"$ref": _reference(source["$ref"], prefix)}
        # Draft-07 ignores what stands beside $ref.
        return {"allOf": [reference], **notes} if notes else reference
    if "x-any" in source:
        return notes
    plain: Json = {"type": source["type"]}
    if source["type"] in ("integer", ["integer", "null"]):
        plain |= {"minimum": -MAX_INTEGER, "maximum": MAX_INTEGER}
    plain |= FORMATS.get(source.get("format", "path"), {})
    plain |= _pick(source, CONSTRAINTS)
    for inner in ("items", "additionalProperties"):
        if inner in source:
            plain[inner] = shape(source[inner], prefix)
    return plain | notes


def _pick(source: Json, keys: Iterable[str]) -> Json:
    return {key: source[key] for key in keys if key in source}


def _reference(reference: str, prefix: str) -> str:
    return prefix + reference.removeprefix("#/types/")
