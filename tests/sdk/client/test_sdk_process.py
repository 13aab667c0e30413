"""Processes: starting, reading, writing, leaving, and resuming at the exact byte."""

from __future__ import annotations

import asyncio
import random

import nexus_sdk
import pytest
from fake_daemon import FakeProcess, process_record, workspace_record
from nexus_sdk import ConnectionLost, OutputGap, ProcessError, ProcessTimeout, ProtocolViolation
from nexus_sdk.protocol.errors import (
    CommandNotFound,
    Draining,
    NotController,
    OffsetExpired,
    ProcessExited,
    ProcessNotFound,
    StdinClosed,
    TakenOver,
)
from nexus_sdk.wire import frames


async def test_output_in_order_and_result(fake, workspace):
    FakeProcess([(1, b"one"), (2, b"two"), (1, b"three")]).install(fake)
    async with workspace.exec(["make", "-j8"], cwd="src", env={"A": "1"}, timeout=1.5, labels={"l": "1"}) as process:
        chunks = [(chunk.channel, chunk.offset, chunk.data) async for chunk in process.output]
    assert chunks == [("stdout", 0, b"one"), ("stderr", 3, b"two"), ("stdout", 6, b"three")]
    assert process.result.ok and process.result.exit_code == 0 and process.result.output_end == 11
    start = fake.calls[1].params
    assert (start["argv"], start["cwd"], start["env"], start["timeout_ms"]) == (
        ["make", "-j8"],
        "src",
        {"A": "1"},
        1500,
    )
    assert "stdin" not in start and start["labels"] == {"l": "1"}


async def test_a_command_line_is_refused(workspace):
    with pytest.raises(TypeError, match="list of arguments"):
        workspace.exec("make -j8")


async def test_channels_text_and_lines(fake, workspace):
    FakeProcess([(1, b"a\nb"), (2, b"err"), (1, b"\nc\n")]).install(fake)
    async with workspace.exec(["make"]) as process:
        lines = [line async for line in process.stdout.lines()]
        errors = await process.stderr.text()
    assert (lines, errors) == (["a", "b", "c"], "err")


async def test_check_raises_with_everything_that_helps(fake, workspace):
    FakeProcess([(1, b"out"), (2, b"no rule to make target")], code=2).install(fake)
    with pytest.raises(ProcessError, match="'make' exited with code 2: no rule to make target") as caught:
        async with workspace.exec(["make"], check=True):
            pass
    error = caught.value
    assert (error.command, error.exit_code, error.signal) == (["make"], 2, None)
    assert (error.stdout, error.stderr, error.process) == (b"out", b"no rule to make target", "pr_1")


async def test_without_check_a_failure_is_a_result(fake, workspace):
    FakeProcess([], code=2).install(fake)
    async with workspace.exec(["make"]) as process:
        assert (await process.wait()).exit_code == 2
        with pytest.raises(ProcessError):
            await process.wait(check=True)


async def test_running_out_of_time_is_its_own_error(fake, workspace):
    FakeProcess([], code=-9, reason="timeout").install(fake)
    with pytest.raises(ProcessTimeout, match=r"did not end within 2 s") as caught:
        async with workspace.exec(["make"], check=True, timeout=2):
            pass
    assert (caught.value.timeout, caught.value.signal, caught.value.exit_code) == (2, "KILL", None)
    assert isinstance(caught.value, TimeoutError)


async def test_waiting_lets_unread_output_flow(fake, workspace):
    FakeProcess([(1, b"x" * 3_000_000)]).install(fake)
    async with workspace.exec(["yes"], window=65536) as process:
        result = await asyncio.wait_for(process.wait(), 10)
    assert result.output_end == 3_000_000
    with pytest.raises(OutputGap):
        await process.stdout.read_all()


async def test_a_reader_that_does_not_read_stops_the_process(fake, workspace):
    FakeProcess([(1, b"x" * 1_000_000)]).install(fake)
    async with workspace.exec(["yes"], window=65536) as process:
        first = await anext(process.output)
        for _ in range(50):
            await asyncio.sleep(0)
        attach = fake.calls[-1]
        assert process.offset <= 65536 + len(first.data)
        assert attach.granted <= 2 * 65536


