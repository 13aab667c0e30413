"""The wire scripts against a real daemon, over TCP with a token and over the Unix socket."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from daemon_process import DaemonProcess, make_repository
from runner import LinkClosed, Script, load_all, run
from websockets.asyncio.client import ClientConnection
from websockets.exceptions import ConnectionClosed
from wire_client import open_socket

OFFERED = frozenset({"session", "files", "processes"})
SCRIPTS = load_all(OFFERED)


class DaemonLink:
    """A WebSocket to the daemon, as the runner wants it."""

    def __init__(self, socket: ClientConnection) -> None:
        self._socket = socket

    async def send_text(self, data: str) -> None:
        await self._socket.send(data)

    async def send_bin(self, data: bytes) -> None:
        await self._socket.send(data)

    async def recv(self) -> str | bytes:
        try:
            return await self._socket.recv()
        except ConnectionClosed as closed:
            raise LinkClosed(closed.rcvd.code if closed.rcvd is not None else 1006) from None

    async def drop(self) -> None:
        self._socket.transport.abort()
        await self._socket.wait_closed()


class World:
    """One daemon for all scripts, and a workspace for each run of one."""

    def __init__(self, folder: Path) -> None:
        self.daemon = DaemonProcess(folder / "home")
        self.repository = make_repository(folder / "repository")
        self.made = 0

    def workspace(self) -> str:
        self.made += 1
        created = self.daemon.call(
            "workspace.create", name=f"script-{self.made}", repository={"url": str(self.repository)}
        )
        return str(created["workspace"]["id"])


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("wire"))
    made.daemon.start()
    yield made
    assert made.daemon.stop() == 0, made.daemon.log[-4000:]


def test_no_script_is_left_out() -> None:
    assert {script.name for script in SCRIPTS} == {
        path.stem for path in (Path(__file__).parents[2] / "schema" / "wire").glob("*.jsonl")
    }


@pytest.mark.parametrize("way", ["tcp", "unix"])
@pytest.mark.parametrize("script", SCRIPTS, ids=lambda script: script.name)
async def test_script(world: World, script: Script, way: str) -> None:
    variables: dict[str, Any] = {"workspace": world.workspace()} if script.requires - {"session"} else {}

    async def connect() -> DaemonLink:
        if way == "unix":
            return DaemonLink(await open_socket(world.daemon.socket))
        return DaemonLink(await open_socket(world.daemon.ws_url, world.daemon.token()))

    await run(script, connect, variables)
