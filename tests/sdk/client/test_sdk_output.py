"""Bytes that wait for a reader: order, bounds, gaps."""

from __future__ import annotations

import asyncio

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nexus_sdk.exceptions import ConnectionLost, OutputGap
from nexus_sdk.output import EXCERPT, RETAINED, Chunk, ChunkReader, Lines, Output, OutputReader
from nexus_sdk.wire.streams import StreamError


class Feed:
    """An output, the credit it granted, and a sender that keeps to it."""

    def __init__(self, window: int = 8192, channels: tuple[int, ...] = (1, 2)) -> None:
        self.grants: list[int] = []
        self.output = Output(window, channels, self.grants.append)
        self.output.attach(0, first=True)
        self.limit = max(window, 4096)

    def send(self, channel: int, data: bytes) -> None:
        self.output.data(channel, self.output.offset, memoryview(data))

    @property
    def allowed(self) -> int:
        return max([self.limit, *self.grants]) - self.output.offset


async def test_everything_in_order():
    feed = Feed()
    feed.send(1, b"a")
    feed.send(2, b"bb")
    feed.send(1, b"c")
    feed.output.finish()
    chunks = [chunk async for chunk in ChunkReader(feed.output)]
    assert chunks == [Chunk("stdout", 0, b"a"), Chunk("stderr", 1, b"bb"), Chunk("stdout", 3, b"c")]


async def test_channels_apart():
    feed = Feed()
    feed.send(1, b"a")
    feed.send(2, b"b")
    feed.send(1, b"c")
    feed.output.finish()
    assert await OutputReader(feed.output, 1).text() == "ac"
    assert await OutputReader(feed.output, 2).text() == "b"


async def test_a_reader_waits_for_what_is_not_here_yet():
    feed = Feed()
    reader = asyncio.create_task(OutputReader(feed.output, 1).read_all())
    await asyncio.sleep(0)
    feed.send(1, b"later")
    await asyncio.sleep(0)
    feed.output.eof(1, 5)
    assert await reader == b"later"


async def test_a_slow_reader_is_not_granted_more_than_the_window():
    feed = Feed(window=8192)
    while feed.allowed:
        feed.send(1, b"x" * min(1000, feed.allowed))
    assert feed.output.offset == 8192 and feed.grants == []
    reader = OutputReader(feed.output, 1)
    await reader.read()
    assert feed.grants == []
    while not feed.grants:
        await reader.read()
    assert feed.grants[0] <= 8192 + 8192


async def test_more_than_was_granted_is_an_error():
    feed = Feed(window=4096)
    feed.send(1, b"x" * 4096)
    with pytest.raises(StreamError):
        feed.send(1, b"x")


async def test_a_channel_nobody_asked_for_cannot_stop_the_other():
    feed = Feed(window=8192)
    reader = OutputReader(feed.output, 1)
    total = 0
    for _ in range(200):
        feed.send(2, b"e" * 4000)
        feed.send(1, b"o" * 10)
        total += len(await reader.read())
    assert total == 2000
    feed.output.finish()
    with pytest.raises(OutputGap, match="only the other channel was read") as caught:
        await OutputReader(feed.output, 2).read_all()
    assert caught.value.offset > caught.value.expected


