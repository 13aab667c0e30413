"""How the protocol's objects look in tables and lines."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime
from typing import Any, Final

from boulder.output import Cell
from boulder.units import ago, format_duration

__all__ = ["PROCESS_HEADINGS", "WORKSPACE_HEADINGS", "ended", "process_row", "state_cell", "workspace_row"]

STATE_STYLES: Final = {
    "running": "green",
    "done": "green",
    "ready": "green",
    "paused": "cyan",
    "pending": "yellow",
    "making": "yellow",
    "destroying": "yellow",
    "error": "red",
    "failed": "red",
    "lost": "red",
    "stopped": "dim",
    "exited": "dim",
    "destroyed": "dim",
    "removed": "dim",
    "cancelled": "dim",
}

WORKSPACE_HEADINGS: Final = ("NAME", "STATE", "BRANCH", "BACKEND", "ACTIVE", "REPOSITORY")
PROCESS_HEADINGS: Final = ("PROCESS", "STATE", "STARTED", "OUTPUT", "ATTACHED", "COMMAND")


def state_cell(state: str, more: str = "") -> Cell:
    """A state in its colour."""
    return (state + more, STATE_STYLES.get(state, "yellow"))


def workspace_row(workspace: Any, now: datetime | None = None) -> Sequence[Cell]:
    """A row of the list of workspaces. The current one of a repository has an asterisk."""
    name: Cell = (workspace.name + (" *" if workspace.current else ""), "bold" if workspace.current else None)
    more = "" if not isinstance(workspace.operation, str) else " …"
    if workspace.state == "error" and workspace.message:
        more = f": {workspace.message}"
    return (
        name,
        state_cell(workspace.state, more),
        workspace.branch,
        workspace.backend,
        ago(workspace.last_active_at, now),
        workspace.repository.path or workspace.repository.url,
    )


def process_row(process: Any, now: datetime | None = None) -> Sequence[Cell]:
    """A row of the list of processes."""
    from boulder.units import format_size

    return (
        process.id,
        state_cell(process.state, "" if process.state == "running" else ended(process)),
        ago(process.started_at, now),
        format_size(process.output_end),
        str(process.attached),
        " ".join(_quoted(word) for word in process.argv),
    )


def ended(process: Any) -> str:
    """How a process ended, such as `` 2`` or `` KILL``; empty where that is unknown."""
    exit = process.exit
    if not hasattr(exit, "reason"):
        return ""
    told = str(exit.code) if isinstance(exit.code, int) else str(exit.signal)
    took = format_duration((exit.at - process.started_at).total_seconds())
    return f" {told} after {took}" + (f" ({exit.reason})" if exit.reason in ("timeout", "stopped") else "")


def _quoted(word: str) -> str:
    import shlex

    return shlex.quote(word)
