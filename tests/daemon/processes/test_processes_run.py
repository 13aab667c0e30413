from __future__ import annotations

import asyncio
import os
import signal
from datetime import timedelta

import pytest
from msgspec import UNSET
from nexus_sdk.protocol.errors import (
    CommandNotFound,
    CwdInvalid,
    InvalidParams,
    LimitProcesses,
    ProcessExited,
    ProcessNotFound,
    WorkspaceState,
)
from nexus_sdk.protocol.types import ExecExit
from nexusd.store import processes as rows
from process_bench import Bench, alive, eventually, zombies


def logs(bench: Bench) -> list[str]:
    """The output that is kept."""
    return [name for name in os.listdir(bench.state / "output") if name.endswith(".log")]


async def test_run_answers_output_of_both_channels_and_the_code(bench: Bench) -> None:
    result = await bench.run("sh", "-c", "echo out; echo err >&2; exit 7")
    assert (result.stdout.text, result.stderr.text) == ("out\n", "err\n")
    assert (result.stdout.bytes, result.stdout.dropped) == (4, 0)
    assert (result.exit.code, result.exit.signal, result.exit.reason) == (7, UNSET, "exited")


async def test_run_is_recorded_and_its_output_can_be_read_again(bench: Bench) -> None:
    result = await bench.run("printf", "kept")
    process = await bench.table.get(result.process)
    assert (process.state, process.exit, process.output_end) == ("exited", result.exit, 4)
    assert process.pid is UNSET
    out, err, exit = await bench.output(result.process)
    assert (out, err) == (b"kept", b"")
    assert exit.exit == result.exit and exit.output_end == 4 and exit.output_complete


async def test_run_has_no_stdin_unless_input_is_given(bench: Bench) -> None:
    assert (await bench.run("cat")).stdout.bytes == 0
    assert (await bench.run("cat", input=b"bytes\0" * 50_000, output_limit=1 << 20)).stdout.bytes == 300_000


async def test_run_does_not_mind_input_that_nobody_reads(bench: Bench) -> None:
    assert (await bench.run("true", input=b"x" * 1_000_000)).exit.code == 0


async def test_run_gives_the_environment_of_the_workspace(bench: Bench) -> None:
    result = await bench.run("env", env={"COLOUR": "blue", "NEXUS_PROCESS": "forged"})
    environ = dict(line.split("=", 1) for line in result.stdout.text.splitlines())
    assert environ["COLOUR"] == "blue"
    assert environ["NEXUS_PROCESS"] == result.process
    assert environ["NEXUS_WORKSPACE"] == "ws_test"


async def test_run_keeps_head_and_tail(bench: Bench) -> None:
    result = await bench.run("seq", "1", "100000", output_limit=100)
    whole = "".join(f"{n}\n" for n in range(1, 100_001))
    assert result.stdout.text == whole[:50] + whole[-50:]
    assert (result.stdout.bytes, result.stdout.dropped) == (len(whole), len(whole) - 100)


async def test_run_timeout_ends_the_whole_group(bench: Bench) -> None:
    # Its child is asked first; the shell must not come to its own end by that. It has said something by then.
    result = await bench.run("sh", "-c", "sleep 1000 & echo $!; wait; exec sleep 1000", timeout_ms=1000)
    assert (result.exit.signal, result.exit.reason) == ("TERM", "timeout")
    # A process closes its files a moment before it is gone.
    await eventually(lambda: not alive(int(result.stdout.text)))


async def test_run_timeout_ends_who_ignores_being_asked(bench: Bench) -> None:
    result = await bench.run("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done", timeout_ms=1000)
    assert (result.exit.signal, result.exit.reason) == ("KILL", "timeout")


async def test_cancelled_run_kills_and_leaves_nothing(bench: Bench) -> None:
    marker = bench.worktree / "pids"
    running = asyncio.ensure_future(
        bench.run("sh", "-c", f"sleep 1000 & echo $! $$ > {marker}.new; mv {marker}.new {marker}; wait")
    )
    await eventually(marker.exists)
    running.cancel()
    with pytest.raises(asyncio.CancelledError):
        await running
    assert not any(alive(int(pid)) for pid in marker.read_text().split())
    assert (await bench.table.list("ws_test")).processes == []
    assert logs(bench) == []


