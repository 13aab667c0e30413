"""Whether the daemon says that it is well."""

from __future__ import annotations

from pathlib import Path
from typing import Any

import pytest
from nexusd.api.health import Health
from nexusd.config.paths import Home
from nexusd.store.database import Database


class Unusable:
    async def health(self) -> tuple[bool, str]:
        return False, "permission denied"


@pytest.mark.parametrize("needed", [True, False])
async def test_a_backend_that_nobody_needs_may_be_unusable(tmp_path: Path, needed: bool) -> None:
    backends: Any = {"docker": Unusable()}
    db = await Database.open(tmp_path / "nexus.db")
    try:
        health = Health(db, backends, lambda: {"docker"} if needed else {"host"}, Home(tmp_path), lambda: False)
        found = await health.check()
    finally:
        await db.close()
    assert found.ok is not needed
    [check] = [check for check in found.checks if check.name == "backend docker"]
    assert check.ok is not needed and "permission denied" in check.message
