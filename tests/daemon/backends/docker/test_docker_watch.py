"""What happens to containers behind our back is seen, and what we do ourselves is not reported."""

from __future__ import annotations

import asyncio
import contextlib

import pytest
from docker_backend import make_backend, spec_for
from engine import TestEngine
from nexus_sdk.protocol.errors import BackendUnavailable

PATIENCE = 20


class Heard:
    """What the backend reports."""

    def __init__(self, backend):
        self.changes: asyncio.Queue[tuple[str, str]] = asyncio.Queue()
        backend.on_change = lambda workspace, state: self.changes.put_nowait((workspace, state))

    async def next(self):
        return await asyncio.wait_for(self.changes.get(), PATIENCE)


async def until(condition, what):
    for _ in range(int(PATIENCE / 0.05)):
        if await condition():
            return
        await asyncio.sleep(0.05)
    raise AssertionError(f"{what} did not happen in {PATIENCE} s")


async def test_changes_from_outside_are_reported(engine, backend, spec):
    heard, name = Heard(backend), f"nexus-{spec.workspace}"
    await backend.create(spec)
    await backend.start(spec)
    engine.api.pause(name)
    assert await heard.next() == (spec.workspace, "paused")
    engine.api.unpause(name)
    assert await heard.next() == (spec.workspace, "running")
    engine.api.kill(name)
    assert await heard.next() == (spec.workspace, "stopped")
    await backend.start(spec)
    engine.api.remove_container(name, force=True)
    assert await heard.next() == (spec.workspace, "absent")


async def test_what_we_do_ourselves_is_not_reported(engine, backend, spec, worktree):
    heard = Heard(backend)
    await backend.create(spec)
    for _ in range(2):
        await backend.start(spec)
        await backend.pause(spec.workspace)
        await backend.resume(spec.workspace)
        await backend.stop(spec.workspace, 1)
    other = spec_for(worktree, "ws_other")
    await backend.create(other)
    await backend.start(other)
    await backend.destroy(spec.workspace)
    # Events come in order: once this one is heard, all that came before it were.
    engine.api.kill("nexus-ws_other")
    assert await heard.next() == ("ws_other", "stopped")
    assert heard.changes.empty()


async def test_changes_while_nobody_looked_are_reported_later(engine, backend, spec, tmp_path):
    await backend.create(spec)
    await backend.start(spec)
    await backend.close()
    engine.api.kill(f"nexus-{spec.workspace}")
    other = make_backend(tmp_path, engine.host)
    await other.open()
    try:
        assert await Heard(other).next() == (spec.workspace, "stopped")
    finally:
        await other.destroy(spec.workspace)
        await other.close()


async def test_what_a_frozen_machine_keeps_is_asked_without_waking_it(engine, backend, spec, tmp_path):
    await backend.create(spec)
    await backend.start(spec)
    await backend.pause(spec.workspace)
    await backend.close()
    other = make_backend(tmp_path, engine.host)
    await other.open()
    heard = Heard(other)
    try:
        assert await other.machine(spec).adopt() == []
        assert engine.api.inspect_container(f"nexus-{spec.workspace}")["State"]["Paused"]
        engine.api.unpause(f"nexus-{spec.workspace}")
        assert await heard.next() == (spec.workspace, "running"), "the moment's thaw was not reported"
    finally:
        await other.destroy(spec.workspace)
        await other.close()


async def test_nobody_is_watched_where_there_is_nothing(engine, backend):
    Heard(backend)
    assert backend._watch is None


# A socket that cannot be connected is left to the collector by the library.
@pytest.mark.filterwarnings("ignore::pytest.PytestUnraisableExceptionWarning")
async def test_an_engine_that_restarts_is_followed_again(own_engine, tmp_path, worktree):
    """Its containers end with it; that is seen, and they can be started again."""
    host = f"unix://{own_engine.socket}"
    TestEngine(host).api.close()
    backend = make_backend(tmp_path, host)
    await backend.open()
    spec = spec_for(worktree, "ws_restart")
    heard = Heard(backend)
    try:
        await backend.create(spec)
        await backend.start(spec)
        await asyncio.to_thread(own_engine.stop)
        assert (await backend.health())[0] is False
        for verb in (backend.stop(spec.workspace, 1), backend.start(spec), backend.destroy(spec.workspace)):
            with pytest.raises(BackendUnavailable, match="no engine answers"):
                await verb
        await asyncio.to_thread(own_engine.start)
        assert await heard.next() == (spec.workspace, "stopped")
        await backend.start(spec)
        assert (await backend.list())[0].state == "running"
        with contextlib.closing(TestEngine(host).api) as api:
            api.kill(f"nexus-{spec.workspace}")
        assert await heard.next() == (spec.workspace, "stopped")
    finally:
        await backend.destroy(spec.workspace)
        await backend.close()
