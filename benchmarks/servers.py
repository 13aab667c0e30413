"""The daemon and the peers, running."""

from __future__ import annotations

import contextlib
import http.client
import itertools
import json
import socket
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from benchmarks.children import READY_S, Child, python, wait_until_ready
from benchmarks.wire import Wire

__all__ = ["Daemon", "Peer"]

_SETTINGS = ("daemon.port=0", "limits.max_connections=50000")
_serial = itertools.count(1)


class Daemon:
    """A daemon on a home of its own.

    Args:
        home: its NEXUS_HOME; made if it does not exist.
        settings: of its configuration, as `key=value`.

    Attributes:
        ready_s: seconds from the start of the process to the first 200 of its readiness probe.
    """

    def __init__(self, home: Path, settings: Sequence[str] = ()) -> None:
        home.mkdir(mode=0o700, exist_ok=True)
        self.home = home
        self.socket = home / "run" / "nexusd.sock"
        self.child = Child(
            python("-m", "nexusd", *(part for setting in [*_SETTINGS, *settings] for part in ("--set", setting))),
            home.parent / f"{home.name}.log",
            self.environ,
        )
        self._token: str | None = None
        self._port: int | None = None
        try:
            self.ready_s = wait_until_ready(self.child, self.socket, "/health/ready")
        except BaseException:
            self.child.stop()
            raise

    @property
    def environ(self) -> dict[str, str]:
        """What a client of it has in its environment."""
        return {"NEXUS_HOME": str(self.home), "NEXUS_NODE_CONFIG": str(self.home / "none.yaml")}

    @property
    def port(self) -> int:
        """Where it listens on 127.0.0.1."""
        if self._port is None:
            addresses = [address for address in self.call("system.info")["listen"] if "127.0.0.1" in address]
            self._port = int(addresses[0].rpartition(":")[2].strip("/"))
        return self._port

    @property
    def token(self) -> str:
        """A token that may do everything."""
        if self._token is None:
            made = self.call("token.create", subject="benchmarks", scopes=["*"], workspaces=["*"])
            self._token = str(made["token"])
        return self._token

    def wire(self, **options: Any) -> Wire:
        """A bare connection over TCP, to be entered."""
        return Wire(self.port, token=self.token, subprotocol="nexus.v1", **options)

    def call(self, method: str, **params: Any) -> Any:
        """One call by POST over the Unix socket, for preparing and cleaning up."""
        connection = http.client.HTTPConnection("localhost", timeout=120)
        connection.sock = socket.socket(socket.AF_UNIX)
        try:
            connection.sock.settimeout(120)
            connection.sock.connect(str(self.socket))
            body = json.dumps({"jsonrpc": "2.0", "id": 1, "method": method, "params": params})
            connection.request("POST", "/rpc", body, {"Content-Type": "application/json"})
            answer = json.loads(connection.getresponse().read())
        finally:
            connection.close()
        if "error" in answer:
            raise RuntimeError(f"{method}: {answer['error']}")
        return answer["result"]

    def workspace(self, repository: Path, name: str | None = None) -> dict[str, Any]:
        """A running workspace made from a repository."""
        made = self.call("workspace.create", name=name or f"bench-{next(_serial)}", repository={"url": str(repository)})
        workspace: dict[str, Any] = made["workspace"]
        return workspace

    def destroy(self, workspace: str) -> None:
        """Take a workspace down, with everything in it."""
        self.call("workspace.destroy", workspace=workspace, force=True)

    def stop(self) -> None:
        """Stop it, and before what runs in its workspaces: that would outlive it."""
        with contextlib.suppress(OSError, http.client.HTTPException, RuntimeError):
            for workspace in self.call("workspace.list")["workspaces"]:
                if workspace["state"] == "running":
                    self.call("workspace.stop", workspace=workspace["id"], timeout_ms=0)
        self.child.stop()


class Peer:
    """One of `benchmarks.peers`, serving.

    Args:
        name: which.
        directory: for what it prints.
    """

    def __init__(self, name: str, directory: Path) -> None:
        log = directory / f"{name}-{next(_serial)}.log"
        self.child = Child(python("-m", "benchmarks.peers", name), log)
        deadline = time.monotonic() + READY_S
        while not (printed := log.read_text()).endswith("\n"):
            self.child.check()
            if time.monotonic() > deadline:
                self.child.stop()
                raise RuntimeError(f"{name} was not ready in {READY_S:g} s")
            time.sleep(0.005)
        self.port = int(printed)
        self.token = None

    def wire(self, **options: Any) -> Wire:
        """A bare connection, to be entered."""
        return Wire(self.port, "/", **options)

    def stop(self) -> None:
        """Stop it."""
        self.child.stop()
