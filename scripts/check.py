"""Runs every check of the project and says what passed, how long it took, and what to do about what did not.

``make test`` calls it without arguments; ``make test ARGS="lint tests"`` runs only those. With ``CI=true`` a missing
engine is a failure, not a skip.

Checks that wait more than they compute run beside each other. Those that would see each other's processes, engines or
ports get a machine of their own: namespaces of the kernel, which end with everything in them. Where those cannot be
had, they follow each other.
"""

from __future__ import annotations

import os
import shutil
import subprocess
import sys
import tempfile
import threading
import time
from collections.abc import Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.dockerd import Unavailable, address, answers, install  # noqa: E402 - found from the line above

PYTHON = sys.executable
DOCKER = "tests/daemon/backends/docker"
CRASHES = [f"{DOCKER}/test_docker_killed.py", f"{DOCKER}/test_docker_checkpoints_killed.py"]
"""Tests that kill a daemon in the middle of each step."""
ENGINE = [
    "tests/benchmarks/test_benchmarks_containers.py",
    "tests/contract",
    DOCKER,
    "tests/daemon/workspaces/test_workspaces_follow.py",
    "tests/docs/test_docs_demo_docker.py",
]
"""Tests that run an engine, of which a machine bears one at a time."""
DRIVERS = ["tests/driver/test_driver_docker.py"]
"""One more, which fetches what the drivers are built with: it needs the network."""
PROCESSES = ["tests/daemon/backends/host", "tests/daemon/backends/keeper", "tests/daemon/processes"]
"""Tests that look for processes of workspaces whose names they share, so that none of them may run beside another."""
GO = ["tests/init", "tests/sdk_go"]
"""Tests that compile first, and then wait."""
MUTATIONS = ["tests/mutations"]
"""Tests that run other tests in broken copies."""
LIBRARY_SOCKETS = "ignore:unclosed <socket.socket:ResourceWarning"
"""The `docker` library leaves the sockets of requests that were given up to the garbage collector, which finds them in
the middle of whichever test comes then."""
SLOWEST = ["--durations=25", "--durations-min=4"]
"""What is told of the tests that took longest."""
TYPED = ["daemon/nexusd", "sdk-python/src/nexus_sdk", "cli/boulder", "schema/generate", "benchmarks"]


@dataclass(frozen=True)
class Check:
    """One check.

    Attributes:
        command: what it runs.
        hint: what to do when it fails.
        apart: whether it gets a machine of its own: no network but its own, no process but its own.
    """

    command: list[str]
    hint: str = "see the lines above"
    apart: bool = False


def tests(*words: str, without: Sequence[str] = (), apart: bool = False) -> Check:
    """A check that runs tests."""
    ignored = [f"--ignore={path}" for path in without]
    command = [PYTHON, "-m", "pytest", "-q", *SLOWEST, *ignored, *words]
    return Check(command, "run a failed test alone: make unit ARGS=path::name", apart)


WORKERS = ["-n", "auto", "--dist"]
CHECKS = {
    "format": Check([PYTHON, "-m", "ruff", "format", "--check", "--quiet", "."], "run `make format`"),
    "lint": Check([PYTHON, "-m", "ruff", "check", "--quiet", "."]),
    "types": Check([PYTHON, "-m", "mypy", "--no-error-summary", *TYPED]),
    "generated": Check([PYTHON, "-m", "generate", "--check"], "run `make generate` and commit"),
    "config page": Check([PYTHON, "scripts/config_reference.py", "--check"], "run `make generate` and commit"),
    "engine tests": tests("-W", LIBRARY_SOCKETS, *ENGINE, without=CRASHES, apart=True),
    "crash tests": tests("-W", LIBRARY_SOCKETS, *CRASHES, apart=True),
    "process tests": tests(*PROCESSES, apart=True),
    "driver tests": tests("-W", LIBRARY_SOCKETS, *DRIVERS),
    "go tests": tests(*GO),
    "tests": tests(*WORKERS, "loadfile", "tests", without=[*ENGINE, *CRASHES, *DRIVERS, *PROCESSES, *GO, *MUTATIONS]),
    "mutations": Check(
        [PYTHON, "-m", "pytest", "-q", *WORKERS, "load", *MUTATIONS],
        "one that survives wants a test, one that is stale a new text",
    ),
}

Streams = list[list[str]]
"""Checks that follow each other, in streams that run at the same time."""

FIRST: Streams = [["types"], ["format", "lint", "generated", "config page"]]
APART: Streams = [["engine tests", "process tests"], ["crash tests"], ["driver tests", "go tests"]]
TOGETHER: Streams = [["engine tests", "crash tests", "driver tests"], ["process tests", "go tests"]]
"""The same on one machine."""
LAST: list[Streams] = [[["tests"]], [["mutations"]]]
"""What computes all the time, on all processors."""

