"""Waiting for an operation on behalf of a call."""

from __future__ import annotations

from nexusd.wire.call import Call
from nexusd.workspaces.journal import Run
from nexusd.workspaces.manager import outcome


async def follow(call: Call, run: Run, wait: bool) -> None:
    """Wait for an operation and report its progress; a cancelled or lost wait leaves the operation alone.

    Raises whatever made the operation fail.
    """
    if not wait:
        return
    stop = run.listen(call.progress)
    try:
        await run.wait()
    finally:
        stop()
    outcome(run)
