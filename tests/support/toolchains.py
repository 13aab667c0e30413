"""Fixtures: the Go toolchain, and Node.js with the TypeScript SDK built; from this machine or the package index."""

from __future__ import annotations

import contextlib
import fcntl
import os
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from go_toolchain import ROOT, Go
from nexusd.backends.keeper.binary import binary
from node_toolchain import PACKAGE, Node, unavailable

from benchmarks.toolchains import Unavailable, fingerprint, go_program, install_packages, node_path, packages_lock


@contextlib.contextmanager
def alone(tmp_path_factory: pytest.TempPathFactory, name: str) -> Iterator[Path]:
    """Hold a lock against the other workers of this run; the folder is theirs too."""
    folder = tmp_path_factory.getbasetemp()
    if "PYTEST_XDIST_WORKER" in os.environ:
        folder = folder.parent
    shared = folder / f"shared-{name}"
    shared.mkdir(exist_ok=True)
    with (shared / "lock").open("w") as lock:
        fcntl.flock(lock, fcntl.LOCK_EX)
        yield shared


@pytest.fixture(scope="session")
def go(tmp_path_factory: pytest.TempPathFactory) -> Go:
    """A toolchain; installed for this run where there is none."""
    try:
        with alone(tmp_path_factory, "go") as shared:
            program = go_program(shared)
    except Unavailable as reason:
        unavailable(str(reason))
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
    environ |= {
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-p=2 -buildvcs=false",
        "NEXUS_TEST_PYTHON": sys.executable,
    }
    return Go(program, program.with_name("gofmt"), environ)


@pytest.fixture(scope="session")
def nexus_init(go: Go, tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The program that keeps processes inside workspaces, built from these sources."""
    with alone(tmp_path_factory, "init"):
        environ = {**go.environ, "PATH": f"{go.go.parent}{os.pathsep}{os.environ['PATH']}"}
        made = subprocess.run(
            [sys.executable, ROOT / "scripts" / "build_init"],
            env=environ,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=600.0,
            check=False,
        )
        assert made.returncode == 0, made.stdout
    return binary()


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Node.js, with the package installed and built."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
    environ |= {"NEXUS_TEST_PYTHON": sys.executable, "NO_COLOR": "1"}
    try:
        with alone(tmp_path_factory, "node") as shared, packages_lock():
            programs = node_path(shared)
            if programs is not None:
                environ["PATH"] = os.pathsep.join([programs, environ["PATH"]])
            install_packages(environ)
            found = Node(environ)
            build(found)
            return found
    except Unavailable as reason:
        unavailable(str(reason))


def build(node: Node) -> None:
    """Build the package, unless the build is of these sources."""
    folders = ("src", "driver", "scripts")
    sources = fingerprint(
        [path for folder in folders for path in (PACKAGE / folder).rglob("*.*s")]
        + [*PACKAGE.glob("tsconfig*.json"), *PACKAGE.glob("package*.json")]
    )
    stamp = PACKAGE / "node_modules" / ".nexus-built"
    if not stamp.is_file() or stamp.read_text() != sources or not (PACKAGE / "dist" / "driver.js").exists():
        made = node.run("npm", "run", "--silent", "build")
        assert made.returncode == 0, made.stdout
        stamp.write_text(sources)
