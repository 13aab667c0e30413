"""The records: what is put in comes out, and the rules that the tables keep."""

from __future__ import annotations

import asyncio
import sqlite3
from collections.abc import AsyncIterator
from datetime import UTC, datetime, timedelta, timezone
from functools import partial
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexus_sdk.protocol.errors import InvalidParams, WorkspaceExists
from nexusd.ids import new_id
from nexusd.store import keys, meta, operations, ports, processes, tokens, workspaces
from nexusd.store.database import Database
from nexusd.store.keys import KeyRecord
from nexusd.store.mapping import Mapper, from_micros, to_micros
from nexusd.store.operations import OperationRecord
from nexusd.store.ports import PortRecord, PortTaken
from nexusd.store.processes import ProcessRecord
from nexusd.store.tokens import TokenRecord
from nexusd.store.workspaces import WorkspaceRecord

T0 = datetime(2026, 11, 20, 12, 0, 0, 123456, tzinfo=UTC)


def at(seconds: int) -> datetime:
    return T0 + timedelta(seconds=seconds)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "nexus.db")
    yield database
    await database.close()


def workspace(name: str, n: int = 0, **changes: object) -> WorkspaceRecord:
    record = WorkspaceRecord(
        id=new_id("ws"),
        name=name,
        owner="uid:1000",
        state="running",
        backend="host",
        repo_url="/src/app",
        repo_path="/src/app",
        repo_ref="HEAD",
        repo_commit="0" * 40,
        branch=f"nexus/{name}",
        root=f"/src/app/.nexus/worktrees/{name}",
        worktree=f"/src/app/.nexus/worktrees/{name}",
        created_at=at(n),
        updated_at=at(n),
        last_active_at=at(n),
    )
    return msgspec.structs.replace(record, **changes)


def process(**changes: object) -> ProcessRecord:
    record = ProcessRecord(id=new_id("pr"), workspace="ws_a", argv=["true"], state="running", started_at=T0)
    return msgspec.structs.replace(record, **changes)


def operation(**changes: object) -> OperationRecord:
    record = OperationRecord(
        id=new_id("op"), kind="create", workspace="ws_a", owner="uid:1000", state="running", created_at=T0
    )
    return msgspec.structs.replace(record, **changes)


def test_ids_are_long_and_different() -> None:
    ids = {new_id("ws") for _ in range(1000)}
    assert len(ids) == 1000
    assert all(
        len(id) == 23 and id.startswith("ws_") and set(id[3:]) <= set("abcdefghijklmnopqrstuvwxyz234567") for id in ids
    )
    assert len({id[3 + place] for id in ids for place in range(20)}) == 32


@given(st.datetimes(timezones=st.just(UTC)))
def test_moments_survive_exactly(moment: datetime) -> None:
    assert from_micros(to_micros(moment)) == moment


def test_moments_of_other_zones_are_the_same_moment_and_naive_ones_are_refused() -> None:
    there = timezone(timedelta(hours=5, minutes=30))
    assert from_micros(to_micros(T0.astimezone(there))) == T0
    with pytest.raises(TypeError):
        to_micros(datetime(2026, 1, 1))


class Everything(msgspec.Struct, kw_only=True):
    text: str
    number: int
    raw: bytes | None
    flag: bool
    moment: datetime | None
    names: list[str]
    pairs: dict[str, int] | None
    size: tuple[int, int] | None


@given(
    st.builds(
        Everything,
        text=st.text(st.characters(exclude_categories=["Cs"])),
        number=st.integers(-(2**63), 2**63 - 1),
        raw=st.none() | st.binary(),
        flag=st.booleans(),
        moment=st.none() | st.datetimes(timezones=st.just(UTC)),
        names=st.lists(st.text(st.characters(exclude_categories=["Cs"]))),
        pairs=st.none() | st.dictionaries(st.text(st.characters(exclude_categories=["Cs"])), st.integers(-100, 100)),
        size=st.none() | st.tuples(st.integers(0, 1000), st.integers(0, 1000)),
    )
)
def test_any_record_survives_a_row(record: Everything) -> None:
    mapper = Mapper("everything", Everything)
    with sqlite3.connect(":memory:") as conn:
        conn.execute(f"CREATE TABLE everything ({', '.join(mapper.columns)})")
        conn.execute(mapper.insert_sql, mapper.encode(record))
        assert mapper.decode(conn.execute(mapper.select_sql).fetchone()) == record
    conn.close()


