# Generated from nexus_sdk's asynchronous classes; do not edit.
"""Synchronous twin of nexus_sdk.events."""

from __future__ import annotations

from types import TracebackType

import nexus_sdk.events
from nexus_sdk.portal import Facade
from nexus_sdk.protocol import types

__all__ = ["FileWatch", "Search", "WorkspaceWatch"]


class Search(Facade):
    """Matches of `Files.search`, as they are found."""

    _inner: nexus_sdk.events.Search

    @property
    def files(self) -> int:
        """How many files were looked at so far."""
        return self._inner.files

    @property
    def result(self) -> types.FsSearched:
        """What the search did.

        Raises:
            RuntimeError: it has not ended; read to the end first.
        """
        return self._inner.result

    def __enter__(self) -> Search:
        self._run(self._inner.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._inner.__aexit__(kind, error, trace))

    def __iter__(self) -> Search:
        return self

    def __next__(self) -> types.FsMatch:
        item: types.FsMatch = self._next()
        return item

    def close(self) -> None:
        """End the stream. Closing twice does nothing."""
        self._run(self._inner.aclose())

    @property
    def reconnects(self) -> int:
        """How often the stream was attached again after a break."""
        return self._inner.reconnects

    @property
    def finished(self) -> bool:
        """Whether the stream is over."""
        return self._inner.finished


class FileWatch(Facade):
    """Changes of files. `FsOverflow` says that some were missed: list again."""

    _inner: nexus_sdk.events.FileWatch

    @property
    def cursor(self) -> str | None:
        """Where to continue after the last event that came; None before the first is known."""
        return self._inner.cursor

    def __enter__(self) -> FileWatch:
        self._run(self._inner.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._inner.__aexit__(kind, error, trace))

    def __iter__(self) -> FileWatch:
        return self

    def __next__(self) -> types.FsChange | types.FsOverflow:
        item: types.FsChange | types.FsOverflow = self._next()
        return item

    def close(self) -> None:
        """End the stream. Closing twice does nothing."""
        self._run(self._inner.aclose())

    @property
    def reconnects(self) -> int:
        """How often the stream was attached again after a break."""
        return self._inner.reconnects

    @property
    def finished(self) -> bool:
        """Whether the stream is over."""
        return self._inner.finished


class WorkspaceWatch(Facade):
    """Changes of workspaces. `WorkspaceOverflow` says that some were missed: list again."""

    _inner: nexus_sdk.events.WorkspaceWatch

    @property
    def cursor(self) -> str | None:
        """Where to continue after the last event that came; None before the first is known."""
        return self._inner.cursor

    def __enter__(self) -> WorkspaceWatch:
        self._run(self._inner.__aenter__())
        return self

    def __exit__(
        self,
        kind: type[BaseException] | None,
        error: BaseException | None,
        trace: TracebackType | None,
    ) -> None:
        self._run(self._inner.__aexit__(kind, error, trace))

    def __iter__(self) -> WorkspaceWatch:
        return self

    def __next__(self) -> types.WorkspaceChanged | types.WorkspaceOverflow:
        item: types.WorkspaceChanged | types.WorkspaceOverflow = self._next()
        return item

    def close(self) -> None:
        """End the stream. Closing twice does nothing."""
        self._run(self._inner.aclose())

    @property
    def reconnects(self) -> int:
        """How often the stream was attached again after a break."""
        return self._inner.reconnects

    @property
    def finished(self) -> bool:
        """Whether the stream is over."""
        return self._inner.finished
