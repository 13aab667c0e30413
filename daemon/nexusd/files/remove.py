"""Removing a tree by descriptors: no link is followed, nothing outside is touched, whatever moves meanwhile."""

from __future__ import annotations

import errno
import os
from typing import Final

from nexusd.files.acting import check_entry
from nexusd.files.beneath import open_child
from nexusd.files.stage import temporary_name

_LEVELS: Final = 64
"""Directories open at once. What lies deeper is first moved to the top of the tree that is being removed."""

_PASSES: Final = 8
"""How often a directory that keeps getting new entries is emptied before we give up."""


def remove_tree(parent: int, name: str) -> int:
    """Remove an entry with all it holds. Returns how many entries went.

    Entries that appear while we work are removed too, within reason.

    Raises:
        OSError: ENOTEMPTY where somebody keeps adding entries, and as unlinkat(2). A part may be gone by then.
    """
    try:
        check_entry(parent, name)
        top = open_child(parent, name)
    except OSError as error:
        if error.errno not in (errno.ENOTDIR, errno.ELOOP):
            raise
        os.unlink(name, dir_fd=parent)
        return 1
    removal = _Removal(top)
    try:
        for attempt in range(1, _PASSES + 1):
            # Each pass brings up directories from the deep: go on as long as there are any.
            removal.clear(top, 0)
            while removal.moved:
                removal.moved = False
                removal.clear(top, 0)
            try:
                os.rmdir(name, dir_fd=parent)
                break
            except OSError as error:
                if error.errno not in (errno.ENOTEMPTY, errno.EEXIST) or attempt == _PASSES:
                    raise
    finally:
        os.close(top)
    return removal.count + 1


class _Removal:
    def __init__(self, top: int) -> None:
        self.top = top
        self.count = 0
        self.moved = False

    def clear(self, directory: int, level: int) -> None:
        """Remove what a directory holds."""
        with os.scandir(directory) as scan:
            found = [(entry.name, entry.is_dir(follow_symlinks=False)) for entry in scan]
        for name, is_dir in found:
            try:
                check_entry(directory, name)
                if is_dir:
                    self._directory(directory, name, level)
                else:
                    os.unlink(name, dir_fd=directory)
                    self.count += 1
            except FileNotFoundError:
                pass
            except IsADirectoryError:
                pass  # a file a moment ago; the next pass takes it

    def _directory(self, directory: int, name: str, level: int) -> None:
        if level >= _LEVELS:
            os.rename(name, temporary_name(), src_dir_fd=directory, dst_dir_fd=self.top)
            self.moved = True
            return
        try:
            child = open_child(directory, name)
        except OSError as error:
            if error.errno not in (errno.ENOTDIR, errno.ELOOP):
                raise
            os.unlink(name, dir_fd=directory)
            self.count += 1
            return
        try:
            self.clear(child, level + 1)
        finally:
            os.close(child)
        try:
            os.rmdir(name, dir_fd=directory)
            self.count += 1
        except OSError as error:
            if error.errno not in (errno.ENOTEMPTY, errno.EEXIST):
                raise
