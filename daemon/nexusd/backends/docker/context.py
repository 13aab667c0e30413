"""The files that a build may use, packed from a worktree that somebody may change meanwhile.

The worktree belongs to the workspace. It is walked by descriptors, and links are packed as links: what a link means is
looked up by the engine, inside what was packed, never on this node.
"""

from __future__ import annotations

import os
import stat
import tarfile
import tempfile
from collections.abc import Callable
from typing import IO

from nexus_sdk.protocol.errors import BackendFailed, InvalidParams, NexusError

from nexusd.files.beneath import Beneath, open_entry

IN_MEMORY = 8 * 1024 * 1024
"""Bytes that are packed before a file on the disk is used."""
IGNORE_LIMIT = 1024 * 1024

Ignored = Callable[[str], bool]


def pack(root: Beneath, context: str, dockerfile: str) -> IO[bytes]:
    """A tar of a directory of the worktree, as an open file at its beginning. Blocking.

    Args:
        root: the worktree.
        context: the directory, relative to it.
        dockerfile: the Dockerfile, relative to the directory; always packed.

    Raises:
        InvalidParams: one of both is not there, or leads out of the worktree.
    """
    top = _open(root, context, dockerfile)
    packed = tempfile.SpooledTemporaryFile(IN_MEMORY)  # noqa: SIM115 - the caller closes it
    try:
        ignored = _ignored(top, dockerfile)
        with tarfile.open(fileobj=packed, mode="w", format=tarfile.PAX_FORMAT) as tar:
            for folder, folders, files, at in os.fwalk(".", dir_fd=top, follow_symlinks=False):
                prefix = os.path.normpath(folder)
                prefix = "" if prefix == "." else f"{prefix}/"
                for name in sorted([*folders, *files]):
                    if name in folders and prefix + name == ".git":
                        folders.remove(name)
                    elif not ignored(prefix + name):
                        _add(tar, at, name, prefix + name)
        packed.seek(0)
        return packed
    except OSError as error:
        packed.close()
        reason = error.strerror or str(error)
        raise BackendFailed(
            f"the files for the build cannot be read: {reason}",
            hint="They may have changed meanwhile; try again.",
            backend="docker",
            step="packing the files",
            reason=reason,
        ) from None
    except BaseException:
        packed.close()
        raise
    finally:
        os.close(top)


def _open(root: Beneath, context: str, dockerfile: str) -> int:
    field = "context"
    try:
        top = root.opendir(context)
        try:
            field = "dockerfile"
            os.close(root.open("/".join((*root.parts(context), *root.parts(dockerfile)))))
        except BaseException:
            os.close(top)
            raise
        return top
    except NexusError as error:
        raise InvalidParams(
            f"options.build.{field}: {error.message}",
            hint="The context is relative to the worktree, the Dockerfile to the context.",
            path=f"$.options.build.{field}",
            reason=error.message,
        ) from None


def _ignored(top: int, dockerfile: str) -> Ignored:
    """What ``.dockerignore`` leaves out, as the `docker` command understands it."""
    from docker.utils.build import PatternMatcher

    try:
        fd = open_entry(top, ".dockerignore")
    except FileNotFoundError:
        fd = None
    if fd is None:
        return lambda path: False
    with open(fd, "rb") as file:
        lines = file.read(IGNORE_LIMIT).decode("utf-8", "replace").splitlines()
    patterns = [line.strip() for line in lines if line.strip() and not line.lstrip().startswith("#")]
    matches = PatternMatcher([*patterns, f"!{os.path.normpath(dockerfile)}"]).matches
    return lambda path: bool(matches(path))


def _add(tar: tarfile.TarFile, at: int, name: str, path: str) -> None:
    try:
        found = os.stat(name, dir_fd=at, follow_symlinks=False)
        info = tarfile.TarInfo(path)
        info.mode, info.mtime = stat.S_IMODE(found.st_mode), int(found.st_mtime)
        # Owned by root, as the `docker` command packs it: who owns it here means nothing in an image.
        if stat.S_ISDIR(found.st_mode):
            info.type = tarfile.DIRTYPE
            tar.addfile(info)
        elif stat.S_ISLNK(found.st_mode):
            info.type, info.linkname = tarfile.SYMTYPE, os.readlink(name, dir_fd=at)
            tar.addfile(info)
        elif stat.S_ISREG(found.st_mode) and (fd := open_entry(at, name)) is not None:
            with open(fd, "rb") as file:
                info.size = os.fstat(fd).st_size
                tar.addfile(info, file)
    except FileNotFoundError:
        return  # gone since it was listed
