"""Child processes read by the event loop."""

from __future__ import annotations

import asyncio
import os
import signal
import threading
from pathlib import Path

import pytest
from nexusd.git.child import Child


def start(cwd: Path, script: str, out: list[bytes], *, stdin: bytes = b"", pass_fds: tuple[int, ...] = ()) -> Child:
    return Child(
        ["sh", "-c", script],
        cwd=cwd,
        env={"PATH": os.environ["PATH"]},
        stdin=stdin,
        stdout=out.append,
        stderr=out.append,
        pass_fds=pass_fds,
    )


def steal(pid: int) -> None:
    """What a careless reaper does."""
    os.waitpid(pid, 0)


def descriptors() -> set[str]:
    return set(os.listdir("/proc/self/fd"))


@pytest.mark.parametrize(("script", "code"), [("exit 0", 0), ("exit 7", 7), ("kill -9 $$", -9), ("kill -15 $$", -15)])
async def test_exit_codes(tmp_path: Path, script: str, code: int) -> None:
    child = start(tmp_path, script, [])
    assert await child.wait() == code
    child.close()


async def test_input_output_and_no_descriptor_left(tmp_path: Path) -> None:
    await asyncio.to_thread(int)
    before = descriptors()
    for _ in range(20):
        out: list[bytes] = []
        child = start(tmp_path, "cat; echo done >&2", out, stdin=b"x" * 300_000)
        assert await child.wait() == 0
        assert await child.drained(10)
        child.close()
        assert b"".join(out).count(b"x") == 300_000 and b"done" in b"".join(out)
    assert len(descriptors() - before) <= 1


async def test_a_stolen_exit_status_is_no_success(tmp_path: Path) -> None:
    out: list[bytes] = []
    child = start(tmp_path, "exit 0", out)
    steal(child._process.pid)
    assert await child.wait() == -signal.SIGKILL
    child.close()


async def test_closing_kills_what_still_runs(tmp_path: Path) -> None:
    child = start(tmp_path, "sleep 300", [])
    child.close()
    assert await child.wait() == -signal.SIGKILL


async def test_without_process_descriptors(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def missing(pid: int) -> int:
        raise OSError(f"no pidfd for {pid}")

    monkeypatch.setattr(os, "pidfd_open", missing)
    out: list[bytes] = []
    child = start(tmp_path, "echo said; exit 3", out)
    assert await child.wait() == 3
    assert await child.drained(10)
    child.close()
    assert out == [b"said\n"]


async def test_descriptors_are_handed_down(tmp_path: Path) -> None:
    read, write = os.pipe()
    child = start(tmp_path, f"echo hello > /proc/self/fd/{write}", [], pass_fds=(write,))
    assert await child.wait() == 0
    child.close()
    assert os.read(read, 100) == b"hello\n"
    os.close(read)
    os.close(write)


async def test_what_cannot_start_raises(tmp_path: Path) -> None:
    threads = threading.active_count()
    with pytest.raises(FileNotFoundError):
        Child(["no-such-program"], cwd=tmp_path, env={}, stdin=b"", stdout=print, stderr=print, pass_fds=())
    assert threading.active_count() == threads
