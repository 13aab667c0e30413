"""Edits that git was told not to see are work like any other, and cost nothing where there are none."""

from __future__ import annotations

import os
import shutil
from pathlib import Path

import pytest
from nexus_sdk.protocol.errors import GitFailed
from nexusd.git import unseen, worktrees
from nexusd.git.command import Git
from nexusd.git.layout import Checkout
from nexusd.git.worktrees import inspect_work, remove

BRANCH = "nexus/w"
BITS = {"assume-unchanged": ["--assume-unchanged"], "skip-worktree": ["--skip-worktree"]}
BITS["both"] = [*BITS["assume-unchanged"], *BITS["skip-worktree"]]


@pytest.fixture
async def checkout(repo: Path, git) -> Checkout:
    place = repo / ".nexus" / "worktrees" / "w"
    await worktrees.create(repo, place, BRANCH, git(repo, "rev-parse", "main"))
    return Checkout.find(repo, place)


@pytest.fixture
def commands(monkeypatch: pytest.MonkeyPatch) -> list[str]:
    """The git commands that were run since."""
    ran: list[str] = []
    run = Git.run

    async def recorded(self: Git, *argv: str, **options):
        ran.append(argv[0])
        return await run(self, *argv, **options)

    monkeypatch.setattr(Git, "run", recorded)
    return ran


def flag(git, place: Path, bits: str, *names: str) -> None:
    for option in BITS[bits]:
        git(place, "update-index", option, *names)


async def holds(repo: Path, checkout: Checkout, *files: str) -> None:
    """The worktree is kept because of exactly these files."""
    work = await inspect_work(repo, checkout.path, BRANCH)
    assert (sorted(work.files), work.changed) == (sorted(files), len(files))
    if files:
        with pytest.raises(GitFailed, match="uncommitted file"):
            await remove(repo, checkout.path)
        assert checkout.path.is_dir()


@pytest.mark.parametrize("bits", BITS)
async def test_an_edit_is_kept(repo: Path, checkout: Checkout, git, bits: str) -> None:
    flag(git, checkout.path, bits, "a.txt", "sub/b.txt")
    await holds(repo, checkout)
    before = (checkout.git_dir / "index").read_bytes()
    (checkout.path / "sub" / "b.txt").write_text("B\n")
    assert git(checkout.path, "status", "--porcelain") == ""
    await holds(repo, checkout, "sub/b.txt")
    assert (checkout.git_dir / "index").read_bytes() == before
    (checkout.path / "sub" / "b.txt").write_text("b\n")
    os.utime(checkout.path / "a.txt", (1, 1))
    await remove(repo, checkout.path)
    assert not checkout.path.exists()


@pytest.mark.parametrize(("bits", "held"), [("assume-unchanged", True), ("skip-worktree", False), ("both", False)])
@pytest.mark.parametrize("whole", [False, True])
async def test_a_missing_file(repo: Path, checkout: Checkout, git, bits: str, held: bool, whole: bool) -> None:
    flag(git, checkout.path, bits, "sub/b.txt")
    if whole:
        shutil.rmtree(checkout.path / "sub")
    else:
        (checkout.path / "sub" / "b.txt").unlink()
    await holds(repo, checkout, *(["sub/b.txt"] if held else []))


@pytest.mark.parametrize("bits", BITS)
async def test_other_edits_than_of_content(repo: Path, checkout: Checkout, git, bits: str) -> None:
    a, b = checkout.path / "a.txt", checkout.path / "sub" / "b.txt"
    flag(git, checkout.path, bits, "a.txt", "sub/b.txt")
    a.chmod(0o755)
    b.unlink()
    b.symlink_to("../a.txt")
    await holds(repo, checkout, "a.txt", "sub/b.txt")


async def test_a_sparse_checkout_holds_nothing(repo: Path, checkout: Checkout, git) -> None:
    git(checkout.path, "sparse-checkout", "set", "--cone", "--sparse-index", "nothing")
    assert not (checkout.path / "sub").exists()
    await holds(repo, checkout)
    (checkout.path / "sub").mkdir()
    (checkout.path / "sub" / "b.txt").write_text("B\n")
    await holds(repo, checkout, "sub/b.txt")


async def test_settings_that_flag_everything(repo: Path, checkout: Checkout, git) -> None:
    git(repo, "config", "core.ignoreStat", "true")
    git(repo, "config", "core.splitIndex", "true")
    git(checkout.path, "reset", "--quiet", "--hard", "HEAD~1")
    git(checkout.path, "reset", "--quiet", "--hard", BRANCH)
    (checkout.path / "a.txt").write_text("mine\n")
    assert git(checkout.path, "status", "--porcelain") == ""
    await holds(repo, checkout, "a.txt")
    assert not list(repo.rglob("sharedindex.*.lock"))


