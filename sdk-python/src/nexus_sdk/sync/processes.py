# Generated from nexus_sdk's asynchronous classes; do not edit.
"""Synchronous twin of nexus_sdk.processes."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import nexus_sdk.processes
from nexus_sdk.portal import Facade
from nexus_sdk.protocol import types

__all__ = ["Processes"]


class Processes(Facade):
    """Processes of one workspace; `workspace.processes`. To follow one, see `Workspace.exec` and `attach`."""

    _inner: nexus_sdk.processes.Processes

    def start(
        self,
        argv: Sequence[str],
        *,
        cwd: str = ".",
        env: dict[str, str] | None = None,
        pty: tuple[int, int] | None = None,
        stdin: bool = False,
        timeout: float | None = None,
        labels: dict[str, str] | None = None,
        log_limit: int | None = None,
        key: str | None = None,
    ) -> types.Process:
        """Start a command without following it; arguments as in `Workspace.exec`."""
        return self._run(
            self._inner.start(
                argv,
                cwd=cwd,
                env=env,
                pty=pty,
                stdin=stdin,
                timeout=timeout,
                labels=labels,
                log_limit=log_limit,
                key=key,
            )
        )

    def list(
        self,
        *,
        running: bool = False,
        labels: dict[str, str] | None = None,
    ) -> list[types.Process]:
        """Return processes, newest first.

        Args:
            running: only those that run.
            labels: only those that have all of these.
        """
        return self._run(self._inner.list(running=running, labels=labels))

    def get(self, process: str) -> types.Process:
        """Return one process.

        Raises:
            ProcessNotFound: there is none.
        """
        return self._run(self._inner.get(process))

    def wait(
        self,
        process: str,
        *,
        timeout: float | None = None,
    ) -> types.Process:
        """Wait until a process has ended.

        Args:
            process: its id.
            timeout: seconds to wait; None for no limit. The process is not touched when it passes.

        Raises:
            TimeoutError: it has not ended in time.
        """
        return self._run(self._inner.wait(process, timeout=timeout))

    def signal(
        self,
        process: str,
        signal: Literal["HUP", "INT", "QUIT", "TERM", "KILL", "USR1", "USR2", "STOP", "CONT", "WINCH"] = "TERM",
        *,
        group: bool = True,
    ) -> types.Process:
        """Send a signal to a process, with `group` to its group and all its descendants.

        Raises:
            ProcessExited: it has ended.
        """
        return self._run(self._inner.signal(process, signal, group=group))

    def resize(
        self,
        process: str,
        cols: int,
        rows: int,
    ) -> types.Process:
        """Tell a process's terminal its size, in columns and rows."""
        return self._run(self._inner.resize(process, cols, rows))

    def remove(self, process: str) -> None:
        """Forget an ended process and its output."""
        self._run(self._inner.remove(process))
