"""A process in the workspace swaps directories and links while we work: nothing outside is read or changed.

Every call runs against a thread that, as fast as it can, replaces a directory (and a file) by a link to the outside and
back. A call may succeed or fail with a named error; it may not touch what lies outside.
"""

from __future__ import annotations

import asyncio
import os
import threading
import time
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

import pytest
from files_support import SECRET, open_descriptors, without_openat2
from nexus_sdk.protocol import errors, types
from nexusd.files import operations as fs
from nexusd.files.beneath import Beneath
from nexusd.files.search import Search
from nexusd.files.transfer import Download, Upload

ATTEMPTS = 400
SECONDS = 2.0


@contextmanager
def swapping(root: Path) -> Iterator[None]:
    """``d`` is a directory, then a link to the outside; ``d/full`` and ``d/secret`` exist in both."""
    stop = threading.Event()
    for place in ("real", "real/full"):
        (root / place).mkdir()
        (root / place / "secret").write_text("inside")
    (root / "evil").symlink_to("../outside")
    os.rename(root / "real", root / "d")

    def swap() -> None:
        while not stop.is_set():
            for there, name in (("real", "evil"), ("evil", "real")):
                try:
                    os.rename(root / "d", root / there)
                    os.rename(root / name, root / "d")
                except OSError:
                    if not os.path.lexists(root / "d"):
                        for spare in ("real", "evil"):
                            if os.path.lexists(root / spare):
                                os.rename(root / spare, root / "d")
                                break

    thread = threading.Thread(target=swap)
    thread.start()
    try:
        yield
    finally:
        stop.set()
        thread.join()


def attempt(root: Path, call: Callable[[int], Any]) -> tuple[int, int]:
    """Call again and again; returns how often it succeeded and how often it was refused."""
    done = refused = 0
    end = time.monotonic() + SECONDS
    with swapping(root):
        for number in range(ATTEMPTS):
            try:
                call(number)
                done += 1
            except errors.NexusError:
                refused += 1
            if time.monotonic() > end:
                break
    return done, refused


def params(kind: type[Any], **values: Any) -> Any:
    return kind(workspace="w", **values)


def no_secret(value: object) -> None:
    assert SECRET not in str(value)


CALLS: dict[str, Callable[[Beneath, int], Any]] = {
    "read": lambda f, n: no_secret(fs.read(f, params(types.FsReadParams, path="d/secret")).content),
    "list": lambda f, n: no_secret(fs.list_directory(f, params(types.FsListParams, path="d", depth=3))),
    "write": lambda f, n: fs.write(f, params(types.FsWriteParams, path=f"d/w{n}", content="x")),
    "write over": lambda f, n: fs.write(f, params(types.FsWriteParams, path="d/secret", content="inside")),
    "write with parents": lambda f, n: fs.write(
        f, params(types.FsWriteParams, path=f"d/p{n}/q/w", content="x", parents=True)
    ),
    "edit": lambda f, n: fs.edit(
        f, params(types.FsEditParams, path="d/secret", edits=[types.FsEdit(old="i", new="i", all=True)])
    ),
    "mkdir": lambda f, n: fs.mkdir(f, params(types.FsMkdirParams, path=f"d/m{n}/x", parents=True)),
    "remove": lambda f, n: fs.remove(f, params(types.FsRemoveParams, path="d/full", recursive=True)),
    "remove the link": lambda f, n: fs.remove(f, params(types.FsRemoveParams, path="d/full/inner")),
    "rename out of": lambda f, n: fs.rename(f, params(types.FsRenameParams, source="d/secret", target=f"r{n}")),
    "rename into": lambda f, n: (
        fs.write(f, params(types.FsWriteParams, path="mine", content="x")),
        fs.rename(f, params(types.FsRenameParams, source="mine", target="d/secret", overwrite=True)),
    ),
    "copy out of": lambda f, n: fs.copy(f, params(types.FsCopyParams, source="d", target=f"c{n}", recursive=True)),
    "copy into": lambda f, n: fs.copy(f, params(types.FsCopyParams, source="d/secret", target=f"d/full/k{n}")),
    "chmod": lambda f, n: fs.chmod(f, params(types.FsChmodParams, path="d/secret", mode="600")),
    "symlink": lambda f, n: fs.symlink(f, params(types.FsSymlinkParams, path=f"d/l{n}", target="x")),
    "glob": lambda f, n: no_secret(fs.glob(f, params(types.FsGlobParams, pattern="**", path="d")).paths),
}


@pytest.mark.parametrize("name", CALLS)
@pytest.mark.parametrize("resolver", ["openat2", "walker"])
def test_links_swapped_during_a_call(
    files: Beneath, root: Path, outside: Path, name: str, resolver: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    if resolver == "walker":
        without_openat2(monkeypatch)
    before = open_descriptors()
    done, refused = attempt(root, lambda number: CALLS[name](files, number))
    assert done + refused > 0
    for base, _, names in os.walk(root):
        for entry in names:
            path = os.path.join(base, entry)
            if os.path.isfile(path) and not os.path.islink(path):
                with open(path) as file:
                    assert file.read() != SECRET
    assert open_descriptors() == before


def test_links_swapped_during_transfers_and_searches(files: Beneath, root: Path, outside: Path) -> None:
    async def round_trip(number: int) -> None:
        try:
            running = Download(files, params(types.FsDownloadParams, path="d/secret"))
            try:
                no_secret(await running.read())
            finally:
                running.close()
        except errors.NexusError:
            pass
        try:
            upload = Upload(files, params(types.FsUploadParams, path=f"d/u{number}", upload="upload-1"), "me")
            try:
                await upload.write(b"x")
                await upload.finish()
            finally:
                await upload.abort()
        except errors.NexusError:
            pass
        try:
            async with Search(files, params(types.FsSearchParams, pattern="secret", path="d")) as search:
                async for event in search:
                    no_secret(event)
        except errors.NexusError:
            pass

    done, _ = attempt(root, lambda number: asyncio.run(round_trip(number)))
    assert done > 0
