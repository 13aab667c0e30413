"""`$/progress`: only when asked for, rising, the latest state, none after the answer."""

from __future__ import annotations

import asyncio
from typing import Any

import pytest
from nexusd.wire import progress as progress_module
from nexusd.wire.progress import Progress
from wire_harness import Peer, Service, soon


# requirement: call.progress
async def test_only_those_who_asked_hear_of_it() -> None:
    service = Service()
    service.go.set()
    peer = Peer(service)
    await peer.send(1, "test.later", text="x")
    assert await peer.result(1) == {"text": "x"}
    await peer.send(2, "test.later", text="x", progress=False)
    assert await peer.result(2) == {"text": "x"}


async def test_the_latest_state_is_sent_and_the_answer_ends_it() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(7, "test.later", text="x", progress=True)
    await soon(service.started)
    message = await peer.json()
    assert message["method"] == "$/progress"
    assert message["params"] == {"id": 7, "done": 3, "total": 3, "message": "step 3"}
    service.go.set()
    assert await peer.result(7) == {"text": "x"}
    await peer.quiet()


# requirement: call.rising
async def test_states_between_two_sendings_are_replaced(monkeypatch: pytest.MonkeyPatch) -> None:
    turn = asyncio.Semaphore(0)
    naps: list[float] = []

    async def nap(seconds: float) -> None:
        naps.append(seconds)
        await turn.acquire()

    monkeypatch.setattr("nexusd.wire.progress.asyncio.sleep", nap)
    sent: asyncio.Queue[bytes] = asyncio.Queue()
    progress = Progress("id", sent.put)
    progress.report(1, None, "one")
    assert b'"done":1' in await soon(sent)
    progress.report(2, None, "two")
    progress.report(3, 5, "three")
    progress.report(2, 5, "back")
    assert sent.empty()
    turn.release()
    assert b'"done":3,"total":5' in await soon(sent)
    progress.report(4, 5, "four")
    progress.stop()
    progress.report(5, 5, "five")
    turn.release()
    assert naps == [0.1, 0.1]
    assert sent.empty()


async def test_it_can_start_again_after_a_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(progress_module, "INTERVAL_S", 0)
    sent: asyncio.Queue[bytes] = asyncio.Queue()
    progress = Progress(1, sent.put)
    for done in (1, 2, 3):
        progress.report(done, None, "")
        assert b'"done":%d' % done in await soon(sent)
        for _ in range(5):
            await asyncio.sleep(0)
    progress.stop()


async def test_a_lost_connection_is_no_fault_of_progress() -> None:
    peer = Peer(Service())
    peer.connection.close()
    progress = Progress(1, peer.connection._send_text)
    progress.report(1, None, "")
    for _ in range(3):
        await asyncio.sleep(0)
    params: Any = None
    progress.report(2, params, "")
    assert peer.arrived.empty()
