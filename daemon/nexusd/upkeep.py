"""What a daemon does now and then: forget what is old, and look after its backends."""

from __future__ import annotations

import asyncio
import logging
import traceback
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime, timedelta

from nexus_sdk.protocol.errors import NexusError

from nexusd.api.services import Services
from nexusd.config.model import Config
from nexusd.store import keys, operations, tokens
from nexusd.store.connection import Connection
from nexusd.store.errors import StoreError
from nexusd.workspaces import reconcile
from nexusd.workspaces.checkpoints import forget_removed

log = logging.getLogger(__name__)

SETTLE_SECONDS = 2.0
"""Between looks for workspaces that could not be settled when the daemon started; there are none, nearly always."""
RECONCILE_SECONDS = 60.0
SWEEP_SECONDS = 600.0
KEYS_KEPT = timedelta(days=7)
TOKENS_KEPT = timedelta(days=30)
"""How long a list of tokens still tells of one that has expired."""

Work = Callable[[], Awaitable[None]]


class Upkeep:
    """Three timers."""

    def __init__(self, services: Services, config: Config) -> None:
        self._services = services
        self._operations_kept = timedelta(seconds=config.operations.keep)
        self._tasks: list[asyncio.Task[None]] = []

    def start(self) -> None:
        """Start them."""
        self._tasks = [
            asyncio.create_task(self._every("settle", SETTLE_SECONDS, self._settle)),
            asyncio.create_task(self._every("reconcile", RECONCILE_SECONDS, self._reconcile)),
            asyncio.create_task(self._every("sweep", SWEEP_SECONDS, self._sweep)),
        ]

    async def stop(self) -> None:
        """Stop them."""
        for task in self._tasks:
            task.cancel()
        if self._tasks:
            await asyncio.wait(self._tasks, timeout=5)

    async def _every(self, name: str, seconds: float, work: Work) -> None:
        while True:
            await asyncio.sleep(seconds)
            try:
                await work()
            except (NexusError, StoreError, OSError) as error:
                log.error("%s: %s", name, error)
            except Exception:
                log.error("%s broke\n%s", name, traceback.format_exc())

    async def _settle(self) -> None:
        await reconcile.settle_rest(self._services.manager)

    async def _reconcile(self) -> None:
        await reconcile.remove_orphans(self._services.manager)

    async def _sweep(self) -> None:
        now = datetime.now(UTC)

        def purge(conn: Connection) -> None:
            operations.purge(conn, now - self._operations_kept)
            keys.purge(conn, now - KEYS_KEPT)
            tokens.purge(conn, now - TOKENS_KEPT)
            forget_removed(conn)

        await self._services.processes.sweep()
        await self._services.files.sweep(self._services.registry.all())
        await self._services.db.run(purge, durable="crash")
