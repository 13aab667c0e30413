"""The gate as the dispatcher asks it, with what the gate leaves to the api: a destroyed workspace serves no calls."""

from __future__ import annotations

from collections.abc import Awaitable, Callable

from nexus_sdk.protocol.errors import NexusError, WorkspaceNotFound

from nexusd.auth.gate import Gate
from nexusd.wire.call import Call
from nexusd.wire.dispatch import Admit

OF_THE_DEAD = frozenset({"workspace.get", "operation.get", "operation.wait", "operation.cancel"})
"""Methods that still answer for a destroyed workspace, by its id."""


def _of_the_dead(call: Call) -> bool:
    # Whoever did not hear that it was destroyed asks again with the same key, and is told the first outcome.
    return call.method.name in OF_THE_DEAD or (call.method.name == "workspace.destroy" and call.key is not None)


def admission(gate: Gate, refused: Callable[[Call, NexusError], None]) -> Admit:
    """The dispatcher's hook; `refused` hears of every call that may not happen."""

    def admit(call: Call) -> Awaitable[None] | None:
        try:
            decision = gate.admit(call)
        except NexusError as error:
            refused(call, error)
            raise
        # What is decided at once was found in memory, where no destroyed workspace is.
        return None if decision is None else _later(call, decision, refused)

    return admit


async def _later(call: Call, decision: Awaitable[None], refused: Callable[[Call, NexusError], None]) -> None:
    try:
        await decision
        if call.workspace is not None and call.workspace.state == "destroyed" and not _of_the_dead(call):
            raise WorkspaceNotFound(f"no workspace {call.workspace.id!r}", workspace=call.workspace.id)
    except NexusError as error:
        refused(call, error)
        raise
