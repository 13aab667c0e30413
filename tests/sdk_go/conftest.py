"""The Go toolchain, from this machine or from the package index."""

from __future__ import annotations

import os
import sys

import pytest
from go_toolchain import Go, unavailable

from benchmarks.toolchains import Unavailable, go_program


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Go:
    """A toolchain; installed for this session where there is none."""
    try:
        program = go_program(tmp_path_factory.mktemp("go"))
    except Unavailable as reason:
        unavailable(str(reason))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
    environ |= {
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-p=2 -buildvcs=false",
        "NEXUS_TEST_PYTHON": sys.executable,
    }
    return Go(program, program.with_name("gofmt"), environ)
