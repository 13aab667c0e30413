"""Runs every check of the project and says what passed, how long it took, and what to do about what did not.

``make test`` calls it without arguments; ``make test ARGS="lint unit"`` runs only those. With ``CI=true`` a missing
engine is a failure, not a skip.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
ENGINE = [
    "tests/benchmarks/test_benchmarks_containers.py",
    "tests/contract",
    "tests/daemon/backends/docker",
    "tests/daemon/workspaces/test_workspaces_follow.py",
    "tests/docs/test_docs_demo_docker.py",
    "tests/driver/test_driver_docker.py",
]
"""Tests that run an engine, of which a machine bears one at a time."""
PROCESSES = ["tests/daemon/backends/host", "tests/daemon/backends/keeper", "tests/daemon/processes"]
"""Tests that look for processes of workspaces whose names they share, so that none of them may run beside another."""
LIBRARY_SOCKETS = "ignore:unclosed <socket.socket:ResourceWarning"
"""The `docker` library leaves the sockets of requests that were given up to the garbage collector, which finds them in
the middle of whichever test comes then."""
SLOWEST = ["--durations=25", "--durations-min=4"]
"""What is told of the tests that took longest."""
MUTATIONS = "tests/mutations"
"""Tests that run other tests in broken copies."""
APART = [*ENGINE, *PROCESSES, MUTATIONS]
TYPED = ["daemon/nexusd", "sdk-python/src/nexus_sdk", "cli/boulder", "schema/generate", "benchmarks"]

CHECKS: dict[str, tuple[str, list[str]]] = {
    "format": ("run `make format`", [PYTHON, "-m", "ruff", "format", "--check", "--quiet", "."]),
    "lint": ("see the lines above", [PYTHON, "-m", "ruff", "check", "--quiet", "."]),
    "types": (
        "see the lines above",
        [PYTHON, "-m", "mypy", "--no-error-summary", *TYPED],
    ),
    "generated": ("run `make generate` and commit", [PYTHON, "-m", "generate", "--check"]),
    "config page": ("run `make generate` and commit", [PYTHON, "scripts/config_reference.py", "--check"]),
    "tests": (
        "run a failed test alone: make unit ARGS=path::name",
        [
            PYTHON,
            "-m",
            "pytest",
            "-q",
            "-n",
            "auto",
            "--dist",
            "loadfile",
            *SLOWEST,
            *(f"--ignore={folder}" for folder in APART),
            "tests",
        ],
    ),
    "engine tests": (
        "run a failed test alone: make unit ARGS=path::name",
        [PYTHON, "-m", "pytest", "-q", *SLOWEST, "-W", LIBRARY_SOCKETS, *ENGINE],
    ),
    "process tests": (
        "run a failed test alone: make unit ARGS=path::name",
        [PYTHON, "-m", "pytest", "-q", *SLOWEST, *PROCESSES],
    ),
    "mutations": (
        "one that survives wants a test, one that is stale a new text",
        [PYTHON, "-m", "pytest", "-q", "-n", "auto", "--dist", "load", MUTATIONS],
    ),
}


BESIDE = {"engine tests": "process tests"}
"""What runs while another check does: engines are waited for more than they work."""


def main(names: list[str]) -> int:
    """Run the named checks, all by default. Returns the exit code."""
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"no check named {', '.join(unknown)}; there are: {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    env = {**os.environ, "PYTHONPATH": str(ROOT / "schema")}
    failed: list[str] = []
    lines: list[str] = []

    def note(name: str, code: int, began: float) -> None:
        mark, hint = ("ok  ", "") if code == 0 else ("FAIL", f"   {CHECKS[name][0]}")
        lines.append(f"  {mark} {name:<13} {time.monotonic() - began:6.1f} s{hint}")
        if code != 0:
            failed.append(name)

    wanted = list(names or CHECKS)
    while wanted:
        name = wanted.pop(0)
        other = BESIDE.get(name)
        with tempfile.TemporaryFile() as said:
            beside = None
            if other in wanted:
                wanted.remove(other)
                beside = subprocess.Popen(CHECKS[other][1], cwd=ROOT, env=env, stdout=said, stderr=said)
            print(f"== {name}{f', and beside it {other}' if beside else ''}", flush=True)
            began = time.monotonic()
            note(name, subprocess.run(CHECKS[name][1], cwd=ROOT, env=env, check=False).returncode, began)
            if beside is not None:
                code = beside.wait()
                said.seek(0)
                print(f"== {other}\n{said.read().decode(errors='replace')}", flush=True)
                note(other, code, began)
    print("\n".join(["", *lines]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
