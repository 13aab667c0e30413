"""The SDKs, each beside a bare WebSocket client of its language."""

from __future__ import annotations

import itertools
import os
from contextlib import ExitStack

from benchmarks.context import Benchmark, Context
from benchmarks.programs import LANGUAGES, Language, Program
from benchmarks.rounds import alternate
from benchmarks.rows import Bar, Row
from benchmarks.sizes import MIB

__all__ = ["by_language"]

DEPTH = 64
NAME = "download.bin"
WARM = 50
"""Connections that are open before memory is looked at, so that what is shared by all is there already."""
SLICES = 4
"""Each round is cut into so many that take turns: ours and the bare client are close, and must meet the same load."""
CALLS, DOWNLOAD = Bar(0.6, "least"), Bar(0.5, "least")
_serial = itertools.count(1)


def by_language() -> dict[str, Benchmark]:
    """A benchmark for each language, by name."""
    return {_slug(language): _benchmark(language) for language in LANGUAGES}


def _slug(language: Language) -> str:
    return "client-" + language.name.split()[0].lower()


def _benchmark(language: Language) -> Benchmark:
    def clients(context: Context) -> list[Row]:
        """Calls, runs, downloads and idle connections."""
        return _Clients(context, language).rows()

    return clients


class _Clients:
    def __init__(self, context: Context, language: Language) -> None:
        self.context = context
        self.language = language
        self.workspace = str(context.workspace["id"])
        self.argv = language.build(context.directory)
        self.size = max(MIB, context.sizes.transfer // SLICES)

    def rows(self) -> list[Row]:
        sizes, each = self.context.sizes, self.context.sizes.clients
        self._make_file()
        with ExitStack() as stack:
            sdk, bare = (stack.enter_context(self._start(kind)).connect(self.context.daemon) for kind in _KINDS)
            for program in (sdk, bare):  # compilers that work while a program runs have then done so
                program.tell("calls", count=sizes.calls // 4, depth=DEPTH)
            both = (sdk, bare)
            calls = alternate(sizes.rounds * SLICES, *(lambda p=p: self._calls(p) for p in both))
            runs = alternate(sizes.rounds * SLICES, *(lambda p=p: self._runs(p) for p in both))
            down = alternate(sizes.transfers * SLICES, *(lambda p=p: self._download(p) for p in both))
        held = alternate(min(sizes.transfers, 2), *(lambda kind=kind: self._held(kind) for kind in _KINDS))

        def row(what: str, unit: str, figures: list[float], bar: Bar | None = None, client: str = "") -> Row:
            ours, peer = figures
            beside = f"bare {self.language.bare}"
            return Row(f"{self.language.name}: {what}", unit, ours, peer, bar, beside, client)

        return [
            row("session.ping, pipelined", "calls/s", calls, CALLS, f"1 connection x {DEPTH} in flight"),
            row("exec.run true", "ms", [seconds * 1e3 for seconds in runs]),
            row(f"fs.download, {self.size // MIB} MiB", "GB/s", down, DOWNLOAD, "bytes dropped"),
            row(f"idle connection, of {each}", "KB", [bytes_ / 1e3 for bytes_ in held], client="memory of the client"),
        ]

    def _start(self, kind: str) -> Program:
        log = self.context.directory / f"{_slug(self.language)}-{kind}-{next(_serial)}.log"
        return Program([*self.argv, kind], log)

    def _calls(self, program: Program) -> float:
        count = self.context.sizes.calls // SLICES
        return count / program.tell("calls", count=count, depth=DEPTH)

    def _runs(self, program: Program) -> float:
        return program.tell("runs", count=max(1, self.context.sizes.runs // SLICES), workspace=self.workspace)

    def _download(self, program: Program) -> float:
        seconds = program.tell("download", workspace=self.workspace, path=NAME, size=self.size)
        return self.size / seconds / 1e9

    def _held(self, kind: str) -> float:
        """Bytes per connection of a client that holds many."""
        count = self.context.sizes.clients
        with self._start(kind).connect(self.context.daemon) as program:
            program.tell("hold", count=min(WARM, count))
            before = program.resident()
            program.tell("hold", count=count)
            return (program.resident() - before) / count

    def _make_file(self) -> None:
        path = os.path.join(str(self.context.workspace["worktree"]), NAME)
        if os.path.exists(path) and os.path.getsize(path) == self.size:
            return
        block = os.urandom(MIB)
        with open(path, "wb") as file:
            for _ in range(self.size // MIB):
                file.write(block)


_KINDS = ("sdk", "bare")
