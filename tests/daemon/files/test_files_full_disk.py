"""A full disk: a named error, and nothing changed."""

from __future__ import annotations

import os
import resource
import subprocess
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from files_support import beneath_at, snapshot
from nexus_sdk.protocol import errors, types
from nexusd.files import operations as fs
from nexusd.files.beneath import Beneath
from nexusd.files.transfer import Upload

LIMIT = 1 << 20


@pytest.fixture(params=["a full filesystem", "a limit on file sizes"])
def full(request: pytest.FixtureRequest, root: Path) -> Iterator[Beneath]:
    """Files of which none can hold a MiB more."""
    if request.param == "a full filesystem":
        if os.geteuid() != 0:
            pytest.skip("mounting a small filesystem needs root; the limit on file sizes stands in for it")
        mounted = subprocess.run(
            ["mount", "-t", "tmpfs", "-o", f"size={LIMIT}", "tmpfs", str(root)], capture_output=True, timeout=20
        )
        if mounted.returncode:
            pytest.skip("this system does not let us mount; the limit on file sizes stands in for it")
        try:
            yield beneath_at(root)
        finally:
            subprocess.run(["umount", "-l", str(root)], check=True, timeout=20)
        return
    before = resource.getrlimit(resource.RLIMIT_FSIZE)
    resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT, before[1]))
    try:
        yield beneath_at(root)
    finally:
        resource.setrlimit(resource.RLIMIT_FSIZE, before)


def params(kind: type[Any], **values: Any) -> Any:
    return kind(workspace="w", **values)


def test_write_edit_and_copy(full: Beneath, root: Path) -> None:
    (root / "f").write_text("old")
    (root / "source").write_bytes(b"x" * 400_000)
    before = snapshot(root)
    with pytest.raises(errors.StorageFull):
        fs.write(full, params(types.FsWriteParams, path="f", content="n" * (2 * LIMIT)))
    with pytest.raises(errors.StorageFull):
        fs.write(full, params(types.FsWriteParams, path="a/b/c", content="n" * (2 * LIMIT), parents=True))
    with pytest.raises(errors.StorageFull):
        fs.edit(full, params(types.FsEditParams, path="f", edits=[types.FsEdit(old="o", new="n" * (2 * LIMIT))]))
    assert _without_times(snapshot(root)) == _without_times(before)


def test_a_tree_is_copied_whole_or_not(full: Beneath, root: Path) -> None:
    (root / "d").mkdir()
    with open(root / "d" / "large", "wb") as file:
        file.truncate(LIMIT)
    (root / "d" / "a").write_text("a")
    with open(root / "d" / "large", "r+b") as file:
        file.write(os.urandom(600_000))
    limited = resource.getrlimit(resource.RLIMIT_FSIZE)[0] == LIMIT
    if limited:
        with open(root / "d" / "large", "r+b") as file:
            file.truncate(LIMIT)
        resource.setrlimit(resource.RLIMIT_FSIZE, (LIMIT // 2, resource.getrlimit(resource.RLIMIT_FSIZE)[1]))
    before = snapshot(root)
    with pytest.raises(errors.StorageFull):
        fs.copy(full, params(types.FsCopyParams, source="d", target="new/copy", recursive=True, parents=True))
    assert _without_times(snapshot(root)) == _without_times(before)


async def test_upload(full: Beneath, root: Path) -> None:
    (root / "f").write_text("old")
    before = snapshot(root)
    running = Upload(full, params(types.FsUploadParams, path="f", upload="upload-1"), "me")
    with pytest.raises(errors.StorageFull):
        for _ in range(64):
            await running.write(b"x" * 65_536)
        await running.finish()
    await running.abort()
    assert _without_times(snapshot(root)) == _without_times(before)


def _without_times(found: dict[str, Any]) -> dict[str, Any]:
    return {name: (mode, content) for name, (mode, _, content) in found.items()}
