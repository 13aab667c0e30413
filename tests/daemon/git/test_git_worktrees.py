"""Worktrees: made, resumed after a kill at any moment, inspected, removed."""

from __future__ import annotations

import asyncio
import os
import secrets
import shutil
import signal
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path

import pytest
from nexus_sdk.protocol.errors import BranchExists, DeadlineExceeded, GitFailed, RepositoryUnusable
from nexusd.files.stage import UPLOAD, temporary_name
from nexusd.git import worktrees
from nexusd.git.layout import Checkout, common_dir, entries
from nexusd.git.locks import locked
from nexusd.git.status import read_status
from nexusd.git.worktrees import check_free, create, delete_branch, inspect_work, list_worktrees, prune, remove

BRANCH = "nexus/w"
SCRIPT = """
import asyncio, sys
from pathlib import Path
from nexusd.git import worktrees
verb, repo, worktree, commit = sys.argv[1:]
if verb == "remove":
    asyncio.run(worktrees.remove(Path(repo), Path(worktree), force=True))
else:
    asyncio.run(worktrees.create(Path(repo), Path(worktree), "nexus/w", commit, resume=verb == "resume"))
"""


def wait_until(true: Callable[[], bool], seconds: float = 30.0) -> bool:
    end = time.monotonic() + seconds
    while not true():
        if time.monotonic() > end:
            return False
        time.sleep(0.01)
    return True


@pytest.fixture
def place(repo: Path) -> Path:
    return repo / ".nexus" / "worktrees" / "w"


@pytest.fixture
def commit(repo: Path, git) -> str:
    return git(repo, "rev-parse", "main")


def assert_whole(repo: Path, place: Path, commit: str, git) -> None:
    """The worktree is complete, clean, on its branch, and the repository knows exactly it and the main one."""
    assert git(place, "rev-parse", "HEAD") == commit
    assert git(place, "symbolic-ref", "HEAD") == f"refs/heads/{BRANCH}"
    assert git(place, "status", "--porcelain") == ""
    assert (place / "a.txt").read_text() == "one\ntwo\nthree\nfour\n"
    assert [entry.name for entry in entries(common_dir(repo))] == ["w"]
    assert sorted(os.listdir(place.parent)) == ["w"]
    git(repo, "fsck", "--strict")


def assert_gone(repo: Path, place: Path, git) -> None:
    """Nothing is left of the worktree; the branch may be."""
    assert not place.parent.exists() or os.listdir(place.parent) == []
    assert entries(common_dir(repo)) == []
    assert git(repo, "worktree", "list", "--porcelain").count("worktree ") == 1


# -- make and remove ---------------------------------------------------------------------------------------------


async def test_a_worktree_is_made_and_removed(repo: Path, place: Path, commit: str, git) -> None:
    await check_free(repo, place, BRANCH)
    assert await create(repo, place, BRANCH, commit) == place
    assert_whole(repo, place, commit, git)
    assert git(repo, "status", "--porcelain") == "", "the main worktree sees nothing of it"
    assert git(repo, "diff", "HEAD", "--name-only") == ""
    await remove(repo, place)
    assert_gone(repo, place, git)
    assert await delete_branch(repo, BRANCH)
    assert git(repo, "branch", "--list", "nexus/*") == ""
    await remove(repo, place)
    assert not await delete_branch(repo, BRANCH)


async def test_the_exclusion_is_written_once(repo: Path, place: Path, commit: str) -> None:
    exclude = repo / ".git" / "info" / "exclude"
    exclude.write_text("mine")
    await create(repo, place, BRANCH, commit)
    await create(repo, place.with_name("v"), "nexus/v", commit)
    lines = exclude.read_text().splitlines()
    assert lines[:2] == ["mine", ".nexus/"] and len(lines) == len(set(lines)) == 4


@pytest.mark.parametrize("bare", [False, True])
async def test_files_under_way_are_hidden_from_git(repo: Path, place: Path, commit: str, git, bare: bool) -> None:
    if bare:
        git(repo.parent, "clone", "--quiet", "--bare", "--template=", str(repo), "bare.git")
        repo, place = repo.parent / "bare.git", repo.parent / "worktrees" / "w"
    await create(repo, place, BRANCH, commit)
    for name in (temporary_name(), UPLOAD + secrets.token_hex(16)):
        (place / "sub" / name).write_text("half")
    (place / ".nexus-tmp-notes").write_text("somebody's own")
    status = await read_status(Checkout.find(repo, place))
    assert [file.path for file in status.files] == [".nexus-tmp-notes"]


