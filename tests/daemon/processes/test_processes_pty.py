from __future__ import annotations

import asyncio
import sys

import pytest
from nexus_sdk.protocol.errors import NotATerminal, NotController, ObserverLagged, ProcessExited, TakenOver
from nexus_sdk.protocol.types import ExecExit, PtySize
from process_bench import DEADLINE, Bench, eventually, read_all, read_until

SIZE = PtySize(cols=100, rows=30)


async def test_size_and_controlling_terminal(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "stty size; tty; ps -o tty= -p $$; echo $TERM", pty=SIZE)
    out, err, exit = await bench.output(process)
    size, tty, of_process, term = out.decode().split("\r\n")[:4]
    assert size == "30 100"
    assert tty == f"/dev/{of_process.strip()}"
    assert term == "xterm-256color"
    assert err == b"" and exit.exit.code == 0 and exit.output_complete


async def test_resize_is_seen_and_signalled(bench: Bench) -> None:
    process = await bench.start(
        "sh", "-c", "trap 'stty size; exit' WINCH; echo ready; while :; do sleep 0.05; done", pty=SIZE
    )
    attachment = await bench.attach(process)
    await read_until(attachment, b"ready")
    view = await bench.table.resize(process.id, PtySize(cols=120, rows=40))
    assert view.pty.cols == 120
    assert b"40 120" in (await read_all(attachment))[0]
    attachment.close()
    with pytest.raises(ProcessExited):
        await bench.table.resize(process.id, SIZE)
    plain = await bench.start("sleep", "1000")
    with pytest.raises(NotATerminal):
        await bench.table.resize(plain.id, SIZE)


async def test_control_c_interrupts_the_foreground_only(bench: Bench) -> None:
    process = await bench.start("bash", "--norc", "-i", pty=SIZE, env={"PS1": "$ "})
    attachment = await bench.attach(process)
    await read_until(attachment, b"$ ")
    sent = await attachment.write_stdin(0, b"sh -c 'echo s\"\"tarted; exec sleep 1000'\n")
    await read_until(attachment, b"started")
    sent = await attachment.write_stdin(sent, b"\x03")
    await read_until(attachment, b"$ ")
    sent = await attachment.write_stdin(sent, b"echo code=$?\n")
    await read_until(attachment, b"code=130")
    sent = await attachment.write_stdin(sent, b"exit 5\n")
    _, _, exit = await read_all(attachment)
    assert exit.exit.code == 5
    attachment.close()


async def test_erasing_erases_whole_characters(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "echo ready; read line; printf '%s' \"$line\" | od -An -tx1", pty=SIZE)
    attachment = await bench.attach(process)
    await read_until(attachment, b"ready")
    await attachment.write_stdin(0, "ä€\x7fb\n".encode())
    out, _, _ = await read_all(attachment)
    assert out.decode().split("\r\n")[-2].split() == ["c3", "a4", "62"]
    attachment.close()


async def test_utf8_passes_unchanged(bench: Bench) -> None:
    text = "grün 日本語 🙂"
    process = await bench.start("printf", "%s", text, pty=SIZE)
    assert (await bench.output(process))[0].decode() == text


async def test_one_controller_many_observers_and_takeover(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "stty -echo; echo ready; cat", pty=SIZE)
    controller = await bench.attach(process)
    observer = await bench.attach(process)
    assert (controller.opened.role, observer.opened.role) == ("controller", "observer")
    assert observer.opened.stdin_window == 0
    await read_until(controller, b"ready")
    with pytest.raises(NotController):
        await observer.write_stdin(0, b"x")
    await controller.write_stdin(0, b"hello\n")
    await read_until(observer, b"hello")
    other = await bench.attach(process, role="controller", takeover=True)
    with pytest.raises(TakenOver):
        await read_until(controller, b"never")
    await other.write_stdin(other.opened.stdin_offset, b"bye\n\x04")
    out, _, exit = await read_all(observer)
    assert b"bye" in out and exit.exit.code == 0
    for attachment in (controller, observer, other):
        attachment.close()


async def test_an_observer_never_holds_the_terminal_up(bench: Bench) -> None:
    bench.table = bench.new_table(first_hold=0)
    process = await bench.start(
        sys.executable,
        "-c",
        "print('x' * 99, flush=True); input(); [print('y' * 99) for _ in range(5000)]",
        pty=SIZE,
        log_limit=65536,
    )
    observer = await bench.attach(process, role="observer")
    await observer.next()
    controller = await bench.attach(process)
    await controller.write_stdin(0, b"\n")
    controller.close()
    assert (await bench.table.wait(process.id, DEADLINE)).state == "exited"
    with pytest.raises(ObserverLagged) as lagged:
        await read_all(observer)
    assert lagged.value.details.earliest > lagged.value.details.offset
    observer.close()


async def test_a_controller_does(bench: Bench) -> None:
    process = await bench.start(
        sys.executable, "-c", "[print('y' * 99) for _ in range(5000)]", pty=SIZE, log_limit=65536
    )
    controller = await bench.attach(process)
    await eventually(lambda: bench.table._live[process.id].log.room() < 4096)
    assert (await bench.table.get(process.id)).state == "running"
    out, _, _ = await read_all(controller)
    assert out == (b"y" * 99 + b"\r\n") * 5000
    controller.close()


async def test_a_terminal_comes_back_after_a_lost_connection(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "stty -echo; echo ready; cat", pty=SIZE)
    first = await bench.attach(process, attachment="my-shell")
    await read_until(first, b"ready")
    seen = first.offset
    await first.write_stdin(0, b"one\n")
    first.close(keep=True)
    stranger = await bench.attach(process)
    assert not stranger.controls
    back = await bench.attach(process, attachment="my-shell", offset=seen)
    assert back.controls and back.opened.stdin_offset == 4
    await read_until(back, b"one")
    await back.write_stdin(4, b"\x04")
    assert isinstance((await read_all(back))[2], ExecExit)
    stranger.close()
    back.close()


async def test_hang_up_of_a_terminal_reaches_its_jobs(bench: Bench) -> None:
    process = await bench.start("bash", "--norc", "-i", pty=SIZE, env={"PS1": "$ "})
    attachment = await bench.attach(process)
    await read_until(attachment, b"$ ")
    await attachment.write_stdin(0, b"sleep 1000 & (setsid sleep 1001 &); sleep 1002\n")
    await asyncio.sleep(0.2)
    await bench.table.signal(process.id, "KILL")
    _, _, exit = await read_all(attachment)
    assert (exit.exit.signal, exit.exit.reason) == ("KILL", "signalled")

    async def gone() -> bool:
        return (await bench.backend.stats("ws_test")).processes == 0

    await eventually(gone)
    attachment.close()
