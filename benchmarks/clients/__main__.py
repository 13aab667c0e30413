"""``python -m benchmarks.clients sdk`` or ``bare``: do what standard input says."""

from __future__ import annotations

import asyncio
import gc
import json
import sys
import time
from collections.abc import Awaitable, Callable
from statistics import median
from typing import Any, Protocol


class Client(Protocol):
    """One way to use a daemon."""

    async def connect(self, url: str, token: str) -> None:
        """Connect."""

    async def calls(self, count: int, depth: int) -> None:
        """Make calls, so many in flight."""

    async def run(self, workspace: str) -> None:
        """Run `true` to its end."""

    async def download(self, workspace: str, path: str) -> int:
        """Read a file; how many bytes came."""

    async def hold(self, count: int) -> None:
        """Open so many connections more."""


async def serve(client: Client) -> None:
    """Answer commands until standard input ends. It is read without a thread: nothing happens between commands."""
    for line in sys.stdin:
        command = json.loads(line)
        try:
            answer = await _do(client, command)
        except Exception as error:
            print(json.dumps({"error": f"{type(error).__name__}: {error}"}), flush=True)
            return
        print(json.dumps(answer), flush=True)


async def _do(client: Client, command: dict[str, Any]) -> dict[str, float]:
    match command["do"]:
        case "connect":
            await client.connect(command["url"], command["token"])
        case "calls":
            return {"seconds": await _timed(lambda: client.calls(command["count"], command["depth"]))}
        case "runs":
            workspace = command["workspace"]
            return {"seconds": median([await _timed(lambda: client.run(workspace)) for _ in range(command["count"])])}
        case "download":
            start = time.perf_counter()
            came = await client.download(command["workspace"], command["path"])
            seconds = time.perf_counter() - start
            if came != command["size"]:
                raise RuntimeError(f"{came} bytes came instead of {command['size']}")
            return {"seconds": seconds}
        case "hold":
            await client.hold(command["count"])
            gc.collect()
        case other:
            raise ValueError(f"no command {other}")
    return {}


async def _timed(action: Callable[[], Awaitable[object]]) -> float:
    start = time.perf_counter()
    await action()
    return time.perf_counter() - start


def _made(kind: str) -> Client:
    if kind == "sdk":
        from benchmarks.clients.sdk import SdkClient

        return SdkClient()
    from benchmarks.clients.bare import BareClient

    return BareClient()


if __name__ == "__main__":
    asyncio.run(serve(_made(sys.argv[1])))