async def test_a_linked_exclude_file_is_not_replaced(repo: Path, place: Path, commit: str, tmp_path: Path) -> None:
    exclude = repo / ".git" / "info" / "exclude"
    shared = tmp_path / "shared-exclude"
    shared.write_text("mine\n")
    exclude.unlink()
    exclude.symlink_to(shared)
    with pytest.raises(RepositoryUnusable, match="symbolic link"):
        await create(repo, place, BRANCH, commit)
    assert shared.read_text() == "mine\n" and exclude.is_symlink()
    shared.write_text("mine\n.nexus/\n")
    await create(repo, place, BRANCH, commit)


@pytest.mark.parametrize("what", ["link", "file", "dangling", "inner link"])
async def test_a_nexus_that_is_no_directory_is_refused(
    repo: Path, place: Path, commit: str, tmp_path: Path, what: str, git
) -> None:
    outside = tmp_path / "outside"
    if what != "dangling":
        outside.mkdir()
    if what == "file":
        (repo / ".nexus").write_text("x")
    elif what == "inner link":
        (repo / ".nexus").mkdir()
        (repo / ".nexus" / "worktrees").symlink_to(outside)
    else:
        (repo / ".nexus").symlink_to(outside)
    with pytest.raises(RepositoryUnusable) as caught:
        await create(repo, place, BRANCH, commit)
    assert ".nexus" in caught.value.message
    assert not outside.exists() or os.listdir(outside) == []
    assert git(repo, "branch", "--list", BRANCH) == ""


async def test_what_exists_is_not_taken(repo: Path, place: Path, commit: str, git) -> None:
    git(repo, "branch", BRANCH, "main~1")
    for attempt in (check_free(repo, place, BRANCH), create(repo, place, BRANCH, commit)):
        with pytest.raises(BranchExists, match=BRANCH):
            await attempt
    assert git(repo, "rev-parse", BRANCH) == git(repo, "rev-parse", "main~1")
    assert not place.exists()
    git(repo, "branch", "-D", BRANCH)
    place.mkdir(parents=True)
    (place / "mine").write_text("x")
    for attempt in (check_free(repo, place, BRANCH), create(repo, place, BRANCH, commit)):
        with pytest.raises(BranchExists, match=str(place)):
            await attempt
    assert os.listdir(place) == ["mine"]
    assert git(repo, "branch", "--list", BRANCH) == ""


async def test_a_branch_named_nexus_is_in_the_way(repo: Path, place: Path, commit: str, git) -> None:
    git(repo, "branch", "nexus")
    for attempt in (check_free(repo, place, BRANCH), create(repo, place, BRANCH, commit)):
        with pytest.raises(BranchExists):
            await attempt
    with pytest.raises(BranchExists) as caught:
        await check_free(repo, place, BRANCH)
    assert "Rename the branch nexus" in caught.value.hint


async def test_submodules_are_not_fetched(repo: Path, place: Path, git, tmp_path: Path) -> None:
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(repo), str(other))
    git(repo, "-c", "protocol.file.allow=always", "submodule", "--quiet", "add", str(other), "inner")
    git(repo, "commit", "--quiet", "-m", "with a submodule")
    git(repo, "config", "submodule.recurse", "true")
    await create(repo, place, BRANCH, git(repo, "rev-parse", "HEAD"))
    assert os.listdir(place / "inner") == []
    assert (await inspect_work(repo, place, BRANCH)).changed == 0
    await remove(repo, place)
    assert_gone(repo, place, git)


async def test_twenty_at_once_in_one_repository(repo: Path, commit: str, git) -> None:
    root = repo / ".nexus" / "worktrees"
    names = [f"w{number}" for number in range(20)]
    await asyncio.gather(*(create(repo, root / name, f"nexus/{name}", commit) for name in names))
    assert sorted(os.listdir(root)) == sorted(names)
    for name in names:
        assert git(root / name, "status", "--porcelain", "--branch") == f"## nexus/{name}"
    known = await list_worktrees(repo)
    assert {info.branch for info in known} == {"main", *(f"nexus/{name}" for name in names)}
    await asyncio.gather(*(remove(repo, root / name) for name in names))
    assert await asyncio.gather(*(delete_branch(repo, f"nexus/{name}", at=commit) for name in names)) == [True] * 20
    assert_gone(repo, root / "w0", git)
    git(repo, "fsck", "--strict")


