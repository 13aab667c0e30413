"""A workspace: its lifecycle, and the way to its files, processes, ports and git."""

from __future__ import annotations

import math
from collections.abc import Sequence
from dataclasses import dataclass
from typing import Any, Literal

from msgspec import UNSET, UnsetType

from nexus_sdk.checkpoints import Checkpoints
from nexus_sdk.connection import Connection, ProgressCallback
from nexus_sdk.exceptions import ProcessError, ProcessTimeout
from nexus_sdk.files import Files
from nexus_sdk.git import Git
from nexus_sdk.ports import Ports
from nexus_sdk.process import HOLD, WINDOW, Process, start_params
from nexus_sdk.processes import Processes
from nexus_sdk.protocol import types

__all__ = ["RunResult", "Workspace"]

SHELL = ("sh", "-c", 'exec "${SHELL:-/bin/sh}" -l')


@dataclass(frozen=True, slots=True, kw_only=True)
class RunResult:
    """What a command did that was run to its end."""

    process: str
    """Its id; its whole output can be attached to while the daemon keeps it."""
    exit_code: int | None
    """The exit code; None where a signal ended it."""
    signal: str | None
    """The signal that ended it, by name without SIG, or None."""
    reason: str
    """`exited`, `signalled`, `timeout` or `stopped`."""
    stdout: str
    """What it wrote to stdout; head and tail where it was longer than `output_limit`."""
    stderr: str
    """What it wrote to stderr, likewise."""
    dropped: int
    """How many bytes were left out between head and tail, both channels."""
    duration: float
    """How long it ran, in seconds."""

    @property
    def ok(self) -> bool:
        """Whether it ended with exit code 0."""
        return self.exit_code == 0


