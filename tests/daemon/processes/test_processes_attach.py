from __future__ import annotations

import asyncio
import hashlib
import os
import random
import subprocess
import sys
from pathlib import Path

import pytest
from msgspec import UNSET
from nexus_sdk.protocol.errors import (
    Forbidden,
    NotController,
    OffsetExpired,
    OffsetInvalid,
    ProcessLost,
    ProcessNotFound,
    StdinClosed,
    StreamProtocol,
    TakenOver,
)
from nexus_sdk.protocol.types import ExecExit
from nexusd.processes.log import CHUNK
from process_bench import DEADLINE, Bench, eventually, read_all, read_until

MIB = 1 << 20

# Pseudo-random bytes in odd pieces over both channels, and on stderr at last the checksum of what went to stdout.
PRINTER = """
import hashlib, os, random, sys
size, seed = int(sys.argv[1]), int(sys.argv[2])
random.seed(seed)
block = random.randbytes(1 << 20)
digest = hashlib.sha256()
while size:
    at, count = random.randrange(1 << 19), min(size, random.choice([1, 10, 1000, 70_000, 300_000]))
    piece = block[at:at + count]
    done = 0
    while done < len(piece):
        done += os.write(1, piece[done:])
    digest.update(piece)
    size -= len(piece)
    if random.random() < 0.01:
        os.write(2, b".")
os.write(2, digest.hexdigest().encode())
"""


class Reader:
    """Follows a process as a client would: counts what arrived, comes back after each loss."""

    def __init__(self, bench: Bench, process: str, seed: int, *, cuts: int, slow: bool = False) -> None:
        self.bench = bench
        self.process = process
        self.random = random.Random(seed)
        self.cuts = cuts
        self.slow = slow
        self.name = f"reader-{seed:04}"
        self.received = 0
        self.digest = hashlib.sha256()
        self.stderr = b""

    async def follow(self, total: int) -> ExecExit:
        cuts = sorted(self.random.randrange(total) for _ in range(self.cuts))
        while True:
            attachment = await self.bench.attach(
                self.process, False, offset=self.received, attachment=self.name, hold_ms=30_000
            )
            assert attachment.opened.offset == self.received
            lost = False
            try:
                while True:
                    item = await asyncio.wait_for(attachment.next(), DEADLINE)
                    if isinstance(item, ExecExit):
                        assert item.output_end == self.received
                        return item
                    assert item.offset == self.received
                    if cuts and item.offset + len(item.data) > cuts[0]:
                        # What was on its way when the connection broke never arrived.
                        cuts.pop(0)
                        lost = True
                        break
                    self.take(item.channel, item.data)
                    attachment.ack(self.received - self.random.randrange(min(CHUNK, self.received) + 1))
                    if self.slow and self.random.random() < 0.05:
                        await asyncio.sleep(0.002)
            finally:
                if not lost or self.random.random() < 0.7:
                    attachment.close(keep=lost)
                # else: the daemon has not noticed yet that the connection is dead

    def take(self, channel: int, data: bytes) -> None:
        self.received += len(data)
        if channel == 1:
            self.digest.update(data)
        else:
            self.stderr += data


# requirement: resume.output
async def test_64_mib_arrive_exactly_through_lost_connections(bench: Bench, tmp_path: Path) -> None:
    size = 64 * MIB
    process = await bench.start(sys.executable, "-c", PRINTER, str(size), "7", log_limit=MIB)
    readers = [
        Reader(bench, process.id, 1, cuts=50),
        Reader(bench, process.id, 2, cuts=10),
        Reader(bench, process.id, 3, cuts=5, slow=True),
    ]
    exits = await asyncio.gather(*(reader.follow(size) for reader in readers))
    for reader, exit in zip(readers, exits, strict=True):
        assert exit.exit.code == 0 and exit.output_complete
        assert reader.stderr.decode().lstrip(".") == reader.digest.hexdigest()
        assert reader.received == size + len(reader.stderr)
    assert len({reader.digest.hexdigest() for reader in readers}) == 1


async def test_an_attached_reader_blocks_the_process_rather_than_lose_a_byte(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "head -c 1000000 /dev/zero; echo done >&2", log_limit=65536)
    attachment = await bench.attach(process)
    await eventually(lambda: bench.table._live[process.id].log.room() == 0)
    before = (await bench.table.get(process.id)).output_end
    await asyncio.sleep(0.1)
    after = await bench.table.get(process.id)
    assert (after.output_end, after.state) == (before, "running")
    out, err, _ = await read_all(attachment)
    assert (len(out), err) == (1_000_000, b"done\n")
    attachment.close()


