"""Waiting for the end of what is read, each waiter for so long."""

from __future__ import annotations

import asyncio


class Parking:
    """Those who wait. A future and a timer for each: this is done for every command."""

    def __init__(self) -> None:
        self._waiting: list[asyncio.Future[None]] = []

    async def wait(self, timeout: float) -> None:
        """Wait until `release`, or for `timeout` seconds."""
        loop = asyncio.get_running_loop()
        waiter: asyncio.Future[None] = loop.create_future()
        timer = loop.call_later(timeout, _release, waiter)
        self._waiting.append(waiter)
        try:
            await waiter
        finally:
            timer.cancel()
            self._waiting.remove(waiter)

    def release(self) -> None:
        """Let all who wait go on."""
        for waiter in self._waiting:
            _release(waiter)


def _release(waiter: asyncio.Future[None]) -> None:
    if not waiter.done():
        waiter.set_result(None)
