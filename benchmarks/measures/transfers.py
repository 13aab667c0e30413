"""Large files down and up, beside OpenSSH's sftp: from a local file to a local file each time."""

from __future__ import annotations

import asyncio
import filecmp
import http.client
import itertools
import os
import shutil
from collections.abc import Callable
from pathlib import Path
from typing import Any

import nexus_sdk

from benchmarks.context import Context
from benchmarks.rounds import alternate, timed
from benchmarks.rows import Bar, Row
from benchmarks.sizes import MIB
from benchmarks.sshd import Sftp

__all__ = ["transfers"]

WINDOW = 4 * MIB
NAME = "large.bin"
PEER = "OpenSSH sftp"
DOWN, UP = Bar(4, "least"), Bar(3, "least")


def transfers(context: Context) -> list[Row]:
    """By stream with the bare client and with the SDK, by HTTP, and by sftp.

    The bars are the protocol's, so the bare client's. Uploads end durable, by sftp too: it has `-f` for that. What sftp
    takes to connect is not counted.
    """
    directory = context.directory / "transfers"
    directory.mkdir()
    sftp = Sftp(directory / "sshd")
    try:
        return _Transfers(context, directory, sftp).rows()
    finally:
        sftp.stop()


class _Transfers:
    def __init__(self, context: Context, directory: Path, sftp: Sftp) -> None:
        self.context = context
        self.directory = directory
        self.daemon = context.daemon
        self.sftp = sftp
        self.size = context.sizes.transfer
        self.workspace = str(context.workspace["id"])
        self.worktree = Path(str(context.workspace["worktree"]))
        self.local = directory / NAME
        self.numbers = itertools.count(1)
        block = os.urandom(MIB)
        for path in (self.local, self.worktree / NAME):
            with path.open("wb") as file:
                for _ in range(self.size // MIB):
                    file.write(block)
                file.flush()
                os.fsync(file.fileno())

    def rows(self) -> list[Row]:
        rounds, amount = self.context.sizes.transfers, f"{self.size // MIB} MiB"
        down = alternate(
            rounds,
            self._down(_timed(self._bare_down)),
            self._down(_timed(self._http_down)),
            self._down(_timed(self._sdk_down)),
            self._down(self._sftp_down),
        )
        up = alternate(
            rounds,
            self._up(_timed(self._bare_up)),
            self._up(_timed(self._http_up)),
            self._up(_timed(self._sdk_up)),
            self._up(self._sftp_up),
        )
        rows = []
        for (stream, http_, sdk, beside), method, verb, bar in (
            (down, "fs.download", "GET", DOWN),
            (up, "fs.upload", "PUT", UP),
        ):
            rows += [
                Row(f"{method}, {amount}", "GB/s", stream, beside, bar, PEER, "bare"),
                Row(f"HTTP {verb}, {amount}", "GB/s", http_, beside, None, PEER, "bare"),
                Row(f"{method}, {amount}, Python SDK", "GB/s", sdk, beside, None, PEER, "Python SDK"),
            ]
        return rows

    def _down(self, get: Callable[[Path], float]) -> Callable[[], float]:
        """A measure of a download to a new local file, which is compared with the original the first time.

        `get` returns the seconds it took.
        """
        checked = False

        def measure() -> float:
            nonlocal checked
            target = self.directory / f"down-{next(self.numbers)}"
            self._begin_alike()
            seconds = get(target)
            if not checked:
                self._compare(target)
                checked = True
            target.unlink()
            return self.size / seconds / 1e9

        return measure

    def _up(self, put: Callable[[str], float]) -> Callable[[], float]:
        """The same for an upload to a new file of the workspace."""
        checked = False

        def measure() -> float:
            nonlocal checked
            name = f"up-{next(self.numbers)}"
            self._begin_alike()
            seconds = put(name)
            if not checked:
                self._compare(self.worktree / name)
                checked = True
            (self.worktree / name).unlink()
            return self.size / seconds / 1e9

        return measure

    def _begin_alike(self) -> None:
        """Write a file of the same size and remove it.

        Whoever wrote first on a virtual machine was three seconds slower for a gigabyte, likely because memory that was
        free for a while has to be got from its host again; and sftp leaves a file to be written to whoever comes next.
        """
        path = self.directory / "before"
        with path.open("wb", buffering=0) as file, self.local.open("rb") as source:
            shutil.copyfileobj(source, file, MIB)
            os.fsync(file.fileno())
        path.unlink()

    def _compare(self, path: Path) -> None:
        if not filecmp.cmp(path, self.local, shallow=False):
            raise RuntimeError(f"{path} is not what was sent")

    def _bare_down(self, target: Path) -> None:
        with self.daemon.wire() as wire, target.open("wb", buffering=0) as file:
            wire.pull("fs.download", WINDOW, file.write, workspace=self.workspace, path=NAME)

    def _bare_up(self, name: str) -> None:
        with self.daemon.wire() as wire, self.local.open("rb") as file:
            upload = f"benchmark-{name}"
            wire.push("fs.upload", file.fileno(), self.size, workspace=self.workspace, path=name, upload=upload)

    def _http_down(self, target: Path) -> None:
        connection, response = self._http("GET", NAME, None)
        buffer = memoryview(bytearray(MIB))
        with target.open("wb", buffering=0) as file:
            while count := response.readinto(buffer):
                file.write(buffer[:count])
        connection.close()

    def _http_up(self, name: str) -> None:
        with self.local.open("rb") as file:
            connection, response = self._http("PUT", name, file)
        response.read()
        connection.close()

    def _http(self, method: str, name: str, body: Any) -> tuple[http.client.HTTPConnection, http.client.HTTPResponse]:
        connection = http.client.HTTPConnection("127.0.0.1", self.daemon.port, timeout=60, blocksize=MIB)
        headers = {"Authorization": f"Bearer {self.daemon.token}"}
        if body is not None:
            headers["Content-Length"] = str(self.size)
        connection.request(method, f"/files/{self.workspace}/{name}", body, headers)
        response = connection.getresponse()
        if response.status not in (200, 201, 204):
            raise RuntimeError(f"{method} answered {response.status}: {response.read()!r}")
        return connection, response

    def _sdk_down(self, target: Path) -> None:
        async def get() -> None:
            async with nexus_sdk.connect(f"ws://127.0.0.1:{self.daemon.port}/rpc", self.daemon.token) as nexus:
                workspace = await nexus.workspaces.get(self.workspace)
                await workspace.files.download(NAME, target)

        asyncio.run(get())

    def _sdk_up(self, name: str) -> None:
        async def put() -> None:
            async with nexus_sdk.connect(f"ws://127.0.0.1:{self.daemon.port}/rpc", self.daemon.token) as nexus:
                workspace = await nexus.workspaces.get(self.workspace)
                await workspace.files.upload(self.local, name)

        asyncio.run(put())

    def _sftp_down(self, target: Path) -> float:
        return self.sftp.time(f"get {self.worktree / NAME} {target}")

    def _sftp_up(self, name: str) -> float:
        return self.sftp.time(f"put -f {self.local} {self.worktree / name}")


def _timed(action: Callable[[Any], None]) -> Callable[[Any], float]:
    return lambda target: timed(lambda: action(target))