class Workspace:
    """A workspace of a daemon. Made by `nexus.workspaces`; holds the record as it was last told.

    The record is not kept up to date by itself: `refresh` asks for it, and every lifecycle call brings it along.
    """

    def __init__(self, connection: Connection, record: types.Workspace) -> None:
        self._connection = connection
        self._record = record
        self._files = Files(connection, record.id)
        self._ports = Ports(connection, record.id)
        self._git = Git(connection, record.id)
        self._processes = Processes(connection, record.id)
        self._checkpoints = Checkpoints(connection, record.id)

    def __repr__(self) -> str:
        return f"<Workspace {self.name} {self.id} {self.state}>"

    # -- the record --

    @property
    def record(self) -> types.Workspace:
        """Everything the daemon said of it last."""
        return self._record

    @property
    def id(self) -> str:
        """Its id."""
        return self._record.id

    @property
    def name(self) -> str:
        """Its name, unique for its owner."""
        return self._record.name

    @property
    def display_name(self) -> str:
        """Its name for people; its name where it has no other."""
        name = self._record.display_name
        return self._record.name if isinstance(name, UnsetType) else name

    @property
    def state(self) -> types.WorkspaceState:
        """`pending`, `stopped`, `running`, `paused`, `error`, `destroying` or `destroyed`."""
        return self._record.state

    @property
    def message(self) -> str:
        """What went wrong, in state `error`; else empty."""
        return self._record.message

    @property
    def owner(self) -> str:
        """The subject that created it."""
        return self._record.owner

    @property
    def backend(self) -> str:
        """The backend that runs it."""
        return self._record.backend

    @property
    def repository(self) -> types.Repository:
        """Where its code came from."""
        return self._record.repository

    @property
    def branch(self) -> str:
        """Its branch."""
        return self._record.branch

    @property
    def root(self) -> str:
        """Where its files are, as its processes see it."""
        return self._record.root

    @property
    def worktree(self) -> str:
        """The worktree on the daemon's machine."""
        return self._record.worktree

    @property
    def allocated_ports(self) -> list[types.PortMapping]:
        """Ports that belong to it, by name."""
        return self._record.ports

    @property
    def env(self) -> dict[str, str]:
        """Environment of every process in it."""
        return self._record.env

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return self._record.labels

    @property
    def current(self) -> bool:
        """Whether it is the one last switched to in its repository."""
        return self._record.current

    # -- its parts --

    @property
    def files(self) -> Files:
        """Its files."""
        return self._files

    @property
    def ports(self) -> Ports:
        """Its ports."""
        return self._ports

    @property
    def git(self) -> Git:
        """Git in its worktree."""
        return self._git

    @property
    def processes(self) -> Processes:
        """Its processes, those that others started included."""
        return self._processes

    @property
    def checkpoints(self) -> Checkpoints:
        """What it was, at moments that were saved."""
        return self._checkpoints

    # -- lifecycle --

    async def refresh(self) -> Workspace:
        """Ask for the record anew, and return this workspace."""
        self._record = await self._connection.call("workspace.get", types.WorkspaceGetParams(workspace=self.id))
        return self

    async def start(
        self, *, wait: bool = True, on_progress: ProgressCallback | None = None, key: str | None = None
    ) -> types.Operation:
        """Start it; one that runs already is success.

        Args:
            wait: return when it is done; otherwise at once, with the operation under way.
            on_progress: called with `Progress`, in steps.
            key: makes repeating the call safe; None makes a random one.
        """
        return await self._change("workspace.start", 10.0, wait, on_progress, key)

    async def stop(
        self,
        *,
        grace: float = 10.0,
        wait: bool = True,
        on_progress: ProgressCallback | None = None,
        key: str | None = None,
    ) -> types.Operation:
        """Stop it: its processes are asked to end, and killed after `grace` seconds. Files and branch stay."""
        return await self._change("workspace.stop", grace, wait, on_progress, key)

    async def restart(
        self,
        *,
        grace: float = 10.0,
        wait: bool = True,
        on_progress: ProgressCallback | None = None,
        key: str | None = None,
    ) -> types.Operation:
        """Stop it and start it again."""
        return await self._change("workspace.restart", grace, wait, on_progress, key)

    async def pause(
        self, *, wait: bool = True, on_progress: ProgressCallback | None = None, key: str | None = None
    ) -> types.Operation:
        """Freeze its processes.

        Raises:
            CapabilityMissing: its backend cannot.
        """
        return await self._change("workspace.pause", 10.0, wait, on_progress, key)

    async def resume(
        self, *, wait: bool = True, on_progress: ProgressCallback | None = None, key: str | None = None
    ) -> types.Operation:
        """Let frozen processes go on."""
        return await self._change("workspace.resume", 10.0, wait, on_progress, key)

    async def switch(
        self,
        *,
        leave: Literal["keep", "pause", "stop"] | None = None,
        wait: bool = True,
        on_progress: ProgressCallback | None = None,
        key: str | None = None,
    ) -> types.Operation:
        """Make it the current workspace of its repository, starting or resuming it.

        Args:
            leave: what to do with the one that is left; None pauses it where its backend can, else keeps it.
            wait: return when it is done.
            on_progress: called with `Progress`, in steps.
            key: makes repeating the call safe; None makes a random one.
        """
        params = types.WorkspaceSwitchParams(
            workspace=self.id,
            leave=UNSET if leave is None else leave,
            wait=wait,
            key=UNSET if key is None else key,
        )
        result: types.LifecycleResult = await self._connection.call("workspace.switch", params, on_progress=on_progress)
        self._record = result.workspace
        return result.operation

    async def update(
        self,
        *,
        display_name: str | None = None,
        env: dict[str, str] | None = None,
        labels: dict[str, str] | None = None,
        key: str | None = None,
    ) -> Workspace:
        """Change the record; what is None stays. `env` and `labels` replace what was there.

        Returns:
            This workspace.
        """
        params = types.WorkspaceUpdateParams(
            workspace=self.id,
            display_name=UNSET if display_name is None else display_name,
            env=UNSET if env is None else env,
            labels=UNSET if labels is None else labels,
            key=UNSET if key is None else key,
        )
        self._record = await self._connection.call("workspace.update", params)
        return self

    async def destroy(
        self,
        *,
        force: bool = False,
        keep_branch: bool = True,
        grace: float = 10.0,
        wait: bool = True,
        on_progress: ProgressCallback | None = None,
        key: str | None = None,
    ) -> types.WorkspaceDestroyed:
        """Take it down. Work that exists nowhere else is kept, and the result says where.

        Args:
            force: lose uncommitted and unpushed work.
            keep_branch: keep the branch if it has commits of its own; ignored with `force`.
            grace: seconds that processes have to end by themselves.
            wait: return when it is done.
            on_progress: called with `Progress`, in steps.
            key: makes repeating the call safe; None makes a random one.

        Raises:
            WorkspaceDirty: there is work that would be lost.
        """
        params = types.WorkspaceDestroyParams(
            workspace=self.id,
            force=force,
            keep_branch=keep_branch,
            timeout_ms=round(grace * 1000),
            wait=wait,
            key=UNSET if key is None else key,
        )
        result: types.WorkspaceDestroyed = await self._connection.call(
            "workspace.destroy", params, on_progress=on_progress
        )
        self._record = result.workspace
        return result

    async def restore(
        self,
        checkpoint: str,
        *,
        grace: float = 10.0,
        wait: bool = True,
        on_progress: ProgressCallback | None = None,
        key: str | None = None,
    ) -> types.CheckpointRestored:
        """Bring it back to one of its checkpoints. What it is until then is saved as one first: `before`.

        Its processes are ended; if it ran, it is started again.

        Args:
            checkpoint: id or name.
            grace: seconds that processes have to end by themselves.
            wait: return when it is done.
            on_progress: called with `Progress`, in steps.
            key: makes repeating the call safe; None makes a random one.

        Raises:
            CheckpointNotFound: it has none such.
            CheckpointElsewhere: it is one of another workspace; see `nexus.workspaces.fork`.
            CheckpointDamaged: something of it was removed from outside; nothing was changed.
        """
        params = types.CheckpointRestoreParams(
            workspace=self.id,
            checkpoint=checkpoint,
            timeout_ms=round(grace * 1000),
            wait=wait,
            key=UNSET if key is None else key,
        )
        result: types.CheckpointRestored = await self._connection.call(
            "checkpoint.restore", params, on_progress=on_progress
        )
        self._record = result.workspace
        return result

    async def stats(self) -> types.ResourceStats:
        """Return what it uses now: CPU time, memory, processes, disk."""
        result: types.WorkspaceStatsResult = await self._connection.call(
            "workspace.stats", types.WorkspaceGetParams(workspace=self.id)
        )
        return result.stats

    # -- commands --

    def exec(
        self,
        argv: Sequence[str],
        *,
        check: bool = False,
        cwd: str = ".",
        env: dict[str, str] | None = None,
        pty: tuple[int, int] | None = None,
        stdin: bool = False,
        timeout: float | None = None,
        kill_on_exit: bool = True,
        labels: dict[str, str] | None = None,
        log_limit: int | None = None,
        window: int = WINDOW,
        hold: float = HOLD,
        key: str | None = None,
    ) -> Process:
        """Start a command and follow it: `async with workspace.exec([...]) as process`. See `Process` for leaving.

        Args:
            argv: the command, as a list; no shell interprets it.
            check: raise `ProcessError` on leaving when it did not end with exit code 0.
            cwd: where, relative to the workspace's root.
            env: added to the workspace's environment.
            pty: give it a terminal of (columns, rows); None for pipes.
            stdin: keep its stdin open; a terminal always has one.
            timeout: seconds after which it is killed by the daemon; None for never.
            kill_on_exit: kill it on leaving early; otherwise it is detached and runs on.
            labels: labels to find it by.
            log_limit: how much output the daemon keeps, in bytes; None for 16 MiB.
            window: how much output may wait here unread, in bytes, before the process has to wait.
            hold: seconds for which unread output is kept for this client after a lost connection.
            key: makes repeating the start safe; None makes a random one.

        Raises on entering:
            CommandNotFound, CwdInvalid, SpawnFailed: it could not be started.
            WorkspaceState: the workspace does not run.
        """
        start = start_params(
            self.id,
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
        return Process(self._connection, start=start, check=check, kill_on_exit=kill_on_exit, window=window, hold=hold)

    def shell(
        self,
        argv: Sequence[str] = SHELL,
        *,
        cols: int = 80,
        rows: int = 24,
        cwd: str = ".",
        env: dict[str, str] | None = None,
        kill_on_exit: bool = True,
        labels: dict[str, str] | None = None,
        key: str | None = None,
    ) -> Process:
        """Start an interactive command in a terminal; by default the user's login shell. Otherwise as `exec`."""
        return self.exec(
            argv,
            pty=(cols, rows),
            stdin=True,
            cwd=cwd,
            env={"TERM": "xterm-256color", **(env or {})},
            kill_on_exit=kill_on_exit,
            labels=labels,
            key=key,
        )

    def attach(
        self,
        process: str,
        *,
        offset: int = 0,
        tail: int | None = None,
        role: Literal["auto", "controller", "observer"] = "auto",
        takeover: bool = False,
        check: bool = False,
        kill_on_exit: bool = False,
        window: int = WINDOW,
        hold: float = HOLD,
    ) -> Process:
        """Follow a process that runs, or ended a while ago: `async with workspace.attach(id) as process`.

        Args:
            process: its id.
            offset: first byte of output wanted.
            tail: begin so many bytes before the end instead, or at the earliest kept.
            role: `controller` to write to stdin and resize, `observer` to read only, `auto` for what is free.
            takeover: take control from another attachment.
            check: raise `ProcessError` on leaving when it is known to have failed.
            kill_on_exit: kill it on leaving early, instead of detaching.
            window: how much output may wait here unread, in bytes.
            hold: seconds for which unread output is kept for this client after a lost connection.

        Raises on entering:
            ProcessNotFound: there is none.
            OffsetExpired: output at `offset` is no longer kept.
            NotController: another attachment controls it.
        """
        return Process(
            self._connection,
            process=process,
            offset=offset,
            tail=tail,
            role=role,
            takeover=takeover,
            check=check,
            kill_on_exit=kill_on_exit,
            window=window,
            hold=hold,
        )

    async def run(
        self,
        argv: Sequence[str],
        *,
        check: bool = False,
        input: str | bytes | None = None,
        cwd: str = ".",
        env: dict[str, str] | None = None,
        timeout: float | None = 600.0,
        output_limit: int = 262_144,
        key: str | None = None,
    ) -> RunResult:
        """Run a command to its end and return its output, in one call. Cancelling kills it.

        Args:
            argv: the command, as a list; no shell interprets it.
            check: raise `ProcessError`, or `ProcessTimeout`, when it did not end with exit code 0.
            input: what it reads from stdin, text as UTF-8; None closes stdin.
            cwd: where, relative to the workspace's root.
            env: added to the workspace's environment.
            timeout: seconds after which it is killed; None for never.
            output_limit: at most so many bytes of each channel are returned: the first half and the last half.
            key: makes repeating the call safe; None makes a random one.
        """
        start = start_params(self.id, argv, timeout=timeout)
        options: dict[str, Any] = {}
        if input is not None:
            options["input"] = input.encode() if isinstance(input, str) else bytes(input)
        if key is not None:
            options["key"] = key
        params = types.ExecRunParams(
            workspace=self.id,
            argv=start.argv,
            cwd=cwd,
            env=dict(env or {}),
            timeout_ms=start.timeout_ms,
            output_limit=output_limit,
            **options,
        )
        ran: types.ExecRunResult = await self._connection.call("exec.run", params)
        status = ran.exit
        result = RunResult(
            process=ran.process,
            exit_code=None if isinstance(status.code, UnsetType) else status.code,
            signal=None if isinstance(status.signal, UnsetType) else status.signal,
            reason=status.reason,
            stdout=ran.stdout.text,
            stderr=ran.stderr.text,
            dropped=ran.stdout.dropped + ran.stderr.dropped,
            duration=ran.duration_ms / 1000,
        )
        if check and not result.ok:
            _raise(start.argv, result, timeout)
        return result

    async def _change(
        self, method: str, grace: float, wait: bool, on_progress: ProgressCallback | None, key: str | None
    ) -> types.Operation:
        params = types.WorkspaceChangeParams(
            workspace=self.id, wait=wait, timeout_ms=round(grace * 1000), key=UNSET if key is None else key
        )
        result: types.LifecycleResult = await self._connection.call(method, params, on_progress=on_progress)
        self._record = result.workspace
        return result.operation


def _raise(argv: list[str], result: RunResult, timeout: float | None) -> None:
    out, err = result.stdout.encode(), result.stderr.encode()
    if result.reason == "timeout":
        limit = None if timeout is None or math.isinf(timeout) else timeout
        raise ProcessTimeout(argv, result.exit_code, result.signal, out, err, process=result.process, timeout=limit)
    raise ProcessError(argv, result.exit_code, result.signal, out, err, process=result.process)
