from __future__ import annotations

from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st
from nexusd.auth.identity import Identity


def identity(scopes: Any = ("exec:read",), workspaces: Any = "own", subject: str = "alice") -> Identity:
    kept = workspaces if isinstance(workspaces, str) else frozenset(workspaces)
    return Identity(subject=subject, scopes=frozenset(scopes), workspaces=kept, via="jwt")


def test_scopes_are_equal_or_star() -> None:
    assert identity().may("exec:read")
    assert identity(["*"]).may("anything:else")
    assert identity([]).may(None)
    for scope in ("exec", "exec:", "exec:rea", "exec:reads", "EXEC:READ", "exec:write", "", "*"):
        assert not identity().may(scope)


@given(st.text(alphabet="ws_ab01", max_size=8), st.text(alphabet="ws_ab01", max_size=8))
def test_a_workspace_is_seen_by_its_whole_id_only(granted: str, asked: str) -> None:
    assert identity(workspaces=[granted]).sees(asked, "alice") is (granted == asked)


@given(st.text(alphabet="ab:", max_size=5), st.text(alphabet="ab:", max_size=5))
def test_own_means_the_same_subject(subject: str, owner: str) -> None:
    assert identity(workspaces="own", subject=subject).sees("ws_1", owner) is (subject == owner)


def test_star_sees_everything_and_an_id_named_own_is_no_word() -> None:
    assert identity(workspaces="*").sees("ws_1", "bob")
    assert not identity(workspaces=["own"]).sees("ws_1", "alice")


@pytest.mark.parametrize(
    ("scopes", "workspaces", "expected"),
    [(["*"], "*", True), (["*"], "own", False), (["*"], ["ws_1"], False), (["tokens"], "*", False)],
)
def test_who_administers(scopes: list[str], workspaces: Any, expected: bool) -> None:
    assert identity(scopes, workspaces).administers is expected


@pytest.mark.parametrize(
    ("new", "old", "expected"),
    [
        (identity(["a", "b"]), identity(["a"]), True),
        (identity(["*"]), identity(["a"]), True),
        (identity(["a"]), identity(["*"]), False),
        (identity(["a"]), identity(["a", "b"]), False),
        (identity(workspaces="*"), identity(workspaces="own"), True),
        (identity(workspaces="*"), identity(workspaces=["ws_1"]), True),
        (identity(workspaces="own"), identity(workspaces="*"), False),
        (identity(workspaces="own"), identity(workspaces=["ws_1"]), False),
        (identity(workspaces=["ws_1"]), identity(workspaces="own"), False),
        (identity(workspaces=["ws_1", "ws_2"]), identity(workspaces=["ws_1"]), True),
        (identity(workspaces=["ws_1"]), identity(workspaces=["ws_1", "ws_2"]), False),
        (identity(subject="bob"), identity(subject="alice"), False),
    ],
)
def test_covers(new: Identity, old: Identity, expected: bool) -> None:
    assert new.covers(old) is expected


def test_expiry() -> None:
    end = datetime(2026, 11, 20, tzinfo=UTC)
    ending = Identity("a", frozenset(), "own", "jwt", expires_at=end)
    assert not ending.expired(end.timestamp() - 0.001)
    assert ending.expired(end.timestamp())
    assert not identity().expired(end.timestamp() + 1e12)
    assert not Identity("a", frozenset(), "own", "jwt", expires_at=datetime.now(UTC) + timedelta(hours=1)).expired()


def test_the_wire_form() -> None:
    wire = identity(["b", "a"], ["ws_2", "ws_1"]).to_wire()
    assert (wire.subject, wire.scopes, wire.workspaces, wire.via) == ("alice", ["a", "b"], ["ws_1", "ws_2"], "jwt")
    assert identity().to_wire().workspaces == ["own"]
