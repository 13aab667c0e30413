"""The inside of one container: files through the worktree, everything else through its helper."""

from __future__ import annotations

import posixpath
from collections.abc import Awaitable, Callable, Mapping

from nexus_sdk.protocol.errors import CwdInvalid

from nexusd.backends.base import (
    ByteStream,
    ListeningSocket,
    MachineSpec,
    ProcessHandle,
    RootHandle,
    SpawnSpec,
)
from nexusd.backends.docker import names
from nexusd.backends.docker.helper import Connection
from nexusd.backends.host import environment
from nexusd.backends.host.roots import Roots


class Inside:
    """What the backend knows of a running container.

    Attributes:
        connection: to its helper.
        environ: what the image and the user set in the environment of every process.
    """

    def __init__(self, connection: Connection, environ: Mapping[str, str]) -> None:
        self.connection = connection
        self.environ = environ


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

    async def dial(self, port: int) -> ByteStream:
        """Connect to a port of the container's loopback; every one of them is the workspace's."""
        return await (await self._inside(self.spec)).connection.dial(port)

    async def listening(self) -> list[ListeningSocket]:
        """The TCP ports that something in the container listens on."""
        return await (await self._inside(self.spec)).connection.listening()

    async def adopt(self) -> list[ProcessHandle]:
        """What an earlier daemon started here and is still known."""
        return list(await (await self._adopting(self.spec)).connection.adopt())
