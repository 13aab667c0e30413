"""What an operation came to, as the calls that begin operations answer it: at once, or to a later attempt."""

from __future__ import annotations

from collections.abc import Awaitable, Callable
from typing import Any

import msgspec
from nexus_sdk.protocol import types

from nexusd.api.following import follow
from nexusd.api.services import Services
from nexusd.wire.call import Call
from nexusd.workspaces import view
from nexusd.workspaces.journal import Run

Result = types.LifecycleResult | types.WorkspaceDestroyed | types.CheckpointResult | types.CheckpointRestored


class Outcomes:
    """Answers from operations.

    Args:
        services: where the records are.
    """

    def __init__(self, services: Services) -> None:
        self._manager = services.manager
        self._checkpoints = services.checkpoints

    async def lifecycle(self, run: Run) -> types.LifecycleResult:
        """The workspace that an operation was about."""
        record = await self._manager.record(run.record.workspace)
        return types.LifecycleResult(workspace=self._manager.show(record), operation=view.operation(run.record))

    async def destroyed(self, run: Run) -> types.WorkspaceDestroyed:
        """The same, with what was kept and what went with it."""
        done, data = await self.lifecycle(run), run.data
        kept: types.WorkspaceKept | msgspec.UnsetType = msgspec.UNSET
        if data.get("kept"):
            kept = msgspec.convert(data["kept"], types.WorkspaceKept)
        return types.WorkspaceDestroyed(
            workspace=done.workspace,
            operation=done.operation,
            kept=kept,
            checkpoints=data.get("checkpoints") or msgspec.UNSET,
        )

    async def checkpoint(self, run: Run) -> types.CheckpointResult:
        """The checkpoint that an operation was about."""
        record = await self._checkpoints.record(run.record.params["checkpoint"])
        return types.CheckpointResult(checkpoint=view.checkpoint(record), operation=view.operation(run.record))

    async def restored(self, run: Run) -> types.CheckpointRestored:
        """What was restored, and what had been there."""
        params, done = run.record.params, await self.lifecycle(run)
        return types.CheckpointRestored(
            workspace=done.workspace,
            operation=done.operation,
            checkpoint=view.checkpoint(await self._checkpoints.record(params["checkpoint"])),
            before=view.checkpoint(await self._checkpoints.record(params["before"])),
        )

    async def of(self, result: Any, run: Run) -> Result:
        """The answer of a method with this result."""
        answers: dict[Any, Callable[[Run], Awaitable[Result]]] = {
            types.WorkspaceDestroyed: self.destroyed,
            types.CheckpointResult: self.checkpoint,
            types.CheckpointRestored: self.restored,
        }
        return await answers.get(result, self.lifecycle)(run)


def recovery(services: Services) -> Callable[[Call, str], Awaitable[Result]]:
    """Answers a call from the operation that an earlier attempt with the same key began."""
    manager, outcomes = services.manager, Outcomes(services)

    async def recover(call: Call, operation: str) -> Result:
        run = manager.journal.running(operation)
        if run is None:
            run = manager.journal.ended(await manager.operation(operation))
        await follow(call, run, getattr(call.params, "wait", True))
        return await outcomes.of(call.method.result, run)

    return recover