async def test_starting_can_fail(fake, workspace):
    @fake.on("exec.start")
    async def start(call):
        raise CommandNotFound("there is no 'mkae'", command="mkae", reason="not found")

    with pytest.raises(CommandNotFound):
        async with workspace.exec(["mkae"]):
            raise AssertionError("must not be entered")


async def test_a_process_is_started_once_whatever_breaks(fake, workspace):
    process = FakeProcess([(1, b"done")]).install(fake)
    real = fake.handlers["exec.start"]
    starts = []

    async def start(call):
        starts.append(call.params["key"])
        if len(starts) < 3:
            call.session.drop()
            return None
        return await real(call)

    fake.handlers["exec.start"] = start
    async with workspace.exec(["make"]) as running:
        assert await running.stdout.text() == "done"
    assert len(starts) == 3 and len(set(starts)) == 1
    assert len(process.attaches) == 1


@pytest.mark.parametrize("seed", range(4))
async def test_resume_at_the_exact_byte(fake, workspace, seed):
    """Fifty cuts at random places: every byte comes once, in order, on its channel."""
    rng = random.Random(seed)
    runs = [(rng.choice((1, 2)), rng.randbytes(rng.randrange(1, 30_000))) for _ in range(60)]
    fake_process = FakeProcess(runs, frame=7_001).install(fake)
    cuts = iter([rng.randrange(1, 40_000) for _ in range(50)])

    async def attach(call):
        fake_process.drop_after = next(cuts, None)
        return await fake_process.attach(call)

    fake.handlers["exec.attach"] = attach
    expected = b"".join(data for _, data in runs)
    got, position = bytearray(), 0
    async with workspace.exec(["make"], check=True) as process:
        async for chunk in process.output:
            assert chunk.offset == position
            position += len(chunk.data)
            got += chunk.data
    assert got == expected
    assert process.reconnects == len(fake_process.attaches) - 1 > 10
    assert len({attach["attachment"] for attach in fake_process.attaches}) == 1
    offsets = [attach.get("offset", 0) for attach in fake_process.attaches]
    assert offsets == sorted(offsets)


async def test_output_that_was_sent_twice_is_read_once(fake, workspace):
    @fake.on("exec.attach")
    async def attach(call):
        first = call.params.get("offset", 0) == 0
        process = process_record(stdin=False)
        await call.open({"process": process, "role": "observer", "offset": 0, "stdin_offset": 0, "stdin_window": 0})
        await call.data(1, 0, b"abc")
        if first:
            call.session.drop()
            return None
        await call.data(1, 2, b"cdef")
        return FakeProcess([(1, b"abcdef")]).exit()

    async with workspace.attach("pr_1") as process:
        assert await process.stdout.text() == "abcdef"


@pytest.mark.parametrize("lie", ["start", "frame", "end", "credit", "after_eof", "eof", "direction"])
async def test_a_daemon_that_lies_about_offsets_is_found_out(fake, nexus, workspace, lie):
    @fake.on("exec.attach")
    async def attach(call):
        offset = 5 if lie == "start" else 0
        record = process_record(stdin=False)
        await call.open({"process": record, "role": "observer", "offset": offset, "stdin_offset": 0, "stdin_window": 0})
        await call.data(1, offset, b"abc")
        if lie == "frame":
            await call.data(1, 4, b"x")
        if lie == "credit":
            for index in range(80):
                await call.data(1, 3 + index * 65536, b"x" * 65536)
        if lie == "eof":
            await call.eof(1, 99)
        if lie == "direction":
            await call.session.binary(frames.encode_credit(frames.DOWN, call.stream, 9))
        if lie == "after_eof":
            await call.eof(1, 3)
            await call.data(1, 3, b"more")
        return FakeProcess([(1, b"abcdef" if lie == "end" else b"abc")]).exit()

    with pytest.raises(OutputGap if lie in ("start", "frame", "end", "eof") else ProtocolViolation):
        async with workspace.attach("pr_1") as process, asyncio.timeout(5):
            while lie == "credit" and not process.finished:
                await nexus.ping()
            await process.wait()