async def test_a_file_with_two_changes_is_named_once(repo: Path, checkout: Checkout, git) -> None:
    (checkout.path / "a.txt").write_text("staged\n")
    git(checkout.path, "add", "a.txt")
    flag(git, checkout.path, "assume-unchanged", "a.txt")
    (checkout.path / "a.txt").write_text("edited\n")
    await holds(repo, checkout, "a.txt")


@pytest.mark.parametrize("bits", BITS)
async def test_what_is_hashed_is_what_git_would_commit(repo: Path, checkout: Checkout, git, bits: str) -> None:
    place = checkout.path
    (place / "dos.txt").write_bytes(b"one\ntwo\n")
    (place / ".gitattributes").write_text("*.txt text eol=crlf\n")
    git(place, "add", ".")
    git(place, "commit", "--quiet", "-m", "lines end differently here")
    (place / "dos.txt").write_bytes(b"one\r\ntwo\r\n")
    # the attributes are in the index alone
    flag(git, place, "skip-worktree", ".gitattributes")
    (place / ".gitattributes").unlink()
    flag(git, place, bits, "dos.txt")
    assert (await inspect_work(repo, place, BRANCH)).files == []
    (place / "dos.txt").write_bytes(b"one\r\n2\r\n")
    assert (await inspect_work(repo, place, BRANCH)).files == ["dos.txt"]


async def test_names_of_any_kind(repo: Path, checkout: Checkout, git) -> None:
    names = [b"tab\there", b"line\nend", b"caf\xe9", b"-n", b":(glob)*", b'"q"']
    for name in names:
        Path(os.fsdecode(os.path.join(os.fsencode(checkout.path), name))).write_text("before\n")
    git(checkout.path, "add", ".")
    git(checkout.path, "commit", "--quiet", "-m", "names")
    git(checkout.path, "update-index", "--skip-worktree", *map(os.fsdecode, names[:3]))
    git(checkout.path, "update-index", "--skip-worktree", "--", *map(os.fsdecode, names[3:]))
    await holds(repo, checkout)
    for name in names:
        Path(os.fsdecode(os.path.join(os.fsencode(checkout.path), name))).write_text("after\n")
    await holds(repo, checkout, *(name.decode("utf-8", "backslashreplace") for name in names))


async def test_a_link_in_place_of_a_directory_is_not_followed(
    repo: Path, checkout: Checkout, git, tmp_path: Path
) -> None:
    """What lies behind it is not the worktree's: the link is the edit, whether the file there is the same or not."""
    flag(git, checkout.path, "assume-unchanged", "sub/b.txt")
    outside = tmp_path / "outside"
    outside.mkdir()
    (outside / "b.txt").write_text("b\n")
    shutil.rmtree(checkout.path / "sub")
    (checkout.path / "sub").symlink_to(outside)
    await holds(repo, checkout, "sub", "sub/b.txt")


async def test_no_program_of_the_worktree_runs(repo: Path, checkout: Checkout, git, tmp_path: Path) -> None:
    """The worktree can name filters and drivers, and only the repository's configuration says what these are."""
    proof, evil = tmp_path / "proof", tmp_path / "evil.sh"
    evil.write_text(f"#!/bin/sh\ntouch {proof}\ncat\n")
    evil.chmod(0o755)
    for name in ("core.fsmonitor", "diff.external", "diff.evil.command", "diff.evil.textconv"):
        git(repo, "config", name, str(evil))
    hooks = tmp_path / "hooks"
    hooks.mkdir()
    shutil.copy(evil, hooks / "post-index-change")
    git(repo, "config", "core.hooksPath", str(hooks))
    flag(git, checkout.path, "assume-unchanged", "a.txt")
    assert proof.exists(), "the trap does not work"
    proof.unlink()
    (checkout.path / ".gitattributes").write_text("* filter=evil diff=evil\n")
    (checkout.path / "a.txt").write_text("mine\n")
    await holds(repo, checkout, ".gitattributes", "a.txt")
    assert not proof.exists()


async def test_in_a_submodule(repo: Path, git, submodule: Checkout) -> None:
    place = submodule.path
    flag(git, place / "lib", "skip-worktree", "lib.txt")
    flag(git, place, "assume-unchanged", "lib")
    await holds(repo, submodule)
    (place / "lib" / "lib.txt").write_text("mine\n")
    await holds(repo, submodule, "lib/lib.txt")


async def test_nothing_more_is_run_where_nothing_is_flagged(
    repo: Path, checkout: Checkout, git, commands: list[str]
) -> None:
    (checkout.path / "a.txt").write_text("mine\n")
    await inspect_work(repo, checkout.path, BRANCH)
    assert commands.count("ls-files") == 1
    assert not {"update-index", "diff-files"} & set(commands)
    commands.clear()
    flag(git, checkout.path, "skip-worktree", "sub/b.txt")
    (checkout.path / "sub" / "b.txt").unlink()
    assert await unseen.edited(checkout, await unseen.read_index(checkout)) == []
    assert commands == ["ls-files"]
