"""The keepers of workspaces on this host: a nexus-init for each that has processes, so that they outlive the daemon.

A keeper is started with the first process of a workspace and ends with the workspace's stop, or by itself where nobody
is left to keep anything for. It is a child of ours in a session of its own; the next daemon finds it by its note.
"""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import resource
import select
import shutil
import signal
from collections.abc import Callable
from pathlib import Path
from typing import Final, NamedTuple

import msgspec
from nexus_sdk.protocol.errors import BackendFailed, NexusError

from nexusd.backends.host import tree
from nexusd.backends.host.census import read
from nexusd.backends.host.libc import FileActions
from nexusd.backends.host.lookout import Lookout
from nexusd.backends.host.reaper import Reaper
from nexusd.backends.host.spawn import FILE_LIMIT
from nexusd.backends.keeper.binary import new_secret
from nexusd.backends.keeper.failures import KeeperGone, KeeperRefused
from nexusd.backends.keeper.keeper import Keeper
from nexusd.backends.keeper.upgrading import current
from nexusd.backends.records import Records
from nexusd.failpoints import failpoint

log = logging.getLogger(__name__)

PATIENCE: Final = 10.0
"""Seconds that a keeper may take until it answers, or until it has ended."""
SOCKET: Final = "init.sock"
IDLE: Final = "5s"
"""After so long without daemon and process a keeper ends by itself."""


class Keeping(NamedTuple):
    """What it takes to keep processes.

    Attributes:
        program: nexus-init.
        run: where the sockets are made; nobody but us may look into it.
        log_of: where the output of a process is kept, by its id.
    """

    program: Path
    run: Path
    log_of: Callable[[str], Path]


class Note(msgspec.Struct, kw_only=True):
    """One keeper: what it takes to find it again.

    Attributes:
        workspace: whose processes it keeps.
        secret: what it and we know, base64.
        pid, started: its process, as in `nexusd.backends.host.census.Proc`.
    """

    workspace: str
    secret: str
    pid: int
    started: int


class Held:
    """A keeper that we are connected to."""

    def __init__(self, keeper: Keeper, note: Note, pidfd: int) -> None:
        self.keeper = keeper
        self.note = note
        self.pidfd = pidfd
        self.ending = False
        self.gone: asyncio.Future[None] = asyncio.get_running_loop().create_future()