@pytest.mark.parametrize("total", [2, 4])
async def test_the_end_of_the_output_must_be_where_the_daemon_says(fake, workspace, total):
    @fake.on("exec.attach")
    async def attach(call):
        record = process_record(stdin=False)
        await call.open({"process": record, "role": "observer", "offset": 0, "stdin_offset": 0, "stdin_window": 0})
        await call.data(1, 0, b"abc")
        return FakeProcess([(1, b"x" * total)]).exit()

    async with workspace.attach("pr_1") as process:
        with pytest.raises(OutputGap if total > 3 else ProtocolViolation):
            await process.stdout.read_all()


async def test_a_failure_that_nobody_has_seen_is_raised_on_leaving(fake, workspace):
    @fake.on("exec.attach")
    async def attach(call):
        record = process_record(stdin=False)
        await call.open({"process": record, "role": "observer", "offset": 0, "stdin_offset": 0, "stdin_window": 0})
        raise TakenOver("by another", process="pr_1")

    with pytest.raises(TakenOver):
        async with workspace.attach("pr_1", check=True):
            pass


async def test_output_that_expired_meanwhile_is_a_gap(fake, workspace):
    @fake.on("exec.attach")
    async def attach(call):
        if call.params.get("offset", 0):
            raise OffsetExpired("gone", process="pr_1", offset=3, earliest=10, end=20)
        record = process_record(stdin=False)
        await call.open({"process": record, "role": "observer", "offset": 0, "stdin_offset": 0, "stdin_window": 0})
        await call.data(1, 0, b"abc")
        call.session.drop()

    async with workspace.attach("pr_1") as process:
        assert await process.stdout.read() == b"abc"
        with pytest.raises(OutputGap) as caught:
            await process.stdout.read()
    assert (caught.value.expected, caught.value.offset) == (3, 10)
    assert isinstance(caught.value.__cause__, OffsetExpired)


async def test_an_offset_that_was_expired_from_the_start_is_the_daemons_error(fake, workspace):
    @fake.on("exec.attach")
    async def attach(call):
        raise OffsetExpired("gone", process="pr_1", offset=3, earliest=10, end=20)

    with pytest.raises(OffsetExpired):
        async with workspace.attach("pr_1", offset=3):
            pass


async def test_attaching_from_an_offset_or_the_tail(fake, workspace):
    process = FakeProcess([(1, b"0123456789")]).install(fake)
    async with workspace.attach("pr_1", offset=4) as attached:
        assert await attached.stdout.text() == "456789"
    async with workspace.attach("pr_1", tail=3) as attached:
        assert [(chunk.offset, chunk.data) async for chunk in attached.output] == [(7, b"789")]
    assert [attach.get("tail") for attach in process.attaches] == [None, 3]


async def test_a_draining_daemon_is_waited_for_when_resuming(fake, workspace):
    fake_process = FakeProcess([(1, b"abcdef")], drop_after=3).install(fake)
    refused = []

    async def attach(call):
        if fake_process.attaches:
            fake_process.drop_after = None
            if len(refused) < 2:
                refused.append(call)
                raise Draining("going down")
        return await fake_process.attach(call)

    fake.handlers["exec.attach"] = attach
    async with workspace.attach("pr_1") as process:
        assert await asyncio.wait_for(process.stdout.text(), 10) == "abcdef"
    assert len(refused) == 2


@pytest.mark.parametrize("error", [ProcessNotFound("gone", process="pr_1"), NotController("taken", process="pr_1")])
async def test_a_resume_that_is_refused_ends_the_stream_with_that_error(fake, workspace, error):
    fake_process = FakeProcess([(1, b"abcdef")], drop_after=3).install(fake)

    async def attach(call):
        if fake_process.attaches:
            raise error
        return await fake_process.attach(call)

    fake.handlers["exec.attach"] = attach
    async with workspace.attach("pr_1") as process:
        assert await process.stdout.read() == b"abc"
        with pytest.raises(type(error)):
            await process.stdout.read()
        with pytest.raises(type(error)):
            await process.wait()


async def test_a_takeover_ends_the_stream_with_its_reason(fake, workspace):
    @fake.on("exec.attach")
    async def attach(call):
        await call.open(
            {"process": process_record(), "role": "controller", "offset": 0, "stdin_offset": 0, "stdin_window": 100}
        )
        await call.data(1, 0, b"prompt")
        raise TakenOver("by another", process="pr_1")

    async with workspace.attach("pr_1") as process:
        assert await process.stdout.read() == b"prompt"
        with pytest.raises(TakenOver):
            await process.stdout.read()
        with pytest.raises(TakenOver):
            await process.stdin.write("x")


