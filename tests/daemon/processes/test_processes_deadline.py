"""Timeouts, and ends that were begun, when the daemon that knew of them has gone."""

from __future__ import annotations

import asyncio
from datetime import timedelta
from typing import Any

import pytest
from msgspec import UNSET
from nexus_sdk.protocol.errors import BackendFailed, StorageFull
from nexus_sdk.protocol.types import ExitStatus, Process
from nexusd.processes import archive
from nexusd.processes import table as table_module
from nexusd.store import processes as rows
from nexusd.store.mapping import now
from nexusd.store.processes import ProcessRecord
from process_bench import DEADLINE, Bench, alive, eventually, read_until

kept = pytest.mark.parametrize("bench", ["kept"], indirect=True)
pipes = pytest.mark.parametrize("bench", ["pipes"], indirect=True)

STUBBORN = "trap 'echo asked' TERM; echo ready; while :; do sleep 0.05; done"


async def record(bench: Bench, process: Process) -> ProcessRecord:
    found = await bench.db.read(lambda conn: rows.get(conn, process.id))
    assert found is not None
    return found


async def change(bench: Bench, process: Process, **columns: Any) -> None:
    assert await bench.db.run(lambda conn: rows.update(conn, process.id, **columns))


async def die(bench: Bench) -> None:
    """The daemon is gone, without having had time for anything: its table can do no more."""
    assert bench.kept is not None
    await bench.kept.keeper.close()
    for live in bench.table._live.values():
        if live._timer is not None:
            live._timer.cancel()
        for task in live._killing:
            task.cancel()


async def come_back(bench: Bench) -> None:
    assert bench.kept is not None
    bench.table = bench.new_table(drain_wait=0.3)
    await bench.kept.connect()
    await bench.table.recover(await bench.kept.adopt())


async def ended(bench: Bench, process: Process) -> ExitStatus:
    found = await bench.table.wait(process.id, DEADLINE)
    assert found.exit is not UNSET, found
    return found.exit


async def begun(bench: Bench, *argv: str, **params: Any) -> Process:
    """A process that has said `ready`."""
    process = await bench.start(*argv, **params)
    attachment = await bench.attach(process, False)
    await read_until(attachment, b"ready")
    attachment.close()
    return process


async def test_what_is_started_ends_at_its_timeout(bench: Bench) -> None:
    process = await bench.start("sleep", "1000", timeout_ms=100)
    exit = await ended(bench, process)
    assert (exit.signal, exit.reason) == ("TERM", "timeout")


async def test_the_longest_timeout_that_may_be_asked_for(bench: Bench) -> None:
    process = await bench.start("true", timeout_ms=2**53 - 1)
    assert (await ended(bench, process)).code == 0


@kept
@pytest.mark.parametrize("kill", [False, True])
async def test_a_timeout_passes_in_the_next_daemon(bench: Bench, kill: bool) -> None:
    process = await bench.start("sleep", "1000", timeout_ms=60_000)
    assert (await record(bench, process)).deadline == process.started_at + timedelta(seconds=60)
    await (die(bench) if kill else bench.table.close(0))
    await change(bench, process, deadline=now() + timedelta(seconds=0.3))
    await come_back(bench)
    exit = await ended(bench, process)
    assert (exit.signal, exit.reason) == ("TERM", "timeout")


@kept
async def test_a_run_keeps_its_timeout_too(bench: Bench) -> None:
    running = asyncio.create_task(bench.run("sleep", "1000", timeout_ms=60_000))
    await eventually(lambda: bench.table.running_count == 1)
    [process] = (await bench.table.list("ws_test")).processes
    await eventually(lambda: _stored(bench, process))
    await die(bench)
    await change(bench, process, deadline=now() - timedelta(seconds=1))
    await come_back(bench)
    assert (await ended(bench, process)).reason == "timeout"
    running.cancel()
    await asyncio.wait([running])


async def _stored(bench: Bench, process: Process) -> bool:
    return await bench.db.read(lambda conn: rows.get(conn, process.id)) is not None


@kept
async def test_a_timeout_that_passed_while_no_daemon_was_there(bench: Bench) -> None:
    meek = await bench.start("sleep", "1000", timeout_ms=60_000)
    deaf = await begun(bench, "sh", "-c", "trap '' TERM; echo ready; while :; do sleep 0.05; done", timeout_ms=60_000)
    await die(bench)
    for process in (meek, deaf):
        await change(bench, process, deadline=now() - timedelta(hours=1))
    await come_back(bench)
    found = [await ended(bench, process) for process in (meek, deaf)]
    assert [(exit.signal, exit.reason) for exit in found] == [("TERM", "timeout"), ("KILL", "timeout")]


