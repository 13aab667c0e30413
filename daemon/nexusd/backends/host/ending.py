"""Ending a tree without holding a thread while its processes make up their minds."""

from __future__ import annotations

import asyncio
import time
from collections.abc import Callable, Iterable
from concurrent.futures import Executor
from typing import Any

from nexusd.backends.host import tree
from nexusd.backends.host.census import Proc

_FIRST_LOOK, _LATER_LOOKS = 0.01, 0.2


async def end(
    find: Callable[[], tree.Found],
    grace: float,
    executor: Executor,
    on_kill: Callable[[Iterable[Proc]], None],
    root_exit: asyncio.Future[Any] | None = None,
) -> bool:
    """Ask every process of a tree to end, wait, then kill what is left.

    Args:
        find: the tree as it is now.
        grace: seconds between TERM and KILL; 0: no TERM.
        executor: where /proc is read.
        on_kill: told of the processes that are about to be killed.
        root_exit: done when the first process was reaped; a reason to look again at once.

    Returns:
        Whether all are gone.
    """
    loop = asyncio.get_running_loop()
    deadline = time.monotonic() + grace
    asked: set[tuple[int, int]] = set()
    pause = _FIRST_LOOK
    while (left := deadline - time.monotonic()) > 0:
        found = await loop.run_in_executor(executor, find)
        if not found.members:
            return True
        await loop.run_in_executor(executor, tree.ask, found, asked)
        pause = min(pause, left)
        if root_exit is not None and not root_exit.done():
            await asyncio.wait([root_exit], timeout=pause)
        else:
            await asyncio.sleep(pause)
        pause = min(pause * 2, _LATER_LOOKS)
    return await loop.run_in_executor(executor, tree.kill, find, on_kill)
