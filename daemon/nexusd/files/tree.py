"""fs.mkdir, fs.remove, fs.rename, fs.copy, fs.chmod and fs.symlink: what changes the tree, not a file's content."""

from __future__ import annotations

import errno
import os
import stat
import sys
from collections.abc import Callable

from nexus_sdk.protocol import errors
from nexus_sdk.protocol.types import (
    FileInfo,
    FsChmodParams,
    FsCopyParams,
    FsMkdirParams,
    FsRemoved,
    FsRemoveParams,
    FsRenameParams,
    FsSymlinkParams,
)

from nexusd.files.acting import check_entry
from nexusd.files.beneath import Beneath, make_directory, open_entry
from nexusd.files.copytree import Copying, ensure_directory, make_link
from nexusd.files.errors import invalid, naming, not_a_file
from nexusd.files.info import file_info
from nexusd.files.remove import remove_tree
from nexusd.files.stage import (
    Staged,
    check_mode,
    entry_status,
    fsync_directory,
    place_lock,
    rename_no_replace,
    temporary_name,
)


def mkdir(beneath: Beneath, params: FsMkdirParams) -> FileInfo:
    """Make a directory with exactly the mode asked for, whatever the daemon's umask.

    Raises:
        PathExists: something is there; with `parents`, something that is no directory.
        StorageFull: and the errors of `Beneath`.
    """
    path = params.path
    mode = check_mode(int(params.mode, 8), path)
    if not beneath.parts(path):
        if not params.parents:
            raise errors.PathExists(f"{path!r}: the root is there", hint="Choose another path.", path=path)
        return _info(beneath, path)
    with beneath.open_parent(path, parents=params.parents) as (parent, name), naming(path):
        try:
            make_directory(parent, name, mode)
        except FileExistsError:
            if not params.parents or not stat.S_ISDIR(beneath.stat(path).st_mode):
                raise
    return _info(beneath, path)


def remove(beneath: Beneath, params: FsRemoveParams) -> FsRemoved:
    """Remove an entry; a link is removed, never what it means. Special files can be removed, too.

    Raises:
        PathInvalid: the path is the root.
        DirectoryNotEmpty: without `recursive`.
        PermissionDenied: and the errors of `Beneath`. With `recursive` a part may be gone by then.
    """
    try:
        with beneath.open_parent(params.path) as (parent, name), naming(params.path):
            status = os.stat(name, dir_fd=parent, follow_symlinks=False)
            check_entry(parent, name)
            if not stat.S_ISDIR(status.st_mode):
                os.unlink(name, dir_fd=parent)
                return FsRemoved(removed=1)
            if params.recursive:
                return FsRemoved(removed=remove_tree(parent, name))
            os.rmdir(name, dir_fd=parent)
            return FsRemoved(removed=1)
    except errors.PathNotFound:
        if not params.missing_ok:
            raise
        return FsRemoved(removed=0)


def rename(beneath: Beneath, params: FsRenameParams) -> FileInfo:
    """Rename or move an entry; a link itself is moved. One step: both names are never there at once, nor neither.

    Between filesystems (mounts inside a container) it is a copy into place and then a removal.

    Raises:
        PathExists: something is at the target; with `overwrite`, a directory where the source is none.
        DirectoryNotEmpty: `overwrite`, and the target is a directory that holds something.
        NotADirectory: `overwrite`, the source is a directory and the target is none.
        PathInvalid: one of the paths is the root, or a directory would move into itself.
    """
    target = params.target
    with (
        beneath.open_parent(params.source) as (source_dir, source_name),
        beneath.open_parent(target, parents=params.parents) as (target_dir, target_name),
    ):
        with naming(params.source):
            status = os.stat(source_name, dir_fd=source_dir, follow_symlinks=False)
        try:
            with naming(target), place_lock(target_dir, target_name, target):
                check_entry(source_dir, source_name)
                check_entry(target_dir, target_name)
                if params.overwrite:
                    os.rename(source_name, target_name, src_dir_fd=source_dir, dst_dir_fd=target_dir)
                else:
                    rename_no_replace(source_dir, source_name, target_dir, target_name)
                fsync_directory(target_dir)
                fsync_directory(source_dir)
        except errors.PathEscapes:  # EXDEV: the two directories are on different filesystems
            _copy(beneath, params.source, target, params.overwrite, False, Copying(params.source, None, _never))
            remove_tree(source_dir, source_name)
        except errors.NotAFile:
            raise errors.PathExists(
                f"{target!r}: a directory is there",
                hint="Only an empty directory is replaced, by a directory.",
                path=target,
            ) from None
        except errors.PathNotFound:
            if stat.S_ISDIR(status.st_mode) and entry_status(target_dir, target_name) is not None:
                raise errors.NotADirectory(f"{target!r}: what is there is no directory", path=target) from None
            raise
    return _info(beneath, target)


