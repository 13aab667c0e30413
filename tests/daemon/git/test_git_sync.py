"""Exchanging commits with a remote; conflicts leave everything as it was."""

from __future__ import annotations

import asyncio
from pathlib import Path
from typing import Any

import pytest
from nexus_sdk.protocol.errors import (
    GitFailed,
    IdentityMissing,
    MergeConflict,
    NexusError,
    PushRejected,
    RepositoryUnusable,
)
from nexus_sdk.protocol.types import GitSynced, GitSyncParams, RepositorySource
from nexusd.git import operations, worktrees
from nexusd.git.layout import Checkout
from nexusd.git.repositories import resolve

BRANCH = "nexus/w"


@pytest.fixture
def remote(repo: Path, git, tmp_path: Path) -> Path:
    """A bare repository that is `repo`'s origin."""
    path = tmp_path / "remote.git"
    git(tmp_path, "clone", "--quiet", "--bare", str(repo), str(path))
    git(repo, "remote", "add", "origin", str(path))
    git(repo, "fetch", "--quiet")
    return path


@pytest.fixture
async def checkout(repo: Path, remote: Path, git) -> Checkout:
    """A worktree whose branch is on the remote, and followed."""
    place = repo / ".nexus" / "worktrees" / "w"
    await worktrees.create(repo, place, BRANCH, git(repo, "rev-parse", "main"))
    git(place, "push", "--quiet", "--set-upstream", "origin", BRANCH)
    return Checkout.find(repo, place)


@pytest.fixture
def colleague(remote: Path, git, tmp_path: Path, checkout: Checkout) -> Path:
    """Somebody else's clone, on the same branch."""
    path = tmp_path / "colleague"
    git(tmp_path, "clone", "--quiet", "--branch", BRANCH, str(remote), str(path))
    return path


def publish(path: Path, git, name: str, content: str) -> str:
    """Commit a file and push it."""
    (path / name).write_text(content)
    git(path, "add", ".")
    git(path, "commit", "--quiet", "-m", f"theirs: {name}")
    git(path, "push", "--quiet")
    return git(path, "rev-parse", "HEAD")


def own(path: Path, git, name: str, content: str) -> str:
    """Commit a file."""
    (path / name).write_text(content)
    git(path, "add", name)
    git(path, "commit", "--quiet", "-m", f"ours: {name}")
    return git(path, "rev-parse", "HEAD")


async def sync(checkout: Checkout, **params: Any) -> GitSynced:
    return await operations.sync(checkout, GitSyncParams(workspace="w", **params))


def snapshot(path: Path, git) -> dict[str, str]:
    """Everything that must not change."""
    files = {
        str(file.relative_to(path)): file.read_text()
        for file in sorted(path.rglob("*"))
        if file.is_file() and file.name != ".git"
    }
    return {
        **files,
        " head": git(path, "rev-parse", "HEAD"),
        " branch": git(path, "symbolic-ref", "HEAD"),
        " status": git(path, "status", "--porcelain"),
        " staged": git(path, "diff", "--cached"),
        " stash": git(path, "stash", "list"),
    }


async def test_nothing_to_do(checkout: Checkout) -> None:
    done = await sync(checkout)
    assert (done.fetched, done.pulled, done.pushed) == (True, 0, 0)
    assert (done.status.branch, done.status.upstream, done.status.clean) == (BRANCH, f"origin/{BRANCH}", True)


@pytest.mark.parametrize("mode", ["ff", "rebase", "merge"])
async def test_a_fast_forward_keeps_uncommitted_work(checkout: Checkout, colleague: Path, git, mode: str) -> None:
    publish(colleague, git, "one", "1\n")
    tip = publish(colleague, git, "two", "2\n")
    (checkout.path / "a.txt").write_text("work in progress\n")
    (checkout.path / "new").write_text("new\n")
    done = await sync(checkout, pull=mode)
    assert (done.pulled, done.status.commit) == (2, tip)
    assert (checkout.path / "two").read_text() == "2\n"
    assert (checkout.path / "a.txt").read_text() == "work in progress\n"
    assert {file.path for file in done.status.files} == {"a.txt", "new"}


async def test_only_fetching(checkout: Checkout, colleague: Path, git) -> None:
    publish(colleague, git, "one", "1\n")
    done = await sync(checkout, pull="none")
    assert (done.pulled, done.status.behind) == (0, 1)


async def test_rebase_puts_ours_on_top(checkout: Checkout, colleague: Path, git) -> None:
    tip = publish(colleague, git, "one", "1\n")
    own(checkout.path, git, "mine", "m\n")
    (checkout.path / "new").write_text("untracked\n")
    done = await sync(checkout, pull="rebase")
    assert (done.pulled, done.status.ahead, done.status.behind) == (1, 1, 0)
    assert git(checkout.path, "rev-parse", "HEAD~1") == tip
    assert (checkout.path / "new").read_text() == "untracked\n"


