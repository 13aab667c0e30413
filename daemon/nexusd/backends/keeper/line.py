"""What the handles of processes need of the connection to their keeper."""

from __future__ import annotations

import asyncio
from typing import Any, Protocol

import msgspec

__all__ = ["Line"]


class Line(Protocol):
    """`nexusd.backends.keeper.keeper.Keeper` is one.

    Attributes:
        closed: done when the keeper is gone for good.
    """

    closed: asyncio.Future[None]

    async def ask(self, method: str, timeout: float = ..., **params: Any) -> msgspec.Raw:
        """One request; its result. Every failure is BackendFailed, and an unknown process is none."""
        ...

    def post(self, method: str, **params: Any) -> None:
        """A request whose answer nobody waits for."""
        ...

    def notify(self, method: str, **params: Any) -> bool:
        """A message without an answer; whether it was sent."""
        ...

    def send(self, frame: bytes) -> bool:
        """A binary frame; whether it was sent."""
        ...

    def forget(self, process: str) -> None:
        """A process that has ended need not be remembered."""
        ...

    def drop(self, process: str) -> None:
        """Nobody follows this process here any more."""
        ...