NAMESPACES = ["unshare", "--net", "--mount", "--pid", "--ipc", "--fork", "--mount-proc", "--kill-child"]
BEGIN = 'ip link set lo up && "$@"; exit $?'
"""The first process of a machine: a shell, for it reaps whatever is left to it, and stays until its command ends."""


def apart(command: list[str]) -> list[str]:
    """The command, on a machine of its own."""
    return [*NAMESPACES, "sh", "-c", BEGIN, "sh", *command]


def no_machines(names: list[str]) -> str:
    """Why these checks cannot have machines of their own here; empty when they can."""
    if {"engine tests", "crash tests"}.intersection(names):
        try:
            install()  # no network reaches into there
        except Unavailable as reason:
            return str(reason)
        if answers(address()):
            return "a Docker Engine runs, whose ports would be out of reach"
    tried = subprocess.run(apart(["true"]), capture_output=True, text=True, check=False)
    return "" if tried.returncode == 0 else tried.stderr.strip() or f"unshare ended with {tried.returncode}"


class Run:
    """One run of checks, and what came of each.

    Args:
        machines: whether checks may have machines of their own.
    """

    def __init__(self, machines: bool) -> None:
        self.machines = machines
        self.lines: list[str] = []
        self.failed = False
        self._given_up = False
        self._env = {**os.environ, "PYTHONPATH": str(ROOT / "schema")}
        self._telling = threading.Lock()

    def together(self, streams: Streams) -> None:
        """Run streams at the same time. What fails in one stops no other, nor what follows it."""
        if len(streams) == 1:
            for name in streams[0]:
                print(f"== {name}", flush=True)
                self._note(name, *self._ended(name, None))
            return
        print(f"== side by side: {'; '.join(', '.join(stream) for stream in streams)}", flush=True)
        with ThreadPoolExecutor(len(streams)) as pool:
            try:
                for done in [pool.submit(self._stream, stream) for stream in streams]:
                    done.result()
            except BaseException:  # Ctrl-C, which the checks have got too
                self._given_up = True
                raise

    def _stream(self, names: list[str]) -> None:
        for name in names:
            if self._given_up:
                return
            with tempfile.TemporaryFile() as said:
                code, seconds, computed = self._ended(name, said.fileno())
                said.seek(0)
                with self._telling:
                    print(f"== {name}\n{said.read().decode(errors='replace')}", flush=True)
                    self._note(name, code, seconds, computed)

    def _ended(self, name: str, output: int | None) -> tuple[int, float, float]:
        """Run a check; its exit code, and the seconds that it took and computed."""
        check, began = CHECKS[name], time.monotonic()
        command, env, folder = check.command, self._env, None
        if output is not None:
            # Tests look for what engines leave there. Short, as addresses of sockets must be.
            folder = tempfile.mkdtemp(prefix="nx")
            env = {**env, "TMPDIR": folder}
        if check.apart and self.machines:
            command = apart(command)
        process = subprocess.Popen(command, cwd=ROOT, env=env, stdout=output, stderr=output)
        _, status, used = os.wait4(process.pid, 0)
        process.returncode = os.waitstatus_to_exitcode(status)
        if folder is not None and (process.returncode == 0 or not os.listdir(folder)):
            shutil.rmtree(folder, ignore_errors=True)  # what a failed one left may tell why
        return process.returncode, time.monotonic() - began, used.ru_utime + used.ru_stime

    def _note(self, name: str, code: int, seconds: float, computed: float) -> None:
        mark, hint = ("ok  ", "") if code == 0 else ("FAIL", f"   {CHECKS[name].hint}")
        self.lines.append(f"  {mark} {name:<13} {seconds:6.1f} s, computed {computed:6.1f} s{hint}")
        self.failed = self.failed or code != 0


def main(names: list[str]) -> int:
    """Run the named checks, all by default. Returns the exit code."""
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"no check named {', '.join(unknown)}; there are: {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    wanted = names or list(CHECKS)
    why = no_machines(wanted) if any(CHECKS[name].apart for name in wanted) else ""
    if why:
        print(f"== engines and processes share this machine, and follow each other: {why}", flush=True)
    run = Run(machines=not why)
    for streams in [FIRST, TOGETHER if why else APART, *LAST]:
        chosen = [[name for name in stream if name in wanted] for stream in streams]
        if chosen := [stream for stream in chosen if stream]:
            run.together(chosen)
    print("\n".join(["", *run.lines]))
    return 1 if run.failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
