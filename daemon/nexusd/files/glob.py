"""fs.glob: paths by pattern, walking only where the pattern can still match."""

from __future__ import annotations

import os
from contextlib import closing
from typing import Final

from nexus_sdk.protocol import errors
from nexus_sdk.protocol.types import FsGlobbed, FsGlobParams

from nexusd.files.beneath import Beneath
from nexusd.files.ignore import Ignore
from nexusd.files.info import printable
from nexusd.files.regex import Regex, compile_regex
from nexusd.files.walk import Entry, walk
from nexusd.files.wildmatch import is_literal, translate

_ANY: Final = "**"


class Pattern:
    """A path pattern, compiled: one matcher per component, ``**`` for any number of components."""

    def __init__(self, text: str) -> None:
        """Compile.

        A trailing slash asks for directories only. A trailing ``**`` needs at least one component: ``a/**`` is what
        lies inside of ``a``. Names that begin with a dot need no special mention.

        Raises:
            PatternInvalid: absolute, with ``..``, a NUL byte, a set that does not end, or nothing in it.
        """
        self.directories_only = text.endswith("/")
        components = [part for part in text.split("/") if part not in ("", ".")]
        if text.startswith("/") or ".." in components or not components or "\0" in text:
            raise invalid_pattern(text, "a relative pattern without '..' is needed")
        self._components: list[str | Regex | None] = []
        for part in components:
            if part == _ANY:
                if not self._components or self._components[-1] is not None:
                    self._components.append(None)
            elif is_literal(part):
                self._components.append(part)
            else:
                regex = translate(part, path=True)
                if regex is None:
                    raise invalid_pattern(text, f"{part!r} does not end its set or its escape")
                self._components.append(compile_regex(regex, given=text))
        self._end = len(self._components)

    def begin(self) -> frozenset[int]:
        """The states before the first component."""
        return self._closed({0})

    def step(self, states: frozenset[int], name: str) -> frozenset[int]:
        """The states after one more component; empty where nothing can match any more."""
        following: set[int] = set()
        text = os.fsencode(name)
        for state in states:
            if state == self._end:
                continue
            component = self._components[state]
            if component is None:
                following.add(state)
                if state + 1 == self._end:
                    following.add(self._end)
            elif component == name if isinstance(component, str) else component.fullmatch(text) is not None:
                following.add(state + 1)
        return self._closed(following)

    def matches(self, states: frozenset[int]) -> bool:
        """Whether the components so far are a match."""
        return self._end in states

    def open(self, states: frozenset[int]) -> bool:
        """Whether a longer path can match."""
        return any(state != self._end for state in states)

    def _closed(self, states: set[int]) -> frozenset[int]:
        """With ``**`` standing for no component, too, except at the end of the pattern."""
        for state in sorted(states):
            while state < self._end - 1 and self._components[state] is None:
                state += 1
                states.add(state)
        return frozenset(states)


def invalid_pattern(pattern: str, reason: str) -> errors.PatternInvalid:
    """`PatternInvalid` with its reason."""
    return errors.PatternInvalid(f"{pattern!r}: {reason}", pattern=pattern, reason=reason)


def glob(beneath: Beneath, params: FsGlobParams, *, exclude: str = "") -> FsGlobbed:
    """Files, directories and links whose path below `path` matches, in the order of `walk`. Links are not followed.

    Args:
        exclude: more exclude patterns in the format of .gitignore, see `Ignore.at`; used with `gitignore`.

    Raises:
        PatternInvalid: see `Pattern`.
        NotADirectory: `path` is something else.
    """
    pattern = Pattern(params.pattern)
    start = beneath.relative(params.path)
    directory = beneath.opendir(params.path)
    # The states of the directories that the walk is in, outermost first.
    trail: list[frozenset[int]] = [pattern.begin()]

    def enter(entry: Entry) -> bool:
        states = pattern.step(trail[entry.level - 1], entry.name)
        del trail[entry.level :]
        trail.append(states)
        return pattern.open(states)

    try:
        ignore = Ignore.at(beneath, params.path, exclude) if params.gitignore else None
        paths: list[str] = []
        with closing(walk(directory, start, ignore=ignore, enter=enter)) as found:
            for entry in found:
                if pattern.directories_only and not entry.is_dir:
                    continue
                if pattern.matches(pattern.step(trail[entry.level - 1], entry.name)):
                    if len(paths) == params.limit:
                        return FsGlobbed(paths=paths, truncated=True)
                    paths.append(printable(entry.path))
        return FsGlobbed(paths=paths, truncated=False)
    finally:
        os.close(directory)