def copy(
    beneath: Beneath,
    params: FsCopyParams,
    *,
    progress: Callable[[int], None] | None = None,
    cancelled: Callable[[], bool] | None = None,
) -> FileInfo:
    """Copy a file or a tree: permissions without set-ID bits are kept, links stay links, times and owners are new.

    A new tree appears at its path whole or not at all. With `overwrite` into a directory that is there, files are
    replaced one by one, and a failure leaves those that were.

    Args:
        progress: told, in this thread, the bytes copied so far.
        cancelled: asked between files and every 64 MiB; True ends the copy with `Cancelled`.

    Raises:
        PathExists: something is at the target; with `overwrite`, something of another kind.
        NotAFile: the source is a directory and `recursive` is not given, or is or holds a FIFO, socket or device.
        PathInvalid: a directory would be copied into itself, or the tree is nested deeper than 128 levels.
        StorageFull: and the errors of `Beneath`.
    """
    copying = Copying(params.source, progress, cancelled or _never)
    if not params.recursive and stat.S_ISDIR(beneath.stat(params.source, follow=False).st_mode):
        raise errors.NotAFile(
            f"{params.source!r}: this is a directory", hint="Pass recursive to copy it.", path=params.source
        )
    _copy(beneath, params.source, params.target, params.overwrite, params.parents, copying)
    return _info(beneath, params.target)


def _copy(beneath: Beneath, source: str, target: str, overwrite: bool, parents: bool, copying: Copying) -> None:
    fd = beneath.open_path(source, follow=False)
    try:
        kind = os.fstat(fd).st_mode
    finally:
        os.close(fd)
    if stat.S_ISDIR(kind):
        _copy_directory(beneath, source, target, overwrite, parents, copying)
        return
    # A file replaced goes where a link at the target means, as in writing.
    place = beneath.open_target(target, parents=parents) if overwrite and stat.S_ISREG(kind) else None
    if place is not None:
        with place as entry:
            _copy_single(beneath, source, entry.fd, entry.name, target, True, copying)
        return
    with beneath.open_parent(target, parents=parents) as (directory, name):
        _copy_single(beneath, source, directory, name, target, overwrite, copying)


def _copy_single(
    beneath: Beneath, source: str, directory: int, name: str, target: str, overwrite: bool, copying: Copying
) -> None:
    with beneath.open_parent(source) as (source_dir, source_name):
        with naming(source):
            status = os.stat(source_name, dir_fd=source_dir, follow_symlinks=False)
            text = os.readlink(source_name, dir_fd=source_dir) if stat.S_ISLNK(status.st_mode) else None
            fd = None if text is not None else open_entry(source_dir, source_name)
        if text is not None:
            with naming(target):
                make_link(text, directory, name, overwrite=overwrite, path=target)
            return
    if fd is None:
        raise not_a_file(source)
    try:
        if not name:
            raise not_a_file(target, "the root")
        with naming(target), Staged(directory) as staged:
            copying.file(fd, staged.fd)
            staged.commit(name, target, mode=os.fstat(fd).st_mode & 0o1777, exclusive=not overwrite)
    finally:
        os.close(fd)