async def test_the_same_one_twice_at_once_is_made_once(repo: Path, place: Path, commit: str, git) -> None:
    done = await asyncio.gather(*(create(repo, place, BRANCH, commit) for _ in range(5)), return_exceptions=True)
    assert [result for result in done if result == place] == [place]
    assert sum(isinstance(result, BranchExists) for result in done) == 4
    assert_whole(repo, place, commit, git)


async def test_somebody_elses_work_on_it_is_waited_for_boundedly(repo: Path, place: Path, commit: str) -> None:
    place.parent.mkdir(parents=True)
    async with locked(place.with_name(".w.lock"), timeout=1, what="a test"):
        with pytest.raises(DeadlineExceeded):
            await create(repo, place, BRANCH, commit, timeout=0.05)


# -- resume ------------------------------------------------------------------------------------------------------


def leave_branch(repo: Path, place: Path, commit: str, git) -> None:
    git(repo, "branch", BRANCH, commit)


def leave_directory(repo: Path, place: Path, commit: str, git) -> None:
    place.mkdir(parents=True)
    (place / "a.txt").write_text("half")


def leave_missing(repo: Path, place: Path, commit: str, git) -> None:
    git(repo, "worktree", "add", "--quiet", "-b", BRANCH, str(place), commit)
    shutil.rmtree(place)


def leave_initializing(repo: Path, place: Path, commit: str, git) -> None:
    git(repo, "worktree", "add", "--quiet", "-b", BRANCH, str(place), commit)
    (repo / ".git" / "worktrees" / "w" / "locked").write_text("initializing")
    (place / "a.txt").unlink()


def leave_index_lock(repo: Path, place: Path, commit: str, git) -> None:
    git(repo, "worktree", "add", "--quiet", "-b", BRANCH, str(place), commit)
    (repo / ".git" / "worktrees" / "w" / "index").rename(repo / ".git" / "worktrees" / "w" / "index.lock")


def leave_bare_entry(repo: Path, place: Path, commit: str, git) -> None:
    entry = repo / ".git" / "worktrees" / "w"
    entry.mkdir(parents=True)
    (entry / "locked").write_text("initializing\n")


def leave_ref_lock(repo: Path, place: Path, commit: str, git) -> None:
    lock = repo / ".git" / "refs" / "heads" / "nexus" / "w.lock"
    lock.parent.mkdir()
    lock.touch()


def leave_removed(repo: Path, place: Path, commit: str, git) -> None:
    old = place.with_name(".removed-w-0123abcd")
    old.mkdir(parents=True)
    (old / "x").touch()


LEFTOVERS = [
    leave_branch,
    leave_directory,
    leave_missing,
    leave_initializing,
    leave_index_lock,
    leave_bare_entry,
    leave_ref_lock,
    leave_removed,
]


@pytest.mark.parametrize("leave", LEFTOVERS, ids=lambda leave: leave.__name__)
async def test_what_a_kill_leaves_is_finished(
    repo: Path, place: Path, commit: str, git, leave: Callable[..., None]
) -> None:
    leave(repo, place, commit, git)
    await create(repo, place, BRANCH, commit, resume=True)
    assert_whole(repo, place, commit, git)


@pytest.mark.parametrize("leave", LEFTOVERS, ids=lambda leave: leave.__name__)
async def test_what_a_kill_leaves_is_removed(
    repo: Path, place: Path, commit: str, git, leave: Callable[..., None]
) -> None:
    leave(repo, place, commit, git)
    await remove(repo, place, force=True)
    await delete_branch(repo, BRANCH, at=commit)
    assert not place.exists()
    assert git(repo, "branch", "--list", BRANCH) == ""
    await create(repo, place, BRANCH, commit, resume=True)
    assert_whole(repo, place, commit, git)


