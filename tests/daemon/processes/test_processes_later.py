"""A workspace that cannot be asked for its processes when the daemon starts, and can be later."""

from __future__ import annotations

import pytest
from msgspec import UNSET
from nexusd.store import processes as rows
from process_bench import Bench, alive, eventually

pytestmark = pytest.mark.parametrize("bench", ["kept"], indirect=True)


async def unasked(bench: Bench) -> None:
    """The next daemon, which cannot reach the machine."""
    assert bench.kept is not None
    await bench.table.close(0)
    bench.table = bench.new_table(drain_wait=0.3)
    await bench.table.recover((), {"ws_test"})


async def test_what_could_not_be_asked_goes_on_when_it_can(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "echo before; read go; echo after; exit 5", stdin=True)
    await unasked(bench)
    view = await bench.table.get(process.id)
    assert (view.state, view.exit) == ("lost", UNSET), "for the time being nobody knows"
    looking = await bench.attach(process, False)
    assert bench.kept is not None
    await bench.kept.connect()
    since = await bench.start("sleep", "1000")
    await bench.table.take_up("ws_test", await bench.kept.adopt())
    assert {(await bench.table.get(one.id)).state for one in (process, since)} == {"running"}
    assert process.pid is not UNSET and alive(process.pid)
    looking.close()
    attachment = await bench.attach(process)
    await attachment.write_stdin(0, b"go\n")
    attachment.close()
    out, _, exit = await bench.output(process)
    assert (out, exit.exit.code, exit.output_complete) == (b"before\nafter\n", 5, True)
    assert (await bench.table.get(since.id)).state == "running"


async def test_what_is_gone_by_then_is_lost_and_what_nobody_knows_is_ended(bench: Bench) -> None:
    gone = await bench.start("sleep", "1000")
    unknown = await bench.start("sleep", "1000")
    await unasked(bench)
    assert await bench.db.run(lambda conn: rows.delete(conn, unknown.id))
    assert bench.kept is not None
    await bench.kept.connect()
    handles = [handle for handle in await bench.kept.adopt() if handle.process == unknown.id]
    since = await bench.start("sleep", "1000")
    await bench.table.take_up("ws_test", handles)
    record = await bench.db.read(lambda conn: rows.get(conn, gone.id))
    assert record is not None and record.state == "lost"
    assert unknown.pid is not UNSET
    pid = unknown.pid
    await eventually(lambda: not alive(pid))
    assert (await bench.table.get(since.id)).state == "running", "what was started since is not touched"
