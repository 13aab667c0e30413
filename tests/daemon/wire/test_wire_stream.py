"""Streams over a connection: credit, halves, ends, breaks, and what a lost connection does to a handler."""

from __future__ import annotations

import asyncio
import json
import random

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nexus_sdk.protocol.methods import METHODS
from nexus_sdk.wire.frames import MAX_PAYLOAD, Frame, FrameType, decode
from nexus_sdk.wire.streams import StreamError
from nexusd.wire.call import Call
from nexusd.wire.connection import ConnectionLimits
from nexusd.wire.errors import ConnectionLost, ProtocolViolation
from nexusd.wire.stream import ServerStream
from wire_harness import PATIENCE_S, Peer, Service, soon

DATA, EOF, CREDIT = FrameType.DATA, FrameType.EOF, FrameType.CREDIT


async def test_down_with_credit_to_spare() -> None:
    service = Service()
    service.content = bytes(range(256)) * 1024
    peer = Peer(service)
    await peer.send(1, "test.down", window=1 << 20, offset=10)
    message = await peer.json()
    assert message["method"] == "stream.open"
    assert message["params"] == {"id": 1, "stream": 1, "info": {"text": "here"}}
    got = b""
    while (frame := await peer.bin()).type is DATA:
        assert (frame.channel, frame.stream, frame.offset) == (1, 1, 10 + len(got))
        assert len(frame.payload) <= MAX_PAYLOAD
        got += frame.payload
    assert got == service.content[10:]
    assert (frame.type, frame.channel, frame.offset) == (EOF, 1, len(service.content))
    frame = await peer.bin()
    assert (frame.type, frame.channel, frame.offset) == (EOF, 2, len(service.content))
    assert await peer.result(1) == {"count": len(service.content) - 10}
    assert peer.connection.streams == 0


# requirement: stream.credit, stream.sender
async def test_down_stops_at_the_credit_and_goes_on_after_a_grant() -> None:
    service = Service()
    service.content = b"0123456789"
    peer = Peer(service)
    await peer.send(1, "test.down", window=3, offset=2)
    number = await peer.opened(1)
    assert bytes((await peer.bin()).payload) == b"234"
    await peer.quiet()
    stream = await soon(service.streams)
    assert (stream.send_offset, stream.send_window) == (5, 0)
    peer.frame(CREDIT, 1, number, 4)
    peer.frame(CREDIT, 1, number, 5)
    await peer.quiet()
    peer.frame(CREDIT, 1, number, 6)
    peer.frame(CREDIT, 1, number, 6)
    assert bytes((await peer.bin()).payload) == b"5"
    await peer.quiet()
    peer.frame(CREDIT, 1, number, 1000)
    assert bytes((await peer.bin()).payload) == b"6789"
    assert [(await peer.bin()).type for _ in range(2)] == [EOF, EOF]
    assert await peer.result(1) == {"count": 8}


async def test_credit_tells_what_the_caller_has_taken() -> None:
    service = Service()
    service.content = b"0123456789"
    peer = Peer(service)
    await peer.send(1, "test.down", window=3, offset=2)
    number = await peer.opened(1)
    stream = await soon(service.streams)
    told: list[int] = []
    stream.on_credit = lambda: told.append(stream.acknowledged)
    assert bytes((await peer.bin()).payload) == b"234"
    assert stream.acknowledged == 2
    peer.frame(CREDIT, 1, number, 5)
    assert told == [], "nothing was granted"
    peer.frame(CREDIT, 1, number, 7)
    assert bytes((await peer.bin()).payload) == b"56"
    peer.frame(CREDIT, 1, number, 1000)
    assert told == [4, 7], "what was not sent cannot have been taken"