# requirement: stream.failed
async def test_an_attachment_that_cannot_come_back_says_so(fake):
    @fake.on("workspace.get")
    async def get(call):
        return workspace_record()

    FakeProcess([(1, b"abc" * 100)], drop_after=3).install(fake)
    async with nexus_sdk.connect(fake.url, environ={}, reconnect_timeout=0.2) as nexus:
        workspace = await nexus.workspaces.get("demo")
        async with workspace.attach("pr_1") as process:
            assert await process.stdout.read() == b"abc"
            fake.refusals = [(503, b"")] * 100
            with pytest.raises(ConnectionLost):
                await asyncio.wait_for(process.stdout.read(), 5)


# -- stdin --


async def test_stdin_is_written_and_closed_on_leaving(fake, workspace):
    fake_process = FakeProcess([(1, b"ok")], stdin_window=1000).install(fake)
    async with workspace.exec(["cat"], stdin=True, check=True) as process:
        await process.stdin.write("grüße\n")
        await process.stdin.write(b"x" * 5000)
    assert bytes(fake_process.stdin) == "grüße\n".encode() + b"x" * 5000
    assert fake_process.stdin_ended
    assert process.stdin.acknowledged == 5008
    assert fake.calls[1].params["stdin"] is True


async def test_stdin_survives_breaks_without_losing_or_doubling_a_byte(fake, workspace):
    fake_process = FakeProcess([(1, b"ok")], stdin_window=64, read_stdin=40).install(fake)
    text = bytes(range(256)) * 2

    async def attach(call):
        if len(fake_process.attaches) > 8:
            fake_process.read_stdin = None
        try:
            return await fake_process.attach(call)
        except ConnectionError:
            return None

    fake.handlers["exec.attach"] = attach
    async with workspace.exec(["cat"], stdin=True) as process:
        await asyncio.wait_for(process.stdin.write(text), 10)
        await process.stdin.send_eof()
        assert await asyncio.wait_for(process.stdout.text(), 10) == "ok"
    assert bytes(fake_process.stdin) == text
    assert process.reconnects >= 5


async def test_stdin_that_was_not_asked_for_is_closed(fake, workspace):
    FakeProcess([(1, b"x")]).install(fake)
    async with workspace.exec(["true"]) as process:
        with pytest.raises(StdinClosed, match="pr_1"):
            await process.stdin.write("x")
        await process.stdout.text()


async def test_writing_to_a_process_that_ended_is_an_error_not_a_hang(fake, workspace):
    @fake.on("exec.attach")
    async def attach(call):
        await call.open(
            {"process": process_record(), "role": "controller", "offset": 0, "stdin_offset": 0, "stdin_window": 10}
        )
        await call.until(lambda: len(call.up) == 10)
        return FakeProcess([]).exit()

    async with workspace.attach("pr_1") as process:
        with pytest.raises(StdinClosed, match="has ended"):
            await asyncio.wait_for(process.stdin.write(b"x" * 100), 5)


# -- leaving --


async def test_leaving_early_kills_what_was_started_here(fake, workspace):
    fake_process = FakeProcess([(1, b"x" * 10)]).install(fake)
    fake_process.hang = True
    async with workspace.exec(["server"], check=True) as process:
        assert await process.stdout.read()
    assert fake_process.signals == ["KILL"]
    assert process.result.signal == "KILL"


async def test_an_exception_kills_it_and_is_not_hidden(fake, workspace):
    fake_process = FakeProcess([]).install(fake)
    fake_process.hang = True
    with pytest.raises(ZeroDivisionError):
        async with workspace.exec(["server"], check=True):
            raise ZeroDivisionError
    assert fake_process.signals == ["KILL"]


async def test_what_is_killed_on_leaving_need_not_be_read_first(fake, workspace):
    fake_process = FakeProcess([(1, b"x" * 2_000_000)]).install(fake)
    fake_process.hang = True
    async with workspace.exec(["yes"], window=65536) as process:
        async for _ in process.stdout:
            break
    assert fake_process.signals == ["KILL"]


