"""The one place where the operating system's errors become the protocol's.

What has a name here is the caller's or the workspace's condition. What has none (EIO, EMFILE, ENOMEM) is the node's: it
stays an `OSError` and reaches the caller as an internal error with an incident number.
"""

from __future__ import annotations

import errno
from types import TracebackType
from typing import Final

from nexus_sdk.protocol import errors

from nexusd.files.acting import Refused

_NOT_FOUND: Final = {errno.ENOENT, errno.ENOTDIR, errno.ESTALE}
_DENIED: Final = {errno.EACCES, errno.EPERM, errno.EBUSY, errno.ETXTBSY}
_FULL: Final = {errno.ENOSPC, errno.EDQUOT, errno.EFBIG, errno.EMLINK}
_NOT_A_FILE: Final = {errno.EISDIR, errno.ENXIO, errno.ENODEV}
_INVALID: Final = {errno.ENAMETOOLONG, errno.EINVAL, errno.EILSEQ}


def named(error: OSError, path: str) -> Exception:
    """The protocol's error for an `OSError` about `path`, or the error itself where it is no condition of the path.

    `path` is shown as the caller gave it. Nothing else of the node (its own paths, descriptors) enters the message.
    ENOTDIR is `PathNotFound`: a part of the path is no directory, so nothing is there. Who needs a directory in the
    last position says `NotADirectory` itself.
    """
    number = error.errno
    if isinstance(error, Refused):
        return errors.PermissionDenied(f"{path!r}: {error.reason}", hint=error.hint, path=path)
    if number == errno.EROFS:
        return errors.PermissionDenied(
            f"{path!r}: this filesystem is read-only",
            hint="Write below the worktree, /tmp or the home directory, or make the workspace without read_only.",
            path=path,
        )
    if number in _NOT_FOUND:
        return errors.PathNotFound(f"{path!r}: there is nothing at this path", path=path)
    if number == errno.EXDEV:
        return errors.PathEscapes(f"{path!r}: the path leaves the workspace", path=path)
    if number == errno.ELOOP:
        return errors.TooManyLinks(f"{path!r}: too many links, or links in a circle", path=path)
    if number in _DENIED:
        return errors.PermissionDenied(f"{path!r}: the operating system refused access", path=path)
    if number in _FULL:
        return errors.StorageFull(f"{path!r}: the disk or quota is full", path=path)
    if number in _INVALID:
        return errors.PathInvalid(f"{path!r}: not a usable path", path=path)
    if number in _NOT_A_FILE:
        return errors.NotAFile(f"{path!r}: a regular file is needed here", path=path)
    if number == errno.EEXIST:
        return errors.PathExists(f"{path!r}: there is already something at this path", path=path)
    if number == errno.ENOTEMPTY:
        return errors.DirectoryNotEmpty(f"{path!r}: the directory is not empty", path=path)
    return error


class naming:
    """Context in which an `OSError` is raised again under its protocol name, see `named`."""

    __slots__ = ("_path",)

    def __init__(self, path: str) -> None:
        self._path = path

    def __enter__(self) -> None:
        return None

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if isinstance(error, OSError):
            other = named(error, self._path)
            if other is not error:
                raise other from error


def not_a_file(path: str, what: str = "a directory, device, FIFO or socket") -> errors.NotAFile:
    """`NotAFile` that says what is there instead."""
    return errors.NotAFile(f"{path!r}: a regular file is needed here, this is {what}", path=path)


def not_a_directory(path: str) -> errors.NotADirectory:
    """`NotADirectory` for `path`."""
    return errors.NotADirectory(f"{path!r}: a directory is needed here", path=path)


def invalid(path: str, reason: str) -> errors.PathInvalid:
    """`PathInvalid` with the reason in its message."""
    return errors.PathInvalid(f"{path!r}: {reason}", path=path)


def param(name: str, reason: str) -> errors.InvalidParams:
    """`InvalidParams` for params that are each right and do not go together."""
    return errors.InvalidParams(f"params.{name}: {reason}", path=f"$.{name}", reason=reason)
