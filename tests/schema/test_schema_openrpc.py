"""The OpenRPC document: its shape, its references, and that it says what the schema says."""

from __future__ import annotations

import json
from collections.abc import Iterator
from importlib import resources
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import pytest
from generate.model import Schema

Json = dict[str, Any]
DRAFT7 = {"$schema", "$ref", "type", "properties", "required", "items", "enum", "const", "description", "default"}
DRAFT7 |= {"minimum", "maximum", "pattern", "minLength", "maxLength", "minItems", "maxItems", "format", "examples"}
DRAFT7 |= {"additionalProperties", "allOf", "oneOf", "contentEncoding", "minProperties", "maxProperties"}


@pytest.fixture(scope="module")
def document(root: Path) -> Json:
    parsed: Json = json.loads((root / "schema/openrpc.json").read_text(encoding="utf-8"))
    return parsed


def references(value: Any) -> Iterator[str]:
    if isinstance(value, dict):
        if isinstance(value.get("$ref"), str):
            yield value["$ref"]
        for inner in value.values():
            yield from references(inner)
    elif isinstance(value, list):
        for inner in value:
            yield from references(inner)


def resolve(document: Json, reference: str) -> Any:
    assert reference.startswith("#/"), reference
    place: Any = document
    for step in reference[2:].split("/"):
        place = place[step.replace("~1", "/").replace("~0", "~")]
    return place


def test_every_reference_resolves(document: Json) -> None:
    found = set(references(document))
    assert found
    for reference in found:
        assert isinstance(resolve(document, reference), dict), reference
    with pytest.raises(KeyError):
        resolve(document, "#/components/schemas/Nowhere")


def test_the_document_has_the_shape_that_openrpc_demands(document: Json) -> None:
    assert document["openrpc"].startswith("1.")
    assert {"title", "version"} <= set(document["info"])
    names = [method["name"] for method in document["methods"]]
    assert len(names) == len(set(names))
    for method in document["methods"]:
        assert method["paramStructure"] == "by-name"
        given = [param["name"] for param in method["params"]]
        assert len(given) == len(set(given))
        for param in method["params"]:
            assert {"name", "schema", "required"} <= set(param), method["name"]
        order = [param["required"] for param in method["params"]]
        assert order == sorted(order, reverse=True), f"{method['name']}: required params come first"
        if "result" in method:
            assert {"name", "schema"} <= set(method["result"])
        else:
            assert method["x-nexus-kind"] == "notify"
        for error in method.get("errors", []):
            assert {"code", "message"} <= set(resolve(document, error["$ref"]))
        for tag in method["tags"]:
            assert resolve(document, tag["$ref"])["name"]
        allowed = {"name", "summary", "description", "tags", "params", "paramStructure", "result", "errors", "examples"}
        assert {key for key in method if not key.startswith("x-")} <= allowed | {"deprecated"}


def test_schemas_are_draft_07(document: Json) -> None:
    for name, shape in document["components"]["schemas"].items():
        jsonschema.Draft7Validator.check_schema(shape)
        for used in _keywords(shape):
            assert used in DRAFT7 or used.startswith("x-"), f"{name}: {used}"


def _keywords(shape: Json) -> Iterator[str]:
    for key, value in shape.items():
        yield key
        if key == "properties":
            for inner in value.values():
                yield from _keywords(inner)
        elif key in ("items", "additionalProperties") and isinstance(value, dict):
            yield from _keywords(value)
        elif key in ("allOf", "oneOf"):
            for inner in value:
                yield from _keywords(inner)
        if key == "$ref":
            assert len(shape) == 1, "draft-07 ignores what stands beside $ref"


def test_it_says_what_the_schema_says(document: Json, schema: Schema) -> None:
    by_name = {method["name"]: method for method in document["methods"] + document["x-nexus-notifications"]}
    assert set(by_name) == set(schema.methods)
    assert set(document["components"]["schemas"]) == set(schema.types)
    assert {name: error["code"] for name, error in document["components"]["errors"].items()} == {
        error.name: error.code for error in schema.errors.values()
    }
    for name, method in schema.methods.items():
        entry = by_name[name]
        assert (method in schema.methods.values()) and (entry in document["methods"]) == (method.direction == "client")
        assert {param["name"]: param["required"] for param in entry["params"]} == {
            item.name: item.required for item in schema.object(method.params).fields
        }
        assert entry["x-nexus-scope"] == method.scope
        assert ("x-nexus-stream" in entry) == (method.kind == "stream")


def test_examples_are_what_their_schemas_allow(document: Json) -> None:
    shapes = document["components"]["schemas"]
    seen = 0
    for method in document["methods"]:
        for example in method.get("examples", []):
            given = {param["name"]: param["value"] for param in example["params"]}
            for param in method["params"]:
                if param["name"] in given:
                    _check(param["schema"], shapes, given[param["name"]])
            assert {param["name"] for param in method["params"] if param["required"]} <= set(given)
            _check(method["result"]["schema"], shapes, example["result"]["value"])
            seen += 1
    assert seen > 50


def _check(shape: Json, shapes: Json, value: Any) -> None:
    jsonschema.Draft7Validator({**shape, "components": {"schemas": shapes}}).validate(value)


def test_the_server_gets_the_same_document_with_the_package(document: Json) -> None:
    packaged = resources.files("nexus_sdk.protocol").joinpath("openrpc.json").read_text(encoding="utf-8")
    assert json.loads(packaged) == document
    assert len(packaged.splitlines()) == 1
