"""Bytes on their way to the machine: credit, acknowledgement, resending."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nexus_sdk.exceptions import ConnectionLost, ProtocolViolation
from nexus_sdk.sender import ByteSender
from nexus_sdk.wire import frames
from nexus_sdk.wire.frames import FrameType


class Taker:
    """A machine that takes bytes in order, drops what it has already, and refuses gaps."""

    def __init__(self) -> None:
        self.got = bytearray()
        self.ended: int | None = None
        self.frames = 0

    def __call__(self, data: bytes) -> None:
        frame = frames.decode(data)
        self.frames += 1
        if frame.type is FrameType.EOF:
            assert frame.offset == len(self.got)
            self.ended = frame.offset
            return
        assert frame.offset <= len(self.got), "a gap"
        self.got += frame.payload[len(self.got) - frame.offset :]


async def test_nothing_is_sent_before_the_stream_is_open():
    taker = Taker()
    sender = ByteSender(taker)
    writing = asyncio.create_task(sender.write(b"hello"))
    await asyncio.sleep(0)
    assert taker.frames == 0 and not writing.done()
    sender.attach(1, 0, 100)
    await writing
    assert taker.got == b"hello"


# requirement: stream.sender
async def test_credit_is_never_exceeded():
    taker = Taker()
    sender = ByteSender(taker)
    sender.attach(1, 0, 10)
    writing = asyncio.create_task(sender.write(b"x" * 25))
    await asyncio.sleep(0)
    assert len(taker.got) == 10
    sender.credit(14)
    await asyncio.sleep(0)
    assert len(taker.got) == 14 and sender.acknowledged == 4
    sender.credit(12)
    sender.credit(40)
    await writing
    assert len(taker.got) == 25


# requirement: frame.payload
async def test_frames_are_at_most_64_kib():
    sent: list[int] = []
    sender = ByteSender(lambda data: sent.append(len(data) - frames.HEADER.size))
    sender.attach(1, 0, 1 << 20)
    await sender.write(b"x" * 200_000)
    assert sent == [65536, 65536, 65536, 3392]


async def test_the_end_is_sent_after_everything_and_once():
    taker = Taker()
    sender = ByteSender(taker)
    sender.attach(1, 0, 4)
    writing = asyncio.create_task(sender.write(b"abcdef"))
    await asyncio.sleep(0)
    sender.credit(100)
    await writing
    sender.close()
    sender.close()
    assert (taker.ended, bytes(taker.got)) == (6, b"abcdef")
    with pytest.raises(ValueError, match="after the end"):
        await sender.write(b"x")


async def test_a_changed_buffer_does_not_change_what_is_resent():
    taker = Taker()
    sender = ByteSender(taker)
    sender.attach(1, 0, 100)
    buffer = bytearray(b"before")
    await sender.write(buffer)
    buffer[:] = b"XXXXXX"
    sender.detach()
    taker.got.clear()
    sender.attach(2, 0, 100)
    assert taker.got == b"before"


async def test_resuming_sends_again_what_was_not_taken_and_the_end():
    taker = Taker()
    sender = ByteSender(taker)
    sender.attach(1, 0, 100)
    await sender.write(b"abcdef")
    sender.close()
    sender.detach()
    del taker.got[2:]
    taker.ended = None
    sender.attach(2, 2, 100)
    assert (bytes(taker.got), taker.ended) == (b"abcdef", 6)


# requirement: stream.sender
async def test_a_smaller_window_after_a_break_is_kept_to():
    sent: list[int] = []
    sender = ByteSender(lambda data: sent.append(len(data) - frames.HEADER.size))
    sender.attach(1, 0, 1000)
    await sender.write(b"x" * 1000)
    sender.detach()
    sent.clear()
    sender.attach(2, 0, 100)
    assert sum(sent) == 100
    sender.credit(150)
    assert sum(sent) == 150
    sender.credit(5000)
    assert sum(sent) == 1000


@pytest.mark.parametrize("offset", [1, 20])
async def test_a_daemon_that_wants_what_is_gone_breaks_the_protocol(offset):
    sender = ByteSender(Taker())
    sender.attach(1, 0, 8)
    await sender.write(b"abcdef")
    sender.credit(12)
    sender.detach()
    with pytest.raises(ProtocolViolation):
        sender.attach(2, offset, 8)


async def test_a_rewindable_sender_starts_over_where_the_daemon_stands():
    taker = Taker()
    sender = ByteSender(taker, rewindable=True)
    source = bytes(range(200))
    sender.attach(1, 0, 50)
    assert await sender.write_at(0, source[:50])
    sender.credit(90)
    sender.detach()
    waiting = asyncio.create_task(sender.write_at(50, source[50:90]))
    await asyncio.sleep(0)
    del taker.got[10:]
    sender.attach(2, 10, 500)
    assert await waiting is False
    assert sender.end == 10
    assert await sender.write_at(10, source[10:])
    sender.close()
    assert bytes(taker.got) == source and taker.ended == 200


async def test_settle_tells_a_rewind_from_the_end():
    sender = ByteSender(lambda data: None, rewindable=True)
    sender.attach(1, 0, 50)
    await sender.write(b"abc")
    sender.credit(53)
    sender.close()
    waiting = asyncio.create_task(sender.settle())
    await asyncio.sleep(0)
    sender.detach()
    sender.attach(2, 0, 50)
    assert await waiting is False
    sender.close()
    sender.finish()
    assert await sender.settle() is True


async def test_a_failure_reaches_who_waits_and_who_comes_later():
    sender = ByteSender(Taker())
    sender.attach(1, 0, 1)
    waiting = asyncio.create_task(sender.write(b"abc"))
    await asyncio.sleep(0)
    sender.fail(ConnectionLost("gone"))
    with pytest.raises(ConnectionLost):
        await waiting
    with pytest.raises(ConnectionLost):
        await sender.write(b"x")
    with pytest.raises(ConnectionLost):
        await sender.settle()


async def test_acknowledgements_are_reported():
    seen: list[int] = []
    sender = ByteSender(Taker())
    sender.on_acknowledged = seen.append
    sender.attach(1, 0, 10)
    await sender.write(b"x" * 10)
    sender.credit(13)
    sender.credit(20)
    assert seen == [3, 10]


@given(st.data())
@settings(deadline=None, max_examples=80)
async def test_any_interleaving_of_writing_taking_and_breaking_keeps_every_byte(data):
    window = data.draw(st.integers(1, 50))
    source = data.draw(st.binary(min_size=1, max_size=400))
    taker = Taker()
    sender = ByteSender(taker)
    sender.attach(1, 0, window)
    taken = 0  # what the process took; the rest of `got` lies in a pipe that a break empties

    async def write() -> None:
        position = 0
        while position < len(source):
            size = data.draw(st.integers(1, 60))
            await sender.write(source[position : position + size])
            position += size
        sender.close()

    writing = asyncio.create_task(write())
    for step in range(2, 4000):
        await asyncio.sleep(0)
        if data.draw(st.integers(0, 9)) == 0:
            sender.detach()
            del taker.got[taken:]
            taker.ended = None
            sender.attach(step, taken, window)
        taken = data.draw(st.integers(taken, len(taker.got)))
        sender.credit(taken + window)
        if writing.done() and taker.ended is not None and taken == len(source):
            break
        if step > 300:
            taken = len(taker.got)
            sender.credit(taken + window)
    await writing
    assert bytes(taker.got) == source