async def test_the_beginning_waits_a_while_for_the_first_to_attach(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "head -c 1000000 /dev/zero", log_limit=65536)
    await eventually(lambda: bench.table._live[process.id].log.room() == 0)
    assert len((await bench.output(process))[0]) == 1_000_000
    impatient = bench.new_table(first_hold=0.05)
    bench.table, table = impatient, bench.table
    process = await bench.start("sh", "-c", "head -c 1000000 /dev/zero", log_limit=65536)
    assert (await impatient.wait(process.id, DEADLINE)).state == "exited"
    bench.table = table
    await impatient.close(0)


# requirement: resume.expired
async def test_with_nobody_attached_the_log_wraps(bench: Bench) -> None:
    bench.table = bench.new_table(first_hold=0)
    process = await bench.start("sh", "-c", "seq 1 100000", log_limit=65536)
    ended = await bench.table.wait(process.id, DEADLINE)
    await eventually(lambda: process.id not in bench.table._live)
    ended = await bench.table.get(process.id)
    assert ended.output_start > 0 and ended.output_end - ended.output_start <= 65536
    with pytest.raises(OffsetExpired) as expired:
        await bench.attach(process, offset=0)
    assert expired.value.details.earliest == ended.output_start
    with pytest.raises(OffsetInvalid):
        await bench.attach(process, offset=ended.output_end + 1)
    whole = "".join(f"{n}\n" for n in range(1, 100_001)).encode()
    attachment = await bench.attach(process, offset=ended.output_start)
    assert (await read_all(attachment))[0] == whole[ended.output_start :]
    attachment.close()
    attachment = await bench.attach(process, tail=10)
    assert (await read_all(attachment))[0] == whole[-10:]
    attachment.close()
    attachment = await bench.attach(process, tail=10_000_000)
    assert (await read_all(attachment))[0] == whole[ended.output_start :]
    attachment.close()


# requirement: resume.hold
async def test_a_closed_attachment_lets_the_process_go_on(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "head -c 1000000 /dev/zero", log_limit=65536)
    attachment = await bench.attach(process, attachment="somebody", hold_ms=60_000)
    attachment.close(keep=True)
    await asyncio.sleep(0.1)
    assert (await bench.table.get(process.id)).state == "running"
    assert (await bench.table.get(process.id)).attached == 0
    attachment = await bench.attach(process, attachment="somebody")
    attachment.close()
    assert (await bench.table.wait(process.id, DEADLINE)).state == "exited"


# requirement: resume.hold
async def test_what_is_kept_for_a_lost_client_expires(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "head -c 1000000 /dev/zero", log_limit=65536)
    attachment = await bench.attach(process, attachment="somebody", hold_ms=50)
    attachment.close(keep=True)
    assert (await bench.table.wait(process.id, DEADLINE)).state == "exited"


async def test_a_client_without_a_name_is_not_waited_for(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "head -c 1000000 /dev/zero", log_limit=65536)
    attachment = await bench.attach(process)
    attachment.close(keep=True)
    assert (await bench.table.wait(process.id, DEADLINE)).state == "exited"


async def test_the_same_name_replaces_an_attachment_that_still_looks_alive(bench: Bench) -> None:
    process = await bench.start("cat", stdin=True)
    first = await bench.attach(process, attachment="my-client")
    waiting = asyncio.ensure_future(first.next())
    await asyncio.sleep(0)
    second = await bench.attach(process, attachment="my-client")
    assert second.controls
    with pytest.raises(TakenOver):
        await waiting
    with pytest.raises(TakenOver):
        await first.write_stdin(0, b"x")
    assert (await bench.table.get(process.id)).attached == 1
    await second.write_stdin(0, b"hello")
    assert await read_until(second, b"hello")
    first.close(keep=True)
    await second.write_stdin(5, b"!")
    assert await read_until(second, b"!")
    second.close()


async def test_an_attach_that_is_refused_changes_nothing(bench: Bench) -> None:
    process = await bench.start("cat", stdin=True)
    first = await bench.attach(process, attachment="my-client")
    with pytest.raises(OffsetInvalid):
        await bench.attach(process, attachment="my-client", offset=1)
    await first.write_stdin(0, b"hello")
    assert await read_until(first, b"hello")
    first.close()


