"""Making a container, from the note that says so to the home directory inside. Each part can be repeated."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from nexus_sdk.protocol.errors import BackendFailed

from nexusd.backends.base import MachineSpec, Report
from nexusd.backends.docker import options
from nexusd.backends.docker.containers import Container, Containers
from nexusd.backends.docker.engine import Engine
from nexusd.backends.docker.helper import Helper
from nexusd.backends.docker.images import Image, Images
from nexusd.backends.docker.networks import Networks
from nexusd.backends.docker.notes import Note, Notes
from nexusd.backends.docker.recipe import Person, Recipe
from nexusd.backends.docker.rundirs import RunDirs
from nexusd.backends.host.roots import Roots
from nexusd.config.model import Resources as ResourceSettings
from nexusd.failpoints import failpoint

T = TypeVar("T")


async def both(work: Awaitable[T], beside: Coroutine[Any, Any, None] | asyncio.Task[None]) -> T:
    """What `work` returns, with `beside` done at the same time.

    Both have ended afterwards, also where one failed or we were cancelled (once): whoever undoes them finds all that
    they made. Where both fail, the error is that of `work`.
    """
    other = _told(asyncio.ensure_future(beside))
    try:
        result = await work
        await asyncio.wait([other])
    finally:
        await asyncio.wait([other])
    other.result()
    return result


def _told(task: asyncio.Task[None]) -> asyncio.Task[None]:
    """The task; how it failed is not news where something else failed before."""
    task.add_done_callback(lambda done: done.cancelled() or done.exception())
    return task


@dataclass(frozen=True, slots=True, kw_only=True)
class Maker:
    """What making a container needs.

    Attributes:
        git_dir: the git directory of a repository, shown inside; None: none is.
        begun: the networks that are being made for containers whose making is still to come, by workspace.
    """

    engine: Engine
    containers: Containers
    networks: Networks
    images: Images
    notes: Notes
    run_dirs: RunDirs
    roots: Roots
    helper: Helper
    resources: ResourceSettings
    git_dir: Callable[[str], Path] | None
    begun: dict[str, asyncio.Task[None]] = field(default_factory=dict)

    async def begin(self, spec: MachineSpec) -> None:
        """Begin to make the network of a workspace that there is nothing of yet; `make` goes on with it."""
        if spec.workspace in self.begun or await asyncio.to_thread(self.notes.get, spec.workspace) is not None:
            return
        await self._there()
        await asyncio.to_thread(self.notes.put, Note(workspace=spec.workspace))
        failpoint("docker.create.begun")
        self.begun[spec.workspace] = _told(asyncio.create_task(self._network(spec, look=False)))

    async def settled(self, workspace: str) -> None:
        """What was begun for a workspace has ended, one way or the other."""
        if (begun := self.begun.pop(workspace, None)) is not None:
            await asyncio.wait([begun])

    async def close(self) -> None:
        """Let go of what was begun; the next daemon goes on with it."""
        for workspace in tuple(self.begun):
            self.begun[workspace].cancel()
            await self.settled(workspace)

    async def make(self, spec: MachineSpec, report: Report) -> Container:
        """The workspace's container, made if need be. One that is finished is not touched.

        Raises:
            MachineConflict, ImageUnusable, ImageBuildFailed, OptionUnsupported, InvalidParams, BackendUnavailable,
            StorageFull, BackendFailed.
        """
        note = await asyncio.to_thread(self.notes.get, spec.workspace)
        # Without a note the engine was never asked for anything, so there is nothing to look for.
        begun = self.begun.pop(spec.workspace, None)
        new = note is None or begun is not None
        found = None if new else await self.containers.find(spec.workspace)
        if note is not None and note.prepared and found is not None:
            return found
        if note is None:
            await self._there()
        # Written first: from here on there may be something at the engine.
        if note is None or note.prepared:
            note = note or Note(workspace=spec.workspace)
            note.prepared = False
            await asyncio.to_thread(self.notes.put, note)
        failpoint("docker.create.note")
        # Only at its start does a container need its network, which takes the engine longer than all the rest.
        network = begun or self._network(spec, look=not new)
        found = await both(self._finish(spec, found, note, report), network)
        failpoint("docker.create.prepared")
        note.prepared = True
        await asyncio.to_thread(self.notes.put, note)
        failpoint("docker.create.noted")
        return found

    async def _network(self, spec: MachineSpec, *, look: bool) -> None:
        await self.networks.ensure(spec.workspace, internal=not spec.options.egress, look=look)

    async def _there(self) -> None:
        """The engine answers. Where it does not, there is no note either, and nothing to wait for when it is undone."""
        await self.engine.call("asking the engine", lambda client: client.ping())

    async def rebase(self, spec: MachineSpec) -> None:
        """From now on the workspace is made from its own image; the container there is, is finished no more."""
        note = await asyncio.to_thread(self.notes.get, spec.workspace) or Note(workspace=spec.workspace)
        note.based, note.prepared = True, False
        await asyncio.to_thread(self.notes.put, note)

    async def _finish(self, spec: MachineSpec, found: Container | None, note: Note, report: Report) -> Container:
        """The container, made if need be, with a home directory inside, which the note tells afterwards."""
        fresh = False
        if found is None:
            found, fresh = await self._create(spec, note.based, report)
        if spec.options.read_only:
            note.home, note.user = ("/root", "root") if found.person.uid == 0 else ("", "nexus")
        else:
            note.home, note.user = await self.containers.prepare(found, fresh=fresh)
        return found

    async def _create(self, spec: MachineSpec, based: bool, report: Report) -> tuple[Container, bool]:
        root = await asyncio.to_thread(self.roots.beneath, spec)
        image = await (self.images.base(spec.workspace) if based else self.images.ensure(spec, root, report))
        info = await self.engine.info()
        limits = options.resources(spec.options, self.resources.classes)
        options.supported(spec.options, limits, info)
        person = self._person(spec, options.rootless(info))
        report("making the container")
        run = await asyncio.to_thread(self._run_dir, spec.workspace, person)
        failpoint("docker.create.run")
        return await self.containers.create(
            Recipe(
                spec=spec,
                image=image.id,
                person=person,
                limits=limits,
                processors=info.get("NCPU", 1),
                command=self.helper.command(spec.workspace),
                helper=await asyncio.to_thread(self._program, image),
                run=run,
                git=await asyncio.to_thread(self._git, spec),
                home="/root" if person.uid == 0 else "",
            )
        )

    def _person(self, spec: MachineSpec, rootless: bool) -> Person:
        if spec.options.user == "root" or rootless:
            # To an engine without root, root inside is its own user outside.
            return Person(0, 0)
        owner = os.fstat(self.roots.open(spec).fd)
        return Person(owner.st_uid, owner.st_gid)

    def _run_dir(self, workspace: str, person: Person) -> Path:
        try:
            return self.run_dirs.make(workspace, person.uid, person.gid)
        except OSError as error:
            reason = f"{self.run_dirs.path(workspace)}: {error.strerror}"
            raise BackendFailed(
                f"the run directory cannot be made: {reason}",
                hint="Run the daemon as the owner of the worktree, or as root.",
                backend="docker",
                step="making the run directory",
                reason=reason,
            ) from None

    def _program(self, image: Image) -> Path | None:
        if image.os != "linux":
            raise options.unsupported("image", f"it is for {image.os}; only linux images can be used")
        return self.helper.program(image.arch)

    def _git(self, spec: MachineSpec) -> list[Path]:
        if self.git_dir is None or not spec.repository:
            return []
        return [Path(os.path.realpath(self.git_dir(spec.repository)))]
