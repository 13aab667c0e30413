"""What the tests of files share."""

from __future__ import annotations

import gc
import os
from pathlib import Path

import pytest
from nexusd.backends.base import RootHandle
from nexusd.files import beneath as beneath_module
from nexusd.files.beneath import Beneath

SECRET = "outside and secret"


def beneath_at(path: Path, *, in_root: bool = False, seen_as: str | None = None) -> Beneath:
    """The files below a directory."""
    fd = os.open(path, os.O_PATH | os.O_DIRECTORY)
    try:
        return Beneath(RootHandle(fd=fd, path=seen_as or str(path), in_root=in_root))
    finally:
        os.close(fd)


def without_openat2(monkeypatch: pytest.MonkeyPatch) -> None:
    """A system that has no openat2."""

    def missing(*_: object) -> int:
        raise OSError(38, "no such call")

    monkeypatch.setattr(beneath_module, "openat2", missing)
    monkeypatch.setattr(beneath_module, "_probed", None)


def snapshot(place: Path) -> dict[str, tuple[int, int, bytes | str | None]]:
    """Everything below a directory: mode, mtime and content, links as their text."""
    found: dict[str, tuple[int, int, bytes | str | None]] = {}
    for base, directories, names in os.walk(place):
        for name in (*directories, *names, "."):
            path = os.path.join(base, name)
            status = os.lstat(path)
            content: bytes | str | None = None
            if os.path.islink(path):
                content = os.readlink(path)
            elif os.path.isfile(path):
                content = Path(path).read_bytes()
            found[os.path.relpath(path, place)] = (status.st_mode, status.st_mtime_ns, content)
    return found


def open_descriptors() -> int:
    """How many descriptors this process has, when what is not used any more was let go."""
    gc.collect()
    return len(os.listdir("/proc/self/fd"))