async def test_workspaces_come_back_as_they_were(db: Database) -> None:
    record = workspace(
        "api", display_name="API ☃", env={"A": "ü"}, labels={"team": "x"}, operation="op_1", generation=3
    )
    await db.run(lambda conn: workspaces.insert(conn, record))
    assert await db.read(lambda conn: workspaces.get(conn, record.id)) == record
    assert await db.read(lambda conn: workspaces.get(conn, record.id.upper())) is None
    assert await db.read(lambda conn: workspaces.find(conn, "uid:1000", "api")) == record
    assert await db.read(lambda conn: workspaces.find(conn, "uid:1001", "api")) is None
    assert await db.read(lambda conn: workspaces.find(conn, "uid:1000", "ap")) is None


async def test_a_name_is_used_once_by_its_owner_until_it_is_destroyed(db: Database) -> None:
    first, other, second = workspace("api"), workspace("api", owner="uid:1001"), workspace("api")
    await db.run(lambda conn: workspaces.insert(conn, first))
    await db.run(lambda conn: workspaces.insert(conn, other))
    with pytest.raises(WorkspaceExists, match="api"):
        await db.run(lambda conn: workspaces.insert(conn, second))
    await db.run(lambda conn: workspaces.update(conn, first.id, state="destroyed"))
    await db.run(lambda conn: workspaces.insert(conn, second))
    with pytest.raises(WorkspaceExists):
        await db.run(lambda conn: workspaces.update(conn, first.id, state="stopped"))
    found = await db.read(lambda conn: workspaces.find(conn, "uid:1000", "api"))
    assert found is not None and found.id == second.id


async def test_a_name_that_two_owners_use_is_not_guessed(db: Database) -> None:
    mine, theirs = workspace("api"), workspace("api", owner="uid:1001")
    await db.run(lambda conn: workspaces.insert(conn, mine))
    found = await db.read(lambda conn: workspaces.find(conn, None, "api"))
    assert found is not None and found.id == mine.id
    await db.run(lambda conn: workspaces.insert(conn, theirs))
    assert await db.read(lambda conn: workspaces.find(conn, None, "api")) is None


async def test_of_many_who_want_a_name_one_gets_it(db: Database) -> None:
    wanted = [workspace("api") for _ in range(50)]
    results = await asyncio.gather(
        *(db.run(partial(workspaces.insert, record=record)) for record in wanted),
        return_exceptions=True,
    )
    assert results.count(None) == 1
    assert sum(isinstance(result, WorkspaceExists) for result in results) == 49


async def test_updating_a_workspace(db: Database) -> None:
    record = workspace("api")
    await db.run(lambda conn: workspaces.insert(conn, record))
    assert await db.run(lambda conn: workspaces.update(conn, record.id, state="error", message="no", labels={"a": "b"}))
    changed = await db.read(lambda conn: workspaces.get(conn, record.id))
    assert changed is not None and changed.updated_at > record.updated_at
    assert changed == msgspec.structs.replace(
        record, state="error", message="no", labels={"a": "b"}, updated_at=changed.updated_at
    )
    assert not await db.run(lambda conn: workspaces.update(conn, "ws_none", state="error"))
    with pytest.raises(KeyError):
        await db.run(lambda conn: workspaces.update(conn, record.id, **{"state = 'x' --": 1}))


async def test_listing_workspaces(db: Database) -> None:
    records = [
        workspace("a", 1, labels={"team": "x", "tier": "1"}),
        workspace("b", 2, labels={"team": "x"}, state="stopped"),
        workspace("c", 3, owner="uid:1001", repo_path="/src/lib", repo_url="https://git.example/lib"),
        workspace("d", 4, state="destroyed"),
    ]
    for record in records:
        await db.run(partial(workspaces.insert, record=record))

    async def names(**filters: object) -> str:
        found, _ = await db.read(lambda conn: workspaces.select(conn, **filters))  # type: ignore[arg-type]
        return "".join(record.name for record in found)

    assert await names() == "cba"
    assert await names(destroyed=True) == "dcba"
    assert await names(state="destroyed") == "d"
    assert await names(owner="uid:1000") == "ba"
    assert await names(owner="uid:100") == ""
    assert await names(ids={records[0].id, records[3].id}) == "a"
    assert await names(ids=set()) == ""
    assert await names(repo="/src/lib") == "c"
    assert await names(repo="https://git.example/lib") == "c"
    assert await names(state="stopped") == "b"
    assert await names(labels={"team": "x"}) == "ba"
    assert await names(labels={"team": "x", "tier": "1"}) == "a"
    assert await names(labels={"team": "X"}) == ""


