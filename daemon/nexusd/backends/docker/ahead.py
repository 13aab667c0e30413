"""Networks of workspaces that do not exist yet: made while there is nothing to do, so that the next one need not wait.

To make a network takes an engine 80 to 110 ms, a quarter of what it takes to run a container. Each is made for a
workspace to come, whose id is chosen now. It has that one's note, name and labels, so networks are found, used and
taken away in one way only. Whoever makes a workspace takes the id (`Backend.ahead`); one that nobody took is, to the
next daemon, what is left of a workspace that does not exist.
"""

from __future__ import annotations

import asyncio
import logging
import time
from collections.abc import Callable
from functools import partial

from nexus_sdk.protocol.errors import NexusError

from nexusd.backends.docker.networks import Networks
from nexusd.backends.docker.notes import Note, Notes
from nexusd.failpoints import failpoint
from nexusd.ids import new_id

log = logging.getLogger(__name__)

REST = 1.0
"""Seconds without a verb before something is made."""
HANDED_OUT = 60.0
"""Seconds within which an id that was handed out becomes a workspace, unless that is refused."""
_PARTING = 5.0


class Ahead:
    """The networks that one daemon has made ahead.

    Args:
        count: how many there are to be; 0: none.
        notes: where each is noted before it is made.
        networks: how they are made.
        busy: whether a verb is at work.
    """

    def __init__(self, count: int, notes: Notes, networks: Networks, busy: Callable[[], bool]) -> None:
        self._count = count
        self._notes = notes
        self._networks = networks
        self._busy = busy
        self._ready: dict[str, asyncio.Task[None]] = {}
        self._handed_out: dict[str, float] = {}
        self._timer: asyncio.TimerHandle | None = None

    def ids(self) -> set[str]:
        """The workspaces that do not exist and are to be left alone."""
        late = time.monotonic() - HANDED_OUT
        self._handed_out = {id: at for id, at in self._handed_out.items() if at > late}
        return {*self._ready, *self._handed_out}

    def take(self) -> tuple[str, asyncio.Task[None]] | None:
        """The id of a workspace to come, and what makes its network; None where there is none."""
        for id, making in tuple(self._ready.items()):
            del self._ready[id]
            if not making.done() or (not making.cancelled() and making.exception() is None):
                self._handed_out[id] = time.monotonic()
                return id, making
        return None

    def give_back(self, workspace: str, making: asyncio.Task[None]) -> None:
        """One that was taken did not become a workspace."""
        if self._handed_out.pop(workspace, None) is not None:
            self._ready[workspace] = making

    def used(self, workspace: str) -> None:
        """A workspace with this id exists now."""
        self._handed_out.pop(workspace, None)

    def later(self) -> None:
        """Make what is missing, once nothing has been done for a while."""
        if self._timer is not None:
            self._timer.cancel()
            self._timer = None
        if len(self._ready) < self._count:
            self._timer = asyncio.get_running_loop().call_later(REST, self._refill)

    async def close(self) -> None:
        """Take away what nobody took. What cannot be taken away now, the next daemon does."""
        if self._timer is not None:
            self._timer.cancel()
        left, self._ready = self._ready, {}
        for making in left.values():
            making.cancel()
        if left:
            await asyncio.wait(left.values())
        try:
            async with asyncio.timeout(_PARTING):
                for workspace in left:
                    await self._networks.remove(workspace)
                    await asyncio.to_thread(self._notes.remove, workspace)
        except (NexusError, OSError, TimeoutError) as error:
            log.debug("a network that was made ahead is left for the next daemon: %s", error)

    def _refill(self) -> None:
        self._timer = None
        if self._busy():
            return  # it asks for it again when it is done
        while len(self._ready) < self._count:
            workspace = new_id("ws")
            making = asyncio.create_task(self._make(workspace), name=f"network ahead {workspace}")
            self._ready[workspace] = making
            making.add_done_callback(partial(self._made, workspace))

    async def _make(self, workspace: str) -> None:
        await asyncio.to_thread(self._notes.put, Note(workspace=workspace))
        failpoint("docker.ahead.noted")
        await self._networks.ensure(workspace, internal=False, look=False)
        failpoint("docker.ahead.made")

    def _made(self, workspace: str, done: asyncio.Task[None]) -> None:
        if not done.cancelled() and (error := done.exception()) is not None:
            # Nobody waits for it. What there is of it goes as that of any workspace that does not exist.
            self._ready.pop(workspace, None)
            log.info("no network could be made ahead: %s", error)
