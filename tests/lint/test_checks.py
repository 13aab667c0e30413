"""`scripts/check.py`: every test is run by one check, every check once, and what fails is told."""

from __future__ import annotations

import importlib.util
import os
import subprocess
import sys
from pathlib import Path
from types import ModuleType

import pytest

ROOT = Path(__file__).resolve().parents[2]


@pytest.fixture(scope="module")
def check() -> ModuleType:
    spec = importlib.util.spec_from_file_location("check", ROOT / "scripts" / "check.py")
    assert spec is not None and spec.loader is not None
    module = sys.modules["check"] = importlib.util.module_from_spec(spec)  # its data classes look for themselves there
    spec.loader.exec_module(module)
    return module


def collected(command: list[str]) -> set[Path]:
    """The files of tests that a command runs."""
    names = {path for word in command if (path := ROOT / word).exists() and word.startswith("tests")}
    ignored = [ROOT / word.removeprefix("--ignore=") for word in command if word.startswith("--ignore=")]
    found = {file for path in names for file in ([path] if path.is_file() else path.rglob("test_*.py"))}
    return {file for file in found if not any(file.is_relative_to(path) for path in ignored)}


def test_every_test_is_run_by_one_check(check: ModuleType) -> None:
    runs = [collected(one.command) for one in check.CHECKS.values()]
    assert {file for run in runs for file in run} == set((ROOT / "tests").rglob("test_*.py"))
    assert sum(map(len, runs)) == len(set().union(*runs)), "a test is run by two checks"


@pytest.mark.parametrize("middle", ["APART", "TOGETHER"])
def test_every_check_is_run_once(check: ModuleType, middle: str) -> None:
    streams = [*check.FIRST, *getattr(check, middle), *(stream for streams in check.LAST for stream in streams)]
    assert sorted(name for stream in streams for name in stream) == sorted(check.CHECKS)


def test_what_fails_hides_nothing_else(
    check: ModuleType, monkeypatch: pytest.MonkeyPatch, capfd: pytest.CaptureFixture[str]
) -> None:
    def says(word: str, code: int) -> object:
        return check.Check(["sh", "-c", f"echo said {word}; exit {code}"], f"mend {word}")

    made = {"a": says("a", 1), "b": says("b", 0), "c": says("c", 3), "d": says("d", 0)}
    monkeypatch.setattr(check, "CHECKS", made)
    run = check.Run(machines=False)
    run.together([["a", "b"], ["c"]])
    assert run.failed
    run.together([["d"]])
    marks = {line.split()[1]: (line.split()[0], line.endswith(f"mend {line.split()[1]}")) for line in run.lines}
    assert marks == {"a": ("FAIL", True), "b": ("ok", False), "c": ("FAIL", True), "d": ("ok", False)}
    told = capfd.readouterr().out
    assert all(f"== {word}\nsaid {word}\n" in told for word in ("a", "b", "c"))
    assert "said d\n" in told


def test_a_machine_apart_has_processes_and_a_network_of_its_own(check: ModuleType) -> None:
    if subprocess.run(check.apart(["true"]), capture_output=True, check=False).returncode != 0:
        pytest.skip("nothing can have a machine of its own here")
    script = "echo $$; ls -d /proc/[0-9]* | wc -l; ls /proc/1/task; readlink /proc/self/ns/net; exit 7"
    done = subprocess.run(check.apart(["sh", "-c", script]), capture_output=True, text=True, check=False)
    pid, processes, first, network = done.stdout.split()
    assert (done.returncode, first, int(pid) < 10, int(processes) < 10) == (7, "1", True, True)
    assert network != os.readlink("/proc/self/ns/net")