async def test_exit_is_answered_though_a_descendant_holds_the_pipe(bench: Bench) -> None:
    result = await bench.run("sh", "-c", "sleep 1000 & echo $!")
    assert result.exit.code == 0
    child = int(result.stdout.text)
    assert alive(child)
    await bench.table.stop_workspace("ws_test", 0)
    assert not alive(child)


async def test_what_a_descendant_writes_after_the_exit_is_kept(bench: Bench) -> None:
    go = bench.worktree / "go"
    os.mkfifo(go)
    process = await bench.start("sh", "-c", f"(read line < {go}; echo later) & echo now")
    out, _, exit = await bench.output(process)
    assert out == b"now\n" and exit.exit.code == 0 and not exit.output_complete
    go.write_text("\n")

    async def complete() -> bool:
        return (await bench.output(process))[2].output_complete

    await eventually(complete)
    assert (await bench.output(process))[0] == b"now\nlater\n"


async def test_signal_of_a_death_is_named_with_its_reason(bench: Bench) -> None:
    own = await bench.run("sh", "-c", "kill -9 $$")
    assert (own.exit.signal, own.exit.reason, own.exit.code) == ("KILL", "exited", UNSET)
    process = await bench.start("sleep", "1000")
    await bench.table.signal(process.id, "INT")
    ended = await bench.table.wait(process.id, 10)
    assert ended.exit is not UNSET and (ended.exit.signal, ended.exit.reason) == ("INT", "signalled")
    with pytest.raises(ProcessExited):
        await bench.table.signal(process.id, "TERM")


async def test_wait_answers_after_its_timeout(bench: Bench) -> None:
    process = await bench.start("sleep", "1000")
    assert (await bench.table.wait(process.id, 0.01)).exit is UNSET


@pytest.mark.parametrize(
    ("argv", "params", "error"),
    [
        (["no-such-program"], {}, CommandNotFound),
        (["./absent"], {}, CommandNotFound),
        (["/"], {}, CommandNotFound),
        ([""], {}, CommandNotFound),
        (["true"], {"cwd": "absent"}, CwdInvalid),
        (["true"], {"cwd": ".."}, CwdInvalid),
        (["true"], {"cwd": "/"}, CwdInvalid),
        (["true"], {"cwd": "leads-out"}, CwdInvalid),
        (["true", "a\0b"], {}, InvalidParams),
        (["true"], {"env": {"A=B": "c"}}, InvalidParams),
    ],
)
async def test_what_cannot_be_started_is_named_and_leaves_nothing(bench: Bench, argv, params, error) -> None:
    (bench.worktree / "leads-out").symlink_to("/tmp")
    await bench.run("true")
    await bench.table.forget_workspace("ws_test")
    before = len(os.listdir("/proc/self/fd"))
    for call in (bench.run, bench.start):
        with pytest.raises(error):
            await call(*argv, **params)
    assert (await bench.table.list("ws_test")).processes == []
    assert len(os.listdir("/proc/self/fd")) <= before
    assert bench.table.running_count == 0


async def test_a_script_without_an_interpreter_line_is_not_executable(bench: Bench) -> None:
    script = bench.worktree / "script"
    script.write_text("echo hi\n")
    script.chmod(0o755)
    with pytest.raises(CommandNotFound) as caught:
        await bench.run("./script")
    assert caught.value.details is not None and "format" in caught.value.details.reason
    script.write_text("#!/bin/sh\necho hi\n")
    assert (await bench.run("./script")).stdout.text == "hi\n"


async def test_limit_of_processes(bench: Bench) -> None:
    table = bench.table = bench.new_table(max_per_workspace=2)
    first = await bench.start("sleep", "1000")
    await bench.start("sleep", "1000")
    with pytest.raises(LimitProcesses):
        await bench.start("true")
    await table.signal(first.id, "KILL")
    await table.wait(first.id, 10)
    await bench.start("true")
    await table.close(0)


