"""Binary frames: layout byte by byte, every malformation, and the round trip of every legal frame."""

from __future__ import annotations

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexus_sdk.wire.frames import (
    HEADER,
    MAX_OFFSET,
    MAX_PAYLOAD,
    MAX_STREAM,
    FrameError,
    FrameType,
    decode,
    encode,
    encode_credit,
    encode_data,
    encode_eof,
)


# requirement: frame.header
def test_layout_is_the_documented_one() -> None:
    assert HEADER.size == 14
    assert encode(FrameType.DATA, 2, 0x01020304, 0x05060708, b"xy") == bytes.fromhex(
        "00 02 01020304 0000000005060708 7879"
    )
    assert encode_eof(1, 7, 9) == bytes.fromhex("01 01 00000007 0000000000000009")
    assert encode_credit(0, 7, 9) == bytes.fromhex("02 00 00000007 0000000000000009")


@given(
    channel=st.integers(0, 2),
    stream=st.integers(1, MAX_STREAM),
    offset=st.integers(0, MAX_OFFSET - 300),
    payload=st.binary(max_size=300),
)
def test_data_round_trip(channel: int, stream: int, offset: int, payload: bytes) -> None:
    data = encode(FrameType.DATA, channel, stream, offset, payload)
    assert data == encode_data(channel, stream, offset, payload)
    frame = decode(data)
    assert (frame.type, frame.channel, frame.stream, frame.offset) == (FrameType.DATA, channel, stream, offset)
    assert bytes(frame.payload) == payload


@given(
    kind=st.sampled_from([FrameType.EOF, FrameType.CREDIT]),
    channel=st.integers(0, 1),
    stream=st.integers(1, MAX_STREAM),
    offset=st.integers(0, MAX_OFFSET),
)
def test_control_round_trip(kind: FrameType, channel: int, stream: int, offset: int) -> None:
    frame = decode(encode(kind, channel, stream, offset))
    assert (frame.type, frame.channel, frame.stream, frame.offset) == (kind, channel, stream, offset)
    assert len(frame.payload) == 0


# requirement: frame.payload
def test_the_longest_payload_and_one_more() -> None:
    assert len(decode(HEADER.pack(0, 1, 1, 0) + bytes(MAX_PAYLOAD)).payload) == MAX_PAYLOAD
    with pytest.raises(FrameError) as caught:
        decode(HEADER.pack(0, 1, 1, 0) + bytes(MAX_PAYLOAD + 1))
    assert caught.value.fault == "payload_too_long"


def test_the_last_offset_and_one_more() -> None:
    assert decode(HEADER.pack(0, 1, 1, MAX_OFFSET - 1) + b"x").offset == MAX_OFFSET - 1
    assert decode(HEADER.pack(2, 1, 1, MAX_OFFSET)).offset == MAX_OFFSET
    for frame in (HEADER.pack(0, 1, 1, MAX_OFFSET) + b"x", HEADER.pack(2, 1, 1, MAX_OFFSET + 1)):
        with pytest.raises(FrameError) as caught:
            decode(frame)
        assert caught.value.fault == "offset"


MALFORMED = {
    "empty": (b"", "short"),
    "header cut": (HEADER.pack(0, 1, 1, 0)[:-1], "short"),
    "type 3": (HEADER.pack(3, 1, 1, 0), "type"),
    "type 255": (HEADER.pack(255, 1, 1, 0), "type"),
    "channel 3": (HEADER.pack(0, 3, 1, 0), "channel"),
    "credit for channel 2": (HEADER.pack(2, 2, 1, 0), "channel"),
    "stream 0": (HEADER.pack(0, 1, 0, 0), "stream"),
    "stream 0 eof": (HEADER.pack(1, 1, 0, 0), "stream"),
    "payload on eof": (HEADER.pack(1, 1, 1, 0) + b"x", "payload_unexpected"),
    "payload on credit": (HEADER.pack(2, 1, 1, 0) + b"x", "payload_unexpected"),
    "offset beyond 2^53": (HEADER.pack(1, 1, 1, 2**64 - 1), "offset"),
}


@pytest.mark.parametrize(("data", "fault"), MALFORMED.values(), ids=MALFORMED.keys())
def test_malformed(data: bytes, fault: str) -> None:
    with pytest.raises(FrameError) as caught:
        decode(data)
    assert caught.value.fault == fault


@given(st.binary(max_size=40))
def test_anything_is_a_frame_or_a_frame_error(data: bytes) -> None:
    try:
        frame = decode(data)
    except FrameError as error:
        assert str(error)
    else:
        assert encode(frame.type, frame.channel, frame.stream, frame.offset, frame.payload) == data


@pytest.mark.parametrize(
    ("arguments", "fault"),
    [
        ((FrameType.DATA, 1, 0, 0, b""), "stream"),
        ((FrameType.DATA, 1, MAX_STREAM + 1, 0, b""), "stream"),
        ((FrameType.DATA, -1, 1, 0, b""), "channel"),
        ((FrameType.CREDIT, 2, 1, 0, b""), "channel"),
        ((FrameType.EOF, 1, 1, 0, b"x"), "payload_unexpected"),
        ((FrameType.DATA, 1, 1, 0, bytes(MAX_PAYLOAD + 1)), "payload_too_long"),
        ((FrameType.DATA, 1, 1, -1, b""), "offset"),
    ],
)
def test_what_would_be_refused_is_not_encoded(arguments: tuple[FrameType, int, int, int, bytes], fault: str) -> None:
    with pytest.raises(FrameError) as caught:
        encode(*arguments)
    assert caught.value.fault == fault
