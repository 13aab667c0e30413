"""Every vector through the generated structs and through an independent JSON Schema validator: both must agree."""

from __future__ import annotations

import base64
import binascii
import functools
import importlib.util
import json
import re
import sys
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from typing import Any

import jsonschema  # type: ignore[import-untyped]
import msgspec
import pytest
from generate import emit_python, emit_vectors, standard
from generate.load import load_directory, load_documents
from generate.model import Free, ObjectType, Schema
from nexus_sdk.protocol import types

ROOT = Path(__file__).resolve().parents[2]
VECTORS = ROOT / "schema/vectors"
PREFIX = "#/$defs/"
Vector = dict[str, Any]
RFC3339 = re.compile(r"[0-9]{4}-[0-9]{2}-[0-9]{2}T[0-9]{2}:[0-9]{2}:[0-9]{2}(\.[0-9]+)?(Z|[+-][0-9]{2}:[0-9]{2})")


def collect(directory: Path) -> Iterator[tuple[str, str, bool, Vector]]:
    """Source, type, whether it is valid, and the vector."""
    for path in sorted(directory.glob("*.json")):
        yield from _split(path.name, json.loads(path.read_text(encoding="utf-8")))
    for path in sorted((directory / "hand").glob("*.json")):
        for entry in json.loads(path.read_text(encoding="utf-8"))["vectors"]:
            yield from _split(f"hand/{path.name}", entry)


def _split(source: str, entry: dict[str, Any]) -> Iterator[tuple[str, str, bool, Vector]]:
    for valid, key in ((True, "valid"), (False, "invalid")):
        for vector in entry[key]:
            yield source, entry["type"], valid, vector


ALL = list(collect(VECTORS))


def wire(vector: Vector) -> bytes:
    """The JSON text of a vector."""
    text = vector["raw"] if "raw" in vector else json.dumps(vector["value"])
    return str(text).encode("utf-8")


@functools.cache
def decoder(name: str) -> msgspec.json.Decoder[Any]:
    return msgspec.json.Decoder(getattr(types, name))


class NotJson(Exception):
    """Text that is no JSON, or JSON whose strings are no text."""


def parse(text: bytes) -> Any:
    """Strict JSON by the standard library: no NaN, no lone surrogates."""

    def refuse(name: str) -> Any:
        raise NotJson(name)

    try:
        value = json.loads(text.decode("utf-8"), parse_constant=refuse)
        json.dumps(value, ensure_ascii=False).encode("utf-8")
    except ValueError as error:
        raise NotJson(str(error)) from error
    return value


def _formats() -> jsonschema.FormatChecker:
    checker = jsonschema.FormatChecker(formats=())

    def date_time(value: object) -> bool:
        if not isinstance(value, str):
            return True
        if RFC3339.fullmatch(value) is None:
            return False
        try:
            datetime.fromisoformat(value)
        except ValueError:
            return False
        return True

    checker.checks("date-time")(date_time)
    return checker


def _pattern(_: Any, pattern: str, value: object, __: Any) -> Iterator[Any]:
    """``$`` is the very end of the text, as it is everywhere but in Python."""
    if isinstance(value, str) and re.search(re.sub(r"\$$", r"(?!\\n)$", pattern), value) is None:
        yield jsonschema.ValidationError(f"{value!r} does not match")


def _base64(_: Any, encoding: str, value: object, __: Any) -> Iterator[Any]:
    if encoding == "base64" and isinstance(value, str):
        try:
            base64.b64decode(value, validate=True)
        except binascii.Error as error:
            yield jsonschema.ValidationError(str(error))


# An integer is what is written as one: 1.0 is not, though JSON Schema would take it.
_STRICT = jsonschema.Draft202012Validator.TYPE_CHECKER.redefine(
    "integer", lambda _, value: isinstance(value, int) and not isinstance(value, bool)
)
Validator = jsonschema.validators.extend(
    jsonschema.Draft202012Validator, {"pattern": _pattern, "contentEncoding": _base64}, type_checker=_STRICT
)


