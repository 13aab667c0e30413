"""What the stack can do at best with bytes: 64 KiB binary frames, as fast as the socket takes them."""

from __future__ import annotations

from typing import Any

FRAME = bytes(14 + 65536)


async def app(scope: Any, receive: Any, send: Any) -> None:
    """For each text message, a number of bytes, send as many in frames of 64 KiB."""
    if scope["type"] != "websocket":
        return
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] != "websocket.receive":
            return
        for _ in range(-(-int(message["text"]) // 65536)):
            await send({"type": "websocket.send", "bytes": FRAME})
