"""`$/progress`: how far a call is, for those who asked."""

from __future__ import annotations

import asyncio
from collections.abc import Awaitable, Callable
from typing import Final

from msgspec import UNSET
from nexus_sdk.protocol.types import ProgressParams
from nexus_sdk.wire.messages import MessageId, encode_notification

from nexusd.wire.errors import ConnectionLost

__all__ = ["INTERVAL_S", "Progress"]

INTERVAL_S: Final = 0.1
"""Least time between two `$/progress` of one call, in seconds."""


class Progress:
    """Sends the progress of one call, at most ten times a second, the latest state each time.

    What comes faster than that is replaced by what comes after it; what is left when the call ends is dropped, because
    the answer says more.

    Args:
        id: id of the request.
        send_text: sends one text frame; raises ConnectionLost.
    """

    __slots__ = ("_done", "_id", "_latest", "_pump", "_send_text", "_stopped")

    def __init__(self, id: MessageId, send_text: Callable[[bytes], Awaitable[None]]) -> None:
        self._id = id
        self._send_text = send_text
        self._done = -1
        self._latest: ProgressParams | None = None
        self._pump: asyncio.Task[None] | None = None
        self._stopped = False

    def report(self, done: int, total: int | None, message: str) -> None:
        """Note how far the call is; returns at once. A `done` lower than before is ignored."""
        if self._stopped or done < self._done:
            return
        self._done = done
        self._latest = ProgressParams(id=self._id, done=done, total=UNSET if total is None else total, message=message)
        if self._pump is None:
            self._pump = asyncio.get_running_loop().create_task(self._run())

    def stop(self) -> None:
        """Send no more: the call has been answered."""
        self._stopped = True
        self._latest = None
        if self._pump is not None:
            self._pump.cancel()

    async def _run(self) -> None:
        try:
            while self._latest is not None:
                params, self._latest = self._latest, None
                await self._send_text(encode_notification("$/progress", params))
                await asyncio.sleep(INTERVAL_S)
        except ConnectionLost:
            self._stopped = True
        finally:
            self._pump = None