async def test_unknown_process(bench: Bench) -> None:
    with pytest.raises(ProcessNotFound):
        await bench.attach("pr_unknown")


async def test_a_lost_process_ends_without_an_invented_exit(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "echo before; sleep 1000")
    await eventually(lambda: bench.table._live[process.id].log.end == 7)
    after = bench.new_table()
    await after.recover()
    bench.table, table = after, bench.table
    attachment = await bench.attach(process)
    item = await attachment.next()
    assert not isinstance(item, ExecExit) and item.data == b"before\n"
    with pytest.raises(ProcessLost):
        await attachment.next()
    attachment.close()
    await after.close(0)
    bench.table = table


async def test_order_between_channels_survives(bench: Bench) -> None:
    process = await bench.start(
        sys.executable, "-c", "import os\nfor n in range(300):\n os.write(1 + n % 2, b'%d ' % n)\n input()", stdin=True
    )
    attachment = await bench.attach(process)
    seen, sent = [], 0
    while len(seen) < 300:
        item = await asyncio.wait_for(attachment.next(), DEADLINE)
        seen.append((item.channel, item.data))
        await attachment.write_stdin(sent, b"\n")
        sent += 1
    assert seen == [(1 + n % 2, b"%d " % n) for n in range(300)]
    attachment.close()


# --- input ---


# requirement: resume.stdin
async def test_input_is_taken_once_however_often_it_is_sent(bench: Bench) -> None:
    process = await bench.start("sha256sum", stdin=True)
    data = random.Random(5).randbytes(1_000_000)
    rng = random.Random(6)
    sent = 0
    while sent < len(data):
        attachment = await bench.attach(process, attachment="uploader")
        offset = attachment.opened.stdin_offset
        assert offset <= sent or sent == 0
        assert attachment.opened.stdin_window > 0
        for _ in range(rng.randrange(1, 10)):
            again = max(offset - rng.randrange(30_000), 0)
            offset = await attachment.write_stdin(again, data[again : again + 60_000])
        sent = offset
        attachment.close(keep=True)
    attachment = await bench.attach(process, attachment="uploader")
    with pytest.raises(StreamProtocol):
        await attachment.write_stdin(len(data) + 1, b"gap")
    with pytest.raises(StreamProtocol):
        attachment.finish_stdin(len(data) + 1)
    attachment.finish_stdin(len(data))
    out, _, exit = await read_all(attachment)
    assert exit.exit.code == 0
    assert out.split()[0].decode() == hashlib.sha256(data).hexdigest()
    attachment.close()


async def test_a_writer_waits_for_a_process_that_does_not_read(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "read line; wc -c", stdin=True)
    await bench.table.signal(process.id, "STOP")
    attachment = await bench.attach(process)
    data = b"go\n" + bytes(300_000)
    writing = asyncio.ensure_future(attachment.write_stdin(0, data))
    await eventually(lambda: attachment.opened.stdin_offset > 0)
    await asyncio.sleep(0.1)
    assert not writing.done()
    taken = attachment.opened.stdin_offset
    assert 0 < taken < len(data)
    writing.cancel()
    with pytest.raises(asyncio.CancelledError):
        await writing
    await bench.table.signal(process.id, "CONT")
    assert await attachment.write_stdin(taken, data[taken:]) == len(data)
    attachment.finish_stdin(len(data))
    out, _, _ = await read_all(attachment)
    assert int(out) == 300_000
    attachment.close()


async def test_input_after_the_process_closed_it_is_not_acknowledged(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "exec <&-; echo closed; sleep 1000", stdin=True)
    attachment = await bench.attach(process)
    await read_until(attachment, b"closed")
    if bench.kept is None:
        assert await attachment.write_stdin(0, b"nobody") == 0
        assert (await bench.table.get(process.id)).stdin is False
    else:
        # A keeper takes input on behalf of the process, as the buffer of a pipe does.
        assert await attachment.write_stdin(0, b"nobody") == len("nobody")
    assert (await bench.table.get(process.id)).state == "running"
    attachment.close()


async def test_input_without_stdin(bench: Bench) -> None:
    process = await bench.start("sleep", "1000")
    with pytest.raises(StdinClosed):
        await bench.attach(process, role="controller")
    attachment = await bench.attach(process)
    assert not attachment.controls and attachment.opened.stdin_window == 0
    with pytest.raises(StdinClosed):
        await attachment.write_stdin(0, b"x")
    attachment.close()


