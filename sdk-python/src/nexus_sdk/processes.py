"""The processes of a workspace, whoever started them."""

from __future__ import annotations

import asyncio
import math
from collections.abc import Sequence
from typing import Literal

from nexus_sdk.connection import Connection
from nexus_sdk.process import start_params
from nexus_sdk.protocol import types

__all__ = ["Processes"]

_STEP = 300.0


class Processes:
    """Processes of one workspace; `workspace.processes`. To follow one, see `Workspace.exec` and `attach`."""

    def __init__(self, connection: Connection, workspace: str) -> None:
        self._connection = connection
        self._workspace = workspace

    async def start(
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
        params = start_params(
            self._workspace,
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
        process: types.Process = await self._connection.call("exec.start", params)
        return process

    async def list(self, *, running: bool = False, labels: dict[str, str] | None = None) -> list[types.Process]:
        """Return processes, newest first.

        Args:
            running: only those that run.
            labels: only those that have all of these.
        """
        listed: types.ExecList = await self._connection.call(
            "exec.list",
            types.ExecListParams(workspace=self._workspace, running=running, labels=dict(labels or {})),
        )
        return listed.processes

    async def get(self, process: str) -> types.Process:
        """Return one process.

        Raises:
            ProcessNotFound: there is none.
        """
        found: types.Process = await self._connection.call("exec.get", types.ExecGetParams(process=process))
        return found

    async def wait(self, process: str, *, timeout: float | None = None) -> types.Process:
        """Wait until a process has ended.

        Args:
            process: its id.
            timeout: seconds to wait; None for no limit. The process is not touched when it passes.

        Raises:
            TimeoutError: it has not ended in time.
        """
        loop = asyncio.get_running_loop()
        deadline = math.inf if timeout is None else loop.time() + timeout
        while True:
            step = max(0.0, min(_STEP, deadline - loop.time()))
            found: types.Process = await self._connection.call(
                "exec.wait", types.ExecWaitParams(process=process, timeout_ms=round(step * 1000))
            )
            if found.state != "running":
                return found
            if loop.time() >= deadline:
                raise TimeoutError(f"process {process} has not ended within {timeout:g} s")

    async def signal(
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
        found: types.Process = await self._connection.call(
            "exec.signal", types.ExecSignalParams(process=process, signal=signal, group=group)
        )
        return found

    async def resize(self, process: str, cols: int, rows: int) -> types.Process:
        """Tell a process's terminal its size, in columns and rows."""
        size = types.PtySize(cols=cols, rows=rows)
        found: types.Process = await self._connection.call(
            "exec.resize", types.ExecResizeParams(process=process, size=size)
        )
        return found

    async def remove(self, process: str) -> None:
        """Forget an ended process and its output."""
        await self._connection.call("exec.remove", types.ExecRemoveParams(process=process))
