"""Paths from callers: what is refused, what is found, and that both ways of resolving agree."""

from __future__ import annotations

import os
import posixpath
import socket
from pathlib import Path

import pytest
from files_support import SECRET, beneath_at, open_descriptors, snapshot, without_openat2
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from nexus_sdk.protocol import errors
from nexusd.files.beneath import Beneath


@pytest.mark.parametrize(
    ("path", "error"),
    [
        ("", errors.PathInvalid),
        ("a\0b", errors.PathInvalid),
        ("a/" * 2049, errors.PathInvalid),
        ("x" * 256, errors.PathInvalid),
        ("é" * 128, errors.PathInvalid),
        ("\ud800", errors.PathInvalid),
        ("/etc/passwd", errors.PathInvalid),
        ("..", errors.PathEscapes),
        ("a/../../b", errors.PathEscapes),
        ("./../x", errors.PathEscapes),
        ("missing", errors.PathNotFound),
        ("file/below", errors.PathNotFound),
    ],
)
def test_a_path_that_is_refused(either: Beneath, root: Path, path: str, error: type[errors.NexusError]) -> None:
    (root / "file").write_text("x")
    before = snapshot(root)
    with pytest.raises(error) as caught:
        either.open(path)
    with pytest.raises(error):
        either.stat(path)
    with pytest.raises(error):
        either.opendir(path)
    assert caught.value.details is not None
    assert snapshot(root) == before


def test_an_absolute_path_must_lie_below_the_root(root: Path, tmp_path: Path) -> None:
    (root / "a").write_text("x")
    (tmp_path / "root-beside").mkdir()
    files = beneath_at(root, seen_as="/workspace")
    assert files.relative("/workspace/a") == "a"
    assert files.relative("/workspace") == "."
    assert files.stat("/workspace//./a").st_size == 1
    for path in ("/workspacex/a", "/a", str(root / "a")):
        with pytest.raises(errors.PathInvalid):
            files.parts(path)
    with pytest.raises(errors.PathEscapes):
        files.parts("/workspace/../a")


@pytest.mark.parametrize("link", ["/etc/passwd", "../outside/secret", "sub/../../outside/secret", "/", "..", "abs/x"])
def test_a_link_that_leaves_is_refused(either: Beneath, root: Path, outside: Path, link: str) -> None:
    (root / "sub").mkdir()
    (root / "abs").symlink_to(outside)
    (root / "link").symlink_to(link)
    for call in (either.open, either.stat, either.opendir, either.cwd):
        with pytest.raises(errors.PathEscapes):
            call("link")
    assert os.path.islink(root / "link")
    with pytest.raises(errors.PathEscapes):
        either.stat("link/x")


def test_an_absolute_link_below_the_root_is_still_absolute(either: Beneath, root: Path) -> None:
    (root / "file").write_text("x")
    (root / "link").symlink_to(root / "file")
    with pytest.raises(errors.PathEscapes):
        either.open("link")


def test_links_inside_are_followed(either: Beneath, root: Path) -> None:
    (root / "a" / "b").mkdir(parents=True)
    (root / "a" / "b" / "file").write_text("found")
    (root / "one").symlink_to("a/b")
    (root / "a" / "two").symlink_to("../one/../b/file")
    fd = either.open("a/two")
    assert os.read(fd, 10) == b"found"
    os.close(fd)
    assert either.canonical("a/two") == ("a", "b", "file")
    assert either.readlink("one") == "a/b"


def test_links_in_a_circle(either: Beneath, root: Path) -> None:
    (root / "a").symlink_to("b")
    (root / "b").symlink_to("a")
    with pytest.raises(errors.TooManyLinks):
        either.open("a")
    assert either.stat("a", follow=False).st_size == 1


