# Generated from nexus_sdk's asynchronous classes; do not edit.
"""Synchronous twin of nexus_sdk.workspace."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Literal

import nexus_sdk.workspace
from nexus_sdk.connection import ProgressCallback
from nexus_sdk.portal import Facade
from nexus_sdk.process import HOLD, WINDOW
from nexus_sdk.protocol import types
from nexus_sdk.sync.checkpoints import Checkpoints
from nexus_sdk.sync.files import Files
from nexus_sdk.sync.git import Git
from nexus_sdk.sync.ports import Ports
from nexus_sdk.sync.process import Process
from nexus_sdk.sync.processes import Processes
from nexus_sdk.workspace import SHELL, RunResult

__all__ = ["Workspace"]


class Workspace(Facade):
    """A workspace of a daemon. Made by `nexus.workspaces`; holds the record as it was last told.

    The record is not kept up to date by itself: `refresh` asks for it, and every lifecycle call brings it along.
    """

    _inner: nexus_sdk.workspace.Workspace

    @property
    def record(self) -> types.Workspace:
        """Everything the daemon said of it last."""
        return self._inner.record

    @property
    def id(self) -> str:
        """Its id."""
        return self._inner.id

    @property
    def name(self) -> str:
        """Its name, unique for its owner."""
        return self._inner.name

    @property
    def display_name(self) -> str:
        """Its name for people; its name where it has no other."""
        return self._inner.display_name

    @property
    def state(self) -> types.WorkspaceState:
        """`pending`, `stopped`, `running`, `paused`, `error`, `destroying` or `destroyed`."""
        return self._inner.state

    @property
    def message(self) -> str:
        """What went wrong, in state `error`; else empty."""
        return self._inner.message

    @property
    def owner(self) -> str:
        """The subject that created it."""
        return self._inner.owner

    @property
    def backend(self) -> str:
        """The backend that runs it."""
        return self._inner.backend

    @property
    def repository(self) -> types.Repository:
        """Where its code came from."""
        return self._inner.repository

    @property
    def branch(self) -> str:
        """Its branch."""
        return self._inner.branch

    @property
    def root(self) -> str:
        """Where its files are, as its processes see it."""
        return self._inner.root

    @property
    def worktree(self) -> str:
        """The worktree on the daemon's machine."""
        return self._inner.worktree

    @property
    def allocated_ports(self) -> list[types.PortMapping]:
        """Ports that belong to it, by name."""
        return self._inner.allocated_ports

    @property
    def env(self) -> dict[str, str]:
        """Environment of every process in it."""
        return self._inner.env

    @property
    def labels(self) -> dict[str, str]:
        """Its labels."""
        return self._inner.labels

    @property
    def current(self) -> bool:
        """Whether it is the one last switched to in its repository."""
        return self._inner.current

    @property
    def files(self) -> Files:
        """Its files."""
        return self._wrap(Files, self._inner.files)

    @property
    def ports(self) -> Ports:
        """Its ports."""
        return self._wrap(Ports, self._inner.ports)

    @property
    def git(self) -> Git:
        """Git in its worktree."""
        return self._wrap(Git, self._inner.git)

    @property
    def processes(self) -> Processes:
        """Its processes, those that others started included."""
        return self._wrap(Processes, self._inner.processes)

    @property
    def checkpoints(self) -> Checkpoints:
        """What it was, at moments that were saved."""
        return self._wrap(Checkpoints, self._inner.checkpoints)

    def refresh(self) -> Workspace:
        """Ask for the record anew, and return this workspace."""
        self._run(self._inner.refresh())
        return self

    def start(
        self,
        *,
        wait: bool = True,
        on_progress: ProgressCallback | None = None,
        key: str | None = None,
    ) -> types.Operation:
        """Start it; one that runs already is success.

        Args:
            wait: return when it is done; otherwise at once, with the operation under way.
            on_progress: called with `Progress`, in steps.
            key: makes repeating the call safe; None makes a random one.
        """
        return self._run(self._inner.start(wait=wait, on_progress=on_progress, key=key))

    def stop(
        self,
        *,
        grace: float = 10.0,
        wait: bool = True,
        on_progress: ProgressCallback | None = None,
        key: str | None = None,
    ) -> types.Operation:
        """Stop it: its processes are asked to end, and killed after `grace` seconds. Files and branch stay."""
        return self._run(self._inner.stop(grace=grace, wait=wait, on_progress=on_progress, key=key))

    def restart(
        self,
        *,
        grace: float = 10.0,
        wait: bool = True,
        on_progress: ProgressCallback | None = None,
        key: str | None = None,
    ) -> types.Operation:
        """Stop it and start it again."""
        return self._run(self._inner.restart(grace=grace, wait=wait, on_progress=on_progress, key=key))

    def pause(
        self,
        *,
        wait: bool = True,
        on_progress: ProgressCallback | None = None,
        key: str | None = None,
    ) -> types.Operation:
        """Freeze its processes.

        Raises:
            CapabilityMissing: its backend cannot.
        """
        return self._run(self._inner.pause(wait=wait, on_progress=on_progress, key=key))

    def resume(
        self,
        *,
        wait: bool = True,
        on_progress: ProgressCallback | None = None,
        key: str | None = None,
    ) -> types.Operation:
        """Let frozen processes go on."""
        return self._run(self._inner.resume(wait=wait, on_progress=on_progress, key=key))

    def switch(
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
        return self._run(self._inner.switch(leave=leave, wait=wait, on_progress=on_progress, key=key))

    def update(
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
        self._run(self._inner.update(display_name=display_name, env=env, labels=labels, key=key))
        return self

    def destroy(
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
        return self._run(
            self._inner.destroy(
                force=force,
                keep_branch=keep_branch,
                grace=grace,
                wait=wait,
                on_progress=on_progress,
                key=key,
            )
        )

    def restore(
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
        return self._run(
            self._inner.restore(
                checkpoint,
                grace=grace,
                wait=wait,
                on_progress=on_progress,
                key=key,
            )
        )

    def stats(self) -> types.ResourceStats:
        """Return what it uses now: CPU time, memory, processes, disk."""
        return self._run(self._inner.stats())

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
        """Start a command and follow it: `with workspace.exec([...]) as process`. See `Process` for leaving.

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
        inner = self._inner.exec(
            argv,
            check=check,
            cwd=cwd,
            env=env,
            pty=pty,
            stdin=stdin,
            timeout=timeout,
            kill_on_exit=kill_on_exit,
            labels=labels,
            log_limit=log_limit,
            window=window,
            hold=hold,
            key=key,
        )
        return self._wrap(Process, inner)

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
        inner = self._inner.shell(
            argv,
            cols=cols,
            rows=rows,
            cwd=cwd,
            env=env,
            kill_on_exit=kill_on_exit,
            labels=labels,
            key=key,
        )
        return self._wrap(Process, inner)

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
        """Follow a process that runs, or ended a while ago: `with workspace.attach(id) as process`.

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
        inner = self._inner.attach(
            process,
            offset=offset,
            tail=tail,
            role=role,
            takeover=takeover,
            check=check,
            kill_on_exit=kill_on_exit,
            window=window,
            hold=hold,
        )
        return self._wrap(Process, inner)

    def run(
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
        return self._run(
            self._inner.run(
                argv,
                check=check,
                input=input,
                cwd=cwd,
                env=env,
                timeout=timeout,
                output_limit=output_limit,
                key=key,
            )
        )
