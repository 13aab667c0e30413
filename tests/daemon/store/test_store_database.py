"""The database: what is acknowledged is kept, what failed left nothing, and nobody waits for ever."""

from __future__ import annotations

import asyncio
import contextlib
import os
import sqlite3
import stat
import subprocess
import sys
import threading
from collections.abc import AsyncIterator, Iterator
from functools import partial
from pathlib import Path

import pytest
from nexus_sdk.protocol.errors import DeadlineExceeded, StorageFull
from nexusd.store import meta
from nexusd.store.connection import Connection
from nexusd.store.database import Database
from nexusd.store.errors import (
    Conflict,
    StoreClosed,
    StoreCorrupt,
    StoreLocked,
    StoreTooNew,
    StoreUnusable,
)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "nexus.db")
    yield database
    await database.close()


def all_meta(conn: Connection) -> dict[str, str]:
    return dict(conn.rows('SELECT "key", value FROM meta'))


async def test_a_write_is_read_back(db: Database) -> None:
    await db.run(lambda conn: meta.put(conn, "a", "1"))
    assert await db.read(lambda conn: meta.get(conn, "a")) == "1"


async def test_results_are_returned(db: Database) -> None:
    assert await db.run(lambda conn: 42) == 42
    assert await db.read(lambda conn: meta.get(conn, "none")) is None


async def test_a_function_that_raises_leaves_nothing(db: Database) -> None:
    def half(conn: Connection) -> None:
        meta.put(conn, "a", "1")
        raise ValueError("no")

    with pytest.raises(ValueError, match="no"):
        await db.run(half)
    assert await db.read(all_meta) == {}


async def test_a_conflict_is_named(db: Database) -> None:
    insert = "INSERT INTO meta (\"key\", value) VALUES ('a', '1')"
    await db.run(lambda conn: conn.execute(insert))
    with pytest.raises(Conflict):
        await db.run(lambda conn: conn.execute(insert))


async def test_reading_cannot_write(db: Database) -> None:
    with pytest.raises(StoreUnusable, match="readonly"):
        await db.read(lambda conn: meta.put(conn, "a", "1"))
    assert await db.read(all_meta) == {}


async def test_a_read_sees_one_state(db: Database) -> None:
    await db.run(lambda conn: meta.put(conn, "a", "1"))
    began, go_on = threading.Event(), threading.Event()

    def look_twice(conn: Connection) -> tuple[str | None, str | None]:
        before = meta.get(conn, "a")
        began.set()
        assert go_on.wait(10)
        return before, meta.get(conn, "a")

    looking = asyncio.create_task(db.read(look_twice))
    await asyncio.to_thread(began.wait, 10)
    await db.run(lambda conn: meta.put(conn, "a", "2"))
    go_on.set()
    assert await looking == ("1", "1")
    assert await db.read(lambda conn: meta.get(conn, "a")) == "2"


@pytest.mark.parametrize("durable", ["power", "crash"])
async def test_a_thousand_at_once(db: Database, durable: str) -> None:
    def add(conn: Connection) -> int:
        value = int(meta.get(conn, "n") or "0") + 1
        meta.put(conn, "n", str(value))
        return value

    got = await asyncio.gather(*(db.run(add, durable) for _ in range(1000)))  # type: ignore[arg-type]
    assert got == list(range(1, 1001)), "in the order in which they were asked for, each exactly once"
    assert await db.read(lambda conn: meta.get(conn, "n")) == "1000"


async def hold_writer(db: Database) -> tuple[asyncio.Task[None], threading.Event]:
    began, release = threading.Event(), threading.Event()

    def hold(conn: Connection) -> None:
        began.set()
        assert release.wait(20)

    task = asyncio.create_task(db.run(hold))
    assert await asyncio.to_thread(began.wait, 10)
    return task, release


