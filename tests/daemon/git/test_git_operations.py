"""Status, diff, log, commit and branch, on real worktrees."""

from __future__ import annotations

import os
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from nexus_sdk.protocol.errors import (
    BranchExists,
    GitFailed,
    IdentityMissing,
    InvalidParams,
    MessageTooLarge,
    NothingToCommit,
    RefNotFound,
)
from nexus_sdk.protocol.types import (
    GitBranchParams,
    GitCommitParams,
    GitDiffParams,
    GitLogParams,
    GitStatus,
    GitStatusParams,
)
from nexusd.git import operations, text, worktrees
from nexusd.git.layout import Checkout
from nexusd.git.status import parse_status

HOSTILE_NAMES = [
    b"new\nline",
    b"tab\there",
    b'quo"te',
    b"back\\slash",
    b" lead and trail ",
    b"-rf",
    b"--output=x",
    b"caf\xe9",
    b"\xff\xfe",
    "ünï…".encode(),
    b"a -> b",
    b"*",
    b":(glob)x",
]


@pytest.fixture
async def checkout(repo: Path, git) -> Checkout:
    place = repo / ".nexus" / "worktrees" / "w"
    await worktrees.create(repo, place, "nexus/w", git(repo, "rev-parse", "main"))
    return Checkout.find(repo, place)


async def status(checkout: Checkout) -> GitStatus:
    return await operations.status(checkout, GitStatusParams(workspace="w"))


def states(found: GitStatus) -> dict[str, tuple[str, str]]:
    return {file.path: (file.index, file.worktree) for file in found.files}


def write_raw(checkout: Checkout, names: list[bytes]) -> None:
    for name in names:
        with open(os.path.join(os.fsencode(checkout.path), name), "wb") as file:
            file.write(b"x\n")


# -- status ------------------------------------------------------------------------------------------------------


async def test_a_clean_worktree(checkout: Checkout, git) -> None:
    found = await status(checkout)
    assert (found.branch, found.clean, found.files, found.truncated) == ("nexus/w", True, [], False)
    assert found.commit == git(checkout.path, "rev-parse", "HEAD")
    assert found.upstream is msgspec.UNSET


async def test_every_kind_of_change(checkout: Checkout, git) -> None:
    path = checkout.path
    (path / "sub" / "c.txt").write_text("c" * 200)
    (path / "gone").write_text("gone\n" * 9)
    git(path, "add", ".")
    git(path, "commit", "--quiet", "-m", "more")
    (path / "a.txt").write_text("changed\n")
    git(path, "mv", "sub/c.txt", "sub/moved name.txt")
    (path / "staged").write_text("x")
    git(path, "add", "staged")
    (path / "new dir").mkdir()
    (path / "new dir" / "new").write_text("x")
    (path / "gone").unlink()
    (path / "sub" / "b.txt").unlink()
    (path / "sub" / "b.txt").symlink_to("c")
    (path / "hidden.log").write_text("x")
    found = await status(checkout)
    assert states(found) == {
        "a.txt": ("unmodified", "modified"),
        "sub/moved name.txt": ("renamed", "unmodified"),
        "staged": ("added", "unmodified"),
        "new dir/new": ("untracked", "untracked"),
        "gone": ("unmodified", "deleted"),
        "sub/b.txt": ("unmodified", "typechange"),
    }
    assert [file.original for file in found.files if file.index == "renamed"] == ["sub/c.txt"]
    assert not found.clean


async def test_hostile_names_stay_apart_and_fit_into_json(checkout: Checkout) -> None:
    write_raw(checkout, HOSTILE_NAMES)
    found = await status(checkout)
    paths = [file.path for file in found.files]
    assert len(set(paths)) == len(HOSTILE_NAMES)
    assert {"new\nline", "caf\\xe9", "ünï…", "-rf", " lead and trail "} <= set(paths)
    assert msgspec.json.decode(msgspec.json.encode(found), type=GitStatus).files == found.files


