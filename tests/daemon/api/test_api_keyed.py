"""Keys: a call that is sent twice is done once, also when the daemon died in between."""

import asyncio

import msgspec
import pytest
from nexus_sdk.protocol import types
from nexus_sdk.protocol.errors import KeyReused, NothingToCommit, OutcomeUnknown, WorkspaceBusy
from nexus_sdk.protocol.methods import METHODS
from nexusd.api.keyed import KeyedCalls
from nexusd.auth.identity import Identity
from nexusd.store import keys as rows
from nexusd.store.database import Database
from nexusd.wire.call import Call

ALICE = Identity("alice", frozenset({"*"}), "own", "jwt")
BOB = Identity("bob", frozenset({"*"}), "own", "jwt")


@pytest.fixture
async def db(tmp_path):
    database = await Database.open(tmp_path / "nexus.db")
    yield database
    await database.close()


class Work:
    """What a call does: counts, and returns or raises."""

    def __init__(self, outcome=None):
        self.outcome = outcome if outcome is not None else types.Empty()
        self.times = 0
        self.began = asyncio.Event()
        self.gate = asyncio.Event()
        self.gate.set()

    async def __call__(self):
        self.times += 1
        self.began.set()
        await self.gate.wait()
        if isinstance(self.outcome, Exception):
            raise self.outcome
        return self.outcome


async def nothing_to_recover(call, operation):
    raise AssertionError("nothing was bound to an operation")


@pytest.fixture
def keyed(db):
    return KeyedCalls(db, nothing_to_recover)


def call(message="work", key="k", identity=ALICE, method="git.commit"):
    params = (
        msgspec.convert({"workspace": "w", "message": message, "key": key}, METHODS[method].params)
        if method == "git.commit"
        else METHODS[method].params(workspace="w", key=key)
    )
    return Call(1, METHODS[method], params, identity)


def answer(result):
    return msgspec.json.decode(result)


# requirement: key.once
async def test_the_second_call_gets_the_first_outcome(keyed):
    work = Work(types.NoParams())
    first = await keyed(call(), work)
    second = await keyed(call(), work)
    assert answer(first) == answer(second)
    assert work.times == 1


# requirement: key.once
async def test_the_outcome_survives_a_restart(db, keyed):
    await keyed(call(), Work())
    again = Work()
    await KeyedCalls(db, nothing_to_recover)(call(), again)
    assert again.times == 0


# requirement: key.reused
async def test_other_params_are_refused(keyed):
    await keyed(call(), Work())
    with pytest.raises(KeyReused):
        await keyed(call(message="other"), Work())


async def test_other_params_are_refused_while_the_first_runs(keyed):
    work = Work()
    work.gate.clear()
    first = asyncio.create_task(keyed(call(), work))
    await asyncio.wait_for(work.began.wait(), 10)
    with pytest.raises(KeyReused):
        await keyed(call(message="other"), Work())
    work.gate.set()
    await first


async def test_two_at_once_are_one(keyed):
    work = Work()
    work.gate.clear()
    tasks = [asyncio.create_task(keyed(call(), work)) for _ in range(3)]
    await asyncio.wait_for(work.began.wait(), 10)
    work.gate.set()
    assert len({bytes(result) for result in await asyncio.gather(*tasks)}) == 1
    assert work.times == 1


async def test_a_caller_that_goes_away_does_not_stop_the_work(keyed):
    work = Work()
    work.gate.clear()
    task = asyncio.create_task(keyed(call(), work))
    await asyncio.wait_for(work.began.wait(), 10)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    work.gate.set()
    await keyed.drain(10)
    again = Work()
    await keyed(call(), again)
    assert (work.times, again.times) == (1, 0)


async def test_a_failure_is_an_outcome(keyed):
    work = Work(NothingToCommit("there is nothing to commit"))
    for _ in range(2):
        with pytest.raises(NothingToCommit, match="nothing to commit"):
            await keyed(call(), work)
    assert work.times == 1


# requirement: key.free
async def test_a_retryable_refusal_frees_the_key(keyed):
    with pytest.raises(WorkspaceBusy):
        await keyed(call(), Work(WorkspaceBusy("busy", workspace="w", operation="op_1")))
    work = Work()
    await keyed(call(), work)
    assert work.times == 1


# requirement: key.subject
async def test_two_subjects_never_meet(keyed):
    first, second = Work(), Work()
    await keyed(call(), first)
    await keyed(call(message="other", identity=BOB), second)
    assert (first.times, second.times) == (1, 1)


async def interrupted(db, made):
    """What a daemon leaves that is killed in the middle of a call."""
    work = Work()
    work.gate.clear()
    task = asyncio.create_task(KeyedCalls(db, nothing_to_recover)(made, work))
    await asyncio.wait_for(work.began.wait(), 10)
    return task, work


# requirement: key.unknown
async def test_what_cannot_be_repeated_is_called_unknown(db, keyed):
    task, work = await interrupted(db, call())
    with pytest.raises(OutcomeUnknown) as refused:
        await keyed(call(), Work())
    assert refused.value.may_have_run
    work.gate.set()
    await task


async def test_what_can_be_repeated_is_repeated(db, keyed):
    made = call(method="workspace.start")
    task, work = await interrupted(db, made)
    again = Work()
    await keyed(made, again)
    assert again.times == 1
    work.gate.set()
    await task


async def test_a_bound_operation_answers(db):
    async def recover(made, operation):
        return types.SessionPong(time="2026-01-01T00:00:00Z") if operation == "op_1" else None

    made = call(method="workspace.restart")
    task, work = await interrupted(db, made)
    await db.run(lambda conn: rows.attach(conn, "alice", "k", "op_1"))
    result = await KeyedCalls(db, recover)(made, Work())
    assert result.time == "2026-01-01T00:00:00Z"
    work.gate.set()
    await task
