"""OpenRPC 1.3: the calls for tools that know nothing of Nexus. Served at /openrpc.json and by rpc.discover.

OpenRPC has no streams; a stream method stands there as the call it begins and ends as, with what it
carries in between under ``x-nexus-stream``. What the server sends unasked is under
``x-nexus-notifications``.
"""

from __future__ import annotations

import json
from dataclasses import asdict
from typing import Any

from generate import standard
from generate.model import Method, ObjectType, Schema
from generate.samples import object_sample

Json = dict[str, Any]
PREFIX = "#/components/schemas/"


def emit(schema: Schema) -> str:
    """The document as JSON text, indented."""
    return json.dumps(document(schema), indent=2, ensure_ascii=False) + "\n"


def emit_compact(schema: Schema) -> str:
    """The same document without white space, for the server."""
    return json.dumps(document(schema), separators=(",", ":"), ensure_ascii=False) + "\n"


def document(schema: Schema) -> Json:
    """The OpenRPC document."""
    shapes = standard.schemas(schema, PREFIX)
    methods = [schema.methods[name] for name in sorted(schema.methods)]
    return {
        "openrpc": "1.3.2",
        "info": {
            "title": "Nexus",
            "version": str(schema.level),
            "description": "Generated from schema/nexus; do not edit. JSON-RPC 2.0 over WebSocket (`GET /rpc`, "
            "subprotocol nexus.v1) or one call at a time (`POST /rpc`). Params are passed by name.",
            "license": {"name": "Apache-2.0"},
        },
        "methods": [_method(schema, shapes, method) for method in methods if method.direction == "client"],
        "x-nexus-notifications": [
            _method(schema, shapes, method) for method in methods if method.direction == "server"
        ],
        "x-nexus-level": schema.level,
        "x-nexus-scopes": list(schema.scopes),
        "components": {
            "schemas": shapes,
            "errors": {
                error.name: {
                    "code": error.code,
                    "message": error.summary,
                    "data": standard.errors_data(PREFIX, error.name, error.data),
                    "x-nexus-retryable": error.retryable,
                    "x-nexus-hint": error.hint,
                }
                for error in sorted(schema.errors.values(), key=lambda error: error.code)
            },
            "tags": {domain.name: {"name": domain.name, "description": domain.summary} for domain in schema.domains},
        },
    }


def _method(schema: Schema, shapes: dict[str, Json], method: Method) -> Json:
    entry: Json = {"name": method.name, "summary": method.summary}
    if method.description:
        entry["description"] = method.description
    entry["tags"] = [{"$ref": f"#/components/tags/{method.domain}"}]
    entry["paramStructure"] = "by-name"
    entry["params"] = _params(schema.object(method.params), shapes[method.params])
    if method.result is not None:
        entry["result"] = {"name": "result", "schema": {"$ref": PREFIX + method.result}, "required": True}
        entry["errors"] = [{"$ref": f"#/components/errors/{name}"} for name in method.errors]
        entry["examples"] = [_example(schema, method)]
    if method.deprecated is not None:
        entry["deprecated"] = True
        entry["x-nexus-deprecated"] = asdict(method.deprecated)
    entry |= {
        "x-nexus-kind": method.kind,
        "x-nexus-scope": method.scope,
        "x-nexus-target": method.target,
        "x-nexus-idempotent": method.idempotent,
        "x-nexus-keyed": method.keyed,
        "x-nexus-progress": method.progress,
        "x-nexus-cancel": method.cancel,
        "x-nexus-timeout-ms": method.timeout_ms,
        "x-nexus-capability": method.capability,
        "x-nexus-since": method.since,
        "x-nexus-stability": method.stability,
    }
    if method.stream is not None:
        stream = asdict(method.stream)
        stream["channels"] = list(method.stream.channels)
        for key in ("open", "event"):
            if stream[key] is not None:
                stream[key] = {"$ref": PREFIX + stream[key]}
        entry["x-nexus-stream"] = stream
    return entry


def _params(named: ObjectType, shape: Json) -> list[Json]:
    """One content descriptor per param; required ones first, as OpenRPC demands."""
    ordered = sorted(named.fields, key=lambda item: not item.required)
    return [
        {
            "name": item.name,
            "description": item.description,
            "required": item.required,
            "schema": {key: value for key, value in shape["properties"][item.name].items() if key != "description"},
        }
        for item in ordered
    ]


def _example(schema: Schema, method: Method) -> Json:
    params = object_sample(schema, schema.object(method.params), full=False)
    example: Json = {
        "name": method.name,
        "params": [{"name": name, "value": value} for name, value in params.items()],
    }
    if method.result is not None:
        value = object_sample(schema, schema.object(method.result), full=True)
        example["result"] = {"name": "result", "value": value}
    return example