async def test_conflicts_are_unmerged(checkout: Checkout, git) -> None:
    path = checkout.path
    git(path, "switch", "--quiet", "-c", "theirs")
    (path / "a.txt").write_text("theirs\n")
    git(path, "commit", "--quiet", "-am", "theirs")
    git(path, "switch", "--quiet", "nexus/w")
    (path / "a.txt").write_text("ours\n")
    git(path, "commit", "--quiet", "-am", "ours")
    with pytest.raises(AssertionError):
        git(path, "merge", "theirs")
    assert states(await status(checkout)) == {"a.txt": ("unmerged", "unmerged")}
    with pytest.raises(GitFailed, match=r"in conflict: a\.txt"):
        await operations.commit(checkout, GitCommitParams(workspace="w", message="m"))
    assert states(await status(checkout)) == {"a.txt": ("unmerged", "unmerged")}
    (path / "a.txt").write_text("both\n")
    made = await operations.commit(checkout, GitCommitParams(workspace="w", message="merged"))
    assert len(made.parents) == 2


async def test_upstream_ahead_and_behind(checkout: Checkout, git) -> None:
    path = checkout.path
    git(path, "branch", "--quiet", "--set-upstream-to=main")
    git(path, "reset", "--quiet", "--hard", "HEAD~1")
    git(path, "commit", "--quiet", "--allow-empty", "-m", "mine")
    found = await status(checkout)
    assert (found.upstream, found.ahead, found.behind) == ("main", 1, 1)


async def test_detached_and_unborn(checkout: Checkout, git, tmp_path: Path) -> None:
    git(checkout.path, "checkout", "--quiet", "--detach")
    assert (await status(checkout)).branch is msgspec.UNSET
    git(tmp_path, "init", "--quiet", "empty")
    empty = tmp_path / "empty"
    (empty / "x").write_text("x\n")
    found = await status(Checkout.find(empty, empty))
    assert (found.branch, found.commit) == ("main", msgspec.UNSET)
    assert states(found) == {"x": ("untracked", "untracked")}


async def test_the_list_is_capped(checkout: Checkout) -> None:
    many = checkout.path / "many"
    many.mkdir()
    for number in range(10_050):
        (many / f"{number:05}").touch()
    found = await status(checkout)
    assert found.truncated and not found.clean
    assert 5_000 < len(found.files) <= 10_000
    assert len(msgspec.json.encode(found)) < 1024 * 1024


@given(
    names=st.lists(
        st.binary(min_size=1, max_size=40).filter(lambda raw: b"\0" not in raw), min_size=1, max_size=8, unique=True
    ),
    cut=st.integers(min_value=0, max_value=400),
)
@settings(max_examples=100, deadline=None)
def test_parsing_survives_any_name_and_any_cut(names: list[bytes], cut: int) -> None:
    hashes = b"0" * 40
    data = b"# branch.oid (initial)\0# branch.head main\0"
    for number, name in enumerate(names):
        if number % 3 == 0:
            data += b"? " + name + b"\0"
        elif number % 3 == 1:
            data += b"1 .M N... 100644 100644 100644 " + hashes + b" " + hashes + b" " + name + b"\0"
        else:
            data += b"2 R. N... 100644 100644 100644 " + hashes + b" " + hashes + b" R100 " + name + b"\0old\0"
    whole = parse_status(data)
    assert [file.path for file in whole.files] == [text.name(name) for name in names]
    part = parse_status(data[:cut], truncated=True)
    assert whole.files[: len(part.files)] == part.files
    msgspec.json.encode(whole)


# -- diff --------------------------------------------------------------------------------------------------------


async def diff(checkout: Checkout, **params: Any) -> Any:
    return await operations.diff(checkout, GitDiffParams(workspace="w", **params))


async def test_new_files_are_in_the_diff_and_the_index_is_not_touched(checkout: Checkout, git) -> None:
    path = checkout.path
    (path / "a.txt").write_text("one\ntwo\n")
    (path / "sub" / "new").write_text("fresh\n")
    (path / "data.bin").write_bytes(b"\0\1\2")
    (path / "hidden.log").write_text("x")
    index = (checkout.git_dir / "index").read_bytes()
    found = await diff(checkout)
    assert {(file.path, file.added, file.removed, file.binary) for file in found.files} == {
        ("a.txt", 0, 2, False),
        ("sub/new", 1, 0, False),
        ("data.bin", 0, 0, True),
    }
    assert "+fresh" in found.diff and "-four" in found.diff and not found.truncated
    assert (checkout.git_dir / "index").read_bytes() == index
    assert git(path, "ls-files", "--others", "--exclude-standard").split() == ["data.bin", "sub/new"]
    assert [file.path for file in (await diff(checkout, untracked=False)).files] == ["a.txt"]
    assert [file.path for file in (await diff(checkout, paths=["sub"])).files] == ["sub/new"]
    assert [file.path for file in (await diff(checkout, paths=[str(path / "sub" / "new")])).files] == ["sub/new"]


