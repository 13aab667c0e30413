"""The Go toolchain: where it is, and how it is run."""

from __future__ import annotations

import subprocess
from dataclasses import dataclass
from pathlib import Path

from engines import unavailable

__all__ = ["MODULE", "ROOT", "Go", "unavailable"]

ROOT = Path(__file__).resolve().parents[2]
MODULE = ROOT / "sdk-go"


@dataclass(frozen=True)
class Go:
    """A toolchain: its two programs and the environment to run them in."""

    go: Path
    gofmt: Path
    environ: dict[str, str]
    module: Path = MODULE

    def run(self, *argv: str, timeout: float = 600.0, **environ: str) -> subprocess.CompletedProcess[str]:
        """Run `go` in the module; the output is both channels."""
        return subprocess.run(
            [str(self.go), *argv],
            cwd=self.module,
            env={**self.environ, **environ},
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
            text=True,
            timeout=timeout,
            check=False,
        )