async def test_a_finished_one_is_left_as_it_is(repo: Path, place: Path, commit: str) -> None:
    await create(repo, place, BRANCH, commit)
    (place / "a.txt").write_text("work")
    await create(repo, place, BRANCH, commit, resume=True)
    assert (place / "a.txt").read_text() == "work"


async def test_another_branch_is_not_resumed(repo: Path, place: Path, commit: str, git) -> None:
    git(repo, "branch", BRANCH, "main~1")
    with pytest.raises(BranchExists, match="another commit"):
        await create(repo, place, BRANCH, commit, resume=True)
    assert git(repo, "rev-parse", BRANCH) == git(repo, "rev-parse", "main~1")


@pytest.mark.parametrize("name", ["git.worktree.locked", "git.worktree.registered", "git.worktree.added"])
async def test_killed_in_creation(repo: Path, place: Path, commit: str, git, name: str) -> None:
    await _killed("create", repo, place, commit, name)
    await create(repo, place, BRANCH, commit, resume=True)
    assert_whole(repo, place, commit, git)


@pytest.mark.parametrize("name", ["git.remove.renamed", "git.remove.forgotten"])
async def test_killed_in_removal(repo: Path, place: Path, commit: str, git, name: str) -> None:
    await create(repo, place, BRANCH, commit)
    await _killed("remove", repo, place, commit, name)
    await remove(repo, place, force=True)
    assert_gone(repo, place, git)


async def _killed(verb: str, repo: Path, place: Path, commit: str, failpoint: str) -> None:
    done = await asyncio.to_thread(
        subprocess.run,
        [sys.executable, "-c", SCRIPT, verb, str(repo), str(place), commit],
        env={**os.environ, "NEXUS_FAILPOINT": failpoint},
        timeout=60,
    )
    assert done.returncode == -signal.SIGKILL


@pytest.fixture
def filtered(repo: Path, git, tmp_path: Path):
    """A commit whose checkout runs a script of ours half way; gives (commit, script)."""
    script = tmp_path / "smudge.sh"
    script.write_text("#!/bin/sh\nexec cat\n")
    script.chmod(0o755)
    git(repo, "config", "filter.ours.smudge", str(script))
    (repo / ".gitattributes").write_text("sub/* filter=ours\n")
    git(repo, "add", ".")
    git(repo, "commit", "--quiet", "-m", "filtered")
    return git(repo, "rev-parse", "HEAD"), script


async def test_git_killed_half_way(repo: Path, place: Path, git, filtered: tuple[str, Path]) -> None:
    commit, script = filtered
    script.write_text("#!/bin/sh\nkill -9 0\n")  # the whole group: git worktree, git reset and this
    with pytest.raises(GitFailed, match="signal 9"):
        await create(repo, place, BRANCH, commit)
    assert (repo / ".git" / "worktrees" / "w" / "index.lock").exists(), "git was really half way"
    script.write_text("#!/bin/sh\nexec cat\n")
    await create(repo, place, BRANCH, commit, resume=True)
    assert_whole(repo, place, commit, git)


async def test_a_git_that_outlived_its_daemon_is_waited_for(
    repo: Path, place: Path, git, filtered: tuple[str, Path], tmp_path: Path
) -> None:
    commit, script = filtered
    begun, go = tmp_path / "begun", tmp_path / "go"
    script.write_text(f"#!/bin/sh\ntouch {begun}\nwhile [ ! -e {go} ]; do sleep 0.02; done\nexec cat\n")
    daemon = await asyncio.create_subprocess_exec(sys.executable, "-c", SCRIPT, "create", str(repo), str(place), commit)
    try:
        assert await asyncio.to_thread(wait_until, begun.exists)
    finally:
        daemon.kill()
        await daemon.wait()
    with pytest.raises(DeadlineExceeded):
        await create(repo, place, BRANCH, commit, resume=True, timeout=0.3)
    resumed = asyncio.create_task(create(repo, place, BRANCH, commit, resume=True))
    go.touch()
    await resumed
    assert_whole(repo, place, commit, git)


async def test_a_deadline_leaves_what_can_be_resumed(repo: Path, place: Path, git, filtered: tuple[str, Path]) -> None:
    commit, script = filtered
    script.write_text("#!/bin/sh\nsleep 300\n")
    with pytest.raises(DeadlineExceeded):
        await create(repo, place, BRANCH, commit, timeout=0.5)
    script.write_text("#!/bin/sh\nexec cat\n")
    await create(repo, place, BRANCH, commit, resume=True)
    assert_whole(repo, place, commit, git)