# requirement: resume.window
async def test_who_comes_back_with_a_part_of_its_window_has_not_taken_the_rest() -> None:
    """Else what was lost on the way would count as taken once all of the window is granted again, and be dropped."""

    async def nowhere(*parts: bytes | memoryview) -> None:
        pass

    spec = METHODS["fs.download"].stream
    assert spec is not None
    stream = ServerStream(1, 1, spec, 4, nowhere, nowhere)
    await stream.open(offset=100, widest=10)
    await stream.send(1, 100, b"abcd")
    # It had 6 bytes unread when it came back, and has now read those alone: its limit is 94 + 6 + 10.
    stream.feed(Frame(CREDIT, 1, 1, 110, memoryview(b"")))
    await stream.send(1, 104, b"efghij")
    assert stream.acknowledged == 100


# requirement: stream.isolation
async def test_a_slow_stream_does_not_stall_another() -> None:
    service = Service()
    service.content = b"x" * 100
    peer = Peer(service)
    await peer.send(1, "test.down", window=1)
    await peer.opened(1)
    assert len((await peer.bin()).payload) == 1
    await peer.send(2, "test.down", window=1000)
    assert await peer.opened(2) == 2
    assert len((await peer.bin()).payload) == 100
    assert [(await peer.bin()).type for _ in range(2)] == [EOF, EOF]
    assert await peer.result(2) == {"count": 100}


async def test_up_is_acknowledged_as_it_is_taken_and_resent_bytes_are_dropped() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.up", window=10, offset=100)
    number = await peer.opened(1)
    peer.frame(DATA, 0, number, 95, b"-----abc")
    peer.frame(DATA, 0, number, 103, b"de")
    frame = await peer.bin()
    assert (frame.type, frame.channel, frame.stream, frame.offset) == (CREDIT, 0, number, 115)
    peer.frame(DATA, 0, number, 103, b"defg")
    peer.frame(EOF, 0, number, 107)
    peer.frame(EOF, 0, number, 107)
    assert await peer.result(1) == {"count": 7}
    assert service.content == b"abcdefg"
    peer.frame(DATA, 0, number, 107, b"late frames of an ended stream are in order")
    await peer.quiet()


async def test_halves_close_alone() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.pipe")
    number = await peer.opened(1)
    peer.frame(DATA, 0, number, 0, b"ab")
    frame = await peer.bin()
    assert (frame.channel, bytes(frame.payload)) == (1, b"AB")
    peer.frame(EOF, 0, number, 2)
    frame = await peer.bin()
    assert (frame.type, frame.channel, frame.offset) == (EOF, 1, 2)
    assert await peer.result(1) == {"count": 2}


BREAKS: dict[str, tuple[str, list[tuple[FrameType, int, int, bytes]], str]] = {
    "gap": ("test.up", [(DATA, 0, 1, b"x")], "gap"),
    "overlap": ("test.pipe", [(DATA, 0, 0, b"ab"), (DATA, 0, 1, b"b")], "overlap"),
    "over credit": ("test.up", [(DATA, 0, 0, b"x" * 65)], "over_credit"),
    "after the end": ("test.up", [(EOF, 0, 0, b""), (DATA, 0, 0, b"x")], "after_eof"),
    "end in the wrong place": ("test.up", [(EOF, 0, 1, b"")], "gap"),
    "data on a down channel": ("test.up", [(DATA, 1, 0, b"x")], "channel"),
    "end of a down channel": ("test.pipe", [(EOF, 1, 0, b"")], "channel"),
    "data where nothing flows up": ("test.down", [(DATA, 0, 0, b"x")], "channel"),
    "credit for what flows up": ("test.up", [(CREDIT, 0, 9, b"")], "channel"),
    "credit where nothing flows down": ("test.up", [(CREDIT, 1, 9, b"")], "channel"),
}


# requirement: stream.alone, stream.exceeded, credit.channels
@pytest.mark.parametrize(("name", "frames", "fault"), BREAKS.values(), ids=BREAKS.keys())
async def test_a_broken_stream_fails_alone(
    name: str, frames: list[tuple[FrameType, int, int, bytes]], fault: str
) -> None:
    service = Service()
    service.content = b"x" * 100
    peer = Peer(service)
    await peer.send(1, name)
    number = await peer.opened(1)
    await soon(service.streams)
    for kind, channel, offset, payload in frames:
        peer.frame(kind, channel, number, offset, payload)
    peer.frame(DATA, 0, number, 50, b"whatever comes after it is ignored")
    while isinstance(message := await peer.next(), bytes):
        pass  # what the handler sent before it knew
    error = json.loads(message)["error"]
    assert error["data"]["name"] == "stream_protocol"
    assert error["data"]["details"]["stream"] == number
    assert error["data"]["details"]["reason"].startswith(fault)
    await peer.quiet()