@kept
async def test_what_ended_by_itself_did_not_time_out(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "read go; exit 3", stdin=True, timeout_ms=60_000)
    attachment = await bench.attach(process)
    await attachment.write_stdin(0, b"go")
    attachment.finish_stdin(2)
    attachment.close()
    await die(bench)
    assert process.pid is not UNSET
    pid = process.pid
    await eventually(lambda: not alive(pid))
    await change(bench, process, deadline=now() - timedelta(seconds=1), state="running")
    await come_back(bench)
    exit = await ended(bench, process)
    assert (exit.code, exit.reason) == (3, "exited")


@kept
async def test_a_clock_that_was_set_back_gives_no_more_time(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    process = await bench.start("sleep", "1000", timeout_ms=1000)
    await bench.table.close(0)
    monkeypatch.setattr(table_module, "now", lambda: now() - timedelta(days=1))
    await come_back(bench)
    assert (await ended(bench, process)).reason == "timeout"


@kept
async def test_an_end_that_was_begun_is_gone_on_with(bench: Bench) -> None:
    process = await begun(bench, "sh", "-c", STUBBORN)
    ending = asyncio.create_task(bench.table._live[process.id].end("stopped", 600))
    attachment = await bench.attach(process, False)
    await read_until(attachment, b"asked")
    attachment.close()
    found = await record(bench, process)
    assert found.ending == "stopped" and found.deadline is not None
    assert found.deadline > now() + timedelta(seconds=500)
    await die(bench)
    await asyncio.gather(ending, return_exceptions=True)
    assert process.pid is not UNSET and alive(process.pid)
    await change(bench, process, deadline=now() - timedelta(seconds=1))
    await come_back(bench)
    exit = await ended(bench, process)
    assert (exit.signal, exit.reason) == ("KILL", "stopped")


@kept
async def test_the_rest_of_the_grace_is_granted(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    process = await begun(bench, "sh", "-c", STUBBORN)
    await die(bench)
    moment = now()
    await change(bench, process, ending="timeout", deadline=moment + timedelta(seconds=7))
    asked: list[float] = []
    told = asyncio.Event()

    async def kill_tree(self: object, grace: float) -> None:
        asked.append(grace)
        told.set()

    with monkeypatch.context() as patch:
        patch.setattr("nexusd.backends.keeper.handle.KeptHandle.kill_tree", kill_tree)
        patch.setattr(table_module, "now", lambda: moment + timedelta(seconds=3))
        await come_back(bench)
        await asyncio.wait_for(told.wait(), DEADLINE)
    assert asked == [4.0]


@kept
async def test_an_end_that_was_begun_keeps_its_reason(bench: Bench) -> None:
    script = "trap 'echo asked; read go; exit 5' TERM; echo ready; while :; do sleep 0.05; done"
    process = await begun(bench, "sh", "-c", script, stdin=True)
    ending = asyncio.create_task(bench.table._live[process.id].end("timeout", 600))
    attachment = await bench.attach(process)
    await read_until(attachment, b"asked")
    await attachment.write_stdin(0, b"go\n")
    attachment.close()
    await die(bench)
    await asyncio.gather(ending, return_exceptions=True)
    assert process.pid is not UNSET
    pid = process.pid
    await eventually(lambda: not alive(pid))
    await change(bench, process, state="running", exit=None)
    await come_back(bench)
    exit = await ended(bench, process)
    assert (exit.code, exit.reason) == (5, "timeout")


@kept
async def test_an_end_is_tried_again_where_the_machine_does_not_answer(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await bench.start("sleep", "1000", timeout_ms=60_000)
    live = bench.table._live[process.id]
    assert live.handle is not None
    kill, tries = live.handle.kill_tree, 0

    async def once_more(grace: float) -> None:
        nonlocal tries
        tries += 1
        if tries == 1:
            raise BackendFailed("it is frozen", backend="test", step="kill", reason="frozen")
        await kill(grace)

    monkeypatch.setattr(live.handle, "kill_tree", once_more)
    live.time_out(0)
    exit = await ended(bench, process)
    assert (tries, exit.reason) == (2, "timeout")


@kept
async def test_a_disk_that_is_full_keeps_no_process_alive(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    process = await bench.start("sleep", "1000", timeout_ms=100)
    update = rows.update

    def full(conn: Any, id: str, **columns: Any) -> bool:
        if "ending" in columns:
            raise StorageFull("no space left", path="nexus.db")
        return update(conn, id, **columns)

    monkeypatch.setattr(rows, "update", full)
    assert (await ended(bench, process)).reason == "timeout"


@pipes
async def test_what_ended_with_its_daemon_is_lost_and_nothing_is_timed(bench: Bench) -> None:
    process = await bench.start("sleep", "1000", timeout_ms=60_000)
    first = bench.table
    bench.table = bench.new_table(drain_wait=0.3)
    await bench.table.recover()
    found = await bench.table.get(process.id)
    assert (found.state, found.exit) == ("lost", UNSET)
    assert bench.table._live == {}
    assert process.pid is not UNSET and alive(process.pid)
    await first.close(0)


LATER = "trap 'echo asked; read go; {end}' TERM; echo ready; while :; do sleep 0.05; done"
"""Asked to end, it waits for a line first: the daemon can go away in between."""


async def asked(bench: Bench, end: str) -> Process:
    """A process that has been sent TERM and waits for a line."""
    process = await begun(bench, "sh", "-c", LATER.format(end=end), stdin=True)
    attachment = await bench.attach(process, False)
    await bench.table.signal(process.id, "TERM")
    await read_until(attachment, b"asked")
    attachment.close()
    return process


async def go(bench: Bench, process: Process) -> None:
    attachment = await bench.attach(process)
    await attachment.write_stdin(0, b"go\n")
    attachment.close()


@kept
@pytest.mark.parametrize("kill", [False, True])
async def test_who_was_signalled_is_known_to_the_next_daemon(bench: Bench, kill: bool) -> None:
    process = await asked(bench, "trap - TERM; kill -TERM $$")
    await (die(bench) if kill else bench.table.close(0))
    await come_back(bench)
    await go(bench, process)
    exit = await ended(bench, process)
    assert (exit.signal, exit.reason) == ("TERM", "signalled")


@kept
@pytest.mark.parametrize(("end", "how"), [("exit 5", (5, UNSET)), ("trap - INT; kill -INT $$", (UNSET, "INT"))])
async def test_an_end_by_something_else_than_the_signal(bench: Bench, end: str, how: tuple[object, object]) -> None:
    process = await asked(bench, end)
    await die(bench)
    await come_back(bench)
    await go(bench, process)
    exit = await ended(bench, process)
    assert ((exit.code, exit.signal), exit.reason) == (how, "exited")


@kept
async def test_a_signal_is_written_down_before_it_is_sent_and_once(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await begun(bench, "sh", "-c", STUBBORN)
    live = bench.table._live[process.id]
    assert live.handle is not None
    send, known = live.handle.signal, []

    async def noting(number: int, group: bool = True) -> None:
        known.append((number, (await record(bench, process)).signalled))
        await send(number, group=group)

    monkeypatch.setattr(live.handle, "signal", noting)
    writes, update = [], rows.update
    monkeypatch.setattr(
        rows, "update", lambda conn, id, **columns: writes.append(columns) or update(conn, id, **columns)
    )
    for name in ("TERM", "TERM", "CONT", "KILL"):
        await bench.table.signal(process.id, name)
    assert known == [(15, [15]), (15, [15]), (18, [15]), (9, [15, 9])]
    assert [columns for columns in writes if "signalled" in columns] == [{"signalled": [15]}, {"signalled": [15, 9]}]


@kept
async def test_signals_arrive_in_their_order(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    process = await begun(bench, "sh", "-c", STUBBORN)
    live = bench.table._live[process.id]
    assert live.handle is not None and live.on_signalled is not None
    send, note, sent, written = live.handle.signal, live.on_signalled, [], asyncio.Event()

    async def sending(number: int, group: bool = True) -> None:
        sent.append(number)
        await send(number, group=group)

    async def noting_late(id: str, numbers: list[int]) -> None:
        await written.wait()
        await note(id, numbers)

    monkeypatch.setattr(live.handle, "signal", sending)
    live.on_signalled = noting_late
    calls = [asyncio.create_task(bench.table.signal(process.id, name)) for name in ("TERM", "CONT", "TERM", "WINCH")]
    await asyncio.wait(calls, timeout=0.1)
    assert sent == []
    written.set()
    await asyncio.gather(*calls)
    assert sent == [15, 18, 15, 28]


@kept
async def test_a_signal_to_a_command_that_is_not_in_the_store_yet(
    bench: Bench, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(archive, "LINGER", 0.2)
    script = LATER.format(end="exit 0").replace("read go", "sleep 1000")
    running = asyncio.create_task(bench.run("sh", "-c", script))
    await eventually(lambda: bench.table.running_count == 1)
    [process] = (await bench.table.list("ws_test")).processes
    assert not await _stored(bench, process)
    await bench.table.signal(process.id, "TERM", False)
    await eventually(lambda: _stored(bench, process))
    assert (await record(bench, process)).signalled == [15]
    running.cancel()
    await asyncio.wait([running])


@kept
async def test_a_disk_that_is_full_stops_no_signal(bench: Bench, monkeypatch: pytest.MonkeyPatch) -> None:
    process = await bench.start("sleep", "1000")
    update = rows.update

    def full(conn: Any, id: str, **columns: Any) -> bool:
        if "signalled" in columns:
            raise StorageFull("no space left", path="nexus.db")
        return update(conn, id, **columns)

    monkeypatch.setattr(rows, "update", full)
    await bench.table.signal(process.id, "TERM")
    assert (await ended(bench, process)).reason == "signalled"