async def test_merge_makes_a_merge_commit(checkout: Checkout, colleague: Path, git) -> None:
    tip = publish(colleague, git, "one", "1\n")
    mine = own(checkout.path, git, "mine", "m\n")
    (checkout.path / "a.txt").write_text("work in progress\n")
    done = await sync(checkout, pull="merge")
    assert done.pulled == 1
    assert git(checkout.path, "rev-parse", "HEAD^1", "HEAD^2").split() == [mine, tip]
    assert git(checkout.path, "log", "-1", "--format=%s") == f"Merge origin/{BRANCH} into {BRANCH}"
    assert (checkout.path / "a.txt").read_text() == "work in progress\n"


@pytest.mark.parametrize("mode", ["rebase", "merge"])
async def test_a_conflict_changes_nothing(checkout: Checkout, colleague: Path, git, mode: str) -> None:
    publish(colleague, git, "a.txt", "theirs\n")
    own(checkout.path, git, "fine", "f\n")
    own(checkout.path, git, "a.txt", "ours\n")
    (checkout.path / "new").write_text("untracked\n")
    if mode == "merge":
        (checkout.path / "sub" / "b.txt").write_text("work in progress\n")
    before = snapshot(checkout.path, git)
    with pytest.raises(MergeConflict) as caught:
        await sync(checkout, pull=mode)
    assert caught.value.details is not None
    assert caught.value.details.files == ["a.txt"]
    assert snapshot(checkout.path, git) == before
    assert (await sync(checkout, pull="none")).status.behind == 1


async def test_fast_forward_only_refuses_what_diverged(checkout: Checkout, colleague: Path, git) -> None:
    publish(colleague, git, "one", "1\n")
    own(checkout.path, git, "mine", "m\n")
    before = snapshot(checkout.path, git)
    with pytest.raises(MergeConflict) as caught:
        await sync(checkout, pull="ff")
    assert "rebase or merge" in caught.value.hint
    assert snapshot(checkout.path, git) == before


@pytest.mark.parametrize(
    ("mode", "diverged", "where"),
    [("rebase", True, "a.txt"), ("merge", True, "one"), ("ff", False, "one"), ("rebase", False, "one")],
)
async def test_uncommitted_work_in_the_way_refuses(
    checkout: Checkout, colleague: Path, git, mode: str, diverged: bool, where: str
) -> None:
    publish(colleague, git, "one", "1\n")
    if diverged:
        own(checkout.path, git, "mine", "m\n")
    (checkout.path / where).write_text("precious\n")
    before = snapshot(checkout.path, git)
    with pytest.raises(GitFailed) as caught:
        await sync(checkout, pull=mode)
    assert "ommit" in caught.value.hint
    assert snapshot(checkout.path, git) == before
    assert not (checkout.git_dir / "rebase-merge").exists()


async def test_something_in_progress_refuses(checkout: Checkout, git) -> None:
    (checkout.git_dir / "rebase-merge").mkdir()
    with pytest.raises(GitFailed, match="rebase is in progress"):
        await sync(checkout)


async def test_a_cancelled_sync_ends_a_merge_first(checkout: Checkout, colleague: Path, git, tmp_path: Path) -> None:
    begun = tmp_path / "begun"
    script = tmp_path / "smudge.sh"
    script.write_text(f"#!/bin/sh\ntouch {begun}\nsleep 0.3\nexec cat\n")
    script.chmod(0o755)
    tip = publish(colleague, git, "one", "1\n")
    git(checkout.path, "config", "filter.slow.smudge", str(script))
    (checkout.common / "info" / "attributes").write_text("one filter=slow\n")
    task = asyncio.create_task(sync(checkout))

    def has_begun() -> bool:
        return begun.exists() or task.done()

    async with asyncio.timeout(30):
        for _ in range(3000):
            if has_begun():
                break
            await asyncio.sleep(0.01)
    task.cancel()
    with pytest.raises(asyncio.CancelledError):
        await task
    assert git(checkout.path, "rev-parse", "HEAD") == tip
    assert git(checkout.path, "status", "--porcelain") == ""


async def test_ours_are_pushed(checkout: Checkout, git, remote: Path) -> None:
    own(checkout.path, git, "one", "1\n")
    mine = own(checkout.path, git, "two", "2\n")
    seen: list[str] = []
    done = await operations.sync(
        checkout,
        GitSyncParams(workspace="w", push=True),
        progress=lambda done, total, message: seen.append(message),
    )
    assert (done.pushed, done.status.ahead) == (2, 0)
    assert git(remote, "rev-parse", BRANCH) == mine
    assert seen
    assert (await sync(checkout, push=True)).pushed == 0