async def test_a_diff_applies(checkout: Checkout, git, tmp_path: Path) -> None:
    path = checkout.path
    (path / "a.txt").write_text("zero\none\ntwo\nthree\nfour, without end")
    (path / "new").write_text("fresh\n")
    found = await diff(checkout)
    copy = tmp_path / "copy"
    git(tmp_path, "clone", "--quiet", str(path), str(copy))
    git(copy, "apply", "-", stdin=found.diff)
    assert (copy / "a.txt").read_text() == (path / "a.txt").read_text()
    assert (copy / "new").read_text() == "fresh\n"


async def test_staged_and_base(checkout: Checkout, git) -> None:
    path = checkout.path
    (path / "a.txt").write_text("staged\n")
    git(path, "add", "a.txt")
    (path / "new").write_text("x\n")
    assert [file.path for file in (await diff(checkout)).files] == ["new"]
    assert [file.path for file in (await diff(checkout, staged=True)).files] == ["a.txt"]
    base = await diff(checkout, base="main~1")
    assert {(file.path, file.added, file.removed) for file in base.files} == {("a.txt", 1, 3), ("new", 1, 0)}
    staged = await diff(checkout, base="v1", staged=True)
    assert [file.path for file in staged.files] == ["a.txt"]
    for ref in ("nothing", "--output=x", "-h"):
        with pytest.raises(RefNotFound):
            await diff(checkout, base=ref)
    assert not (path / "x").exists()


async def test_renames_and_context(checkout: Checkout, git) -> None:
    path = checkout.path
    (path / "long").write_text("".join(f"line {number}\n" for number in range(50)))
    git(path, "add", ".")
    git(path, "commit", "--quiet", "-m", "long")
    git(path, "mv", "long", "moved\tname")
    found = await diff(checkout, staged=True)
    assert [(file.path, file.added) for file in found.files] == [("moved\tname", 0)]
    git(path, "commit", "--quiet", "-m", "moved")
    lines = (path / "moved\tname").read_text().replace("line 25\n", "changed\n")
    (path / "moved\tname").write_text(lines)
    assert "\n line 24\n" not in (await diff(checkout, context=0)).diff
    assert " line 20\n" in (await diff(checkout, context=5)).diff


async def test_settings_of_the_repository_do_not_change_a_diff(checkout: Checkout, git, tmp_path: Path) -> None:
    (checkout.path / "a.txt").write_text("changed\n")
    plain = await diff(checkout)
    proof = tmp_path / "proof"
    evil = tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {proof}\n")
    evil.chmod(0o755)
    for key, value in {
        "diff.external": str(evil),
        "diff.evil.command": str(evil),
        "diff.evil.textconv": str(evil),
        "diff.noprefix": "true",
        "diff.mnemonicPrefix": "true",
        "color.ui": "always",
        "status.showUntrackedFiles": "no",
    }.items():
        git(checkout.path, "config", key, value)
    (checkout.common / "info" / "attributes").write_text("* diff=evil\n")
    assert await diff(checkout) == plain
    assert not proof.exists()
    (checkout.path / "new").write_text("x")
    assert "new" in states(await status(checkout))


async def test_a_long_diff_is_cut_at_a_line(checkout: Checkout) -> None:
    (checkout.path / "long").write_text("".join(f"this is line number {number}\n" for number in range(50_000)))
    (checkout.path / "escapes").write_bytes(b"\x01" * 400_000 + b"\n")
    found = await diff(checkout)
    assert found.truncated and found.diff.endswith("\n")
    assert {file.path for file in found.files} == {"long", "escapes"}
    assert len(found.diff.encode()) <= 512 * 1024
    assert len(msgspec.json.encode(found)) < 1024 * 1024
    only = await diff(checkout, paths=["long"])
    assert only.truncated and only.diff.rstrip("\n").rsplit("\n", 1)[-1].startswith("+this is line number ")


async def test_hostile_names_and_contents_in_a_diff(checkout: Checkout) -> None:
    write_raw(checkout, HOSTILE_NAMES)
    (checkout.path / "latin").write_bytes(b"caf\xe9\n")
    found = await diff(checkout)
    assert len({file.path for file in found.files}) == len(HOSTILE_NAMES) + 1
    assert "caf\ufffd" in found.diff
    msgspec.json.encode(found)
    assert [file.path for file in (await diff(checkout, paths=["*"])).files] == ["*"]
    assert [file.path for file in (await diff(checkout, paths=["--output=x"])).files] == ["--output=x"]


