"""What a shell completes names with. Nothing here may take long, print, or fail."""

from __future__ import annotations

from typing import Any

import click

from boulder.context import App

__all__ = ["places", "process_ids", "workspace_names"]

_SECONDS = 0.5


def workspace_names(ctx: click.Context, incomplete: str) -> list[Any]:
    """Workspaces whose name begins so."""
    from click.shell_completion import CompletionItem

    found = _ask(ctx, "workspace.list", {"limit": 1000})
    return [
        CompletionItem(item.name, help=f"{item.state} · {item.branch}")
        for item in (found.workspaces if found else ())
        if item.name.startswith(incomplete)
    ]


def places(ctx: click.Context, incomplete: str) -> list[Any]:
    """Sides of a copy: files here, and workspaces as the beginning of NAME:path."""
    from click.shell_completion import CompletionItem

    names = [] if "/" in incomplete else workspace_names(ctx, incomplete)
    # the file first: bash's script takes what comes after it instead of files, not besides
    return [CompletionItem(incomplete, type="file"), *(CompletionItem(f"{item.value}:") for item in names)]


def process_ids(ctx: click.Context, incomplete: str) -> list[Any]:
    """Processes of all workspaces whose id begins so."""
    from click.shell_completion import CompletionItem

    items = []
    found = _ask(ctx, "workspace.list", {"limit": 1000})
    for workspace in found.workspaces if found else ():
        listed = _ask(ctx, "exec.list", {"workspace": workspace.id})
        items += [
            CompletionItem(process.id, help=" ".join(process.argv)[:60])
            for process in (listed.processes if listed else ())
            if process.id.startswith(incomplete)
        ]
    return items


def _ask(ctx: click.Context, method: str, params: dict[str, Any]) -> Any:
    from nexus_sdk.exceptions import NexusError

    from boulder.calls import daemon

    try:
        return daemon(ctx.ensure_object(App), open_timeout=_SECONDS).call(method, params, timeout=_SECONDS)
    except (NexusError, OSError):
        return None