async def test_a_new_branch_is_pushed_and_followed(checkout: Checkout, git, remote: Path) -> None:
    git(checkout.path, "switch", "--quiet", "-c", "topic")
    mine = own(checkout.path, git, "one", "1\n")
    done = await sync(checkout, push=True)
    assert (done.pushed, done.status.upstream) == (1, "origin/topic")
    assert git(remote, "rev-parse", "topic") == mine


async def test_taking_and_sending_in_one(checkout: Checkout, colleague: Path, git, remote: Path) -> None:
    publish(colleague, git, "one", "1\n")
    own(checkout.path, git, "mine", "m\n")
    done = await sync(checkout, push=True)
    assert (done.pulled, done.pushed) == (1, 1)
    assert git(remote, "rev-parse", BRANCH) == done.status.commit


async def test_a_refused_push_is_named(checkout: Checkout, colleague: Path, git, remote: Path) -> None:
    publish(colleague, git, "one", "1\n")
    own(checkout.path, git, "mine", "m\n")
    with pytest.raises(PushRejected) as caught:
        await sync(checkout, pull="none", push=True)
    assert caught.value.details is not None
    assert caught.value.details.ref == BRANCH
    hook = remote / "hooks" / "pre-receive"
    hook.parent.mkdir(exist_ok=True)
    hook.write_text("#!/bin/sh\nexit 1\n")
    hook.chmod(0o755)
    with pytest.raises(PushRejected, match="declined"):
        await sync(checkout, push=True)


@pytest.mark.parametrize(
    "name", ["nothing", "--upload-pack=touch x", "ext::sh -c id", "https://example.org/a", "../a", "."]
)
async def test_only_configured_remotes(checkout: Checkout, name: str) -> None:
    with pytest.raises(RepositoryUnusable, match="no remote"):
        await sync(checkout, remote=name)


async def test_a_vanished_remote_is_named_without_credentials(checkout: Checkout, git) -> None:
    git(checkout.path, "remote", "set-url", "origin", "http://me:s3cret@localhost:1/x")
    with pytest.raises(RepositoryUnusable) as caught:
        await sync(checkout)
    assert caught.value.details is not None
    assert caught.value.details.url == "http://localhost:1/x"
    assert "s3cret" not in repr(caught.value.to_wire())


async def test_a_remote_helper_as_remote_is_refused(checkout: Checkout, git, tmp_path: Path) -> None:
    git(checkout.path, "remote", "set-url", "origin", f"ext::sh -c touch% {tmp_path}/proof")
    git(checkout.path, "config", "protocol.ext.allow", "always")
    with pytest.raises(RepositoryUnusable):
        await sync(checkout)
    assert not (tmp_path / "proof").exists()


async def test_a_detached_head_has_nothing_to_push(checkout: Checkout, git) -> None:
    git(checkout.path, "checkout", "--quiet", "--detach")
    assert (await sync(checkout)).pulled == 0
    with pytest.raises(GitFailed, match="detached"):
        await sync(checkout, push=True)


async def test_a_merge_needs_to_know_who_commits(
    checkout: Checkout, colleague: Path, git, own_configuration: Path
) -> None:
    publish(colleague, git, "one", "1\n")
    own(checkout.path, git, "mine", "m\n")
    before = snapshot(checkout.path, git)
    text = own_configuration.read_text()
    for mode in ("merge", "rebase"):
        own_configuration.write_text("")
        with pytest.raises(IdentityMissing):
            await sync(checkout, pull=mode)
        own_configuration.write_text(text)
        assert snapshot(checkout.path, git) == before


async def test_many_worktrees_of_a_shared_clone_at_once(remote: Path, home: Path, git) -> None:
    handle = await resolve(RepositorySource(url=f"file://{remote}"), home)
    checkouts = []
    for number in range(6):
        place = worktrees.location(handle, f"w{number}", home)
        await worktrees.create(handle.path, place, f"nexus/w{number}", handle.commit)
        own(place, git, f"file{number}", "x\n")
        checkouts.append(Checkout.find(handle.path, place))
    done = await asyncio.gather(*(sync(each, push=True) for each in checkouts), return_exceptions=True)
    assert [result for result in done if isinstance(result, NexusError)] == []
    assert [result.pushed for result in done if isinstance(result, GitSynced)] == [1] * 6
    heads = git(remote, "for-each-ref", "--format=%(refname:short)", "refs/heads/nexus").split()
    assert heads == [f"nexus/w{number}" for number in range(6)]
