"""Edits that git was told not to see: of files with the bits ``assume-unchanged`` or ``skip-worktree`` in the index.

No command compares such a file, so it is compared through an index of our own that holds the same entries without
the bits. Files are compared by hash: reading an object could fetch it, with programs that a configuration names.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import tempfile
from collections.abc import Iterable
from pathlib import Path
from typing import Final

from nexusd.git.layout import Checkout

COMPARE_SECONDS: Final = 300.0
"""Deadline of comparing: all files are read, if somebody flagged all."""
_LISTING: Final = ("ls-files", "-v", "--stage", "-z")
# Settings that would give the entries their bits again, or write this index elsewhere.
_PLAIN: Final = ("core.ignoreStat=false", "core.sparseCheckout=false", "core.splitIndex=false")


async def read_index(checkout: Checkout) -> list[bytes]:
    """Every entry of the index: a letter that tells of its bits, mode, hash, stage and, behind a tab, its name."""
    return (await checkout.git.run(*_LISTING)).stdout.split(b"\0")[:-1]


async def edited(checkout: Checkout, entries: Iterable[bytes]) -> list[bytes]:
    """The names of flagged files that are not what the index says. Costs nothing where there are none.

    A file that is missing was removed by somebody, unless it is marked `skip-worktree`: sparse checkouts leave such
    files out.

    Args:
        checkout: the worktree.
        entries: its index, as `read_index` gives it.

    Raises:
        GitFailed: git could not say.
        DeadlineExceeded: it took too long.
    """
    flagged = [entry for entry in entries if entry[:1] == b"S" or entry[:1].islower()]
    if not flagged:
        return []
    wanted = await asyncio.to_thread(lambda: {_name(entry) for entry in flagged if _counts(checkout.path, entry)})
    if not wanted:
        return []
    # What is to be done to a file's content before it is hashed may be said in the index alone.
    needed = [entry for entry in entries if _name(entry) in wanted or _name(entry).endswith(b".gitattributes")]
    directory = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="nexus-unseen-"))
    try:
        git = checkout.git.having(GIT_INDEX_FILE=str(directory / "index"))
        lines = b"".join(entry[2:] + b"\0" for entry in needed)
        await git.run("update-index", "-z", "--index-info", stdin=lines, writes=True, config=_PLAIN)
        refresh = ("update-index", "-q", "--ignore-submodules", "--refresh")
        await git.run(*refresh, ok=None, writes=True, timeout=COMPARE_SECONDS, config=_PLAIN)
        differing = await git.run("diff-files", "--name-only", "-z", "--ignore-submodules=dirty", config=_PLAIN)
        return [name for name in differing.stdout.split(b"\0")[:-1] if name in wanted]
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True))


def _name(entry: bytes) -> bytes:
    return entry.partition(b"\t")[2]


def _counts(root: Path, entry: bytes) -> bool:
    """Whether the file is there, or ought to be."""
    if entry[:1] not in b"Ss":
        return True
    try:
        os.lstat(os.path.join(os.fsencode(root), _name(entry)))
    except (FileNotFoundError, NotADirectoryError):
        return False
    except OSError:
        return True  # who knows: git looks at it as well
    return True