async def test_leaving_early_can_detach(fake, workspace):
    fake_process = FakeProcess([]).install(fake)
    fake_process.hang = True
    async with workspace.exec(["server"], kill_on_exit=False):
        pass
    assert fake_process.signals == []
    async with asyncio.timeout(5):
        await fake.session.cancel_seen.wait()


async def test_detach_beats_kill_on_exit(fake, workspace):
    fake_process = FakeProcess([]).install(fake)
    fake_process.hang = True
    async with workspace.exec(["server"]) as process:
        await process.detach()
    assert fake_process.signals == []


async def test_leaving_what_was_attached_to_detaches(fake, workspace):
    fake_process = FakeProcess([(1, b"x")], stdin_window=10)
    fake_process.install(fake)
    async with workspace.attach("pr_1"):
        pass
    assert fake_process.signals == [] and not fake_process.stdin_ended
    async with asyncio.timeout(5):
        await fake.session.cancel_seen.wait()


async def test_killing_what_has_ended_is_no_error(fake, workspace):
    FakeProcess([]).install(fake)

    @fake.on("exec.signal")
    async def signal(call):
        raise ProcessExited("it has", process="pr_1")

    async with workspace.attach("pr_1") as process:
        await process.wait()
        await process.kill()
        with pytest.raises(ProcessExited):
            await process.terminate()


async def test_resize_and_signal_say_what_they_mean(fake, workspace):
    fake_process = FakeProcess([])
    fake_process.install(fake)
    fake_process.hang = True

    @fake.on("exec.resize")
    async def resize(call):
        return process_record(pty=call.params["size"])

    async with workspace.shell(cols=100, rows=40) as process:
        await process.resize(120, 50)
        assert process.record.pty.cols == 120
        await process.signal("INT", group=False)
    start = next(call for call in fake.calls if call.method == "exec.start").params
    assert start["pty"] == {"cols": 100, "rows": 40} and start["stdin"] is True
    assert start["env"]["TERM"] == "xterm-256color"
    assert next(call for call in fake.calls if call.method == "exec.signal").params["group"] is False


async def test_waiting_has_a_deadline_of_its_own(fake, workspace):
    fake_process = FakeProcess([]).install(fake)
    fake_process.hang = True
    async with workspace.exec(["server"]) as process:
        with pytest.raises(TimeoutError):
            await process.wait(0.05)
        with pytest.raises(RuntimeError, match="has not ended"):
            _ = process.result


async def test_a_process_is_entered_once(fake, workspace):
    FakeProcess([]).install(fake)
    process = workspace.attach("pr_1")
    async with process:
        pass
    with pytest.raises(RuntimeError, match="started before"):
        async with process:
            pass


async def test_run_returns_what_happened(fake, workspace):
    @fake.on("exec.run")
    async def run(call):
        code = 3 if call.params["argv"] == ["false"] else 0
        return {
            "process": "pr_9",
            "exit": {"code": code, "reason": "exited", "at": "2026-01-02T03:04:05Z"},
            "stdout": {"text": "out", "bytes": 3, "dropped": 0},
            "stderr": {"text": "err", "bytes": 9, "dropped": 6},
            "duration_ms": 1500,
        }

    result = await workspace.run(["true"], input="hi", timeout=None)
    assert (result.ok, result.stdout, result.stderr, result.dropped, result.duration) == (True, "out", "err", 6, 1.5)
    assert fake.calls[-1].params["input"] == "aGk=" and fake.calls[-1].params["timeout_ms"] == 0
    with pytest.raises(ProcessError, match="exited with code 3: err"):
        await workspace.run(["false"], check=True)


async def test_waiting_through_processes_asks_again_until_the_end(fake, workspace):
    states = iter(["running", "running", "exited"])

    @fake.on("exec.wait")
    async def wait(call):
        return process_record(state=next(states))

    assert (await workspace.processes.wait("pr_1")).state == "exited"


async def test_waiting_through_processes_has_a_deadline(fake, workspace):
    @fake.on("exec.wait")
    async def wait(call):
        return process_record()

    with pytest.raises(TimeoutError):
        await workspace.processes.wait("pr_1", timeout=0.01)
