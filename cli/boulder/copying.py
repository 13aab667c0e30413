"""Copying files and directories between here and a workspace.

What a workspace says is not trusted: a name that is no name is refused, nothing is written through a link below the
destination, and links come last and only those that stay inside.
"""

from __future__ import annotations

import asyncio
import hashlib
import os
import posixpath
import stat
from collections.abc import Callable, Coroutine, Sequence
from dataclasses import dataclass, field
from pathlib import Path
from typing import TYPE_CHECKING, Any, Final, NamedTuple

from nexus_sdk.protocol.errors import NexusError, PathNotFound

from boulder.errors import CliError
from boulder.exits import CONFLICT, NOT_FOUND, REFUSED, USAGE

if TYPE_CHECKING:
    from nexus_sdk.files import Files
    from nexus_sdk.protocol import types

    from boulder.progress import Transfer

__all__ = ["Copied", "Place", "download", "parse_place", "upload"]

_AT_ONCE: Final = 8
_RESUMABLE: Final = 8 * 1024 * 1024
_DEPTH: Final = 64


class Place(NamedTuple):
    """One side of a copy.

    Attributes:
        workspace: name or id; empty for the one we are in, None for a path on this machine.
        path: the path there; ``-`` on this machine for stdin or stdout.
    """

    workspace: str | None
    path: str


@dataclass
class Copied:
    """What was copied, and what was not."""

    files: int = 0
    bytes: int = 0
    skipped: list[str] = field(default_factory=list)


def parse_place(text: str) -> Place:
    """Read ``NAME:path``, ``:path`` in the workspace we are in, or a local path.

    A local path with a colon in its first part is written with ``./`` before it.
    """
    head, colon, tail = text.partition(":")
    if not colon or "/" in head or head.startswith("."):
        return Place(None, text)
    return Place(head, tail or ".")


async def upload(
    files: Files, workspace: str, source: Path, target: str, *, recursive: bool, progress: Transfer
) -> Copied:
    """Copy a local file or directory to a workspace.

    Args:
        files: the workspace's files.
        workspace: its name or id; part of what an interrupted upload is known by.
        source: what to copy; a link named here is followed, links below are copied as links.
        target: where to; an existing directory takes it under its own name.
        recursive: whether a directory may be copied.
        progress: told how far it is.

    Raises:
        CliError: there is nothing, or it is a directory and `recursive` is not set.
        NexusError: the daemon refused something.
    """
    try:
        status = source.stat()
    except FileNotFoundError:
        raise CliError(f"there is no {source} here", name="path_not_found", exit=NOT_FOUND) from None
    target = await _below(files, target, source.resolve().name if source.name in ("", "..") else source.name)
    copied = Copied()
    if not stat.S_ISDIR(status.st_mode):
        if not stat.S_ISREG(status.st_mode):
            raise CliError(f"{source} is no regular file", name="not_a_file", exit=CONFLICT)
        progress.total = status.st_size
        await _send(files, workspace, source, target, status, copied, progress)
        return copied
    if not recursive:
        raise CliError(f"{source} is a directory", hint="copy it with -r", name="not_a_file", exit=USAGE)
    tree = await asyncio.to_thread(_scan, source)
    progress.total = sum(item.status.st_size for item in tree if stat.S_ISREG(item.status.st_mode))
    await files.mkdir(target, parents=True)
    jobs: list[Callable[[], Coroutine[Any, Any, None]]] = []
    for item in tree:
        path = posixpath.join(target, item.name)
        mode = item.status.st_mode
        if stat.S_ISDIR(mode):
            await files.mkdir(path, parents=True)
        elif stat.S_ISREG(mode):
            jobs.append(
                lambda item=item, path=path: _send(  # type: ignore[misc]
                    files, workspace, item.path, path, item.status, copied, progress
                )
            )
        elif stat.S_ISLNK(mode):
            jobs.append(lambda item=item, path=path: _send_link(files, item.path, path, copied))  # type: ignore[misc]
        else:
            copied.skipped.append(f"{item.path}: no regular file")
    await _together(jobs)
    return copied


