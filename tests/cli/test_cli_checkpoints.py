"""`boulder checkpoint`, as a program of its own, against a real daemon."""

from __future__ import annotations

from pathlib import Path

WORKTREE = Path(".nexus/worktrees/work")


def test_a_life_of_checkpoints(boulder) -> None:
    file = boulder.cwd / WORKTREE / "notes.txt"
    file.write_text("first\n")
    saved = boulder.json("checkpoint", "create", "work", "--name", "first draft", "-m", "before the rewrite")
    assert (saved["checkpoint"]["name"], saved["checkpoint"]["comment"]) == ("first draft", "before the rewrite")
    file.write_text("second\n")
    said = boulder.ok("checkpoint", "create", "work")
    assert said.startswith("checkpoint 1 of work is saved\n") and "  size    " in said

    lines = boulder.ok("checkpoint", "ls", "work").splitlines()
    assert lines[0].split() == ["CHECKPOINT", "WORKSPACE", "NAME", "STATE", "SIZE", "COMMIT", "MADE", "COMMENT"]
    assert [line.split()[0] for line in lines[1:]] == boulder.ok("checkpoint", "list", "-q").split()
    assert "first draft" in lines[2] and "before the rewrite" in lines[2] and "ready" in lines[2]
    listed = boulder.json("checkpoint", "ls")["checkpoints"]
    assert [item["name"] for item in listed] == ["checkpoint 1", "first draft"]

    said = boulder.ok("checkpoint", "restore", "work", "first draft")
    assert said.splitlines()[0] == "work is what it was at first draft, and running"
    assert said.splitlines()[1].endswith("  before restore of first draft")
    assert file.read_text() == "first\n"
    before = boulder.ok("checkpoint", "restore", "checkpoint 1", "-q", cwd=boulder.cwd / WORKTREE).strip()
    assert before.startswith("cp_") and file.read_text() == "second\n"

    made = boulder.json("checkpoint", "fork", "work", "other", "--at", "first draft", "-e", "A=1", "-l", "b=2")
    fork = made["workspace"]
    assert (fork["state"], fork["env"], fork["labels"]) == ("running", {"A": "1"}, {"b": "2"})
    assert boulder.ok("exec", "other", "--", "sh", "-c", "cat notes.txt; echo $A") == "first\n1\n"
    shown = boulder.ok("checkpoint", "fork", "work", "now", "--no-start")
    assert shown.splitlines()[0] == "now is stopped"
    assert (boulder.cwd / ".nexus/worktrees/now/notes.txt").read_text() == "second\n"

    assert boulder.ok("checkpoint", "remove", "work", "first draft") == "first draft of work is removed\n"
    assert boulder.ok("checkpoint", "rm", before, "-q").strip() == before
    operation = boulder.ok("checkpoint", "create", "work", "--no-wait", "-q")
    assert operation.startswith("cp_")
    for name in ("other", "now"):
        boulder.ok("down", name, "--force")


def test_what_goes_wrong_is_said(boulder) -> None:
    boulder.ok("up", "wrong")
    boulder.ok("checkpoint", "create", "wrong", "-n", "one")
    taken = boulder("checkpoint", "create", "wrong", "-n", "one")
    assert taken.returncode == 5 and b"has a checkpoint named 'one'" in taken.stderr
    for arguments in (("restore", "wrong", "two"), ("remove", "wrong", "two"), ("fork", "wrong", "x", "--at", "two")):
        missing = boulder("checkpoint", *arguments)
        assert missing.returncode == 3 and b"two" in missing.stderr, arguments
    assert boulder("checkpoint", "restore", "wrong", "with", "blanks").returncode == 2
    assert boulder("checkpoint", "ls", "nobody").returncode == 3
    assert boulder("checkpoint", "fork", "wrong", "work").returncode == 5
    assert boulder.ok("down", "wrong", "--force").splitlines() == ["wrong is gone", "  gone    1 checkpoint of it"]
