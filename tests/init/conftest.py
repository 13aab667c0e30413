"""The Go toolchain, in the module of nexus-init."""

from __future__ import annotations

import os
from dataclasses import replace

import pytest
from go_toolchain import ROOT, Go


@pytest.fixture(scope="session", name="go")
def init_go(go: Go) -> Go:
    """The toolchain; the tests build the program themselves, with the `go` that they find on PATH."""
    path = f"{go.go.parent}{os.pathsep}{os.environ['PATH']}"
    return replace(go, module=ROOT / "init", environ={**go.environ, "PATH": path})
