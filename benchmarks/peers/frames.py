"""What the stack can do at best with bytes: frames as they are on the wire, as fast as the socket takes them."""

from __future__ import annotations

from typing import Any

from nexus_sdk.wire.frames import DOWN, MAX_PAYLOAD, encode_data

PAYLOAD = bytes(MAX_PAYLOAD)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """For each text message, a number of bytes, send as many in DATA frames of one stream."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] != "websocket.receive":
            return
        size = int(message["text"])
        for offset in range(0, size, MAX_PAYLOAD):
            frame = encode_data(DOWN, 1, offset, PAYLOAD[: size - offset])
            await send({"type": "websocket.send", "bytes": frame})
