"""A host backend with one workspace that runs."""

from __future__ import annotations

from collections.abc import AsyncIterator
from pathlib import Path

import pytest
from host_bench import HostBench, machine_spec
from nexusd.backends.host.backend import HostBackend


@pytest.fixture
async def host(tmp_path: Path) -> AsyncIterator[HostBench]:
    (tmp_path / "worktree").mkdir()
    backend = HostBackend(tmp_path / "state")
    await backend.open()
    spec = machine_spec(tmp_path / "worktree")
    await backend.create(spec)
    await backend.start(spec)
    yield HostBench(backend, spec, tmp_path)
    await backend.close()