def test_a_whole_filesystem_resolves_absolute_links_inside(
    root: Path, outside: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    (root / "etc").mkdir()
    (root / "etc" / "passwd").write_text("inner")
    (root / "link").symlink_to("/etc/passwd")
    (root / "up").symlink_to("../../../../../etc/passwd")
    (root / "away").symlink_to(outside / "secret")
    for _ in range(2):
        files = beneath_at(root, in_root=True, seen_as="/")
        for path in ("link", "up", "/link", "/etc/passwd"):
            fd = files.open(path)
            assert os.read(fd, 10) == b"inner"
            os.close(fd)
        with pytest.raises(errors.PathNotFound):
            files.open("away")
        with pytest.raises(errors.PathEscapes):
            files.open("../etc/passwd")
        without_openat2(monkeypatch)


def test_magic_links_lead_nowhere(outside: Path) -> None:
    fd = os.open(outside, os.O_RDONLY)
    files = beneath_at(Path("/"), in_root=True, seen_as="/")
    try:
        for path in (f"proc/self/fd/{fd}/secret", "proc/self/root/etc/passwd", "proc/self/cwd", "proc/self/exe"):
            with pytest.raises((errors.TooManyLinks, errors.PathEscapes)):
                files.open_path(path)
    finally:
        os.close(fd)


def test_special_files_are_not_opened(either: Beneath, root: Path) -> None:
    os.mkfifo(root / "fifo")
    (root / "directory").mkdir()
    with socket.socket(socket.AF_UNIX) as listener:
        here = os.open(root, os.O_RDONLY)
        listener.bind(f"/proc/self/fd/{here}/socket")
        os.close(here)
        names = ["fifo", "directory", "socket"]
        if os.geteuid() == 0:
            os.mknod(root / "device", 0o20666, os.makedev(1, 5))
            names.append("device")
        for name in names:
            for flags in (os.O_RDONLY, os.O_WRONLY):
                with pytest.raises(errors.NotAFile):
                    either.open(name, flags)


def test_opening_does_not_release_a_writer_of_a_fifo(files: Beneath, root: Path) -> None:
    os.mkfifo(root / "fifo")
    with pytest.raises(errors.NotAFile):
        files.open("fifo")
    # A reader would have made this succeed.
    with pytest.raises(OSError, match="No such device or address"):
        os.open(root / "fifo", os.O_WRONLY | os.O_NONBLOCK)


def test_a_directory_is_asked_for(either: Beneath, root: Path) -> None:
    (root / "file").write_text("x")
    with pytest.raises(errors.NotADirectory):
        either.opendir("file")
    with pytest.raises(errors.NotADirectory):
        either.cwd("file")
    with pytest.raises(errors.PathNotFound):
        either.opendir("file/below")
    os.close(either.cwd("."))


def test_the_root_has_no_parent(files: Beneath) -> None:
    for path in (".", "./", "a/.."):
        with pytest.raises(errors.PathInvalid), files.open_parent(path):
            raise AssertionError("not reached")


def test_parents_are_made_and_unmade(either: Beneath, root: Path) -> None:
    (root / "there").mkdir()
    before = snapshot(root)
    with pytest.raises(ZeroDivisionError), either.open_parent("there/a/b/c", parents=True) as (fd, name):
        assert name == "c" and os.path.isdir(root / "there/a/b")
        assert os.stat(".", dir_fd=fd).st_ino == os.stat(root / "there/a/b").st_ino
        raise ZeroDivisionError
    assert set(snapshot(root)) == set(before)
    with either.open_parent("there/a/b/c", parents=True):
        pass
    assert (root / "there/a/b").is_dir()


def test_parents_are_not_made_through_a_link_outside(either: Beneath, root: Path, outside: Path) -> None:
    (root / "link").symlink_to("../outside")
    with pytest.raises(errors.PathEscapes), either.open_parent("link/a/b", parents=True):
        raise AssertionError("not reached")


def test_no_descriptor_is_leaked(either: Beneath, root: Path) -> None:
    (root / "d").mkdir()
    (root / "loop").symlink_to("loop")
    os.mkfifo(root / "fifo")
    before = open_descriptors()
    for path in ("missing", "loop", "fifo", "d", "d/x/y", "../x"):
        for _ in range(5):
            with pytest.raises(errors.NexusError):
                either.open(path)
            with pytest.raises(errors.NexusError), either.open_target(path + "/x/y"):
                raise AssertionError("not reached")
    assert open_descriptors() == before


def test_the_root_descriptor_is_closed_with_its_last_user(root: Path) -> None:
    before = open_descriptors()
    files = beneath_at(root)
    assert open_descriptors() == before + 1
    del files
    assert open_descriptors() == before


COMPONENT = st.sampled_from(["a", "b", "file", "in", "up", "out", "abs", "loop", ".", "..", "", "é", "missing"])


@settings(max_examples=300, deadline=None, suppress_health_check=[HealthCheck.function_scoped_fixture])
@given(parts=st.lists(COMPONENT, min_size=1, max_size=7), absolute=st.booleans(), in_root=st.booleans())
def test_any_path_agrees_with_an_oracle(
    parts: list[str], absolute: bool, in_root: bool, tmp_path_factory: pytest.TempPathFactory
) -> None:
    """What is opened lies below the root, and is what a cleaned path means by realpath; else there is an error."""
    base = _playground(tmp_path_factory)
    root = base / "root"
    text = "/".join(parts)
    if absolute:
        text = "/workspace/" + text
    results = []
    for walker in (False, True):
        with pytest.MonkeyPatch.context() as patch:
            if walker:
                without_openat2(patch)
            files = beneath_at(root, in_root=in_root, seen_as="/workspace")
            try:
                fd = files.open_path(text)
            except errors.NexusError as error:
                results.append(error.name)
                continue
            real = os.readlink(f"/proc/self/fd/{fd}")
            os.close(fd)
            assert real == str(root) or real.startswith(f"{root}/")
            results.append(real)
    assert results[0] == results[1]
    cleaned = posixpath.normpath("/" + "/".join(p for p in parts if p)) if text else None
    if results[0].startswith("/") and not in_root and cleaned is not None:
        assert results[0] == os.path.realpath(str(root) + cleaned)


_made: list[Path] = []


def _playground(factory: pytest.TempPathFactory) -> Path:
    if not _made:
        base = factory.mktemp("oracle")
        (base / "outside" / "a").mkdir(parents=True)
        (base / "outside" / "file").write_text(SECRET)
        root = base / "root"
        (root / "a" / "b").mkdir(parents=True)
        (root / "é").mkdir()
        (root / "a" / "file").write_text("x")
        (root / "file").write_text("x")
        for place in (root, root / "a", root / "a" / "b", root / "é"):
            (place / "in").symlink_to("../a" if place != root else "a")
            (place / "up").symlink_to("..")
            (place / "out").symlink_to("../../../outside")
            (place / "abs").symlink_to(base / "outside")
            (place / "loop").symlink_to("loop")
        _made.append(base)
    return _made[0]