async def test_list_get_remove(bench: Bench) -> None:
    running = await bench.start("sleep", "1000", labels={"role": "server"})
    ended = await bench.start("true", labels={"role": "once"})
    await bench.table.wait(ended.id, 10)
    assert [p.id for p in (await bench.table.list("ws_test")).processes] == [ended.id, running.id]
    assert [p.id for p in (await bench.table.list("ws_test", running=True)).processes] == [running.id]
    assert [p.id for p in (await bench.table.list("ws_test", labels={"role": "once"})).processes] == [ended.id]
    assert (await bench.table.list("ws_other")).processes == []
    with pytest.raises(WorkspaceState):
        await bench.table.remove(running.id)
    await bench.table.remove(ended.id)
    with pytest.raises(ProcessNotFound):
        await bench.table.get(ended.id)
    with pytest.raises(ProcessNotFound):
        await bench.table.remove(ended.id)
    assert bench.table.workspace_of(running.id) == "ws_test"


@pytest.mark.parametrize("way", ["start", "run"])
async def test_the_exit_is_kept_before_anybody_is_told(bench: Bench, way: str) -> None:
    """What the next daemon finds when this one is killed the moment it has told somebody, before the store knows."""
    if way == "run":
        id = (await bench.run("sh", "-c", "echo out; exit 3")).process
    else:
        id = (await bench.start("sh", "-c", "echo out; exit 3")).id
        await bench.table.wait(id, 10)
    record = await bench.db.read(lambda conn: rows.get(conn, id))
    # of a short command it is told with its end
    known = None if way == "run" else "running"
    assert (record and record.state) == known, "the store follows; this test wants to be ahead of it"
    after = bench.new_table()
    await after.recover()
    found = await after.get(id)
    assert found.state == "exited"
    assert found.exit is not UNSET and found.exit.code == 3
    assert found.output_end == 4
    await after.close(0)


async def test_the_store_follows(bench: Bench) -> None:
    ids = [(await bench.run("true")).process for _ in range(3)]

    async def follows() -> bool:
        records = [await bench.db.read(lambda conn, id=id: rows.get(conn, id)) for id in ids]
        states = {None if record is None else record.state for record in records}
        # what is committed is not noted any longer, a moment later
        return states == {"exited"} and (bench.state / "ends").read_bytes() == b""

    await eventually(follows)


async def test_stop_workspace_ends_all_with_a_reason(bench: Bench) -> None:
    processes = [await bench.start("sleep", "1000") for _ in range(20)]
    stubborn = await bench.start("sh", "-c", "trap '' TERM; echo ready; while :; do sleep 1; done")
    attachment = await bench.attach(stubborn)
    await attachment.next()
    await bench.table.stop_workspace("ws_test", 0.3)
    for process in processes:
        exit = (await bench.table.get(process.id)).exit
        assert exit is not UNSET and (exit.signal, exit.reason) == ("TERM", "stopped")
    last = await attachment.next()
    assert isinstance(last, ExecExit) and (last.exit.signal, last.exit.reason) == ("KILL", "stopped")
    attachment.close()
    assert bench.table.running_count == 0


async def test_forgotten_workspace_leaves_no_record_and_no_output(bench: Bench) -> None:
    await bench.run("echo", "x")
    await bench.start("sh", "-c", "echo y; sleep 1000")
    await bench.table.forget_workspace("ws_test")
    assert (await bench.table.list("ws_test")).processes == []
    assert logs(bench) == []


async def test_two_hundred_runs_leave_no_zombie_and_no_descriptor(bench: Bench) -> None:
    await bench.run("true")
    before, dead_before = len(os.listdir("/proc/self/fd")), set(zombies())
    for _ in range(20):
        await asyncio.gather(*(bench.run("sh", "-c", "echo x; (exit 1) & wait") for _ in range(10)))
    await eventually(lambda: abs(len(os.listdir("/proc/self/fd")) - before) <= 5)
    assert set(zombies()) <= dead_before
    assert bench.table.running_count == 0


