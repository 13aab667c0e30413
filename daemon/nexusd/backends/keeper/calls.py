"""Requests that were sent to a keeper, until each is answered."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Mapping
from typing import Any, NamedTuple, TypeVar

import msgspec

from nexusd.backends.keeper.failures import Failed, KeeperGone
from nexusd.backends.keeper.messages import Answer

__all__ = ["Calls", "Fd"]

R = TypeVar("R")

_encode = msgspec.json.Encoder().encode


class Fd(int):
    """A descriptor that somebody has to close."""


class _Waiting(NamedTuple):
    future: asyncio.Future[Any]
    accept: Callable[[msgspec.Raw], Any]


class Calls:
    """Those of one keeper, over all its connections."""

    def __init__(self) -> None:
        self._waiting: dict[int, _Waiting] = {}
        self._next = 1

    def begin(
        self,
        send: Callable[[bytes], None],
        method: str,
        params: Mapping[str, Any],
        accept: Callable[[msgspec.Raw], R],
    ) -> asyncio.Future[R]:
        """Send a request; its answer.

        Args:
            send: sends one message. What it raises is raised.
            method: of the request.
            params: the same.
            accept: called when the answer is read, before what follows it: a process may end right after its start. An
                answer that nobody waits for any more is given to it all the same, for what comes with it must be taken.
        """
        id = self._next
        self._next += 1
        answer: asyncio.Future[R] = asyncio.get_running_loop().create_future()
        self._waiting[id] = _Waiting(answer, accept)
        try:
            send(_encode({"jsonrpc": "2.0", "id": id, "method": method, "params": params}))
        except BaseException:
            del self._waiting[id]
            raise
        return answer

    def answered(self, id: int, message: Answer) -> None:
        """An answer has come."""
        waiting = self._waiting.pop(id, None)
        if waiting is None:
            return
        future = waiting.future
        if message.error is not None:
            if not future.done():
                future.set_exception(Failed(message.error))
            return
        try:
            made = waiting.accept(message.result)
        except Exception as error:
            if future.done():
                raise
            future.set_exception(error)
            return
        if not future.done():
            future.set_result(made)
        elif isinstance(made, Fd):
            os.close(made)

    def fail(self, error: KeeperGone) -> None:
        """No answer comes any more."""
        waiting, self._waiting = self._waiting, {}
        for one in waiting.values():
            if not one.future.done():
                one.future.set_exception(error)