async def test_paths_outside_are_refused(checkout: Checkout) -> None:
    for path in ("../../a.txt", "/etc/passwd"):
        with pytest.raises(GitFailed, match="outside repository"):
            await diff(checkout, paths=[path])


# -- log ---------------------------------------------------------------------------------------------------------


async def log(checkout: Checkout, **params: Any) -> Any:
    return await operations.log(checkout, GitLogParams(workspace="w", **params))


async def test_history(checkout: Checkout, git) -> None:
    found = await log(checkout)
    assert [commit.subject for commit in found.commits] == ["second", "first"]
    second, first = found.commits
    assert (second.body, second.author, second.email) == ("In more words.", "Ada", "ada@example.org")
    assert second.parents == [first.commit] and first.parents == []
    assert abs(second.time - datetime.now(UTC)) < timedelta(hours=1)
    assert not found.truncated
    page = await log(checkout, limit=1)
    assert (len(page.commits), page.truncated) == (1, True)
    assert [commit.subject for commit in (await log(checkout, limit=1, skip=1)).commits] == ["first"]
    assert [commit.subject for commit in (await log(checkout, paths=["sub/b.txt"])).commits] == ["first"]
    assert [commit.subject for commit in (await log(checkout, ref="v1")).commits] == ["first"]
    for ref in ("nothing", "--all", "main..feature"):
        with pytest.raises(RefNotFound):
            await log(checkout, ref=ref)


async def test_strange_commits(checkout: Checkout, git) -> None:
    path = checkout.path
    tree = git(path, "rev-parse", "HEAD^{tree}")
    for number, when in enumerate(["999999999999 +0000", "0 -1200", "1700000000 +0530"]):
        raw = f"tree {tree}\nauthor A\x01 <> {when}\ncommitter X <x@y> 0 +0000\n\nsub\x02ject {number}\n\nbo\ndy\n"
        made = git(path, "hash-object", "-t", "commit", "-w", "--stdin", "--literally", stdin=raw)
        git(path, "update-ref", "HEAD", made)
        found = (await log(checkout)).commits[0]
        assert (found.subject, found.body, found.email) == (f"sub\x02ject {number}", "bo\ndy", "")
        assert found.time.tzinfo is not None
        expected = {0: datetime.max.replace(tzinfo=UTC), 1: datetime.fromtimestamp(0, UTC)}.get(number)
        assert found.time == (expected or datetime.fromtimestamp(1700000000, UTC))
    msgspec.json.encode(await log(checkout))


async def test_a_repository_without_commits_has_no_history(tmp_path: Path, git) -> None:
    git(tmp_path, "init", "--quiet", "empty")
    found = await log(Checkout.find(tmp_path / "empty", tmp_path / "empty"))
    assert (found.commits, found.truncated) == ([], False)


async def test_a_long_history_fits_into_a_message(checkout: Checkout, git) -> None:
    body = "word " * 10_000
    for number in range(25):
        git(checkout.path, "commit", "--quiet", "--allow-empty", "-F", "-", stdin=f"commit {number}\n\n{body}")
    found = await log(checkout, limit=1000)
    assert found.truncated and 5 < len(found.commits) < 25
    rest = await log(checkout, limit=1000, skip=len(found.commits))
    assert len(found.commits) + len(rest.commits) == 27


# -- commit ------------------------------------------------------------------------------------------------------


async def commit(checkout: Checkout, **params: Any) -> Any:
    return await operations.commit(checkout, GitCommitParams(workspace="w", **{"message": "m", **params}))


async def test_everything_is_committed(checkout: Checkout, git) -> None:
    path = checkout.path
    (path / "a.txt").unlink()
    (path / "new").write_text("x")
    (path / "hidden.log").write_text("x")
    made = await commit(checkout, message="subject\n\n# not a comment\n\nbody\n")
    assert (made.subject, made.body) == ("subject", "# not a comment\n\nbody")
    assert made.commit == git(path, "rev-parse", "HEAD")
    assert git(path, "show", "--name-status", "--format=", "HEAD").split() == ["D", "a.txt", "A", "new"]
    assert (await status(checkout)).clean
    with pytest.raises(NothingToCommit):
        await commit(checkout)


