"""The inside of one container: the worktree as it is on this node, everything else through its helper."""

from __future__ import annotations

import asyncio
import os
import posixpath
from collections.abc import Awaitable, Callable, Mapping

import msgspec
from nexus_sdk.protocol.errors import CwdInvalid, PortRefused

from nexusd.backends.base import (
    ByteStream,
    ListeningSocket,
    MachineSpec,
    ProcessHandle,
    RootHandle,
    SpawnSpec,
)
from nexusd.backends.docker import names, published
from nexusd.backends.docker.filesystem import open_whole
from nexusd.backends.docker.helper import Connection
from nexusd.backends.host import environment
from nexusd.backends.host.roots import Roots
from nexusd.files.whole import Whole


class Inside:
    """What the backend knows of a running container.

    Attributes:
        connection: to its helper.
        environ: what the image and the user set in the environment of every process.
    """

    def __init__(self, connection: Connection, environ: Mapping[str, str]) -> None:
        self.connection = connection
        self.environ = environ
        self._whole: asyncio.Task[Whole] | None = None

    async def whole(self, worktree: RootHandle) -> Whole:
        """Its filesystem, opened when it is first asked for. Callers at the same time share one attempt.

        It is let go with the connection: whoever holds the root of a container that ended keeps its filesystem mounted.
        """
        opening = self._whole
        if opening is None or (opening.done() and (opening.cancelled() or opening.exception() is not None)):
            opening = self._whole = asyncio.create_task(self._open(worktree))
        return await asyncio.shield(opening)

    async def _open(self, worktree: RootHandle) -> Whole:
        connection = self.connection
        root = await connection.root()
        try:
            whole = open_whole(root, connection.peer, worktree, connection.closed)
        finally:
            os.close(root)
        connection.closed.add_done_callback(self._forget)
        return whole

    def _forget(self, _: object) -> None:
        self._whole = None


class DockerMachine:
    """Fulfils `Machine`.

    Args:
        spec: the workspace.
        roots: open worktrees.
        inside: what is known of the running container; raises where it does not run or does not answer.
        adopting: the same for one that may be frozen.
        instance: id of the daemon's state.
    """

    def __init__(
        self,
        spec: MachineSpec,
        roots: Roots,
        inside: Callable[[MachineSpec], Awaitable[Inside]],
        adopting: Callable[[MachineSpec], Awaitable[Inside]],
        instance: str,
    ) -> None:
        self.spec = spec
        self._roots = roots
        self._inside = inside
        self._adopting = adopting
        self._instance = instance

    async def spawn(self, spec: SpawnSpec) -> ProcessHandle:
        """Start a process. A cancelled call leaves none behind."""
        inside = await self._inside(self.spec)
        cwd = posixpath.normpath(posixpath.join(names.ROOT, spec.cwd))
        if cwd != names.ROOT and not cwd.startswith(names.ROOT + "/"):
            raise CwdInvalid(
                f"{spec.cwd}: the directory is outside of the workspace", command=spec.cwd, reason="outside"
            )
        environ = environment.build(inside.environ, self.spec, spec, self._instance)
        return await inside.connection.spawn(spec, environ, cwd)

    def root(self) -> RootHandle:
        """The worktree."""
        return self._roots.open(self.spec)

    async def whole(self) -> Whole:
        """See `nexusd.files.whole.Enclosed`."""
        return await (await self._inside(self.spec)).whole(self.root())

    async def dial(self, port: int) -> ByteStream:
        """Connect to a port of the container's loopback; every one of them is the workspace's.

        The number of an allocated port leads where it leads on this node (`container_ports`).
        """
        target = published.inside(self.spec).get(port, port)
        try:
            return await (await self._inside(self.spec)).connection.dial(target)
        except PortRefused as error:
            if target == port:
                raise
            raise PortRefused(f"port {port} leads to port {target} inside: {error.message}", port=port) from None

    async def listening(self) -> list[ListeningSocket]:
        """The TCP ports that something in the container listens on, by the number under which `dial` reaches them."""
        outside = {inside: port for port, inside in published.inside(self.spec).items()}
        found = await (await self._inside(self.spec)).connection.listening()
        return [msgspec.structs.replace(one, port=outside.get(one.port, one.port)) for one in found]

    async def adopt(self) -> list[ProcessHandle]:
        """What an earlier daemon started here and is still known."""
        return list(await (await self._adopting(self.spec)).connection.adopt())
