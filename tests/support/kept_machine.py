"""A machine on this host whose processes nexus-init keeps: what tests of kept processes start them in."""

from __future__ import annotations

import asyncio
import os
import subprocess
from collections.abc import Callable
from pathlib import Path

from nexusd.backends.base import ListeningSocket, MachineSpec, ProcessHandle, RootHandle, SpawnSpec
from nexusd.backends.host import environment
from nexusd.backends.host.net import TcpStream
from nexusd.backends.host.spawn import directory
from nexusd.backends.keeper.binary import binary, new_secret
from nexusd.backends.keeper.keeper import Keeper
from nexusd.files.beneath import Beneath


class KeptMachine:
    """Fulfils `Machine` by a nexus-init that it starts; `connect` may be called again, as the next daemon would."""

    def __init__(
        self, spec: MachineSpec, run: Path, log_of: Callable[[str], Path], program: Path | None = None
    ) -> None:
        run.mkdir(mode=0o700)
        self.spec = spec
        self.socket = run / "init.sock"
        self.log_of = log_of
        self.secret = new_secret(run)
        self.environ = environment.base()
        self.process = subprocess.Popen(
            [program or binary(), "run", "--keep", "--socket", self.socket, "--secret-file", run / "secret"],
            stdin=subprocess.DEVNULL,
            stdout=subprocess.DEVNULL,
        )
        root = os.open(spec.worktree, os.O_RDONLY | os.O_DIRECTORY)
        self.beneath = Beneath(RootHandle(fd=root, path=spec.worktree))
        os.close(root)
        self.keeper: Keeper = None  # type: ignore[assignment]  # until `connect`

    async def connect(self) -> Keeper:
        """Connect to the keeper, in place of the connection there was."""
        if self.keeper is not None:
            await self.keeper.close()
        self.keeper = await Keeper.connect(self.socket, self.secret, log_of=self.log_of, pid=self.process.pid)
        return self.keeper

    async def stop(self) -> None:
        """End the keeper and everything that it keeps."""
        if self.process.poll() is None:
            await self.connect()
            await self.keeper.shutdown(0.2)
        await asyncio.to_thread(self.process.wait, 10)
        await self.keeper.close()

    async def spawn(self, spec: SpawnSpec) -> ProcessHandle:
        """Start a process."""
        environ = environment.build(self.environ, self.spec, spec, "test")
        fd = directory(self.beneath, spec.cwd)
        try:
            return await self.keeper.spawn(spec, environ, os.readlink(f"/proc/self/fd/{fd}"))
        finally:
            os.close(fd)

    def root(self) -> RootHandle:
        """Not looked at in these tests."""
        raise AssertionError("files are not reached through this machine")

    async def dial(self, port: int) -> TcpStream:
        """Connect to a port."""
        return await self.keeper.dial(port)

    async def listening(self) -> list[ListeningSocket]:
        """The ports of its processes."""
        return await self.keeper.listening()

    async def adopt(self) -> list[ProcessHandle]:
        """What the keeper had when this connection was made."""
        return [*self.keeper.kept()]