async def test_writes_that_wait_together_do_not_share_their_failures(db: Database) -> None:
    held, release = await hold_writer(db)

    def bad(conn: Connection) -> None:
        meta.put(conn, "bad", "1")
        raise ValueError("bad")

    jobs = [asyncio.create_task(db.run(partial(meta.put, key=f"good{n}", value="1"))) for n in range(3)]
    jobs.insert(1, asyncio.create_task(db.run(bad)))
    await asyncio.sleep(0)
    release.set()
    results = await asyncio.gather(*jobs, return_exceptions=True)
    await held
    assert [type(result) for result in results] == [type(None), ValueError, type(None), type(None)]
    assert set(await db.read(all_meta)) == {"good0", "good1", "good2"}


@pytest.mark.parametrize("statement", ["ROLLBACK", "COMMIT"])
async def test_a_transaction_that_ends_too_early_is_no_success(db: Database, statement: str) -> None:
    def leave(conn: Connection) -> None:
        conn.execute(statement)

    with pytest.raises(StoreUnusable, match="transaction was lost"):
        await db.run(leave)
    await db.run(partial(meta.put, key="after", value="1"))
    assert await db.read(all_meta) == {"after": "1"}


async def test_a_write_whose_deadline_passes_in_the_queue_never_runs(db: Database) -> None:
    held, release = await hold_writer(db)
    with pytest.raises(DeadlineExceeded) as caught:
        await db.run(lambda conn: meta.put(conn, "late", "1"), deadline=0.01)
    assert not caught.value.may_have_run
    release.set()
    await held
    await db.run(lambda conn: 0)  # whatever was queued has had its turn
    assert await db.read(all_meta) == {}


async def test_a_write_whose_deadline_passes_under_way_says_that_it_may_have_run(db: Database) -> None:
    release = threading.Event()

    def slow(conn: Connection) -> None:
        assert release.wait(20)
        meta.put(conn, "slow", "1")

    with pytest.raises(DeadlineExceeded) as caught:
        await db.run(slow, deadline=0.05)
    assert caught.value.may_have_run
    release.set()
    await db.run(lambda conn: None)
    assert await db.read(all_meta) == {"slow": "1"}


async def test_a_cancelled_write_that_had_not_begun_never_does(db: Database) -> None:
    held, release = await hold_writer(db)
    waiting = asyncio.create_task(db.run(lambda conn: meta.put(conn, "cancelled", "1")))
    await asyncio.sleep(0)
    waiting.cancel()
    with pytest.raises(asyncio.CancelledError):
        await waiting
    release.set()
    await held
    await db.run(lambda conn: 0)  # whatever was queued has had its turn
    assert await db.read(all_meta) == {}


async def test_closing_keeps_what_is_queued_and_refuses_what_comes_later(tmp_path: Path) -> None:
    db = await Database.open(tmp_path / "nexus.db")
    jobs = [asyncio.create_task(db.run(partial(meta.put, key=str(n), value="1"))) for n in range(50)]
    await asyncio.sleep(0)
    await db.close()
    await asyncio.gather(*jobs)
    with pytest.raises(StoreClosed):
        await db.run(lambda conn: None)
    await db.close()
    again = await Database.open(tmp_path / "nexus.db")
    assert len(await again.read(all_meta)) == 50
    await again.close()


async def test_files_are_private(tmp_path: Path, db: Database) -> None:
    await db.run(lambda conn: meta.put(conn, "a", "1"))
    names = sorted(os.listdir(tmp_path))
    assert names == ["nexus.db", "nexus.db-shm", "nexus.db-wal", "nexus.db.lock"]
    assert {stat.S_IMODE((tmp_path / name).stat().st_mode) for name in names} == {0o600}


async def test_a_second_daemon_is_refused_and_told_who_has_it(tmp_path: Path, db: Database) -> None:
    with pytest.raises(StoreLocked, match=rf"nexus\.db .*process {os.getpid()}"):
        await Database.open(tmp_path / "nexus.db")
    await db.close()
    await (await Database.open(tmp_path / "nexus.db")).close()


async def test_a_database_of_a_newer_version_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nexus.db"
    await (await Database.open(path)).close()
    with contextlib.closing(sqlite3.connect(path)) as raw:
        raw.execute("UPDATE alembic_version SET version_num = '0999'")
        raw.commit()
    before = path.read_bytes()
    with pytest.raises(StoreTooNew, match=r"nexus\.db .*newer.*0999"):
        await Database.open(path)
    assert path.read_bytes() == before


