"""Who may make workspaces, where the scope alone does not tell."""

from __future__ import annotations

from nexus_sdk.protocol.errors import Forbidden

from nexusd.wire.call import Call


def require_maker(call: Call) -> None:
    """Refuse a token for named workspaces: it could neither see nor use what it made. Raises Forbidden."""
    if isinstance(call.identity.workspaces, frozenset):
        raise Forbidden(
            "a token for named workspaces cannot make another one",
            hint="Use a token whose workspaces are `own` or `*`.",
            scope=call.method.scope or "",
            method=call.method.name,
        )
