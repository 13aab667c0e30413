"""What changed: ``git diff``, new files included, without touching the worktree's own index."""

from __future__ import annotations

import asyncio
import contextlib
import os
import shutil
import tempfile
from collections.abc import AsyncIterator, Sequence
from pathlib import Path
from typing import Final

from nexus_sdk.protocol.types import GitDiff, GitDiffFile, GitDiffParams

from nexusd.git import refs, text
from nexusd.git.command import Git
from nexusd.git.layout import Checkout

DIFF_BYTES: Final = 512 * 1024
"""How much of a diff is returned."""
_NUMBERS_BYTES = 8 * 1024 * 1024
_OPTIONS = (
    "--no-color",
    "--no-ext-diff",
    "--no-textconv",
    "--no-relative",
    "--find-renames",
    "--src-prefix=a/",
    "--dst-prefix=b/",
    "--submodule=short",
    # Git would start another one in a submodule to see whether it is dirty, with the configuration there: a tenant's.
    "--ignore-submodules=dirty",
)


async def diff(checkout: Checkout, params: GitDiffParams) -> GitDiff:
    """Compare the worktree with the index or a commit; with `staged` the index with HEAD or a commit.

    New files count as empty before: they are entered, without content, in a copy of the index. The text is cut at the
    end of a line after 512 KiB, earlier where a message could not hold it; `files` is complete unless it alone is
    too long. `truncated` says so.

    Raises:
        RefNotFound: there is no such `base`.
        GitFailed: git could not say, or a path lies outside the worktree.
    """
    git = checkout.git
    what = ["--cached"] if params.staged else []
    if isinstance(params.base, str):
        what += ["--end-of-options", (await refs.find(git, params.base)).commit]
    paths = ["--", *params.paths]
    async with contextlib.AsyncExitStack() as stack:
        if params.untracked and not params.staged:
            git = await stack.enter_async_context(_with_new_files(checkout, params.paths))
        numbers, patch = await asyncio.gather(
            git.run("diff", *_OPTIONS, "--numstat", "-z", *what, *paths, limit=_NUMBERS_BYTES),
            git.run("diff", *_OPTIONS, f"--unified={params.context}", *what, *paths, limit=DIFF_BYTES),
        )
    files = parse_numbers(numbers.stdout)
    truncated = numbers.truncated or patch.truncated
    kept, budget = _fitting(files, text.MESSAGE_BUDGET // 2)
    body, cut = _cut(patch.stdout, text.MESSAGE_BUDGET - budget, at_line=patch.truncated)
    return GitDiff(diff=body, files=kept, truncated=truncated or cut or len(kept) < len(files))


def parse_numbers(data: bytes) -> list[GitDiffFile]:
    """Parse ``--numstat -z``: ``added TAB removed TAB path NUL``, renames as ``… TAB NUL old NUL new NUL``."""
    files = []
    fields = iter(data.split(b"\0")[:-1])
    for field in fields:
        added, _, rest = field.partition(b"\t")
        removed, tab, path = rest.partition(b"\t")
        if not tab:
            continue
        if not path:
            next(fields, b"")
            path = next(fields, b"")
        binary = added == b"-"
        files.append(
            GitDiffFile(
                path=text.name(path),
                added=0 if binary else int(added),
                removed=0 if binary else int(removed),
                binary=binary,
            )
        )
    return files


@contextlib.asynccontextmanager
async def _with_new_files(checkout: Checkout, paths: Sequence[str]) -> AsyncIterator[Git]:
    """Git with a copy of the index in which new files are known; the plain one if there are none."""
    git = checkout.git
    listing = await git.run(
        "ls-files", "--others", "--exclude-standard", "-z", "--", *paths, limit=_NUMBERS_BYTES, timeout=30
    )
    new = [path for path in listing.stdout.split(b"\0")[:-1] if not path.endswith(b"/")]
    if not new:
        yield git
        return
    directory = await asyncio.to_thread(tempfile.mkdtemp, prefix="nexus-index-")
    try:
        index = Path(directory) / "index"
        with contextlib.suppress(FileNotFoundError):
            # With its time: git takes an entry for changed when it is as young as the index itself.
            await asyncio.to_thread(shutil.copy2, checkout.git_dir / "index", index)
        copy = git.having(GIT_INDEX_FILE=os.fspath(index))
        await copy.run(
            "add",
            "--intent-to-add",
            "--ignore-errors",
            "--pathspec-from-file=-",
            "--pathspec-file-nul",
            stdin=b"".join(path + b"\0" for path in new),
            ok=(0, 1),
            writes=True,
        )
        yield copy
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True))


def _fitting(files: list[GitDiffFile], budget: int) -> tuple[list[GitDiffFile], int]:
    """As many files as fit, and the bytes they take."""
    used = 0
    for count, file in enumerate(files):
        used += text.size(file) + 1
        if used > budget:
            return files[:count], used
    return files, used


def _cut(data: bytes, budget: int, *, at_line: bool) -> tuple[str, bool]:
    """The text of a diff, ending with a whole line, and whether it was cut here because escapes made it too long."""
    if at_line:
        data = data[: data.rfind(b"\n") + 1]
    body = text.prose(data)
    cut = False
    while text.size(body) > budget:
        body = body[: body.rfind("\n", 0, int(len(body) * 0.8)) + 1]
        cut = True
    return body, cut