async def download(files: Files, source: str, target: Path, *, recursive: bool, progress: Transfer) -> Copied:
    """Copy a file or directory of a workspace to this machine.

    Args:
        files: the workspace's files.
        source: what to copy.
        target: where to; an existing directory takes it under its own name, and what is in it if its name is ``.``.
        recursive: whether a directory may be copied.
        progress: told how far it is.

    Raises:
        CliError: it is a directory and `recursive` is not set, or the daemon names what is no name.
        NexusError: the daemon refused something.
        OSError: something cannot be written here.
    """
    info = await files.stat(source)
    if target.is_dir():
        name = posixpath.basename(posixpath.normpath(source))
        if name not in ("", ".", ".."):
            target = target / name
    copied = Copied()
    if info.type != "directory":
        progress.total = info.size
        await _fetch(files, source, target, info, copied, progress)
        return copied
    if not recursive:
        raise CliError(f"{source} is a directory", hint="copy it with -r", name="not_a_file", exit=USAGE)
    entries = await files.list(source, depth=_DEPTH)
    progress.total = sum(entry.size for entry in entries if entry.type == "file")
    await asyncio.to_thread(target.mkdir, parents=True, exist_ok=True)
    jobs: list[Callable[[], Coroutine[Any, Any, None]]] = []
    links: list[tuple[types.FileInfo, tuple[str, ...]]] = []
    for entry in entries:
        parts = _relative(entry.path, info.path)
        if entry.type == "directory":
            await asyncio.to_thread(_make_directory, target, parts)
        elif entry.type == "file":
            jobs.append(lambda entry=entry, parts=parts: _fetch_below(files, entry, target, parts, copied, progress))  # type: ignore[misc]
        elif entry.type == "symlink":
            links.append((entry, parts))
        else:
            copied.skipped.append(f"{entry.path}: no regular file")
    await _together(jobs)
    for entry, parts in links:
        await asyncio.to_thread(_make_link, target, parts, entry.target, copied)
    return copied


async def _together(jobs: Sequence[Callable[[], Coroutine[Any, Any, None]]]) -> None:
    """Run jobs, some at once; the first failure ends all."""
    waiting = iter(jobs)

    async def work() -> None:
        for job in waiting:
            await job()

    async with asyncio.TaskGroup() as group:
        for _ in range(min(_AT_ONCE, len(jobs))):
            group.create_task(work())


# -- up --------------------------------------------------------------------------------------------------------------


class _Item(NamedTuple):
    path: Path
    name: str
    status: os.stat_result


def _scan(root: Path) -> list[_Item]:
    """Everything below a directory, directories before what is in them; links are not followed."""
    found: list[_Item] = []
    for folder, directories, names in os.walk(root, followlinks=False):
        for name in [*directories, *names]:
            path = Path(folder, name)
            found.append(_Item(path, path.relative_to(root).as_posix(), path.lstat()))
    return found


async def _below(files: Files, target: str, name: str) -> str:
    """The path to write to: inside `target` if that is a directory, or written as one."""
    if target.endswith("/"):
        return posixpath.join(target, name)
    try:
        info = await files.stat(target)
    except NexusError as error:
        if error.name not in ("path_not_found", "not_a_directory"):
            raise
        return target
    return posixpath.join(target, name) if info.type == "directory" else target


async def _send(
    files: Files,
    workspace: str,
    source: Path,
    target: str,
    status: os.stat_result,
    copied: Copied,
    progress: Transfer,
) -> None:
    large = status.st_size >= _RESUMABLE
    # the same file to the same place goes on where an earlier attempt ended
    identity = f"{workspace}\0{target}\0{status.st_dev}\0{status.st_ino}\0{status.st_size}\0{status.st_mtime_ns}"
    await files.upload(
        source,
        target,
        mode=f"{status.st_mode & 0o777:03o}",
        parents=True,
        checksum=large,
        upload_id=hashlib.sha256(identity.encode()).hexdigest()[:48] if large else None,
        on_progress=progress.file(target),
    )
    copied.files += 1
    copied.bytes += status.st_size


