"""Runs every check of the project and says what passed, how long it took, and what to do about what did not.

``make test`` calls it without arguments; ``make test ARGS="lint unit"`` runs only those. With ``CI=true`` a missing
engine is a failure, not a skip.
"""

from __future__ import annotations

import os
import subprocess
import sys
import time
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
PYTHON = sys.executable
ONE_AT_A_TIME = [
    "tests/benchmarks/test_benchmarks_containers.py",
    "tests/contract",
    "tests/daemon/backends",
    "tests/daemon/processes",
    "tests/daemon/workspaces/test_workspaces_follow.py",
    "tests/docs/test_docs_demo_docker.py",
    "tests/driver/test_driver_docker.py",
]
"""Tests that look at all processes of the machine, or run an engine on it, so that nothing may run beside them."""
LIBRARY_SOCKETS = "ignore:unclosed <socket.socket:ResourceWarning"
"""The `docker` library leaves the sockets of requests that were given up to the garbage collector, which finds them in
the middle of whichever test comes then."""
SLOWEST = ["--durations=25", "--durations-min=4"]
"""What is told of the tests that took longest."""
MUTATIONS = "tests/mutations"
"""Tests that run other tests in broken copies."""
APART = [*ONE_AT_A_TIME, MUTATIONS]
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
            "--no-loadscope-reorder",
            *SLOWEST,
            *(f"--ignore={folder}" for folder in APART),
            "tests",
        ],
    ),
    "machine tests": (
        "run a failed test alone: make unit ARGS=path::name",
        [PYTHON, "-m", "pytest", "-q", *SLOWEST, "-W", LIBRARY_SOCKETS, *ONE_AT_A_TIME],
    ),
    "mutations": (
        "one that survives wants a test, one that is stale a new text",
        [PYTHON, "-m", "pytest", "-q", "-n", "auto", "--dist", "load", MUTATIONS],
    ),
}


def main(names: list[str]) -> int:
    """Run the named checks, all by default. Returns the exit code."""
    unknown = [name for name in names if name not in CHECKS]
    if unknown:
        print(f"no check named {', '.join(unknown)}; there are: {', '.join(CHECKS)}", file=sys.stderr)
        return 2
    env = {**os.environ, "PYTHONPATH": str(ROOT / "schema")}
    failed: list[str] = []
    lines: list[str] = []
    for name in names or CHECKS:
        hint, command = CHECKS[name]
        print(f"== {name}", flush=True)
        began = time.monotonic()
        code = subprocess.run(command, cwd=ROOT, env=env, check=False).returncode
        took = time.monotonic() - began
        lines.append(f"  {'ok  ' if code == 0 else 'FAIL'} {name:<10} {took:6.1f} s{'' if code == 0 else '   ' + hint}")
        if code != 0:
            failed.append(name)
    print("\n".join(["", *lines]))
    return 1 if failed else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
