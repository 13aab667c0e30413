"""The generated structs say of themselves what the schema says of them."""

from __future__ import annotations

from typing import Any

import msgspec
import pytest
from generate import standard
from generate.model import AliasType, EnumType, ObjectType, Schema, UnionType
from nexus_sdk.protocol import types

PREFIX = "#/$defs/"
Json = dict[str, Any]
IGNORED = ("title", "description", "examples", "x-values", "x-known-values", "x-tag", "discriminator")
"""What says nothing about which values are taken."""


def plain(shape: Any, aliases: Json) -> Any:
    """One form for what both sides may write in different ways."""
    if isinstance(shape, list):
        return [plain(item, aliases) for item in shape]
    if not isinstance(shape, dict):
        return shape
    if "allOf" in shape:
        (inner,) = shape["allOf"]
        return plain({**inner, **{key: value for key, value in shape.items() if key != "allOf"}}, aliases)
    if shape.get("$ref", "").removeprefix(PREFIX) in aliases:
        named = aliases[shape["$ref"].removeprefix(PREFIX)]
        return plain({**named, **{key: value for key, value in shape.items() if key != "$ref"}}, aliases)
    found = {key: value for key, value in shape.items() if key not in IGNORED}
    if "anyOf" in found and {"type": "null"} in found["anyOf"]:
        (other,) = [item for item in found.pop("anyOf") if item != {"type": "null"}]
        found = {**other, **found, "type": [other["type"], "null"]}
    if isinstance(found.get("default"), list | dict) and found["default"]:
        # msgspec does not say what a factory makes; test_defaults_are_those_of_the_schema calls it.
        del found["default"]
    if "const" in found:
        found["enum"] = [found.pop("const")]
    if "enum" in found:
        # A set of strings is of the type string.
        found = {**found, "enum": sorted(found["enum"]), "type": "string"}
    if "pattern" in found:
        found["pattern"] = found["pattern"].replace(r"\Z", "$")
    if "required" in found:
        found["required"] = sorted(found["required"])
    for key in ("anyOf", "oneOf"):
        if key in found:
            found["variants"] = sorted(item["$ref"] for item in found.pop(key))
    for key in ("items", "additionalProperties"):
        if isinstance(found.get(key), dict):
            found[key] = plain(found[key], aliases)
    if "properties" in found:
        found["properties"] = {name: plain(item, aliases) for name, item in sorted(found["properties"].items())}
    return {key: value for key, value in found.items() if value not in ([], {})}


@pytest.fixture(scope="module")
def wanted(schema: Schema) -> Json:
    return standard.schemas(schema, PREFIX)


@pytest.fixture(scope="module")
def aliases(schema: Schema, wanted: Json) -> Json:
    """Named types that Python has under no name of their own."""
    return {name: wanted[name] for name, named in schema.types.items() if isinstance(named, EnumType | AliasType)}


def test_every_object_type_is_its_struct(schema: Schema, wanted: Json, aliases: Json) -> None:
    names = [named.name for named in schema.types.values() if isinstance(named, ObjectType)]
    _, components = msgspec.json.schema_components(
        [getattr(types, name) for name in names], ref_template=PREFIX + "{name}"
    )
    assert set(components) >= set(names)
    for name in names:
        assert plain(components[name], aliases) == plain(wanted[name], aliases), name


def test_defaults_are_those_of_the_schema(schema: Schema) -> None:
    for named in schema.types.values():
        if not isinstance(named, ObjectType):
            continue
        made = {field.encode_name: field for field in msgspec.structs.fields(getattr(types, named.name))}
        assert list(made) == [item.name for item in named.fields], named.name
        for item in named.fields:
            field = made[item.name]
            assert field.required == item.required, f"{named.name}.{item.name}"
            if item.required:
                continue
            expected = item.default if item.has_default else msgspec.UNSET
            factory = field.default_factory
            default = field.default if factory is msgspec.NODEFAULT else factory()
            assert default == expected and type(default) is type(expected), f"{named.name}.{item.name}"


def test_every_union_enum_and_alias_is_its_type(schema: Schema, wanted: Json, aliases: Json) -> None:
    for named in schema.types.values():
        if isinstance(named, ObjectType):
            continue
        (shape,), _ = msgspec.json.schema_components([getattr(types, named.name)], ref_template=PREFIX + "{name}")
        expected = plain(wanted[named.name], aliases)
        assert plain(shape, aliases) == expected, named.name
        assert ("variants" in expected) == isinstance(named, UnionType)


def test_the_comparison_can_fail(aliases: Json, wanted: Json) -> None:
    """Each kind of difference that matters survives the normal form."""
    source = wanted["ExecStartParams"]
    same = plain(source, aliases)
    changed = [
        {**source, "required": ["workspace"]},
        {key: value for key, value in source.items() if key != "additionalProperties"},
        {**source, "properties": {**source["properties"], "argv": {"type": "array", "items": {"type": "integer"}}}},
        {**source, "properties": {**source["properties"], "cwd": {**source["properties"]["cwd"], "maxLength": 9}}},
        {**source, "properties": {**source["properties"], "stdin": {"type": "boolean", "default": True}}},
        {**source, "properties": {key: value for key, value in source["properties"].items() if key != "pty"}},
    ]
    assert all(plain(other, aliases) != same for other in changed)


def test_docstrings_are_there(schema: Schema) -> None:
    for named in schema.types.values():
        if isinstance(named, ObjectType):
            doc = getattr(types, named.name).__doc__
            assert doc is not None and doc.split()[:3] == named.description.split()[:3], named.name


def test_all_names_are_exported(schema: Schema) -> None:
    assert set(types.__all__) >= set(schema.types)
    assert all(hasattr(types, name) for name in types.__all__)
    assert types.__all__ == sorted(types.__all__)
