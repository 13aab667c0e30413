"""`token.*`: making, listing and revoking tokens."""

from __future__ import annotations

from msgspec import UNSET
from nexus_sdk.protocol import types

from nexusd.api.observing import Calls
from nexusd.api.services import Services
from nexusd.store.tokens import TokenRecord
from nexusd.wire.call import Call

__all__ = ["register"]


def register(calls: Calls, services: Services) -> None:
    """Serve the domain."""
    tokens = services.tokens

    async def create(call: Call, params: types.TokenCreateParams) -> types.TokenCreated:
        token, record = await tokens.create(
            call.identity,
            subject=params.subject,
            scopes=params.scopes,
            workspaces=params.workspaces,
            ttl_ms=params.ttl_ms,
            name=params.name,
        )
        return types.TokenCreated(token=token, info=_info(record))

    async def list_(call: Call, params: types.NoParams) -> types.TokenList:
        return types.TokenList(tokens=[_info(record) for record in await tokens.list(call.identity)])

    async def revoke(call: Call, params: types.TokenRevokeParams) -> types.TokenInfo:
        return _info(await tokens.revoke(call.identity, params.id))

    calls.register("token.create", create)
    calls.register("token.list", list_)
    calls.register("token.revoke", revoke)


def _info(record: TokenRecord) -> types.TokenInfo:
    return types.TokenInfo(
        id=record.id,
        subject=record.subject,
        name=record.name,
        scopes=list(record.scopes),
        workspaces=list(record.workspaces),
        created_at=record.created_at,
        expires_at=record.expires_at,
        revoked_at=UNSET if record.revoked_at is None else record.revoked_at,
    )
