# Generated from nexus_sdk's asynchronous classes; do not edit.
"""Synchronous twin of nexus_sdk.transfer."""

from __future__ import annotations

from types import TracebackType

import nexus_sdk.transfer
from nexus_sdk.portal import Facade
from nexus_sdk.protocol import types

__all__ = ["Download"]


class Download(Facade):
    """A file's bytes: `with files.open(path) as download`, then `for data in download`."""

    _inner: nexus_sdk.transfer.Download

    @property
    def info(self) -> types.FileInfo:
        """The file, as it was when the download began."""
        return self._inner.info

    @property
    def start(self) -> int:
        """Position in the file of the first byte that comes."""
        return self._inner.start

    @property
    def length(self) -> int:
        """How many bytes come in all."""
        return self._inner.length

    def __enter__(self) -> Download:
        self._run(self._inner.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._inner.__aexit__(kind, error, trace))

    def __iter__(self) -> Download:
        return self

    def __next__(self) -> bytes:
        item: bytes = self._next()
        return item

    def read(self) -> bytes:
        """Return the next bytes, at most 64 KiB; `b""` at the end.

        Raises:
            FileChanged: the file is no longer the one that the download began with.
        """
        return self._run(self._inner.read())

    def read_all(self) -> bytes:
        """Return everything to the end; it is held in memory."""
        return self._run(self._inner.read_all())

    def close(self) -> None:
        """Stop. Closing twice does nothing."""
        self._run(self._inner.aclose())

    @property
    def reconnects(self) -> int:
        """How often the stream was attached again after a break."""
        return self._inner.reconnects

    @property
    def finished(self) -> bool:
        """Whether the stream is over."""
        return self._inner.finished
