"""Every ``fs`` call that is one question and one answer, by its name in the protocol.

Each function takes a `Beneath` and the call's params, works synchronously (the caller runs it in a thread) and returns
the call's result. Searching, watching and transfers are streams and live in modules of their own.
"""

from nexusd.files.edit import edit
from nexusd.files.glob import glob
from nexusd.files.listing import list_directory, stat
from nexusd.files.read import read
from nexusd.files.tree import chmod, copy, mkdir, remove, rename, symlink
from nexusd.files.write import write

__all__ = [
    "chmod",
    "copy",
    "edit",
    "glob",
    "list_directory",
    "mkdir",
    "read",
    "remove",
    "rename",
    "stat",
    "symlink",
    "write",
]
