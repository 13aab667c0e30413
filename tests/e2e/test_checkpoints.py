"""Checkpoints on a real daemon: everything that a workspace was comes back, and nothing is lost on the way."""

from __future__ import annotations

import os
import socket
import stat
from pathlib import Path
from typing import Any

import pytest
from daemon_process import git
from world import World, tree


def untimed(root: Path) -> dict[str, tuple[Any, ...]]:
    """`tree` without the size of directories, and without sockets, which no copy holds."""
    found = {path: facts for path, facts in tree(root).items() if not stat.S_ISSOCK(facts[0]) and path != ".git"}
    return {path: (facts[0], facts[2], facts[3]) if stat.S_ISDIR(facts[0]) else facts for path, facts in found.items()}


def status(worktree: Path) -> str:
    return git("status", "--porcelain", "--ignored", cwd=worktree)


def fill(worktree: Path) -> None:
    """Make one of everything: staged, changed, untracked, ignored, links, a FIFO, modes, holes, a second name."""
    (worktree / ".gitignore").write_text("ignored/\n")
    (worktree / "staged.txt").write_text("staged\n")
    git("add", "staged.txt", ".gitignore", cwd=worktree)
    (worktree / "staged.txt").write_text("staged, then changed\n")
    (worktree / "README.md").write_text("changed\n")
    (worktree / "untracked.txt").write_text("untracked\n")
    (worktree / "ignored" / "deep").mkdir(parents=True)
    (worktree / "ignored" / "deep" / "built.o").write_bytes(os.urandom(70_000))
    (worktree / "ignored" / "tool").write_text("#!/bin/sh\n")
    (worktree / "ignored" / "tool").chmod(0o755)
    (worktree / "ignored" / "link").symlink_to("deep/built.o")
    (worktree / "ignored" / "outside").symlink_to("/etc/passwd")
    os.link(worktree / "ignored" / "tool", worktree / "ignored" / "second name")
    os.mkfifo(worktree / "ignored" / "fifo", 0o640)
    with (worktree / "ignored" / "sparse").open("wb") as file:
        file.truncate(1 << 40)
        file.seek(1 << 30)
        file.write(b"in the middle of nothing")
    (worktree / "ignored" / "closed").mkdir()
    (worktree / "ignored" / "closed" / "inside").write_text("hidden\n")
    (worktree / "ignored" / "closed" / "inside").chmod(0)
    (worktree / "ignored" / "closed").chmod(0)


def test_everything_comes_back(world: World) -> None:
    made = world.workspace()
    worktree, call = Path(made["worktree"]), world.daemon.call
    fill(worktree)
    with socket.socket(socket.AF_UNIX) as listener:
        listener.bind(str(worktree / "ignored" / "s"))
        process = call("exec.start", workspace=made["id"], argv=["sleep", "600"])["id"]
        files, state, head = untimed(worktree), status(worktree), git("rev-parse", "HEAD", cwd=worktree)
        saved = call("checkpoint.create", workspace=made["id"], name="good", comment="before the change")["checkpoint"]
    assert call("exec.get", process=process)["state"] == "running", "it went on"
    assert (saved["state"], saved["name"], saved["automatic"], saved["skipped"]) == ("ready", "good", False, 1)
    assert saved["commit"] == head
    assert saved["files"] == len(files)
    assert 70_000 < saved["size"] < 10_000_000, "a hole takes no room"

    git("commit", "-qam", "later", cwd=worktree)
    later = git("rev-parse", "HEAD", cwd=worktree)
    (worktree / "untracked.txt").unlink()
    (worktree / "later.txt").write_text("made later\n")
    done = call("checkpoint.restore", workspace=made["id"], checkpoint="good")
    assert done["workspace"]["state"] == "running"
    assert done["before"]["name"] == "before restore of good"
    assert (done["before"]["state"], done["before"]["automatic"], done["before"]["commit"]) == ("ready", True, later)
    assert untimed(worktree) == files
    assert status(worktree) == state
    assert git("rev-parse", "HEAD", cwd=worktree) == head
    assert git("symbolic-ref", "HEAD", cwd=worktree) == f"refs/heads/{made['branch']}"
    assert (worktree / "ignored" / "tool").stat().st_ino == (worktree / "ignored" / "second name").stat().st_ino
    assert call("exec.get", process=process)["state"] != "running"
    assert git("worktree", "list", "--porcelain", cwd=world.repository).count(str(worktree)) == 1
    assert sorted(path.name for path in worktree.parent.iterdir()) == [made["name"]]

    git("gc", "--quiet", "--prune=now", cwd=world.repository)
    call("checkpoint.restore", workspace=made["id"], checkpoint=done["before"]["id"])
    assert git("rev-parse", "HEAD", cwd=worktree) == later
    assert (worktree / "later.txt").read_text() == "made later\n"
    git("fsck", "--no-dangling", cwd=world.repository)


