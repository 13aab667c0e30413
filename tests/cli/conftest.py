"""Fixtures for the command line: one daemon per module, and a way to run `boulder` against it."""

from __future__ import annotations

import json
import os
import subprocess
import sys
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path

import pytest
from daemon_process import DaemonProcess, make_repository
from pty_process import PtyProcess

SECONDS = 60


@dataclass
class Boulder:
    """Runs `boulder` as a program of its own, on one home."""

    home: Path
    cwd: Path
    environ: dict[str, str] = field(default_factory=dict)

    def env(self, **environ: str) -> dict[str, str]:
        """The environment: ours without what would change the outcome."""
        unwanted = ("NO_COLOR", "FORCE_COLOR", "CI", "COLUMNS")
        found = {
            name: value for name, value in os.environ.items() if not name.startswith("NEXUS_") and name not in unwanted
        }
        found |= {"NEXUS_HOME": str(self.home), "TERM": "xterm-256color", "LANG": "C.UTF-8", "PYTHONUTF8": "1"}
        return found | {"GIT_CONFIG_GLOBAL": os.devnull} | self.environ | environ

    @property
    def argv(self) -> list[str]:
        """The program."""
        return [sys.executable, "-m", "boulder"]

    def __call__(
        self, *args: str, input: bytes | None = None, cwd: Path | None = None, **environ: str
    ) -> subprocess.CompletedProcess[bytes]:
        """Run it to its end."""
        stdin = {"input": input} if input is not None else {"stdin": subprocess.DEVNULL}
        return subprocess.run(
            [*self.argv, *args],
            cwd=cwd or self.cwd,
            env=self.env(**environ),
            capture_output=True,
            timeout=SECONDS,
            check=False,
            **stdin,
        )

    def ok(self, *args: str, input: bytes | None = None, cwd: Path | None = None, **environ: str) -> str:
        """Run it, insist on exit code 0, and return what it printed."""
        done = self(*args, input=input, cwd=cwd, **environ)
        assert done.returncode == 0, f"boulder {' '.join(args)}: {done.returncode}\n{done.stderr.decode()}"
        return done.stdout.decode()

    def json(self, *args: str, **environ: str) -> dict:
        """Run it with ``--json`` and return the one object."""
        return json.loads(self.ok(*args, "--json", **environ))

    def popen(self, *args: str, **options) -> subprocess.Popen:
        """Begin it; the caller ends it."""
        return subprocess.Popen([*self.argv, *args], cwd=self.cwd, env=self.env(), **options)

    def pty(self, *args: str, cols: int = 100, rows: int = 30, **environ: str) -> PtyProcess:
        """Begin it on a terminal of its own."""
        return PtyProcess([*self.argv, *args], cwd=self.cwd, env=self.env(**environ), cols=cols, rows=rows)


@pytest.fixture(scope="module")
def node(tmp_path_factory: pytest.TempPathFactory) -> Iterator[DaemonProcess]:
    """A daemon that all tests of a module share."""
    process = DaemonProcess(tmp_path_factory.mktemp("node") / "home").start()
    yield process
    assert process.stop() == 0, process.log[-4000:]


@pytest.fixture(scope="module")
def boulder(node: DaemonProcess, tmp_path_factory: pytest.TempPathFactory) -> Boulder:
    """`boulder` in a repository, with a workspace named ``work`` that runs."""
    run = Boulder(node.home, make_repository(tmp_path_factory.mktemp("project") / "project"))
    run.ok("up", "work")
    return run


@pytest.fixture
def lonely(tmp_path: Path) -> Iterator[Boulder]:
    """`boulder` with a home in which no daemon runs; whatever it starts is stopped."""
    run = Boulder(tmp_path / "home", make_repository(tmp_path / "project"), {"NEXUS_PORT": "0"})
    yield run
    run("daemon", "stop", "--force", "--timeout", "20s")