async def _send_link(files: Files, source: Path, target: str, copied: Copied) -> None:
    try:
        await files.symlink(target, os.readlink(source), overwrite=True)
        copied.files += 1
    except NexusError as error:
        if error.name not in ("path_escapes", "path_exists", "path_invalid"):
            raise
        copied.skipped.append(f"{source}: {error.message}")


# -- down ------------------------------------------------------------------------------------------------------------


def _checked(name: str) -> str:
    if name in ("", ".", "..") or "/" in name or "\0" in name or (os.sep != "/" and os.sep in name):
        raise CliError(f"the daemon names a file {name!r}, which is refused", name="path_escapes", exit=REFUSED)
    return name


def _relative(path: str, root: str) -> tuple[str, ...]:
    """Parts of a path below a root, each of them checked."""
    base = "" if root in (".", "") else root.rstrip("/") + "/"
    if not path.startswith(base):
        raise CliError(f"the daemon lists {path!r} below {root!r}, which is refused", name="path_escapes", exit=REFUSED)
    return tuple(_checked(part) for part in path[len(base) :].split("/"))


def _inside(root: Path, parts: Sequence[str]) -> Path:
    """The path below a root, after looking that no directory on the way is a link."""
    path = root
    for part in parts[:-1]:
        path = path / part
        if path.is_symlink():
            raise CliError(
                f"{path} is a link, and nothing is written through it",
                hint="remove it, or copy to an empty directory",
                name="path_escapes",
                exit=REFUSED,
            )
    return path / parts[-1]


def _make_directory(root: Path, parts: Sequence[str]) -> None:
    path = _inside(root, [*parts, ""])
    path.mkdir(parents=True, exist_ok=True)


async def _fetch_below(
    files: Files, entry: types.FileInfo, root: Path, parts: Sequence[str], copied: Copied, progress: Transfer
) -> None:
    path = await asyncio.to_thread(_inside, root, parts)
    await asyncio.to_thread(path.parent.mkdir, parents=True, exist_ok=True)
    try:
        await _fetch(files, entry.path, path, entry, copied, progress)
    except PathNotFound:
        # one file must not end the copy of all others
        copied.skipped.append(f"{entry.path}: it has gone, or its name is not UTF-8")


async def _fetch(
    files: Files, source: str, target: Path, info: types.FileInfo, copied: Copied, progress: Transfer
) -> None:
    got = await files.download(source, target, on_progress=progress.file(source))
    await asyncio.to_thread(_set_mode, target, got.mode)
    copied.files += 1
    copied.bytes += got.size


def _set_mode(target: Path, mode: str) -> None:
    """Take over who may do what, as far as the umask allows; never a set-user-ID bit."""
    mask = os.umask(0)
    os.umask(mask)
    target.chmod(int(mode, 8) & 0o777 & ~mask)


def _make_link(root: Path, parts: Sequence[str], points: Any, copied: Copied) -> None:
    path = _inside(root, parts)
    if not isinstance(points, str) or not _stays(parts, points):
        copied.skipped.append(f"{path}: a link that leads out of what is copied")
        return
    try:
        if path.is_symlink():
            path.unlink()
        path.symlink_to(points)
        copied.files += 1
    except FileExistsError:
        copied.skipped.append(f"{path}: exists and is no link")


def _stays(parts: Sequence[str], points: str) -> bool:
    """Whether a link stays below the root; one that goes up after going down may not, where that is a link, too."""
    if not points or points.startswith("/") or "\0" in points:
        return False
    words = points.split("/")
    up = 0
    while up < len(words) and words[up] in ("..", "."):
        up += 1
    return ".." not in words[up:] and words[:up].count("..") < len(parts)