async def test_a_broken_stream_has_not_succeeded_whatever_its_handler_says() -> None:
    service = Service()

    async def optimist(call: object, params: object, stream: ServerStream) -> object:
        await stream.open(up_window=1)
        try:
            await stream.receive()
        except asyncio.CancelledError:
            return {"count": 0}
        raise AssertionError("unreachable: nothing legal was sent")

    service.up = optimist  # type: ignore[method-assign, assignment]
    peer = Peer(service)
    await peer.send(1, "test.up")
    peer.frame(DATA, 0, await peer.opened(1), 7, b"x")
    assert (await peer.error(1))["data"]["name"] == "stream_protocol"


async def test_frames_for_a_stream_that_is_not_open_yet() -> None:
    service = Service()
    peer = Peer(service)
    with pytest.raises(ProtocolViolation):
        peer.frame(CREDIT, 1, 1, 10)
    await peer.send(1, "test.down")
    peer.frame(CREDIT, 1, 1, 10)  # guessed: the number is taken, but nobody was told
    assert await peer.opened(1) == 1
    while isinstance(message := await peer.next(), bytes):
        pass  # what the handler sent before it knew
    assert json.loads(message)["error"]["data"]["name"] == "stream_protocol"


async def test_a_wait_that_was_given_up_leaves_nothing_behind() -> None:
    peer = Peer(Service())
    await peer.send(1, "test.pipe", window=1)
    await peer.opened(1)
    stream = await soon(peer.service.streams)
    waiting = asyncio.create_task(stream.wait_credit(5))
    await asyncio.sleep(0)
    assert len(stream._credits) == 1
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    assert not stream._credits


# requirement: stream.control
async def test_cancelling_detaches_the_handler() -> None:
    service = Service()
    service.content = b"x" * 100
    peer = Peer(service)
    await peer.send(1, "test.down", window=1)
    number = await peer.opened(1)
    await peer.bin()
    await peer.cancel(1)
    assert (await peer.error(1))["data"]["name"] == "cancelled"
    name, call = await soon(service.ended)
    assert (name, call.interruption) == ("CancelledError", "cancelled")
    peer.frame(CREDIT, 1, number, 100)
    await peer.quiet()


@pytest.mark.parametrize("name", ["test.down", "test.up"])
async def test_a_lost_connection_reaches_a_waiting_handler(name: str) -> None:
    service = Service()
    service.content = b"x" * 100
    peer = Peer(service)
    await peer.send(1, name, window=1)
    await peer.opened(1)
    stream = await soon(service.streams)
    if name == "test.down":
        await peer.bin()
    for _ in range(3):
        await asyncio.sleep(0)
    peer.connection.close()
    ended, call = await soon(service.ended)
    assert (ended, call.interruption) == ("ConnectionLost", "lost")
    for using in (
        stream.send(1, stream.send_offset, b"x"),
        stream.wait_credit(0),
        stream.wait_credit(1000),
        stream.event({}),
        stream.wait_event_credit(),
    ):
        with pytest.raises(ConnectionLost):
            await using
    assert await peer.dispatcher.drain(PATIENCE_S) == 0
    assert peer.arrived.empty()


async def test_what_had_arrived_is_handed_over_before_the_loss_is_told() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.up")
    number = await peer.opened(1)
    await soon(service.streams)
    peer.frame(DATA, 0, number, 0, b"abc")
    peer.connection.close()
    assert (await soon(service.ended))[0] == "ConnectionLost"
    assert service.content == b"abc"


