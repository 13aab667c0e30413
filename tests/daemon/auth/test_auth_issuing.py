from __future__ import annotations

from collections.abc import AsyncIterator
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import pytest
from nexus_sdk.protocol.errors import Forbidden, NexusError, ScopeInvalid, TokenNotFound, Unauthenticated
from nexusd.auth.identity import Identity
from nexusd.auth.issuing import TokenService
from nexusd.auth.keys import Keyring, load_or_create_pair
from nexusd.auth.tokens import Tokens
from nexusd.store import workspaces
from nexusd.store.database import Database
from nexusd.store.workspaces import WorkspaceRecord

NOW = 1_800_000_000.0
ROOT = Identity("uid:0", frozenset("*"), "*", "peer")
ALICE = Identity("alice", frozenset(("*",)), "own", "jwt", expires_at=datetime.fromtimestamp(NOW + 3600, UTC))
LIMITED = Identity("alice", frozenset(("tokens", "exec:read")), frozenset(("ws_a",)), "jwt")


def workspace(id: str, owner: str) -> WorkspaceRecord:
    moment = datetime.fromtimestamp(NOW, UTC)
    fields: dict[str, Any] = {}
    for field in WorkspaceRecord.__struct_fields__:
        fields[field] = None
    fields.update(
        id=id, name=id, owner=owner, state="stopped", message="", backend="host", env={}, labels={}, options={},
        current=False, generation=0, created_at=moment, updated_at=moment, last_active_at=moment, repo_url="",
        repo_path="/r", repo_ref="", repo_commit="", branch="", root="/r", worktree="/r",
    )  # fmt: skip
    return WorkspaceRecord(**fields)


@pytest.fixture
async def db(tmp_path: Path) -> AsyncIterator[Database]:
    database = await Database.open(tmp_path / "nexus.db")
    for id, owner in (("ws_a", "alice"), ("ws_b", "bob")):
        await database.run(lambda conn, id=id, owner=owner: workspaces.insert(conn, workspace(id, owner)))  # type: ignore[misc]
    yield database
    await database.close()


@pytest.fixture
def tokens(tmp_path: Path) -> Tokens:
    return Tokens(Keyring(load_or_create_pair(tmp_path / "keys")), clock=lambda: NOW)


@pytest.fixture
async def service(db: Database, tokens: Tokens) -> TokenService:
    service = TokenService(db, tokens, clock=lambda: NOW)
    await service.open()
    return service


async def make(service: TokenService, maker: Identity, **changes: Any) -> tuple[str, Any]:
    wanted: dict[str, Any] = {
        "subject": maker.subject,
        "scopes": ["exec:read"],
        "workspaces": ["own"],
        "ttl_ms": 60_000,
        **changes,
    }
    return await service.create(maker, **wanted)


async def test_a_token_works_and_is_not_kept(service: TokenService, tokens: Tokens, db: Database) -> None:
    token, record = await make(service, ROOT, subject="bob", name="for CI")
    identity = tokens.verify(token)
    assert (identity.subject, identity.scopes, identity.workspaces) == ("bob", {"exec:read"}, "own")
    assert identity.token_id == record.id
    assert identity.expires_at == record.expires_at == datetime.fromtimestamp(NOW + 60, UTC)
    rows = await db.read(lambda conn: conn.rows("SELECT * FROM tokens"))
    assert token.split(".")[2] not in repr(rows)


