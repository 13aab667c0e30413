"""The one way to a tenant's file: a path from a caller becomes an open descriptor that lies below the root.

Every path of the protocol passes through `Beneath`. The kernel resolves it (openat2 with RESOLVE_BENEATH or
RESOLVE_IN_ROOT, never through magic links), so a link swapped while we look leads to an error, not outside. From the
descriptor on, everything is relative to it; no path string is resolved twice. Where openat2 is missing, `walker` does
the same by hand.

A test forbids every other module of the daemon to open a path that came from a caller.
"""

from __future__ import annotations

import errno
import os
import stat
import sys
import weakref
from collections.abc import Iterator
from contextlib import AbstractContextManager, contextmanager, nullcontext
from typing import Final

from nexus_sdk.protocol import errors

from nexusd.backends.base import RootHandle
from nexusd.files import acting, walker
from nexusd.files.errors import invalid, naming, not_a_directory, not_a_file
from nexusd.files.syscalls import RESOLVE_BENEATH, RESOLVE_IN_ROOT, RESOLVE_NO_MAGICLINKS, openat2
from nexusd.files.walker import O_PATH, Place

MAX_PATH: Final = 4096
MAX_NAME: Final = 255

_ATTEMPTS: Final = 64
"""How often openat2 may answer EAGAIN (a rename ran beside it) before the walker takes over."""

_FROM_FD: Final = sys.platform == "linux"
"""Whether an O_PATH descriptor can be opened again through /proc/self/fd."""


