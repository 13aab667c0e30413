"""What ``git status`` does not tell of: work in repositories inside a worktree, submodules above all, and unseen edits.

Their configuration belongs to whoever can write in the worktree, and names programs: filters, helpers of a lazy fetch.
So git never runs with it. It is shown their objects, their index and their files through a git directory of our own,
made for the occasion; their refs are read here.

The git directory of a submodule lies in the entry of its worktree, ``worktrees/<id>/modules/<name>``, and goes with it.
"""

from __future__ import annotations

import asyncio
import os
import shutil
import stat
import tempfile
from collections.abc import Iterator
from pathlib import Path
from typing import Final

import msgspec

from nexusd.git import text, unseen
from nexusd.git.command import Git
from nexusd.git.layout import Checkout, at_common, read_line
from nexusd.git.status import read_status

_GITLINK: Final = b"160000 "
"""How an entry of the index begins that stands for a repository, behind the letter of its bits."""
_LEVELS: Final = 16
"""Repositories within repositories that are looked into; what lies deeper counts as changed."""
_SETTINGS: Final = r"^core\.(filemode|autocrlf|eol|ignorecase|symlinks)$"
"""What tells whether a file was changed, and names no program."""
_BIG: Final = 16 * 1024 * 1024


class Held(msgspec.Struct):
    """What is held besides what ``git status`` of the worktree tells.

    Attributes:
        files: files changed in nested repositories, and those anywhere whose changes git was told not to see, relative
            to the outermost worktree; a whole directory where git cannot tell.
        commits: commits, stashes among them, that no remote has.
    """

    files: list[str]
    commits: int


async def inspect(checkout: Checkout) -> Held:
    """Unseen edits, what the repositories inside a worktree hold, and those that were submodules of it once.

    Raises:
        GitFailed: git could not say.
        DeadlineExceeded: it took too long.
    """
    held = Held([], 0)
    stores = await asyncio.to_thread(_stores, checkout.git_dir / "modules")
    await _look(checkout, checkout, "", held, stores, 0)
    for store in stores:
        held.commits += await _in_copy_of(store, checkout.path, None, held, "")
    return held


async def _look(top: Checkout, checkout: Checkout, prefix: str, held: Held, stores: set[Path], level: int) -> None:
    """Look for unseen edits, and into every repository that is registered in the index of `checkout`."""
    index = await unseen.read_index(checkout)
    held.files += [prefix + text.name(name) for name in await unseen.edited(checkout, index)]
    for entry in index:
        if not entry.startswith(_GITLINK, 2):
            continue
        name = entry.partition(b"\t")[2]
        place, shown = Path(os.fsdecode(os.path.join(os.fsencode(checkout.path), name))), prefix + text.name(name)
        store = await asyncio.to_thread(_store_of, top, place)
        if store is None:
            continue
        if store == place or level == _LEVELS:
            held.files.append(shown + "/")
            continue
        stores.discard(store)
        held.commits += await _in_copy_of(store, place, top, held, shown + "/", stores, level + 1)


async def _in_copy_of(
    store: Path,
    place: Path,
    top: Checkout | None,
    held: Held,
    prefix: str,
    stores: set[Path] | None = None,
    level: int = 0,
) -> int:
    """Look at a repository through a copy of its git directory; without `top` only at its commits, which it counts."""
    directory = Path(await asyncio.to_thread(tempfile.mkdtemp, prefix="nexus-nested-"))
    try:
        settings = await _settings(store, directory)
        ours, theirs = await asyncio.to_thread(_copy, store, directory, settings)
        count = 0
        if ours:
            wanted = "\n".join([*ours, *(f"^{commit}" for commit in theirs), ""]).encode()
            output = await at_common(directory).run("rev-list", "--count", "--ignore-missing", "--stdin", stdin=wanted)
            count = int(output.stdout)
        if top is not None:
            copy = Checkout(place, directory, directory)
            status = await read_status(copy)
            held.files += [prefix + file.path for file in status.files]
            await _look(top, copy, prefix, held, stores if stores is not None else set(), level)
        return count
    finally:
        await asyncio.shield(asyncio.to_thread(shutil.rmtree, directory, ignore_errors=True))


# -- finding -------------------------------------------------------------------------------------------------------


def _stores(modules: Path) -> set[Path]:
    """The git directories of submodules, of submodules of submodules, too."""
    found: set[Path] = set()
    for folder, folders, files in os.walk(modules):
        if "HEAD" in files and "objects" in folders:
            found.add(Path(os.path.realpath(folder)))
            folders[:] = [name for name in folders if name == "modules"]
    return found


