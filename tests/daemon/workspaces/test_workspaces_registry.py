"""The registry: what a name means to whom, and who hears of changes."""

import asyncio
from datetime import UTC, datetime

import pytest
from nexus_sdk.protocol.errors import CursorExpired
from nexusd.auth.identity import Identity
from nexusd.store.workspaces import WorkspaceRecord
from nexusd.workspaces.registry import KEPT_CHANGES, Registry

NOW = datetime.now(UTC)


def record(id, name, owner, **columns):
    made = WorkspaceRecord(
        id=id,
        name=name,
        owner=owner,
        state="running",
        backend="host",
        repo_url="/r",
        repo_path="/r",
        repo_ref="main",
        repo_commit="0" * 40,
        branch=f"nexus/{name}",
        root="/w",
        worktree="/w",
        created_at=NOW,
        updated_at=NOW,
        last_active_at=NOW,
    )
    for column, value in columns.items():
        setattr(made, column, value)
    return made


def identity(subject, workspaces):
    return Identity(subject, frozenset({"*"}), workspaces, "jwt")


@pytest.fixture
def registry():
    made = Registry("in_1")
    made.load([record("ws_a", "main", "alice"), record("ws_b", "main", "bob"), record("ws_c", "extra", "bob")])
    return made


@pytest.mark.parametrize(
    ("who", "reference", "found"),
    [
        (identity("alice", "own"), "main", "ws_a"),
        (identity("bob", "own"), "main", "ws_b"),
        (identity("alice", "own"), "ws_a", "ws_a"),
        (identity("alice", "own"), "ws_b", None),
        (identity("alice", "own"), "extra", None),
        (identity("alice", "own"), "mai", None),
        (identity("alice", "own"), "MAIN", None),
        (identity("root", "*"), "extra", "ws_c"),
        (identity("root", "*"), "main", None),  # two of that name: the id must say which
        (identity("bob", "*"), "main", "ws_b"),
        (identity("carol", frozenset({"ws_b"})), "main", "ws_b"),
        (identity("carol", frozenset({"ws_b"})), "ws_a", None),
        (identity("alice", frozenset({"ws_b"})), "main", "ws_b"),
    ],
)
def test_what_a_reference_means(registry, who, reference, found):
    resolved = registry.resolve(reference, who.subject, who.sees)
    assert (resolved.id if resolved else None) == found


def test_everybody_whose_workspace_has_a_name(registry):
    def named(who):
        return [found.id for found in registry.named("main", who.sees)]

    assert sorted(named(identity("root", "*"))) == ["ws_a", "ws_b"]
    assert named(identity("alice", "own")) == ["ws_a"]
    assert named(identity("carol", frozenset({"ws_b"}))) == ["ws_b"]
    assert named(identity("carol", "own")) == []
    assert registry.named("ws_a", identity("root", "*").sees) == []


def test_a_destroyed_workspace_frees_its_name(registry):
    registry.put(record("ws_a", "main", "alice", state="destroyed"))
    who = identity("alice", "own")
    assert registry.resolve("main", who.subject, who.sees) is None
    registry.put(record("ws_d", "main", "alice"))
    assert registry.resolve("main", who.subject, who.sees).id == "ws_d"
    # The record of the old one arriving late must not take the name from the new one.
    registry.put(record("ws_a", "main", "alice", state="destroyed"))
    assert registry.resolve("main", who.subject, who.sees).id == "ws_d"


async def next_of(subscription):
    return await asyncio.wait_for(subscription.next(), 10)


async def test_changes_of_one_workspace_become_one(registry):
    subscription = registry.subscribe(None, None)
    registry.put(record("ws_a", "main", "alice", message="first"))
    registry.put(record("ws_b", "main", "bob"))
    registry.put(record("ws_a", "main", "alice", message="second"))
    seen = [(await next_of(subscription))[1] for _ in range(2)]
    assert [(item.id, item.message) for item in seen] == [("ws_b", ""), ("ws_a", "second")]
    subscription.close()


async def test_a_cursor_continues_without_a_gap(registry):
    subscription = registry.subscribe("ws_a", None)
    registry.put(record("ws_a", "main", "alice", message="one"))
    cursor, _ = await next_of(subscription)
    subscription.close()
    registry.put(record("ws_a", "main", "alice", message="two"))
    registry.put(record("ws_b", "main", "bob"))
    again = registry.subscribe("ws_a", cursor)
    assert (await next_of(again))[1].message == "two"
    again.close()


@pytest.mark.parametrize("cursor", ["in_0.1", "in_1.", "in_1.x", "in_1.99", "", "in_1.-1"])
def test_a_cursor_of_another_run_is_expired(registry, cursor):
    with pytest.raises(CursorExpired):
        registry.subscribe(None, cursor)


def test_a_cursor_that_is_too_old_is_expired(registry):
    cursor = registry.cursor()
    for number in range(KEPT_CHANGES):
        registry.put(record("ws_a", "main", "alice", message=str(number)))
    registry.subscribe(None, cursor).close()
    registry.put(record("ws_a", "main", "alice"))
    with pytest.raises(CursorExpired):
        registry.subscribe(None, cursor)
