"""Running git: what it may not do, how it ends."""

from __future__ import annotations

import asyncio
import os
import subprocess
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from nexus_sdk.protocol.errors import DeadlineExceeded, GitFailed
from nexusd.git.command import Git, Output, failure


def processes_of(marker: str) -> list[int]:
    """Processes alive whose command line or environment holds the marker."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit() or int(entry.name) == os.getpid():
            continue
        try:
            if marker.encode() in entry.joinpath("cmdline").read_bytes():
                found.append(int(entry.name))
        except OSError:
            continue
    return found


def wait_until(true: Callable[[], bool], seconds: float = 20.0) -> bool:
    """Whether it becomes true within the time."""
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


def shell(cwd: Path, *argv: str, data: bytes = b"") -> bytes:
    """The plain git, without our settings."""
    return subprocess.run(["git", *argv], input=data, capture_output=True, cwd=cwd, check=True).stdout


@pytest.fixture
def slow_alias(repo: Path, git, tmp_path: Path):
    """`git slow`: a shell that starts a child and waits, marked by a path that nothing else uses."""
    marker = str(tmp_path / "sleeping")
    script = tmp_path / "slow.sh"
    script.write_text(f"#!/bin/sh\necho begun\nsh -c 'sleep 300; : {marker}' &\nwait\n")
    script.chmod(0o755)
    git(repo, "config", "alias.slow", f"!{script}")
    return marker


async def test_output_and_exit_code(repo: Path) -> None:
    output = await Git(cwd=repo).run("rev-parse", "--is-inside-work-tree")
    assert (output.code, output.stdout, output.truncated) == (0, b"true\n", False)


async def test_a_failure_names_the_command_and_the_reason(repo: Path) -> None:
    with pytest.raises(GitFailed) as caught:
        await Git(cwd=repo).run("rev-parse", "--verify", "nothing-here")
    assert caught.value.details is not None
    assert caught.value.details.command == "rev-parse"
    assert "Needed a single revision" in caught.value.details.reason


async def test_the_deadline_ends_the_whole_group(repo: Path, slow_alias: str) -> None:
    with pytest.raises(DeadlineExceeded) as caught:
        await Git(cwd=repo).run("slow", timeout=0.3, writes=True)
    assert caught.value.may_have_run
    assert processes_of(slow_alias) == []


async def test_cancellation_ends_the_whole_group(repo: Path, slow_alias: str) -> None:
    task = asyncio.create_task(Git(cwd=repo).run("slow"))
    assert await asyncio.to_thread(wait_until, lambda: processes_of(slow_alias) != [])
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert processes_of(slow_alias) == []


@pytest.mark.parametrize("steps", range(8))
async def test_a_cancelled_start_ends(repo: Path, slow_alias: str, steps: int) -> None:
    task = asyncio.create_task(Git(cwd=repo).run("slow"))
    for _ in range(steps):
        await asyncio.sleep(0)
    task.cancel()
    async with asyncio.timeout(30):
        with pytest.raises(asyncio.CancelledError):
            await task
    assert processes_of(slow_alias) == []


async def test_output_is_capped(repo: Path) -> None:
    (repo / "big").write_bytes(b"x" * 3_000_000)
    output = await Git(cwd=repo).run("hash-object", "-w", "big", writes=True)
    output = await Git(cwd=repo).run("cat-file", "blob", output.stdout.decode().strip(), limit=1000)
    assert output.truncated
    assert output.stdout == b"x" * 1000


async def test_input_is_fed_whole(repo: Path) -> None:
    data = os.urandom(2_000_000)
    output = await Git(cwd=repo).run("hash-object", "--stdin", stdin=data)
    assert output.stdout == shell(repo, "hash-object", "--stdin", data=data)


async def test_hooks_monitors_editors_and_pagers_do_not_run(repo: Path, git, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    evil = tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {proof}\nexit 0\n")
    evil.chmod(0o755)
    for hook in (
        "pre-commit",
        "post-commit",
        "commit-msg",
        "post-checkout",
        "reference-transaction",
        "post-index-change",
    ):
        (repo / ".git" / "hooks").mkdir(exist_ok=True)
        os.symlink(evil, repo / ".git" / "hooks" / hook)
    for key in ("core.fsmonitor", "core.pager", "core.editor", "sequence.editor", "diff.external", "core.askPass"):
        git(repo, "config", key, str(evil))
    git(repo, "config", "pager.log", "true")
    (repo / "a.txt").write_text("changed\n")
    runner = Git(cwd=repo)
    await runner.run("status", "--porcelain=v2")
    await runner.run("log")
    await runner.run("add", "a.txt", writes=True)
    await runner.run("commit", "--amend", writes=True)
    await runner.run("worktree", "add", "-b", "other", str(tmp_path / "other"), writes=True)
    assert not proof.exists()
    # The same without our settings does run it, so this test can fail.
    shell(repo, "commit", "--amend", "--no-edit")
    assert proof.exists()


async def test_programs_of_the_configuration_do_not_run_unasked(repo: Path, git, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    evil = tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {proof}\nexit 0\n")
    evil.chmod(0o755)
    # a commit that says it is signed, and an alternate whose refs are asked for
    signed = git(repo, "cat-file", "commit", "HEAD").replace("\n\n", "\ngpgsig -----BEGIN PGP SIGNATURE-----\n \n\n", 1)
    (tmp_path / "object").write_text(signed + "\n")
    git(
        repo,
        "update-ref",
        "refs/heads/signed",
        git(repo, "hash-object", "-t", "commit", "-w", str(tmp_path / "object")),
    )
    git(tmp_path, "init", "--quiet", "--bare", "alternate")
    git(tmp_path, "clone", "--quiet", str(repo), "newer")
    git(tmp_path / "newer", "commit", "--quiet", "--allow-empty", "-m", "newer")
    (repo / ".git/objects/info/alternates").write_text(f"{tmp_path}/alternate/objects\n")
    settings = {"gpg.program": str(evil), "log.showSignature": "true", "core.alternateRefsCommand": str(evil)}
    for name, value in settings.items():
        git(repo, "config", name, value)
    for plain in (("log", "signed"), ("fetch", str(tmp_path / "newer"), "HEAD")):
        await Git(cwd=repo).run(*plain, writes=True)
        assert not proof.exists(), plain
        # The same without our settings does run it, so this test can fail.
        shell(repo, *plain)
        assert proof.exists(), plain
        proof.unlink()


async def test_the_callers_environment_does_not_lead_git_elsewhere(
    repo: Path, tmp_path: Path, git, monkeypatch: pytest.MonkeyPatch
) -> None:
    other = tmp_path / "elsewhere"
    git(tmp_path, "init", "--quiet", str(other))
    monkeypatch.setenv("GIT_DIR", str(other / ".git"))
    monkeypatch.setenv("GIT_INDEX_FILE", str(other / "index"))
    monkeypatch.setenv("GIT_CONFIG_COUNT", "1")
    monkeypatch.setenv("GIT_CONFIG_KEY_0", "core.bare")
    monkeypatch.setenv("GIT_CONFIG_VALUE_0", "true")
    monkeypatch.setenv("NEXUS_TOKEN", "s3cret")
    output = await Git(cwd=repo).run("rev-parse", "--absolute-git-dir", "--is-bare-repository")
    assert output.stdout.decode().split() == [str(repo / ".git"), "false"]
    assert "NEXUS_TOKEN" not in Git(cwd=repo)._environment(False)


async def test_a_lock_file_is_named_and_left_alone(repo: Path) -> None:
    lock = repo / ".git" / "index.lock"
    lock.touch()
    (repo / "a.txt").write_text("x\n")
    with pytest.raises(GitFailed) as caught:
        await Git(cwd=repo).run("add", "a.txt", writes=True, patience=0.1)
    assert str(lock) in caught.value.hint
    assert lock.exists()


async def test_a_short_lock_is_waited_for(repo: Path) -> None:
    lock = repo / ".git" / "index.lock"
    lock.touch()
    (repo / "a.txt").write_text("x\n")
    task = asyncio.create_task(Git(cwd=repo).run("add", "a.txt", writes=True, patience=30.0))
    asyncio.get_running_loop().call_later(0.1, lock.unlink)
    assert (await task).code == 0


async def test_reading_takes_no_lock(repo: Path) -> None:
    (repo / ".git" / "index.lock").touch()
    os.utime(repo / "a.txt")
    assert (await Git(cwd=repo).run("status", "--porcelain=v2")).stdout == b""


async def test_a_missing_directory_is_named(tmp_path: Path) -> None:
    with pytest.raises(GitFailed, match="missing"):
        await Git(cwd=tmp_path / "gone").run("status")


async def test_a_missing_git_is_named(repo: Path, monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    monkeypatch.setenv("PATH", str(tmp_path))
    with pytest.raises(GitFailed) as caught:
        await Git(cwd=repo).run("status")
    assert "not installed" in caught.value.message
    assert "apt install git" in caught.value.hint


async def test_a_remote_helper_does_not_run(repo: Path, tmp_path: Path) -> None:
    proof = tmp_path / "proof"
    output = await Git(cwd=repo).run(
        "-c", "protocol.ext.allow=always", "ls-remote", "--end-of-options", f"ext::sh -c touch% {proof}", ok=None
    )
    assert output.code != 0
    assert not proof.exists()


async def test_a_held_pipe_does_not_hold_the_answer(repo: Path, git, tmp_path: Path) -> None:
    marker = str(tmp_path / "daemonised")
    script = tmp_path / "leaves.sh"
    script.write_text(f"#!/bin/sh\necho said\n(sh -c 'sleep 300; : {marker}') &\n")
    script.chmod(0o755)
    git(repo, "config", "alias.leaves", f"!{script}")
    async with asyncio.timeout(30):
        output = await Git(cwd=repo).run("leaves")
    assert output.stdout == b"said\n"
    assert await asyncio.to_thread(wait_until, lambda: processes_of(marker) == [])


def test_credentials_do_not_reach_messages() -> None:
    error = failure("fetch", Output(128, b"", "fatal: no"))
    assert error.message == "git fetch failed: fatal: no"


async def test_messages_are_redacted(repo: Path) -> None:
    output = await Git(cwd=repo).run("fetch", "https://me:s3cret@localhost:1/x", ok=None, timeout=20)
    assert output.code != 0
    assert "s3cret" not in output.stderr
    assert "localhost:1" in output.stderr


def test_a_full_disk_is_its_own_error() -> None:
    error = failure("fetch", Output(128, b"", "fatal: write error: No space left on device"))
    assert error.name == "storage_full"
