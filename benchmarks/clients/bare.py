"""Python with `websockets` alone: the library under the SDK, and a few lines of JSON."""

from __future__ import annotations

import json
from typing import Any

from nexus_sdk.wire.frames import HEADER, FrameType, encode_credit
from websockets.asyncio.client import ClientConnection, connect
from websockets.typing import Subprotocol

__all__ = ["BareClient"]

_WINDOW = 4 * 1_048_576


class BareClient:
    """The least that gets the same answers."""

    def __init__(self) -> None:
        self._url = self._token = ""
        self._socket: ClientConnection
        self._held: list[ClientConnection] = []

    async def connect(self, url: str, token: str) -> None:
        """Connect."""
        self._url, self._token = url, token
        self._socket = await self._open()

    async def calls(self, count: int, depth: int) -> None:
        """Each answer sends the next call."""
        requests = [_request(id, "session.ping", {}) for id in range(count)]
        socket = self._socket
        for request in requests[:depth]:
            await socket.send(request, text=True)
        sent = min(depth, count)
        open_ = set(range(count))
        while open_:
            answer = json.loads(await socket.recv())
            open_.remove(answer["id"])
            _result(answer)
            if sent < count:
                await socket.send(requests[sent], text=True)
                sent += 1

    async def run(self, workspace: str) -> None:
        """Run `true`."""
        await self._socket.send(_request(1, "exec.run", {"workspace": workspace, "argv": ["true"]}), text=True)
        exit = _result(json.loads(await self._socket.recv()))["exit"]
        if exit.get("code") != 0:
            raise RuntimeError(f"exec.run: {exit}")

    async def download(self, workspace: str, path: str) -> int:
        """Count the bytes of a stream and give back credit when half of it is used up."""
        socket = self._socket
        params = {"workspace": workspace, "path": path, "window": _WINDOW}
        await socket.send(_request(1, "fs.download", params), text=True)
        came, granted, stream = 0, _WINDOW, 0
        while True:
            message = await socket.recv()
            if isinstance(message, str):
                told = json.loads(message)
                if "method" in told:
                    stream = told["params"]["stream"]
                    continue
                _result(told)
                return came
            kind, _, _, offset = HEADER.unpack_from(message)
            if kind == FrameType.DATA:
                if offset != came:
                    raise RuntimeError(f"offset {offset} instead of {came}")
                came += len(message) - HEADER.size
                if granted - came <= _WINDOW // 2:
                    granted = came + _WINDOW
                    await socket.send(encode_credit(1, stream, granted))

    async def hold(self, count: int) -> None:
        """Connect again and again."""
        for _ in range(count):
            self._held.append(await self._open())

    async def _open(self) -> ClientConnection:
        socket = await connect(
            self._url,
            subprotocols=[Subprotocol("nexus.v1")],
            additional_headers={"Authorization": f"Bearer {self._token}"},
            compression=None,
            proxy=None,
        )
        await socket.recv()  # session.ready
        return socket


def _request(id: int, method: str, params: dict[str, Any]) -> bytes:
    return json.dumps({"jsonrpc": "2.0", "id": id, "method": method, "params": params}).encode()


def _result(answer: dict[str, Any]) -> Any:
    if "error" in answer:
        raise RuntimeError(str(answer["error"]))
    return answer["result"]
