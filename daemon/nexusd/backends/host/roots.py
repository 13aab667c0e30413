"""Open worktrees: one directory descriptor per workspace, so that a machine is cheap to make."""

from __future__ import annotations

import os
import threading
import time

from nexus_sdk.protocol.errors import BackendFailed

from nexusd.backends.base import MachineSpec, RootHandle
from nexusd.files.beneath import Beneath

LINGER = 900.0
"""Seconds that a descriptor outlives its workspace: far beyond any call that might still work beneath it."""


class Roots:
    """Opens worktrees and keeps them open. Used from any thread.

    A descriptor's number that is closed under a call in another thread would soon name another tenant's directory; so
    one that is no longer wanted is closed much later, by `sweep`.

    Args:
        backend: the backend's name, for errors.
        seen_as: where a worktree is as its processes see it; None: at its own path.
    """

    def __init__(self, backend: str = "host", seen_as: str | None = None) -> None:
        self._backend = backend
        self._seen_as = seen_as
        self._lock = threading.Lock()  # guards both
        self._open: dict[str, tuple[RootHandle, Beneath, str]] = {}
        self._retired: list[tuple[float, int]] = []

    def open(self, spec: MachineSpec) -> RootHandle:
        """The root of a workspace. Opened again where the worktree was made anew. Raises BackendFailed."""
        return self._get(spec)[0]

    def beneath(self, spec: MachineSpec) -> Beneath:
        """What resolves paths below it. Raises BackendFailed."""
        return self._get(spec)[1]

    def _get(self, spec: MachineSpec) -> tuple[RootHandle, Beneath, str]:
        try:
            now = os.stat(spec.worktree)
            with self._lock:
                if (held := self._open.get(spec.workspace)) is not None:
                    handle = held[0]
                    before = os.fstat(handle.fd)
                    if held[2] == spec.worktree and (before.st_dev, before.st_ino) == (now.st_dev, now.st_ino):
                        return held
                    self._retired.append((time.monotonic(), handle.fd))
                fd = os.open(spec.worktree, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
                handle = RootHandle(fd=fd, path=self._seen_as or spec.worktree)
                held = self._open[spec.workspace] = handle, Beneath(handle), spec.worktree
                return held
        except OSError as error:
            reason = error.strerror or str(error)
            raise BackendFailed(
                f"the worktree of workspace {spec.name} cannot be opened: {reason}",
                hint="Was the directory moved or removed by hand? Destroy the workspace and create it anew.",
                backend=self._backend,
                step="root",
                reason=reason,
            ) from None

    def retire(self, workspace: str) -> None:
        """The workspace is gone."""
        with self._lock:
            if (held := self._open.pop(workspace, None)) is not None:
                self._retired.append((time.monotonic(), held[0].fd))

    def sweep(self, now: float | None = None) -> None:
        """Close what was retired long ago."""
        now = time.monotonic() if now is None else now
        with self._lock:
            old = [fd for since, fd in self._retired if now - since >= LINGER]
            self._retired = [(since, fd) for since, fd in self._retired if now - since < LINGER]
        for fd in old:
            os.close(fd)

    def close(self) -> None:
        """Close everything. No call may be at work any more."""
        with self._lock:
            fds = [handle.fd for handle, *_ in self._open.values()] + [fd for _, fd in self._retired]
            self._open.clear()
            self._retired.clear()
        for fd in fds:
            os.close(fd)
