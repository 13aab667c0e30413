"""Processes that a keeper keeps, while daemons come and go: nothing of them is lost, doubled or forgotten."""

from __future__ import annotations

import asyncio
import hashlib
import os
import signal
from pathlib import Path

import pytest
from kept_machine import KeptMachine
from msgspec import UNSET
from nexus_sdk.protocol.errors import ProcessLost
from nexus_sdk.protocol.types import ExecExit, PtySize
from nexusd.backends.keeper.keeper import Keeper, KeeperGone, KeeperRefused
from process_bench import DEADLINE, Bench, alive, eventually, read_all, read_until

pytestmark = pytest.mark.parametrize("bench", ["kept"], indirect=True)


@pytest.fixture
def machine(bench: Bench) -> KeptMachine:
    assert bench.kept is not None
    return bench.kept


async def restart(bench: Bench, *, kill: bool = False) -> None:
    """The next daemon, after one that stopped or, with `kill`, that had no time for anything."""
    assert bench.kept is not None
    if not kill:
        await bench.table.close(0)
    bench.table = bench.new_table(drain_wait=0.3)
    await bench.kept.connect()
    await bench.table.recover(await bench.kept.adopt())


@pytest.mark.parametrize("kill", [False, True])
async def test_a_build_goes_on_while_daemons_come_and_go(bench: Bench, kill: bool) -> None:
    loop = "for i in $(seq 1 2000); do echo"
    script = f"{loop} line $i; done; read go; {loop} more $i >&2; done; exit 7"
    process = await bench.start("sh", "-c", script, stdin=True)
    for _ in range(3):
        await restart(bench, kill=kill)
        assert (await bench.table.get(process.id)).state == "running"
    attachment = await bench.attach(process)
    await attachment.write_stdin(0, b"go\n")
    out, err, exit = await read_all(attachment)
    attachment.close()
    assert out.decode() == "".join(f"line {i}\n" for i in range(1, 2001))
    assert err.decode() == "".join(f"more {i}\n" for i in range(1, 2001))
    assert (exit.exit.code, exit.output_complete) == (7, True)


async def test_what_ended_while_no_daemon_was_there_is_known(bench: Bench, machine: KeptMachine) -> None:
    process = await bench.start("sh", "-c", "sleep 0.3; echo late; exit 3")
    await bench.table.close(0)
    await machine.keeper.close()
    await eventually(lambda: not alive(process.pid) if process.pid is not UNSET else False)
    bench.table = bench.new_table()
    await machine.connect()
    await bench.table.recover(await machine.adopt())
    out, _, exit = await bench.output(process)
    assert (out, exit.exit.code, exit.output_complete) == (b"late\n", 3, True)
    await eventually(lambda: not machine.keeper.kept())
    await restart(bench)
    view = await bench.table.get(process.id)
    assert view.state == "exited" and view.exit is not UNSET and view.exit.code == 3


async def test_every_byte_arrives_through_ten_daemons(bench: Bench) -> None:
    """A reader that comes back gets what it had not taken, although the log is far smaller than the output."""
    size = 20_000_000
    command = f"head -c {size} /dev/urandom | tee /dev/fd/3 3> >(sha256sum >&2)"
    process = await bench.start("bash", "-c", command, log_limit=256 * 1024)
    digest, received, sums = hashlib.sha256(), 0, b""
    position = 0
    for turn in range(11):
        attachment = await bench.attach(process, False, offset=position, attachment="reader-000", hold_ms=60_000)
        enough = received + size // 11 if turn < 10 else size * 2
        while received < enough:
            item = await asyncio.wait_for(attachment.next(), DEADLINE)
            if isinstance(item, ExecExit):
                assert item.exit.code == 0 and turn == 10
                break
            assert item.offset == position
            position += len(item.data)
            if item.channel == 1:
                digest.update(item.data)
                received += len(item.data)
            else:
                sums += item.data
            attachment.ack(position)
        attachment.close(keep=turn < 10)
        if turn < 10:
            await restart(bench, kill=turn % 2 == 1)
    assert received == size
    assert sums.decode().split()[0] == digest.hexdigest()


