"""Repositories to work on."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path

__all__ = ["git", "make_repository"]

_PER_DIRECTORY = 50
_GIT = {
    "GIT_CONFIG_GLOBAL": os.devnull,
    "GIT_CONFIG_SYSTEM": os.devnull,
    "GIT_AUTHOR_NAME": "Bench",
    "GIT_AUTHOR_EMAIL": "bench@example.invalid",
    "GIT_COMMITTER_NAME": "Bench",
    "GIT_COMMITTER_EMAIL": "bench@example.invalid",
}


def git(directory: Path, *argv: str) -> str:
    """Run git; what it printed."""
    done = subprocess.run(
        ["git", *argv],
        cwd=directory,
        env={**os.environ, **_GIT},
        check=True,
        capture_output=True,
        text=True,
        timeout=120,
    )
    return done.stdout.strip()


def make_repository(path: Path, files: int) -> Path:
    """A repository with one commit of so many files, 50 in a directory, of 1 to 4 KiB."""
    path.mkdir(parents=True)
    git(path, "init", "-q", "-b", "main")
    git(path, "config", "gc.auto", "0")
    for number in range(files):
        directory = path / "src" / f"part-{number // _PER_DIRECTORY:03}"
        if number % _PER_DIRECTORY == 0:
            directory.mkdir(parents=True)
        line = f"value_{number} = {number}\n"
        (directory / f"file_{number:05}.py").write_text(line * (1024 * (1 + number % 4) // len(line)))
    git(path, "add", "-A")
    git(path, "commit", "-q", "-m", "first")
    return path
