"""A bench on the loop that the daemon uses."""

from __future__ import annotations

import asyncio
from collections.abc import AsyncIterator, Callable
from pathlib import Path

import pytest
import uvloop
from kept_machine import KeptMachine
from nexusd.backends.base import MachineSpec
from nexusd.backends.host.backend import HostBackend
from nexusd.store.database import Database
from nexusd.store.mapping import now
from nexusd.store.workspaces import WorkspaceRecord
from process_bench import Bench


def pytest_asyncio_loop_factories() -> dict[str, Callable[[], asyncio.AbstractEventLoop]]:
    return {"uvloop": uvloop.new_event_loop}


@pytest.fixture(params=["pipes", "kept"])
async def bench(tmp_path: Path, request: pytest.FixtureRequest) -> AsyncIterator[Bench]:
    """Once with pipes that end in the daemon, once with a nexus-init that keeps the processes."""
    worktree = tmp_path / "worktree"
    worktree.mkdir()
    state = tmp_path / "state"
    state.mkdir()
    db = await Database.open(state / "nexus.db")
    backend = HostBackend(state)
    await backend.open()
    spec = MachineSpec(workspace="ws_test", name="test", worktree=str(worktree), env={}, ports={}, generation=1)
    await backend.create(spec)
    await backend.start(spec)
    moment = now()
    workspace = WorkspaceRecord(
        id="ws_test",
        name="test",
        owner="somebody",
        state="running",
        backend="host",
        branch="nexus/test",
        root=str(worktree),
        worktree=str(worktree),
        repo_url="",
        repo_path=str(worktree),
        repo_ref="main",
        repo_commit="0" * 40,
        generation=1,
        created_at=moment,
        updated_at=moment,
        last_active_at=moment,
    )
    made = Bench(None, backend, db, state, worktree, spec, workspace)  # type: ignore[arg-type]
    if request.param == "kept":
        request.getfixturevalue("nexus_init")
        made.kept = KeptMachine(spec, state / "keeper", lambda id: state / "output" / f"{id}.log")
        await made.kept.connect()
    made.table = made.new_table(drain_wait=0.3)
    await made.table.recover()
    yield made
    await made.table.close(0)
    if made.kept is not None:
        await made.kept.stop()
    await backend.close()
    await db.close()
