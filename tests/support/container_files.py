"""Containers for tests of the files in them: a hostile image, the real nexus-init, calls as callers make them."""

from __future__ import annotations

import io
import os
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path

import pytest
from daemon_process import make_repository
from docker_backend import make_backend, spec_for
from engine import BASE
from nexus_sdk.protocol import errors, types
from nexus_sdk.protocol.types import MachineOptions
from nexusd.backends.docker.helper import NexusInit
from nexusd.files import operations as fs
from nexusd.files.search import Search
from nexusd.files.service import FileService
from nexusd.store.mapping import now
from nexusd.store.workspaces import WorkspaceRecord

HOSTILE = "nexus-test-hostile:1"
USER = 1000


@pytest.fixture(scope="session")
def hostile(engine):
    """An image full of traps."""
    disk = os.stat("/").st_dev or os.makedev(259, 0)
    steps = [
        f"mknod /disk b {os.major(disk)} {os.minor(disk)} && chmod 666 /disk",
        "mknod /memory c 1 1 && chmod 666 /memory && mkfifo /fifo && chmod 666 /fifo",
        "echo 'root:of-the-image:1::::::' > /etc/shadow && chmod 600 /etc/shadow",
        "chmod 700 /root && echo private > /root/private",
        "echo from the image > /etc/issue && chmod 644 /etc/issue",
        "mkdir -p /links /open /data && chmod 777 /links /open /data",
        "ln -s /../../../etc/issue /links/up && ln -s ../../../../../../etc/issue /links/relative",
        "ln -s /proc/1/root /links/host && ln -s /proc/self/root/etc/issue /links/self && ln -s /proc /links/proc",
        "ln -s /proc/sysrq-trigger /links/sysrq && ln -s /.nexus/run /links/run && ln -s /disk /links/disk",
        "ln -s / /links/all && ln -s /links/circle /links/circle",
        "echo x > /open/program && chmod 4777 /open/program && mkdir -m 3777 /open/shared",
    ]
    dockerfile = "\n".join([f"FROM {BASE}", *(f"RUN {step}" for step in steps), "VOLUME /data"])
    made = list(engine.api.build(fileobj=io.BytesIO(dockerfile.encode()), tag=HOSTILE, rm=True, decode=True))
    assert engine.api.images(HOSTILE), made
    yield HOSTILE
    engine.api.remove_image(HOSTILE, force=True)


class Machine:
    """A running container, and file calls on it as a caller makes them."""

    def __init__(self, backend, spec, engine) -> None:
        self.backend = backend
        self.spec = spec
        self._engine = engine
        self.files = FileService(lambda record: backend.machine(spec), "run")
        moment = now()
        self.record = WorkspaceRecord(
            id=spec.workspace, name="example", owner="o", state="running", backend="docker", repo_url="", repo_path="",
            repo_ref="", repo_commit="", branch="", root="/workspace", worktree=spec.worktree, created_at=moment,
            updated_at=moment, last_active_at=moment,
        )  # fmt: skip

    @property
    def inside(self) -> Path:
        """Its root, as the tests reach it: without any of what is tested."""
        state = self._engine.api.inspect_container(f"nexus-{self.spec.workspace}")["State"]
        return Path(f"/proc/{state['Pid']}/root")

    async def do(self, work, params):
        return await self.files.run(self.record, work, params)

    async def read(self, path: str) -> str:
        return (await self.do(fs.read, types.FsReadParams(workspace="w", path=path))).content

    async def write(self, path: str, content: str = "new", **more) -> types.FileInfo:
        return await self.do(fs.write, types.FsWriteParams(workspace="w", path=path, content=content, **more))

    async def names(self, path: str, **more) -> list[str]:
        listed = await self.do(fs.list_directory, types.FsListParams(workspace="w", path=path, **more))
        return [entry.path for entry in listed.entries]

    async def remove(self, path: str, recursive: bool = False) -> int:
        return (await self.do(fs.remove, types.FsRemoveParams(workspace="w", path=path, recursive=recursive))).removed

    async def rename(self, source: str, target: str, **more) -> types.FileInfo:
        return await self.do(fs.rename, types.FsRenameParams(workspace="w", source=source, target=target, **more))

    async def copy(self, source: str, target: str, **more) -> types.FileInfo:
        return await self.do(fs.copy, types.FsCopyParams(workspace="w", source=source, target=target, **more))

    async def search(self, path: str, pattern: str) -> list[str]:
        params = types.FsSearchParams(workspace="w", path=path, pattern=pattern)
        async with Search(await self.files.place(self.record, params), params) as found:
            return [event.path async for event in found if isinstance(event, types.FsMatch)]


@contextmanager
def denied(*kinds: type[errors.NexusError]) -> Iterator[None]:
    with pytest.raises(kinds or (errors.PermissionDenied,)):
        yield


@pytest.fixture
async def machines(engine, nexus_init, tmp_path, hostile):
    """Makes running containers."""
    backend = make_backend(
        tmp_path, engine.host, helper=NexusInit(lambda process: tmp_path / process, tmp_path / "programs")
    )
    await backend.open()
    made: list[Machine] = []

    async def make(uid: int = USER, **options: object) -> Machine:
        repository = make_repository(tmp_path / f"repository{len(made)}")
        worktree = make_repository(tmp_path / f"worktree{len(made)}")
        for base, folders, files in os.walk(worktree):
            for name in (".", *folders, *files):
                os.chown(os.path.join(base, name), uid, uid, follow_symlinks=False)
        options.setdefault("image", hostile)
        spec = spec_for(worktree, f"ws_whole{len(made)}", MachineOptions(**options), repository)
        await backend.create(spec)
        await backend.start(spec)
        made.append(Machine(backend, spec, engine))
        return made[-1]

    yield make
    for machine in made:
        await machine.files.close()
    await backend.close()
    engine.clear(backend._instance)
