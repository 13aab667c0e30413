"""Checkpoints on a real daemon: everything that a workspace was comes back, and nothing is lost on the way."""

from __future__ import annotations

import os
import shutil
import socket
import stat
import subprocess
import time
from pathlib import Path
from typing import Any

import pytest
from daemon_process import git, make_repository
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


@pytest.mark.parametrize("bit", ["assume-unchanged", "skip-worktree"])
def test_an_edit_that_git_was_told_not_to_see_is_saved_and_kept(world: World, bit: str) -> None:
    made = world.workspace()
    worktree, call = Path(made["worktree"]), world.daemon.call
    good = call("checkpoint.create", workspace=made["id"])["checkpoint"]["id"]
    git("update-index", f"--{bit}", "README.md", cwd=worktree)
    (worktree / "README.md").write_text("mine\n")
    assert status(worktree) == ""
    refused = world.daemon.rpc("workspace.destroy", workspace=made["id"])["error"]["data"]
    assert (refused["name"], refused["details"]["files"]) == ("workspace_dirty", ["README.md"])
    before = call("checkpoint.restore", workspace=made["id"], checkpoint=good)["before"]["id"]
    assert (worktree / "README.md").read_text() != "mine\n"
    call("checkpoint.restore", workspace=made["id"], checkpoint=before)
    assert ((worktree / "README.md").read_text(), status(worktree)) == ("mine\n", "")
    assert world.daemon.rpc("workspace.destroy", workspace=made["id"])["error"]["data"]["name"] == "workspace_dirty"
    call("workspace.destroy", workspace=made["id"], force=True)


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


def test_a_state_in_progress_comes_back(world: World) -> None:
    """A merge with conflicts, on the workspace's own branch."""
    made = world.workspace()
    worktree, call = Path(made["worktree"]), world.daemon.call
    git("checkout", "-qb", "side-of-merge", cwd=worktree)
    (worktree / "README.md").write_text("theirs\n")
    git("commit", "-qam", "theirs", cwd=worktree)
    git("checkout", "-q", made["branch"], cwd=worktree)
    (worktree / "README.md").write_text("ours\n")
    git("commit", "-qam", "ours", cwd=worktree)
    with pytest.raises(subprocess.CalledProcessError):
        git("merge", "side-of-merge", cwd=worktree)
    state, conflict = status(worktree), (worktree / "README.md").read_text()
    assert "<<<<<<<" in conflict
    saved = call("checkpoint.create", workspace=made["id"])["checkpoint"]
    git("merge", "--abort", cwd=worktree)
    git("branch", "-qD", "side-of-merge", cwd=worktree)
    git("reflog", "expire", "--expire=now", "--all", cwd=world.repository)
    git("gc", "--quiet", "--prune=now", cwd=world.repository)
    call("checkpoint.restore", workspace=made["id"], checkpoint=saved["id"])
    assert (status(worktree), (worktree / "README.md").read_text()) == (state, conflict)
    (worktree / "README.md").write_text("both\n")
    git("commit", "-qam", "merged", cwd=worktree)
    assert len(git("rev-parse", "HEAD^1", "HEAD^2", cwd=worktree).split()) == 2


@pytest.mark.parametrize("moved", [False, True])
def test_a_branch_of_others_is_never_moved(world: World, moved: bool) -> None:
    made = world.workspace()
    worktree, call, name = Path(made["worktree"]), world.daemon.call, f"of-others-{moved}"
    git("checkout", "-qb", name, cwd=worktree)
    before = git("rev-parse", "HEAD", cwd=worktree)
    saved = call("checkpoint.create", workspace=made["id"])["checkpoint"]
    assert (saved["branch"], saved["commit"]) == (name, before)
    git("checkout", "-q", made["branch"], cwd=worktree)
    if moved:
        git("commit", "-q", "--allow-empty", "-m", "by somebody else", cwd=worktree)
        git("branch", "-qf", name, "HEAD", cwd=worktree)
    there = git("rev-parse", name, cwd=worktree)
    call("checkpoint.restore", workspace=made["id"], checkpoint=saved["id"])
    assert git("rev-parse", name, cwd=worktree) == there
    assert git("rev-parse", "HEAD", cwd=worktree) == before
    assert git("rev-parse", "--abbrev-ref", "HEAD", cwd=worktree) == ("HEAD" if moved else name)


