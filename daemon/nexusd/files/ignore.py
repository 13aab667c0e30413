"""What .gitignore excludes, by git's rules: gitignore(5).

Rules are asked for one entry at a time on the way down; what lies in an excluded directory is never reached, which is
git's rule that nothing inside can be included again. The deepest file is asked first, in each file the last pattern
that matches decides, at last the exclude list of the repository. As in git, a .gitignore that is a link is not read.
Whether a file is tracked plays no part.
"""

from __future__ import annotations

import os
from typing import Final

from nexus_sdk.protocol import errors

from nexusd.files.beneath import Beneath, open_entry
from nexusd.files.regex import RegexSet
from nexusd.files.wildmatch import is_literal, translate, translate_anchored

MAX_FILE: Final = 1 << 20
"""Bytes of a .gitignore that are read; a longer one is cut at a line end."""


def _trim(line: str) -> str:
    r"""Without trailing spaces, except one that a backslash keeps."""
    end = len(line)
    while end and line[end - 1] == " ":
        backslashes = len(line[: end - 1]) - len(line[: end - 1].rstrip("\\"))
        if backslashes % 2:
            break
        end -= 1
    return line[:end]


class Rules:
    """The patterns of one file. Texts are bytes mapped to code points 0 to 255, since git matches bytes."""

    def __init__(self, text: bytes) -> None:
        self._negated: list[bool] = []
        self._directory_only: list[bool] = []
        self._names: dict[str, list[int]] = {}
        self._paths: dict[str, list[int]] = {}
        name_patterns: list[tuple[int, str]] = []
        path_patterns: list[tuple[int, str]] = []
        for line in text.removeprefix(b"\xef\xbb\xbf").decode("latin-1").split("\n"):
            pattern = _trim(line.removesuffix("\r"))
            if not pattern or pattern.startswith("#"):
                continue
            negated = pattern.startswith("!")
            pattern = pattern[negated:]
            directory_only = pattern.endswith("/")
            pattern = pattern[: -1 if directory_only else None]
            anchored = "/" in pattern
            pattern = pattern.removeprefix("/")
            if not pattern:
                continue
            number = len(self._negated)
            self._negated.append(negated)
            self._directory_only.append(directory_only)
            if is_literal(pattern):
                (self._paths if anchored else self._names).setdefault(pattern, []).append(number)
            elif (regex := translate_anchored(pattern) if anchored else translate(pattern, path=False)) is not None:
                (path_patterns if anchored else name_patterns).append((number, regex))
        self._name_numbers = [number for number, _ in name_patterns]
        self._path_numbers = [number for number, _ in path_patterns]
        self._name_set = RegexSet([regex for _, regex in name_patterns])
        self._path_set = RegexSet([regex for _, regex in path_patterns])

    def __bool__(self) -> bool:
        return bool(self._negated)

    def decide(self, path: bytes, is_dir: bool) -> bool | None:
        """Whether the entry is excluded, None if no pattern speaks of it. `path` is relative to the file's place."""
        name = path.rpartition(b"/")[2]
        hits = [
            *self._names.get(name.decode("latin-1"), ()),
            *self._paths.get(path.decode("latin-1"), ()),
        ]
        if self._name_numbers:
            hits.extend(self._name_numbers[index] for index in self._name_set.match(name))
        if self._path_numbers:
            hits.extend(self._path_numbers[index] for index in self._path_set.match(path))
        if not is_dir:
            hits = [number for number in hits if not self._directory_only[number]]
        return not self._negated[max(hits)] if hits else None


_NONE: Final = Rules(b"")


class Ignore:
    """The rules that hold in one directory: its own and those of every directory above it."""

    __slots__ = ("_above", "_exclude", "_path", "_rules")

    def __init__(self, above: Ignore | None, path: bytes, rules: Rules, exclude: Rules) -> None:
        self._path = path
        self._rules = rules
        self._exclude = exclude
        # Only directories that have rules are asked.
        self._above: Ignore | None = above if above is None or above._rules else above._above

    @classmethod
    def at(cls, beneath: Beneath, path: str, exclude: str = "") -> Ignore:
        """The rules inside the directory at `path`; for a file, those that hold for its directory's entries.

        Args:
            path: where to begin; links in it are resolved, since rules follow where it really is.
            exclude: more patterns, lowest in precedence: the repository's ``info/exclude``. Where ``.git`` is a
                directory of the root, its file is read in addition.
        """
        parts = beneath.canonical(path)
        own = _read_file(beneath, beneath.spell((".git", "info", "exclude")))
        here = cls(None, b"", _NONE, Rules(os.fsencode(exclude) + b"\n" + own))
        for count in range(len(parts) + 1):
            try:
                directory = beneath.opendir(beneath.spell(parts[:count]))
            except errors.NexusError:
                continue  # gone, unreadable or the file itself: there are no rules to know
            try:
                here = here.enter(directory, parts[count - 1] if count else "")
            finally:
                os.close(directory)
        return here

    def enter(self, directory: int, name: str) -> Ignore:
        """The rules inside a directory of this one.

        Args:
            directory: the directory, open.
            name: its name in this directory; empty for the root itself.
        """
        text = _read_entry(directory)
        return Ignore(self, self._join(name), Rules(text) if text else _NONE, self._exclude)

    def _join(self, name: str) -> bytes:
        return self._path + b"/" + os.fsencode(name) if self._path and name else self._path or os.fsencode(name)

    def excludes(self, name: str, is_dir: bool) -> bool:
        """Whether an entry of this directory is left out; ``.git`` always is."""
        if name == ".git":
            return True
        whole = self._join(name)
        level: Ignore | None = self
        while level is not None:
            if level._rules:
                verdict = level._rules.decide(whole[len(level._path) + 1 :] if level._path else whole, is_dir)
                if verdict is not None:
                    return verdict
            level = level._above
        return bool(self._exclude and self._exclude.decide(whole, is_dir))


def _read_entry(directory: int) -> bytes:
    """The content of a directory's .gitignore, empty if there is none that may be read."""
    try:
        fd = open_entry(directory, ".gitignore")
    except OSError:
        return b""
    return b"" if fd is None else _read(fd)


def _read_file(beneath: Beneath, path: str) -> bytes:
    try:
        fd = beneath.open(path)
    except errors.NexusError:
        return b""
    return _read(fd)


def _read(fd: int) -> bytes:
    try:
        text = os.read(fd, MAX_FILE + 1)
    except OSError:
        return b""
    finally:
        os.close(fd)
    return text if len(text) <= MAX_FILE else text[: text.rfind(b"\n") + 1]
