"""One small file per workspace: what the backend last did with it, readable after a crash."""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Literal

import msgspec

Wanted = Literal["stopped", "running", "paused"]


class Entry(msgspec.Struct, kw_only=True):
    """What the backend was told last.

    Attributes:
        workspace: the workspace's id.
        wanted: the state it was brought to.
        generation: the incarnation.
        run: which run of the backend brought it there.
    """

    workspace: str
    wanted: Wanted
    generation: int
    run: str


class Entries:
    """The files in a directory; each is written whole or not at all."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._decode = msgspec.json.Decoder(Entry).decode

    def open(self) -> None:
        """Make the directory; remove what a crash left half-written."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._directory.glob("*.new"):
            path.unlink(missing_ok=True)

    def instance(self) -> str:
        """The id of this state directory; made once."""
        path = self._directory / "instance"
        try:
            return path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            instance = secrets.token_hex(10)
            self._write(path, instance.encode())
            return instance

    def get(self, workspace: str) -> Entry | None:
        """The entry of a workspace. A file that cannot be read counts as none: it is only a note."""
        try:
            return self._decode((self._directory / f"{workspace}.json").read_bytes())
        except (FileNotFoundError, msgspec.DecodeError):
            return None

    def put(self, entry: Entry) -> None:
        """Write an entry."""
        self._write(self._directory / f"{entry.workspace}.json", msgspec.json.encode(entry))

    def remove(self, workspace: str) -> None:
        """Remove an entry; nothing happens where there is none."""
        (self._directory / f"{workspace}.json").unlink(missing_ok=True)

    def all(self) -> list[Entry]:
        """All entries, by workspace."""
        found = (self.get(path.stem) for path in sorted(self._directory.glob("*.json")))
        return [entry for entry in found if entry is not None]

    def _write(self, path: Path, data: bytes) -> None:
        new = path.with_suffix(f"{path.suffix}.new")
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
