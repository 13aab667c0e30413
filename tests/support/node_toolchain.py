"""Node.js and npm: where they are, and how they are run."""

from __future__ import annotations

import os
import shutil
import subprocess
from dataclasses import dataclass

from engines import unavailable

from benchmarks.toolchains import PACKAGE

__all__ = ["PACKAGE", "Node", "browser", "unavailable"]

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
            subprocess.run(
                ["apt-get", "-o", "DPkg::Lock::Timeout=300", *command],
                env=environ,
                capture_output=True,
                timeout=600.0,
                check=False,
            )
    return None
