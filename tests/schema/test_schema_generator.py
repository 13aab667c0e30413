"""The command: what is committed is what the schema makes, drift is found, levels are frozen once."""

from __future__ import annotations

import json
import shutil
from pathlib import Path

import pytest
from generate.__main__ import canonical, freeze, main, outputs, write
from generate.load import SchemaError, merge
from generate.model import Schema


@pytest.fixture
def copy(root: Path, tmp_path: Path) -> Path:
    """A repository with the schema and nothing that is made from it."""
    (tmp_path / "schema").mkdir()
    shutil.copytree(root / "schema/nexus", tmp_path / "schema/nexus")
    shutil.copy(root / "schema/nexus.schema.json", tmp_path / "schema")
    return tmp_path


def test_what_is_committed_is_what_the_schema_makes(root: Path, capsys: pytest.CaptureFixture[str]) -> None:
    status = main(["--check"], root)
    assert (status, capsys.readouterr().err) == (0, "")


def test_the_outcome_does_not_depend_on_the_run(schema: Schema) -> None:
    again = merge(list(reversed(schema.documents)))
    assert outputs(again) == outputs(schema)


def test_generated_files_are_marked_and_end_in_one_newline(schema: Schema) -> None:
    for directory, files in outputs(schema).items():
        for name, text in files.items():
            head = text[:600]
            assert "Generated from " in head and "; do not edit." in head, f"{directory}/{name}"
            assert text.endswith("\n") and not text.endswith("\n\n"), f"{directory}/{name}"


def test_python_lines_are_short_enough(schema: Schema) -> None:
    files = outputs(schema)["sdk-python/src/nexus_sdk/protocol"]
    long = [
        line for name, text in files.items() if name.endswith(".py") for line in text.splitlines() if len(line) > 120
    ]
    # A hint is one string; it is not broken so that it can be searched for.
    assert [line for line in long if not line.lstrip().startswith("hint = ")] == []


def test_drift_is_found_and_mended(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert main(["--check"], copy) == 1
    assert "docs/reference/index.md: is missing" in capsys.readouterr().err
    assert main([], copy) == 0
    assert main(["--check"], copy) == 0
    capsys.readouterr()

    types = copy / "sdk-python/src/nexus_sdk/protocol/types.py"
    types.write_text(types.read_text().replace("class Empty(", "class Nothing("))
    (copy / "docs/reference/former.md").write_text("left over\n")
    (copy / "schema/vectors/Former.json").write_text("{}\n")
    (copy / "schema/vectors/hand").mkdir()
    (copy / "schema/vectors/hand/mine.json").write_text("{}\n")
    assert main(["--check"], copy) == 1
    said = capsys.readouterr().err
    assert "sdk-python/src/nexus_sdk/protocol/types.py: differs" in said and "-class Nothing(" in said
    assert "docs/reference/former.md: comes from no schema any more" in said
    assert "schema/vectors/Former.json: comes from no schema any more" in said
    assert "mine.json" not in said
    assert types.read_text().count("class Nothing(") == 1, "a check writes nothing"

    assert main([], copy) == 0
    assert main(["--check"], copy) == 0
    assert not (copy / "docs/reference/former.md").exists()
    assert (copy / "schema/vectors/hand/mine.json").exists()


def test_an_unsound_schema_writes_nothing(copy: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = copy / "schema/nexus/session.json"
    document = json.loads(path.read_text())
    document["methods"][0]["params"] = "Nowhere"
    path.write_text(json.dumps(document))
    assert main([], copy) == 1
    assert "schema: method session.ready: there is no type Nowhere" in capsys.readouterr().err
    assert not (copy / "docs").exists()


def test_freezing_and_breaking_a_promise(copy: Path, capsys: pytest.CaptureFixture[str], schema: Schema) -> None:
    level = schema.level
    assert main(["--freeze", str(level)], copy) == 0
    frozen = copy / f"schema/levels/{level}.json"
    merged = json.loads(frozen.read_text())
    assert (merged["level"], len(merged["domains"])) == (level, len(schema.documents))
    assert canonical(merge(merged["domains"])) == frozen.read_text(), "a level freezes to itself"
    assert main([], copy) == 0
    assert main(["--freeze", str(level)], copy) == 0, "freezing the same again is no change"

    path = copy / "schema/nexus/session.json"
    document = json.loads(path.read_text())
    document["types"]["SessionPong"]["required"] = []
    path.write_text(json.dumps(document))
    capsys.readouterr()
    before = frozen.read_text()
    assert main(["--freeze", str(level)], copy) == 1
    assert "frozen levels never change" in capsys.readouterr().err
    assert frozen.read_text() == before
    assert main([], copy) == 1
    assert f"level {level}: field SessionPong.time: was always there, is optional" in capsys.readouterr().err
    assert main(["--check"], copy) == 1


def test_only_todays_level_can_be_frozen(schema: Schema, tmp_path: Path) -> None:
    with pytest.raises(SchemaError, match=f"the schema is at level {schema.level}"):
        freeze(schema, schema.level + 1, tmp_path)
    assert list(tmp_path.iterdir()) == []


def test_a_second_write_touches_nothing(schema: Schema, tmp_path: Path) -> None:
    wanted = outputs(schema)
    assert write(tmp_path, wanted) == sum(len(files) for files in wanted.values())
    assert write(tmp_path, wanted) == 0
