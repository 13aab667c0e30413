"""Repositories inside a worktree: nothing of theirs runs, and nothing of theirs is lost unasked."""

from __future__ import annotations

import os
import shutil
import subprocess
from pathlib import Path

import pytest
from nexus_sdk.protocol.errors import GitFailed, NothingToCommit
from nexus_sdk.protocol.types import GitBranchParams, GitCommitParams, GitDiffParams, GitStatusParams, GitSyncParams
from nexusd.git import operations
from nexusd.git.layout import Checkout
from nexusd.git.worktrees import inspect_work, remove

BRANCH = "nexus/w"


@pytest.fixture
def checkout(submodule: Checkout) -> Checkout:
    """A worktree with a submodule, `lib`, that is checked out."""
    return submodule


# -- nothing runs ----------------------------------------------------------------------------------------------------


@pytest.fixture
async def hostile(checkout: Checkout, git, tmp_path: Path) -> Path:
    """The file that appears when something ran; every program that a repository can name makes it."""
    proof = tmp_path / "proof"
    evil = tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {proof}\ncat\n")
    evil.chmod(0o755)
    lib = checkout.path / "lib"
    for name in (
        "filter.evil.clean",
        "filter.evil.smudge",
        "filter.evil.process",
        "diff.evil.textconv",
        "diff.evil.command",
        "diff.external",
        "core.fsmonitor",
        "core.sshCommand",
        "core.pager",
        "core.editor",
        "core.alternateRefsCommand",
        "remote.origin.uploadpack",
        "gpg.program",
    ):
        git(lib, "config", name, str(evil))
    git(lib, "config", "core.repositoryFormatVersion", "1")
    git(lib, "config", "extensions.partialClone", "origin")
    (lib / ".gitattributes").write_text("* filter=evil diff=evil\n")
    git(checkout.path, "config", "--file", ".gitmodules", "submodule.lib.ignore", "none")
    (lib / "lib.txt").write_text("LIB\n")
    # the object is missing: git would fetch it, by the uploadpack above
    store = checkout.git_dir / "modules" / "lib"
    blob = git(store, "--git-dir=.", "rev-parse", "HEAD:lib.txt")
    (store / "objects" / blob[:2] / blob[2:]).unlink()
    assert not proof.exists()
    return proof


async def test_a_hostile_submodule_runs_nothing(checkout: Checkout, hostile: Path, repo: Path, git) -> None:
    (checkout.path / "new.txt").write_text("new\n")
    await operations.status(checkout, GitStatusParams(workspace="w"))
    for more in ({}, {"staged": True}, {"base": "HEAD~1"}, {"paths": ["lib"]}):
        await operations.diff(checkout, GitDiffParams(workspace="w", **more))
    commit = GitCommitParams(workspace="w", message="m", all=True)
    await operations.commit(checkout, commit)
    for paths in ([], ["lib"], ["a.txt"]):
        with pytest.raises(NothingToCommit):
            await operations.commit(checkout, GitCommitParams(workspace="w", message="m", all=True, paths=paths))
    git(repo, "branch", "other", "feature")
    for name in ("other", BRANCH):
        await operations.branch(checkout, GitBranchParams(workspace="w", switch=name))
    git(repo, "remote", "add", "origin", str(repo))
    for pull in ("rebase", "merge"):
        git(repo, "commit", "--quiet", "--allow-empty", "-m", pull)
        git(repo, "update-ref", "refs/remotes/origin/nexus/w", "main")
        await operations.sync(checkout, GitSyncParams(workspace="w", pull=pull))
    assert not hostile.exists()
    try:
        await inspect_work(repo, checkout.path, BRANCH)
    except GitFailed:
        pass  # the missing object makes the status of the submodule fail; that is no reason to fetch it
    assert not hostile.exists()
    await remove(repo, checkout.path, force=True)
    assert not hostile.exists()


async def test_the_trap_works(checkout: Checkout, hostile: Path, git) -> None:
    git(checkout.path, "-c", "core.fsmonitor=false", "diff", "--ignore-submodules=none")
    assert hostile.exists()


# -- what is committed is what `git add --all` would have staged -------------------------------------------------------


def tree_of_everything(place: Path, index: Path) -> str:
    """The tree that ``git add --all`` makes, by a copy of the index."""
    copy = place.parent / "index"
    shutil.copy2(index, copy)
    env = {**os.environ, "GIT_INDEX_FILE": str(copy)}
    subprocess.run(["git", "add", "--all"], cwd=place, env=env, check=True, capture_output=True)
    tree = subprocess.run(["git", "write-tree"], cwd=place, env=env, check=True, capture_output=True)
    return tree.stdout.decode().strip()


