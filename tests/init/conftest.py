"""The Go toolchain, in the module of nexus-init."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from go_toolchain import ROOT, Go, toolchain


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Go:
    """A toolchain; installed for this session where there is none."""
    found = toolchain(tmp_path_factory.mktemp("go"))
    # The tests build the program themselves, with the `go` that they find.
    path = f"{found.go.parent}{os.pathsep}{os.environ['PATH']}"
    return replace(found, module=ROOT / "init", environ={**found.environ, "PATH": path})