@pytest.mark.parametrize(
    ("maker", "changes", "kind"),
    [
        (ALICE, {"subject": "bob"}, Forbidden),
        (ALICE, {"subject": "alic"}, Forbidden),
        (LIMITED, {"subject": "bob"}, Forbidden),
        (LIMITED, {"scopes": ["*"], "workspaces": ["ws_a"]}, ScopeInvalid),
        (LIMITED, {"scopes": ["exec:write"], "workspaces": ["ws_a"]}, ScopeInvalid),
        (ROOT, {"scopes": ["exec"]}, ScopeInvalid),
        (ROOT, {"scopes": ["exec:*"]}, ScopeInvalid),
        (ROOT, {"scopes": ["exec:read", "nonsense"]}, ScopeInvalid),
        (LIMITED, {"workspaces": ["*"]}, ScopeInvalid),
        (LIMITED, {"workspaces": ["own"]}, ScopeInvalid),
        (LIMITED, {"workspaces": ["ws_b"]}, ScopeInvalid),
        (LIMITED, {"workspaces": ["ws_a", "ws_b"]}, ScopeInvalid),
        (ALICE, {"workspaces": ["*"]}, ScopeInvalid),
        (ALICE, {"workspaces": ["ws_b"]}, ScopeInvalid),
        (ALICE, {"workspaces": ["ws_none"]}, ScopeInvalid),
        (ROOT, {"workspaces": ["*", "ws_a"]}, ScopeInvalid),
        (ROOT, {"workspaces": ["own", "ws_a"]}, ScopeInvalid),
    ],
)
async def test_nobody_grants_more_than_they_hold(
    service: TokenService, maker: Identity, changes: dict[str, Any], kind: type[NexusError]
) -> None:
    with pytest.raises(kind):
        await make(service, maker, **changes)
    assert await service.list(ROOT) == []


@pytest.mark.parametrize(
    ("maker", "changes"),
    [
        (LIMITED, {"workspaces": ["ws_a"]}),
        (ALICE, {"workspaces": ["ws_a"]}),
        (ALICE, {"scopes": ["*"]}),
        (ROOT, {"subject": "bob", "scopes": ["*"], "workspaces": ["*"]}),
        (ROOT, {"workspaces": ["ws_later"]}),
    ],
)
async def test_what_is_held_can_be_granted(service: TokenService, maker: Identity, changes: dict[str, Any]) -> None:
    _, record = await make(service, maker, **changes)
    assert [kept.id for kept in await service.list(maker)] == [record.id]


async def test_hidden_and_absent_workspaces_are_one(service: TokenService) -> None:
    texts = []
    for id in ("ws_b", "ws_z"):
        with pytest.raises(ScopeInvalid) as caught:
            await make(service, ALICE, workspaces=[id])
        texts.append(str(caught.value.to_wire()).replace(id, "X"))
    assert texts[0] == texts[1]


async def test_a_token_does_not_outlive_its_maker(service: TokenService) -> None:
    _, record = await make(service, ALICE, ttl_ms=10**10)
    assert record.expires_at == ALICE.expires_at


async def test_revocation(service: TokenService, tokens: Tokens, db: Database) -> None:
    heard: list[str] = []
    service.on_revoked(heard.extend)
    token, record = await make(service, ALICE)
    revoked = await service.revoke(ALICE, record.id)
    assert revoked.revoked_at == datetime.fromtimestamp(NOW, UTC)
    assert heard == [record.id]
    with pytest.raises(Unauthenticated):
        tokens.verify(token)
    again = await service.revoke(ALICE, record.id)
    assert again.revoked_at == revoked.revoked_at

    restarted = Tokens(tokens.keyring, clock=lambda: NOW)
    assert restarted.verify(token).token_id == record.id
    await TokenService(db, restarted, clock=lambda: NOW).open()
    with pytest.raises(Unauthenticated):
        restarted.verify(token)


async def test_only_own_tokens_are_managed(service: TokenService) -> None:
    _, bobs = await make(service, ROOT, subject="bob")
    _, alices = await make(service, ALICE)
    assert {record.id for record in await service.list(ALICE)} == {alices.id}
    assert {record.id for record in await service.list(ROOT)} == {alices.id, bobs.id}
    texts = []
    for id in (bobs.id, "tok_unknown"):
        with pytest.raises(TokenNotFound) as caught:
            await service.revoke(ALICE, id)
        texts.append(str(caught.value.to_wire()).replace(id, "X"))
    assert texts[0] == texts[1]
    assert (await service.revoke(ROOT, bobs.id)).revoked_at is not None