def test_submodules_of_a_fork_are_its_own(world: World) -> None:
    inner = make_repository(world.folder / "inner")
    made = world.workspace()
    worktree, call = Path(made["worktree"]), world.daemon.call
    git("-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(inner), "lib/inner", cwd=worktree)
    git("commit", "-qm", "with a submodule", cwd=worktree)
    (worktree / "lib" / "inner" / "work.txt").write_text("uncommitted\n")
    fork = Path(call("checkpoint.fork", workspace=made["id"], name="with-submodule")["workspace"]["worktree"])
    place = fork / "lib" / "inner"
    assert Path(git("rev-parse", "--show-toplevel", cwd=place)) == place
    assert "with-submodule" in git("rev-parse", "--absolute-git-dir", cwd=place)
    git("add", "work.txt", cwd=place)
    git("commit", "-qm", "in the fork alone", cwd=place)
    assert git("log", "-1", "--format=%s", cwd=worktree / "lib" / "inner") != "in the fork alone"
    assert status(worktree / "lib" / "inner") == "?? work.txt"


@pytest.mark.parametrize("was", ["running", "paused", "stopped"])
def test_a_workspace_stays_what_it_is_while_it_is_saved(world: World, was: str) -> None:
    made, call = world.workspace(), world.daemon.call
    process = call("exec.start", workspace=made["id"], argv=["sleep", "600"])
    if was != "running":
        call({"paused": "workspace.pause", "stopped": "workspace.stop"}[was], workspace=made["id"])

    def frozen() -> bool:
        return "(stopped)" in Path(f"/proc/{process['pid']}/status").read_text()

    saved = call("checkpoint.create", workspace=made["id"])["checkpoint"]
    assert call("workspace.get", workspace=made["id"])["state"] == was
    if was != "stopped":
        assert frozen() == (was == "paused")
    done = call("checkpoint.restore", workspace=made["id"], checkpoint=saved["id"])
    assert done["workspace"]["state"] == ("running" if was == "running" else "stopped")


def test_refusals_say_why(world: World) -> None:
    made, other, rpc = world.workspace(), world.workspace(), world.daemon.rpc
    saved = world.daemon.call("checkpoint.create", workspace=made["id"], name="one")["checkpoint"]

    def refusal(method: str, **params: object) -> tuple[str, dict[str, Any]]:
        data = rpc(method, **params)["error"]["data"]
        return data["name"], data.get("details", {})

    assert refusal("checkpoint.create", workspace=made["id"], name="one")[0] == "checkpoint_exists"
    assert refusal("checkpoint.restore", workspace=made["id"], checkpoint="two")[0] == "checkpoint_not_found"
    elsewhere = refusal("checkpoint.restore", workspace=other["id"], checkpoint=saved["id"])
    assert elsewhere == ("checkpoint_elsewhere", {"checkpoint": saved["id"], "workspace": made["id"]})
    assert refusal("checkpoint.fork", name="x")[0] == "invalid_params"
    assert refusal("checkpoint.fork", name="x", checkpoint=saved["id"], workspace=made["id"])[0] == "invalid_params"
    assert refusal("checkpoint.fork", name=made["name"], checkpoint=saved["id"])[0] == "workspace_exists"
    assert refusal("checkpoint.list", cursor="nonsense")[0] == "invalid_params"
    deep = Path(made["worktree"])
    for _ in range(140):
        deep = deep / "d"
    deep.mkdir(parents=True)
    name, details = refusal("checkpoint.create", workspace=made["id"])
    assert (name, details["reason"]) == ("checkpoint_impossible", "nested deeper than 128 levels")
    shutil.rmtree(Path(made["worktree"]) / "d")
    copy = world.daemon.home / "state" / "checkpoints" / saved["id"]
    (copy / "tree" / "README.md").unlink()
    before = untimed(Path(made["worktree"]))
    for method, params in (("fork", {"name": "damaged"}), ("restore", {"workspace": made["id"]})):
        name, details = refusal(f"checkpoint.{method}", checkpoint=saved["id"], **params)
        assert (name, details) == ("checkpoint_damaged", {"checkpoint": saved["id"], "missing": "files"})
    assert untimed(Path(made["worktree"])) == before
    left = world.daemon.call("checkpoint.list", workspace=made["id"])["checkpoints"]
    assert [item["name"] for item in left] == ["one"], "nothing stays of what failed"
    assert world.daemon.call("workspace.get", workspace=made["id"])["state"] == "running"


def test_pages_and_progress_and_keys(world: World) -> None:
    made, call = world.workspace(), world.daemon.call
    for number in range(3):
        call("checkpoint.create", workspace=made["id"], name=f"number {number}", key=f"key-{number}")
        again = call("checkpoint.create", workspace=made["id"], name=f"number {number}", key=f"key-{number}")
        assert again["checkpoint"]["name"] == f"number {number}"
    names, cursor = [], {}
    while True:
        page = call("checkpoint.list", workspace=made["name"], limit=2, **cursor)
        names += [item["name"] for item in page["checkpoints"]]
        if "next_cursor" not in page:
            break
        cursor = {"cursor": page["next_cursor"]}
    assert names == ["number 2", "number 1", "number 0"]
    begun = call("checkpoint.create", workspace=made["id"], wait=False)
    assert begun["operation"]["kind"] == "checkpoint"
    ended = call("operation.wait", operation=begun["operation"]["id"])
    assert [step["name"] for step in ended["steps"]] == ["room", "freeze", "files", "image", "thaw", "keep"]
    assert ended["state"] == "done"


def test_a_worktree_that_was_removed_by_hand_comes_back(world: World) -> None:
    made, call = world.workspace(), world.daemon.call
    worktree = Path(made["worktree"])
    fill(worktree)
    files, state = untimed(worktree), status(worktree)
    saved = call("checkpoint.create", workspace=made["id"])["checkpoint"]
    shutil.rmtree(worktree)
    done = call("checkpoint.restore", workspace=made["id"], checkpoint=saved["id"])
    assert (untimed(worktree), status(worktree)) == (files, state)
    assert done["before"]["files"] == 0
    assert call("exec.run", workspace=made["id"], argv=["cat", "untracked.txt"])["stdout"]["text"] == "untracked\n"


def test_a_daemon_that_stops_meanwhile_leaves_nothing_frozen(tmp_path: Path) -> None:
    """The copy is interrupted; what runs goes on without a daemon, and the next one makes the checkpoint."""
    world = World(tmp_path, settings=["daemon.drain_timeout=0s"])
    call = world.daemon.start().call
    try:
        made = world.workspace()
        worktree = Path(made["worktree"])
        for number in range(6000):
            folder = worktree / "many" / str(number % 50)
            folder.mkdir(parents=True, exist_ok=True)
            (folder / str(number)).write_text("x")
        process = call("exec.start", workspace=made["id"], argv=["sleep", "600"])
        begun = call("checkpoint.create", workspace=made["id"], wait=False)["checkpoint"]
        partial = world.daemon.home / "state" / "checkpoints" / f"{begun['id']}.new" / "tree" / "many"
        deadline = time.monotonic() + 20
        while not partial.exists():
            assert time.monotonic() < deadline
        assert world.daemon.stop(keep=True) == 0, world.daemon.log[-2000:]
        assert "(sleeping)" in Path(f"/proc/{process['pid']}/status").read_text()
        world.daemon.start()
        [operation] = [
            one for one in call("operation.list", workspace=made["id"])["operations"] if one["kind"] != "create"
        ]
        assert call("operation.wait", operation=operation["id"])["state"] == "done"
        [saved] = call("checkpoint.list")["checkpoints"]
        assert (saved["state"], saved["files"]) == ("ready", len(untimed(worktree)))
        assert call("exec.get", process=process["id"])["state"] == "running"
    finally:
        world.daemon.stop()
