"""One small file per workspace: what a backend remembers of it, readable after a crash."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Generic, Protocol, TypeVar

import msgspec

from nexusd.failpoints import failpoint


class Named(Protocol):
    """What a record has at least: the id of its workspace."""

    workspace: str


R = TypeVar("R", bound=Named)


class Records(Generic[R]):
    """The files in a directory; each is written whole or not at all. Blocking, and used from any thread.

    Args:
        directory: theirs alone.
        kind: the struct that a file holds.
    """

    def __init__(self, directory: Path, kind: type[R]) -> None:
        self._directory = directory
        self._decode = msgspec.json.Decoder(kind).decode

    def open(self) -> None:
        """Make the directory; remove what a crash left half-written. Raises OSError."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._directory.glob("*.new"):
            path.unlink(missing_ok=True)

    def instance(self) -> str:
        """The id of this state directory; made once. Raises OSError."""
        path = self._directory / "instance"
        try:
            return path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            instance = secrets.token_hex(10)
            self._write(path, instance.encode())
            return instance

    def get(self, workspace: str) -> R | None:
        """The record of a workspace; None where there is none, and as `unreadable` says where it cannot be read."""
        try:
            return self._decode((self._directory / f"{workspace}.json").read_bytes())
        except FileNotFoundError:
            return None
        except msgspec.DecodeError:
            return self.unreadable(workspace)

    def unreadable(self, workspace: str) -> R | None:
        """What stands for a record that cannot be read: none, unless a backend says otherwise."""
        return None

    def put(self, record: R) -> None:
        """Write a record. Raises OSError."""
        self._write(self._directory / f"{record.workspace}.json", msgspec.json.encode(record))

    def remove(self, workspace: str) -> None:
        """Remove a record; nothing happens where there is none."""
        (self._directory / f"{workspace}.json").unlink(missing_ok=True)

    def all(self) -> list[R]:
        """All records, by workspace."""
        found = (self.get(path.stem) for path in sorted(self._directory.glob("*.json")))
        return [record for record in found if record is not None]

    def _write(self, path: Path, data: bytes) -> None:
        new = path.with_suffix(f"{path.suffix}.new")
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        failpoint("backend.note.written")
        os.replace(new, path)
