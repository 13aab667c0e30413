"""Events for a watched tree where there is no inotify: `watchfiles` says where, reading the directory says what.

Its events name paths, after following links. So each event only leads to a directory that the tree knows, and that
directory is read again by descriptor; what lies behind a link is in no known directory and is passed over.
"""

from __future__ import annotations

import itertools
import os
import threading
from collections.abc import Callable
from typing import Final

from watchfiles._rust_notify import RustNotify

from nexusd.files.beneath import Beneath
from nexusd.files.watchtree import Tree

_STEP: Final = 5
"""Milliseconds without a change that end a batch."""

_BATCH: Final = 25
"""Milliseconds that a batch may last."""

_WAIT: Final = 1000
"""Milliseconds until the root is looked at, should nothing change."""


class PortableDriver:
    """Follows the whole root by its path. All but `wake` belongs to one thread."""

    def __init__(self, beneath: Beneath, root_gone: Callable[[], None]) -> None:
        """Begin to follow.

        Args:
            root_gone: called when the root itself was removed.

        Raises:
            OSError: the root cannot be watched.
        """
        self._beneath = beneath
        self._root_gone = root_gone
        self._root = os.path.realpath(beneath.seen_as)
        self._woken = threading.Event()
        self._numbers = itertools.count(1)
        self._notify = RustNotify([self._root], False, False, 300, True, True)

    def add(self, directory: int) -> int:
        """A number for a directory; the whole root is followed already."""
        return next(self._numbers)

    def remove(self, watch: int) -> None:
        """Nothing ends: the whole root is followed."""

    def wake(self) -> None:
        """End the wait of `pump`. Any thread may call it, after `close`, too."""
        self._woken.set()

    def pump(self, tree: Tree) -> None:
        """Wait for changes or `wake`; bring the tree up to date and tell what changed."""
        answer = self._notify.watch(_BATCH, _STEP, _WAIT, self._woken)
        self._woken.clear()
        if not isinstance(answer, str):
            prefix = self._root.rstrip("/") + "/"
            for path in sorted({path for _, path in answer if path.startswith(prefix)}):
                self._take(tree, tuple(path[len(prefix) :].split("/")))
        if self._beneath.gone:
            self._root_gone()
        tree.flush()

    def close(self) -> None:
        """Let go."""
        self._notify.close()

    @staticmethod
    def _take(tree: Tree, parts: tuple[str, ...]) -> None:
        for count in range(len(parts) - 1, -1, -1):
            known = tree.at(parts[:count])
            if known is not None:
                tree.reread(known)
                if count == len(parts) - 1 and not known.names.get(parts[-1], False):
                    tree.changed(known, parts[-1], False)
                return