@functools.cache
def real_shapes() -> dict[str, Any]:
    return standard.schemas(load_directory(ROOT / "schema/nexus", ROOT / "schema/nexus.schema.json"), PREFIX)


@functools.cache
def validator(name: str) -> Any:
    return validator_of(real_shapes(), name)


def validator_of(shapes: dict[str, Any], name: str) -> Any:
    """A validator of one type, with no more definitions than it needs."""
    needed: dict[str, Any] = {}
    open_names = [name]
    while open_names:
        current = open_names.pop()
        if current not in needed:
            needed[current] = shapes[current]
            open_names += re.findall(r'"#/\$defs/([A-Za-z0-9]+)"', json.dumps(shapes[current]))
    return Validator({"$ref": PREFIX + name, "$defs": needed}, format_checker=_formats())


def oracle(check: Any, value: Any) -> set[tuple[str | int, ...]]:
    """Places at which the independent validator finds something wrong."""
    places = set()
    for error in check.iter_errors(value):
        places |= _places(error)
    return places


def _places(error: Any) -> set[tuple[str | int, ...]]:
    if error.validator != "oneOf":
        return {tuple(error.absolute_path)}
    if not isinstance(error.instance, dict):
        return {tuple(error.absolute_path)}
    branches: dict[int, list[Any]] = {}
    for cause in error.context:
        branches.setdefault(cause.schema_path[0], []).append(cause)
    for causes in branches.values():
        if not any(_about_tag(cause) for cause in causes):
            return set().union(*(_places(cause) for cause in causes))
    tag = ("kind",) if "kind" in error.instance else ()
    return {(*error.absolute_path, *tag)}


def _about_tag(cause: Any) -> bool:
    missing = cause.validator == "required" and "'kind' is a required" in cause.message
    return missing or (bool(cause.relative_path) and cause.relative_path[0] == "kind")


STEP = re.compile(r"\.([A-Za-z_][A-Za-z0-9_]*)|\[(\d+)\]|(\[\.\.\.\])")


def steps(path: str) -> list[str | int | None]:
    """``$.env[...]`` as steps; None is any entry of a map."""
    assert path[0] == "$"
    found: list[str | int | None] = []
    rest = path[1:]
    while rest:
        match = STEP.match(rest)
        assert match is not None, path
        name, index, entry = match.groups()
        found.append(None if entry else name if name is not None else int(index))
        rest = rest[match.end() :]
    return found


def same_place(place: tuple[str | int, ...], path: str) -> bool:
    wanted = steps(path)
    return len(place) == len(wanted) and all(b is None or a == b for a, b in zip(place, wanted, strict=True))


def msgspec_path(error: Exception) -> str:
    match = re.search(r" - at `(.*)`$", str(error))
    return match.group(1) if match else "$"


def judge(check: Any, read: msgspec.json.Decoder[Any], valid: bool, vector: Vector) -> list[str]:
    """What is wrong with our reading of one vector; empty when all agree."""
    text = wire(vector)
    try:
        places = oracle(check, parse(text))
        by_oracle = not places
    except NotJson:
        places, by_oracle = {()}, False
    problems = []
    if by_oracle != valid:
        problems.append(f"the validator says {'valid' if by_oracle else f'invalid at {sorted(map(str, places))}'}")
    try:
        value = read.decode(text)
    except msgspec.DecodeError as error:
        if valid:
            problems.append(f"the struct refuses it: {error}")
        else:
            if msgspec_path(error) != vector["path"]:
                problems.append(f"the struct refuses it at {msgspec_path(error)}")
            problems += [
                f"the validator refuses it at {place}" for place in places if not same_place(place, vector["path"])
            ]
        return problems
    if not valid:
        return [*problems, "the struct takes it"]
    again = msgspec.json.encode(value)
    if msgspec.json.encode(read.decode(again)) != again:
        problems.append("it changes when it is written and read again")
    if oracle(check, parse(again)):
        problems.append(f"what we write for it is refused by the validator: {again!r}")
    return problems


