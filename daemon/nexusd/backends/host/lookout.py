"""Walks through /proc for the event loop: shared by all who wait, and never on the loop itself."""

from __future__ import annotations

import asyncio
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import Any, TypeVar

from nexusd.backends.host import tree
from nexusd.backends.host.census import Census, Proc, census

T = TypeVar("T")

_FIRST_LOOK, _LATER_LOOKS = 0.01, 0.2
_PATIENCE = 10.0
"""Seconds to wait for killed processes to go; those that the kernel holds (state D) may take longer."""


class Lookout:
    """Looks at processes, and ends them, without holding a thread while they make up their minds.

    Args:
        executor: where /proc is read and signals are sent.
    """

    def __init__(self, executor: Executor) -> None:
        self._executor = executor
        self._next: asyncio.Task[Census] | None = None
        self._walking = asyncio.Lock()  # held during a walk, so that those who come meanwhile share the next

    async def census(self) -> Census:
        """The processes as they are after this call began."""
        if self._next is None:
            self._next = asyncio.create_task(self._walk(), name="host backend: census")
        return await asyncio.shield(self._next)

    async def _walk(self) -> Census:
        async with self._walking:
            self._next = None
            return await self.call(census)

    async def call(self, function: Callable[..., T], *args: object) -> T:
        """Call something that reads /proc or signals many processes, in a thread."""
        return await asyncio.get_running_loop().run_in_executor(self._executor, lambda: function(*args))

    def submit(self, function: Callable[..., object], *args: object) -> None:
        """The same where nobody waits for it."""
        self._executor.submit(function, *args)

    async def end(
        self,
        find: Callable[[Census], tree.Found],
        grace: float,
        on_kill: Callable[[Iterable[Proc]], None],
        root_exit: asyncio.Future[Any] | None = None,
    ) -> bool:
        """Ask every process of a tree to end, wait, then kill what is left.

        Args:
            find: the tree in a census.
            grace: seconds between TERM and KILL; 0: no TERM.
            on_kill: told of the processes that are about to be killed.
            root_exit: done when the first process was reaped; a reason to look again at once.

        Returns:
            Whether all are gone.
        """
        clock = asyncio.get_running_loop().time
        deadline = clock() + grace
        asked: set[tuple[int, int]] = set()
        pause = _FIRST_LOOK
        while (left := deadline - clock()) > 0:
            found = find(await self.census())
            if not found.members:
                return True
            await self.call(tree.ask, found, asked)
            await _pause(min(pause, left), root_exit)
            pause = min(pause * 2, _LATER_LOOKS)
        return await self._kill(find, on_kill, root_exit)

    async def _kill(
        self,
        find: Callable[[Census], tree.Found],
        on_kill: Callable[[Iterable[Proc]], None],
        root_exit: asyncio.Future[Any] | None,
    ) -> bool:
        clock = asyncio.get_running_loop().time
        deadline = clock() + _PATIENCE
        pause = _FIRST_LOOK
        while (found := await self.freeze(find)).members:
            if clock() >= deadline:
                return False
            on_kill(found.members)
            await self.call(tree.signal_all, found, tree.KILL)
            await _pause(pause, root_exit)
            pause = min(pause * 2, _LATER_LOOKS)
        return True

    async def freeze(self, find: Callable[[Census], tree.Found]) -> tree.Found:
        """Stop every process of a tree, with those that it forks meanwhile; returns them, descendants first."""
        found = find(await self.census())
        stillness = tree.Stillness()
        while not stillness.reached(found):
            await self.call(tree.signal_all, tree.Found(found.running), tree.STOP)
            found = find(await self.census())
        return found


async def _pause(seconds: float, root_exit: asyncio.Future[Any] | None) -> None:
    if root_exit is not None and not root_exit.done():
        await asyncio.wait([root_exit], timeout=seconds)
    else:
        await asyncio.sleep(seconds)
