"""A copy of the repository in which one thing at a time is broken, and the commands that must notice."""

from __future__ import annotations

import contextlib
import json
import os
import re
import shutil
import subprocess
import sys
from collections.abc import Iterator, Mapping
from dataclasses import dataclass, field
from pathlib import Path

ROOT = Path(__file__).resolve().parents[2]
DEADLINE_S = 120.0
"""How long a command may run. Each takes seconds; one that runs into this hangs, which nobody would call a test."""

TOOLS = ("pytest", "go", "vitest")
_TEXTS = ("title", "file", "find", "replace")
_PASSED = {"pytest": r"\b\d+ passed", "go": r"^ok\s", "vitest": r"Tests .*\d+ passed"}
_FAILED = {"pytest": r"\b\d+ failed", "go": r"--- FAIL: ", "vitest": r"Tests .*\d+ failed"}
_NOTHING = {"pytest": r"no tests ran", "go": r"no tests to run", "vitest": r"No test files found"}
"""What a tool says when a test passed, when one failed, and when none was there.

A copy that no longer compiles fails no test, and so proves nothing of any."""


@dataclass(frozen=True)
class Command:
    """A focused test: the tool, its arguments, and the folder it runs in."""

    tool: str
    arguments: tuple[str, ...]
    folder: str

    def __str__(self) -> str:
        return " ".join([self.tool, *self.arguments])


@dataclass(frozen=True)
class Mutation:
    """One way to break one file.

    Attributes:
        title: what is broken, as a sentence.
        file: the file, from the root of the repository.
        find: text that is in it exactly once.
        replace: what to write instead.
        generate: whether everything is generated anew afterwards, as somebody who changes the generator would do.
        run: the test that must fail.
    """

    title: str
    file: str
    find: str
    replace: str
    generate: bool
    run: Command


class Stale(AssertionError):
    """The text of a mutation is not in its file, or not only once."""


def load(path: Path) -> list[Mutation]:
    """Read a file of mutations: a list of objects with `title`, `file`, `find`, `replace`, `run`, optional `generate`.

    A text may be a list of lines.

    Raises:
        ValueError: a member is missing or unknown, or the tool is.
    """
    found = []
    for number, entry in enumerate(json.loads(path.read_text(encoding="utf-8"))):
        wrong = (set(entry) - {"generate"}) ^ {*_TEXTS, "run"}
        if wrong:
            raise ValueError(f"{path.name}: entry {number}: missing or unknown members: {', '.join(sorted(wrong))}")
        tool, *arguments = entry["run"]
        if tool not in TOOLS:
            raise ValueError(f"{path.name}: entry {number}: no tool {tool!r}; there are {', '.join(TOOLS)}")
        folder = {"pytest": ".", "go": "sdk-go", "vitest": "sdk-typescript"}[tool]
        command = Command(tool, tuple(arguments), folder)
        text = {name: "\n".join(entry[name]) if isinstance(entry[name], list) else entry[name] for name in _TEXTS}
        found.append(Mutation(**text, generate=entry.get("generate", False), run=command))
    return found


def mutated(mutation: Mutation, text: str) -> str:
    """The text of a file with the mutation in it.

    Raises:
        Stale: what is to be replaced does not occur exactly once.
    """
    count = text.count(mutation.find)
    if count != 1:
        raise Stale(f"{mutation.title}: the text to replace occurs {count} times in {mutation.file}")
    return text.replace(mutation.find, mutation.replace)


def verdict(tool: str, code: int, output: str) -> str:
    """What a run shows: ``passed``, ``failed``, or ``broken`` when no test ran to its end."""
    if code == 0:
        nothing = re.search(_NOTHING[tool], output) or not re.search(_PASSED[tool], output, re.MULTILINE)
        return "broken" if nothing else "passed"
    return "failed" if re.search(_FAILED[tool], output, re.MULTILINE) else "broken"


@dataclass
class Tree:
    """A copy of the repository's files.

    Attributes:
        folder: where it is.
        tools: how each tool is started, and its environment.
        files: the content of every file, by its path.
    """

    folder: Path
    tools: Mapping[str, tuple[list[str], Mapping[str, str]]]
    files: dict[str, bytes] = field(default_factory=dict)
    _passing: dict[Command, str] = field(default_factory=dict)

    @classmethod
    def copy(cls, folder: Path, tools: Mapping[str, tuple[list[str], Mapping[str, str]]]) -> Tree:
        """Copy what git knows and what it would, with the changes that are not committed yet."""
        listing = ["git", "ls-files", "-z", "--cached", "--others", "--exclude-standard"]
        names = subprocess.run(listing, cwd=ROOT, check=True, capture_output=True, text=True).stdout.split("\0")
        files = {name: (ROOT / name).read_bytes() for name in names if name and (ROOT / name).is_file()}
        tree = cls(folder, tools, files)
        tree.restore()
        modules = ROOT / "sdk-typescript" / "node_modules"
        if modules.is_dir():
            (folder / "sdk-typescript" / "node_modules").symlink_to(modules, target_is_directory=True)
        return tree

    def restore(self) -> None:
        """Make every file what it was, and remove those that the generator made."""
        for name, content in self.files.items():
            path = self.folder / name
            if not path.is_file() or path.read_bytes() != content:
                path.parent.mkdir(parents=True, exist_ok=True)
                path.write_bytes(content)
                shutil.copymode(ROOT / name, path)
        for folder in ("docs", "schema", "sdk-go", "sdk-python"):
            for path in (self.folder / folder).rglob("*"):
                name = str(path.relative_to(self.folder))
                if path.is_file() and name not in self.files and "__pycache__" not in path.parts:
                    path.unlink()

    @contextlib.contextmanager
    def broken_by(self, mutation: Mutation) -> Iterator[None]:
        """The tree with a mutation in it; as it was afterwards.

        Raises:
            Stale: the mutation fits the file no longer.
        """
        path = self.folder / mutation.file
        path.write_text(mutated(mutation, path.read_text(encoding="utf-8")), encoding="utf-8")
        try:
            if mutation.generate:
                made = self._start([sys.executable, "-m", "generate"], self.folder, self.tools["pytest"][1])
                assert made.returncode == 0, f"nothing can be generated: {made.stdout[-2000:]}"
            yield
        finally:
            self.restore()

    def run(self, command: Command) -> tuple[str, str]:
        """Run a command; its verdict and its output.

        Raises:
            subprocess.TimeoutExpired: it took longer than the deadline.
        """
        start, environ = self.tools[command.tool]
        ran = self._start([*start, *command.arguments], self.folder / command.folder, environ)
        return verdict(command.tool, ran.returncode, ran.stdout), ran.stdout

    def unharmed(self, command: Command) -> str:
        """The verdict on a command in the unchanged tree; run once."""
        if command not in self._passing:
            self._passing[command], _ = self.run(command)
        return self._passing[command]

    def _start(self, argv: list[str], folder: Path, environ: Mapping[str, str]) -> subprocess.CompletedProcess[str]:
        return subprocess.run(
            argv,
            cwd=folder,
            env={**environ, "PYTHONPATH": os.pathsep.join(str(self.folder / path) for path in _PYTHON_PATH)},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=DEADLINE_S,
            check=False,
        )


_PYTHON_PATH = ("sdk-python/src", "daemon", "cli", "schema")
