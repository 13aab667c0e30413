"""The real schema, read once, and a small one to be broken."""

from __future__ import annotations

import copy
import json
import sys
from pathlib import Path
from typing import Any

import pytest

ROOT = Path(__file__).resolve().parents[2]
sys.path.insert(0, str(ROOT / "schema"))

from generate.load import load_directory  # noqa: E402
from generate.model import Schema  # noqa: E402

TINY: dict[str, Any] = {
    "$schema": "../nexus.schema.json",
    "domain": "box",
    "summary": "Boxes.",
    "error_range": [100, 199],
    "errors": [
        {"name": "box_full", "code": 100, "summary": "It is full.", "retryable": True, "hint": "", "data": "BoxData"},
        {"name": "box_shut", "code": 101, "summary": "It is shut.", "retryable": False},
    ],
    "types": {
        "BoxData": {
            "type": "object",
            "description": "Which box.",
            "properties": {
                "box": {"type": "string", "description": "Its name."},
                "class": {"type": "integer", "description": "A reserved word.", "default": 3},
            },
            "required": ["box"],
        },
        "Colour": {
            "type": "string",
            "description": "A colour.",
            "enum": ["red", "blue"],
            "x-open": True,
            "x-values": {"red": "Red.", "blue": "Blue."},
        },
        "Lid": {
            "type": "string",
            "description": "How it is shut.",
            "enum": ["open", "shut"],
            "x-open": False,
            "x-values": {"open": "Open.", "shut": "Shut."},
        },
        "Label": {"type": "string", "description": "A label.", "pattern": "^[a-z]{1,8}$"},
        "PutParams": {
            "type": "object",
            "description": "What to put.",
            "properties": {
                "box": {"type": "string", "description": "Its name.", "minLength": 1, "maxLength": 8},
                "workspace": {"type": "string", "description": "Where."},
                "label": {"$ref": "#/types/Label", "description": "A label."},
                "colour": {"$ref": "#/types/Colour", "description": "Its colour.", "default": "red"},
                "lid": {"$ref": "#/types/Lid", "description": "Its lid.", "default": "open"},
                "note": {"type": ["string", "null"], "description": "A note; null removes it."},
                "weights": {
                    "type": "array",
                    "items": {"type": "number", "minimum": 0, "maximum": 10},
                    "minItems": 1,
                    "maxItems": 3,
                    "description": "Weights.",
                },
                "marks": {
                    "type": "object",
                    "additionalProperties": {"type": "boolean"},
                    "description": "Marks.",
                    "default": {},
                },
                "sizes": {"type": "array", "items": {"type": "integer"}, "description": "Sizes.", "default": [1, 2]},
                "from": {"type": "string", "format": "path", "description": "Whence."},
                "data": {"type": "string", "format": "base64", "description": "Bytes."},
                "count": {
                    "type": "integer",
                    "format": "uint53",
                    "minimum": 1,
                    "maximum": 9,
                    "description": "How many.",
                    "default": 1,
                },
                "key": {"type": "string", "description": "Key."},
                "progress": {"type": "boolean", "description": "Progress.", "default": False},
            },
            "required": ["box", "workspace"],
        },
        "Box": {
            "type": "object",
            "description": "A box.",
            "properties": {
                "box": {"type": "string", "description": "Its name."},
                "colour": {"$ref": "#/types/Colour", "description": "Its colour."},
                "lid": {"$ref": "#/types/Lid", "description": "Its lid."},
                "inner": {"type": "array", "items": {"$ref": "#/types/Box"}, "description": "Boxes in it."},
                "at": {"type": ["string", "null"], "format": "date-time", "description": "When, or null."},
                "count": {"type": "integer", "format": "uint53", "minimum": 1, "maximum": 9, "description": "Many."},
            },
            "required": ["box", "lid", "at", "count"],
        },
        "FollowParams": {
            "type": "object",
            "description": "What to follow.",
            "properties": {
                "cursor": {"type": "string", "description": "Where to go on."},
                "window": {"type": "integer", "format": "uint53", "description": "Credit.", "default": 16},
            },
            "required": [],
        },
        "BoxAdded": {
            "type": "object",
            "description": "A box came.",
            "properties": {
                "kind": {"type": "string", "const": "added", "description": "Tag."},
                "box": {"$ref": "#/types/Box", "description": "It."},
            },
            "required": ["kind", "box"],
        },
        "BoxGone": {
            "type": "object",
            "description": "A box went.",
            "properties": {
                "kind": {"type": "string", "const": "gone", "description": "Tag."},
                "box": {"type": "string", "description": "Its name."},
            },
            "required": ["kind", "box"],
        },
        "BoxEvent": {
            "description": "What happened.",
            "oneOf": [{"$ref": "#/types/BoxAdded"}, {"$ref": "#/types/BoxGone"}],
            "x-tag": "kind",
        },
    },
    "methods": [
        {
            "name": "box.put",
            "kind": "call",
            "summary": "Put something.",
            "params": "PutParams",
            "result": "Box",
            "errors": ["box_full"],
            "scope": "box:write",
            "target": "workspace",
            "idempotent": False,
            "keyed": True,
            "progress": True,
            "cancel": "abort",
            "timeout_ms": 1000,
            "since": 1,
            "stability": "stable",
        },
        {
            "name": "box.follow",
            "kind": "stream",
            "summary": "Follow boxes.",
            "params": "FollowParams",
            "result": "Box",
            "errors": ["box_shut"],
            "scope": "box:read",
            "target": None,
            "idempotent": True,
            "cancel": "detach",
            "timeout_ms": None,
            "since": 1,
            "stability": "stable",
            "stream": {
                "down": "events",
                "up": None,
                "channels": [],
                "resume": "cursor",
                "open": None,
                "event": "BoxEvent",
                "lossy": True,
                "window": 16,
            },
        },
    ],
}
"""A sound schema in which every construct of the dialect occurs."""


@pytest.fixture(scope="session")
def root() -> Path:
    return ROOT


@pytest.fixture(scope="session")
def schema() -> Schema:
    return load_directory(ROOT / "schema/nexus", ROOT / "schema/nexus.schema.json")


@pytest.fixture(scope="session")
def meta_schema() -> dict[str, Any]:
    document: dict[str, Any] = json.loads((ROOT / "schema/nexus.schema.json").read_text(encoding="utf-8"))
    return document


@pytest.fixture
def tiny() -> dict[str, Any]:
    return copy.deepcopy(TINY)