def test_what_was_staged_outlives_a_collection(world: World) -> None:
    made = world.workspace()
    worktree, call = Path(made["worktree"]), world.daemon.call
    (worktree / "only-staged.txt").write_text("exists nowhere else\n")
    git("add", "only-staged.txt", cwd=worktree)
    (worktree / "only-staged.txt").unlink()
    saved = call("checkpoint.create", workspace=made["id"])["checkpoint"]
    assert saved["name"] == "checkpoint 1"
    git("rm", "-q", "--cached", "only-staged.txt", cwd=worktree)
    git("reflog", "expire", "--expire=now", "--all", cwd=world.repository)
    git("gc", "--quiet", "--prune=now", cwd=world.repository)
    call("checkpoint.restore", workspace=made["id"], checkpoint=saved["id"])
    assert git("show", ":only-staged.txt", cwd=worktree) == "exists nowhere else"


@pytest.mark.parametrize("of", ["checkpoint", "workspace"])
def test_a_fork_stands_by_itself(world: World, of: str) -> None:
    made = world.workspace(env={"FROM": "source", "BOTH": "source"}, ports=["extra"])
    worktree, call = Path(made["worktree"]), world.daemon.call
    fill(worktree)
    process = call("exec.start", workspace=made["id"], argv=["sleep", "600"])["id"]
    files, state = untimed(worktree), status(worktree)
    if of == "checkpoint":
        source = {"checkpoint": call("checkpoint.create", workspace=made["id"])["checkpoint"]["id"]}
        (worktree / "README.md").write_text("changed after the checkpoint\n")
    else:
        source = {"workspace": made["name"]}
    done = call("checkpoint.fork", **source, name=f"fork-of-{of}", env={"BOTH": "fork"})
    fork = done["workspace"]
    copy = Path(fork["worktree"])
    assert (fork["state"], fork["branch"]) == ("running", f"nexus/fork-of-{of}")
    assert fork["env"] == {"FROM": "source", "BOTH": "fork"}
    assert {port["name"] for port in fork["ports"]} == {port["name"] for port in made["ports"]}
    assert not {port["port"] for port in fork["ports"]} & {port["port"] for port in made["ports"]}
    assert untimed(copy) == files
    assert status(copy) == state
    assert git("symbolic-ref", "HEAD", cwd=copy) == f"refs/heads/{fork['branch']}"
    assert call("exec.get", process=process)["state"] == "running"
    assert "operation" not in call("workspace.get", workspace=made["id"])
    left = call("checkpoint.list", workspace=made["id"])["checkpoints"]
    assert len(left) == (1 if of == "checkpoint" else 0), "what was only made for the fork went with it"

    git("commit", "-qam", "in the fork", cwd=copy)
    gone = call("workspace.destroy", workspace=made["id"], force=True)
    assert gone.get("checkpoints", 0) == len(left)
    assert call("exec.run", workspace=fork["id"], argv=["cat", "untracked.txt"])["stdout"]["text"] == "untracked\n"
    assert git("log", "-1", "--format=%s", cwd=copy) == "in the fork"


def test_nothing_stays_of_a_removed_one(world: World) -> None:
    made, call = world.workspace(), world.daemon.call
    place = world.daemon.home / "state" / "checkpoints"
    before = sorted(os.listdir(place)) if place.exists() else []
    saved = call("checkpoint.create", workspace=made["id"], name="short-lived")["checkpoint"]
    assert sorted(os.listdir(place)) == sorted([*before, saved["id"]])
    assert stat.S_IMODE(place.stat().st_mode) == stat.S_IMODE((place / saved["id"]).stat().st_mode) == 0o700
    assert saved["id"] in git("for-each-ref", "refs/nexus", cwd=world.repository)
    removed = call("checkpoint.remove", checkpoint=saved["id"])
    assert removed["checkpoint"]["state"] == "removed"
    assert sorted(os.listdir(place)) == before
    assert saved["id"] not in git("for-each-ref", "refs/nexus", cwd=world.repository)
    assert call("checkpoint.list", workspace=made["id"])["checkpoints"] == []
    again = world.daemon.rpc("checkpoint.remove", checkpoint=saved["id"])
    assert again["error"]["data"]["name"] == "checkpoint_not_found"
    call("checkpoint.create", workspace=made["id"], name="short-lived")
