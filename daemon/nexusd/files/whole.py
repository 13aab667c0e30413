"""The whole filesystem of a machine, as its processes see it: what lies around the worktree, too.

It is less ours than a worktree: links, devices, FIFOs and what is mounted there were chosen by whoever made the image
or works inside. So its files are worked on in the name of the machine's user (`acting`), and only what was reached
through a mount that is known to hold files is served: never the kernel's filesystems, nor what Nexus keeps there.
"""

from __future__ import annotations

import asyncio
from collections.abc import Collection
from contextlib import AbstractContextManager
from typing import Any, Protocol, runtime_checkable

from nexusd.backends.base import RootHandle
from nexusd.files.acting import Actor, acting
from nexusd.files.beneath import Beneath, escapes
from nexusd.files.syscalls import mount_id


class Whole(Beneath):
    """The files of a machine that runs. Every call on it is made in the context of `acting`.

    Absolute paths begin at the machine's root, relative ones at the worktree; a relative path that climbs over the
    worktree is `PathEscapes` here, too. Results show paths below the worktree relative to it, others absolute.

    Args:
        handle: the machine's root directory.
        worktree: where the worktree is in it; absolute.
        actor: the machine's user.
        mounts: ids of the mounts whose files are served.
        ended: done when the machine is not there any more, or is another.

    Attributes:
        ended: the same.
    """

    def __init__(
        self, handle: RootHandle, worktree: str, actor: Actor, mounts: Collection[int], ended: asyncio.Future[Any]
    ) -> None:
        super().__init__(handle)
        self.ended = ended
        self._start = tuple(part for part in worktree.split("/") if part)
        self._actor = actor
        self._mounts = frozenset(mounts)

    def acting(self) -> AbstractContextManager[None]:
        """See `Beneath.acting`. Raises PermissionDenied where this daemon cannot act as the machine's user."""
        return self._actor.act(self._serves)

    def open_above(self) -> int:
        """There is nothing above."""
        raise FileNotFoundError

    def spell(self, parts: tuple[str, ...]) -> str:
        """See `Beneath.spell`."""
        if parts[: len(self._start)] == self._start:
            return super().spell(parts[len(self._start) :])
        return "/" + "/".join(parts)

    def _placed(self, path: str, cleaned: tuple[str, ...] | None) -> tuple[str, ...]:
        if cleaned is None:
            raise escapes(path)
        return cleaned if path.startswith("/") else self._start + cleaned

    def _lookup(self, parts: tuple[str, ...], flags: int) -> int:
        if not acting(self._actor):
            raise RuntimeError("a machine's files are touched in its user's name only")
        return super()._lookup(parts, flags)

    def _serves(self, fd: int) -> bool:
        return mount_id(fd) in self._mounts


@runtime_checkable
class Enclosed(Protocol):
    """What a `Machine` is as well where its processes see another filesystem than this node's."""

    async def whole(self) -> Whole:
        """That filesystem. Only while the machine runs.

        Raises:
            BackendFailed: it does not run, or does not answer.
            CapabilityMissing: its files cannot be reached from here.
        """
        ...