def _store_of(top: Checkout, place: Path) -> Path | None:
    """The git directory of the repository at `place`; None if there is nothing to lose; `place` itself if it has
    files that no git directory of this worktree knows."""
    try:
        names = os.listdir(place)
    except OSError:
        return None  # gone, or no directory any more: the outer git tells of that
    if not names:
        return None
    dot = place / ".git"
    pointer = read_line(dot)
    if pointer is not None and pointer.startswith("gitdir: "):
        dot = place / pointer.removeprefix("gitdir: ")
    store = Path(os.path.realpath(dot))
    # one elsewhere is not ours to read: its index would tell what somebody else's repository holds
    ours = any(store.is_relative_to(os.path.realpath(root)) for root in (top.path, top.git_dir))
    return store if ours and (store / "objects").is_dir() and not (store / "reftable").exists() else place


# -- copying -------------------------------------------------------------------------------------------------------


def _copy(store: Path, directory: Path, settings: str) -> tuple[list[str], list[str]]:
    """Fill `directory`. Gives the commits that are somebody's work here, and those that a remote has."""
    refs = dict(_refs(store))
    head = read_line(store / "HEAD") or ""
    head = refs.get(head.removeprefix("ref: "), "") if head.startswith("ref: ") else head if _is_hash(head) else ""
    ours = [value for name, value in refs.items() if name.startswith("refs/heads/") or name == "refs/stash"]
    theirs = [value for name, value in refs.items() if name.startswith("refs/remotes/")]
    # a submodule's commit may have been fetched by its hash alone
    fetched = _read(store / "FETCH_HEAD").decode("utf-8", "replace").splitlines()
    theirs += [value for line in fetched if _is_hash(value := line.partition("\t")[0])]
    for folder in ("objects/info", "refs", "info"):
        (directory / folder).mkdir(parents=True)
    (directory / "HEAD").write_text(f"{head or 'ref: refs/heads/none'}\n")
    (directory / "objects/info/alternates").write_bytes(os.fsencode(store / "objects") + b"\n")
    (directory / "info/exclude").write_bytes(_read(store / "info/exclude"))
    if shallow := _read(store / "shallow"):
        (directory / "shallow").write_bytes(shallow)
    index = store / "index"
    if index.exists() and stat.S_ISREG(index.lstat().st_mode):
        # With its time: git takes an entry for changed when it is as young as the index itself.
        shutil.copy2(index, directory / "index", follow_symlinks=False)
    long = any(len(value) == 64 for value in (head, *ours, *theirs))
    (directory / "config").write_text(
        f"[core]\n\trepositoryformatversion = {int(long)}\n\tbare = false\n{settings}"
        + ("[extensions]\n\tobjectformat = sha256\n" if long else "")
    )
    return [value for value in (head, *ours) if value], theirs


async def _settings(store: Path, cwd: Path) -> str:
    """The few settings that matter, as lines of a file. Reading a file of settings runs nothing."""
    found = await Git(cwd=cwd).run(
        "config", "--file", str(store / "config"), "--no-includes", "-z", "--get-regexp", _SETTINGS, ok=None
    )
    pairs = (entry.partition("\n") for entry in found.stdout.decode("utf-8", "replace").split("\0"))
    return "".join(f"\t{name[5:]} = {value}\n" for name, _, value in pairs if name and value.isalnum())


def _refs(store: Path) -> Iterator[tuple[str, str]]:
    for line in _read(store / "packed-refs").decode("utf-8", "surrogateescape").splitlines():
        value, _, name = line.partition(" ")
        if _is_hash(value):
            yield name, value
    for folder, _, files in os.walk(store / "refs"):
        for file in files:
            path = Path(folder, file)
            value = read_line(path) or ""
            if _is_hash(value):
                yield str(path.relative_to(store)), value


def _read(path: Path) -> bytes:
    """A file's content; empty where there is no such plain file."""
    try:
        fd = os.open(path, os.O_RDONLY | os.O_CLOEXEC | os.O_NOFOLLOW | os.O_NONBLOCK)
    except OSError:
        return b""
    with open(fd, "rb") as file:
        return file.read(_BIG) if stat.S_ISREG(os.fstat(fd).st_mode) else b""


def _is_hash(value: str) -> bool:
    return len(value) in (40, 64) and set(value) <= set("0123456789abcdef")
