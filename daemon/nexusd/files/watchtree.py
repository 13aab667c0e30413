"""What is there in the watched directories, and the net change of it between two looks. Runs in one thread.

Each watched directory keeps the names it holds. Events touch paths; when a batch ends, each touched path is compared
with what was there before it: created, modified, deleted, or nothing (made and removed in between). A directory that
appears is first watched and then read, so what was put into it before the watch was in place is found as well.
"""

from __future__ import annotations

import errno
import os
from collections.abc import Callable, Iterator
from typing import Final, Protocol

from nexus_sdk.protocol.types import ChangeType

from nexusd.files.beneath import Beneath
from nexusd.files.ignore import Ignore
from nexusd.files.stage import is_ours
from nexusd.files.walk import MAX_DEPTH

_GONE: Final = (errno.ENOENT, errno.ENOTDIR, errno.ELOOP, errno.EACCES, errno.EPERM)


class Source(Protocol):
    """Where events come from: what a tree needs of it."""

    def add(self, directory: int) -> int:
        """Watch an open directory; returns a number for it."""
        ...

    def remove(self, watch: int) -> None:
        """End a watch."""
        ...


class Scope:
    """A part of the tree that somebody watches.

    Attributes:
        start: components of where it begins, without links.
        recursive: directories below are watched too.
        gitignore: leave out what .gitignore excludes below the start, and .git.
        changed: told each batch of changes.
        lost: told why changes were missed.
    """

    def __init__(
        self,
        start: tuple[str, ...],
        recursive: bool,
        gitignore: bool,
        changed: Callable[[list[tuple[str, ChangeType]]], None],
        lost: Callable[[str], None],
    ) -> None:
        self.start = start
        self.recursive = recursive
        self.gitignore = gitignore
        self.changed = changed
        self.lost = lost

    def covers(self, parts: tuple[str, ...], hidden: int) -> bool:
        """Whether a change of this path is of interest. `hidden` is the deepest excluded component, 0 for none."""
        depth = len(self.start)
        if parts[:depth] != self.start or (self.gitignore and hidden > depth):
            return False
        return self.recursive or len(parts) <= depth + 1

    def wants(self, parts: tuple[str, ...], hidden: int) -> bool:
        """Whether this directory must be watched: it leads to the start, is it, or lies in it."""
        depth = len(self.start)
        if len(parts) <= depth:
            return self.start[: len(parts)] == parts
        return self.recursive and self.covers(parts, hidden)


class Directory:
    """A watched directory.

    Attributes:
        parts: its components.
        watch: its number in the source.
        names: what it holds; True for a directory.
        rules: what .gitignore excludes inside.
        hidden: depth of the deepest component that is excluded, 0 for none.
        device: number of its filesystem.
    """

    __slots__ = ("device", "hidden", "names", "parts", "rules", "watch")

    def __init__(self, parts: tuple[str, ...], watch: int, rules: Ignore, hidden: int, device: int) -> None:
        self.parts = parts
        self.watch = watch
        self.rules = rules
        self.hidden = hidden
        self.device = device
        self.names: dict[str, bool] = {}

    def hides(self, name: str, is_dir: bool) -> int:
        """The deepest excluded component on the way to an entry."""
        return len(self.parts) + 1 if self.rules.excludes(name, is_dir) else self.hidden