@pytest.mark.parametrize("pages", ["all", "one"])
async def test_a_damaged_file_is_refused(tmp_path: Path, pages: str) -> None:
    def fill(conn: Connection) -> None:
        for n in range(400):
            meta.put(conn, f"{n:04}", "x" * 200)

    path = tmp_path / "nexus.db"
    db = await Database.open(path)
    await db.run(fill)
    await db.close()
    content = bytearray(path.read_bytes())
    for page in range(8192, len(content), 4096) if pages == "all" else [len(content) - 4096]:
        content[page : page + 64] = b"\xff" * 64
    path.write_bytes(content)
    with pytest.raises(StoreCorrupt, match=r"nexus\.db.*backup"):
        await Database.open(path)
    assert path.read_bytes() == bytes(content), "refusing changes nothing"


async def test_something_else_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nexus.db"
    path.write_text("not a database " * 500)
    with pytest.raises(StoreCorrupt, match=r"nexus\.db"):
        await Database.open(path)
    assert path.read_text().startswith("not a database")


async def test_another_programs_database_is_refused(tmp_path: Path) -> None:
    path = tmp_path / "nexus.db"
    with contextlib.closing(sqlite3.connect(path)) as raw:
        raw.execute("CREATE TABLE photos (id)")
        raw.commit()
    with pytest.raises(StoreCorrupt, match="not one of Nexus"):
        await Database.open(path)


async def test_a_path_that_cannot_be_opened_is_named(tmp_path: Path) -> None:
    (tmp_path / "file").write_text("")
    with pytest.raises(StoreUnusable, match=r"file/nexus\.db cannot be opened"):
        await Database.open(tmp_path / "file" / "nexus.db")


async def test_a_failed_open_lets_go_of_the_file(tmp_path: Path) -> None:
    path = tmp_path / "nexus.db"
    path.write_text("not a database " * 500)
    before = set(os.listdir("/proc/self/fd"))
    for _ in range(5):
        with pytest.raises(StoreCorrupt):
            await Database.open(path)
    assert len(set(os.listdir("/proc/self/fd")) - before) <= 1
    path.unlink()
    await (await Database.open(path)).close()


async def test_a_lock_held_by_another_program_is_named_after_a_while(
    tmp_path: Path, db: Database, monkeypatch: pytest.MonkeyPatch
) -> None:
    db._file.writer.execute("PRAGMA busy_timeout = 20")
    with contextlib.closing(sqlite3.connect(tmp_path / "nexus.db", isolation_level=None)) as other:
        other.execute("BEGIN IMMEDIATE")
        with pytest.raises(StoreLocked, match="locked by another process"):
            await db.run(lambda conn: meta.put(conn, "a", "1"))
        other.execute("ROLLBACK")
    await db.run(lambda conn: meta.put(conn, "a", "2"))
    assert await db.read(all_meta) == {"a": "2"}


@pytest.fixture
def small_disk(tmp_path: Path) -> Iterator[Path]:
    if os.geteuid() != 0:
        pytest.skip("mounting a small file system needs root")
    disk = tmp_path / "disk"
    disk.mkdir()
    mounted = subprocess.run(["mount", "-t", "tmpfs", "-o", "size=512k", "none", str(disk)], capture_output=True)
    if mounted.returncode != 0:
        pytest.skip("mounting is not allowed here")
    try:
        yield disk
    finally:
        subprocess.run(["umount", "-l", str(disk)], check=True)


def enlarge(disk: Path) -> None:
    subprocess.run(["mount", "-o", "remount,size=16m", str(disk)], check=True)


