"""What our containers, networks and images are called and marked with. Nothing without our marks is ever touched."""

from __future__ import annotations

import re
from collections.abc import Mapping

import msgspec

WORKSPACE = "nexus.workspace"
INSTANCE = "nexus.instance"
CHECKPOINT = "nexus.checkpoint"
CHECKPOINTS = "nexus-checkpoint"
"""The repository of the images of checkpoints."""
BASE = "base"

ROOT = "/workspace"
"""Where the worktree is inside."""
HELPER = "/.nexus/init"
"""Where the helper's program is inside."""
RUN = "/.nexus/run"
"""Where the run directory is inside."""
HOME = "/home/nexus"
"""The home directory inside of a user that the image does not know."""

_ID = re.compile(r"[a-z0-9][a-z0-9_-]{0,39}")


class Marks(msgspec.Struct, frozen=True):
    """The marks of one daemon's things.

    Attributes:
        instance: id of the state directory that they belong to.
    """

    instance: str

    def labels(self, workspace: str) -> dict[str, str]:
        """What is put on everything that belongs to a workspace."""
        return {WORKSPACE: workspace, INSTANCE: self.instance}

    def filter(self, workspace: str | None = None) -> dict[str, list[str]]:
        """What finds everything of a workspace, or of every one."""
        found = [f"{INSTANCE}={self.instance}"]
        return {"label": found if workspace is None else [*found, f"{WORKSPACE}={workspace}"]}

    def owner(self, labels: Mapping[str, str] | None) -> str | None:
        """The workspace that something belongs to by its labels; None where it is not ours.

        Labels come from outside, and an id becomes the name of a file: one that cannot be ours is none.
        """
        if not labels or labels.get(INSTANCE) != self.instance:
            return None
        workspace = labels.get(WORKSPACE, "")
        return workspace if _ID.fullmatch(workspace) else None


def container(workspace: str) -> str:
    """Name of a workspace's container, and of its network."""
    return f"nexus-{workspace}"


def image_of(workspace: str) -> str:
    """The repository of the images that belong to a workspace."""
    return f"nexus-{workspace}"


def image(workspace: str) -> str:
    """Name of the image that is built for a workspace."""
    return f"{image_of(workspace)}:built"


def base(workspace: str) -> str:
    """Name of the image that a workspace is made from since it was restored or forked."""
    return f"{image_of(workspace)}:{BASE}"


def checkpoint(checkpoint: str) -> str:
    """Name of the image of a checkpoint."""
    return f"{CHECKPOINTS}:{checkpoint}"