class Beneath:
    """The files below one root. Thread-safe: it holds one descriptor, which is closed when the last user is gone.

    Paths are relative to the root, or absolute as the machine's processes see them (`RootHandle.path` and below).
    ``.`` and doubled slashes vanish; ``..`` takes away the component before it, as in a URL, before anything is
    looked up, and a path that climbs over the root this way is `PathEscapes`.

    Every method raises, under its protocol name: `PathInvalid` (empty, NUL, not UTF-8, over 4096 bytes, a component
    over 255, absolute elsewhere), `PathEscapes`, `PathNotFound`, `PermissionDenied`, `TooManyLinks`.
    """

    def __init__(self, handle: RootHandle) -> None:
        self._fd = os.dup(handle.fd)
        self._prefix = handle.path.rstrip("/")
        self._above = tuple(part for part in self._prefix.split("/") if part)
        self._in_root = handle.in_root
        self._resolve = (RESOLVE_IN_ROOT if handle.in_root else RESOLVE_BENEATH) | RESOLVE_NO_MAGICLINKS
        # Closing by hand would let a call in another thread go on with a number that means something else by then.
        weakref.finalize(self, os.close, self._fd)

    @property
    def in_root(self) -> bool:
        """Whether absolute links start again at the root instead of leaving it."""
        return self._in_root

    @property
    def seen_as(self) -> str:
        """The root's path as the machine's processes see it."""
        return self._prefix or "/"

    def acting(self) -> AbstractContextManager[None]:
        """The context in which everything here is done, in one thread: in whose name, and what may be met.

        In a worktree the daemon works as itself, and gives what it makes to the owner of the directory (`adopt`).
        """
        return nullcontext()

    @property
    def gone(self) -> bool:
        """Whether the root itself was removed; the descriptor keeps what is left of it."""
        return os.fstat(self._fd).st_nlink == 0

    def open_above(self) -> int:
        """The directory that holds the root, to hear of the root's removal and for nothing else (O_PATH).

        Raises:
            OSError: as openat(2).
        """
        return os.open("..", O_PATH | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._fd)

    def parts(self, path: str) -> tuple[str, ...]:
        """The components of a path, cleaned and checked; empty for the root. Nothing is looked up."""
        if not path:
            raise invalid(path, "the path is empty")
        if "\0" in path:
            raise invalid(path, "the path holds a NUL byte")
        try:
            size = len(path.encode())
        except UnicodeEncodeError:
            raise invalid(ascii(path), "the path is not UTF-8") from None
        if size > MAX_PATH:
            raise invalid(path[:80] + "…", f"the path has {size} bytes, the limit is {MAX_PATH}")
        cleaned = clean(path)
        if any(len(part.encode()) > MAX_NAME for part in cleaned or ()):
            raise invalid(path[:80] + "…", f"a component is longer than {MAX_NAME} bytes")
        return self._placed(path, cleaned)

    def _placed(self, path: str, cleaned: tuple[str, ...] | None) -> tuple[str, ...]:
        """The components below the root, of a path that was cleaned."""
        if path.startswith("/") and not self.covers(path):
            if path.startswith(self._prefix + "/"):
                raise escapes(path)
            raise invalid(path, f"an absolute path must lie below {self.seen_as}")
        if cleaned is None:
            raise escapes(path)
        return cleaned[len(self._above) :] if path.startswith("/") else cleaned

    def covers(self, path: str) -> bool:
        """Whether a path is one of these, by its text: relative, or absolute and below the root once it is cleaned."""
        if not path.startswith("/"):
            return True
        cleaned = clean(path)
        return cleaned is not None and cleaned[: len(self._above)] == self._above

    def relative(self, path: str) -> str:
        """The path as results show it: cleaned and relative to the root, ``a/b``, or ``.`` for the root."""
        return self.spell(self.parts(path))

    def spell(self, parts: tuple[str, ...]) -> str:
        """The path that has these components."""
        return "/".join(parts) or "."

    def open(self, path: str, flags: int = os.O_RDONLY) -> int:
        """Open a regular file that exists, for reading or writing. Never waits and never touches a device.

        The entry is looked at before it is opened: opening a FIFO or a device has effects of its own.

        Raises:
            NotAFile: a directory, FIFO, socket or device.
        """
        with naming(path):
            fd = self._lookup(self.parts(path), O_PATH if _FROM_FD else flags | os.O_NONBLOCK | os.O_NOCTTY)
            return self._regular(fd, flags, path)

    def open_path(self, path: str, *, follow: bool = True) -> int:
        """A descriptor that names the entry and can do nothing else (O_PATH)."""
        flags = walker.open_path_flags() | (0 if follow else os.O_NOFOLLOW)
        with naming(path):
            return self._lookup(self.parts(path), flags)

    def opendir(self, path: str) -> int:
        """Open a directory for reading.

        Raises:
            NotADirectory: something else is there.
        """
        return self._directory(path, os.O_RDONLY)

    def cwd(self, path: str) -> int:
        """A directory to start a process in (fchdir); it need not be readable.

        Raises:
            NotADirectory: something else is there.
        """
        return self._directory(path, O_PATH)

    def stat(self, path: str, *, follow: bool = True) -> os.stat_result:
        """What is known of an entry."""
        fd = self.open_path(path, follow=follow)
        try:
            return os.fstat(fd)
        finally:
            os.close(fd)

    def readlink(self, path: str) -> str:
        """Where a link points, as written.

        Raises:
            PathInvalid: it is not a link.
        """
        with self.open_parent(path) as (directory, name), naming(path):
            return os.readlink(name, dir_fd=directory)

    @contextmanager
    def open_parent(self, path: str, *, parents: bool = False) -> Iterator[tuple[int, str]]:
        """The directory that holds an entry, and the entry's name: to make, rename or remove it.

        The name is one component, never ``.`` or ``..``. A link in the last position is not followed.

        Args:
            path: the entry; the root itself is refused.
            parents: make missing directories (mode 755). They are removed again if the body of the context raises.

        Raises:
            PathInvalid: the path is the root.
        """
        parts = self.parts(path)
        if not parts:
            raise invalid(path, "the root itself cannot be made, moved or removed")
        made: list[str] = []
        with naming(path):
            try:
                fd = self._lookup(parts[:-1], O_PATH | os.O_DIRECTORY)
            except FileNotFoundError:
                if not parents:
                    raise
                fd = self._make_parents(parts[:-1], made)
        try:
            yield fd, parts[-1]
        except BaseException:
            self._unmake(made)
            raise
        finally:
            os.close(fd)

    @contextmanager
    def open_target(self, path: str, *, parents: bool = False) -> Iterator[Place]:
        """As `open_parent`, but through a link in the last position: the place of the file that the link means.

        The link may dangle, then the place holds nothing yet. The name is empty when the links end on the root.
        """
        with self.open_parent(path, parents=parents) as (directory, name):
            with naming(path):
                if not _is_link(directory, name):
                    place = Place(os.dup(directory), name, self.parts(path))
                else:
                    place = walker.locate(self._fd, self.parts(path), in_root=self._in_root, follow=True)
                    acting.look(place.fd)
            try:
                yield place
            finally:
                place.close()

    def open_plain(self, parts: tuple[str, ...]) -> int:
        """Open a directory for reading by components that we found ourselves; a link anywhere among them is refused.

        The components may be names that are not UTF-8, which `parts` refuses.

        Raises:
            OSError: ELOOP or ENOTDIR where a component became a link, and as openat(2).
        """
        fd = os.open(".", os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC, dir_fd=self._fd)
        for part in parts:
            try:
                child = open_child(fd, part)
            finally:
                os.close(fd)
            fd = child
        return fd

    def canonical(self, path: str) -> tuple[str, ...]:
        """Components of the path with every link resolved, the last one too. It need not exist."""
        with naming(path):
            place = walker.locate(self._fd, self.parts(path), in_root=self._in_root, follow=True)
        place.close()
        return place.parts

    def _lookup(self, parts: tuple[str, ...], flags: int) -> int:
        """Open by components. The only place where a path is resolved."""
        target = "/".join(parts) or "."
        for _ in range(_ATTEMPTS):
            try:
                return acting.look(openat2(self._fd, os.fsencode(target), flags, self._resolve))
            except OSError as error:
                if error.errno in (errno.ENOSYS, errno.EPERM) and not _works():
                    break
                if error.errno != errno.EAGAIN:
                    raise
        place = walker.locate(self._fd, parts, in_root=self._in_root, follow=not flags & os.O_NOFOLLOW)
        try:
            return acting.look(walker.open_at(place, flags))
        finally:
            place.close()

    def _regular(self, fd: int, flags: int, path: str) -> int:
        mode = os.fstat(fd).st_mode
        if not stat.S_ISREG(mode):
            os.close(fd)
            raise not_a_file(path, _kind(mode))
        return _reopen(fd, flags) if _FROM_FD else fd

    def _directory(self, path: str, flags: int) -> int:
        parts = self.parts(path)
        with naming(path):
            try:
                return self._lookup(parts, flags | os.O_DIRECTORY)
            except NotADirectoryError:
                # ENOTDIR is also said of a component in the middle; then there is nothing at this path.
                os.close(self._lookup(parts, walker.open_path_flags()))
        raise not_a_directory(path)

    def _make_parents(self, parts: tuple[str, ...], made: list[str]) -> int:
        try:
            for count in range(1, len(parts) + 1):
                try:
                    fd = self._lookup(parts[:count], O_PATH | os.O_DIRECTORY)
                except FileNotFoundError:
                    parent = self._lookup(parts[: count - 1], O_PATH | os.O_DIRECTORY)
                    try:
                        make_directory(parent, parts[count - 1], 0o755)
                        made.append("/".join(parts[:count]))
                    except FileExistsError:
                        pass  # made by somebody else just now, or a dangling link: the next look decides
                    finally:
                        os.close(parent)
                    fd = self._lookup(parts[:count], O_PATH | os.O_DIRECTORY)
                if count == len(parts):
                    return fd
                os.close(fd)
            return self._lookup(parts, O_PATH | os.O_DIRECTORY)
        except BaseException:
            self._unmake(made)
            raise

    def _unmake(self, made: list[str]) -> None:
        for path in reversed(made):
            head, _, name = path.rpartition("/")
            try:
                parent = self._lookup(tuple(head.split("/")) if head else (), O_PATH | os.O_DIRECTORY)
            except OSError:
                return
            try:
                os.rmdir(name, dir_fd=parent)
            except OSError:
                return  # somebody uses it by now: it stays
            finally:
                os.close(parent)


