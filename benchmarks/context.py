"""What the benchmarks share: directories, repositories, the daemon, the peers. Made when first asked for."""

from __future__ import annotations

import shutil
import tempfile
from collections.abc import Callable
from contextlib import AbstractContextManager, ExitStack
from functools import cached_property
from pathlib import Path
from types import TracebackType
from typing import TypeVar

from benchmarks.containers import Containers, find_engine, settings
from benchmarks.repository import make_repository
from benchmarks.rows import Row
from benchmarks.servers import Daemon, Peer
from benchmarks.sizes import Sizes

__all__ = ["Benchmark", "Context"]

T = TypeVar("T")


class Context:
    """Use it in `with`; leaving stops what was started and removes what was made.

    Args:
        sizes: how much to measure.
        say: is told what happens.
    """

    def __init__(self, sizes: Sizes, say: Callable[[str], None] = lambda text: None) -> None:
        self.sizes = sizes
        self.say = say
        self._stack = ExitStack()
        self._repositories: dict[int, Path] = {}

    def __enter__(self) -> Context:
        return self

    def __exit__(
        self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None
    ) -> None:
        self._stack.close()

    @cached_property
    def directory(self) -> Path:
        """A directory of this run."""
        made = Path(tempfile.mkdtemp(prefix="nexus-bench-"))
        self._stack.callback(shutil.rmtree, made, ignore_errors=True)
        return made

    @cached_property
    def daemon(self) -> Daemon:
        """The daemon that most benchmarks use."""
        return self.start_daemon("home")

    def enter(self, thing: AbstractContextManager[T]) -> T:
        """Use something until the end of the run."""
        return self._stack.enter_context(thing)

    def start_daemon(self, name: str, *settings: str) -> Daemon:
        """A daemon on a home of this name, with settings as `key=value`; stopped at the end of the run."""
        daemon = Daemon(self.directory / name, settings)
        self._stack.callback(daemon.stop)
        return daemon

    @cached_property
    def containers(self) -> Containers:
        """An engine, and a daemon whose workspaces are its containers. Raises Skipped where there can be none."""
        engine = self.enter(find_engine())
        return Containers(engine, self.start_daemon("docker", *settings(engine)), self.repository(10))

    @cached_property
    def echo(self) -> Peer:
        """The raw echo."""
        return self.start_peer("echo")

    def start_peer(self, name: str) -> Peer:
        """A peer of this name; stopped at the end of the run."""
        peer = Peer(name, self.directory)
        self._stack.callback(peer.stop)
        return peer

    def repository(self, files: int) -> Path:
        """A repository of so many files, with one commit."""
        if files not in self._repositories:
            self._repositories[files] = make_repository(self.directory / f"repository-{files}", files)
        return self._repositories[files]

    @cached_property
    def workspace(self) -> dict[str, object]:
        """A small running workspace of the daemon."""
        return self.daemon.workspace(self.repository(10))


Benchmark = Callable[[Context], list[Row]]
"""Measures, and returns its rows."""
