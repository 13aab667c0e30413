"""Node.js and npm: where they are, and how they are run."""

from __future__ import annotations

import hashlib
import os
import shutil
import subprocess
from collections.abc import Iterable
from dataclasses import dataclass
from pathlib import Path
from typing import NoReturn

import pytest

ROOT = Path(__file__).resolve().parents[2]
PACKAGE = ROOT / "sdk-typescript"
OLDEST = 20
"""The oldest major version of Node.js that the SDK runs on."""
NEWER = 22
"""A major version that has a WebSocket of its own."""

BROWSERS = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


@dataclass(frozen=True)
class Node:
    """The environment in which `node` and `npm` are found."""

    environ: dict[str, str]

    def run(self, *argv: str, timeout: float = 900.0, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run a program in the package's folder; the output is both channels."""
        return subprocess.run(
            argv,
            cwd=PACKAGE,
            env={**self.environ, **environ},
            stdin=subprocess.DEVNULL,
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )


def unavailable(reason: str) -> NoReturn:
    """Skip, or in CI, where everything must be there, fail."""
    if os.environ.get("CI"):
        pytest.fail(reason)
    pytest.skip(reason)


def version(node: str) -> int:
    """The major version of a `node`; 0 where it does not run."""
    told = subprocess.run([node, "--version"], capture_output=True, text=True, timeout=30.0, check=False).stdout
    major = told.strip().removeprefix("v").partition(".")[0]
    return int(major) if major.isdigit() else 0


def installed() -> bool:
    """Whether this machine has a `node` that is new enough, and an `npm`."""
    node = shutil.which("node")
    return node is not None and shutil.which("npm") is not None and version(node) >= OLDEST


def browser() -> str | None:
    """A Chromium; installed by the package manager where there is none and that is allowed."""
    for _ in range(2):
        for name in BROWSERS:
            found = shutil.which(name)
            if found is not None:
                return found
        if os.geteuid() != 0 or shutil.which("apt-get") is None:
            return None
        environ = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        for command in (["update", "-qq"], ["install", "-y", "-qq", "--no-install-recommends", "chromium"]):
            subprocess.run(["apt-get", *command], env=environ, capture_output=True, timeout=600.0, check=False)
    return None


def fingerprint(paths: Iterable[Path]) -> str:
    """What tells whether files are the same as before."""
    digest = hashlib.sha256()
    for path in sorted(paths):
        digest.update(f"{path}\0".encode() + path.read_bytes() + b"\0")
    return digest.hexdigest()


def once(stamp: Path, wanted: str) -> bool:
    """Whether something has yet to be done, because the stamp does not say that it was."""
    return not stamp.is_file() or stamp.read_text() != wanted