def open_entry(directory: int, name: str, flags: int = os.O_RDONLY) -> int | None:
    """Open a regular file by its name in an open directory; None if it is anything else. Links are not followed.

    Raises:
        OSError: as openat(2). This is for walks, which name errors themselves.
    """
    first = O_PATH if _FROM_FD else flags | os.O_NONBLOCK | os.O_NOCTTY
    fd = acting.look(os.open(name, first | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory))
    if not stat.S_ISREG(os.fstat(fd).st_mode):
        os.close(fd)
        return None
    return _reopen(fd, flags) if _FROM_FD else fd


def open_child(directory: int, name: str) -> int:
    """Open a directory for reading by its name in an open directory. Links are not followed.

    Raises:
        OSError: ELOOP or ENOTDIR where it is something else, and as openat(2).
    """
    return acting.look(os.open(name, os.O_RDONLY | os.O_DIRECTORY | os.O_NOFOLLOW | os.O_CLOEXEC, dir_fd=directory))


def make_directory(parent: int, name: str, mode: int) -> None:
    """Make a directory with exactly this mode, owned as its parent when we may decide that.

    Raises:
        OSError: as mkdirat(2).
    """
    os.mkdir(name, 0o700, dir_fd=parent)
    try:
        fd = open_child(parent, name)
        try:
            adopt(fd, os.fstat(parent))
            # Set-group-ID comes from the parent and is not ours to take away.
            os.fchmod(fd, mode | (os.fstat(fd).st_mode & stat.S_ISGID))
        finally:
            os.close(fd)
    except BaseException:
        os.rmdir(name, dir_fd=parent)
        raise


