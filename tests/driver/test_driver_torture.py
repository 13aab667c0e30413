"""200 MB over fifty cuts, down and up, in every SDK: each byte once and in order, told by its checksum."""

from __future__ import annotations

import asyncio
import base64
import hashlib
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import pytest
from cutting_proxy import CuttingProxy
from daemon_process import make_repository
from drivers import SDKS, Driver
from served import Served

pytestmark = pytest.mark.slow

MB = 1_000_000
BLOCKS = 200
CUTS = 50
PATIENCE_MS = 180_000

PRINTER = """
import hashlib, sys
for number in range(int(sys.argv[1])):
    sys.stdout.buffer.write(hashlib.shake_128(number.to_bytes(8, "big")).digest(1000) * 1000)
"""
"""Prints blocks of 1 MB, no two alike."""


def block(number: int) -> bytes:
    """What `PRINTER` prints."""
    return hashlib.shake_128(number.to_bytes(8, "big")).digest(1000) * 1000


def cut_points(seed: int) -> list[int]:
    """Where to cut: random, the same in every run, far enough apart that each finds a connection at work."""
    chosen = random.Random(seed)
    step = BLOCKS * MB // (CUTS + 1)
    return [step * number + chosen.randrange(step // 4, step * 3 // 4) for number in range(CUTS)]


@pytest.fixture(scope="module")
def served(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Served]:
    folder = tmp_path_factory.mktemp("torture")
    made = Served(folder / "served", make_repository(folder / "repository"))
    made.daemon.start()
    yield made
    assert made.daemon.stop() == 0, made.daemon.log[-4000:]


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, str]:
    """A file of 200 MB, and its SHA-256."""
    path, digest = tmp_path_factory.mktemp("large") / "large.bin", hashlib.sha256()
    with path.open("wb") as file:
        for number in range(BLOCKS):
            file.write(block(number))
            digest.update(block(number))
    return path, digest.hexdigest()


def digest(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def through(
    driver: Driver, served: Served, seed: int, way: Literal["down", "up"], case: dict[str, Any]
) -> dict[str, Any]:
    """Drive one case through a proxy that cuts; its result. Every cut must have been made."""
    async with CuttingProxy(served.daemon.port, cut_points(seed), way) as proxy:
        connect = {"do": "connect", "url": proxy.url, "token": served.daemon.token()}
        await asyncio.to_thread(driver.result, connect)
        result = await asyncio.to_thread(driver.result, {**case, "timeout_ms": PATIENCE_MS})
        assert proxy.made == CUTS
        assert proxy.passed >= BLOCKS * MB
        await asyncio.to_thread(driver.result, {"do": "close"})
    return dict(result)


@pytest.mark.parametrize("sdk", SDKS)
async def test_output(sdk: str, drivers: dict[str, Driver], served: Served, large: tuple[Path, str]) -> None:
    workspace = served.workspace()["id"]
    # nothing is printed before somebody follows: the log keeps less than this
    argv = [sys.executable, "-c", f"import sys; sys.stdin.read()\n{PRINTER}", str(BLOCKS)]
    stdin = base64.b64encode(b"go\n").decode()
    case = {"do": "exec", "workspace": workspace, "argv": argv, "stdin": stdin, "digest": True}
    result = await through(drivers[sdk], served, 1, "down", case)
    assert (result["exit_code"], result["stderr"]["size"], result["reason"]) == (0, 0, "exited")
    assert result["reconnects"] == CUTS
    assert result["stdout"] == {"size": BLOCKS * MB, "sha256": large[1]}


@pytest.mark.parametrize("sdk", SDKS)
async def test_upload(sdk: str, drivers: dict[str, Driver], served: Served, large: tuple[Path, str]) -> None:
    record = served.workspace()
    case = {"do": "upload", "workspace": record["id"], "source": str(large[0]), "path": "large.bin"}
    result = await through(drivers[sdk], served, 2, "up", case)
    assert result == {"size": BLOCKS * MB, "sha256": large[1]}
    there = Path(record["worktree"], "large.bin")
    assert await asyncio.to_thread(digest, there) == large[1]
    assert [path.name for path in there.parent.iterdir() if path.name.startswith(".nexus-")] == []
    there.unlink()
