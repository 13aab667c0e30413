"""Calls that carry a caller-chosen key: done once, however often they are sent.

The key and a hash of the params are stored before anything is done. The same key with the same params then returns the
first outcome, success or error; with other params it is `key_reused`. A keyed call runs to its end even when its caller
goes away, so that the outcome is there when the caller asks again. A daemon that died in between leaves a key without
an outcome: it is answered from the operation the key is bound to, run again where the method is idempotent, and
otherwise `outcome_unknown`, never guessed (design §2.4).
"""

from __future__ import annotations

import asyncio
import hashlib
from collections.abc import Awaitable, Callable
from datetime import UTC, datetime
from typing import Any, Literal

import msgspec
from nexus_sdk.protocol.errors import KeyReused, NexusError, OutcomeUnknown

from nexusd.store import keys as rows
from nexusd.store.database import Database
from nexusd.store.keys import KeyRecord
from nexusd.wire.call import Call

_encode = msgspec.json.Encoder(order="deterministic").encode

Recover = Callable[[Call, str], Awaitable[Any]]
"""Answers a call whose key is bound to an operation, by the operation's id."""


class KeyedCalls:
    """Serves calls with keys.

    Args:
        db: the store.
        recover: answers a lifecycle call from the operation that an earlier attempt began.
    """

    def __init__(self, db: Database, recover: Recover) -> None:
        self._db = db
        self._recover = recover
        self._running: dict[tuple[str, str], tuple[bytes, asyncio.Task[Any]]] = {}

    async def __call__(self, call: Call, run: Callable[[], Awaitable[Any]]) -> Any:
        """Run the call, or return what came of it before.

        Raises:
            KeyReused: the key was used with other params.
            OutcomeUnknown: an earlier attempt was interrupted and cannot be repeated safely.
        """
        assert call.key is not None
        owner, key = call.identity.subject, call.key
        digest = hashlib.sha256(call.method.name.encode() + b"\0" + _encode(call.params)).digest()
        running = self._running.get((owner, key))
        if running is not None:
            if running[0] != digest:
                raise _reused(key)
            return await asyncio.shield(running[1])
        task = asyncio.get_running_loop().create_task(self._serve(call, owner, key, digest, run))
        self._running[owner, key] = (digest, task)
        task.add_done_callback(lambda _: self._running.pop((owner, key), None))
        return await asyncio.shield(task)

    async def drain(self, timeout: float) -> None:
        """Wait for the calls under way, at most `timeout` seconds."""
        tasks = {task for _, task in self._running.values()}
        if tasks:
            await asyncio.wait(tasks, timeout=timeout)

    async def _serve(self, call: Call, owner: str, key: str, digest: bytes, run: Callable[[], Awaitable[Any]]) -> Any:
        record = KeyRecord(
            owner=owner,
            key=key,
            method=call.method.name,
            params_hash=digest.hex(),
            created_at=datetime.now(UTC),
        )
        known = await self._db.run(lambda conn: rows.claim(conn, record), durable="crash")
        if known is not None:
            if known.params_hash != record.params_hash:
                raise _reused(key)
            if known.outcome is not None:
                return msgspec.Raw(known.outcome)
            if known.error is not None:
                stored = msgspec.json.decode(known.error)
                raise NexusError.from_wire(stored["code"], stored["message"], stored.get("data"))
            if known.operation is not None:
                return await self._recover(call, known.operation)
            if not call.method.idempotent and not call.method.name.startswith(("workspace.", "checkpoint.")):
                # A lifecycle call binds its key in the transaction that accepts it: unbound means nothing was done.
                raise OutcomeUnknown(
                    f"an earlier {call.method.name} with this key was interrupted", may_have_run=True, key=key
                )
        try:
            result = await run()
        except NexusError as error:
            # A retryable refusal is no outcome: the same key may be tried again.
            wire = None if error.retryable else _encode(error.to_wire())
            await self._finish(owner, key, None, wire)
            raise
        outcome = msgspec.json.encode(result)
        await self._finish(owner, key, outcome, None)
        return msgspec.Raw(outcome)

    async def _finish(self, owner: str, key: str, outcome: bytes | None, error: bytes | None) -> None:
        if outcome is None and error is None:
            await self._db.run(lambda conn: rows.release(conn, owner, key), durable="crash")
        else:
            state: Literal["done", "failed"] = "failed" if outcome is None else "done"
            await self._db.run(
                lambda conn: rows.finish(conn, owner, key, state, outcome=outcome, error=error), durable="crash"
            )


def _reused(key: str) -> KeyReused:
    return KeyReused("this key was used before with other params", key=key)
