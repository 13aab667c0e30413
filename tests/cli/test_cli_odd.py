"""Odd surroundings: streams that are closed or full, a directory that has gone, names that are not UTF-8."""

from __future__ import annotations

import os
import subprocess
import sys
from pathlib import Path

import pytest


def in_shell(boulder, script: str) -> subprocess.CompletedProcess[bytes]:
    """Run a line of the shell in which ``"$@"`` is `boulder`."""
    return subprocess.run(
        ["sh", "-c", script, "sh", *boulder.argv],
        cwd=boulder.cwd,
        env=boulder.env(),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        timeout=60,
        check=False,
    )


@pytest.mark.parametrize("closed", ["<&-", ">&-", "2>&-", "<&- >&- 2>&-"])
def test_a_closed_stream_is_no_crash(boulder, closed: str) -> None:
    done = in_shell(boulder, f'"$@" exec work -- true {closed}')
    assert (done.returncode, done.stderr) == (0, b"")
    assert in_shell(boulder, f'"$@" ls {closed}').returncode == 0


def test_control_c_while_it_is_imported(boulder) -> None:
    script = """
import sys
class Interrupts:
    def find_spec(self, name, path=None, target=None):
        if name == "click":
            raise KeyboardInterrupt
sys.meta_path.insert(0, Interrupts())
from boulder.__main__ import main
main()
"""
    done = subprocess.run(
        [sys.executable, "-c", script], env=boulder.env(), capture_output=True, timeout=60, check=False
    )
    assert (done.returncode, done.stderr) == (130, b"")


@pytest.mark.skipif(not Path("/dev/full").exists(), reason="no /dev/full here")
def test_a_full_disk_is_told_once(boulder) -> None:
    done = in_shell(boulder, '"$@" ls >/dev/full')
    assert done.returncode == 1
    assert done.stderr == b"error: No space left on device\n"


def test_a_directory_that_has_gone(boulder) -> None:
    done = in_shell(boulder, 'mkdir gone && cd gone && rmdir ../gone && "$@" up x')
    assert done.returncode == 1 and b"the current directory has been removed" in done.stderr
    assert in_shell(boulder, 'mkdir gone && cd gone && rmdir ../gone && "$@" exec work -- true').returncode == 0


def test_a_name_that_is_not_utf8(boulder, tmp_path: Path) -> None:
    worktree = os.fsencode(boulder.cwd / ".nexus" / "worktrees" / "work")
    odd = worktree + b"/caf\xe9"
    with open(odd, "wb") as file:
        file.write(b"x")
    try:
        done = boulder("exec", "work", "--", "cat", os.fsdecode(b"caf\xe9"))
        assert done.returncode == 125 and rb"caf\xe9' is not UTF-8" in done.stderr
        assert boulder("cp", "work:" + os.fsdecode(b"caf\xe9"), str(tmp_path / "x")).returncode == 2
        done = boulder("cp", "-r", "work:.", str(tmp_path / "all"))
        assert done.returncode == 1 and b"left out: caf" in done.stderr
        assert (tmp_path / "all" / "README.md").exists()
        (tmp_path / "there").mkdir()
        assert boulder("cp", "-r", "work:.", str(tmp_path / "there")).returncode == 1
        assert (tmp_path / "there" / "README.md").exists()
    finally:
        os.unlink(odd)


def test_a_token_is_given_for_a_workspace_by_its_name(boulder) -> None:
    made = boulder.json("token", "create", "-w", "work")
    assert made["info"]["workspaces"] == [boulder.json("ws", "get", "work")["id"]]
    assert boulder("token", "create", "-w", "nowhere").returncode == 3


def test_operations_name_their_workspaces(boulder) -> None:
    listed = boulder.ok("operation", "ls", "work").splitlines()
    assert listed[1].split()[1:3] == ["create", "work"]


def test_a_port_is_missing_not_the_workspace(boulder) -> None:
    done = boulder("port", "forward", "work")
    assert done.returncode == 2 and b"which port of work? It has" in done.stderr


def test_why_nothing_answers(boulder) -> None:
    done = boulder("ls", NEXUS_URL="unix:/nowhere/at/all")
    assert done.returncode == 6 and b"unix:/nowhere/at/all: No such file or directory" in done.stderr