async def test_a_lost_connection_reaches_a_handler_that_waits_elsewhere() -> None:
    service = Service()

    async def elsewhere(call: Call, params: object, stream: ServerStream) -> object:
        await stream.open()
        service.streams.put_nowait(stream)
        try:
            await service.go.wait()
        except asyncio.CancelledError:
            service.ended.put_nowait(("cancelled", call))
            raise
        return None

    service.down = elsewhere  # type: ignore[method-assign, assignment]
    peer = Peer(service, limits=ConnectionLimits(grace_s=10 * PATIENCE_S))
    await peer.send(1, "test.down")
    await soon(service.streams)
    peer.connection.close()
    name, call = await soon(service.ended)
    assert (name, call.interruption) == ("cancelled", "lost")


async def test_a_handler_that_ignores_the_loss_is_cancelled_after_the_grace() -> None:
    service = Service()
    service.content = b"x" * 100

    async def stubborn(call: Call, params: object, stream: ServerStream) -> object:
        await stream.open()
        service.streams.put_nowait(stream)
        try:
            await stream.receive()
        except ConnectionLost:
            await service.go.wait()
        return None

    service.up = stubborn  # type: ignore[method-assign, assignment]
    peer = Peer(service, limits=ConnectionLimits(grace_s=0.01))
    await peer.send(1, "test.up")
    await soon(service.streams)
    await asyncio.sleep(0)
    peer.connection.close()
    assert await peer.dispatcher.drain(PATIENCE_S) == 0


async def test_a_transport_that_fails_in_the_middle_of_a_send() -> None:
    service = Service()
    service.content = b"x" * 100
    peer = Peer(service)
    await peer.send(1, "test.down", window=1)
    number = await peer.opened(1)
    await peer.bin()
    peer.broken = True
    peer.frame(CREDIT, 1, number, 100)
    assert (await soon(service.ended))[0] == "ConnectionLost"
    assert peer.connection.closed


async def test_a_congested_transport_holds_the_sender() -> None:
    service = Service()
    service.content = b"x" * (10 * MAX_PAYLOAD)
    peer = Peer(service)
    await peer.send(1, "test.down", window=1 << 30)
    await peer.opened(1)
    stream = await soon(service.streams)
    assert len((await peer.bin()).payload) == MAX_PAYLOAD
    peer.open.clear()
    for _ in range(20):
        await asyncio.sleep(0)
    held = stream.send_offset
    for _ in range(20):
        await asyncio.sleep(0)
    assert stream.send_offset == held
    peer.open.set()
    while (await peer.next())[:1] != b"\x01":
        pass
    assert stream.send_offset == len(service.content)


# requirement: credit.events
async def test_events_wait_for_credit_and_number_their_cursors() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.events", window=2, offset=5)
    number = await peer.opened(1)
    stream = await soon(service.streams)
    for count in range(2):
        message = await peer.json()
        assert message["method"] == "stream.event"
        assert message["params"] == {"stream": number, "cursor": f"c{count}", "event": {"count": count}}
    await peer.quiet()
    assert stream.event_credit == 0
    peer.frame(CREDIT, 1, number, 3)
    assert (await peer.json())["params"]["cursor"] == "c2"
    await peer.quiet()
    waiting = asyncio.ensure_future(stream.wait_event_credit())
    peer.frame(CREDIT, 1, number, 100)
    assert await waiting == 97
    assert [(await peer.json())["params"]["cursor"] for _ in range(2)] == ["c3", "c4"]
    assert await peer.result(1) == {"count": 5}


async def test_a_stream_is_opened_even_if_its_handler_had_nothing_to_say() -> None:
    peer = Peer(Service())
    await peer.send(1, "test.unopened")
    assert await peer.opened(1) == 1
    assert await peer.result(1) == {"count": 0}


async def test_more_streams_than_allowed_and_numbers_that_never_return() -> None:
    service = Service()
    peer = Peer(service, limits=ConnectionLimits(max_streams=2, max_requests=1))
    for id in (1, 2):
        await peer.send(id, "test.up")
        assert await peer.opened(id) == id
    await peer.send(3, "test.up")
    error = await peer.error(3)
    assert error["data"]["details"] == {"limit": "max_streams", "value": 2}
    await peer.send(4, "test.wait")
    await soon(service.started)  # streams do not count as calls
    peer.frame(EOF, 0, 1, 0)
    await peer.result(1)
    await peer.send(5, "test.up")
    assert await peer.opened(5) == 3


