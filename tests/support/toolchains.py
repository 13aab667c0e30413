"""Fixtures: Go, Node.js with the TypeScript SDK built, and the engines it runs in; installed where they are missing."""

from __future__ import annotations

import contextlib
import fcntl
import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from pathlib import Path

import pytest
from go_toolchain import ROOT, Go
from nexusd.backends.keeper.binary import binary
from node_toolchain import PACKAGE, Node, unavailable

from benchmarks.toolchains import (
    NEWER_NODE,
    OLDEST_NODE,
    Unavailable,
    carried_node,
    fingerprint,
    go_program,
    install_packages,
    node_path,
    node_version,
    packages_lock,
)

OTHERS = {"NEXUS_TEST_BUN": ("bun@1.4.4", "@oven/bun-*/bin/bun"), "NEXUS_TEST_DENO": ("deno@2.9.6", "@deno/*/deno")}
"""The engines that npm carries: package, and where a package of one platform holds the program."""


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


@pytest.fixture(scope="session")
def engines(node: Node) -> dict[str, str]:
    """The programs of the engines that the SDK runs in, by the variables under which its tests look for them."""
    try:
        with packages_lock():
            return installed_engines(node)
    except Unavailable as reason:
        unavailable(str(reason))


def installed_engines(node: Node) -> dict[str, str]:
    """Install the engines, unless that was done. Call it with `packages_lock` held.

    Raises:
        Unavailable: one of them is not to be had.
    """
    home = PACKAGE / "node_modules" / ".nexus-engines"
    stamp = home / "installed"
    wanted = json.dumps([OTHERS, OLDEST_NODE, NEWER_NODE])
    if not stamp.is_file() or stamp.read_text() != wanted:
        shutil.rmtree(home, ignore_errors=True)
        home.mkdir()
        packages = [package for package, _ in OTHERS.values()]
        # their install scripts only link what the packages of the platform hold
        flags = ["--prefix", str(home), "--no-save", "--ignore-scripts", "--no-audit", "--no-fund"]
        made = node.run("npm", "install", *flags, *packages)
        if made.returncode != 0:
            raise Unavailable(f"{packages} cannot be installed: {made.stdout[-2000:]}")
    found = {name: str(runnable(home / "node_modules", where)) for name, (_, where) in OTHERS.items()}
    for major in (OLDEST_NODE, NEWER_NODE):
        given = shutil.which("node", path=node.environ["PATH"])
        if given is None or node_version(given) != major:
            given = str(carried_node(major, home / f"node{major}"))
        found[f"NEXUS_TEST_NODE{major}"] = given
    stamp.write_text(wanted)
    return found


def runnable(folder: Path, pattern: str) -> Path:
    """The program that runs on this machine: npm may have brought one for each C library.

    Raises:
        Unavailable: none does.
    """
    for program in sorted(folder.glob(pattern)):
        with contextlib.suppress(OSError):
            if subprocess.run([program, "--version"], capture_output=True, timeout=60.0, check=False).returncode == 0:
                return program
    raise Unavailable(f"no {pattern} below {folder} runs here")
