"""Resolving a path by hand, one component at a time, without the kernel's help and without following anything unseen.

Used where openat2 is missing (macOS, kernels before 5.6), where it kept being disturbed by renames, and where the place
a chain of links ends must be known as a directory and a name (replacing the file behind a link). Each component is
opened with O_NOFOLLOW relative to the one before; a link is read and its text put in place of it; ``..`` goes back to
the directory we came from, which is still open, so that a directory moved meanwhile leads nowhere new.
"""

from __future__ import annotations

import errno
import os
import sys
from collections.abc import Sequence
from typing import Final

MAX_LINKS: Final = 40  # as the kernel's limit for one lookup

O_PATH: Final = getattr(os, "O_PATH", os.O_RDONLY)
_DIRECTORY: Final = O_PATH | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC


class Place:
    """A directory entry: an open directory and a name in it. Close it after use; it owns `fd`.

    Attributes:
        fd: the directory.
        name: the entry's name; empty when the place is the root itself.
        parts: components from the root to the entry, without links.
    """

    __slots__ = ("fd", "name", "parts")

    def __init__(self, fd: int, name: str, parts: tuple[str, ...]) -> None:
        self.fd = fd
        self.name = name
        self.parts = parts

    def close(self) -> None:
        """Close the directory."""
        os.close(self.fd)


def locate(root: int, parts: Sequence[str], *, in_root: bool, follow: bool) -> Place:
    """Walk from `root` along `parts` and say where the path ends, whether or not there is anything.

    Args:
        root: an open directory.
        parts: components; ``..`` is allowed.
        in_root: an absolute link starts at the root again and ``..`` stays there; otherwise both leave it: EXDEV.
        follow: follow a link in the last position.

    Raises:
        OSError: EXDEV if the path leaves the root, ELOOP for more than 40 links, and as openat(2).
    """
    todo = [part for part in reversed(parts) if part not in ("", ".")]
    stack: list[tuple[int, str]] = []
    links = 0
    try:
        while todo:
            name = todo.pop()
            here = stack[-1][0] if stack else root
            if name == "..":
                if stack:
                    os.close(stack.pop()[0])
                elif not in_root:
                    raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
                continue
            link = _read_link(here, name) if follow or todo else None
            if link is not None:
                links += 1
                if links > MAX_LINKS:
                    raise OSError(errno.ELOOP, os.strerror(errno.ELOOP))
                if link.startswith("/"):
                    if not in_root:
                        raise OSError(errno.EXDEV, os.strerror(errno.EXDEV))
                    while stack:
                        os.close(stack.pop()[0])
                todo.extend(part for part in reversed(link.split("/")) if part not in ("", "."))
                continue
            if not todo:
                return Place(os.dup(here), name, (*(part for _, part in stack), name))
            stack.append((os.open(name, _DIRECTORY, dir_fd=here), name))
        if not stack:
            return Place(os.dup(root), "", ())
        # A trailing `..` of a link ended on a directory: name it by its parent.
        parent = stack[-2][0] if len(stack) > 1 else root
        return Place(os.dup(parent), stack[-1][1], tuple(part for _, part in stack))
    finally:
        for fd, _ in stack:
            os.close(fd)


def open_at(place: Place, flags: int) -> int:
    """Open the entry of a place, never following a link in it."""
    if not place.name:
        return os.open(".", flags | os.O_CLOEXEC, dir_fd=place.fd)
    # O_SYMLINK (macOS) opens a link itself and excludes O_NOFOLLOW, which refuses it.
    own = os.O_CLOEXEC if flags & getattr(os, "O_SYMLINK", 0) else os.O_CLOEXEC | os.O_NOFOLLOW
    return os.open(place.name, flags | own, dir_fd=place.fd)


def _read_link(directory: int, name: str) -> str | None:
    try:
        return os.readlink(name, dir_fd=directory)
    except OSError as error:
        if error.errno in (errno.EINVAL, errno.ENOENT):
            return None
        raise


def open_path_flags() -> int:
    """Flags that open an entry only to look at it; without O_PATH (macOS) that means reading, without waiting."""
    if sys.platform == "linux":
        return O_PATH
    return os.O_RDONLY | os.O_NONBLOCK | getattr(os, "O_SYMLINK", 0)
