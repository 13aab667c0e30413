"""A docker backend for tests, with a first process that only waits where no helper is wanted."""

from __future__ import annotations

import asyncio
import socket
from collections.abc import Mapping
from pathlib import Path

from engine import BASE
from nexus_sdk.protocol.errors import BackendFailed
from nexus_sdk.protocol.types import MachineOptions
from nexusd.backends.base import MachineSpec
from nexusd.backends.docker.backend import DockerBackend
from nexusd.config.model import Docker, Resources
from nexusd.git.layout import common_dir

WAITING = "trap 'exit 0' TERM; while :; do sleep 1000 & wait; done"


class NoConnection:
    """Nobody to speak to; ends as the engine asks it to."""

    def __init__(self) -> None:
        self.closed = asyncio.get_running_loop().create_future()
        self.published: set[int] = set()

    async def publish(self, listening: socket.socket, port: int) -> None:
        """Nobody inside takes it."""
        self.published.add(listening.getsockname()[1])

    async def shutdown(self, grace: float) -> None:
        raise BackendFailed("nobody to ask", backend="docker", step="stop", reason="no helper")

    async def stats(self) -> None:
        raise BackendFailed("nobody to ask", backend="docker", step="stats", reason="no helper")

    async def adopt(self) -> list[object]:
        return []

    async def close(self) -> None:
        pass


class NoHelper:
    """Fulfils `Helper` with a shell that waits."""

    def __init__(self, script: str = WAITING) -> None:
        self.script = script
        self.absent = ""

    def trouble(self, arch: str | None = None) -> str:
        return self.absent

    def program(self, arch: str) -> None:
        return None

    def command(self, workspace: str) -> list[str]:
        return ["/bin/sh", "-c", self.script]

    def new_secret(self, run: Path) -> bytes:
        (run / "secret").write_bytes(b"x" * 32)
        return b"x" * 32

    async def connect(self, socket: Path, secret: bytes, pid: int | None, patience: float) -> NoConnection:
        return NoConnection()


def make_backend(
    folder: Path, host: str, *, helper: object = None, classes: Mapping[str, str] | None = None, **settings
):
    """A backend on the state in a folder; `settings` are keys of the section docker."""
    settings.setdefault("image", BASE)
    settings.setdefault("spare_networks", 0)
    resources = Resources() if classes is None else Resources(classes=dict(classes))
    return DockerBackend(
        folder / "state",
        folder / "run",
        host=host,
        settings=Docker(**settings),
        resources=resources,
        helper=helper or NoHelper(),
        git_dir=lambda repository: common_dir(Path(repository)),
    )


def spec_for(
    worktree: Path, workspace: str, options: MachineOptions | None = None, repository: Path | None = None, **ports: int
):
    """A workspace; the image is the tests' own unless the options name one."""
    options = options or MachineOptions()
    if not isinstance(options.image, str) and not options.build:
        options.image = BASE
    return MachineSpec(
        workspace=workspace,
        name="example",
        worktree=str(worktree),
        env={},
        ports=ports,
        generation=1,
        repository=str(repository or ""),
        options=options,
    )