async def test_pages_of_workspaces_join_to_the_whole(db: Database) -> None:
    # three share each moment, so that the id has to decide
    records = [workspace(f"w{n}", n // 3) for n in range(10)]
    for record in records:
        await db.run(partial(workspaces.insert, record=record))
    whole, end = await db.read(lambda conn: workspaces.select(conn))
    assert end is None and len(whole) == 10
    paged: list[WorkspaceRecord] = []
    cursor: str | None = None
    while True:
        page, cursor = await db.read(partial(workspaces.select, limit=4, cursor=cursor))
        paged += page
        if cursor is None:
            break
        assert len(page) == 4
    assert paged == whole
    page, cursor = await db.read(lambda conn: workspaces.select(conn, limit=10))
    assert len(page) == 10 and cursor is None


@pytest.mark.parametrize("cursor", ["", "x", "12", "12.", "9" * 40 + ".ws_a"])
async def test_a_foreign_cursor_is_refused(db: Database, cursor: str) -> None:
    with pytest.raises(InvalidParams, match="cursor"):
        await db.read(lambda conn: workspaces.select(conn, cursor=cursor))


async def test_one_workspace_is_current_in_a_repository(db: Database) -> None:
    a, b = workspace("a", current=True), workspace("b")
    elsewhere, theirs = workspace("c", repo_path="/src/lib", current=True), workspace("d", owner="x", current=True)
    for record in (a, b, elsewhere, theirs):
        await db.run(partial(workspaces.insert, record=record))
    await db.run(lambda conn: workspaces.set_current(conn, b.id, "/src/app", "uid:1000"))
    found, _ = await db.read(lambda conn: workspaces.select(conn))
    assert {record.name for record in found if record.current} == {"b", "c", "d"}


async def test_counting_and_touching_workspaces(db: Database) -> None:
    a = workspace("a")
    for record in (a, workspace("b", owner="x"), workspace("c", state="destroyed")):
        await db.run(partial(workspaces.insert, record=record))
    assert await db.read(workspaces.count) == 2
    assert await db.read(lambda conn: workspaces.count(conn, "x")) == 1
    await db.run(lambda conn: workspaces.touch(conn, a.id, at(9)))
    await db.run(lambda conn: workspaces.touch(conn, a.id, at(5)))
    touched = await db.read(lambda conn: workspaces.get(conn, a.id))
    assert touched is not None and touched.last_active_at == at(9) and touched.updated_at == a.updated_at


async def test_operations(db: Database) -> None:
    first = operation(steps=[{"name": "worktree", "state": "done"}], params={"n": 1}, data={"path": "/x"}, key="k")
    second = operation(created_at=at(1), workspace="ws_b", owner="x")
    for record in (first, second):
        await db.run(partial(operations.insert, record=record))
    assert await db.read(lambda conn: operations.get(conn, first.id)) == first
    assert await db.read(operations.open_ones) == [first, second]
    assert await db.read(operations.select) == [second, first]
    assert await db.read(lambda conn: operations.select(conn, limit=1)) == [second]
    assert await db.read(lambda conn: operations.select(conn, workspace="ws_a")) == [first]
    assert await db.read(lambda conn: operations.select(conn, workspaces={"ws_b"})) == [second]
    assert await db.read(lambda conn: operations.select(conn, owner="x")) == [second]
    await db.run(lambda conn: operations.update(conn, first.id, state="failed", error={"code": 1}, ended_at=at(2)))
    assert await db.read(operations.open_ones) == [second]
    assert await db.read(lambda conn: operations.select(conn, running=True)) == [second]
    assert await db.run(lambda conn: operations.purge(conn, at(2))) == 0
    assert await db.run(lambda conn: operations.purge(conn, at(3))) == 1
    assert await db.read(operations.select) == [second]


async def test_processes(db: Database) -> None:
    first = process(pty=(80, 24), pid=4242, pid_started=99, labels={"a": "b"}, stdin=True)
    second = process(started_at=at(1), workspace="ws_b")
    for record in (first, second):
        await db.run(partial(processes.insert, record=record), "crash")
    assert await db.read(lambda conn: processes.get(conn, first.id)) == first
    assert await db.read(processes.list_running) == [first, second]
    assert await db.read(lambda conn: processes.count_running(conn, "ws_b")) == 1
    ended = {"state": "exited", "exit": {"code": 0}, "ended_at": at(5), "pid": None, "output_end": 2**40}
    assert await db.run(lambda conn: processes.update(conn, first.id, **ended), "crash")
    assert await db.read(lambda conn: processes.get(conn, first.id)) == msgspec.structs.replace(first, **ended)
    assert await db.read(processes.list_running) == [second]
    assert await db.read(lambda conn: processes.list_by_workspace(conn, "ws_a", running=True)) == []
    assert len(await db.read(lambda conn: processes.list_by_workspace(conn, "ws_a"))) == 1
    assert await db.read(lambda conn: processes.older_than(conn, at(5))) == []
    assert [found.id for found in await db.read(lambda conn: processes.older_than(conn, at(6)))] == [first.id]
    assert await db.run(lambda conn: processes.delete(conn, first.id))
    assert not await db.run(lambda conn: processes.delete(conn, first.id))


async def test_a_port_belongs_to_one_workspace(db: Database) -> None:
    records = [PortRecord(port=port, workspace="ws_a", name=f"p{port}", created_at=T0) for port in (32801, 32800)]
    for record in records:
        await db.run(partial(ports.insert, record=record))
    with pytest.raises(PortTaken, match="32800"):
        await db.run(lambda conn: ports.insert(conn, PortRecord(port=32800, workspace="ws_b", name="", created_at=T0)))
    await db.run(lambda conn: ports.insert(conn, PortRecord(port=32802, workspace="ws_b", name="", created_at=T0)))
    assert await db.read(lambda conn: ports.by_workspace(conn, "ws_a")) == sorted(records, key=lambda r: r.port)
    assert [record.port for record in await db.read(ports.all_ports)] == [32800, 32801, 32802]
    assert await db.run(lambda conn: ports.delete_workspace(conn, "ws_a")) == 2
    assert [record.port for record in await db.read(ports.all_ports)] == [32802]


async def test_a_key_is_claimed_once(db: Database) -> None:
    record = KeyRecord(owner="a", key="k", method="workspace.create", params_hash="h", created_at=T0)
    claims = await asyncio.gather(*(db.run(lambda conn: keys.claim(conn, record)) for _ in range(20)))
    assert claims.count(None) == 1
    assert [claim for claim in claims if claim is not None] == [record] * 19
    other = msgspec.structs.replace(record, owner="b")
    assert await db.run(lambda conn: keys.claim(conn, other)) is None
    assert await db.run(lambda conn: keys.attach(conn, "a", "k", "op_1"))
    assert await db.run(lambda conn: keys.finish(conn, "a", "k", "done", outcome=b"{}"))
    assert not await db.run(lambda conn: keys.finish(conn, "a", "k", "failed", error=b"{}"))
    kept = await db.run(lambda conn: keys.claim(conn, msgspec.structs.replace(record, params_hash="other")))
    assert kept == msgspec.structs.replace(record, state="done", operation="op_1", outcome=b"{}")
    assert await db.read(keys.running) == [other]


async def test_keys_are_given_back_and_forgotten(db: Database) -> None:
    old = KeyRecord(owner="a", key="old", method="m", params_hash="h", created_at=T0)
    running = KeyRecord(owner="a", key="running", method="m", params_hash="h", created_at=T0)
    for record in (old, running):
        await db.run(partial(keys.claim, record=record))
    await db.run(lambda conn: keys.finish(conn, "a", "old", "failed", error=b"x"))
    assert not await db.run(lambda conn: keys.release(conn, "a", "old")), "an outcome is not given back"
    assert await db.run(lambda conn: keys.purge(conn, at(1))) == 1
    assert await db.read(lambda conn: keys.get(conn, "a", "running")) == running
    assert await db.run(lambda conn: keys.release(conn, "a", "running"))
    assert await db.run(lambda conn: keys.claim(conn, running)) is None


async def test_tokens(db: Database) -> None:
    record = TokenRecord(
        id="tk_1",
        subject="ci",
        name="build",
        scopes=["fs:read"],
        workspaces=["own"],
        created_at=T0,
        expires_at=at(60),
        issuer_subject="uid:1000",
    )
    other = msgspec.structs.replace(record, id="tk_2", subject="x", issuer_subject="x", created_at=at(1))
    for one in (record, other):
        await db.run(partial(tokens.insert, record=one))
    assert await db.read(lambda conn: tokens.get(conn, "tk_1")) == record
    assert await db.read(tokens.select) == [other, record]
    assert await db.read(lambda conn: tokens.select(conn, "uid:1000")) == [record]
    assert await db.read(lambda conn: tokens.select(conn, "ci")) == [record]
    assert await db.read(tokens.revoked_ids) == set()
    assert await db.run(lambda conn: tokens.revoke(conn, "tk_1", at(5)))
    assert await db.run(lambda conn: tokens.revoke(conn, "tk_1", at(9)))
    assert not await db.run(lambda conn: tokens.revoke(conn, "tk_9", at(9)))
    revoked = await db.read(lambda conn: tokens.get(conn, "tk_1"))
    assert revoked is not None and revoked.revoked_at == at(5)
    assert await db.read(tokens.revoked_ids) == {"tk_1"}
    assert await db.run(lambda conn: tokens.purge(conn, at(61))) == 2


async def test_meta(db: Database) -> None:
    assert await db.read(lambda conn: meta.get(conn, "a")) is None
    await db.run(lambda conn: meta.put(conn, "a", "1"))
    await db.run(lambda conn: meta.put(conn, "a", "2"))
    assert await db.read(lambda conn: meta.get(conn, "a")) == "2"
    first = await db.run(meta.instance)
    assert first.startswith("in_")
    assert await db.run(meta.instance) == first