async def test_staging_is_gits(checkout: Checkout, git) -> None:
    place, lib = checkout.path, checkout.path / "lib"
    git(lib, "commit", "--quiet", "--allow-empty", "-m", "mine")
    (place / "a.txt").unlink()
    (place / "a.txt").mkdir()
    (place / "a.txt" / "inside").write_text("x")
    shutil.rmtree(place / "sub")
    (place / "sub").write_text("was a directory")
    (place / "ignored.log").write_text("x")
    (place / "run").write_text("x")
    (place / "run").chmod(0o755)
    (place / "link").symlink_to("run")
    git(place, "clone", "--quiet", str(lib), "inner")
    wanted = tree_of_everything(place, checkout.git_dir / "index")
    await operations.commit(checkout, GitCommitParams(workspace="w", message="m", all=True))
    assert git(place, "rev-parse", "HEAD^{tree}") == wanted
    assert (await operations.status(checkout, GitStatusParams(workspace="w"))).clean


async def test_an_amended_commit_may_not_become_empty(checkout: Checkout, git) -> None:
    place = checkout.path
    (place / "a.txt").write_text("mine\n")
    (place / "b.txt").write_text("mine\n")
    await operations.commit(checkout, GitCommitParams(workspace="w", message="m", all=True))
    git(place, "checkout", "--quiet", "HEAD~1", "--", "a.txt")
    params = {"workspace": "w", "message": "again", "all": True, "amend": True}
    await operations.commit(checkout, GitCommitParams(**params, paths=["a.txt"]))
    assert git(place, "show", "--name-only", "--format=%s", "HEAD").split() == ["again", "b.txt"]
    (place / "b.txt").unlink()
    for paths in (["b.txt"], []):
        with pytest.raises(NothingToCommit):
            await operations.commit(checkout, GitCommitParams(**params, paths=paths))
    assert git(place, "show", "--name-only", "--format=%s", "HEAD").split() == ["again", "b.txt"]


# -- nothing is lost ---------------------------------------------------------------------------------------------------


async def kept(checkout: Checkout, repo: Path, why: str) -> None:
    """The worktree is kept, for this reason, until it is forced away."""
    work = await inspect_work(repo, checkout.path, BRANCH)
    assert work.lost
    with pytest.raises(GitFailed, match=why):
        await remove(repo, checkout.path)
    assert checkout.path.is_dir()
    await remove(repo, checkout.path, force=True)
    assert not checkout.path.exists()


async def test_a_clean_submodule_holds_nothing(checkout: Checkout, repo: Path) -> None:
    work = await inspect_work(repo, checkout.path, BRANCH)
    assert (work.changed, work.nested, work.lost) == (0, 0, False)
    await remove(repo, checkout.path)
    assert not checkout.path.exists()


async def test_a_commit_that_was_fetched_by_its_hash_is_not_lost(
    checkout: Checkout, repo: Path, library: Path, git
) -> None:
    git(library, "config", "uploadpack.allowAnySHA1InWant", "true")
    git(library, "commit", "--quiet", "--allow-empty", "-m", "off every branch")
    commit = git(library, "rev-parse", "HEAD")
    git(library, "reset", "--quiet", "--hard", "HEAD~1")
    git(checkout.path / "lib", "fetch", "--quiet", "origin", commit)
    git(checkout.path / "lib", "checkout", "--quiet", commit)
    git(checkout.path, "commit", "--quiet", "-am", "moved")
    assert not (await inspect_work(repo, checkout.path, BRANCH)).lost


@pytest.mark.parametrize("ignore", ["none", "dirty", "untracked", "all"])
@pytest.mark.parametrize("what", ["lib.txt", "new.txt"])
async def test_uncommitted_files_of_a_submodule(checkout: Checkout, repo: Path, git, ignore: str, what: str) -> None:
    git(checkout.path, "config", "--file", ".gitmodules", "submodule.lib.ignore", ignore)
    git(checkout.path, "commit", "--quiet", "-am", "ignoring")
    (checkout.path / "lib" / what).write_text("precious")
    assert (await inspect_work(repo, checkout.path, BRANCH)).files == [f"lib/{what}"]
    await kept(checkout, repo, "1 uncommitted file")


