"""What is generated for Go: every construct of the dialect compiles, is formatted, and decodes as its vectors say."""

from __future__ import annotations

import importlib.util
import json
import shutil
import subprocess
from pathlib import Path
from typing import Any

from generate import emit_go, emit_vectors
from generate.load import load_directory, load_documents
from generate.model import ObjectType
from go_toolchain import MODULE, ROOT, Go

CHECK = """package protocol

import (
	"encoding/json"
	"errors"
	"os"
	"testing"
)

func TestVectors(t *testing.T) {
	text, err := os.ReadFile("vectors.json")
	if err != nil {
		t.Fatal(err)
	}
	var vectors []struct {
		Type  string
		Value json.RawMessage
		Valid bool
	}
	if err := json.Unmarshal(text, &vectors); err != nil || len(vectors) < 50 {
		t.Fatal(err, len(vectors))
	}
	for _, vector := range vectors {
		value, err := decodeAs(vector.Type, vector.Value)
		if errors.Is(err, errNoSuchType) || (err == nil) != vector.Valid {
			t.Errorf("%s: %s: %v", vector.Type, vector.Value, err)
		}
		if err != nil {
			continue
		}
		again, err := json.Marshal(value)
		if err != nil {
			t.Errorf("%s: %s: %v", vector.Type, vector.Value, err)
		} else if _, err := decodeAs(vector.Type, again); err != nil {
			t.Errorf("%s: %s was written as %s: %v", vector.Type, vector.Value, again, err)
		}
	}
}
"""


def tiny() -> dict[str, Any]:
    """The small schema of the generator's own tests, which has constructs that the real one may not use today."""
    spec = importlib.util.spec_from_file_location("schema_conftest", ROOT / "tests" / "schema" / "conftest.py")
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    spec.loader.exec_module(module)
    document: dict[str, Any] = module.TINY
    return document


def test_every_construct_of_the_dialect(go: Go, tmp_path: Path) -> None:
    meta_schema = json.loads((ROOT / "schema" / "nexus.schema.json").read_text())
    schema = load_documents([tiny()], meta_schema)
    package = tmp_path / "protocol"
    shutil.copytree(MODULE / "internal", tmp_path / "internal")
    shutil.copy(MODULE / "go.mod", tmp_path)
    shutil.copy(MODULE / "go.sum", tmp_path)
    package.mkdir()
    made = emit_go.emit(schema)
    # The other files name errors that only the real schema has.
    for name in ("types.go", "decode_test.go"):
        (package / name).write_text(made[name])
    (package / "vectors_test.go").write_text(CHECK)
    vectors = []
    for name in schema.types:
        built = emit_vectors.build(schema, name)
        for valid, group in ((True, built.valid), (False, built.invalid)):
            vectors += [{"Type": name, "Value": vector["value"], "Valid": valid} for vector in group]
    (package / "vectors.json").write_text(json.dumps(vectors))
    for command in (["vet", "./protocol"], ["test", "-count=1", "./protocol"]):
        ran = subprocess.run(
            [str(go.go), *command],
            cwd=tmp_path,
            env=go.environ,
            capture_output=True,
            text=True,
            timeout=300.0,
            check=False,
        )
        assert ran.returncode == 0, ran.stdout + ran.stderr
    formatted = subprocess.run(
        [str(go.gofmt), "-d", "protocol"], cwd=tmp_path, capture_output=True, text=True, timeout=60.0, check=False
    )
    assert (formatted.returncode, formatted.stdout) == (0, "")


def test_names_are_gos_own() -> None:
    names = {
        "workspace_id": "WorkspaceID",
        "timeout_ms": "TimeoutMS",
        "utf-8": "Utf8",
        "fs.read": "FsRead",
        "KILL": "KILL",
    }
    assert {name: emit_go.exported(name) for name in names} == names


def test_no_two_names_are_the_same() -> None:
    """Constants, types and errors share one name space; the schema keeps theirs apart, in Go they could meet."""
    schema = load_directory(ROOT / "schema" / "nexus", ROOT / "schema" / "nexus.schema.json")
    made = emit_go.emit(schema)
    declared = [
        line.split()[1].removesuffix("(")
        for name, text in made.items()
        if not name.endswith("_test.go")
        for line in text.splitlines()
        if line.startswith(("type ", "var ", "const ")) and line.split()[1] != "("
    ]
    assert len(declared) == len(set(declared)) > 100
    for named in schema.types.values():
        if isinstance(named, ObjectType):
            fields = [emit_go.exported(item.name) for item in named.fields]
            assert len(fields) == len(set(fields)), named.name