async def test_killed_daemon_loses_what_ran_and_keeps_its_output(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "echo before; sleep 1000")
    attachment = await bench.attach(process)
    await attachment.next()
    attachment.close()
    stray = bench.state / "output" / "pr_stray.log"
    stray.write_bytes(b"")
    after = bench.new_table()
    await after.recover()
    lost = await after.get(process.id)
    assert (lost.state, lost.exit, lost.output_end) == ("lost", UNSET, 7)
    assert not stray.exists()
    await after.close(0)


async def test_old_records_are_swept(bench: Bench) -> None:
    result = await bench.run("echo", "x")
    running = await bench.start("sleep", "1000")
    assert await bench.table.sweep() == 0
    await eventually(lambda: (bench.state / "ends").read_bytes() == b"")
    table = bench.new_table(keep=timedelta(seconds=0))
    assert await table.sweep() == 1
    with pytest.raises(ProcessNotFound):
        await bench.table.get(result.process)
    assert (await bench.table.get(running.id)).state == "running"
    assert f"{result.process}.log" not in logs(bench)
    await table.close(0)


async def test_hup_reaches_the_group_and_stop_freezes_it(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "sleep 1000 & echo $!; wait")
    attachment = await bench.attach(process)
    child = int((await attachment.next()).data)
    await bench.table.signal(process.id, "STOP")

    def state(pid: int) -> str:
        with open(f"/proc/{pid}/stat") as stat:
            return stat.read().rpartition(")")[2].split()[0]

    await eventually(lambda: state(child) == "T" and state(process.pid) == "T")
    await bench.table.signal(process.id, "CONT")
    await eventually(lambda: state(child) == "S")
    await bench.table.signal(process.id, "HUP", group=False)
    assert (await bench.table.wait(process.id, 10)).exit.signal == "HUP"
    assert alive(child)
    os.kill(child, signal.SIGKILL)
    attachment.close()


async def crash(bench: Bench) -> None:
    """The next daemon, after one that was killed before it could commit anything."""
    saver = bench.table._archive._saver
    if saver is not None:
        saver.cancel()
    bench.table = bench.new_table(drain_wait=0.3)
    await bench.table.recover(await bench.kept.adopt() if bench.kept is not None else ())


async def test_a_short_command_is_known_after_a_crash_although_the_store_was_not_told(bench: Bench) -> None:
    result = await bench.run("sh", "-c", "echo kept; exit 3")
    assert await bench.db.read(lambda conn: rows.get(conn, result.process)) is None
    await crash(bench)
    process = await bench.table.get(result.process)
    assert (process.argv, process.state, process.exit) == (["sh", "-c", "echo kept; exit 3"], "exited", result.exit)
    assert (await bench.output(result.process))[0] == b"kept\n"
    await crash(bench)
    assert (await bench.table.get(result.process)).state == "exited"


async def test_what_was_removed_does_not_come_back_with_a_crash(bench: Bench) -> None:
    removed, other = await bench.run("true"), await bench.run("true")
    await bench.table.remove(removed.process)
    await crash(bench)
    with pytest.raises(ProcessNotFound):
        await bench.table.get(removed.process)
    assert (await bench.table.get(other.process)).state == "exited"
    await bench.table.remove(other.process)
    await crash(bench)
    with pytest.raises(ProcessNotFound):
        await bench.table.get(other.process)


async def test_what_runs_longer_or_is_longer_to_say_is_in_the_store_before_its_end(bench: Bench) -> None:
    long = await bench.run("sh", "-c", ":" + " " * 5000)
    assert await bench.db.read(lambda conn: rows.get(conn, long.process)) is not None
    running = asyncio.create_task(bench.run("sleep", "1000"))

    async def recorded() -> bool:
        return bool(await bench.db.read(rows.list_running))

    await eventually(recorded)
    await bench.table.stop_workspace("ws_test", 0)
    assert (await running).exit.signal == "KILL"
