"""Connections that are cut dozens of times: every byte arrives once, in order, whatever carried it."""

from __future__ import annotations

import asyncio
import hashlib
import os
import random
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Literal

import nexus_sdk
import pytest
from cutting_proxy import CuttingProxy
from world import World

pytestmark = pytest.mark.slow

MB = 1_000_000
BLOCKS = 200
PATIENCE = 90.0

PRINTER = """
import hashlib, sys
sys.stdin.readline()
digest = hashlib.sha256()
for number in range(int(sys.argv[1])):
    block = hashlib.shake_128(number.to_bytes(8, "big")).digest(1000) * 1000
    digest.update(block)
    sys.stdout.buffer.write(block)
    sys.stdout.buffer.flush()
    if number % 10 == 0:
        print(number, file=sys.stderr, flush=True)
print(digest.hexdigest(), file=sys.stderr)
"""
"""Prints blocks of 1 MB after a line on stdin; its stderr tells the SHA-256."""


def expected(blocks: int = BLOCKS) -> str:
    """The SHA-256 of what `PRINTER` prints, computed here."""
    digest = hashlib.sha256()
    for number in range(blocks):
        digest.update(hashlib.shake_128(number.to_bytes(8, "big")).digest(1000) * 1000)
    return digest.hexdigest()