@pytest.mark.parametrize("name", sorted({name for _, name, _, _ in ALL}))
def test_vectors(name: str) -> None:
    problems = [
        f"{source}: {vector['name']}: {problem}"
        for source, wanted, valid, vector in ALL
        if wanted == name
        for problem in judge(validator(name), decoder(name), valid, vector)
    ]
    assert problems == []


def test_every_type_has_vectors_of_both_kinds(schema: Schema) -> None:
    for name in schema.types:
        kinds = {valid for source, wanted, valid, _ in ALL if wanted == name and not source.startswith("hand/")}
        assert kinds == {True, False}, name


def test_every_field_is_seen_present_absent_and_wrong(schema: Schema) -> None:
    for named in schema.types.values():
        if not isinstance(named, ObjectType):
            continue
        vectors = [
            (valid, vector["value"]) for source, name, valid, vector in ALL if name == named.name and "value" in vector
        ]
        for item in named.fields:
            valid = [value for good, value in vectors if good]
            assert any(item.name in value for value in valid), f"{named.name}.{item.name}"
            assert item.required or any(item.name not in value for value in valid), f"{named.name}.{item.name}"
            wrong = [value for good, value in vectors if not good and isinstance(value, dict)]
            missing = item.required and any(item.name not in value for value in wrong)
            bad = any(value.get(item.name) not in (v.get(item.name) for v in valid) for value in wrong)
            assert missing or not item.required, f"{named.name}.{item.name} is never missing"
            assert bad or isinstance(item.shape, Free), f"{named.name}.{item.name}"


def test_hand_written_vectors_name_real_types_and_say_something_new(schema: Schema) -> None:
    for source, name, _, vector in ALL:
        assert name in schema.types, f"{source}: {name}"
        assert set(vector) <= {"name", "value", "raw", "path"}, vector
        assert ("value" in vector) != ("raw" in vector), vector


def test_the_oracle_can_say_no(schema: Schema) -> None:
    """A validator that takes everything would agree with nobody else's mistakes."""
    check = validator("ExecStartParams")
    assert oracle(check, {"workspace": "w", "argv": ["true"]}) == set()
    assert oracle(check, {"workspace": "w", "argv": []}) == {("argv",)}
    assert oracle(check, {"workspace": 1, "argv": ["true"], "more": 1}) == {("workspace",), ()}
    with pytest.raises(NotJson):
        parse(b'"\\ud800"')


def test_every_construct_of_the_dialect_has_vectors_that_agree(
    tiny: dict[str, Any], meta_schema: dict[str, Any], tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """The small schema has constructs that the real one may not use today."""
    small = load_documents([tiny], meta_schema)
    path = tmp_path / "tiny_types.py"
    path.write_text(emit_python.emit(small)["types.py"], encoding="utf-8")
    spec = importlib.util.spec_from_file_location("tiny_types", path)
    assert spec is not None and spec.loader is not None
    module = importlib.util.module_from_spec(spec)
    # Structs find the names in their annotations through the module they say they are from.
    monkeypatch.setitem(sys.modules, "tiny_types", module)
    spec.loader.exec_module(module)
    shapes = standard.schemas(small, PREFIX)
    problems = []
    for name in small.types:
        vectors = emit_vectors.build(small, name)
        read, check = msgspec.json.Decoder(getattr(module, name)), validator_of(shapes, name)
        for valid, group in ((True, vectors.valid), (False, vectors.invalid)):
            for vector in group:
                problems += [f"{name}: {vector['name']}: {problem}" for problem in judge(check, read, valid, vector)]
    assert problems == []
    put = msgspec.json.decode(b'{"box":"b","workspace":"w","from":"a"}', type=module.PutParams)
    assert (put.from_, put.sizes, put.lid, put.note) == ("a", [1, 2], "open", msgspec.UNSET)
    again = msgspec.json.decode(msgspec.json.encode(put), type=module.PutParams)
    assert again == put