class Tree:
    """The watched directories of one root. Not thread-safe."""

    def __init__(self, beneath: Beneath, source: Source, exclude: str) -> None:
        self._beneath = beneath
        self._source = source
        self._exclude = exclude
        self._scopes: list[Scope] = []
        self._directories: dict[tuple[str, ...], Directory] = {}
        self._by_watch: dict[int, Directory] = {}
        self._touched: dict[tuple[str, ...], tuple[bool, int]] = {}
        self._stale_rules: set[tuple[str, ...]] = set()

    def add(self, scope: Scope) -> None:
        """Begin to watch for a scope: afterwards every change is seen.

        Raises:
            OSError: a limit of the system; the start cannot be read. Nothing is left of the scope.
        """
        self._scopes.append(scope)
        try:
            for count in range(len(scope.start) + 1):
                parts = scope.start[:count]
                if parts in self._directories:
                    continue
                parent = self._directories.get(parts[:-1]) if parts else None
                if parent is not None and not parent.names.get(parts[-1], False):
                    break  # the start is a file: its directory is watched
                fd = self._beneath.open_plain(parts)
                try:
                    self._enter(fd, parts, parent, report=False, strict=True)
                finally:
                    os.close(fd)
            begin = self._directories.get(scope.start)
            if begin is not None:
                self._complete(begin, strict=True)
        except BaseException:
            self.remove(scope)
            raise

    def remove(self, scope: Scope) -> None:
        """Stop watching for a scope, if it is; directories that nobody else wants are let go."""
        if scope in self._scopes:
            self._scopes.remove(scope)
        for directory in list(self._directories.values()):
            if not self._wanted(directory.parts, directory.hidden):
                self._drop(directory)

    def find(self, watch: int) -> Directory | None:
        """The directory of a watch."""
        return self._by_watch.get(watch)

    def at(self, parts: tuple[str, ...]) -> Directory | None:
        """The watched directory with these components."""
        return self._directories.get(parts)

    def appeared(self, directory: Directory, name: str, is_dir: bool, *, replaced: bool) -> None:
        """An entry was made or moved here; `replaced`: something of the name may have been there."""
        if is_ours(name):
            return
        known = directory.names.get(name)
        if known is not None and not replaced and known == is_dir:
            return  # found by reading the directory, before its event came
        self._touch(directory, name, is_dir)
        if known:
            self._forget((*directory.parts, name))
        directory.names[name] = is_dir
        if is_dir:
            self._descend(directory, name, report=True, strict=False)

    def vanished(self, directory: Directory, name: str) -> None:
        """An entry was removed or moved away."""
        known = directory.names.get(name)
        if known is None:
            return
        self._touch(directory, name, known)
        del directory.names[name]
        if known:
            self._forget((*directory.parts, name))

    def changed(self, directory: Directory, name: str, is_dir: bool) -> None:
        """An entry's content or attributes changed."""
        if name in directory.names:
            self._touch(directory, name, is_dir)

    def ended(self, watch: int) -> None:
        """The source dropped a watch by itself."""
        directory = self._by_watch.pop(watch, None)
        if directory is not None and self._directories.get(directory.parts) is directory:
            del self._directories[directory.parts]

    def lost(self, reason: str) -> None:
        """Events were lost: say so and read everything again."""
        for scope in self._scopes:
            scope.lost(reason)
        for directory in list(self._directories.values()):
            if self._directories.get(directory.parts) is directory:
                self.reread(directory)
        self._touched.clear()

    def fail(self, reason: str) -> None:
        """No more changes will be seen: say so."""
        for scope in self._scopes:
            scope.lost(reason)

    def reread(self, directory: Directory) -> None:
        """Compare what a directory holds with what was known of it."""
        try:
            fd = self._beneath.open_plain(directory.parts)
        except OSError:
            return  # gone: its parent tells
        try:
            found = dict(_entries(fd))
        except OSError:
            return
        finally:
            os.close(fd)
        for name in [name for name in directory.names if name not in found]:
            self.vanished(directory, name)
        for name, is_dir in found.items():
            if directory.names.get(name) != is_dir:
                self.appeared(directory, name, is_dir, replaced=True)

    def flush(self) -> None:
        """End the batch: tell every scope what changed since the one before."""
        touched, self._touched = self._touched, {}
        batches: dict[Scope, list[tuple[str, ChangeType]]] = {}
        for parts, (before, hidden) in touched.items():
            parent = self._directories.get(parts[:-1])
            after = parent is not None and parts[-1] in parent.names
            if not before and not after:
                continue
            change: ChangeType = "modified" if before and after else "created" if after else "deleted"
            path = self._beneath.spell(parts)
            for scope in self._scopes:
                if scope.covers(parts, hidden):
                    batches.setdefault(scope, []).append((path, change))
        for scope, batch in batches.items():
            scope.changed(batch)
        if self._stale_rules:
            self._renew_rules()

    def _touch(self, directory: Directory, name: str, is_dir: bool) -> None:
        parts = (*directory.parts, name)
        if name == ".gitignore":
            self._stale_rules.add(directory.parts)
        if parts not in self._touched:
            self._touched[parts] = (name in directory.names, directory.hides(name, is_dir))

    def _wanted(self, parts: tuple[str, ...], hidden: int) -> bool:
        return any(scope.wants(parts, hidden) for scope in self._scopes)

    def _descend(self, parent: Directory, name: str, *, report: bool, strict: bool) -> None:
        """Watch a directory inside a watched one, if anybody wants it."""
        parts = (*parent.parts, name)
        known = self._directories.get(parts)
        if known is not None:
            self._complete(known, strict=strict)
            return
        if len(parts) > MAX_DEPTH or not self._wanted(parts, parent.hides(name, True)):
            return
        try:
            fd = self._beneath.open_plain(parts)
        except OSError as error:
            if error.errno not in _GONE:
                raise
            return
        try:
            # A whole filesystem holds others (/proc, /sys); they are watched only where a watch begins in them.
            foreign = self._beneath.in_root and os.fstat(fd).st_dev != parent.device
            if not foreign or any(scope.start[: len(parts)] == parts for scope in self._scopes):
                self._enter(fd, parts, parent, report=report, strict=strict)
        finally:
            os.close(fd)

    def _enter(self, fd: int, parts: tuple[str, ...], parent: Directory | None, *, report: bool, strict: bool) -> None:
        try:
            watch = self._source.add(fd)
        except OSError as error:
            if strict and (error.errno not in _GONE or any(scope.start == parts for scope in self._scopes)):
                raise
            if error.errno not in _GONE:
                for scope in self._scopes:
                    scope.lost("the system's limit of watches is reached; what lies in new directories is not seen")
            return
        if parent is None:
            rules, hidden = Ignore.at(self._beneath, ".", self._exclude), 0
        else:
            rules, hidden = parent.rules.enter(fd, parts[-1]), parent.hides(parts[-1], True)
        stale = self._by_watch.get(watch)
        if stale is not None:
            # Moved here within the tree, and its going away was not heard of yet.
            self._forget(stale.parts)
            watch = self._source.add(fd)
        directory = Directory(parts, watch, rules, hidden, os.fstat(fd).st_dev)
        self._directories[parts] = self._by_watch[watch] = directory
        for name, is_dir in _entries(fd):
            if report:
                self._touch(directory, name, is_dir)
            directory.names[name] = is_dir
        for name, is_dir in list(directory.names.items()):
            if is_dir:
                self._descend(directory, name, report=report, strict=strict)

    def _complete(self, directory: Directory, *, strict: bool) -> None:
        """Watch what is wanted below a directory that was watched before for somebody else."""
        for name, is_dir in list(directory.names.items()):
            if is_dir:
                self._descend(directory, name, report=False, strict=strict)

    def _forget(self, parts: tuple[str, ...]) -> None:
        """A directory is gone from its place, and all below with it."""
        directory = self._directories.get(parts)
        if directory is None:
            return
        for name, is_dir in directory.names.items():
            self._touch(directory, name, is_dir)
            if is_dir:
                self._forget((*parts, name))
        self._drop(directory)

    def _drop(self, directory: Directory) -> None:
        self._directories.pop(directory.parts, None)
        if self._by_watch.get(directory.watch) is directory:
            del self._by_watch[directory.watch]
            self._source.remove(directory.watch)

    def _renew_rules(self) -> None:
        """A .gitignore changed: read the rules again from there down, watch what became visible, let go of the rest."""
        stale, self._stale_rules = self._stale_rules, set()
        for parts in sorted(self._directories, key=len):
            if not any(parts[: len(top)] == top for top in stale):
                continue
            directory = self._directories[parts]
            parent = self._directories.get(parts[:-1]) if parts else None
            if parent is None:
                directory.rules = Ignore.at(self._beneath, ".", self._exclude)
                continue
            try:
                fd = self._beneath.open_plain(parts)
            except OSError:
                continue
            try:
                directory.rules = parent.rules.enter(fd, parts[-1])
                directory.hidden = parent.hides(parts[-1], True)
            finally:
                os.close(fd)
        for directory in list(self._directories.values()):
            if not self._wanted(directory.parts, directory.hidden):
                self._drop(directory)
        for parts in stale:
            if (top := self._directories.get(parts)) is not None:
                self._complete(top, strict=False)


def _entries(directory: int) -> Iterator[tuple[str, bool]]:
    with os.scandir(directory) as scan:
        for entry in scan:
            if not is_ours(entry.name):
                yield entry.name, entry.is_dir(follow_symlinks=False)
