"""The gate as the dispatcher asks it, with what the gate leaves to the api: a destroyed workspace serves no calls."""

from __future__ import annotations

from collections.abc import Awaitable

from nexus_sdk.protocol.errors import WorkspaceNotFound

from nexusd.auth.gate import Gate
from nexusd.wire.call import Call
from nexusd.wire.dispatch import Admit

OF_THE_DEAD = frozenset({"workspace.get", "operation.get", "operation.wait", "operation.cancel"})
"""Methods that still answer for a destroyed workspace, by its id."""


def admission(gate: Gate) -> Admit:
    """The dispatcher's hook."""

    def admit(call: Call) -> Awaitable[None] | None:
        decision = gate.admit(call)
        # What is decided at once was found in memory, where no destroyed workspace is.
        return None if decision is None else _later(call, decision)

    return admit


async def _later(call: Call, decision: Awaitable[None]) -> None:
    await decision
    if call.workspace is not None and call.workspace.state == "destroyed" and call.method.name not in OF_THE_DEAD:
        raise WorkspaceNotFound(f"no workspace {call.workspace.id!r}", workspace=call.workspace.id)
