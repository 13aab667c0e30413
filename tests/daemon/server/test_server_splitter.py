"""The splitter gives what the core of `websockets` would give, whatever comes and however it is cut."""

from __future__ import annotations

import os
import struct
from itertools import pairwise

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexusd.server.splitter import FrameSplitter
from websockets.frames import Frame, Opcode
from websockets.protocol import OPEN
from websockets.server import ServerProtocol

MAX_SIZE = 1000
LONG = 60.0


def core() -> ServerProtocol:
    protocol = ServerProtocol(max_size=MAX_SIZE)
    protocol.state = OPEN
    # the handshake is over: what comes are frames
    protocol.parser = protocol.parse_frames() if hasattr(protocol, "parse_frames") else protocol.parse()
    next(protocol.parser)
    return protocol


class Reference:
    """The core alone."""

    def __init__(self) -> None:
        self.protocol = core()
        self.seen: list[tuple[int, bool, bytes]] = []

    def feed(self, data: bytes) -> None:
        if self.protocol.reader.eof or self.protocol.eof_sent or self.protocol.parser_exc is not None:
            return
        self.protocol.receive_data(data)
        for event in self.protocol.events_received():
            assert isinstance(event, Frame)
            self.seen.append((int(event.opcode), event.fin, bytes(event.data)))

    @property
    def failed(self) -> int | None:
        sent = self.protocol.close_sent
        return sent.code if sent is not None else None


class Split(Reference):
    """The splitter before a core, as the socket joins them."""

    def __init__(self) -> None:
        super().__init__()
        self.partial = False
        self.by_core = 0
        self.splitter = FrameSplitter(self._deliver, self._core, MAX_SIZE)
        self.splitter.framed = True
        self.splitter.plain = True

    def _deliver(self, text: bool, payload: bytes) -> None:
        self.seen.append((int(Opcode.TEXT if text else Opcode.BINARY), True, bytes(payload)))

    def _core(self, data: bytes | memoryview) -> None:
        self.by_core += 1
        before = len(self.seen)
        super().feed(bytes(data))
        for opcode, fin, _ in self.seen[before:]:
            if opcode in (Opcode.TEXT, Opcode.BINARY, Opcode.CONT):
                self.partial = not fin
        self.splitter.plain = self.protocol.state is OPEN and not self.partial

    def feed(self, data: bytes) -> None:
        self.splitter.feed(data, LONG)


def encode(first: int, payload: bytes, *, masked: bool = True, form: int | None = None) -> bytes:
    """One frame, in the shortest form for its size unless another is asked for (7, 16 or 64 bits)."""
    size = len(payload)
    form = form or (7 if size < 126 else 16 if size < 65536 else 64)
    bit = 0x80 if masked else 0
    head = {
        7: lambda: struct.pack("!BB", first, bit | size),
        16: lambda: struct.pack("!BBH", first, bit | 126, size),
        64: lambda: struct.pack("!BBQ", first, bit | 127, size),
    }[form]()
    if not masked:
        return head + payload
    mask = os.urandom(4)
    return head + mask + bytes(byte ^ mask[at % 4] for at, byte in enumerate(payload))


FIN, TEXT, BINARY, CONT, PING, PONG = 0x80, 1, 2, 0, 9, 10
payloads = st.one_of(st.binary(max_size=130), st.binary(min_size=120, max_size=MAX_SIZE))
messages = st.one_of(
    st.builds(lambda op, payload: [encode(FIN | op, payload)], st.sampled_from([TEXT, BINARY]), payloads),
    st.builds(lambda op, payload: [encode(FIN | op, payload)], st.sampled_from([PING, PONG]), st.binary(max_size=125)),
    st.builds(
        lambda op, parts, ping: [
            encode(op, parts[0]),
            *(encode(CONT, part) for part in parts[1:-1]),
            encode(FIN | PING, ping),
            encode(FIN | CONT, parts[-1]),
        ],
        st.sampled_from([TEXT, BINARY]),
        st.lists(st.binary(max_size=50), min_size=2, max_size=5),
        st.binary(max_size=10),
    ),
)
broken = st.sampled_from(
    [
        encode(FIN | TEXT, b"unmasked", masked=False),
        encode(FIN | BINARY, b"", masked=False),
        encode(FIN | 0x40 | TEXT, b"reserved bit"),
        encode(FIN | 3, b"reserved opcode"),
        encode(FIN | CONT, b"continues nothing"),
        encode(PING, b"fragmented ping"),
        encode(FIN | PING, b"x" * 126),
        encode(FIN | BINARY, b"x" * (MAX_SIZE + 1)),
        encode(BINARY, b"x" * 600) + encode(FIN | CONT, b"x" * 600),
        encode(TEXT, b"begun") + encode(FIN | TEXT, b"another begins"),
        struct.pack("!BBQ", FIN | BINARY, 0xFF, 1 << 63) + b"abcd",
        struct.pack("!BBQ", FIN | BINARY, 0xFF, 1 << 40) + b"abcd",
        encode(FIN | 8, struct.pack("!H", 1000)),
        encode(FIN | 8, b"\x03"),
    ]
)


def compare(data: bytes, cuts: list[int]) -> Split:
    places = sorted({cut % (len(data) + 1) for cut in cuts} | {0, len(data)})
    split, reference = Split(), Reference()
    for start, end in pairwise(places):
        split.feed(data[start:end])
        reference.feed(data[start:end])
    assert split.seen == reference.seen
    assert split.failed == reference.failed
    return split


@given(st.lists(messages, max_size=12), st.lists(st.integers(0, 10_000), max_size=20))
def test_messages_arrive_as_from_the_core(sequence: list[list[bytes]], cuts: list[int]) -> None:
    split = compare(b"".join(frame for message in sequence for frame in message), cuts)
    assert split.failed is None


@given(
    st.lists(messages, max_size=4), broken, st.lists(messages, max_size=3), st.lists(st.integers(0, 5_000), max_size=12)
)
def test_what_breaks_the_rules_is_refused_as_by_the_core(
    before: list[list[bytes]], bad: bytes, after: list[list[bytes]], cuts: list[int]
) -> None:
    def joined(sequence: list[list[bytes]]) -> bytes:
        return b"".join(frame for message in sequence for frame in message)

    split = compare(joined(before) + bad + joined(after), cuts)
    assert split.failed is not None


@pytest.mark.parametrize("form", [7, 16, 64])
def test_every_cut_of_every_form_of_a_header(form: int) -> None:
    data = encode(FIN | BINARY, b"payload", form=form) + encode(FIN | TEXT, b"next")
    for cut in range(len(data)):
        split = compare(data, [cut])
        assert [payload for _, _, payload in split.seen] == [b"payload", b"next"]


def test_plain_messages_do_not_pass_through_the_core() -> None:
    split = compare(encode(FIN | BINARY, b"a" * 900) * 5 + encode(FIN | TEXT, b"{}"), [7, 1000, 1001])
    assert split.by_core == 0
    assert len(split.seen) == 6


def test_a_flood_of_tiny_frames_gives_way() -> None:
    seen: list[bytes] = []
    splitter = FrameSplitter(lambda text, payload: seen.append(payload), lambda data: None, MAX_SIZE)
    splitter.framed = splitter.plain = True
    data = encode(FIN | BINARY, b"x") * 5000
    turns = 1
    more = splitter.feed(data, 0.0)
    while more:
        turns += 1
        more = splitter.feed(splitter.rest(), 0.0)
    assert len(seen) == 5000
    assert turns > 10
