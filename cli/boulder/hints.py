"""What to try next, said in commands of `boulder` where the protocol's own hint speaks of methods and params."""

from __future__ import annotations

from typing import Final

from nexus_sdk.protocol.errors import NexusError

__all__ = ["hint"]

_HINTS: Final = {
    "process_not_found": "`boulder ps --all` lists the processes of a workspace; they stay for a while",
    "command_not_found": "check how the command is written, and PATH inside the workspace",
    "path_exists": "choose another path, or remove what is there",
    "port_refused": "start the server, or look at `boulder port ls` for what listens",
    "workspace_busy": "`boulder operation ls --running` shows what is under way; `boulder operation wait` waits for it",
    "limit_processes": "`boulder ps` shows what runs, `boulder kill` ends it",
    "limit_workspaces": "`boulder ls` shows them, `boulder down` takes one down",
    "identity_missing": "pass --author 'NAME <ADDRESS>', or on that machine: git config --global user.name NAME; "
    "git config --global user.email ADDRESS",
    "push_rejected": "take theirs first: boulder git sync --pull rebase --push",
    "not_controller": "take control with `boulder attach --takeover`, or watch with --observe",
    "offset_expired": "what came before is gone; `boulder logs` prints what is kept",
    "unauthenticated": "make a token on that machine with `boulder token create`, and set NEXUS_TOKEN to it",
    "draining": "the daemon is about to stop; try again in a few seconds",
    "method_not_found": "`boulder api --list` lists the methods",
}


def hint(error: NexusError) -> str:
    """Return what a person should try; what the daemon said about this very case is better than what we know."""
    if error.name != "method_not_found" and error.hint != type(error).hint:
        return error.hint
    return _HINTS.get(error.name, error.hint)
