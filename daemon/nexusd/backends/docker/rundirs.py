"""The run directory of each machine: the helper's socket and, until it has read it, the secret. Mounted into it."""

from __future__ import annotations

import contextlib
import os
import shutil
from pathlib import Path

from nexusd.failpoints import failpoint

SOCKET = "init.sock"
SECRET = "secret"  # noqa: S105 - a name


class RunDirs:
    """The directories below one. Blocking.

    Args:
        directory: where they are; nobody but us may look into it.
    """

    def __init__(self, directory: Path) -> None:
        self._directory = directory

    def path(self, workspace: str) -> Path:
        """The directory of a machine."""
        return self._directory / workspace

    def make(self, workspace: str, uid: int, gid: int) -> Path:
        """Make it, empty but for what a running helper keeps there, for a user inside. Raises OSError."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        path = self.path(workspace)
        path.mkdir(mode=0o700, exist_ok=True)
        failpoint("docker.run.made")
        # The user inside may be another than we are: only root may give it away, and only root needs to.
        if os.stat(path, follow_symlinks=False).st_uid != uid:
            os.chown(path, uid, gid, follow_symlinks=False)
        return path

    def all(self) -> list[str]:
        """The workspaces that have one."""
        try:
            return sorted(os.listdir(self._directory))
        except FileNotFoundError:
            return []

    def remove(self, workspace: str) -> None:
        """Remove it. Links that somebody made in it are removed, never followed."""
        with contextlib.suppress(FileNotFoundError):
            shutil.rmtree(self.path(workspace))

    def hold(self, workspace: str) -> Held:
        """Open it, to reach the helper's socket for as long as somebody speaks to it. Raises OSError."""
        flags = os.O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC
        return Held(os.open(self.path(workspace), flags))


class Held:
    """An open run directory.

    Attributes:
        socket: the helper's socket, under a name short enough for a socket's address (108 bytes).
    """

    def __init__(self, fd: int) -> None:
        self._fd: int | None = fd
        self.socket = Path(f"/proc/self/fd/{fd}/{SOCKET}")

    def close(self) -> None:
        """Let go of it; the socket's name means nothing from then on."""
        if self._fd is not None:
            os.close(self._fd)
            self._fd = None