class Keepers:
    """One keeper per workspace that has processes.

    Args:
        keeping: how to make them; None where processes are not kept: those of an earlier daemon are then ended.
        directory: where the notes are, theirs alone.
        reaper: reaps keepers that have ended.
        lookout: finds and ends processes.
    """

    def __init__(self, keeping: Keeping | None, directory: Path, reaper: Reaper, lookout: Lookout) -> None:
        self._keeping = keeping
        self._notes = Records(directory, Note)
        self._reaper = reaper
        self._lookout = lookout
        self._held: dict[str, Held] = {}
        self._opening: dict[str, asyncio.Task[Keeper]] = {}
        self._clearing: dict[str, asyncio.Task[bool]] = {}

    async def open(self) -> set[int]:
        """Take up what an earlier daemon left; the process ids of the keepers. What cannot be taken up is ended."""
        await self._lookout.call(self._notes.open)
        await asyncio.gather(*(self._take_up(note) for note in await self._lookout.call(self._notes.all)))
        return {held.note.pid for held in self._held.values()}

    async def close(self) -> None:
        """Let go of them; they and their processes go on."""
        for opening in tuple(self._opening.values()):
            opening.cancel()
            await asyncio.wait([opening])
        for clearing in tuple(self._clearing.values()):
            await asyncio.wait([clearing])
        for held in self._held.values():
            self._unwatch(held)
            await held.keeper.close()
        self._held.clear()

    def live(self, workspace: str) -> Keeper | None:
        """The keeper that there is."""
        held = self._held.get(workspace)
        return None if held is None or held.ending or held.keeper.closed.done() else held.keeper

    async def of(self, workspace: str) -> Keeper:
        """The keeper of a workspace, started where there is none. Callers at the same time share one attempt.

        Raises:
            BackendFailed: it cannot be started, or does not answer.
        """
        live = self.live(workspace)
        if live is not None:
            return live
        opening = self._opening.get(workspace)
        if opening is None:
            opening = self._opening[workspace] = asyncio.create_task(self._open(workspace), name="keeper: start")
            opening.add_done_callback(lambda done: self._opened(workspace, done))
        return await asyncio.shield(opening)

    async def shutdown(self, workspace: str, grace: float) -> None:
        """End the keeper of a workspace with everything that it keeps. What it cannot end is left to the caller."""
        if (opening := self._opening.get(workspace)) is not None:
            await asyncio.wait([opening])
        if (held := self._held.get(workspace)) is not None:
            held.ending = True
            try:
                await held.keeper.shutdown(grace)
            except NexusError as error:
                log.warning("workspace %s: its keeper does not end by itself: %s", workspace, error.message)
                await self._kill(held.note)
            await asyncio.wait([held.gone], timeout=PATIENCE)
        await self._lookout.call(self._remove, workspace)

    # --- beginning ---

    async def _open(self, workspace: str) -> Keeper:
        if (clearing := self._clearing.get(workspace)) is not None:
            await asyncio.wait([clearing])
        if (before := self._held.get(workspace)) is not None:
            # It did not come back in time; what it keeps is lost to us.
            await self._kill(before.note)
            await asyncio.wait([before.gone], timeout=PATIENCE)
        try:
            note = await self._lookout.call(self._run, workspace)
        except OSError as error:
            raise _failed("start", f"nexus-init cannot be started: {error.strerror or error}") from None
        try:
            return await self._connect(note, PATIENCE)
        except (KeeperGone, KeeperRefused) as error:
            words = await self._lookout.call(self._last_words, workspace)
            await self._end(note)
            raise _failed("connect", f"{error}{f': {words}' if words else ''}") from None
        except asyncio.CancelledError:
            await asyncio.shield(self._end(note))
            raise

    def _opened(self, workspace: str, done: asyncio.Task[Keeper]) -> None:
        if self._opening.get(workspace) is done:
            del self._opening[workspace]
        if not done.cancelled():
            done.exception()  # whoever still waits is told; if nobody does, it is not news

    async def _connect(self, note: Note, patience: float) -> Keeper:
        assert self._keeping is not None
        try:
            pidfd = os.pidfd_open(note.pid)
        except OSError as error:
            raise KeeperGone(f"it has ended: {error.strerror}") from None
        try:
            keeper = await Keeper.connect(
                self._folder(note.workspace) / SOCKET,
                base64.b64decode(note.secret),
                log_of=self._keeping.log_of,
                name="host",
                pid=note.pid,
                patience=patience,
                over=lambda: _has_ended(pidfd),
            )
        except BaseException:
            os.close(pidfd)
            raise
        held = self._held[note.workspace] = Held(keeper, note, pidfd)
        asyncio.get_running_loop().add_reader(pidfd, self._ended, held)
        return keeper

    def _run(self, workspace: str) -> Note:
        """Start the program. Blocking."""
        assert self._keeping is not None
        folder = self._folder(workspace)
        folder.mkdir(mode=0o700, parents=True, exist_ok=True)
        # One that was started just before a crash, and of which there is no note, may still listen here.
        (folder / SOCKET).unlink(missing_ok=True)
        secret = new_secret(folder)
        # Programs are to have the limit of descriptors that we were started with; ours is raised. A keeper raises its
        # own, too, and gives what it began with to what it starts.
        soft = FILE_LIMIT[0]
        limit = "unlimited" if soft == resource.RLIM_INFINITY else str(soft)
        words = ["sh", "-c", 'ulimit -S -n "$0" && exec "$@"', limit, str(self._keeping.program)]
        words += ["run", "--keep", "--idle", IDLE, "--name", workspace]
        words += ["--socket", f"{folder}/{SOCKET}", "--secret-file", f"{folder}/secret"]
        with FileActions() as actions:
            actions.open(0, b"/dev/null", os.O_RDONLY)
            actions.open(1, b"/dev/null", os.O_WRONLY)
            actions.open(2, os.fsencode(folder / "log"), os.O_WRONLY | os.O_CREAT | os.O_TRUNC, 0o600)
            actions.close_from(3)
            pid = actions.spawn(b"/bin/sh", [os.fsencode(word) for word in words], [])
        failpoint("host.keeper.started")
        found = read(pid)
        assert found is not None, "nobody else reaps this child"
        self._reaper.ended([found])
        note = Note(workspace=workspace, secret=base64.b64encode(secret).decode(), pid=pid, started=found.started)
        try:
            self._notes.put(note)
        except BaseException:
            tree.send_to(pid, found.started, signal.SIGKILL)
            raise
        failpoint("host.keeper.noted")
        return note

    async def _take_up(self, note: Note) -> None:
        found = await self._lookout.call(read, note.pid)
        if found is None or found.started != note.started or found.zombie:
            await self._lookout.call(self._remove, note.workspace)
            return
        if self._keeping is None:
            log.warning("workspace %s: its processes are ended, for this daemon does not keep any", note.workspace)
            await self._end(note)
            return
        try:
            await current(await self._connect(note, PATIENCE), self._keeping.program)
        except (KeeperGone, KeeperRefused, BackendFailed) as error:
            log.error("workspace %s: its processes are ended, for their keeper is of no use: %s", note.workspace, error)
            await self._end(note)

    # --- the end ---

    def _ended(self, held: Held) -> None:
        """The program has ended. What it said before is read first: that is on the loop already."""
        self._unwatch(held)
        asyncio.get_running_loop().call_soon(self._bury, held)

    def _bury(self, held: Held) -> None:
        workspace = held.note.workspace
        held.keeper.lose()
        if self._held.get(workspace) is held:
            del self._held[workspace]
        if not held.gone.done():
            held.gone.set_result(None)
        if held.ending:
            return
        log.error("workspace %s: the keeper of its processes was killed; what is left of them is ended", workspace)
        # Nobody can see them any more, and whoever asks next gets a keeper that must not know them.
        clearing = asyncio.create_task(
            self._lookout.end(lambda now: tree.find_workspace(now, workspace), 0, self._reaper.ended),
            name="keeper: clear",
        )
        self._clearing[workspace] = clearing
        clearing.add_done_callback(lambda done: self._cleared(workspace, done))

    def _cleared(self, workspace: str, done: asyncio.Task[bool]) -> None:
        if self._clearing.get(workspace) is done:
            del self._clearing[workspace]
        if not done.cancelled() and (error := done.exception()) is not None:
            log.error("workspace %s: what its keeper left cannot be ended: %s", workspace, error)

    async def _end(self, note: Note) -> None:
        await self._kill(note)
        await self._lookout.call(self._remove, note.workspace)

    async def _kill(self, note: Note) -> None:
        await self._lookout.call(tree.send_to, note.pid, note.started, signal.SIGKILL)

    def _unwatch(self, held: Held) -> None:
        if held.pidfd >= 0:
            asyncio.get_running_loop().remove_reader(held.pidfd)
            os.close(held.pidfd)
            held.pidfd = -1

    def _remove(self, workspace: str) -> None:
        self._notes.remove(workspace)
        if self._keeping is not None:
            shutil.rmtree(self._folder(workspace), ignore_errors=True)

    def _last_words(self, workspace: str) -> str:
        try:
            return (self._folder(workspace) / "log").read_text(errors="replace").strip()[-1000:]
        except OSError:
            return ""

    def _folder(self, workspace: str) -> Path:
        assert self._keeping is not None
        return self._keeping.run / workspace


def _has_ended(pidfd: int) -> bool:
    waiting = select.poll()
    waiting.register(pidfd, select.POLLIN)
    return bool(waiting.poll(0))


def _failed(step: str, reason: str) -> BackendFailed:
    return BackendFailed(
        f"the keeper of the workspace's processes does not work: {reason}",
        hint="Set processes.outlive_daemon to false to do without.",
        backend="host",
        step=step,
        reason=reason,
    )