async def test_what_fits_is_kept_for_a_late_reader_of_the_other_channel():
    feed = Feed(window=8192)
    reader = OutputReader(feed.output, 1)
    feed.send(1, b"o")
    await reader.read()
    for _ in range(RETAINED // 4096):
        feed.send(2, b"e" * 4096)
    feed.output.finish()
    assert await OutputReader(feed.output, 2).read_all() == b"e" * RETAINED


async def test_asking_for_one_channel_keeps_all_that_waits_on_both():
    feed = Feed(window=1 << 20)
    for _ in range(8):
        feed.send(1, b"o" * 60_000)
        feed.send(2, b"e" * 60_000)
    out, err = OutputReader(feed.output, 1), OutputReader(feed.output, 2)
    feed.output.finish()
    assert await out.read_all() == b"o" * 480_000
    assert await err.read_all() == b"e" * 480_000


async def test_release_lets_unread_output_flow():
    feed = Feed(window=4096)
    feed.send(1, b"x" * 4096)
    assert feed.allowed == 0
    feed.output.release()
    assert feed.allowed > 0


async def test_release_leaves_what_is_being_read_alone():
    feed = Feed(window=4096)
    reader = ChunkReader(feed.output)
    feed.send(1, b"x" * 10)
    await anext(reader)
    feed.output.release()
    while feed.allowed:
        feed.send(1, b"y" * feed.allowed)
    feed.output.finish()
    rest = [chunk.data async for chunk in reader]
    assert sum(map(len, rest)) == feed.output.offset - 10


async def test_both_ways_of_reading_do_not_mix():
    feed = Feed()
    feed.send(1, b"a")
    await anext(ChunkReader(feed.output))
    with pytest.raises(RuntimeError, match="output is being read"):
        await OutputReader(feed.output, 1).read()
    feed = Feed()
    feed.send(1, b"a")
    await OutputReader(feed.output, 1).read()
    with pytest.raises(RuntimeError, match="stdout or stderr"):
        await anext(ChunkReader(feed.output))


async def test_two_readers_of_one_channel_are_refused():
    feed = Feed()
    reader = OutputReader(feed.output, 1)
    waiting = asyncio.create_task(reader.read())
    await asyncio.sleep(0)
    with pytest.raises(RuntimeError, match="two tasks"):
        await reader.read()
    feed.send(1, b"x")
    assert await waiting == b"x"


async def test_a_failure_comes_after_what_arrived_before_it():
    feed = Feed()
    feed.send(1, b"kept")
    feed.output.finish(ConnectionLost("gone"))
    reader = OutputReader(feed.output, 1)
    assert await reader.read() == b"kept"
    for _ in range(2):
        with pytest.raises(ConnectionLost):
            await reader.read()


async def test_a_channel_that_ended_well_is_not_spoilt_by_a_later_failure():
    feed = Feed()
    feed.send(1, b"whole")
    feed.output.eof(1, 5)
    feed.output.finish(ConnectionLost("gone"))
    assert await OutputReader(feed.output, 1).text() == "whole"
    with pytest.raises(ConnectionLost):
        await OutputReader(feed.output, 2).text()


async def test_resuming_trims_what_came_before():
    feed = Feed()
    feed.send(1, b"abc")
    feed.output.attach(0, first=False)
    feed.output.data(1, 0, memoryview(b"abcd"))
    feed.output.data(1, 2, memoryview(b"cd"))
    feed.output.data(1, 3, memoryview(b"def"))
    feed.output.finish()
    assert await OutputReader(feed.output, 1).text() == "abcdef"


async def test_a_gap_is_never_joined():
    feed = Feed()
    feed.send(1, b"abc")
    with pytest.raises(OutputGap) as caught:
        feed.output.attach(5, first=False)
    assert (caught.value.expected, caught.value.offset) == (3, 5)
    with pytest.raises(OutputGap):
        feed.output.data(1, 4, memoryview(b"x"))


async def test_unread_output_bounds_what_is_asked_for_on_resume():
    feed = Feed(window=65536)
    feed.send(1, b"x" * 60000)
    assert feed.output.next_window() == 65536 - 60000
    feed.output.attach(60000, first=False)
    feed.send(1, b"y" * 5536)
    assert feed.output.next_window() == 4096


async def test_the_end_is_kept_for_errors_whether_read_or_not():
    feed = Feed(window=1 << 20)
    for index in range(40):
        feed.send(2, bytes([index]) * 4000)
    assert len(feed.output.tail(2)) == EXCERPT
    assert feed.output.tail(2).endswith(bytes([39]) * 4000)
    assert feed.output.tail(1) == b""


async def test_unfinished_and_read_to_end():
    feed = Feed()
    assert not feed.output.unfinished and not feed.output.read_to_end
    reader = OutputReader(feed.output, 1)
    feed.send(1, b"a")
    await reader.read()
    assert feed.output.unfinished
    feed.output.eof(1, 1)
    assert not feed.output.unfinished and feed.output.read_to_end


async def test_discard_frees_what_was_being_read():
    feed = Feed(window=4096)
    reader = OutputReader(feed.output, 1)
    feed.send(1, b"x" * 10)
    await reader.read()
    while feed.allowed:
        feed.send(1, b"y" * feed.allowed)
    feed.output.discard()
    assert feed.allowed > 0 and not feed.output.unfinished


@given(
    text=st.text(st.characters(codec="utf-8", exclude_characters="\r"), max_size=60),
    cuts=st.lists(st.integers(1, 5), max_size=40),
)
@settings(deadline=None)
async def test_lines_are_those_of_the_whole_text_however_it_is_cut(text, cuts):
    feed = Feed()
    data, position = text.encode(), 0
    for cut in [*cuts, len(data)]:
        part = data[position : position + cut]
        if part:
            feed.send(1, part)
        position += len(part)
    feed.output.finish()
    expected = text.split("\n")
    if expected[-1] == "":
        expected.pop()
    assert [line async for line in Lines(OutputReader(feed.output, 1))] == expected


async def test_lines_drop_carriage_returns_and_replace_what_is_not_text():
    feed = Feed()
    feed.send(1, b"a\r\nb\xff\n\nlast")
    feed.output.finish()
    assert [line async for line in OutputReader(feed.output, 1).lines()] == ["a", "b\ufffd", "", "last"]


@given(st.data())
@settings(deadline=None, max_examples=60)
async def test_any_interleaving_of_sending_reading_and_breaking_keeps_every_byte(data):
    """A sender with a log and credit, a reader, and breaks at any moment, against the log itself."""
    log = data.draw(st.lists(st.tuples(st.sampled_from([1, 2]), st.binary(min_size=1, max_size=3000)), max_size=25))
    flat = [(channel, byte) for channel, run in log for byte in run]
    grants: list[int] = []
    output = Output(4096, (1, 2), grants.append)
    output.attach(0, first=True)
    limit = 4096
    reader, got = ChunkReader(output), bytearray()
    for action in data.draw(st.lists(st.sampled_from("srrb"), max_size=60)) + ["s", "r"] * 60:
        limit = max([limit, *grants])
        offset = output.offset
        if action == "s" and offset < min(limit, len(flat)):
            channel = flat[offset][0]
            end = offset
            while end < min(limit, len(flat)) and flat[end][0] == channel:
                end += 1
            output.data(channel, offset, memoryview(bytes(byte for _, byte in flat[offset:end])))
        elif action == "r" and len(got) < offset:
            chunk = await anext(reader)
            assert chunk.offset == len(got)
            got += chunk.data
        elif action == "b":
            back = data.draw(st.integers(0, min(offset, 50)))
            grants.clear()
            limit = offset + output.next_window()
            output.attach(offset - back, first=False)
        assert output.offset - len(got) <= 3 * 4096
    assert bytes(got) == bytes(byte for _, byte in flat)[: len(got)]
    assert len(got) == len(flat)