async def test_a_terminal_is_there_again(bench: Bench) -> None:
    process = await bench.start("sh", pty=PtySize(cols=80, rows=24), env={"PS1": "$ "})
    attachment = await bench.attach(process)
    assert await attachment.write_stdin(0, b"stty -echo; name=kept\n") == len(b"stty -echo; name=kept\n")
    await read_until(attachment, b"$ ")
    offset, written = attachment.offset, attachment.opened.stdin_offset
    attachment.close()
    await restart(bench, kill=True)
    attachment = await bench.attach(process, offset=offset)
    written = attachment.opened.stdin_offset
    assert written == len(b"stty -echo; name=kept\n")
    bench.table._live[process.id].resize(100, 30)
    await attachment.write_stdin(written, b'echo "<$name>"; stty size; exit 5\n')
    out, _, exit = await read_all(attachment)
    assert b"<kept>" in out and b"30 100" in out and exit.exit.code == 5
    attachment.close()


async def test_a_resize_reaches_the_keeper_before_what_is_typed_after_it(
    bench: Bench, machine: KeptMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    process = await bench.start("cat", pty=PtySize(cols=80, rows=24))
    attachment = await bench.attach(process)
    channel = machine.keeper._channel
    assert channel is not None
    sent: list[bytes] = []
    send = channel.send

    def spy(kind: int, *parts: bytes, fds: tuple[int, ...] = ()) -> None:
        sent.append(b"".join(parts))
        send(kind, *parts, fds=fds)

    monkeypatch.setattr(channel, "send", spy)
    bench.table._live[process.id].resize(100, 30)
    await attachment.write_stdin(0, b"typed")
    assert [b'"resize"' in sent[0], sent[1].endswith(b"typed")] == [True, True]
    attachment.close()


async def test_input_is_taken_once(bench: Bench) -> None:
    process = await bench.start("cat", stdin=True)
    attachment = await bench.attach(process)
    data = os.urandom(300_000)
    collected = asyncio.create_task(read_until(attachment, data[-20:]))
    half = await attachment.write_stdin(0, data[:150_000])
    await attachment.write_stdin(half, data[half:])
    await collected
    attachment.close()
    await restart(bench, kill=True)
    attachment = await bench.attach(process, offset=len(data))
    assert attachment.opened.stdin_offset == len(data)
    # a client that does not know sends all of it again
    assert await attachment.write_stdin(0, data) == len(data)
    await attachment.write_stdin(len(data), b"end")
    attachment.finish_stdin(len(data) + 3)
    out, _, exit = await read_all(attachment)
    assert out == b"end" and exit.exit.code == 0
    attachment.close()


async def test_a_start_that_was_not_acknowledged_is_undone(
    bench: Bench, machine: KeptMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    forever: asyncio.Future[None] = asyncio.get_running_loop().create_future()
    monkeypatch.setattr(bench.table._archive, "insert", lambda record: forever)
    starting = asyncio.create_task(bench.start("sleep", "1000"))
    await eventually(lambda: bool(machine.keeper.kept()))
    [handle] = machine.keeper.kept()
    pid = handle.pid
    await restart(bench, kill=True)
    await eventually(lambda: not alive(pid))
    await eventually(lambda: not machine.keeper.kept())
    assert (await bench.table.list("ws_test")).processes == []
    starting.cancel()
    await asyncio.wait([starting])


async def test_processes_end_with_their_keeper_and_nobody_invents_how(
    bench: Bench, machine: KeptMachine, monkeypatch: pytest.MonkeyPatch
) -> None:
    # Nobody tells this keeper that its program has ended: it gives up when that has not come back in time.
    monkeypatch.setattr("nexusd.backends.keeper.keeper.BACK_WITHIN", 0.5)
    process = await bench.start("sh", "-c", "echo before; sleep 1000")
    attachment = await bench.attach(process)
    await read_until(attachment, b"before")
    machine.process.send_signal(signal.SIGKILL)
    await asyncio.to_thread(machine.process.wait)
    with pytest.raises(ProcessLost):
        while True:
            await asyncio.wait_for(attachment.next(), DEADLINE)
    attachment.close()
    view = await bench.table.get(process.id)
    assert view.state == "lost" and view.exit is UNSET and view.output_end == len("before\n")
    # Where the keeper is no PID 1, what it kept lives on, and the backend ends it.
    await bench.backend.stop("ws_test", 0)
    assert (await bench.backend.stats("ws_test")).processes == 0


async def test_another_program_takes_over_in_the_middle_of_a_build(
    bench: Bench, machine: KeptMachine, nexus_init: Path
) -> None:
    process = await bench.start("sh", "-c", "for i in $(seq 1 60); do echo $i; sleep 0.02; done; exit 4")
    attachment = await bench.attach(process)
    build = machine.keeper.build
    boot = machine.keeper.boot
    for _ in range(2):
        await machine.keeper.upgrade(nexus_init, build)
    assert (machine.keeper.boot, machine.process.poll()) == (boot, None)
    out, _, exit = await read_all(attachment)
    assert out.decode().split() == [str(i) for i in range(1, 61)]
    assert exit.exit.code == 4
    attachment.close()


async def test_a_log_that_stayed_empty_becomes_the_next_ones(bench: Bench) -> None:
    async def silent() -> Path:
        process = (await bench.run("true")).process
        await eventually(lambda: process not in bench.table._live)  # it stays until its end is committed
        return bench.state / "output" / f"{process}.log"

    left = await silent()
    inode = left.stat().st_ino
    said = (await bench.run("echo", "said")).process
    assert left.with_name(f"{said}.log").stat().st_ino == inode and not left.exists()
    assert (await bench.output(left.stem))[0] == b""
    assert (await bench.output(said))[0] == b"said\n"
    removed = await silent()
    await bench.table.remove(removed.stem)  # and with it the file that the next one would have had
    more = (await bench.run("echo", "more")).process
    assert (await bench.output(more))[0] == b"more\n"


async def test_what_ended_before_its_keeper_needs_no_end(bench: Bench, machine: KeptMachine) -> None:
    process = (await bench.run("true")).process
    await machine.keeper.shutdown(0)
    await asyncio.to_thread(machine.process.wait)
    machine.keeper.lose()
    assert process in bench.table._live, "its end is not committed yet"
    await bench.table.forget_workspace(bench.workspace.id)
    assert not bench.table._live


@pytest.mark.parametrize("turns", range(6))
async def test_nobody_tries_to_come_back_to_a_keeper_that_has_ended(machine: KeptMachine, turns: int) -> None:
    keeper = machine.keeper
    machine.socket.unlink()
    keeper._disconnect()
    keeper._lost(None)
    trying = keeper._coming_back
    assert trying is not None
    for _ in range(turns):
        await asyncio.sleep(0)
    keeper.lose()
    for _ in range(10):
        await asyncio.sleep(0)
    assert trying.done()
    machine.process.kill()
    await asyncio.to_thread(machine.process.wait)


async def test_ports_and_figures(bench: Bench, machine: KeptMachine) -> None:
    script = (
        "import socket; s = socket.create_server(('127.0.0.1', 0)); print(s.getsockname()[1], flush=True)\n"
        "c, _ = s.accept(); c.sendall(c.recv(100).upper()); c.close()"
    )
    process = await bench.start("python3", "-c", script)
    attachment = await bench.attach(process)
    port = int((await read_until(attachment, b"\n")).strip())
    assert port in {listener.port for listener in await machine.listening()}
    stream = await machine.dial(port)
    await stream.send(b"hello")
    assert await stream.receive() == b"HELLO"
    await stream.aclose()
    stats = await machine.keeper.stats()
    assert stats.processes >= 0 and stats.memory >= 0
    attachment.close()


async def test_only_who_knows_the_secret_is_let_in(bench: Bench, machine: KeptMachine) -> None:
    process = await bench.start("sleep", "1000")
    with pytest.raises(KeeperRefused):
        await Keeper.connect(machine.socket, os.urandom(32), log_of=machine.log_of)
    with pytest.raises(KeeperRefused):
        await Keeper.connect(machine.socket, machine.secret, log_of=machine.log_of, pid=os.getpid())
    with pytest.raises(KeeperGone):
        await Keeper.connect(machine.socket.with_name("absent"), machine.secret, log_of=machine.log_of, patience=0.1)
    assert (await bench.table.get(process.id)).state == "running"
