"""What a daemon forgets by itself: removed checkpoints with the last operation that speaks of them, tokens of old."""

from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from nexusd.config.model import Config
from nexusd.store import checkpoints, operations, tokens
from nexusd.store.checkpoints import CheckpointRecord
from nexusd.store.database import Database
from nexusd.store.operations import OperationRecord
from nexusd.store.tokens import TokenRecord
from nexusd.upkeep import Upkeep
from nexusd.workspaces.checkpoint_plans import checkpoint_plans
from nexusd.workspaces.checkpoints import KINDS

NOW = datetime.now(UTC)
OLD = NOW - timedelta(days=31)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    opened = await Database.open(tmp_path / "nexus.db")
    yield opened
    await opened.close()


async def add(db: Database, id: str, state: str = "removed") -> None:
    record = CheckpointRecord(
        id=id,
        workspace="ws_a",
        workspace_name="a",
        owner="ada",
        state=state,
        name=id,
        backend="host",
        created_at=OLD,
    )
    await db.run(lambda conn: checkpoints.insert(conn, record))


async def operation(db: Database, kind: str, ended_at: datetime | None, **params: str) -> None:
    record = OperationRecord(
        id=f"op_{kind}_{len(params)}_{ended_at}",
        kind=kind,
        workspace="ws_a",
        owner="ada",
        state="running" if ended_at is None else "succeeded",
        params=params,
        created_at=OLD,
        ended_at=ended_at,
    )
    await db.run(lambda conn: operations.insert(conn, record))


async def sweep(db: Database) -> set[str]:
    """What upkeep does now and then; the checkpoints that are kept."""

    async def nothing(*_: object) -> None:
        return

    swept = SimpleNamespace(sweep=nothing)
    services: Any = SimpleNamespace(db=db, processes=swept, files=swept, registry=SimpleNamespace(all=list))
    await Upkeep(services, Config())._sweep()
    rows = await db.read(lambda conn: conn.rows("SELECT id FROM checkpoints"))
    return {row[0] for row in rows}


async def test_removed_ones_that_nothing_speaks_of_are_forgotten(db: Database) -> None:
    for state in ("removed", "ready", "making"):
        await add(db, f"cp_{state}", state)
    assert await sweep(db) == {"cp_ready", "cp_making"}


@pytest.mark.parametrize(("ended_at", "kept"), [(NOW, True), (None, True), (OLD, False)])
@pytest.mark.parametrize(
    ("kind", "name"),
    [("checkpoint", "checkpoint"), ("forget", "checkpoint"), ("restore", "before"), ("fork", "checkpoint")],
)
async def test_they_stay_as_long_as_the_operation(
    db: Database, kind: str, name: str, ended_at: datetime | None, kept: bool
) -> None:
    await add(db, "cp_one")
    await add(db, "cp_other")
    await operation(db, kind, ended_at, **{name: "cp_one"})
    await operation(db, "create", NOW, checkpoint="cp_other")
    assert await sweep(db) == ({"cp_one"} if kept else set())


def test_every_kind_that_speaks_of_checkpoints_is_known() -> None:
    parts: Any = None
    assert set(KINDS) == set(checkpoint_plans(parts))


async def test_tokens_that_expired_long_ago_are_forgotten_and_no_others(db: Database) -> None:
    for id, expires_at in (
        ("tk_long", OLD),
        ("tk_just", NOW - timedelta(days=29)),
        ("tk_valid", NOW + timedelta(days=1)),
    ):
        record = TokenRecord(
            id=id,
            subject="ci",
            name=id,
            scopes=["fs:read"],
            workspaces=["own"],
            created_at=OLD - timedelta(days=1),
            expires_at=expires_at,
            issuer_subject="uid:1000",
        )
        await db.run(lambda conn, record=record: tokens.insert(conn, record))
        await db.run(lambda conn, id=id: tokens.revoke(conn, id, OLD))
    await sweep(db)
    assert await db.read(tokens.revoked_ids) == {"tk_just", "tk_valid"}
