"""Who a caller is, and what that lets it do."""

from __future__ import annotations

import time
from collections.abc import Set
from dataclasses import dataclass
from datetime import datetime
from typing import Literal

from nexus_sdk.protocol import types

__all__ = ["Identity"]


@dataclass(frozen=True, slots=True)
class Identity:
    """An established caller. Made by `Tokens.verify` or `peer_identity`, never from what a caller says of itself.

    Attributes:
        subject: the token's subject, or ``uid:<n>`` on the Unix socket. Owner of what it creates.
        scopes: granted scopes; ``*`` grants all.
        workspaces: ids of the workspaces it may see; ``"*"`` for all, ``"own"`` for those that `subject` created.
        via: how it was established.
        expires_at: when it ends; None for never.
        token_id: the token's ``jti``, by which it is revoked; None without a token.
    """

    subject: str
    scopes: frozenset[str]
    workspaces: Literal["*", "own"] | frozenset[str]
    via: Literal["jwt", "peer"]
    expires_at: datetime | None = None
    token_id: str | None = None

    def may(self, scope: str | None) -> bool:
        """Whether it holds `scope`; None is held by everybody."""
        return scope is None or scope in self.scopes or "*" in self.scopes

    def sees(self, workspace: str, owner: str) -> bool:
        """Whether the workspace with this id, created by `owner`, exists for this identity.

        Ids and subjects are compared for equality only: a prefix that matches has been a hole in many a product.
        """
        if self.workspaces == "*":
            return True
        if self.workspaces == "own":
            return owner == self.subject
        return workspace in self.workspaces

    @property
    def administers(self) -> bool:
        """Whether it holds everything everywhere, and so may act for other subjects."""
        return "*" in self.scopes and self.workspaces == "*"

    def covers(self, other: Identity) -> bool:
        """Whether it grants at least what `other` grants, to the same subject."""
        if self.subject != other.subject or not all(self.may(scope) for scope in other.scopes):
            return False
        if self.workspaces == "*" or self.workspaces == other.workspaces:
            return True
        if isinstance(self.workspaces, str) or isinstance(other.workspaces, str):
            return False
        return other.workspaces <= self.workspaces

    def expired(self, now: float | None = None) -> bool:
        """Whether it has ended; `now` in seconds since the epoch, default the present."""
        if self.expires_at is None:
            return False
        return self.expires_at.timestamp() <= (time.time() if now is None else now)

    def granted(self) -> list[str]:
        """`workspaces` as the wire writes it."""
        return listed(self.workspaces)

    def to_wire(self) -> types.Identity:
        """The form that `session.ready` announces."""
        return types.Identity(subject=self.subject, scopes=sorted(self.scopes), workspaces=self.granted(), via=self.via)


def listed(workspaces: str | Set[str]) -> list[str]:
    """A grant of workspaces as a sorted list; ``*`` and ``own`` stand alone in it."""
    return [workspaces] if isinstance(workspaces, str) else sorted(workspaces)