# -- work that would be lost ---------------------------------------------------------------------------------------


async def test_work_is_counted(repo: Path, place: Path, commit: str, git) -> None:
    await create(repo, place, BRANCH, commit)
    work = await inspect_work(repo, place, BRANCH)
    assert (work.changed, work.unpushed, work.detached, work.files, work.lost) == (0, 0, 0, [], False)
    (place / "ignored.log").write_text("x")
    for number in range(25):
        (place / f"new{number:02}").write_text("x")
    git(place, "commit", "--quiet", "--allow-empty", "-m", "mine")
    work = await inspect_work(repo, place, BRANCH)
    assert (work.changed, work.unpushed, work.detached, work.lost) == (25, 1, 0, True)
    assert work.files == [f"new{number:02}" for number in range(20)]
    assert await worktrees.branch_unique_commits(repo, BRANCH) == 1


async def test_pushed_work_is_not_unpushed(repo: Path, place: Path, commit: str, git, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    git(repo, "remote", "add", "origin", str(tmp_path / "remote.git"))
    await create(repo, place, BRANCH, commit)
    git(place, "commit", "--quiet", "--allow-empty", "-m", "mine")
    assert (await inspect_work(repo, place, BRANCH)).unpushed == 1
    git(place, "push", "--quiet", "origin", BRANCH)
    assert (await inspect_work(repo, place, BRANCH)).unpushed == 0
    assert await delete_branch(repo, BRANCH, only_if_merged=True) is False, "the worktree is on it"
    await remove(repo, place)
    assert await delete_branch(repo, BRANCH, only_if_merged=True)


async def test_work_on_another_branch_belongs_to_that_one(repo: Path, place: Path, commit: str, git) -> None:
    await create(repo, place, BRANCH, commit)
    git(place, "switch", "--quiet", "-c", "other")
    git(place, "commit", "--quiet", "--allow-empty", "-m", "mine")
    work = await inspect_work(repo, place, BRANCH)
    assert (work.unpushed, work.detached) == (0, 0)
    await remove(repo, place)
    assert git(repo, "log", "-1", "--format=%s", "other") == "mine"


async def test_commits_of_a_detached_head_would_be_lost(repo: Path, place: Path, commit: str, git) -> None:
    await create(repo, place, BRANCH, commit)
    git(place, "checkout", "--quiet", "--detach")
    git(place, "commit", "--quiet", "--allow-empty", "-m", "mine")
    work = await inspect_work(repo, place, BRANCH)
    assert (work.changed, work.unpushed, work.detached, work.lost) == (0, 1, 1, True)
    with pytest.raises(GitFailed, match="detached"):
        await remove(repo, place)
    assert place.exists()
    await remove(repo, place, force=True)
    assert_gone(repo, place, git)


async def test_a_branch_with_commits_is_kept_unless_forced(repo: Path, place: Path, commit: str, git) -> None:
    await create(repo, place, BRANCH, commit)
    git(place, "commit", "--quiet", "--allow-empty", "-m", "mine")
    await remove(repo, place)
    work = await inspect_work(repo, place, BRANCH)
    assert (work.changed, work.unpushed) == (0, 1)
    assert not await delete_branch(repo, BRANCH, only_if_merged=True)
    assert not await delete_branch(repo, BRANCH, at=commit)
    assert await delete_branch(repo, BRANCH)


@pytest.mark.parametrize("what", ["changed", "new", "staged", "locked"])
async def test_removal_keeps_work(repo: Path, place: Path, commit: str, git, what: str) -> None:
    await create(repo, place, BRANCH, commit)
    if what == "locked":
        git(repo, "worktree", "lock", "--reason", "precious", str(place))
    else:
        (place / ("a.txt" if what == "changed" else "new")).write_text("work")
        if what == "staged":
            git(place, "add", "new")
    with pytest.raises(GitFailed, match="kept"):
        await remove(repo, place)
    assert git(place, "rev-parse", "HEAD") == commit
    await remove(repo, place, force=True)
    assert_gone(repo, place, git)


async def test_files_that_resist_are_removed(repo: Path, place: Path, commit: str, git, tmp_path: Path) -> None:
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "kept").write_text("x")
    await create(repo, place, BRANCH, commit)
    cache = place / "cache.log" / "module"
    cache.mkdir(parents=True)
    (cache / "file").write_text("x")
    (cache / "link").symlink_to(outside)
    cache.chmod(0o555)
    cache.parent.chmod(0o000)
    os.mkfifo(place / "pipe.log")
    await remove(repo, place)
    assert_gone(repo, place, git)
    assert (outside / "kept").read_text() == "x"


