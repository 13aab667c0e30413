"""The generated method table is the schema, row by row."""

from __future__ import annotations

import ast
import dataclasses
import subprocess
import sys
from pathlib import Path

import pytest
from generate.model import Schema
from nexus_sdk.protocol import methods, types
from nexus_sdk.protocol.errors import ERRORS

SAME = (
    *("name", "kind", "direction", "errors", "scope", "target", "idempotent", "keyed", "progress"),
    *("cancel", "timeout_ms", "capability", "since", "stability"),
)


def test_the_table_is_the_schema(schema: Schema) -> None:
    assert set(methods.METHODS) == set(schema.methods)
    assert schema.level == methods.LEVEL
    assert schema.scopes == methods.SCOPES
    for name, wanted in schema.methods.items():
        row = methods.METHODS[name]
        for attribute in SAME:
            assert getattr(row, attribute) == getattr(wanted, attribute), f"{name}.{attribute}"
        assert row.params is getattr(types, wanted.params)
        assert row.result is (None if wanted.result is None else getattr(types, wanted.result))
        assert (row.deprecated is None) == (wanted.deprecated is None)
        assert (row.stream is None) == (wanted.stream is None)
        if row.stream is not None and wanted.stream is not None:
            for field in dataclasses.fields(methods.StreamSpec):
                expected = getattr(wanted.stream, field.name)
                if field.name in ("open", "event") and expected is not None:
                    expected = getattr(types, expected)
                assert getattr(row.stream, field.name) == expected, f"{name}.stream.{field.name}"


def test_errors_of_methods_have_classes() -> None:
    known = {cls.name for cls in ERRORS.values()}
    assert all(set(row.errors) <= known for row in methods.METHODS.values())


def test_rows_do_not_change() -> None:
    row = methods.METHODS["session.ping"]
    with pytest.raises(dataclasses.FrozenInstanceError):
        row.scope = "all"  # type: ignore[misc]
    assert not hasattr(row, "__dict__")


def test_importing_builds_no_codec(root: Path) -> None:
    """Commands of the CLI pay for what is imported; a decoder of every type would cost more than the rest."""
    program = (
        "import msgspec\n"
        "def refuse(*a, **k): raise AssertionError('a codec at import')\n"
        "msgspec.json.Decoder = msgspec.json.Encoder = refuse\n"
        "import nexus_sdk.protocol.methods, nexus_sdk.protocol.errors, nexus_sdk.protocol.types\n"
        "print('imported')\n"
    )
    done = subprocess.run([sys.executable, "-c", program], capture_output=True, text=True, timeout=60, check=False)
    assert (done.stdout.strip(), done.stderr) == ("imported", "")


def test_the_package_itself_imports_nothing(root: Path) -> None:
    source = (root / "sdk-python/src/nexus_sdk/protocol/__init__.py").read_text(encoding="utf-8")
    assert not [node for node in ast.walk(ast.parse(source)) if isinstance(node, ast.Import | ast.ImportFrom)]
