"""One small file per workspace: what the backend last did with it, readable after a crash."""

from __future__ import annotations

from pathlib import Path
from typing import Literal

import msgspec

from nexusd.backends.records import Records

Wanted = Literal["stopped", "running", "paused"]


class Entry(msgspec.Struct, kw_only=True):
    """What the backend was told last.

    Attributes:
        workspace: the workspace's id.
        wanted: the state it was brought to.
        generation: the incarnation.
        run: which run of the backend brought it there.
    """

    workspace: str
    wanted: Wanted
    generation: int
    run: str


class Entries(Records[Entry]):
    """The entries of all workspaces. One that cannot be read counts as none: it is only a note."""

    def __init__(self, directory: Path) -> None:
        super().__init__(directory, Entry)
