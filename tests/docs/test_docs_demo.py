"""The demo, on repositories that are not like ours."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from daemon_process import make_repository

ROOT = Path(__file__).resolve().parents[2]


def commit(repository: Path) -> None:
    """Commit all there is."""
    for argv in (["add", "--all"], ["-c", "user.name=T", "-c", "user.email=t@example.org", "commit", "-qm", "change"]):
        subprocess.run(["git", "-C", str(repository), *argv], check=True)


def demo(repository: str, **environ: str) -> subprocess.CompletedProcess[str]:
    """Run it, with nothing of our own environment that points to a daemon."""
    env = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
    return subprocess.run(
        [sys.executable, str(ROOT / "scripts" / "demo.py"), "--repo", repository],
        env=env | environ,
        capture_output=True,
        text=True,
        timeout=120,
        check=False,
    )


def test_a_path_with_spaces_and_files_that_are_no_text(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "a b")
    (repository / "README.md").unlink()
    (repository / "README.md").symlink_to("src")
    (repository / "README").write_bytes(b"caf\xe9\n")
    commit(repository)
    done = demo("~/a b", HOME=str(tmp_path))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "added a line to README\n" not in done.stdout
    branches = subprocess.run(["git", "-C", str(repository), "branch"], capture_output=True, text=True, check=True)
    assert "nexus/" not in branches.stdout


def test_an_empty_tree_whose_readme_is_ignored(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "ignoring")
    for entry in repository.iterdir():
        if entry.name != ".git":
            shutil.rmtree(entry) if entry.is_dir() else entry.unlink()
    commit(repository)
    (repository / ".git" / "info" / "exclude").write_text("README*\n")
    done = demo(str(repository))
    assert done.returncode == 0, done.stdout + done.stderr
    assert "added a line to demo-" in done.stdout


def test_a_long_temporary_directory(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r")
    place = tmp_path / ("l" * 100)
    place.mkdir()
    done = demo(str(repository), TMPDIR=str(place))
    assert done.returncode == 0, done.stdout + done.stderr


def test_control_c_leaves_nothing(tmp_path: Path) -> None:
    repository = make_repository(tmp_path / "r")
    env = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
    with subprocess.Popen(
        [sys.executable, "-u", str(ROOT / "scripts" / "demo.py"), "--repo", str(repository), "--test", "sleep 600"],
        env=env | {"TMPDIR": str(tmp_path)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        for line in process.stdout:
            if "run its quick tests" in line:
                os.killpg(process.pid, signal.SIGINT)
                break
        _, said = process.communicate(timeout=60)
    assert process.returncode == 130
    assert "Traceback" not in said and "interrupted" in said
    branches = subprocess.run(["git", "-C", str(repository), "branch"], capture_output=True, text=True, check=True)
    assert "nexus/" not in branches.stdout
    assert not list(tmp_path.glob("nexus-demo-*"))


def test_no_repository_is_no_success(tmp_path: Path) -> None:
    done = demo(str(tmp_path))
    assert done.returncode == 1 and "not a git repository" in done.stderr


@pytest.mark.skipif(shutil.which("make") is None, reason="make is not installed")
def test_make_hands_the_repository_on_as_it_is() -> None:
    done = subprocess.run(
        ["make", "-n", "demo", "REPO=/a b/$$(c)"], cwd=ROOT, capture_output=True, text=True, check=True
    )
    assert '--repo "$REPO"' in done.stdout