async def test_nothing_is_sent_on_a_stream_after_its_answer() -> None:
    service = Service()
    service.content = b"x"
    peer = Peer(service)
    await peer.send(1, "test.down")
    await peer.opened(1)
    stream = await soon(service.streams)
    assert [(await peer.bin()).type for _ in range(3)] == [DATA, EOF, EOF]
    await peer.result(1)
    with pytest.raises(ConnectionLost):
        await stream.event({})
    await peer.quiet()


async def test_mistakes_of_a_handler_are_told_to_it() -> None:
    service = Service()
    peer = Peer(service)
    await peer.send(1, "test.pipe")
    await peer.opened(1)
    stream = await soon(service.streams)
    for mistake in (stream.send(1, 5, b"x"), stream.send(2, 0, b"x"), stream.eof(1, 7), stream.eof(0, 0)):
        with pytest.raises(StreamError):
            await mistake
    with pytest.raises(AssertionError):
        await stream.open()
    await peer.quiet()


@settings(deadline=None, max_examples=60)
@given(
    content=st.binary(min_size=1, max_size=400),
    window=st.integers(1, 64),
    seed=st.integers(0, 2**16),
)
def test_a_pipe_returns_every_byte_in_order_at_any_pace(content: bytes, window: int, seed: int) -> None:
    """Random splits up, random grants down, random turns between: the same bytes, in order, and both ends end."""

    async def scenario() -> None:
        chance = random.Random(seed)
        peer = Peer(Service())
        await peer.send(1, "test.pipe", window=window)
        number = await peer.opened(1)
        up, up_limit, down, down_limit = 0, window, bytearray(), window
        ended = closed = False
        while not ended:
            while not peer.arrived.empty():
                if ended:
                    break
                frame = await peer.bin()
                if frame.type is CREDIT:
                    assert frame.channel == 0
                    up_limit = max(up_limit, frame.offset)
                elif frame.type is DATA:
                    assert frame.offset == len(down)
                    down += frame.payload
                    assert len(down) <= down_limit
                else:
                    assert frame.offset == len(down)
                    ended = True
            step = chance.randrange(4)
            if step == 0 and up < min(len(content), up_limit):
                size = chance.randint(1, min(len(content), up_limit) - up)
                peer.frame(DATA, 0, number, up, content[up : up + size])
                up += size
            elif step == 1 and up == len(content) and not closed:
                peer.frame(EOF, 0, number, up)
                closed = True
            elif step == 2:
                down_limit = max(down_limit, len(down) + chance.randint(0, window))
                peer.frame(CREDIT, 1, number, down_limit)
            else:
                await asyncio.sleep(0)
        assert bytes(down) == content.upper()
        assert await peer.result(1) == {"count": len(content)}

    asyncio.run(asyncio.wait_for(scenario(), PATIENCE_S))


@pytest.mark.parametrize("kind", [bytes, bytearray, memoryview])
async def test_only_what_cannot_change_is_handed_on_uncopied(kind: type) -> None:
    sent: list[list[bytes | memoryview]] = []

    async def text(data: bytes) -> None:
        pass

    async def parts(*given: bytes | memoryview) -> None:
        sent.append(list(given))

    buffer = bytearray(range(100))
    spec = METHODS["fs.download"].stream
    assert spec is not None
    stream = ServerStream(1, 1, spec, 1 << 20, text, parts)
    await stream.open()
    await stream.send(1, 0, bytes(buffer) if kind is bytes else buffer if kind is bytearray else memoryview(buffer))
    buffer[:] = bytes(100)
    [[head, payload]] = sent
    assert decode(head + bytes(payload)).payload == bytes(range(100))
    assert bool(payload) is (kind is bytes)
