"""Operations: journalled step by step, finished or undone, also by the next run of the daemon."""

import asyncio
from datetime import UTC, datetime

import pytest
from nexus_sdk.protocol.errors import BackendFailed, OperationDone
from nexusd.store import operations as rows
from nexusd.store.database import Database
from nexusd.store.operations import OperationRecord
from nexusd.workspaces.journal import Journal


class Recorded:
    """A step that writes down what is asked of it, and fails where told to."""

    def __init__(self, name, diary, fails=False, gate=None):
        self.name = name
        self.title = f"doing {name}"
        self.diary = diary
        self.fails = fails
        self.gate = gate

    async def do(self, run):
        self.diary.append(f"do {self.name}")
        if self.gate is not None:
            self.gate[0].set()
            await self.gate[1].wait()
        run.data[self.name] = True
        if self.fails:
            raise BackendFailed("no memory", backend="mock", step=self.name, reason="no memory")

    async def undo(self, run):
        self.diary.append(f"undo {self.name}")


class Ladder:
    """A plan of recorded steps."""

    kind = "create"
    cancellable = True

    def __init__(self, *steps):
        self._steps = steps
        self.outcome = None

    def steps(self, run):
        return self._steps

    def succeed(self, conn, run):
        self.outcome = "succeeded"

    def fail(self, conn, run, error, undone):
        self.outcome = f"failed: {error.name}, undone: {undone}"


@pytest.fixture
async def db(tmp_path):
    database = await Database.open(tmp_path / "nexus.db")
    yield database
    await database.close()


@pytest.fixture
def journal(db):
    async def changed(workspace):
        pass

    return Journal(db, changed)


async def accept(db, names, **columns):
    record = OperationRecord(
        id="op_test",
        kind="create",
        workspace="ws_test",
        owner="uid:1",
        state="running",
        steps=[{"name": name, "state": "waiting"} for name in names],
        message="",
        error=None,
        params={},
        key=None,
        created_at=datetime.now(UTC),
        ended_at=None,
        data={},
    )
    for name, value in columns.items():
        setattr(record, name, value)
    await db.run(lambda conn: rows.insert(conn, record))
    return record


async def stored(db):
    return await db.read(lambda conn: rows.get(conn, "op_test"))


async def test_steps_run_in_order_and_the_row_tells(db, journal):
    diary = []
    plan = Ladder(Recorded("one", diary), Recorded("two", diary))
    run = journal.begin(plan, await accept(db, ["one", "two"]))
    await asyncio.wait_for(run.wait(), 10)
    assert diary == ["do one", "do two"]
    assert plan.outcome == "succeeded"
    record = await stored(db)
    assert record.state == "done"
    assert [step["state"] for step in record.steps] == ["done", "done"]
    assert record.data == {"one": True, "two": True}
    assert journal.active == 0


async def test_a_failure_undoes_backwards_the_failed_step_included(db, journal):
    diary = []
    plan = Ladder(Recorded("one", diary), Recorded("two", diary, fails=True), Recorded("three", diary))
    run = journal.begin(plan, await accept(db, ["one", "two", "three"]))
    await asyncio.wait_for(run.wait(), 10)
    assert diary == ["do one", "do two", "undo two", "undo one"]
    assert plan.outcome == "failed: backend_failed, undone: True"
    record = await stored(db)
    assert record.state == "failed"
    assert record.error["message"] == "no memory"
    assert isinstance(run.error, BackendFailed)


async def test_the_next_run_goes_on_where_the_row_says(db, journal):
    diary = []
    plan = Ladder(Recorded("one", diary), Recorded("two", diary), Recorded("three", diary))
    record = await accept(db, ["one", "two", "three"])
    record.steps[0]["state"] = "done"
    record.steps[1]["state"] = "running"  # killed inside it
    run = journal.begin(plan, record)
    await asyncio.wait_for(run.wait(), 10)
    assert diary == ["do two", "do three"]
    assert (await stored(db)).state == "done"


async def test_the_next_run_goes_on_undoing(db, journal):
    diary = []
    plan = Ladder(Recorded("one", diary), Recorded("two", diary))
    error = BackendFailed("no memory", backend="mock", step="two", reason="no memory").to_wire()
    record = await accept(db, ["one", "two"], data={"undoing": True}, error=error)
    record.steps[0]["state"] = "done"
    record.steps[1]["state"] = "undone"
    run = journal.begin(plan, record)
    await asyncio.wait_for(run.wait(), 10)
    assert diary == ["undo one"]
    record = await stored(db)
    assert record.state == "failed"
    assert record.error["message"] == "no memory"


async def test_cancelling_lets_the_step_end_and_undoes(db, journal):
    diary = []
    entered, leave = asyncio.Event(), asyncio.Event()
    plan = Ladder(Recorded("one", diary, gate=(entered, leave)), Recorded("two", diary))
    run = journal.begin(plan, await accept(db, ["one", "two"]))
    await asyncio.wait_for(entered.wait(), 10)
    journal.cancel("op_test", plan)
    leave.set()
    await asyncio.wait_for(run.wait(), 10)
    assert diary == ["do one", "undo one"]
    assert (await stored(db)).state == "cancelled"
    with pytest.raises(OperationDone):
        journal.cancel("op_test", plan)


async def test_progress_reaches_listeners_until_they_leave(db, journal):
    diary, seen = [], []
    plan = Ladder(Recorded("one", diary), Recorded("two", diary))
    run = journal.begin(plan, await accept(db, ["one", "two"]))
    stop = run.listen(lambda done, total, message: seen.append((done, total, message)))
    await asyncio.wait_for(run.wait(), 10)
    stop()
    assert seen == [(0, 2, "doing one"), (1, 2, "doing two"), (2, 2, "done")]
