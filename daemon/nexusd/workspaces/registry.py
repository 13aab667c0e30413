"""The workspaces of this node, in memory: every record that is not destroyed, and who wants to hear of changes.

The database is the truth. The registry is loaded from it once and follows every committed change, so that the gate can
resolve a workspace on each call without a query. Only `Registry.put` and `Registry.drop` change it, after a commit.
"""

from __future__ import annotations

import asyncio
from collections import Counter, deque
from collections.abc import Callable, Iterable
from itertools import islice

from nexus_sdk.protocol.errors import CursorExpired

from nexusd.store.workspaces import WorkspaceRecord

Sees = Callable[[str, str], bool]
"""Whether a caller sees a workspace, from the workspace's id and its owner."""

KEPT_CHANGES = 1000
"""Changes kept for watchers that come back with a cursor."""


class Subscription:
    """One watcher's view of changes: at most the newest record of each workspace, in order of first change.

    A workspace that changes twice before it is read appears once, as it is now: nothing to read is ever lost by
    coalescing, so the subscription needs no bound of its own beyond the number of workspaces.
    """

    def __init__(self, registry: Registry, only: str | None) -> None:
        self._registry = registry
        self._only = only
        self._pending: dict[str, tuple[int, WorkspaceRecord]] = {}
        self._wake = asyncio.Event()

    def offer(self, sequence: int, record: WorkspaceRecord) -> None:
        """Take note of a change."""
        if self._only is None or record.id == self._only:
            self._pending[record.id] = (sequence, record)
            self._wake.set()

    async def next(self) -> tuple[str, WorkspaceRecord]:
        """The next changed record and the cursor after it. Waits as long as nothing changes."""
        while not self._pending:
            self._wake.clear()
            await self._wake.wait()
        key = min(self._pending, key=lambda workspace: self._pending[workspace][0])
        sequence, record = self._pending.pop(key)
        return self._registry.cursor(sequence), record

    def close(self) -> None:
        """Stop listening."""
        self._registry.unsubscribe(self)


class Registry:
    """Every workspace that is not destroyed.

    Args:
        instance: an id of this run of the daemon; cursors of another run are refused as expired.
    """

    def __init__(self, instance: str) -> None:
        self._instance = instance
        self._records: dict[str, WorkspaceRecord] = {}
        self._by_name: dict[str, dict[str, str]] = {}
        self._changes: deque[tuple[int, WorkspaceRecord]] = deque(maxlen=KEPT_CHANGES)
        self._sequence = 0
        self._subscriptions: set[Subscription] = set()

    def load(self, records: Iterable[WorkspaceRecord]) -> None:
        """Fill the registry at start; tells nobody."""
        for record in records:
            self._index(record)

    def put(self, record: WorkspaceRecord) -> None:
        """Follow a committed change. A destroyed record leaves the registry after its watchers heard of it."""
        if record.state == "destroyed":
            self._records.pop(record.id, None)
            names = self._by_name.get(record.name, {})
            if names.get(record.owner) == record.id:
                del names[record.owner]
        else:
            self._index(record)
        self._sequence += 1
        self._changes.append((self._sequence, record))
        for subscription in self._subscriptions:
            subscription.offer(self._sequence, record)

    def _index(self, record: WorkspaceRecord) -> None:
        self._records[record.id] = record
        self._by_name.setdefault(record.name, {})[record.owner] = record.id

    def get(self, workspace: str) -> WorkspaceRecord | None:
        """The record with this id."""
        return self._records.get(workspace)

    def all(self) -> list[WorkspaceRecord]:
        """Every record, oldest first."""
        return list(self._records.values())

    def states(self) -> dict[str, int]:
        """How many workspaces are in each state."""
        return dict(Counter(record.state for record in self._records.values()))

    def resolve(self, reference: str, subject: str, sees: Sees) -> WorkspaceRecord | None:
        """The workspace that the caller `subject` means by an id or a name, or None where it sees none.

        A name means the caller's own workspace first, then the only one of that name it can see. Two that it sees and
        does not own are ambiguous and resolve to nothing: the id says which.
        """
        record = self._records.get(reference)
        if record is not None:
            return record if sees(record.id, record.owner) else None
        owners = self._by_name.get(reference)
        if not owners:
            return None
        own = owners.get(subject)
        if own is not None and sees(own, subject):
            return self._records[own]
        seen = self.named(reference, sees)
        return seen[0] if len(seen) == 1 else None

    def named(self, name: str, sees: Sees) -> list[WorkspaceRecord]:
        """The workspaces of this name that the caller sees, whoever they belong to."""
        owners = self._by_name.get(name, {})
        return [self._records[workspace] for owner, workspace in islice(owners.items(), 1000) if sees(workspace, owner)]

    def cursor(self, sequence: int | None = None) -> str:
        """The opaque cursor after a change; by default after the newest."""
        return f"{self._instance}.{self._sequence if sequence is None else sequence}"

    def subscribe(self, only: str | None, cursor: str | None) -> Subscription:
        """Listen to changes from now on, or from a cursor.

        Raises:
            CursorExpired: the cursor is of another run of the daemon, malformed, or too old.
        """
        subscription = Subscription(self, only)
        if cursor is not None:
            instance, _, number = cursor.rpartition(".")
            oldest = self._changes[0][0] - 1 if self._changes else self._sequence
            if instance != self._instance or not number.isdigit() or not oldest <= int(number) <= self._sequence:
                raise CursorExpired("changes after this cursor are no longer kept", cursor=cursor)
            for sequence, record in self._changes:
                if sequence > int(number):
                    subscription.offer(sequence, record)
        self._subscriptions.add(subscription)
        return subscription

    def unsubscribe(self, subscription: Subscription) -> None:
        """Forget a subscription."""
        self._subscriptions.discard(subscription)