async def test_control_needs_the_permission_to_write(bench: Bench) -> None:
    process = await bench.start("cat", stdin=True)
    with pytest.raises(Forbidden):
        await bench.attach(process, can_write=False, role="controller")
    attachment = await bench.attach(process, can_write=False)
    assert not attachment.controls
    with pytest.raises(NotController):
        await attachment.write_stdin(0, b"x")
    attachment.close()


async def test_one_controller_and_takeover(bench: Bench) -> None:
    process = await bench.start("cat", stdin=True)
    first = await bench.attach(process)
    assert first.opened.role == "controller"
    with pytest.raises(NotController):
        await bench.attach(process, role="controller")
    observer = await bench.attach(process)
    assert observer.opened.role == "observer"
    await first.write_stdin(0, b"one ")
    second = await bench.attach(process, role="controller", takeover=True)
    assert second.opened.stdin_offset == 4
    with pytest.raises(TakenOver):
        await read_until(first, b"never")
    await second.write_stdin(4, b"two")
    assert await read_until(observer, b"one two") == b"one two"
    first.close()
    second.close()
    third = await bench.attach(process)
    assert third.controls
    third.close()
    observer.close()


async def test_control_taken_away_while_a_write_waits(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "read go; wc -c", stdin=True)
    await bench.table.signal(process.id, "STOP")
    first = await bench.attach(process)
    writing = asyncio.ensure_future(first.write_stdin(0, b"\n" + b"a" * 300_000))
    await asyncio.sleep(0.05)
    second = await bench.attach(process, role="controller", takeover=True)
    with pytest.raises(NotController):
        await writing
    taken = second.opened.stdin_offset
    await bench.table.signal(process.id, "CONT")
    await second.write_stdin(taken, b"b" * 10)
    second.finish_stdin(taken + 10)
    out, _, _ = await read_all(second)
    assert int(out) == taken - 1 + 10
    first.close()
    second.close()


# --- a full disk ---


@pytest.mark.skipif(os.geteuid() != 0, reason="mounts a small filesystem")
async def test_a_full_disk_blocks_the_process_until_there_is_room(bench: Bench) -> None:
    directory = bench.state / "output"
    await asyncio.to_thread(subprocess.run, ["mount", "-t", "tmpfs", "-o", "size=200k", "none", directory], check=True)
    try:
        filler = directory / "filler"
        filler.write_bytes(bytes(100_000))
        process = await bench.start("sh", "-c", "seq 1 20000", log_limit=MIB)
        attachment = await bench.attach(process)
        await eventually(lambda: process.id in bench.table.stalled())
        assert "space" in bench.table.stalled()[process.id]
        filler.unlink()
        out, _, exit = await read_all(attachment)
        assert out == "".join(f"{n}\n" for n in range(1, 20_001)).encode()
        assert exit.exit.code == 0 and exit.output_complete
        assert bench.table.stalled() == {}
        attachment.close()
    finally:
        await asyncio.to_thread(subprocess.run, ["umount", "-l", directory], check=True)


async def test_close_tells_whoever_is_attached(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "head -c 1000000 /dev/zero", log_limit=65536)
    attachment = await bench.attach(process)
    await bench.table.close(0)
    with pytest.raises(Exception, match="daemon is stopping"):
        await attachment.next()
    attachment.close()
    bench.table = bench.new_table()
    if bench.kept is None:
        view = await bench.table.get(process.id)
        assert view.exit is not UNSET and view.exit.reason == "stopped"
        return
    await bench.kept.connect()
    await bench.table.recover(await bench.kept.adopt())
    out, _, exit = await bench.output(process)
    assert (len(out), exit.exit.code, exit.output_complete) == (1_000_000, 0, True)


async def test_the_window_of_who_comes_back_is_the_one_it_began_with(bench: Bench) -> None:
    process = await bench.start("sh", "-c", "echo x; sleep 1000")
    first = await bench.attach(process, attachment="reader-000", window=1 << 20, hold_ms=60_000)
    first.close(keep=True)
    back = await bench.attach(process, attachment="reader-000", window=4096, hold_ms=60_000)
    assert back.window == 1 << 20
    other = await bench.attach(process, False, attachment="reader-001", window=4096)
    assert other.window == 4096
    back.close()
    other.close()
