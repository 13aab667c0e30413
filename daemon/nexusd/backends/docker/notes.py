"""What the backend remembers of each workspace: written before the engine is asked, removed when all is done.

So after a crash at any instruction the notes name every workspace for which there may be something at the engine, and
a node without notes never needs to ask.
"""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from nexusd.backends.records import Records

Wanted = Literal["stopped", "running", "paused"]


class Note(msgspec.Struct, kw_only=True):
    """One workspace.

    Attributes:
        workspace: its id.
        wanted: the state it was brought to, or was being brought to.
        prepared: whether its container was finished.
        secret: what its helper and we know, base64; empty before the first start.
        home: the home directory inside.
        user: the name of its user inside.
        based: whether it is made from an image of its own, since it was restored or forked.
    """

    workspace: str
    wanted: Wanted = "stopped"
    prepared: bool = False
    secret: str = ""
    home: str = ""
    user: str = ""
    based: bool = False


class Notes(Records[Note]):
    """The notes of all workspaces."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, Note)

    def unreadable(self, workspace: str) -> Note | None:
        """One that cannot be read is as good as a new one: there may be something at the engine."""
        return Note(workspace=workspace)
