"""Which workspace and which repository are meant where nobody says."""

from __future__ import annotations

import os
import re
import subprocess
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, NamedTuple
from urllib.parse import urlsplit

from boulder.errors import CliError
from boulder.exits import USAGE

if TYPE_CHECKING:
    from nexus_sdk.discovery import Address
    from nexus_sdk.protocol import types

__all__ = [
    "Checkout",
    "WorkspaceUnnamed",
    "around",
    "check_local",
    "checkout",
    "from_branch",
    "from_source",
    "inside",
    "is_name",
    "is_url",
    "meant",
]

_GIT_SECONDS = 10
_MAX_NAME = 63
_NAME = re.compile(r"[a-z0-9]([a-z0-9-]{0,61}[a-z0-9])?")
_SCP = re.compile(r"[A-Za-z0-9._-]+@?[A-Za-z0-9.-]*:(?!//)")


class WorkspaceUnnamed(CliError):
    """It is not clear which workspace is meant."""

    def __init__(self, message: str) -> None:
        super().__init__(
            message,
            hint="name it (`boulder ls` lists them), or make it the current one: boulder switch NAME",
            name="workspace_unnamed",
            exit=USAGE,
        )


class Checkout(NamedTuple):
    """The git repository around a directory.

    Attributes:
        root: its main worktree, or the bare repository: what stands for the repository.
        branch: the branch that is checked out in the directory; None where HEAD is detached.
    """

    root: Path
    branch: str | None


def checkout(directory: Path | None = None) -> Checkout | None:
    """Return the repository around a directory; None if there is none.

    Raises:
        CliError: git is missing, or refuses to look at the repository.
    """
    where = directory or _here()
    found = _git(where, "rev-parse", "--git-common-dir", "--is-bare-repository", "--show-prefix")
    if found is None:
        return None
    common, bare = found.split("\n")[:2]
    path = Path(os.path.realpath(where / common))
    root = path if bare == "true" or path.name != ".git" else path.parent
    branch = _git(where, "symbolic-ref", "--quiet", "--short", "HEAD")
    return Checkout(root, branch or None)


def _here() -> Path:
    try:
        return Path.cwd()
    except FileNotFoundError:
        raise CliError(
            "the current directory has been removed", hint="cd to another one", name="directory_gone"
        ) from None


def _git(directory: Path, *argv: str) -> str | None:
    try:
        done = subprocess.run(
            ["git", "-C", str(directory), *argv],
            stdin=subprocess.DEVNULL,
            capture_output=True,
            timeout=_GIT_SECONDS,
            check=False,
        )
    except FileNotFoundError:
        raise CliError("git is not installed", hint="install it: apt install git", name="git_missing") from None
    except subprocess.TimeoutExpired:
        raise CliError(f"git did not answer in {_GIT_SECONDS} s in {directory}", name="git_failed") from None
    said = done.stderr.decode(errors="replace")
    if done.returncode and "dubious ownership" in said:
        raise CliError(
            f"git refuses the repository around {directory}: it belongs to somebody else",
            hint=f"git config --global --add safe.directory {directory}",
            name="repository_unusable",
        )
    return None if done.returncode else done.stdout.decode(errors="surrogateescape").strip("\n")


def from_branch(branch: str) -> str | None:
    """Return the workspace name that a branch gives; None where nothing of it can be used.

    The branch of a workspace gives the name of that workspace.
    """
    slug = re.sub(r"[^a-z0-9]+", "-", branch.removeprefix("nexus/").lower()).strip("-")
    return slug[:_MAX_NAME].strip("-") or None


def from_source(source: str) -> str | None:
    """Return the workspace name that a path or URL of a repository gives."""
    path = urlsplit(source).path if "://" in source else source.rpartition(":")[2]
    return from_branch(path.rstrip("/").removesuffix(".git").rpartition("/")[2])


def is_name(name: str) -> bool:
    """Whether a workspace can have this name."""
    return _NAME.fullmatch(name) is not None


def is_url(source: str) -> bool:
    """Whether a repository is named by a URL, or as ``user@host:path``, rather than by a path."""
    if "://" in source:
        return True
    return bool(_SCP.match(source)) and not Path(source).exists()


def inside(found: Sequence[Any], directory: Path | None = None) -> Any | None:
    """Return the workspace whose worktree holds a directory; the innermost, if they are nested."""
    where = Path(os.path.realpath(directory or _here()))
    holders = [
        workspace
        for workspace in found
        if workspace.worktree and where.is_relative_to(os.path.realpath(workspace.worktree))
    ]
    return max(holders, key=lambda workspace: len(workspace.worktree), default=None)


def around(found: Sequence[Any], directory: Path | None = None) -> Any | None:
    """Return the workspace that the environment names, else the current one of the repository around a directory.

    Each owner has a current one: where the token sees those of several, none is taken.
    """
    own = os.environ.get("NEXUS_WORKSPACE")
    for workspace in found:
        if own and workspace.id == own:
            return workspace
    here = checkout(directory)
    if here is None:
        return None
    mine = [workspace for workspace in found if os.path.realpath(workspace.repository.path or "/") == str(here.root)]
    likely = [workspace for workspace in mine if workspace.current] or mine
    return likely[0] if len(likely) == 1 else None


def check_local(address: Address) -> None:
    """Raise WorkspaceUnnamed where the current directory says nothing, because the daemon is elsewhere."""
    if not address.loopback:
        raise WorkspaceUnnamed("the daemon is on another machine, so the current directory does not tell the workspace")


def meant(found: list[types.Workspace]) -> str:
    """Return the id of the workspace that is meant where none is named.

    Raises:
        WorkspaceUnnamed: none is.
    """
    workspace = inside(found) or around(found)
    if workspace is None:
        raise WorkspaceUnnamed("no workspace is named, and the current directory does not tell which is meant")
    return str(workspace.id)