async def test_hostile_names_are_committed(checkout: Checkout) -> None:
    write_raw(checkout, HOSTILE_NAMES)
    await commit(checkout)
    assert (await status(checkout)).clean


async def test_only_some_paths(checkout: Checkout, git) -> None:
    path = checkout.path
    for name in ("staged", "-new", "other", "*"):
        (path / name).write_text("x")
    git(path, "add", "staged")
    await commit(checkout, paths=["-new", "*"])
    assert sorted(git(path, "show", "--name-only", "--format=", "HEAD").split()) == ["*", "-new"]
    assert states(await status(checkout)) == {
        "staged": ("added", "unmodified"),
        "other": ("untracked", "untracked"),
    }
    with pytest.raises(GitFailed, match="did not match"):
        await commit(checkout, paths=["nothing-here"])
    with pytest.raises(GitFailed, match="outside repository"):
        await commit(checkout, paths=["../../../a.txt"])


async def test_the_index_alone(checkout: Checkout, git) -> None:
    path = checkout.path
    (path / "a.txt").write_text("staged\n")
    git(path, "add", "a.txt")
    (path / "a.txt").write_text("later\n")
    await commit(checkout, all=False)
    assert git(path, "show", "HEAD:a.txt") == "staged"
    assert states(await status(checkout)) == {"a.txt": ("unmodified", "modified")}
    with pytest.raises(NothingToCommit):
        await commit(checkout, all=False)
    with pytest.raises(InvalidParams):
        await commit(checkout, all=False, paths=["a.txt"])


async def test_amend(checkout: Checkout, git) -> None:
    before = git(checkout.path, "rev-parse", "HEAD~1")
    (checkout.path / "new").write_text("x")
    made = await commit(checkout, amend=True, message="better", author="Grace <grace@example.org>")
    assert (made.subject, made.parents, made.author) == ("better", [before], "Grace")
    assert (await commit(checkout, amend=True, message="words only")).subject == "words only"


async def test_authors(checkout: Checkout, own_configuration: Path, git) -> None:
    (checkout.path / "one").write_text("x")
    made = await commit(checkout, author="Grace Hopper <grace@example.org>")
    assert (made.author, made.email) == ("Grace Hopper", "grace@example.org")
    assert git(checkout.path, "log", "-1", "--format=%cn") == "Ada"
    for wrong in ("Grace", "<grace@example.org>", "Grace <a> <b>", "Grace <a\nb>"):
        with pytest.raises(InvalidParams):
            await commit(checkout, author=wrong, amend=True)
    own_configuration.write_text("")
    (checkout.path / "two").write_text("x")
    with pytest.raises(IdentityMissing):
        await commit(checkout)
    assert states(await status(checkout)) == {"two": ("untracked", "untracked")}
    await commit(checkout, author="Grace Hopper <grace@example.org>")
    assert git(checkout.path, "log", "-1", "--format=%cn") == "Grace Hopper"


async def test_a_blank_message_is_refused(checkout: Checkout) -> None:
    (checkout.path / "new").write_text("x")
    with pytest.raises(InvalidParams):
        await commit(checkout, message=" \n\t")
    assert states(await status(checkout)) == {"new": ("untracked", "untracked")}


async def test_the_first_commit(tmp_path: Path, git) -> None:
    git(tmp_path, "init", "--quiet", "empty")
    empty = Checkout.find(tmp_path / "empty", tmp_path / "empty")
    with pytest.raises(NothingToCommit):
        await commit(empty)
    with pytest.raises(NothingToCommit):
        await commit(empty, amend=True)
    (empty.path / "x").write_text("x")
    assert (await commit(empty)).parents == []


async def test_hooks_do_not_run(checkout: Checkout, tmp_path: Path) -> None:
    hooks = checkout.common / "hooks"
    hooks.mkdir(exist_ok=True)
    for name in ("pre-commit", "commit-msg", "prepare-commit-msg", "post-commit"):
        hook = hooks / name
        hook.write_text(f"#!/bin/sh\ntouch {tmp_path}/proof\nexit 1\n")
        hook.chmod(0o755)
    (checkout.path / "new").write_text("x")
    await commit(checkout)
    assert not (tmp_path / "proof").exists()


# -- branch ------------------------------------------------------------------------------------------------------


async def branch(checkout: Checkout, **params: Any) -> dict[str, Any]:
    found = await operations.branch(checkout, GitBranchParams(workspace="w", **params))
    return {each.name: each for each in found.branches}


