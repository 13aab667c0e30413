"""A real daemon for a driver: one for each SDK, made alike, so that their answers can be compared."""

from __future__ import annotations

import itertools
import re
import shutil
import time
from collections.abc import Sequence
from pathlib import Path
from typing import Any

from daemon_process import DaemonProcess, git
from method_cases import HOST, Place, Refs
from nexus_sdk.protocol.errors import ProcessExited

MOMENT = re.compile(r"^\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d")
COMMIT = re.compile(r"\b[0-9a-f]{40}\b")
VOLATILE = frozenset(
    (
        *("id", "process", "operation", "workspace", "attachment", "instance", "started_by", "jti", "cursor", "etag"),
        *("pid", "port", "ports", "duration_ms", "mtime", "token", "listen", "value", "message", "node"),
        *("uptime_ms", "cpu_ms", "memory", "rss", "disk", "connections", "free", "stats", "generation"),
    )
)
"""Fields that differ from run to run; that they are there and of which type is compared all the same."""


class Served:
    """A daemon of one SDK's own.

    Args:
        folder: where everything is; its name is not the same for every SDK.
        repository: is copied, so that commits are the same for all.
        place: the backend of its workspaces.
        settings: of the daemon, beside ours, as `key=value`.
    """

    def __init__(self, folder: Path, repository: Path, place: Place = HOST, settings: Sequence[str] = ()) -> None:
        self.folder = folder
        self.place = place
        self.made: list[str] = []
        """Id of every workspace that was made here."""
        self._shared: dict[str, Any] | None = None
        self.repository = folder / "repository"
        shutil.copytree(repository, self.repository, symlinks=True)
        settings = [
            f"repositories.allowed={folder}",
            "daemon.allowed_hosts=127.0.0.1",
            "limits.max_workspaces_per_user=200",
            f"defaults.backend={place.backend}",
            *settings,
        ]
        self.daemon = DaemonProcess(folder / "home", settings=settings)
        self._names = itertools.count(1)

    def workspace(self) -> dict[str, Any]:
        """Make a running workspace; its record."""
        name = f"w{next(self._names)}"
        return dict(self._create(name)["workspace"])

    def process(self, workspace: str, *argv: str, **params: object) -> str:
        """Start a process; its id."""
        return str(self.daemon.call("exec.start", workspace=workspace, argv=[*argv], **params)["id"])

    def ended(self, workspace: str, *argv: str) -> str:
        """Run a process to its end; its id."""
        process = self.process(workspace, *argv)
        assert self.daemon.call("exec.wait", process=process, timeout_ms=20_000)["state"] == "exited"
        return process

    def echo(self, workspace: str) -> int:
        """Start a server in a workspace; its port."""
        pid = self.daemon.call("exec.get", process=self.process(workspace, *self.place.echo))["pid"]
        deadline = time.monotonic() + 20.0
        while time.monotonic() < deadline:
            for port in self.daemon.call("port.list", workspace=workspace)["ports"]:
                if port.get("pid") == pid:
                    return int(port["port"])
            time.sleep(0.02)
        raise AssertionError("the server does not listen")

    def refs(self, method: str = "") -> Refs:
        """Fresh things that params may refer to, as `method_cases` wants them; for a method, or for anything."""
        alone = self.place.own is None or method in self.place.own
        made = self._create(f"w{next(self._names)}") if alone else self._renewed()
        workspace = made["workspace"]["id"]
        return Refs(
            workspace=workspace,
            process=self.process(workspace, "sleep", "600"),
            operation=made["operation"]["id"],
            token=str(self.daemon.call("token.create", subject="other", scopes=["files:read"])["info"]["id"]),
            repository=str(self.repository),
            subject="tester",
        )

    def _create(self, name: str) -> dict[str, Any]:
        made = self.daemon.call("workspace.create", name=name, repository={"url": str(self.repository)})
        self.made.append(made["workspace"]["id"])
        return made

    def _renewed(self) -> dict[str, Any]:
        """The workspace that is shared, as it was in the beginning: files, commits, no process, no checkpoint."""
        if self._shared is None:
            self._shared = self._create(f"w{next(self._names)}")
            return self._shared
        workspace = self._shared["workspace"]
        for process in self.daemon.call("exec.list", workspace=workspace["id"])["processes"]:
            if process["state"] == "running":
                answer = self.daemon.rpc("exec.signal", process=process["id"], signal="KILL")
                # A case before this one may have ended it; that takes as long as it takes.
                assert answer.get("error", {}).get("code") in (None, ProcessExited.code), answer
                self.daemon.call("exec.wait", process=process["id"], timeout_ms=20_000)
            self.daemon.call("exec.remove", process=process["id"])
        for checkpoint in self.daemon.call("checkpoint.list", workspace=workspace["id"])["checkpoints"]:
            self.daemon.call("checkpoint.remove", checkpoint=checkpoint["id"])
        worktree = Path(workspace["worktree"])
        for name in git("ls-files", cwd=worktree).splitlines():
            (worktree / name).unlink(missing_ok=True)  # git does not look at all bits of a mode
        git("reset", "-q", "--hard", workspace["repository"]["commit"], cwd=worktree)
        git("clean", "-q", "-fdx", cwd=worktree)
        return self._shared

    def plain(self, value: Any, refs: Refs) -> Any:
        """A result without what differs from run to run."""
        names = {str(self.folder): "<folder>", refs.workspace: "<workspace>", str(self.daemon.port): "<port>"}
        return plain(value, names)


def plain(value: Any, names: dict[str, str], key: str = "") -> Any:
    """Replace paths and ids that are known, moments, commits, and the fields of `VOLATILE` by what they are."""
    if isinstance(value, dict):
        return {name: plain(inner, names, name) for name, inner in sorted(value.items())}
    if isinstance(value, list):
        return [plain(inner, names, key) for inner in value]
    if key in VOLATILE and value is not None:
        return f"<{type(value).__name__}>"
    if isinstance(value, str):
        if MOMENT.match(value):
            return "<moment>"
        for known, name in names.items():
            value = value.replace(known, name)
        return COMMIT.sub("<commit>", value)
    return value
