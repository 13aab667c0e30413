from __future__ import annotations

import asyncio
from datetime import UTC, datetime

from nexusd.auth.identity import Identity
from nexusd.auth.sessions import EXPIRED, SessionRegistry


class Clock:
    """A clock that a test sets."""

    def __init__(self) -> None:
        self.now = 1000.0

    def __call__(self) -> float:
        return self.now


class Holder:
    """A connection with nothing but an identity; remembers its end."""

    def __init__(self, registry: SessionRegistry, token: str | None = "t", expires: float | None = None) -> None:
        self.identity = identity(token, expires)
        self.ended: list[tuple[int, str]] = []
        self.gone = asyncio.Event()
        registry.add(self, self.expel)

    def expel(self, code: int, reason: str) -> None:
        self.ended.append((code, reason))
        self.gone.set()


def identity(token: str | None, expires: float | None) -> Identity:
    end = None if expires is None else datetime.fromtimestamp(expires, UTC)
    return Identity("alice", frozenset(), "own", "jwt", expires_at=end, token_id=token)


async def test_revocation_ends_those_who_came_by_the_token() -> None:
    registry = SessionRegistry()
    first, second, other = Holder(registry, "a"), Holder(registry, "a"), Holder(registry, "b")
    none = Holder(registry, None)
    registry.revoked(["a", "unknown"])
    assert first.ended == second.ended == [(EXPIRED, "the token was revoked")]
    assert other.ended == none.ended == []
    assert len(registry) == 4


async def test_expiry_is_noticed_by_one_timer() -> None:
    clock = Clock()
    registry = SessionRegistry(clock=clock, lateness=0.01)
    soon, later, never = Holder(registry, "a", 1010.0), Holder(registry, "b", 1020.0), Holder(registry, "c")
    registry.sweep()
    assert soon.ended == []
    clock.now = 1010.0
    await asyncio.wait_for(soon.gone.wait(), 5)
    assert soon.ended == [(EXPIRED, "the token has expired")]
    assert later.ended == []
    clock.now = 1025.0
    await asyncio.wait_for(later.gone.wait(), 5)
    assert never.ended == []
    registry.close()


async def test_without_expiry_there_is_no_timer() -> None:
    registry = SessionRegistry()
    Holder(registry, "a")
    assert registry._timer is None
    ending = Holder(registry, "b", 4e9)
    assert registry._timer is not None
    registry.remove(ending)
    assert registry._timer is None


# requirement: auth.expiry
async def test_the_timer_never_sleeps_past_the_five_seconds_of_the_protocol() -> None:
    """However far away the end is: the clock of the machine may jump to it meanwhile."""
    registry = SessionRegistry()
    Holder(registry, "a", 4e9)
    assert registry._timer is not None
    assert registry._timer.when() - asyncio.get_running_loop().time() <= 5
    registry.close()


async def test_the_timer_is_set_to_the_first_end() -> None:
    clock = Clock()
    registry = SessionRegistry(clock=clock, lateness=3600)
    Holder(registry, "a", 3000.0)
    late = registry._timer
    assert late is not None
    Holder(registry, "b", 1001.0)
    assert registry._timer is not None
    assert registry._timer.when() < late.when()
    assert late.cancelled()
    registry.close()


async def test_renewal_moves_the_end_and_keeps_old_tokens_in_mind() -> None:
    clock = Clock()
    registry = SessionRegistry(clock=clock, lateness=3600)
    holder = Holder(registry, "a", 1010.0)
    holder.identity = identity("b", 2000.0)
    registry.renew(holder)
    clock.now = 1500.0
    registry.sweep()
    assert holder.ended == []
    registry.revoked(["a"])
    registry.revoked(["b"])
    assert [code for code, _ in holder.ended] == [EXPIRED, EXPIRED]
    registry.close()


async def test_what_is_gone_is_forgotten() -> None:
    registry = SessionRegistry()
    holders = [Holder(registry, f"t{i % 7}", 4e9 + i % 3) for i in range(50)]
    for holder in holders[::2]:
        holder.identity = identity("another", 5e9)
        registry.renew(holder)
    for holder in holders:
        registry.remove(holder)
        registry.remove(holder)
    assert len(registry) == 0
    assert not any((registry._tokens, registry._by_token, registry._ends, registry._by_end, registry._expel))
    registry.renew(holders[0])
    registry.revoked(["t0"])
    assert holders[0].ended == []


async def test_expelling_all() -> None:
    registry = SessionRegistry()
    holders = [Holder(registry) for _ in range(3)]
    registry.expel_all(1001, "stop")
    assert [holder.ended for holder in holders] == [[(1001, "stop")]] * 3