async def test_a_full_disk_is_named_and_loses_nothing_acknowledged(small_disk: Path) -> None:
    db = await Database.open(small_disk / "nexus.db")
    ballast = small_disk / "ballast"
    ballast.write_bytes(b"")
    acknowledged = []
    with pytest.raises(StorageFull) as caught:
        for n in range(1000):
            await db.run(partial(meta.put, key=f"{n:04}", value="x" * 2000))
            acknowledged.append(f"{n:04}")
    assert str(small_disk / "nexus.db") in str(caught.value)
    assert acknowledged
    assert sorted(await db.read(all_meta)) == acknowledged
    with pytest.raises(StorageFull):
        await db.run(lambda conn: meta.put(conn, "again", "x" * 2000))
    enlarge(small_disk)
    await db.run(lambda conn: meta.put(conn, "after", "1"))
    await db.close()
    again = await Database.open(small_disk / "nexus.db")
    assert sorted(await again.read(all_meta)) == [*acknowledged, "after"]
    await again.close()


async def test_waiting_writes_all_hear_of_a_full_disk(small_disk: Path) -> None:
    db = await Database.open(small_disk / "nexus.db")
    held, release = await hold_writer(db)
    jobs = [asyncio.create_task(db.run(partial(meta.put, key=f"{n:04}", value="x" * 30_000))) for n in range(60)]
    await asyncio.sleep(0)
    release.set()
    await held
    results = await asyncio.gather(*jobs, return_exceptions=True)
    kept = await db.read(all_meta)
    assert any(isinstance(result, StorageFull) for result in results)
    assert {f"{n:04}" for n, result in enumerate(results) if result is None} == set(kept)
    enlarge(small_disk)
    await db.close()


CHILD = """
import asyncio, sys
from pathlib import Path
from nexusd.store import meta
from nexusd.store.database import Database

async def main() -> None:
    db = await Database.open(Path(sys.argv[1]))
    for n in range(40):
        await db.run(lambda conn: (meta.put(conn, f"{n:04}", "1"), meta.put(conn, "last", f"{n:04}")), sys.argv[2])
        print(f"{n:04}", flush=True)

asyncio.run(main())
"""


@pytest.mark.parametrize(
    ("point", "held_back"), [("store.commit.before@7", "0006"), ("store.commit.after@7", None)], ids=["before", "after"]
)
async def test_killed_around_a_commit(tmp_path: Path, point: str, held_back: str | None) -> None:
    command = [sys.executable, "-c", CHILD, str(tmp_path / "nexus.db"), "power"]
    environ = {**os.environ, "NEXUS_FAILPOINT": point}
    child = await asyncio.to_thread(
        subprocess.run, command, env=environ, capture_output=True, text=True, timeout=60, check=False
    )
    assert child.returncode == -9, child.stderr
    acknowledged = child.stdout.split()
    assert acknowledged == [f"{n:04}" for n in range(6)]
    db = await Database.open(tmp_path / "nexus.db")
    kept = await db.read(all_meta)
    await db.close()
    assert set(acknowledged) <= set(kept), "what was acknowledged is there"
    assert ("0006" in kept) is (held_back is None), "a transaction is there as a whole or not at all"
    assert kept["last"] == max(set(kept) - {"last"})


def write_and_kill(path: Path, durable: str) -> list[str]:
    """Let a process write, kill it after ten acknowledgements, and return all that it gave."""
    child = subprocess.Popen([sys.executable, "-c", CHILD, str(path), durable], stdout=subprocess.PIPE, text=True)
    assert child.stdout is not None
    try:
        acknowledged = [child.stdout.readline().strip() for _ in range(10)]
    finally:
        child.kill()
        rest = child.stdout.read().split()
        child.stdout.close()
        child.wait(10)
    return [*acknowledged, *rest]


@pytest.mark.parametrize("durable", ["power", "crash"])
async def test_killed_from_outside_in_the_middle_of_writing(tmp_path: Path, durable: str) -> None:
    acknowledged = await asyncio.to_thread(write_and_kill, tmp_path / "nexus.db", durable)
    db = await Database.open(tmp_path / "nexus.db")
    kept = await db.read(all_meta)
    await db.close()
    assert acknowledged
    assert set(acknowledged) <= set(kept)
    assert kept["last"] == max(set(kept) - {"last"})
