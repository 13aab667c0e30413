"""What one invocation knows: its options, where the daemon is, and where to print."""

from __future__ import annotations

import errno
import os
from pathlib import Path
from typing import Any

from boulder.output import Output

__all__ = ["App"]


class App:
    """One invocation of the command line.

    Attributes:
        out: where to print.
        url: the daemon's URL as given, or None.
        command_runs: whether an exit code of ours could be taken for the one of a command in a workspace.
    """

    def __init__(self, *, url: str | None = None, out: Output | None = None) -> None:
        self.out = out or Output()
        self.url = url
        self.command_runs = False

    def set(self, name: str, value: Any) -> None:
        """Take an option that every command takes."""
        if name == "url":
            self.url = value
        else:
            setattr(self.out, name, value)

    @property
    def home(self) -> Path:
        """NEXUS_HOME, absolute."""
        home = os.environ.get("NEXUS_HOME")
        return Path(os.path.abspath(os.path.expanduser(home or "~/.nexus")))

    @property
    def home_is_set(self) -> bool:
        """Whether this is another home than the user's usual one, whose service it therefore is not."""
        return bool(os.environ.get("NEXUS_HOME"))

    @property
    def socket(self) -> Path:
        """The Unix socket of the daemon in this home."""
        return self.home / "run" / "nexusd.sock"

    @property
    def own_daemon(self) -> bool:
        """Whether the daemon is the one of this home, which we may start."""
        return self.url is None and not os.environ.get("NEXUS_URL")

    def failure_code(self, error: BaseException, code: int) -> int:
        """Return the exit code of a failure, which must not look like one of a command in a workspace."""
        if not self.command_runs:
            return code
        name = getattr(error, "name", "")
        if name == "command_not_found":
            # as a shell does it: what is there and cannot be executed is another thing than what is not there
            absent = os.strerror(errno.ENOENT)
            return 127 if getattr(getattr(error, "details", None), "reason", absent) == absent else 126
        return 126 if name in ("spawn_failed", "cwd_invalid") else 125