def adopt(fd: int, owner: os.stat_result) -> None:
    """Give a new entry to the owner of `owner` where we are root; a file that its tenant cannot change helps nobody."""
    if adopts(owner):
        os.fchown(fd, owner.st_uid, owner.st_gid)


def adopts(owner: os.stat_result) -> bool:
    """Whether a new entry is to be given to the owner of `owner`: not where it was made in its user's name."""
    return os.geteuid() == 0 and not acting.anybody() and (owner.st_uid, owner.st_gid) != (0, 0)


def clean(path: str) -> tuple[str, ...] | None:
    """The components of a path without ``.``, doubled slashes and ``..``; None where those climb over its beginning."""
    parts: list[str] = []
    for part in path.split("/"):
        if part in ("", "."):
            continue
        if part != "..":
            parts.append(part)
        elif parts:
            parts.pop()
        else:
            return None
    return tuple(parts)


def escapes(path: str) -> errors.PathEscapes:
    """`PathEscapes` for a path."""
    return errors.PathEscapes(f"{path!r}: the path leaves the workspace", path=path)


def _reopen(fd: int, flags: int) -> int:
    try:
        # The one magic link we follow is our own, and it names exactly the inode that was looked at.
        return os.open(f"/proc/self/fd/{fd}", flags | os.O_CLOEXEC | os.O_NONBLOCK | os.O_NOCTTY)
    finally:
        os.close(fd)


def _is_link(directory: int, name: str) -> bool:
    try:
        return stat.S_ISLNK(os.stat(name, dir_fd=directory, follow_symlinks=False).st_mode)
    except FileNotFoundError:
        return False


def _kind(mode: int) -> str:
    for test, word in (
        (stat.S_ISDIR, "a directory"),
        (stat.S_ISFIFO, "a FIFO"),
        (stat.S_ISSOCK, "a socket"),
        (stat.S_ISLNK, "a link"),
    ):
        if test(mode):
            return word
    return "a device"


def _works() -> bool:
    """Whether openat2 works here at all. Old container runtimes forbid it: EPERM then says nothing about a path."""
    global _probed
    if _probed is None:
        here = os.open("/", O_PATH | os.O_CLOEXEC)
        try:
            os.close(openat2(here, b".", O_PATH, RESOLVE_BENEATH))
            _probed = True
        except OSError:
            _probed = False
        finally:
            os.close(here)
    return _probed


_probed: bool | None = None
