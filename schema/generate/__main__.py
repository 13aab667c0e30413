"""Command line: ``python -m generate [--check | --freeze N]``, with ``schema/`` on the path.

Exit status: 0 when everything is as it should be, 1 for drift, a broken promise or an unsound schema.
"""

from __future__ import annotations

import argparse
import difflib
import json
import sys
from collections.abc import Iterator
from pathlib import Path

from generate import compat, emit_docs, emit_go, emit_openrpc, emit_python, emit_sync, emit_typescript, emit_vectors
from generate.load import SchemaError, load_directory, merge
from generate.model import Schema

REPOSITORY = Path(__file__).resolve().parents[2]
DIFF_LINES = 12
"""Lines of each difference that ``--check`` shows."""


def outputs(schema: Schema) -> dict[str, dict[str, str]]:
    """Directory to file name to content, relative to the repository.

    The generator owns ``*`` of the kinds it writes in these directories: other files of that kind
    are left-overs of a former schema and are removed.
    """
    protocol = emit_python.emit(schema)
    protocol["openrpc.json"] = emit_openrpc.emit_compact(schema)
    return {
        "sdk-python/src/nexus_sdk/protocol": protocol,
        "sdk-python/src/nexus_sdk/sync": emit_sync.emit(schema),
        "docs/reference": emit_docs.emit(schema),
        "schema/vectors": emit_vectors.emit(schema),
        "schema": {"openrpc.json": emit_openrpc.emit(schema)},
        "sdk-typescript/src/protocol": emit_typescript.emit(schema),
        "sdk-typescript/test/protocol": emit_typescript.emit_shapes(schema),
        "sdk-go/protocol": emit_go.emit(schema),
        "sdk-go": emit_go.emit_root(schema),
    }


OWNED = {
    "sdk-python/src/nexus_sdk/protocol": "*.*",
    "sdk-python/src/nexus_sdk/sync": "*.py",
    "docs/reference": "*.md",
    "schema/vectors": "*.json",
}
"""Directories in which every file of a kind is generated."""


def drift(root: Path, wanted: dict[str, dict[str, str]]) -> Iterator[tuple[Path, str | None, str | None]]:
    """Files that differ: path, what is there and what should be, None for absent."""
    for directory, files in wanted.items():
        for name, text in sorted(files.items()):
            path = root / directory / name
            there = path.read_text(encoding="utf-8") if path.is_file() else None
            if there != text:
                yield path, there, text
        if directory in OWNED:
            for path in sorted((root / directory).glob(OWNED[directory])):
                if path.is_file() and path.name not in files:
                    yield path, path.read_text(encoding="utf-8"), None


def write(root: Path, wanted: dict[str, dict[str, str]]) -> int:
    """Brings the files up to date and returns how many were touched."""
    changes = list(drift(root, wanted))
    for path, _, text in changes:
        if text is None:
            path.unlink()
        else:
            path.parent.mkdir(parents=True, exist_ok=True)
            path.write_text(text, encoding="utf-8", newline="\n")
    return len(changes)


def summary(root: Path, wanted: dict[str, dict[str, str]]) -> list[str]:
    """What ``--check`` prints: the beginning of each difference."""
    lines = []
    for path, there, text in drift(root, wanted):
        name = path.relative_to(root).as_posix()
        if there is None:
            lines.append(f"{name}: is missing")
        elif text is None:
            lines.append(f"{name}: comes from no schema any more")
        else:
            lines.append(f"{name}: differs")
            difference = difflib.unified_diff(
                there.splitlines(), text.splitlines(), "there", "wanted", lineterm="", n=1
            )
            lines += [f"    {line}" for line, _ in zip(difference, range(DIFF_LINES), strict=False)]
    return lines


def canonical(schema: Schema) -> str:
    """The merged schema as JSON with sorted keys: what a frozen level is."""
    merged = {"level": schema.level, "domains": list(schema.documents)}
    return json.dumps(merged, indent=1, sort_keys=True, ensure_ascii=False) + "\n"


def frozen_levels(directory: Path) -> dict[int, Schema]:
    """Every frozen level by its number."""
    levels = {}
    for path in sorted(directory.glob("*.json")):
        merged = json.loads(path.read_text(encoding="utf-8"))
        levels[int(path.stem)] = merge(merged["domains"])
    return levels


def freeze(schema: Schema, level: int, directory: Path) -> Path:
    """Writes a level. Raises SchemaError when it is not today's, or was frozen before otherwise."""
    if level != schema.level:
        raise SchemaError([f"level {level} cannot be frozen: the schema is at level {schema.level}"])
    path, text = directory / f"{level}.json", canonical(schema)
    if path.exists() and path.read_text(encoding="utf-8") != text:
        raise SchemaError([f"level {level} is frozen already and differs from the schema; frozen levels never change"])
    directory.mkdir(parents=True, exist_ok=True)
    path.write_text(text, encoding="utf-8", newline="\n")
    return path


def broken_promises(schema: Schema, directory: Path) -> list[str]:
    """What today's schema breaks of each frozen level."""
    return [
        f"level {level}: {problem}"
        for level, frozen in frozen_levels(directory).items()
        for problem in compat.breaks(frozen, schema, level)
    ]


def main(arguments: list[str] | None = None, root: Path = REPOSITORY) -> int:
    """Runs the generator on a repository and returns the exit status."""
    parser = argparse.ArgumentParser(prog="python -m generate", description="Writes what is derived from the schema.")
    mode = parser.add_mutually_exclusive_group()
    mode.add_argument("--check", action="store_true", help="write nothing; say what differs and exit with 1")
    mode.add_argument("--freeze", type=int, metavar="N", help="freeze the schema as level N in schema/levels")
    options = parser.parse_args(arguments)
    source, levels = root / "schema", root / "schema" / "levels"
    try:
        schema = load_directory(source / "nexus", source / "nexus.schema.json")
        if options.freeze is not None:
            print(f"frozen: {freeze(schema, options.freeze, levels).relative_to(root)}")
            return 0
        wanted = outputs(schema)
    except SchemaError as error:
        print(*(f"schema: {problem}" for problem in error.problems), sep="\n", file=sys.stderr)
        return 1
    problems = broken_promises(schema, levels)
    if options.check:
        problems += summary(root, wanted)
    else:
        print(f"level {schema.level}: {write(root, wanted)} files written")
    if problems:
        print(*problems, sep="\n", file=sys.stderr)
    return 1 if problems else 0


if __name__ == "__main__":
    sys.exit(main())
