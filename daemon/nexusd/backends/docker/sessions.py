"""The connections to the helpers of running containers: made when they are needed, and again when they were lost."""

from __future__ import annotations

import asyncio
import base64
import logging
import os
import socket
from collections.abc import Iterator
from contextlib import contextmanager

from nexus_sdk.protocol.errors import BackendFailed, NexusError

from nexusd.backends.base import MachineSpec
from nexusd.backends.docker import names, published, recipe
from nexusd.backends.docker.containers import Container, Containers
from nexusd.backends.docker.helper import Connection, Helper
from nexusd.backends.docker.machine import Inside
from nexusd.backends.docker.notes import Note, Notes
from nexusd.backends.docker.rundirs import SECRET, Held, RunDirs
from nexusd.failpoints import failpoint

log = logging.getLogger(__name__)

PATIENCE = 10.0
"""Seconds that a helper may take until it answers."""
AGAIN = 1.0
"""Seconds between two attempts to have a port."""


class Sessions:
    """One connection per running container.

    Args:
        containers: asked for what runs.
        helper: how to connect.
        run_dirs: where the sockets are.
        notes: where the secrets are kept.
    """

    def __init__(self, containers: Containers, helper: Helper, run_dirs: RunDirs, notes: Notes) -> None:
        self._containers = containers
        self._helper = helper
        self._run_dirs = run_dirs
        self._notes = notes
        self._live: dict[str, tuple[Inside, Held]] = {}
        self._opening: dict[str, asyncio.Task[Inside]] = {}
        self._reserved: dict[str, dict[int, socket.socket]] = {}
        self._late: set[asyncio.Task[None]] = set()

    def live(self, workspace: str) -> Inside | None:
        """The connection there is, if it was not lost."""
        held = self._live.get(workspace)
        return held[0] if held is not None and not held[0].connection.closed.done() else None

    async def of(self, spec: MachineSpec) -> Inside:
        """The connection to a running container's helper. Callers at the same time share one attempt.

        Raises:
            BackendFailed: the container does not run, or nobody answers in it.
        """
        live = self.live(spec.workspace)
        if live is not None:
            return live
        opening = self._opening.get(spec.workspace)
        if opening is None:
            opening = self._opening[spec.workspace] = asyncio.create_task(self._open(spec))
            opening.add_done_callback(lambda done: self._opened(spec.workspace, done))
        return await asyncio.shield(opening)

    @contextmanager
    def reserved(self, spec: MachineSpec) -> Iterator[None]:
        """Have the workspace's ports for the helper that is started and connected to meanwhile.

        Raises:
            PortTaken: another program has one of them.
        """
        self._reserved[spec.workspace] = published.listen(spec)
        try:
            yield
        finally:
            published.close(self._reserved.pop(spec.workspace, {}))

    async def new_secret(self, spec: MachineSpec, container: Container) -> None:
        """Put a new secret where the helper finds it at its next start, and note it, and that it is to run."""
        await asyncio.to_thread(self._new_secret, spec.workspace, container)

    async def shutdown(self, workspace: str, grace: float) -> bool:
        """Ask the helper to end everything. False where there is none to ask, or it does not do it in time."""
        live = self.live(workspace)
        if live is None:
            return False
        try:
            async with asyncio.timeout(grace + PATIENCE):
                await live.connection.shutdown(grace)
        except (NexusError, TimeoutError, OSError) as error:
            log.warning("workspace %s: its helper does not end it: %s", workspace, error)
            return False
        return True

    async def drop(self, workspace: str) -> None:
        """Let go of a connection."""
        opening = self._opening.get(workspace)
        if opening is not None:
            opening.cancel()
            await asyncio.wait([opening])
        held = self._live.pop(workspace, None)
        if held is not None:
            await held[0].connection.close()
            held[1].close()

    async def close(self) -> None:
        """Let go of all."""
        for workspace in {*self._live, *self._opening}:
            await self.drop(workspace)

    def _opened(self, workspace: str, done: asyncio.Task[Inside]) -> None:
        if self._opening.get(workspace) is done:
            del self._opening[workspace]
        if not done.cancelled():
            done.exception()  # whoever still waits is told; if nobody does, it is not news

    async def _open(self, spec: MachineSpec) -> Inside:
        workspace = spec.workspace
        await self._forget(workspace)
        container = await self._containers.find(workspace)
        note = await asyncio.to_thread(self._notes.get, workspace)
        if container is None or container.state != "running" or note is None:
            state = "gone" if container is None else container.state
            raise BackendFailed(
                f"the container of workspace {spec.name} is {state}",
                hint=f"Start it: boulder workspace start {spec.name}",
                backend="docker",
                step="connect",
                reason=state,
            )
        held = await asyncio.to_thread(self._hold, workspace)
        try:
            connection = await self._helper.connect(
                held.socket, base64.b64decode(note.secret), container.pid or None, PATIENCE
            )
        except BaseException as error:
            held.close()
            if isinstance(error, BackendFailed):
                raise await self._explain(error, workspace) from None
            raise
        try:
            await self._publish(spec, connection)
        except BaseException:
            held.close()
            await connection.close()
            raise
        if published.inside(spec).keys() - connection.published:
            late = asyncio.create_task(self._publish_late(spec, connection), name=f"ports of {workspace}")
            self._late.add(late)
            late.add_done_callback(self._late.discard)
            connection.closed.add_done_callback(lambda _: late.cancel())
        inside = Inside(connection, _environment(spec, container, note))
        self._live[workspace] = inside, held
        return inside

    async def _publish(self, spec: MachineSpec, connection: Connection) -> None:
        """Let the helper serve the ports that it does not serve yet."""
        listening = self._reserved.pop(spec.workspace, None)
        if listening is None:
            listening = published.listen(spec, without=connection.published)
        try:
            inside = published.inside(spec)
            for port, made in listening.items():
                await connection.publish(made, inside[port])
        finally:
            published.close(listening)

    async def _publish_late(self, spec: MachineSpec, connection: Connection) -> None:
        """Serve the ports that could not be had before, as soon as they can be."""
        wanted = published.inside(spec).keys()
        late = ", ".join(map(str, sorted(wanted - connection.published)))
        log.warning(
            "workspace %s: connections of others use its ports, which are served later: %s", spec.workspace, late
        )
        while wanted - connection.published:
            await asyncio.sleep(AGAIN)
            try:
                await self._publish(spec, connection)
            except (NexusError, OSError) as error:
                log.debug("workspace %s: %s", spec.workspace, error)

    async def _forget(self, workspace: str) -> None:
        """Drop a connection that was lost."""
        held = self._live.pop(workspace, None)
        if held is not None:
            await held[0].connection.close()
            held[1].close()

    async def _explain(self, error: BackendFailed, workspace: str) -> BackendFailed:
        """The error, with how the container ended if that is why."""
        container = await self._containers.find(workspace)
        if container is None or container.state == "running":
            return error
        words = await self._containers.last_words(container.id)
        reason = f"the container ended at once: {container.ended}{f': {words}' if words else ''}"
        return BackendFailed(reason, backend="docker", step="start", reason=reason)

    def _hold(self, workspace: str) -> Held:
        try:
            return self._run_dirs.hold(workspace)
        except OSError as error:
            reason = f"its run directory: {error.strerror}"
            raise BackendFailed(
                f"the helper cannot be reached: {reason}",
                hint="Restart the workspace.",
                backend="docker",
                step="connect",
                reason=reason,
            ) from None

    def _new_secret(self, workspace: str, container: Container) -> None:
        person = container.person
        run = self._run_dirs.make(workspace, person.uid, person.gid)
        secret = self._helper.new_secret(run)
        path = run / SECRET
        if os.stat(path, follow_symlinks=False).st_uid != person.uid:
            os.chown(path, person.uid, person.gid, follow_symlinks=False)
        failpoint("docker.secret.written")
        note = self._notes.get(workspace) or Note(workspace=workspace)
        note.secret, note.wanted = base64.b64encode(secret).decode(), "running"
        self._notes.put(note)


def _environment(spec: MachineSpec, container: Container, note: Note) -> dict[str, str]:
    return recipe.environment(spec, container.env, note.home or names.HOME, note.user or "nexus")