def cut_points(seed: int, count: int, size: int) -> list[int]:
    """Where to cut: random, the same in every run, far enough apart that each finds a connection at work."""
    chosen = random.Random(seed)
    step = size // (count + 1)
    return [step * number + chosen.randrange(step // 4, step * 3 // 4) for number in range(count)]


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    # the proxies listen on ports of their own, which clients then name as Host
    made = World(tmp_path_factory.mktemp("torture"), ["daemon.allowed_hosts=127.0.0.1"])
    made.daemon.start()
    yield made
    assert made.daemon.stop() == 0, made.daemon.log[-4000:]


@pytest.fixture(scope="module")
def workspace(world: World) -> Iterator[dict[str, Any]]:
    yield world.workspace("torture")


async def follow(process: nexus_sdk.Process, pause: float = 0.0) -> tuple[str, bytes, int]:
    """Read everything in order; the SHA-256 of stdout, the whole of stderr, and how many bytes came."""
    digest, stderr, position, resting = hashlib.sha256(), b"", 0, 0
    async for chunk in process.output:
        assert chunk.offset == position, "a byte was lost, doubled or reordered"
        position += len(chunk.data)
        if chunk.channel == "stdout":
            digest.update(chunk.data)
        else:
            stderr += chunk.data
        if pause and position - resting > MB:
            resting = position
            await asyncio.sleep(pause)  # a slow reader is what this is about
    return digest.hexdigest(), stderr, position


async def test_output_over_fifty_cuts(world: World, workspace: dict[str, Any]) -> None:
    cuts = cut_points(1, 50, BLOCKS * MB)
    async with asyncio.timeout(PATIENCE), CuttingProxy(world.daemon.port, cuts) as proxy:
        async with nexus_sdk.connect(proxy.url, world.daemon.token(), environ={}) as nexus:
            place = await nexus.workspaces.get(workspace["id"])
            argv = [sys.executable, "-c", PRINTER, str(BLOCKS)]
            async with place.exec(argv, stdin=True) as process:
                await process.stdin.write("go\n")
                digest, stderr, size = await follow(process)
                result = await process.wait()
            assert proxy.made == 50
            assert nexus.reconnects == 50
    assert result.exit_code == 0
    assert result.output_complete
    assert size == result.output_end == BLOCKS * MB + len(stderr)
    assert digest == stderr.split()[-1].decode() == expected()


async def test_output_for_three_at_once_one_of_them_slow(world: World, workspace: dict[str, Any]) -> None:
    token = world.daemon.token()
    argv = [sys.executable, "-c", PRINTER, str(BLOCKS)]

    async def one(seed: int, process: str, pause: float, attached: asyncio.Barrier) -> tuple[str, bytes, int, int]:
        cuts = cut_points(seed, 50, BLOCKS * MB)
        async with CuttingProxy(world.daemon.port, cuts) as proxy:
            async with nexus_sdk.connect(proxy.url, token, environ={}) as nexus:
                place = await nexus.workspaces.get(workspace["id"])
                async with place.attach(process, role="observer") as attachment:
                    await attached.wait()
                    digest, stderr, _ = await follow(attachment, pause)
                    assert (await attachment.wait()).exit_code == 0
                assert proxy.made == 50
                return digest, stderr, nexus.reconnects, attachment.offset

    async with asyncio.timeout(PATIENCE):
        async with nexus_sdk.connect(world.daemon.url, token, environ={}) as nexus:
            place = await nexus.workspaces.get(workspace["id"])
            started = await place.processes.start(argv, stdin=True)
            attached = asyncio.Barrier(4)
            readers = [
                asyncio.create_task(one(seed, started.id, pause, attached))
                for seed, pause in ((2, 0.0), (3, 0.02), (4, 0.0))
            ]
            await attached.wait()
            async with place.attach(started.id, role="controller") as starter:
                await starter.stdin.write("go\n")
                assert (await anext(aiter(starter.output))).offset == 0
                await starter.detach()
            results = await asyncio.gather(*readers)
    for digest, stderr, reconnects, _ in results:
        assert digest == stderr.split()[-1].decode() == expected()
        assert reconnects == 50


async def test_stdin_over_twenty_cuts(world: World, workspace: dict[str, Any]) -> None:
    data = random.Random(5).randbytes(20 * MB)
    cuts = cut_points(6, 20, len(data))
    async with asyncio.timeout(PATIENCE), CuttingProxy(world.daemon.port, cuts, "up") as proxy:
        async with nexus_sdk.connect(proxy.url, world.daemon.token(), environ={}) as nexus:
            place = await nexus.workspaces.get(workspace["id"])
            async with place.exec(["cat"], stdin=True) as process:

                async def write() -> None:
                    for start in range(0, len(data), 300_007):
                        await process.stdin.write(data[start : start + 300_007])
                    await process.stdin.send_eof()

                writing = asyncio.create_task(write())
                came = await process.stdout.read_all()
                await writing
                result = await process.wait()
            assert proxy.made == 20
            assert nexus.reconnects >= 19  # the last cut may fall after the last byte was needed
    assert result.exit_code == 0
    assert hashlib.sha256(came).hexdigest() == hashlib.sha256(data).hexdigest()


@pytest.fixture(scope="module")
def large(tmp_path_factory: pytest.TempPathFactory) -> Path:
    path = tmp_path_factory.mktemp("large") / "large.bin"
    path.write_bytes(random.Random(7).randbytes(100 * MB))
    return path


def digest_of(path: Path) -> str:
    with path.open("rb") as file:
        return hashlib.file_digest(file, "sha256").hexdigest()


async def test_an_upload_and_a_download_over_twenty_cuts(
    world: World, workspace: dict[str, Any], large: Path, tmp_path: Path
) -> None:
    token = world.daemon.token()
    ways: list[Literal["up", "down"]] = ["up", "down"]
    there = Path(workspace["worktree"]) / "large.bin"
    for way in ways:
        cuts = cut_points(8, 20, 100 * MB)
        async with asyncio.timeout(PATIENCE), CuttingProxy(world.daemon.port, cuts, way) as proxy:
            async with nexus_sdk.connect(proxy.url, token, environ={}) as nexus:
                files = (await nexus.workspaces.get(workspace["id"])).files
                if way == "up":
                    info = await files.upload(large, "large.bin", checksum=True)
                    assert info.size == 100 * MB
                    assert digest_of(there) == digest_of(large)
                else:
                    await files.download("large.bin", tmp_path / "back.bin")
                    assert digest_of(tmp_path / "back.bin") == digest_of(large)
                assert proxy.made == 20
                assert nexus.reconnects >= 19
    assert [path.name for path in tmp_path.iterdir()] == ["back.bin"]
    assert [path.name for path in there.parent.iterdir() if path.name.startswith(".nexus-")] == []
    there.unlink()


CLIENT = """
import asyncio, sys
import nexus_sdk

async def main():
    async with nexus_sdk.connect(sys.argv[1], sys.argv[2], environ={}) as nexus:
        place = await nexus.workspaces.get(sys.argv[3])
        async with place.attach(sys.argv[4], role="controller") as process:
            await process.stdin.write("go\\n")
            got = 0
            async for chunk in process.output:
                got += len(chunk.data)
                if got > 5_000_000:
                    print("reading", flush=True)
                    await asyncio.sleep(600)

asyncio.run(main())
"""


async def test_a_client_that_is_killed_takes_nothing_along(world: World, workspace: dict[str, Any]) -> None:
    token = world.daemon.token()
    blocks = 40
    async with asyncio.timeout(PATIENCE):
        async with nexus_sdk.connect(world.daemon.url, token, environ={}) as nexus:
            place = await nexus.workspaces.get(workspace["id"])
            argv = [sys.executable, "-c", PRINTER, str(blocks)]
            started = await place.processes.start(argv, stdin=True, log_limit=64 * 1024 * 1024)
            client = await asyncio.create_subprocess_exec(
                *(sys.executable, "-c", CLIENT, world.daemon.url, token, place.id, started.id),
                stdout=asyncio.subprocess.PIPE,
            )
            assert client.stdout is not None
            assert await client.stdout.readline() == b"reading\n"
            client.kill()
            assert await client.wait() == -9
            ended = await place.processes.wait(started.id, timeout=PATIENCE)
            assert ended.state == "exited"
            async with place.attach(started.id, offset=0) as process:
                digest, stderr, size = await follow(process)
                result = await process.wait()
    assert result.exit_code == 0
    assert size == result.output_end
    assert digest == stderr.split()[-1].decode() == expected(blocks)


def test_nothing_is_left_running(world: World, workspace: dict[str, Any]) -> None:
    running = world.daemon.call("exec.list", workspace=workspace["id"], running=True)["processes"]
    assert running == []
    marks = [
        entry
        for entry in Path("/proc").iterdir()
        if entry.name.isdigit() and f"NEXUS_WORKSPACE={workspace['id']}" in _environ(entry)
    ]
    assert marks == []


def _environ(entry: Path) -> list[str]:
    try:
        return os.fsdecode((entry / "environ").read_bytes()).split("\0")
    except OSError:
        return []
