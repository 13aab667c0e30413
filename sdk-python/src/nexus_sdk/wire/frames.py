"""Binary frames: how the bytes of streams travel.

One WebSocket binary message is one frame, big-endian::

    offset  size  field
    0       1     type      0 DATA, 1 EOF, 2 CREDIT
    1       1     channel   0 towards the machine (stdin, upload), 1 away from it (stdout, download), 2 stderr
    2       4     stream    number given by `stream.open`, never 0
    6       8     offset    see below, at most 2^53 - 1 so that every language holds it exactly
    14      n     payload   DATA only, n <= 65,536

What `offset` means depends on the type. DATA: position of the first payload byte. EOF: position at which the channel
ends. CREDIT: absolute position the sender of the credited direction may reach; sending it twice changes nothing. In a
CREDIT frame the channel names the direction, so it is 0 or 1, and 1 covers channel 2. On a stream of events, credit
counts events.

Raised here:

    Exception
    └── FrameError      the bytes are not a frame
"""

from __future__ import annotations

import struct
from enum import IntEnum
from typing import Final, Literal

import msgspec

__all__ = [
    "DOWN",
    "HEADER",
    "MAX_OFFSET",
    "MAX_PAYLOAD",
    "MAX_STREAM",
    "UP",
    "Frame",
    "FrameError",
    "FrameFault",
    "FrameType",
    "data_header",
    "decode",
    "encode",
    "encode_credit",
    "encode_data",
    "encode_eof",
]

HEADER: Final = struct.Struct("!BBIQ")
"""Layout of the 14 bytes before the payload: type, channel, stream, offset."""

MAX_PAYLOAD: Final = 65_536
"""Most payload bytes in one DATA frame; small enough that no stream holds the connection for long."""

MAX_OFFSET: Final = 2**53 - 1
"""Greatest offset; JavaScript numbers are exact up to here."""

MAX_STREAM: Final = 2**32 - 1
"""Greatest stream number."""

UP: Final = 0
"""Channel of the direction towards the machine."""

DOWN: Final = 1
"""Channel that stands for the direction away from the machine; data there may also use channel 2."""

_MAX_CHANNEL: Final = 2
_MAX_FRAME: Final = HEADER.size + MAX_PAYLOAD


class FrameType(IntEnum):
    """First byte of a frame."""

    DATA = 0
    EOF = 1
    CREDIT = 2


FrameFault = Literal["short", "type", "channel", "stream", "offset", "payload_too_long", "payload_unexpected"]
"""What is wrong with a frame: a header cut short, a type, channel, stream or offset that does not exist, more than
64 KiB of payload, or payload where none belongs."""


class FrameError(Exception):
    """The bytes are not a frame. The peer does not speak this protocol; close the connection.

    Attributes:
        fault: machine-readable kind of the mistake.
    """

    def __init__(self, fault: FrameFault, message: str) -> None:
        super().__init__(message)
        self.fault: FrameFault = fault


class Frame(msgspec.Struct, frozen=True, gc=False):
    """One decoded frame.

    The payload is a view into the received message, not a copy: take `bytes()` of it to keep it longer than that.
    """

    type: FrameType
    channel: int
    stream: int
    offset: int
    payload: memoryview


_TYPES: Final = (FrameType.DATA, FrameType.EOF, FrameType.CREDIT)
_NOTHING: Final = memoryview(b"")
_pack = HEADER.pack
_unpack = HEADER.unpack_from
_DATA: Final = int(FrameType.DATA)


def encode(
    type: FrameType, channel: int, stream: int, offset: int, payload: bytes | bytearray | memoryview = b""
) -> bytes:
    """Return the bytes of one frame.

    Args:
        type: DATA, EOF or CREDIT.
        channel: 0 to 2; for CREDIT 0 or 1.
        stream: 1 to 2^32 - 1.
        offset: 0 to 2^53 - 1.
        payload: at most 64 KiB; empty unless DATA.

    Raises:
        FrameError: the frame would be refused by `decode`.
    """
    _check(type, channel, stream, offset, len(payload))
    return b"".join((_pack(type, channel, stream, offset), payload))


def encode_data(channel: int, stream: int, offset: int, payload: bytes | bytearray | memoryview) -> bytes:
    """Return the bytes of a DATA frame without checking it: for callers that cut to `MAX_PAYLOAD` themselves."""
    return b"".join((_pack(_DATA, channel, stream, offset), payload))


def data_header(channel: int, stream: int, offset: int) -> bytes:
    """Return the header of a DATA frame without checking it: for callers that send the payload without joining it."""
    return _pack(_DATA, channel, stream, offset)


def encode_eof(channel: int, stream: int, offset: int) -> bytes:
    """Return the bytes of an EOF frame: `channel` ends at `offset`."""
    return encode(FrameType.EOF, channel, stream, offset)


def encode_credit(channel: int, stream: int, limit: int) -> bytes:
    """Return the bytes of a CREDIT frame: the direction of `channel` (0 up, 1 down) may reach `limit`."""
    return encode(FrameType.CREDIT, channel, stream, limit)


def decode(data: bytes | bytearray | memoryview) -> Frame:
    """Read one frame.

    Args:
        data: a whole binary message.

    Returns:
        The frame; its payload is a view of `data`.

    Raises:
        FrameError: `data` is not a frame; `fault` says in what way.
    """
    size = len(data)
    if size < HEADER.size:
        raise FrameError("short", f"a frame has at least {HEADER.size} bytes; got {size}")
    number, channel, stream, offset = _unpack(data)
    if number == 0 and channel <= _MAX_CHANNEL and stream > 0 and offset + size <= MAX_OFFSET and size <= _MAX_FRAME:
        return Frame(FrameType.DATA, channel, stream, offset, memoryview(data)[HEADER.size :])
    if number >= len(_TYPES):
        raise FrameError("type", f"frame type {number} does not exist; types are 0 DATA, 1 EOF, 2 CREDIT")
    kind = _TYPES[number]
    _check(kind, channel, stream, offset, size - HEADER.size)
    return Frame(kind, channel, stream, offset, memoryview(data)[HEADER.size :] if size > HEADER.size else _NOTHING)


def _check(kind: FrameType, channel: int, stream: int, offset: int, length: int) -> None:
    highest = DOWN if kind is FrameType.CREDIT else _MAX_CHANNEL
    if not 0 <= channel <= highest:
        raise FrameError("channel", f"channel {channel} does not exist for {kind.name}; channels are 0 to {highest}")
    if not 0 < stream <= MAX_STREAM:
        raise FrameError("stream", f"stream {stream} does not exist; streams are numbered from 1 to 2^32 - 1")
    if length and kind is not FrameType.DATA:
        raise FrameError("payload_unexpected", f"{kind.name} carries no payload; got {length} bytes")
    if length > MAX_PAYLOAD:
        raise FrameError("payload_too_long", f"a frame carries at most {MAX_PAYLOAD} bytes; got {length}")
    if not 0 <= offset <= MAX_OFFSET - length:
        raise FrameError("offset", f"offset {offset} with {length} bytes lies outside 0 to 2^53 - 1")
