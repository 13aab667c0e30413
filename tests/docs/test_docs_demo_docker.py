"""The demo in a container, on an engine that it starts itself: nothing is left of it, and what is missing is said."""

from __future__ import annotations

import os
import shutil
import signal
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_process import make_repository
from engine import install, unavailable

from benchmarks.dockerd import Unavailable

DEMO = Path(__file__).resolve().parents[2] / "scripts" / "demo.py"
QUICK = 'import os, pytest, hypothesis; print("quick in", os.getcwd(), os.path.exists("/.nexus"))'
MAKEFILE = f"quick:\n\t@$(PYTHON) -c '{QUICK}'\n"


@pytest.fixture
def place() -> Iterator[Path]:
    """Where the demo makes things, its engine too, for which the name is short enough."""
    made = Path(tempfile.mkdtemp(prefix="nx", dir="/tmp"))
    yield made
    shutil.rmtree(made)


@pytest.fixture
def environ(place: Path) -> dict[str, str]:
    """No engine answers; what the demo makes goes below a folder of its own."""
    kept = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
    return kept | {"DOCKER_HOST": f"unix://{place / 'none.sock'}", "TMPDIR": str(place)}


@pytest.fixture
def engine_programs() -> None:
    try:
        install()
    except Unavailable as reason:
        unavailable(str(reason))
    if os.geteuid() != 0:
        unavailable("only root can start one")


@pytest.fixture
def nothing_left(place: Path) -> Iterator[None]:
    """Afterwards there is neither an engine nor anything of one, nor of the demo."""
    yield
    assert remains(place) == set()


def remains(place: Path) -> set[str]:
    """What is in a place, its mounts, and processes that know of it."""
    found = {str(path) for path in place.iterdir()}
    found |= {line.split()[1] for line in Path("/proc/self/mounts").read_text().splitlines() if str(place) in line}
    for process in Path("/proc").glob("[0-9]*/cmdline"):
        try:
            said = process.read_bytes()
        except OSError:
            continue
        if os.fsencode(place) in said:
            found.add(str(process.parent))
    return found


def repository(tmp_path: Path) -> Path:
    return make_repository(tmp_path / "r", {"README.md": "# Example\n", "Makefile": MAKEFILE})


def command(repository: Path, *more: str) -> list[str]:
    return [sys.executable, "-u", str(DEMO), "--backend", "docker", "--repo", str(repository), *more]


def test_the_main_job_in_a_container(
    engine_programs: None, nexus_init: Path, environ: dict[str, str], nothing_left: None, tmp_path: Path
) -> None:
    made = repository(tmp_path)
    done = subprocess.run(command(made), env=environ, capture_output=True, text=True, timeout=180, check=False)
    assert done.returncode == 0, done.stdout + done.stderr
    assert "(one of our own)" in done.stdout
    assert "quick in /workspace True" in done.stdout, "the tests ran inside"
    assert done.stdout.count("\n    ok, ") == 8 and "8 steps, each checked" in done.stdout
    branches = subprocess.run(["git", "-C", str(made), "branch"], capture_output=True, text=True, check=True)
    assert "nexus/" not in branches.stdout


def test_control_c_leaves_no_engine(
    engine_programs: None, nexus_init: Path, environ: dict[str, str], nothing_left: None, tmp_path: Path
) -> None:
    with subprocess.Popen(
        command(repository(tmp_path), "--test", "sleep 600"),
        env=environ,
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    ) as process:
        assert process.stdout is not None
        for line in process.stdout:
            if "run its quick tests" in line:
                os.killpg(process.pid, signal.SIGINT)
                break
        _, said = process.communicate(timeout=120)
    assert process.returncode == 130, said
    assert "Traceback" not in said and "interrupted" in said


def test_what_is_missing_is_said(nexus_init: Path, environ: dict[str, str], nothing_left: None, tmp_path: Path) -> None:
    programs = tmp_path / "bin"
    programs.mkdir()
    for folder in os.environ["PATH"].split(os.pathsep):
        for path in Path(folder).glob("*") if folder else ():
            if "docker" not in path.name and "containerd" not in path.name and not (programs / path.name).exists():
                (programs / path.name).symlink_to(path)
    assert shutil.which("dockerd", path=str(programs)) is None
    done = subprocess.run(
        command(repository(tmp_path)),
        env=environ | {"PATH": str(programs)},
        capture_output=True,
        text=True,
        timeout=180,
        check=False,
    )
    assert done.returncode == 1
    assert "demo failed: dockerd, containerd not found; install it: apt-get install docker.io" in done.stderr
    assert "Traceback" not in done.stderr
