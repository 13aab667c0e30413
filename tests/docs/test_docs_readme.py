"""The README is followed, not believed: its commands and its program run as they stand there."""

from __future__ import annotations

import os
import re
import shutil
import signal
import subprocess
import sys
from pathlib import Path

import pytest
from daemon_process import make_repository

ROOT = Path(__file__).resolve().parents[2]
README = (ROOT / "README.md").read_text()
PATIENCE = 60


def blocks(language: str) -> list[str]:
    return re.findall(rf"```{language}\n(.*?)```", README, re.DOTALL)


@pytest.fixture
def newcomer(tmp_path):
    """A user with an empty home, in a repository of theirs, with our programs on the path."""
    home = tmp_path / "home"
    home.mkdir()
    files = {"Makefile": "test:\n\t@echo tests ran\n", "README.md": "# Shop\n"}
    project = make_repository(home / "projects" / "shop", files)
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
    environ.update(
        HOME=str(home),
        PATH=f"{Path(sys.executable).parent}{os.pathsep}{os.environ['PATH']}",
        NEXUS_PORT="0",
        NO_COLOR="1",
    )
    yield project, environ
    subprocess.run(["boulder", "daemon", "stop"], env=environ, cwd=project, check=True, timeout=PATIENCE)


def run(command: str, project: Path, environ: dict[str, str]) -> str:
    done = subprocess.run(
        ["sh", "-c", command], cwd=project, env=environ, capture_output=True, text=True, timeout=PATIENCE, check=False
    )
    assert done.returncode == 0, f"{command}\n{done.stdout}\n{done.stderr}"
    return done.stdout


def commands() -> list[str]:
    """The lines of the tour that call boulder, without comments; ways to type something else stay out."""
    lines = [line.split("  #")[0].strip() for block in blocks("sh") for line in block.splitlines()]
    return [line for line in lines if line.startswith("boulder ")]


def test_the_tour_can_be_taken(newcomer):
    project, environ = newcomer
    taken = commands()
    assert [line.split()[1] for line in taken] == [
        *("up", "exec", "shell", "ls", "git", "git", "exec", "port", "port", "down"),
    ]
    up, exec_, _, ls, status, commit, serve, ports, forward, down = taken
    run(up, project, environ)
    assert "tests ran" in run(exec_, project, environ)
    assert "fix-login" in run(ls, project, environ)
    (project / ".nexus" / "worktrees" / "fix-login" / "new.txt").write_text("work\n")
    assert "new.txt" in run(status, project, environ)
    run(commit, project, environ)
    run(serve, project, environ)
    assert "web" in run(ports, project, environ)
    with subprocess.Popen(
        ["sh", "-c", f"exec {forward}"],
        cwd=project,
        env=environ,
        stderr=subprocess.PIPE,
        stdout=subprocess.PIPE,
        text=True,
    ) as forwarding:
        try:
            text = ""
            while not (found := re.search(r"127\.0\.0\.1:(\d+)", text)):
                line = forwarding.stdout.readline()
                assert line, f"it ended: {forwarding.stderr.read()}"
                text += line
            fetch = (
                "import sys, time, urllib.request\n"
                "for attempt in range(200):\n"
                "    try:\n"
                "        print(urllib.request.urlopen(sys.argv[1], timeout=5).read().decode())\n"
                "        break\n"
                "    except OSError:\n"
                "        time.sleep(0.05)\n"
            )
            page = subprocess.run(
                [sys.executable, "-c", fetch, f"http://127.0.0.1:{found[1]}/new.txt"],
                capture_output=True,
                text=True,
                timeout=PATIENCE,
                check=True,
            ).stdout
            assert page.strip() == "work"
        finally:
            forwarding.send_signal(signal.SIGINT)
            forwarding.wait(PATIENCE)
    said = run(down, project, environ)
    assert "nexus/fix-login" in said, "a branch with a commit of its own is kept, and named"


def test_the_program_runs(newcomer):
    project, environ = newcomer
    run("boulder daemon start", project, environ)
    (program,) = blocks("python")
    path = project.parent / "program.py"
    path.write_text(program)
    assert "first" in run(f"{sys.executable} {path}", project, environ)


def test_every_page_that_is_named_exists():
    for page in re.findall(r"\]\(([^)#]+)\)", README):
        if not page.startswith("http"):
            assert (ROOT / page).exists(), page


def test_the_two_commands_are_in_the_makefile():
    targets = set(re.findall(r"^make (\w+)", "\n".join(blocks("sh")), re.MULTILINE))
    makefile = (ROOT / "Makefile").read_text()
    assert {"demo", "test"} <= targets
    for target in targets:
        assert f"\n{target}:" in makefile
    assert shutil.which("make")
