"""Tokens as things that are kept: who may make which, and their end."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterable
from datetime import UTC, datetime, timedelta
from typing import Literal

from nexus_sdk.protocol.errors import Forbidden, ScopeInvalid, TokenNotFound
from nexus_sdk.protocol.methods import SCOPES

from nexusd.auth.identity import Identity, listed
from nexusd.auth.tokens import Tokens
from nexusd.ids import new_id
from nexusd.store import tokens as records
from nexusd.store import workspaces
from nexusd.store.connection import Connection
from nexusd.store.database import Database
from nexusd.store.tokens import TokenRecord

__all__ = ["TokenService"]

Grant = Literal["*", "own"] | frozenset[str]


class TokenService:
    """Makes, lists and revokes tokens.

    Args:
        db: where their records are kept. The tokens themselves are not.
        tokens: signs them, and refuses the revoked ones.
        clock: seconds since the epoch.
    """

    def __init__(self, db: Database, tokens: Tokens, *, clock: Callable[[], float] = time.time) -> None:
        self._db = db
        self._tokens = tokens
        self._clock = clock
        self._listeners: list[Callable[[Iterable[str]], None]] = []

    async def open(self) -> None:
        """Load what was revoked. Must be done before the first token is verified."""
        self._tokens.revoke(await self._db.read(records.revoked_ids))

    def on_revoked(self, listener: Callable[[Iterable[str]], None]) -> None:
        """Call `listener` with the ids of tokens that have just been revoked."""
        self._listeners.append(listener)

    async def create(
        self,
        maker: Identity,
        *,
        subject: str,
        scopes: Iterable[str],
        workspaces: Iterable[str],
        ttl_ms: int,
        name: str = "",
    ) -> tuple[str, TokenRecord]:
        """Make a token that grants at most what its maker holds, for no longer than its maker's own identity lasts.

        Args:
            maker: who asks.
            subject: who it is for; only an administrator may name somebody else.
            scopes: scopes of the schema, or ``*``.
            workspaces: workspace ids, or alone ``*`` or ``own``.
            ttl_ms: life in milliseconds; cut at the end of the maker's identity.
            name: what it is for.

        Returns:
            The token, which is not kept, and its record, which is stored when this returns.

        Raises:
            Forbidden: `subject` is somebody else.
            ScopeInvalid: no such scope or workspace, or the maker does not hold it.
        """
        if subject != maker.subject and not maker.administers:
            raise Forbidden(
                f"a token for {subject!r} needs the scope * on all workspaces", scope="*", method="token.create"
            )
        wanted = frozenset(scopes)
        for scope in sorted(wanted):
            if (scope != "*" and scope not in SCOPES) or not maker.may(scope):
                raise ScopeInvalid(f"scope {scope!r} does not exist, or you do not hold it", scope=scope)
        grant = _grant(workspaces)
        now = datetime.fromtimestamp(self._clock(), UTC)
        expires = now + timedelta(milliseconds=ttl_ms)
        if maker.expires_at is not None:
            expires = min(expires, maker.expires_at)

        def insert(connection: Connection) -> TokenRecord:
            _check_grant(connection, maker, grant)
            record = TokenRecord(
                id=new_id("tok"),
                subject=subject,
                name=name,
                scopes=sorted(wanted),
                workspaces=listed(grant),
                created_at=now,
                expires_at=expires,
                revoked_at=None,
                issuer_subject=maker.subject,
            )
            records.insert(connection, record)
            return record

        record = await self._db.run(insert)
        token = self._tokens.mint(
            token_id=record.id, subject=subject, scopes=wanted, workspaces=grant, expires_at=expires.timestamp()
        )
        return token, record

    async def list(self, identity: Identity) -> list[TokenRecord]:
        """The tokens that this identity may revoke, newest first: for or by its subject; all for an administrator."""
        subject = None if identity.administers else identity.subject
        return await self._db.read(lambda connection: records.select(connection, subject))

    async def revoke(self, identity: Identity, token_id: str) -> TokenRecord:
        """Revoke a token. Once this returns nobody gets in with it; whoever is in is expelled. Again: no change.

        Raises:
            TokenNotFound: there is no such token, or it is somebody else's.
        """
        now = datetime.fromtimestamp(self._clock(), UTC)

        def revoke(connection: Connection) -> TokenRecord | None:
            record = records.get(connection, token_id)
            if record is None or not _manages(identity, record):
                return None
            if record.revoked_at is not None:
                return record
            records.revoke(connection, token_id, now)
            return records.get(connection, token_id)

        record = await self._db.run(revoke)
        if record is None:
            raise TokenNotFound(f"no token {token_id[:128]!r}", id=token_id[:128])
        self._tokens.revoke((record.id,))
        for listener in self._listeners:
            listener((record.id,))
        return record


def _manages(identity: Identity, record: TokenRecord) -> bool:
    return identity.administers or identity.subject in (record.subject, record.issuer_subject)


def _grant(entries: Iterable[str]) -> Grant:
    wanted = frozenset(entries)
    if wanted == {"*"}:
        return "*"
    if wanted == {"own"}:
        return "own"
    for word in ("*", "own"):
        if word in wanted:
            raise ScopeInvalid(f"{word!r} stands alone in workspaces", scope=word)
    return wanted


def _check_grant(connection: Connection, maker: Identity, grant: Grant) -> None:
    """Refuse workspaces that the maker does not see; absent and unseen ones alike."""
    if maker.workspaces == "*":
        return
    if isinstance(grant, str):
        if grant != maker.workspaces:
            raise ScopeInvalid(f"you do not hold {grant!r} on workspaces", scope=grant)
        return
    for workspace in sorted(grant):
        record = workspaces.get(connection, workspace)
        if record is None or not maker.sees(record.id, record.owner):
            raise ScopeInvalid(f"workspace {workspace!r} does not exist, or you do not hold it", scope=workspace)