def test_read_only_directories_are_removed_without_privileges(tmp_path: Path) -> None:
    script = """
import os, pathlib, tempfile
from nexusd.git.worktrees import _remove_tree
if os.geteuid() == 0:
    os.setgid(65534), os.setuid(65534)
top = pathlib.Path(tempfile.mkdtemp(dir="/tmp"))
(top / "a" / "b").mkdir(parents=True)
(top / "a" / "b" / "file").touch()
(top / "shut" / "in").mkdir(parents=True)
(top / "a" / "b").chmod(0o555), (top / "a").chmod(0o555), (top / "shut").chmod(0)
_remove_tree(top)
assert not top.exists()
"""
    done = subprocess.run([sys.executable, "-c", script], capture_output=True, text=True, timeout=60, cwd="/")
    assert done.returncode == 0, done.stderr


async def test_a_worktree_of_a_vanished_repository(repo: Path, place: Path, commit: str, tmp_path: Path) -> None:
    bare = tmp_path / "store.git"
    shutil.copytree(repo / ".git", bare)
    away = tmp_path / "worktrees" / "w"
    await create(bare, away, BRANCH, commit)
    shutil.rmtree(bare)
    with pytest.raises(RepositoryUnusable):
        await inspect_work(bare, away, BRANCH)
    with pytest.raises(RepositoryUnusable):
        await remove(bare, away)
    assert (away / "a.txt").exists()
    await remove(bare, away, force=True)
    assert not away.exists()
    await remove(bare, away)
    assert not await delete_branch(bare, BRANCH)


async def test_prune_forgets_only_ours(repo: Path, place: Path, commit: str, git, tmp_path: Path) -> None:
    away = tmp_path / "away"
    git(repo, "worktree", "add", "--quiet", "--detach", str(away))
    await create(repo, place, BRANCH, commit)
    kept = place.with_name("kept")
    await create(repo, kept, "nexus/kept", commit)
    shutil.rmtree(place)
    shutil.rmtree(away)
    assert [info.path for info in await list_worktrees(repo) if info.missing] == [away, place]
    assert await prune(repo, place.parent) == [place]
    assert {info.path for info in await list_worktrees(repo)} == {repo, away, kept}


# -- hostile worktrees ---------------------------------------------------------------------------------------------


async def test_a_replaced_git_file_leads_nowhere(repo: Path, place: Path, commit: str, git, tmp_path: Path) -> None:
    await create(repo, place, BRANCH, commit)
    (place / ".git").unlink()
    git(tmp_path, "init", "--quiet", str(place))
    proof = tmp_path / "proof"
    evil = tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {proof}\n")
    evil.chmod(0o755)
    git(place, "config", "filter.evil.clean", str(evil))
    git(place, "config", "core.fsmonitor", str(evil))
    (place / ".gitattributes").write_text("* filter=evil\n")
    (place / "a.txt").write_text("changed\n")
    status = await read_status(Checkout.find(repo, place))
    assert (status.branch, status.commit) == (BRANCH, commit)
    assert {file.path for file in status.files} == {"a.txt", ".gitattributes"}
    assert not proof.exists()
    await remove(repo, place, force=True)
    assert_gone(repo, place, git)


async def test_a_worktree_of_another_repository_is_refused(repo: Path, place: Path, tmp_path: Path, git) -> None:
    other = tmp_path / "other"
    git(tmp_path, "clone", "--quiet", str(repo), str(other))
    place.mkdir(parents=True)
    (place / ".git").write_text(f"gitdir: {other}/.git\n")
    with pytest.raises(GitFailed, match="not a worktree"):
        Checkout.find(repo, place)
