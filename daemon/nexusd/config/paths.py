"""NEXUS_HOME: where everything of one installation is kept.

Keys and sockets lie there, so the directory must belong to whom the daemon runs as, and nobody else may write to it.
"""

from __future__ import annotations

import os
import stat
from collections.abc import Mapping
from pathlib import Path


class HomeUnusable(Exception):
    """NEXUS_HOME cannot be used. `hint` says what to do."""

    def __init__(self, message: str, hint: str) -> None:
        super().__init__(message)
        self.message = message
        self.hint = hint

    def __str__(self) -> str:
        return f"{self.message}. {self.hint}"


class Home:
    """The places below one NEXUS_HOME.

    Args:
        path: the directory; made absolute, links in it are left alone.

    Attributes:
        path: the directory.
        config: ``config.yaml``, the user's layer.
        keys: private keys.
        run: sockets; emptied by a restart of the host without harm.
        state: the database and the output of processes.
        programs: what is run in workspaces, nexus-init.
        logs: the audit log.
        repositories: shared clones of remote repositories.
        worktrees: worktrees of those.
    """

    def __init__(self, path: str | os.PathLike[str]) -> None:
        self.path = Path(os.path.abspath(path))
        self.config = self.path / "config.yaml"
        self.keys = self.path / "keys"
        self.run = self.path / "run"
        self.state = self.path / "state"
        self.programs = self.state / "programs"
        self.logs = self.path / "logs"
        self.repositories = self.path / "repositories"
        self.worktrees = self.path / "worktrees"

    def __fspath__(self) -> str:
        return str(self.path)

    @classmethod
    def find(cls, environ: Mapping[str, str] = os.environ) -> Home:
        """The home that the environment names: ``NEXUS_HOME``, else ``~/.nexus``."""
        return cls(environ.get("NEXUS_HOME") or os.path.expanduser("~/.nexus"))

    @property
    def database(self) -> Path:
        """The database."""
        return self.state / "nexus.db"

    @property
    def audit_log(self) -> Path:
        """The audit log."""
        return self.logs / "audit.log"

    def socket(self, configured: str | None = None) -> Path:
        """The Unix socket: `configured` (the key daemon.socket), else its place in this home."""
        return Path(configured) if configured is not None else self.run / "nexusd.sock"

    def prepare(self) -> None:
        """Make the directories that are missing, 0700, and refuse a home that others can write to.

        Raises:
            HomeUnusable: it belongs to somebody else, others may write to it, or it cannot be made.
        """
        for directory in (
            self.path,
            self.keys,
            self.run,
            self.state,
            self.logs,
            self.repositories,
            self.worktrees,
        ):
            self._prepare(directory)

    def _prepare(self, directory: Path) -> None:
        try:
            directory.mkdir(mode=0o700, parents=directory == self.path, exist_ok=True)
            found = os.stat(directory)
        except FileExistsError:
            raise HomeUnusable(f"{directory} is not a directory", "Move it away.") from None
        except OSError as error:
            raise HomeUnusable(
                f"{directory} cannot be made ({error.strerror or error})", "Choose another NEXUS_HOME."
            ) from error
        if found.st_uid != os.geteuid():
            raise HomeUnusable(
                f"{directory} belongs to user id {found.st_uid}, and this is user id {os.geteuid()}",
                "Choose another NEXUS_HOME, or run as its owner.",
            )
        mode = stat.S_IMODE(found.st_mode)
        if mode & (stat.S_IWGRP | stat.S_IWOTH):
            raise HomeUnusable(
                f"{directory} can be written to by others (mode {mode:04o})", f"Run: chmod go-w {directory}"
            )
