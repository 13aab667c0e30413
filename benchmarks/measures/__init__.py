"""The benchmarks. Each takes the context and returns its rows; `ALL` has them by name, in the order they run."""

from benchmarks.context import Benchmark
from benchmarks.measures.calls import calls
from benchmarks.measures.clients import by_language
from benchmarks.measures.commands import commands
from benchmarks.measures.containers import container_commands, container_creating, container_crowd
from benchmarks.measures.creating import creating
from benchmarks.measures.idle import idle
from benchmarks.measures.output import output
from benchmarks.measures.starting import starting
from benchmarks.measures.switching import switching
from benchmarks.measures.transfers import transfers
from benchmarks.measures.watching import watching

__all__ = ["ALL", "CONTAINERS"]

CONTAINERS: dict[str, Benchmark] = {
    "docker-commands": container_commands,
    "docker-creating": container_creating,
    "docker-crowd": container_crowd,
}
"""Those that need a Docker Engine."""

ALL: dict[str, Benchmark] = {
    "starting": starting,
    "calls": calls,
    "commands": commands,
    "creating": creating,
    "switching": switching,
    "watching": watching,
    "output": output,
    "transfers": transfers,
    **CONTAINERS,
    **by_language(),
    "idle": idle,
}
