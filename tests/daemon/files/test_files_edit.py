"""fs.edit, the diffs it answers and the diffs it applies."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import Any

import pytest
from files_support import snapshot
from hypothesis import given, settings
from hypothesis import strategies as st
from nexus_sdk.protocol import errors
from nexus_sdk.protocol.types import FsEdit, FsEdited, FsEditParams
from nexusd.files import edit as edit_module
from nexusd.files import operations as fs
from nexusd.files import patch
from nexusd.files.beneath import Beneath
from nexusd.files.textdiff import changed_blocks, unified

LINES = st.lists(st.sampled_from(["a\n", "b\n", "c\n", "\n", "d d\n"]), max_size=14).map("".join)
TEXT = st.builds(lambda body, tail: body + tail, LINES, st.sampled_from(["", "tail", "a"]))


def edit(files: Beneath, path: str, *edits: tuple[str, str] | FsEdit, **more: Any) -> FsEdited:
    changes = [change if isinstance(change, FsEdit) else FsEdit(old=change[0], new=change[1]) for change in edits]
    return fs.edit(files, FsEditParams(workspace="w", path=path, edits=changes, **more))


def test_replacements_are_made_in_order(files: Beneath, root: Path) -> None:
    (root / "f").write_bytes(b"one\r\ntwo\nthree\n")
    os.chmod(root / "f", 0o755)
    done = edit(files, "f", ("one\r\n", "1\r\n"), ("1", "uno"), FsEdit(old="t", new="T", all=True))
    assert (root / "f").read_bytes() == b"uno\r\nTwo\nThree\n"
    assert (done.replacements, done.info.mode) == (4, "755")
    assert done.diff.startswith("--- a/f\n+++ b/f\n@@ -1,3 +1,3 @@\n-one\r\n")


@pytest.mark.parametrize(
    ("edits", "index", "matches"),
    [
        ([("absent", "x")], 0, 0),
        ([("b", "x"), ("b", "y")], 1, 0),
        ([("b", "x"), ("a", "y")], 1, 3),
        ([("aa", "x")], 0, 2),
    ],
)
def test_one_failing_edit_changes_nothing(
    files: Beneath, root: Path, edits: list[tuple[str, str]], index: int, matches: int
) -> None:
    (root / "f").write_text("aaa b\n")
    before = snapshot(root)
    with pytest.raises(errors.EditFailed) as caught:
        edit(files, "f", *edits)
    assert caught.value.details is not None
    assert (caught.value.details.index, caught.value.details.matches) == (index, matches)
    assert snapshot(root) == before


def test_dry_run_and_if_match(files: Beneath, root: Path) -> None:
    (root / "f").write_text("a\n")
    before = snapshot(root)
    tried = edit(files, "f", ("a", "b"), dry_run=True)
    assert "+b\n" in tried.diff and snapshot(root) == before
    assert edit(files, "f", ("a", "b"), if_match=tried.info.etag).replacements == 1
    with pytest.raises(errors.EtagMismatch):
        edit(files, "f", ("b", "c"), if_match=tried.info.etag)


def test_params_that_do_not_go_together(files: Beneath, root: Path) -> None:
    (root / "f").write_text("a\n")
    with pytest.raises(errors.InvalidParams):
        edit(files, "f")
    with pytest.raises(errors.InvalidParams):
        edit(files, "f", ("a", "b"), diff="@@ -1 +1 @@\n-a\n+b\n")


def test_what_is_no_small_text_is_refused(files: Beneath, root: Path) -> None:
    (root / "b").write_bytes(b"\xffa")
    with pytest.raises(errors.NotText):
        edit(files, "b", ("a", "b"))
    with open(root / "big", "wb") as file:
        file.truncate(edit_module.MAX_EDIT + 1)
    with pytest.raises(errors.FileTooLarge):
        edit(files, "big", ("a", "b"))
    (root / "bomb").write_text("a" * 100_000)
    with pytest.raises(errors.FileTooLarge):
        edit(files, "bomb", FsEdit(old="a", new="b" * 100_000, all=True))
    assert (root / "bomb").read_text() == "a" * 100_000


def test_a_file_that_changes_meanwhile_is_edited_as_it_is_then(
    files: Beneath, root: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "f").write_text("a\n")
    replace = edit_module._replace
    calls: list[str] = []

    def slow(text: str, edits: list[FsEdit], path: str) -> tuple[str, int]:
        if not calls:
            (root / "f").write_text("a1 more\n")
        calls.append(text)
        return replace(text, edits, path)

    monkeypatch.setattr(edit_module, "_replace", slow)
    edit(files, "f", ("a", "b"))
    assert (root / "f").read_text() == "b1 more\n" and calls == ["a\n", "a1 more\n"]


def test_a_diff_is_applied_with_its_place_near(files: Beneath, root: Path) -> None:
    lines = [f"line {number}\n" for number in range(400)]
    (root / "f").write_text("".join(lines))
    diff = "--- a/f\n+++ b/f\n@@ -10,3 +10,3 @@\n line 299\n-line 300\n+three hundred\n line 301\n"
    assert edit(files, "f", diff=diff).replacements == 1
    assert "three hundred\n" in (root / "f").read_text()
    lines[300] = "three hundred\n"
    assert (root / "f").read_text() == "".join(lines)


@pytest.mark.parametrize(
    "diff",
    [
        "no diff",
        "--- a\n+++ b\n",
        "@@ -1,2 +1 @@\n-a\n",
        "@@ -1 +1 @@\n-x\n+y\n",
        "@@ -1 +1 @@\n-a\n+y\n--- c\n+++ d\n@@ -1 +1 @@\n-a\n+y\n",
        "@@ -1 +1 @@\n-a\n+y\n@@ -1 +1 @@\n-a\n+z\n",
        "@@ -99,0 +100 @@\n+far\n",
        "@@ -1 +1 @@\n-a \n+y\n",
    ],
)
def test_a_diff_that_does_not_apply_changes_nothing(files: Beneath, root: Path, diff: str) -> None:
    (root / "f").write_text("a\nb\n")
    before = snapshot(root)
    with pytest.raises(errors.EditFailed):
        edit(files, "f", diff=diff)
    assert snapshot(root) == before


@settings(max_examples=300, deadline=None)
@given(old=TEXT, new=TEXT)
def test_our_diffs_apply_to_what_they_were_made_from(old: str, new: str) -> None:
    diff = unified(old, new, "f", 1 << 20)
    assert (diff == "") == (old == new)
    if diff:
        assert patch.apply(old, patch.parse(diff)) == new


@settings(max_examples=25, deadline=None)
@given(old=TEXT.filter(bool), new=TEXT.filter(bool))
def test_git_reads_our_diffs(old: str, new: str, tmp_path_factory: pytest.TempPathFactory) -> None:
    diff = unified(old, new, "f", 1 << 20)
    if not diff:
        return
    place = tmp_path_factory.mktemp("git")
    (place / "f").write_text(old, newline="")
    subprocess.run(["git", "apply", "--whitespace=nowarn", "-"], input=diff.encode(), cwd=place, check=True, timeout=20)
    assert (place / "f").read_bytes() == new.encode()


@settings(max_examples=200, deadline=None)
@given(a=st.lists(st.sampled_from("abcdef"), max_size=30), b=st.lists(st.sampled_from("abcdef"), max_size=30))
def test_blocks_rebuild_the_other_side(a: list[str], b: list[str]) -> None:
    rebuilt, position = [], 0
    for a0, a1, b0, b1 in changed_blocks(a, b):
        rebuilt += a[position:a0] + b[b0:b1]
        position = a1
    assert rebuilt + a[position:] == b


def test_a_diff_of_hostile_texts_is_bounded() -> None:
    """difflib alone compares these lines pair by pair, which does not end."""
    old, new = "x\n" * 200_000, "x\n" * 100_000 + "y\n" * 100_000
    diff = unified(old, new, "f", 1000)
    assert len(diff) < 1200 and diff.splitlines()[-1].startswith("\\")


def test_lines_are_not_added_to_a_line_without_an_end() -> None:
    with pytest.raises(patch.PatchError, match="no line end"):
        patch.apply("a", patch.parse("@@ -1,0 +2 @@\n+b\n"))
    assert patch.apply("a\n", patch.parse("@@ -1,0 +2 @@\n+b\n")) == "a\nb\n"
    assert patch.apply("", patch.parse("@@ -0,0 +1 @@\n+b\n")) == "b\n"


def test_the_last_line_end_is_not_taken_from_the_middle() -> None:
    cut = "@@ -1 +1 @@\n-a\n+x\n\\ No newline at end of file\n"
    with pytest.raises(patch.PatchError, match="lines follow it"):
        patch.apply("a\nb\n", patch.parse(cut))
    assert patch.apply("a\n", patch.parse(cut)) == "x"