@pytest.mark.parametrize("where", ["head", "branch", "stash", "packed", "removed"])
async def test_commits_of_a_submodule(checkout: Checkout, repo: Path, git, where: str) -> None:
    lib = checkout.path / "lib"
    (lib / "lib.txt").write_text("precious")
    if where == "stash":
        git(lib, "stash", "--quiet")
    else:
        git(lib, "switch", "--quiet", "-c", "topic")
        git(lib, "commit", "--quiet", "-am", "precious")
    if where == "head":
        git(lib, "checkout", "--quiet", "--detach")
        git(lib, "branch", "--quiet", "-D", "topic")
        git(checkout.path, "commit", "--quiet", "-am", "moved")
    elif where != "stash":
        git(lib, "switch", "--quiet", "--detach", "origin/main")
    if where == "packed":
        git(lib, "pack-refs", "--all")
    if where == "removed":
        git(checkout.path, "submodule", "--quiet", "deinit", "--force", "lib")
        git(checkout.path, "rm", "--quiet", "lib")
        git(checkout.path, "commit", "--quiet", "-am", "without the submodule")
    await kept(checkout, repo, "commits? in submodules that no remote has")


async def test_a_submodule_of_a_submodule(checkout: Checkout, repo: Path, library: Path, git) -> None:
    lib = checkout.path / "lib"
    git(lib, "submodule", "--quiet", "add", str(library), "inner")
    git(lib, "commit", "--quiet", "-m", "deeper")
    git(lib, "push", "--quiet", "origin", "HEAD:refs/heads/deeper")
    git(checkout.path, "commit", "--quiet", "-am", "moved")
    assert not (await inspect_work(repo, checkout.path, BRANCH)).lost
    (lib / "inner" / "lib.txt").write_text("precious")
    assert (await inspect_work(repo, checkout.path, BRANCH)).files == ["lib/inner/lib.txt"]
    await kept(checkout, repo, "1 uncommitted file")


async def test_a_repository_that_was_committed_as_a_link(checkout: Checkout, repo: Path, library: Path, git) -> None:
    made = checkout.path / "made"
    made.mkdir()
    git(made, "init", "--quiet")
    git(made, "commit", "--quiet", "--allow-empty", "-m", "nowhere else")
    await operations.commit(checkout, GitCommitParams(workspace="w", message="m", all=True))
    assert (await inspect_work(repo, checkout.path, BRANCH)).changed == 0
    await kept(checkout, repo, "1 commit in submodules that no remote has")


async def test_files_where_a_submodule_is_not_checked_out(checkout: Checkout, repo: Path, git) -> None:
    git(checkout.path, "submodule", "--quiet", "deinit", "--force", "lib")
    assert not (await inspect_work(repo, checkout.path, BRANCH)).lost
    (checkout.path / "lib" / "notes").write_text("precious")
    assert (await inspect_work(repo, checkout.path, BRANCH)).files == ["lib/"]
    await kept(checkout, repo, "1 uncommitted file")


async def test_a_link_to_somebody_elses_repository_tells_nothing(
    checkout: Checkout, repo: Path, tmp_path: Path
) -> None:
    (checkout.path / "lib" / ".git").write_text(f"gitdir: {tmp_path}/library/.git\n")
    (checkout.path / "lib" / "lib.txt").unlink()
    assert (await inspect_work(repo, checkout.path, BRANCH)).files == ["lib/"]


@pytest.mark.parametrize("what", ["merge", "rebase", "cherry-pick", "revert"])
async def test_what_is_in_progress_is_kept(checkout: Checkout, repo: Path, git, what: str) -> None:
    place = checkout.path
    git(place, "commit", "--quiet", "--allow-empty", "-m", "one")
    git(place, "branch", "other", git(place, "commit-tree", "-m", "theirs", "-p", "main", "main^{tree}"))
    if what == "merge":
        git(place, "merge", "--quiet", "--no-commit", "--no-ff", "--strategy=ours", "other")
    elif what == "rebase":
        git(place, "-c", "sequence.editor=sed -i s/^pick/edit/", "rebase", "--quiet", "-i", "--keep-empty", "HEAD~1")
    else:
        (checkout.git_dir / f"{what.upper().replace('-', '_')}_HEAD").write_text(git(place, "rev-parse", "HEAD") + "\n")
    work = await inspect_work(repo, place, BRANCH)
    assert (work.changed, work.detached, work.in_progress) == (0, 0, what)
    await kept(checkout, repo, f"a {what} in progress")


async def test_files_of_a_worktree_that_git_has_forgotten(checkout: Checkout, repo: Path, git) -> None:
    (checkout.path / "new").write_text("precious")
    shutil.rmtree(checkout.git_dir)
    work = await inspect_work(repo, checkout.path, BRANCH)
    assert work.changed and "new" in work.files
    await kept(checkout, repo, "uncommitted file")
