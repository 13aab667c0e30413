"""What the stack can do at best: decode a typed request, encode its answer, nothing in between."""

from __future__ import annotations

from typing import Any

import msgspec


class Request(msgspec.Struct):
    """A JSON-RPC request."""

    id: int | str
    method: str
    params: msgspec.Raw = msgspec.Raw(b"{}")


class Response(msgspec.Struct):
    """Its answer."""

    id: int | str
    result: msgspec.Raw
    jsonrpc: str = "2.0"


async def app(scope: Any, receive: Any, send: Any) -> None:
    """Answer each request with its params."""
    if scope["type"] != "websocket":
        return
    decode = msgspec.json.Decoder(Request).decode
    encode = msgspec.json.Encoder().encode
    await receive()
    await send({"type": "websocket.accept"})
    while True:
        message = await receive()
        if message["type"] != "websocket.receive":
            return
        request = decode(message["text"])
        answer = encode(Response(request.id, request.params))
        await send({"type": "websocket.send", "text": answer.decode()})
