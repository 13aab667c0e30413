"""A daemon whose workspaces are containers, on the engine of this machine or on one of our own."""

from __future__ import annotations

import itertools
import os
import subprocess
import sys
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

from benchmarks.children import ROOT, environment
from benchmarks.dockerd import Engine, Unavailable, base_image, install
from benchmarks.engineapi import EngineApi
from benchmarks.rows import Skipped
from benchmarks.servers import Daemon

__all__ = ["IMAGE", "Containers", "find_engine", "settings"]

IMAGE = f"nexus-bench-base:{os.getpid()}"
"""The image of every container that is measured, ours and the peer's. Of this run, so that it can be removed."""

_PORTS = ("ports.range.start=25000", "ports.range.end=27999")
"""Below what the kernel hands out by itself to connections."""
_BUILD_S = 600.0
_REST_S = 30.0
_numbers = itertools.count(1)


def find_engine() -> Engine:
    """An engine with `IMAGE`, and nexus-init built.

    Raises:
        Skipped: there can be none here; says why. With CI set, where everything must run, it is `Unavailable`.
    """
    in_ci = bool(os.environ.get("CI"))
    try:
        _build_helper()
        if in_ci:
            install()
        engine = Engine()
        try:
            if not engine.host.startswith("unix://"):
                raise Skipped(f"the engine at {engine.host} is on another machine")
            engine.put(IMAGE, base_image())
        except BaseException:
            engine.close()
            raise
    except Unavailable as reason:
        if in_ci:
            raise
        raise Skipped(f"no Docker Engine: {reason}") from None
    return engine


def settings(engine: Engine) -> list[str]:
    """Of a daemon that has many workspaces there."""
    return [f"docker.host={engine.host}", "limits.max_workspaces_per_user=1000", *_PORTS]


class Containers:
    """What is made on an engine, by a daemon and without one.

    Args:
        engine: the engine.
        daemon: with `settings`.
        repository: that workspaces are made from.
    """

    def __init__(self, engine: Engine, daemon: Daemon, repository: Path) -> None:
        self.engine = engine
        self.daemon = daemon
        self.repository = repository

    def params(self) -> dict[str, Any]:
        """Params of `workspace.create` for another container."""
        return {
            "name": f"box-{next(_numbers)}",
            "repository": {"url": str(self.repository)},
            "backend": "docker",
            "options": {"image": IMAGE, "pull": "never"},
        }

    @contextmanager
    def workspace(self) -> Iterator[dict[str, Any]]:
        """A running workspace, taken down afterwards."""
        made = self.daemon.call("workspace.create", **self.params())["workspace"]
        try:
            yield made
        finally:
            self.daemon.destroy(made["id"])

    def rest(self) -> None:
        """Wait until the daemon has made a network ahead, while no workspace is there. Raises RuntimeError."""
        deadline = time.monotonic() + _REST_S
        while not self.engine.api.networks(filters={"label": "nexus.instance"}):
            if time.monotonic() > deadline:
                raise RuntimeError(f"the daemon has made no network ahead within {_REST_S} s")
            time.sleep(0.05)
        time.sleep(0.2)  # the engine says so before it is done

    def container(self, workspace: dict[str, Any]) -> str:
        """What the engine calls a workspace's container."""
        labels = {"label": [f"nexus.workspace={workspace['id']}"]}
        (found,) = self.engine.api.containers(filters=labels)
        return str(found["Id"])

    def pid(self, workspace: dict[str, Any]) -> int:
        """The first process of a workspace's container, its nexus-init."""
        return int(self.engine.api.inspect_container(self.container(workspace))["State"]["Pid"])

    def api(self) -> EngineApi:
        """The engine by its own API."""
        return EngineApi(self.engine.host)

    def docker(self, *argv: str) -> None:
        """Run the engine's own command. Raises RuntimeError."""
        environ = {**environment(), "DOCKER_HOST": self.engine.host}
        done = subprocess.run(["docker", *argv], env=environ, capture_output=True, text=True, check=False)
        if done.returncode != 0:
            raise RuntimeError(f"docker {' '.join(argv)}: {done.stderr.strip()}")


def _build_helper() -> None:
    command = [sys.executable, str(ROOT / "scripts" / "build_init")]
    made = subprocess.run(command, capture_output=True, text=True, timeout=_BUILD_S, check=False)
    if made.returncode != 0:
        raise Unavailable(f"nexus-init cannot be built: {made.stderr.strip()[-500:]}")
