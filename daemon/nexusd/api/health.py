"""Whether the daemon is well: its store, its backends, room on its disk."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Callable, Collection, Mapping

from nexus_sdk.protocol.errors import NexusError
from nexus_sdk.protocol.types import HealthCheck, SystemHealth

from nexusd.backends.base import Backend
from nexusd.config.paths import Home
from nexusd.store import meta
from nexusd.store.database import Database
from nexusd.store.errors import StoreError

CHECK_SECONDS = 5.0
LOW_BYTES = 64 * 1024 * 1024
"""With less free space than this the daemon still serves, but says that it is not well."""


class Health:
    """Asks the parts.

    Args:
        db: the store.
        backends: by name.
        needed: the backends that are the default or that a workspace has. Another may be unusable, as Docker is to one
            who may not speak to it, and the daemon is well all the same.
        home: where the disk is looked at.
        draining: whether the daemon is stopping.
    """

    def __init__(
        self,
        db: Database,
        backends: Mapping[str, Backend],
        needed: Callable[[], Collection[str]],
        home: Home,
        draining: Callable[[], bool],
    ) -> None:
        self._db = db
        self._needed = needed
        self._backends = backends
        self._home = home
        self._draining = draining

    async def check(self) -> SystemHealth:
        """All checks, at the same time, each with a deadline."""
        names = sorted(self._backends)
        checks = await asyncio.gather(
            self._store(), self._disk(), *(self._backend(name, self._backends[name]) for name in names)
        )
        draining = self._draining()
        return SystemHealth(
            ok=all(check.ok for check in checks) and not draining, draining=draining, checks=list(checks)
        )

    async def ready(self) -> tuple[bool, str]:
        """Whether work is taken: the store answers and the daemon is not stopping. For the readiness probe."""
        if self._draining():
            return False, "the daemon is stopping"
        store = await self._store()
        return store.ok, store.message

    async def _store(self) -> HealthCheck:
        try:
            await self._db.read(lambda conn: meta.get(conn, "health"), deadline=CHECK_SECONDS)
        except (NexusError, StoreError) as error:
            return HealthCheck(name="store", ok=False, message=str(error))
        return HealthCheck(name="store", ok=True, message="answers")

    async def _disk(self) -> HealthCheck:
        found = await asyncio.to_thread(os.statvfs, self._home.path)
        free = found.f_bavail * found.f_frsize
        message = f"{free // (1024 * 1024)} MiB free at {self._home.path}"
        return HealthCheck(name="disk", ok=free >= LOW_BYTES, message=message)

    async def _backend(self, name: str, backend: Backend) -> HealthCheck:
        try:
            ok, message = await asyncio.wait_for(backend.health(), CHECK_SECONDS)
        except TimeoutError:
            ok, message = False, f"did not answer within {CHECK_SECONDS:.0f} s"
        if not ok and name not in self._needed():
            ok, message = True, f"not usable, and not used: {message}"
        return HealthCheck(name=f"backend {name}", ok=ok, message=message or "usable")
