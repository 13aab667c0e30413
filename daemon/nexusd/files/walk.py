"""Walking a tree by descriptors: ordered, without following links, bounded in depth and in open files."""

from __future__ import annotations

import os
from collections.abc import Callable, Generator
from typing import Final, NamedTuple

from nexusd.files.beneath import open_child
from nexusd.files.ignore import Ignore
from nexusd.files.stage import is_ours

MAX_DEPTH: Final = 128
"""Levels below the start; a tree nested deeper is cut there. One descriptor is open for each."""


class Entry:
    """One entry met on a walk.

    Attributes:
        path: relative to the root of the workspace.
        name: its name.
        is_dir: a real directory, not a link to one.
        is_file: a regular file.
        directory: the open directory it is in; valid until the walk goes on.
        level: 1 for the entries of the start.
    """

    __slots__ = ("directory", "is_dir", "is_file", "level", "name", "path")

    def __init__(self, path: str, name: str, is_dir: bool, is_file: bool, directory: int, level: int) -> None:
        self.path = path
        self.name = name
        self.is_dir = is_dir
        self.is_file = is_file
        self.directory = directory
        self.level = level

    def status(self) -> os.stat_result | None:
        """Its lstat; None if it is gone by now."""
        try:
            return os.stat(self.name, dir_fd=self.directory, follow_symlinks=False)
        except OSError:
            return None


def walk(
    directory: int,
    start: str,
    *,
    ignore: Ignore | None = None,
    hidden: bool = True,
    depth: int = MAX_DEPTH,
    enter: Callable[[Entry], bool] | None = None,
    unreadable: Callable[[str], None] | None = None,
    device: int | None = None,
) -> Generator[Entry, None, None]:
    """Yield what is below a directory, each directory before its content, names in code point order.

    The order equals that of paths compared component by component. Temporary files of ours are left out. Close the
    generator when leaving it early: it holds descriptors.

    Args:
        directory: an open, readable directory; not closed.
        start: its path relative to the root, ``.`` for the root.
        ignore: the rules inside the directory (`Ignore.at`): leave out what they exclude, and ``.git``.
        hidden: include names that begin with a dot.
        depth: levels to walk.
        enter: asked for each directory after it was yielded; False leaves out its content.
        unreadable: told of each directory that could not be opened.
        device: stay on this device number; None crosses mounts.
    """
    limits = _Limits(hidden, min(depth, MAX_DEPTH), enter, unreadable, device)
    return _level(directory, prefix(start), 1, ignore, limits)


def walk_all(directory: int) -> Generator[Entry, None, None]:
    """As `walk`, of everything: temporary files of ours too. For the sweep that removes them."""
    return _level(directory, "", 1, None, _Limits(True, MAX_DEPTH, None, None, None, ours=True))


def prefix(start: str) -> str:
    """What the paths of a walk begin with: nothing in the root, else the start and a slash."""
    return "" if start == "." else start if start.endswith("/") else start + "/"


class _Limits(NamedTuple):
    hidden: bool
    depth: int
    enter: Callable[[Entry], bool] | None
    unreadable: Callable[[str], None] | None
    device: int | None
    ours: bool = False


def _level(
    directory: int, base: str, level: int, rules: Ignore | None, limits: _Limits
) -> Generator[Entry, None, None]:
    try:
        with os.scandir(directory) as scan:
            found = [(e.name, e.is_dir(follow_symlinks=False), e.is_file(follow_symlinks=False)) for e in scan]
    except OSError:
        if limits.unreadable is not None:
            limits.unreadable(base.rstrip("/") or ".")
        return
    found.sort()
    for name, is_dir, is_file in found:
        if (is_ours(name) and not limits.ours) or (not limits.hidden and name.startswith(".")):
            continue
        if rules is not None and rules.excludes(name, is_dir):
            continue
        entry = Entry(base + name, name, is_dir, is_file, directory, level)
        yield entry
        if not is_dir or level >= limits.depth or (limits.enter is not None and not limits.enter(entry)):
            continue
        try:
            child = open_child(directory, name)
        except OSError:
            if limits.unreadable is not None:
                limits.unreadable(entry.path)
            continue
        try:
            if limits.device is None or os.fstat(child).st_dev == limits.device:
                inside = None if rules is None else rules.enter(child, name)
                yield from _level(child, entry.path + "/", level + 1, inside, limits)
        finally:
            os.close(child)
