"""The docker backend: each workspace a container, each verb a few idempotent calls to the engine."""

from __future__ import annotations

import asyncio
import logging
from collections import Counter
from collections.abc import AsyncIterator, Callable, Sequence
from contextlib import asynccontextmanager
from pathlib import Path

import msgspec
from nexus_sdk.protocol.errors import BackendFailed, BackendUnavailable, NexusError
from nexus_sdk.protocol.types import Capabilities, MachineOptions

from nexusd.backends.base import MachineSpec, MachineStats, MachineStatus, Report, quiet
from nexusd.backends.docker import failures, names, options
from nexusd.backends.docker.ahead import Ahead
from nexusd.backends.docker.checkpoints import Saved
from nexusd.backends.docker.containers import Container, Containers
from nexusd.backends.docker.engine import Engine
from nexusd.backends.docker.helper import Helper
from nexusd.backends.docker.images import Images
from nexusd.backends.docker.machine import DockerMachine, Inside
from nexusd.backends.docker.making import Maker, both
from nexusd.backends.docker.names import Marks
from nexusd.backends.docker.networks import Networks
from nexusd.backends.docker.notes import Notes, Wanted
from nexusd.backends.docker.rundirs import RunDirs
from nexusd.backends.docker.sessions import Sessions
from nexusd.backends.docker.watch import Watch
from nexusd.backends.host.roots import Roots
from nexusd.config.model import Docker
from nexusd.config.model import Resources as ResourceSettings
from nexusd.failpoints import failpoint

log = logging.getLogger(__name__)

Statuses = list[MachineStatus]


