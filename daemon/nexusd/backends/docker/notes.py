"""What the backend remembers of each workspace: written before the engine is asked, removed when all is done.

So after a crash at any instruction the notes name every workspace for which there may be something at the engine, and
a node without notes never needs to ask.
"""

from __future__ import annotations

import os
import secrets
from pathlib import Path
from typing import Literal

import msgspec

Wanted = Literal["stopped", "running", "paused"]


class Note(msgspec.Struct, kw_only=True):
    """One workspace.

    Attributes:
        workspace: its id.
        wanted: the state it was brought to, or was being brought to.
        prepared: whether its container was finished.
        secret: what its helper and we know, base64; empty before the first start.
        home: the home directory inside.
        user: the name of its user inside.
    """

    workspace: str
    wanted: Wanted = "stopped"
    prepared: bool = False
    secret: str = ""
    home: str = ""
    user: str = ""


class Notes:
    """The files in a directory; each is written whole or not at all. Blocking, and used from any thread."""

    def __init__(self, directory: Path) -> None:
        self._directory = directory
        self._decode = msgspec.json.Decoder(Note).decode

    def open(self) -> str:
        """Make the directory; the id of this state directory, made once. Raises OSError."""
        self._directory.mkdir(mode=0o700, parents=True, exist_ok=True)
        for path in self._directory.glob("*.new"):
            path.unlink(missing_ok=True)
        path = self._directory / "instance"
        try:
            return path.read_text(encoding="ascii").strip()
        except FileNotFoundError:
            instance = secrets.token_hex(10)
            self._write(path, instance.encode())
            return instance

    def get(self, workspace: str) -> Note | None:
        """The note of a workspace; one that cannot be read is as good as a new one."""
        try:
            return self._decode((self._directory / f"{workspace}.json").read_bytes())
        except FileNotFoundError:
            return None
        except msgspec.DecodeError:
            return Note(workspace=workspace)

    def put(self, note: Note) -> None:
        """Write a note. Raises OSError."""
        self._write(self._directory / f"{note.workspace}.json", msgspec.json.encode(note))

    def remove(self, workspace: str) -> None:
        """Remove a note; nothing happens where there is none."""
        (self._directory / f"{workspace}.json").unlink(missing_ok=True)

    def all(self) -> list[Note]:
        """All notes, by workspace."""
        found = (self.get(path.stem) for path in sorted(self._directory.glob("*.json")))
        return [note for note in found if note is not None]

    def _write(self, path: Path, data: bytes) -> None:
        new = path.with_suffix(f"{path.suffix}.new")
        fd = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o600)
        with open(fd, "wb") as file:
            file.write(data)
            file.flush()
            os.fsync(file.fileno())
        os.replace(new, path)
