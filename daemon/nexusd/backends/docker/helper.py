"""The helper inside a machine, as this backend needs it: a program, a command that runs it, a connection to it."""

from __future__ import annotations

import asyncio
import importlib
import socket
from collections.abc import Callable, Collection, Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any, Protocol

from nexus_sdk.protocol.errors import BackendFailed, NexusError

from nexusd.backends.base import ByteStream, ListeningSocket, MachineStats, ProcessHandle, SpawnSpec
from nexusd.backends.docker import names
from nexusd.backends.docker.rundirs import SECRET, SOCKET

if TYPE_CHECKING:
    from nexusd.backends.keeper.channel import Peer


class Connection(Protocol):
    """An authenticated connection to the helper of one machine (`nexusd.backends.keeper.Keeper`)."""

    @property
    def closed(self) -> Any:
        """A future that is done when the helper is gone."""
        ...

    async def spawn(self, spec: SpawnSpec, environ: Mapping[str, str], cwd: str, user: str = "") -> ProcessHandle:
        """Start a process."""
        ...

    @property
    def peer(self) -> Peer:
        """Who the helper is, as this node sees it."""
        ...

    async def root(self) -> int:
        """A descriptor of the machine's root directory, which the caller closes."""
        ...

    @property
    def published(self) -> Collection[int]:
        """The ports of this node that it serves."""
        ...

    async def publish(self, listening: socket.socket, port: int) -> None:
        """Accept on a socket of this node, of which it gets a copy, and carry connections to a port inside."""
        ...

    async def dial(self, port: int) -> ByteStream:
        """Connect to the machine's loopback."""
        ...

    async def listening(self) -> list[ListeningSocket]:
        """What listens inside."""
        ...

    async def stats(self) -> MachineStats:
        """What is used inside."""
        ...

    async def adopt(self) -> Sequence[ProcessHandle]:
        """What was started before."""
        ...

    async def shutdown(self, grace: float) -> None:
        """End every process, then itself."""
        ...

    async def close(self) -> None:
        """Let go of it; everything inside goes on."""
        ...


class Helper(Protocol):
    """How a machine gets its helper."""

    def trouble(self, arch: str | None = None) -> str:
        """Why it cannot be used; empty where it can."""
        ...

    def program(self, arch: str) -> Path | None:
        """The program on this node for a processor, as Go names it; None where the image brings it."""
        ...

    def command(self, workspace: str) -> list[str]:
        """What the container runs."""
        ...

    def new_secret(self, run: Path) -> bytes:
        """Put a new secret into the run directory; the helper takes it from there. Blocking."""
        ...

    async def connect(self, socket: Path, secret: bytes, pid: int | None, patience: float) -> Connection:
        """Connect, trying again for `patience` seconds.

        Raises:
            BackendFailed: nobody answers, or not the helper that was meant.
        """
        ...


class NexusInit:
    """The helper that Nexus brings.

    Args:
        log_of: where the output of a process is kept, by its id.
        keep: where the program is put: containers name that place for as long as they are there.
    """

    def __init__(self, log_of: Callable[[str], Path], keep: Path) -> None:
        self._log_of = log_of
        self._keep = keep

    def trouble(self, arch: str | None = None) -> str:
        """See `Helper.trouble`."""
        try:
            _module("binary").binary(arch, self._keep)
        except NexusError as error:
            return error.message
        except ImportError as error:
            return f"this installation has no nexus-init: {error}"
        return ""

    def program(self, arch: str) -> Path | None:
        """See `Helper.program`. Raises BackendFailed."""
        found: Path = _module("binary").binary(arch, self._keep)
        return found

    def command(self, workspace: str) -> list[str]:
        """See `Helper.command`."""
        paths = ["--socket", f"{names.RUN}/{SOCKET}", "--secret-file", f"{names.RUN}/{SECRET}"]
        return [names.HELPER, "run", *paths, "--name", workspace]

    def new_secret(self, run: Path) -> bytes:
        """See `Helper.new_secret`."""
        found: bytes = _module("binary").new_secret(run)
        return found

    async def connect(self, socket: Path, secret: bytes, pid: int | None, patience: float) -> Connection:
        """See `Helper.connect`."""
        package = _module("keeper")
        try:
            found = await package.Keeper.connect(
                socket, secret, log_of=self._log_of, name="docker", pid=pid, patience=patience
            )
        except package.ProtocolUnknown as error:
            raise BackendFailed(
                f"{error}. {error.hint}",
                hint=error.hint,
                backend="docker",
                step="connect",
                reason=str(error),
            ) from None
        except (package.KeeperGone, package.KeeperRefused) as error:
            raise BackendFailed(
                f"nexus-init does not answer: {error}",
                hint="Stop the workspace and start it again; `docker logs` of its container may say why.",
                backend="docker",
                step="connect",
                reason=str(error),
            ) from None
        try:
            # A machine is the daemon's own kind of processor, or runs its programs all the same.
            await _module("upgrading").current(
                found, await asyncio.to_thread(_module("binary").binary, None, self._keep)
            )
        except BaseException:
            await found.close()
            raise
        connection: Connection = found
        return connection


def _module(name: str) -> Any:
    # Loaded when it is first used: a daemon without containers does not need it.
    return importlib.import_module(f"nexusd.backends.keeper.{name}")
