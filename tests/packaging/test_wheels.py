"""What is published: the wheels, looked into, and installed where nothing of this checkout can be seen."""

from __future__ import annotations

import email
import shutil
import struct
import subprocess
import sys
import sysconfig
import zipfile
from collections.abc import Iterator
from pathlib import Path

import pytest
from daemon_process import DaemonProcess
from go_toolchain import ROOT

PACKAGES = {"nexus_sdk": ROOT / "sdk-python", "nexusd": ROOT / "daemon", "boulder": ROOT / "cli"}
PROGRAMS = "nexusd/backends/keeper/bin"
MACHINES = {"amd64": 62, "arm64": 183}
"""What elf(5) calls them."""


def run(*argv: object, **options: object) -> str:
    done = subprocess.run(
        [str(word) for word in argv],
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        timeout=300,
        check=False,
        **options,
    )
    assert done.returncode == 0, done.stdout
    return done.stdout.strip()


def pip(*argv: object, python: object = sys.executable) -> str:
    return run(sys.executable, "-m", "pip", "--python", python, "--disable-pip-version-check", "--no-input", *argv)


def build(folder: Path, *projects: Path) -> None:
    pip("wheel", "--no-deps", "--no-build-isolation", "-w", folder, *projects)


@pytest.fixture(scope="module")
def wheels(nexus_init: Path, tmp_path_factory: pytest.TempPathFactory) -> dict[str, Path]:
    """The wheels of this checkout, after `make init`."""
    folder = tmp_path_factory.mktemp("wheels")
    build(folder, *PACKAGES.values())
    found = {path.name.partition("-")[0]: path for path in folder.iterdir()}
    assert found.keys() == PACKAGES.keys()
    return found


@pytest.fixture(scope="module")
def bare(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The daemon's wheel from sources that nobody built nexus-init in."""
    folder = tmp_path_factory.mktemp("bare")
    shutil.copytree(ROOT / "daemon", folder / "daemon", ignore=shutil.ignore_patterns("bin", "__pycache__"))
    build(folder, folder / "daemon")
    return next(folder.glob("*.whl"))


@pytest.fixture
def python(tmp_path: Path) -> Path:
    """A fresh environment. It has the dependencies, which are not ours to test, from the one that runs the tests."""
    run(sys.executable, "-m", "venv", "--without-pip", tmp_path / "venv")
    interpreter = tmp_path / "venv" / "bin" / "python"
    purelib = Path(run(interpreter, "-c", "import sysconfig; print(sysconfig.get_paths()['purelib'])"))
    # Editable packages are not found this way: their own .pth files are read in an environment's own directory alone.
    (purelib / "dependencies.pth").write_text(sysconfig.get_paths()["purelib"])
    return interpreter


def started(home: Path, python: Path, repository: Path) -> Iterator[DaemonProcess]:
    daemon = DaemonProcess(home, python=str(python)).start()
    daemon.call("workspace.create", name="inside", repository={"url": str(repository)})
    yield daemon
    daemon.stop()


def test_every_package_has_the_licence() -> None:
    for folder in PACKAGES.values():
        assert (folder / "LICENSE").read_bytes() == (ROOT / "LICENSE").read_bytes(), f"copy LICENSE to {folder}"


def test_every_wheel_says_what_may_be_done_with_it(wheels: dict[str, Path]) -> None:
    for path in wheels.values():
        with zipfile.ZipFile(path) as wheel:
            folder = next(name.partition("/")[0] for name in wheel.namelist() if ".dist-info/" in name)
            assert wheel.read(f"{folder}/licenses/LICENSE") == (ROOT / "LICENSE").read_bytes()
            metadata = email.message_from_bytes(wheel.read(f"{folder}/METADATA"))
        assert (metadata["License-Expression"], metadata["License-File"]) == ("Apache-2.0", "LICENSE")


def test_the_daemon_brings_nexus_init(wheels: dict[str, Path]) -> None:
    with zipfile.ZipFile(wheels["nexusd"]) as wheel:
        inside = {name for name in wheel.namelist() if name.startswith(f"{PROGRAMS}/")}
        assert inside == {f"{PROGRAMS}/nexus-init-{name}" for name in MACHINES}
        for name, machine in MACHINES.items():
            info = wheel.getinfo(f"{PROGRAMS}/nexus-init-{name}")
            assert info.external_attr >> 16 & 0o111 == 0o111, "installers are told that it is a program"
            assert struct.unpack_from("<4s14xH", wheel.read(info)) == (b"\x7fELF", machine)


def test_no_wheel_has_what_nobody_meant_to_publish(wheels: dict[str, Path]) -> None:
    for name, path in wheels.items():
        with zipfile.ZipFile(path) as wheel:
            files = [file for file in wheel.namelist() if ".dist-info/" not in file]
        assert {file.partition("/")[0] for file in files} == {name}
        assert not [file for file in files if "__pycache__" in file or Path(file).name.startswith(".")]


def test_installed_it_keeps_processes(wheels: dict[str, Path], python: Path, tmp_path: Path, repository: Path) -> None:
    pip("install", "--no-deps", *wheels.values(), python=python)
    carried = run(python, "-c", "from nexusd.backends.keeper.binary import binary; print(binary())", cwd=tmp_path)
    assert Path(carried).is_relative_to(python.parent.parent), "what was installed, not this checkout"
    assert '"protocols":[1]' in run(carried, "version"), "it can be executed as pip left it"
    assert run(python.with_name("boulder"), "--version")
    for daemon in started(tmp_path / "home", python, repository):
        process = daemon.call("exec.start", workspace="inside", argv=["sleep", "600"])["id"]
        daemon.kill()
        daemon.start()
        assert daemon.call("exec.get", process=process)["state"] == "running"


def test_an_installer_that_forgets_modes_does_no_harm(
    wheels: dict[str, Path], python: Path, tmp_path: Path, repository: Path
) -> None:
    pip("install", "--no-deps", *wheels.values(), python=python)
    for program in python.parent.parent.glob(f"lib/python3*/site-packages/{PROGRAMS}/*"):
        program.chmod(0o644)
    for daemon in started(tmp_path / "home", python, repository):
        process = daemon.call("exec.start", workspace="inside", argv=["sleep", "600"])["id"]
        daemon.kill()
        daemon.start()
        assert daemon.call("exec.get", process=process)["state"] == "running"


def test_without_nexus_init_it_does_what_it_can_and_says_what_it_cannot(
    wheels: dict[str, Path], bare: Path, python: Path, tmp_path: Path, repository: Path
) -> None:
    with zipfile.ZipFile(bare) as wheel:
        assert not [name for name in wheel.namelist() if "nexus-init" in name]
    pip("install", "--no-deps", bare, wheels["nexus_sdk"], python=python)
    for daemon in started(tmp_path / "home", python, repository):
        assert daemon.call("exec.run", workspace="inside", argv=["echo", "done"])["stdout"]["text"] == "done\n"
        [host] = [one for one in daemon.call("backend.list")["backends"] if one["name"] == "host"]
        assert host["capabilities"]["survives_daemon"] is False
        assert "nexus-init for" in daemon.log and "is missing from this installation" in daemon.log
        process = daemon.call("exec.start", workspace="inside", argv=["sleep", "600"])["id"]
        daemon.kill()
        daemon.start()
        assert daemon.call("exec.get", process=process)["state"] == "lost"