async def test_branches_are_listed(checkout: Checkout, git, repo: Path, tmp_path: Path) -> None:
    git(tmp_path, "init", "--quiet", "--bare", "remote.git")
    git(repo, "remote", "add", "origin", str(tmp_path / "remote.git"))
    git(repo, "push", "--quiet", "--set-upstream", "origin", "main")
    git(repo, "remote", "set-head", "origin", "main")
    found = await branch(checkout)
    assert set(found) == {"main", "feature", "nexus/w", "origin/main"}
    assert [name for name, each in found.items() if each.current] == ["nexus/w"]
    assert [name for name, each in found.items() if each.remote] == ["origin/main"]
    assert found["main"].upstream == "origin/main"
    assert found["feature"].commit == git(repo, "rev-parse", "feature")


async def test_a_branch_is_made_checked_out_and_deleted(checkout: Checkout, git) -> None:
    found = await branch(checkout, create="topic/one", start="v1", switch="topic/one")
    assert found["topic/one"].current
    assert git(checkout.path, "rev-parse", "HEAD") == git(checkout.path, "rev-parse", "v1^{commit}")
    found = await branch(checkout, switch="nexus/w", delete="topic/one")
    assert "topic/one" not in found and found["nexus/w"].current


async def test_what_branches_refuse(checkout: Checkout, git) -> None:
    with pytest.raises(BranchExists):
        await branch(checkout, create="main")
    with pytest.raises(BranchExists):
        await branch(checkout, create="main/below")
    for field in ("create", "switch", "delete"):
        for name in ("-f", "--orphan", "a b", "a..b", "@{-1}", "HEAD", "x.lock"):
            with pytest.raises(InvalidParams) as caught:
                await branch(checkout, **{field: name})
            assert caught.value.details is not None and caught.value.details.path == f"$.{field}"
    for field in ("switch", "delete"):
        with pytest.raises(RefNotFound):
            await branch(checkout, **{field: "nothing"})
    with pytest.raises(RefNotFound):
        await branch(checkout, create="new", start="nothing")
    with pytest.raises(GitFailed, match="main"):
        await branch(checkout, switch="main")  # the main worktree has it
    with pytest.raises(GitFailed):
        await branch(checkout, delete="main")
    git(checkout.path, "switch", "--quiet", "-c", "own")
    git(checkout.path, "commit", "--quiet", "--allow-empty", "-m", "own")
    git(checkout.path, "switch", "--quiet", "nexus/w")
    with pytest.raises(GitFailed, match="not merged"):
        await branch(checkout, delete="own")
    assert "own" in await branch(checkout)


async def test_switching_keeps_uncommitted_work_or_refuses(checkout: Checkout) -> None:
    (checkout.path / "new").write_text("work")
    await branch(checkout, switch="feature")
    assert (checkout.path / "new").read_text() == "work"
    (checkout.path / "a.txt").write_text("work")
    with pytest.raises(GitFailed, match=r"[Aa]bort"):
        await branch(checkout, switch="nexus/w")
    assert (checkout.path / "a.txt").read_text() == "work"
    assert (await status(checkout)).branch == "feature"


async def test_more_branches_than_a_message_holds(checkout: Checkout, git) -> None:
    head = git(checkout.path, "rev-parse", "HEAD")
    lines = "".join(f"create refs/heads/many/{'x' * 100}{number} {head}\n" for number in range(5_000))
    git(checkout.path, "update-ref", "--stdin", stdin=lines)
    with pytest.raises(MessageTooLarge, match="branches"):
        await branch(checkout)


async def test_a_change_of_the_same_size_in_the_same_tick_is_in_the_diff(checkout: Checkout, git) -> None:
    """Git tells such a change by the index being as young as the file, so the copy of the index keeps its time."""
    path, index = checkout.path / "a.txt", checkout.git_dir / "index"
    git(checkout.path, "config", "core.trustctime", "false")
    git(checkout.path, "config", "core.checkStat", "minimal")
    written = 1_600_000_000 * 10**9
    os.utime(path, ns=(written, written))
    git(checkout.path, "update-index", "--refresh")
    path.write_bytes(path.read_bytes().swapcase())
    os.utime(path, ns=(written, written))
    os.utime(index, ns=(written, written))
    (checkout.path / "fresh").write_text("makes the diff copy the index\n")
    assert "a.txt" in states(await status(checkout))
    assert "a.txt" in [file.path for file in (await diff(checkout)).files]