class DockerBackend:
    """Fulfils `Backend` with containers of one engine on this node.

    Containers outlive the daemon; the next one finds them by their labels.

    Args:
        state_dir: where the backend keeps its notes, in a directory of its own; one daemon at a time.
        run_dir: where the machines' run directories are made.
        host: the engine's address.
        settings: the section ``docker`` of the configuration.
        resources: the section ``resources``.
        helper: what runs inside.
        git_dir: the git directory of a repository on this node; raises NexusError where there is none.
    """

    name = "docker"
    capabilities = Capabilities(
        pause=True, checkpoint=True, fork=True, survives_daemon=True, isolation="container", own_network=True
    )

    def __init__(
        self,
        state_dir: Path,
        run_dir: Path,
        *,
        host: str,
        settings: Docker,
        resources: ResourceSettings,
        helper: Helper,
        git_dir: Callable[[str], Path],
    ) -> None:
        self._directory = state_dir / "docker"
        self._notes = Notes(self._directory)
        self._run_dirs = RunDirs(run_dir / "machines")
        self._settings = settings
        self._resources = resources
        self._helper = helper
        self._git_dir = git_dir
        self._engine = Engine(host, settings.timeout)
        self._roots = Roots("docker", names.ROOT)
        self._busy: Counter[str] = Counter()
        self._unseen: set[str] = set()
        self._expected: dict[str, str] = {}
        self._checks: set[asyncio.Task[None]] = set()
        self._watch: Watch | None = None
        self._on_change: Callable[[str, str], None] | None = None
        self._trouble = "not open yet"

    # -- life ----------------------------------------------------------------------------------------------------

    async def open(self) -> None:
        """Take the state directory. The engine need not be there yet. Raises BackendFailed."""
        try:
            await asyncio.to_thread(self._notes.open)
            instance = await asyncio.to_thread(self._notes.instance)
        except OSError as error:
            self._trouble = f"{self._directory}: {error.strerror or error}"
            raise BackendFailed(
                f"the docker backend cannot start: {self._trouble}",
                backend=self.name,
                step="open",
                reason=self._trouble,
            ) from None
        self._instance = instance
        self._marks = Marks(instance)
        self._networks = Networks(self._engine, self._marks)
        self._containers = Containers(self._engine, self._marks, self._networks)
        self._images = Images(self._engine, self._marks, self._settings.image_timeout)
        self._saved = Saved(self._engine, self._marks, self._settings.image_timeout)
        self._sessions = Sessions(self._containers, self._helper, self._run_dirs, self._notes)
        self._maker = Maker(
            engine=self._engine,
            containers=self._containers,
            networks=self._networks,
            images=self._images,
            notes=self._notes,
            run_dirs=self._run_dirs,
            roots=self._roots,
            helper=self._helper,
            resources=self._resources,
            git_dir=self._git_dir if self._settings.git == "read-only" else None,
        )
        self._ahead = Ahead(self._settings.spare_networks, self._notes, self._networks, lambda: bool(self._busy))
        notes = await asyncio.to_thread(self._notes.all)
        self._expected = {note.workspace: note.wanted for note in notes}
        if notes:
            self._ahead.later()
        self._trouble = ""

    async def close(self) -> None:
        """Let go of everything; the containers run on."""
        if self._watch is not None:
            await self._watch.close()
            self._watch = None
        for check in tuple(self._checks):
            check.cancel()
        if self._checks:
            await asyncio.wait(set(self._checks), timeout=5)
        if not self._trouble:
            await self._sessions.close()
            await self._maker.close()
            await self._ahead.close()
        self._trouble = "closed"
        self._engine.close()
        self._roots.close()

    async def health(self) -> tuple[bool, str]:
        """Whether the engine answers and the helper is there, and what to do if not."""
        if self._trouble:
            return False, self._trouble
        trouble = await self._engine.ping()
        if trouble:
            return False, f"{trouble}. {failures.HINT}"
        trouble = await asyncio.to_thread(self._helper.trouble)
        return not trouble, trouble

    @property
    def on_change(self) -> Callable[[str, str], None] | None:
        """Who is told of changes from outside; once somebody is, they are looked for."""
        return self._on_change

    @on_change.setter
    def on_change(self, listener: Callable[[str, str], None] | None) -> None:
        self._on_change = listener
        if listener is not None and self._expected:
            self._follow()

    def root(self, worktree: str) -> str:
        """The same in every container."""
        return names.ROOT

    async def check(self, options_: MachineOptions, ports: Sequence[str]) -> MachineOptions:
        """See `Backend.check`."""
        self._require_open("check")
        settings = self._resources
        complete = options.complete(options_, ports, settings.classes, settings.default, self._settings.image)
        info = await self._engine.info()
        options.supported(complete, options.resources(complete, settings.classes), info)
        if trouble := await asyncio.to_thread(self._helper.trouble):
            raise BackendFailed(trouble, backend=self.name, step="check", reason=trouble)
        return complete

    # -- verbs ---------------------------------------------------------------------------------------------------

    def ahead(self, options_: MachineOptions) -> str | None:
        """The id of a workspace that there is a network for."""
        taken = None if self._trouble or not options_.egress else self._ahead.take()
        if taken is None:
            return None
        self._maker.begun[taken[0]] = taken[1]
        return taken[0]

    def give_back(self, workspace: str) -> None:
        """See `Backend.give_back`."""
        if (making := self._maker.begun.pop(workspace, None)) is not None:
            self._ahead.give_back(workspace, making)

    async def begin(self, spec: MachineSpec) -> None:
        """Begin to make the network."""
        self._ahead.used(spec.workspace)
        async with self._verb(spec.workspace, "begin"):
            await self._maker.begin(spec)

    async def create(self, spec: MachineSpec, report: Report = quiet) -> None:
        """Make the container, with its image and its network. One that was made before is left as it is."""
        async with self._verb(spec.workspace, "create"):
            before = self._expected.get(spec.workspace)
            await self._maker.make(spec, report)
            self._expected[spec.workspace] = before or "stopped"

    async def start(self, spec: MachineSpec) -> None:
        """Run the container; one that was removed behind our back is made again."""
        workspace = spec.workspace
        async with self._verb(workspace, "start"):
            container = await self._maker.make(spec, quiet)
            if container.state == "stopped":
                await self._sessions.drop(workspace)
                with self._sessions.reserved(spec):
                    await self._run(spec, container)
            else:
                await self._containers.unpause(container)
                await self._wanted(workspace, "running")
                await self._sessions.of(spec)
            self._expected[workspace] = "running"

    async def _run(self, spec: MachineSpec, container: Container) -> None:
        # What is written down meanwhile, also that it is to run, takes no less time than the engine's answer.
        network = self._networks.ensure(spec.workspace, internal=not spec.options.egress)
        await both(network, self._sessions.new_secret(spec, container))
        failpoint("docker.start.before")
        await self._containers.start(container.id, spec)
        failpoint("docker.start.after")
        await self._sessions.of(spec)

    async def stop(self, workspace: str, grace: float) -> None:
        """End everything in the container, then itself."""
        async with self._verb(workspace, "stop"):
            await self._wanted(workspace, "stopped")
            failpoint("docker.stop.before")
            container = await self._containers.find(workspace)
            if container is not None and container.state in ("running", "paused"):
                if container.state == "paused":
                    await self._containers.unpause(container)
                graceful = await self._sessions.shutdown(workspace, grace)
                failpoint("docker.stop.shutdown")
                await self._containers.stop(container.id, 1.0 if graceful else grace)
            await self._sessions.drop(workspace)
            failpoint("docker.stop.after")
            if workspace in self._expected:
                self._expected[workspace] = "absent" if container is None else "stopped"

    async def pause(self, workspace: str) -> None:
        """Freeze the container."""
        async with self._verb(workspace, "pause"):
            await self._containers.pause(await self._existing(workspace, "pause"))
            failpoint("docker.pause.after")
            await self._wanted(workspace, "paused")
            self._expected[workspace] = "paused"

    async def resume(self, workspace: str) -> None:
        """Thaw the container."""
        async with self._verb(workspace, "resume"):
            await self._containers.unpause(await self._existing(workspace, "resume"))
            failpoint("docker.resume.after")
            await self._wanted(workspace, "running")
            self._expected[workspace] = "running"

    async def destroy(self, workspace: str) -> None:
        """Remove everything of the workspace at the engine, then what we remember of it."""
        async with self._verb(workspace, "destroy"):
            note = await asyncio.to_thread(self._notes.get, workspace)
            await self._sessions.drop(workspace)
            await self._maker.settled(workspace)
            try:
                await self._containers.remove(workspace)
                failpoint("docker.destroy.container")
                await self._networks.remove(workspace)
                failpoint("docker.destroy.network")
                await self._images.remove_all(workspace)
                failpoint("docker.destroy.image")
            except BackendUnavailable:
                # Without a note the engine was never asked for anything.
                if note is not None:
                    raise
            await asyncio.to_thread(self._run_dirs.remove, workspace)
            failpoint("docker.destroy.run")
            await asyncio.to_thread(self._notes.remove, workspace)
            self._expected.pop(workspace, None)
            self._roots.retire(workspace)

    async def checkpoint(self, spec: MachineSpec, checkpoint: str) -> int:
        """Commit the container to an image."""
        async with self._verb(spec.workspace, "checkpoint"):
            container = await self._maker.make(spec, quiet)
            return await self._saved.save(spec.workspace, container, checkpoint)

    async def saved(self, workspace: str, checkpoint: str) -> bool:
        """Whether the image is there."""
        async with self._verb(workspace, "checkpoint"):
            return await self._saved.there(workspace, checkpoint)

    async def restore(self, spec: MachineSpec, checkpoint: str) -> None:
        """Remove the container, which is stopped, and make another one from the image."""
        workspace = spec.workspace
        async with self._verb(workspace, "restore"):
            await self._saved.make_base(workspace, checkpoint)
            failpoint("docker.restore.base")
            await self._maker.rebase(spec)
            failpoint("docker.restore.noted")
            await self._sessions.drop(workspace)
            await self._containers.remove(workspace)
            failpoint("docker.restore.removed")
            await self._maker.make(spec, quiet)
            self._expected[workspace] = "stopped"

    async def fork(self, spec: MachineSpec, source: str, checkpoint: str, report: Report = quiet) -> None:
        """Make the container from an image of its own, a copy of that of the checkpoint."""
        async with self._verb(spec.workspace, "fork"):
            before = self._expected.get(spec.workspace)
            await self._maker.rebase(spec)
            failpoint("docker.fork.noted")
            await self._saved.fork(spec.workspace, source, checkpoint)
            await self._maker.make(spec, report)
            self._expected[spec.workspace] = before or "stopped"

    async def forget(self, workspace: str, checkpoint: str) -> None:
        """Remove the image, unless the workspace is made from it: then its name."""
        async with self._verb(workspace, "forget"):
            await self._saved.forget(workspace, checkpoint)

    async def list(self) -> Statuses:
        """Every workspace with a container or a network of ours, and every one that there is a note of."""
        self._require_open("list")
        notes = await asyncio.to_thread(self._notes.all)
        self._roots.sweep()
        if not notes:
            return []
        # A network without a container is what a daemon left that was killed as it made both.
        states = {note.workspace: "absent" for note in notes} | dict.fromkeys(await self._networks.owners(), "absent")
        states.update(await self._containers.states())
        to_come = self._ahead.ids()
        return [
            MachineStatus(workspace, state) for workspace, state in sorted(states.items()) if workspace not in to_come
        ]

    async def stats(self, workspace: str) -> MachineStats:
        """What the container uses, from its helper, or from the engine where that does not answer."""
        self._require_open("stats")
        session = self._sessions.live(workspace)
        if session is not None and self._expected.get(workspace) == "running":
            return await session.connection.stats()
        return await self._containers.stats(workspace)

    def machine(self, spec: MachineSpec) -> DockerMachine:
        """The inside of a workspace. Raises BackendFailed where the backend is not open."""
        self._require_open("machine")
        return DockerMachine(spec, self._roots, self._inside, self._adopting, self._instance)

    # -- what happens outside of us ------------------------------------------------------------------------------

    def _follow(self) -> None:
        if self._watch is None and self._on_change is not None and not self._trouble:
            self._watch = Watch(self._engine, self._marks, self._seen, self._look_at_all)
            self._watch.start()

    def _look_at_all(self) -> None:
        for workspace in tuple(self._expected):
            self._seen(workspace)

    def _seen(self, workspace: str) -> None:
        """Something happened to a container: look at it, once no verb of ours is at work on it."""
        if self._busy[workspace]:
            self._unseen.add(workspace)
            return
        check = asyncio.get_running_loop().create_task(self._check(workspace))
        self._checks.add(check)
        check.add_done_callback(self._checks.discard)

    async def _check(self, workspace: str) -> None:
        try:
            container = await self._containers.find(workspace)
        except NexusError as error:
            log.debug("looking at workspace %s: %s", workspace, error)
            return  # the engine went away again; the next time it is back everything is looked at
        state = "absent" if container is None else container.state
        if self._busy[workspace]:
            self._unseen.add(workspace)
            return
        if workspace not in self._expected or self._expected[workspace] == state:
            return
        log.info("workspace %s: its container is %s, not %s", workspace, state, self._expected[workspace])
        self._expected[workspace] = state
        if state in ("stopped", "absent"):
            await self._sessions.drop(workspace)
        if self._on_change is not None:
            self._on_change(workspace, state)

    # -- helpers -------------------------------------------------------------------------------------------------

    @asynccontextmanager
    async def _verb(self, workspace: str, step: str) -> AsyncIterator[None]:
        self._require_open(step)
        self._busy[workspace] += 1
        try:
            yield
        except OSError as error:
            raise BackendFailed(
                f"{step}: {error.filename or self._directory}: {error.strerror or error}",
                backend=self.name,
                step=step,
                reason=error.strerror or str(error),
            ) from None
        finally:
            self._busy[workspace] -= 1
            if not self._busy[workspace]:
                del self._busy[workspace]
                if workspace in self._unseen:
                    self._unseen.discard(workspace)
                    self._seen(workspace)
            if self._expected:
                self._follow()
            if not self._busy and not self._trouble:
                self._ahead.later()

    def _require_open(self, step: str) -> None:
        if self._trouble:
            raise BackendFailed(
                f"the docker backend is {self._trouble}", backend=self.name, step=step, reason=self._trouble
            )

    async def _existing(self, workspace: str, step: str) -> Container:
        container = await self._containers.find(workspace)
        if container is None or container.state not in ("running", "paused"):
            state = "gone" if container is None else "not running"
            raise BackendFailed(
                f"{step}: the container of workspace {workspace} is {state}",
                hint="Start the workspace.",
                backend=self.name,
                step=step,
                reason=state,
            )
        return container

    async def _wanted(self, workspace: str, wanted: Wanted) -> None:
        def note() -> None:
            before = self._notes.get(workspace)
            if before is not None and before.wanted != wanted:
                before.wanted = wanted
                self._notes.put(before)

        await asyncio.to_thread(note)

    async def _inside(self, spec: MachineSpec) -> Inside:
        return await self._sessions.of(spec)

    async def _adopting(self, spec: MachineSpec) -> Inside:
        """A frozen helper cannot say what it keeps: it is thawed for that moment, and frozen again."""
        async with self._verb(spec.workspace, "adopt"):
            container = await self._containers.find(spec.workspace)
            if container is None or container.state != "paused" or self._sessions.live(spec.workspace) is not None:
                return await self._sessions.of(spec)
            await self._containers.unpause(container)
            failpoint("docker.adopt.thawed")
            try:
                return await self._sessions.of(spec)
            finally:
                await self._containers.pause(msgspec.structs.replace(container, state="running"))
