"""A daemon, a repository, and what is true of them from outside: what end-to-end tests stand on."""

from __future__ import annotations

import asyncio
import itertools
import os
import stat
from pathlib import Path
from typing import Any

from daemon_process import DaemonProcess, git, make_repository
from wire_client import WireClient


class World:
    """One daemon that several tests share, on one repository.

    Args:
        folder: where everything is.
        settings: of the daemon, as ``key=value``.
        environ: of the daemon.
    """

    def __init__(self, folder: Path, settings: list[str] | None = None, environ: dict[str, str] | None = None) -> None:
        self.folder = folder
        # tenants may use the repositories of this world, as on a node that opens a directory to them
        settings = [f"repositories.allowed={folder}", *(settings or [])]
        self.daemon = DaemonProcess(folder / "home", environ=environ, settings=settings)
        self.repository = make_repository(folder / "repository")
        self._names = itertools.count(1)

    def workspace(self, name: str | None = None, **params: object) -> dict[str, Any]:
        """Make a running workspace; its record."""
        name = name or f"w{next(self._names)}"
        params.setdefault("repository", {"url": str(self.repository)})
        made = self.daemon.call("workspace.create", name=name, **params)
        return dict(made["workspace"])

    async def connect(self, token: str | None = None) -> WireClient:
        """A connection: over the Unix socket, or with a token over TCP."""
        if token is None:
            return await WireClient.open(self.daemon.socket)
        return await WireClient.open(self.daemon.ws_url, token)

    def state(self) -> dict[str, Any]:
        """Everything that a refused call must leave as it is: records, processes, tokens, files, refs."""
        call = self.daemon.call
        workspaces = call("workspace.list", limit=1000, destroyed=True)["workspaces"]
        for record in workspaces:
            del record["last_active_at"]  # a call that is refused is a sign of life all the same
        alive = [record for record in workspaces if record["state"] != "destroyed"]
        return {
            "workspaces": workspaces,
            "processes": {record["id"]: call("exec.list", workspace=record["id"])["processes"] for record in alive},
            "tokens": call("token.list")["tokens"],
            "files": tree(self.repository),
            "refs": git("for-each-ref", cwd=self.repository),
        }

    async def astate(self) -> dict[str, Any]:
        """`state` without blocking the event loop."""
        return await asyncio.to_thread(self.state)


def tree(root: Path) -> dict[str, tuple[Any, ...]]:
    """Every entry below a directory but git's own: kind, mode, size, time of change, target of a link."""
    found: dict[str, tuple[Any, ...]] = {}
    for folder, folders, files in os.walk(root):
        folders[:] = [name for name in folders if not (name == ".git" and folder == str(root))]
        for name in [*folders, *files]:
            path = Path(folder, name)
            status = path.lstat()
            target = str(path.readlink()) if stat.S_ISLNK(status.st_mode) else None
            found[str(path.relative_to(root))] = (status.st_mode, status.st_size, status.st_mtime_ns, target)
    return found
