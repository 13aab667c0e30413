# Generated from nexus_sdk's asynchronous classes; do not edit.
"""Synchronous twin of nexus_sdk.output."""

from __future__ import annotations

import nexus_sdk.output
from nexus_sdk.output import Chunk
from nexus_sdk.portal import Facade

__all__ = ["ChunkReader", "Lines", "OutputReader"]


class ChunkReader(Facade):
    """Everything in the order in which it was written, as `Chunk`. Iterate it with `for`."""

    _inner: nexus_sdk.output.ChunkReader

    def __iter__(self) -> ChunkReader:
        return self

    def __next__(self) -> Chunk:
        item: Chunk = self._next()
        return item

    def close(self) -> None:
        """Do nothing: there is nothing to give back. What is not read waits in the process."""
        self._run(self._inner.aclose())


class OutputReader(Facade):
    """One channel's bytes. Iterate it with `for`, or read it whole.

    While one channel is read and the other was never asked for, the end of the other is kept, as long as the window (at
    least 256 KiB); asking for it later raises `OutputGap` if more came. Once both are asked for, both must be read.
    """

    _inner: nexus_sdk.output.OutputReader

    def __iter__(self) -> OutputReader:
        return self

    def __next__(self) -> bytes:
        item: bytes = self._next()
        return item

    def read(self) -> bytes:
        """Return the next bytes, as many as came together; `b""` at the end."""
        return self._run(self._inner.read())

    def read_all(self) -> bytes:
        """Return everything to the end; it is held in memory."""
        return self._run(self._inner.read_all())

    def text(
        self,
        encoding: str = "utf-8",
        errors: str = "replace",
    ) -> str:
        """Return everything to the end as text; it is held in memory."""
        return self._run(self._inner.text(encoding, errors))

    def lines(
        self,
        encoding: str = "utf-8",
        errors: str = "replace",
    ) -> Lines:
        """Return an iterator over lines, without their line ends."""
        return self._wrap(Lines, self._inner.lines(encoding, errors))

    def close(self) -> None:
        """Do nothing: there is nothing to give back. What is not read waits in the process."""
        self._run(self._inner.aclose())


class Lines(Facade):
    """The lines of a channel. A last line without a line end is a line too."""

    _inner: nexus_sdk.output.Lines

    def __iter__(self) -> Lines:
        return self

    def __next__(self) -> str:
        item: str = self._next()
        return item

    def close(self) -> None:
        """Do nothing: there is nothing to give back."""
        self._run(self._inner.aclose())