def _copy_directory(
    beneath: Beneath, source: str, target: str, overwrite: bool, parents: bool, copying: Copying
) -> None:
    source_fd = beneath.opendir(source)
    try:
        with beneath.open_parent(target, parents=parents) as (directory, name), naming(target):
            inside = beneath.canonical(beneath.spell(beneath.parts(target)[:-1]))
            whole = beneath.canonical(source)
            if inside[: len(whole)] == whole:
                raise invalid(target, "a directory cannot be copied into itself")
            there = entry_status(directory, name)
            if there is not None and not (overwrite and stat.S_ISDIR(there.st_mode)):
                raise FileExistsError(errno.EEXIST, os.strerror(errno.EEXIST))
            into = name if there is not None else temporary_name()
            mode = os.fstat(source_fd).st_mode & 0o1777
            made = ensure_directory(directory, into, target, mode)
            try:
                copying.forbid(made)
                copying.tree(source_fd, made, overwrite=overwrite)
                if there is None:
                    rename_no_replace(directory, into, directory, name)
                    fsync_directory(directory)
            except BaseException:
                if there is None:
                    remove_tree(directory, into)
                raise
            finally:
                os.close(made)
    finally:
        os.close(source_fd)


def chmod(beneath: Beneath, params: FsChmodParams) -> FileInfo:
    """Set the permission bits of a file or directory; links are followed inside the root.

    Raises:
        PermissionDenied: the mode has set-ID bits, or what is there is neither a file nor a directory.
    """
    path = params.path
    mode = check_mode(int(params.mode, 8), path)
    fd = beneath.open_path(path)
    try:
        with naming(path):
            status = os.fstat(fd)
            if not (stat.S_ISREG(status.st_mode) or stat.S_ISDIR(status.st_mode)):
                raise errors.PermissionDenied(
                    f"{path!r}: only files and directories have permission bits to set", path=path
                )
            if stat.S_ISDIR(status.st_mode):
                mode |= status.st_mode & stat.S_ISGID
            if sys.platform == "linux":
                # fchmod does not take an O_PATH descriptor, and a file without permissions cannot be opened otherwise.
                os.chmod(f"/proc/self/fd/{fd}", mode)
            else:
                os.fchmod(fd, mode)
            return file_info(beneath.relative(path), os.fstat(fd))
    finally:
        os.close(fd)


def symlink(beneath: Beneath, params: FsSymlinkParams) -> FileInfo:
    """Make a link. Its target need not exist, but must lie inside the root.

    In a worktree an absolute target below the root is written as the relative path to it, since absolute links are not
    followed there; in a whole filesystem it is written as given.

    Raises:
        PathEscapes: the target leaves the root.
        PathExists: something is there; with `overwrite`, something that is no link.
    """
    path, target = params.path, params.target
    if "\0" in target:
        raise invalid(target, "the target holds a NUL byte")
    parts = beneath.parts(path)
    text = target
    if not (target.startswith("/") and beneath.in_root):
        here = beneath.canonical(beneath.spell(parts[:-1]))
        text = _inside(beneath, here, target)
    with beneath.open_parent(path) as (directory, name), naming(path):
        make_link(text, directory, name, overwrite=params.overwrite, path=path)
        status = os.stat(name, dir_fd=directory, follow_symlinks=False)
    return file_info(beneath.relative(path), status, target=text)


def _inside(beneath: Beneath, here: tuple[str, ...], target: str) -> str:
    """The target as it is to be written, checked; `here` is the directory of the link."""
    if target.startswith("/"):
        try:
            there = beneath.parts(target)
        except errors.PathInvalid:
            raise errors.PathEscapes(f"{target!r}: the target lies outside the workspace", path=target) from None
        return os.path.relpath("/" + "/".join(there), "/" + "/".join(here))
    depth = len(here)
    for part in target.split("/"):
        depth += -1 if part == ".." else 0 if part in ("", ".") else 1
        if depth < 0:
            raise errors.PathEscapes(f"{target!r}: the target leaves the workspace", path=target)
    return target


def _info(beneath: Beneath, path: str) -> FileInfo:
    status = beneath.stat(path, follow=False)
    target = beneath.readlink(path) if stat.S_ISLNK(status.st_mode) else None
    return file_info(beneath.relative(path), status, target=target)


def _never() -> bool:
    return False
