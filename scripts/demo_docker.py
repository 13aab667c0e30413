"""What the demo needs for a container: nexus-init, an engine, and an image with Python, git and make.

The image is packed from the programs of this machine, so no registry is asked and nothing is fetched. It can run the
quick tests of this repository. What was started or put somewhere is gone again afterwards.
"""

from __future__ import annotations

import os
import re
import shutil
import stat
import subprocess
import sys
import sysconfig
import tarfile
from collections.abc import Iterable, Iterator
from importlib.metadata import PackageNotFoundError, distribution
from pathlib import Path

ROOT = Path(__file__).resolve().parent.parent
sys.path.insert(0, str(ROOT))

from benchmarks.dockerd import Engine, Unavailable  # noqa: E402 - found from the line above

IMAGE = f"nexus-demo-base:{os.getpid()}"
PROGRAMS = ("sh", "git", "make", "cat", "env", "ls", "mkdir", "mv", "rm", "seq", "sleep", "touch", "true", "uname")
TESTS = ("pytest", "pytest-asyncio", "hypothesis", "msgspec", "websockets")
"""Distributions that the quick tests import."""
WITHOUT = {
    "site-packages",
    "dist-packages",
    "test",
    "tests",
    "idlelib",
    "tkinter",
    "turtledemo",
    "ensurepip",
    "lib2to3",
}
"""Folders of Python's library that nothing here needs."""

__all__ = ["Docker", "Unavailable"]


class Docker:
    """An engine with the image; use it in `with`.

    Attributes:
        engine: where containers are made.
        python: path of Python inside.
        image: its name.

    Raises:
        Unavailable: something is missing; says what.
    """

    def __init__(self, home: Path) -> None:
        built = subprocess.run([sys.executable, str(ROOT / "scripts" / "build_init")], check=False)
        if built.returncode != 0:
            raise Unavailable("nexus-init, which runs inside containers, cannot be built; see the line above")
        for program in PROGRAMS:
            if shutil.which(program) is None:
                raise Unavailable(f"{program} is not installed, so no image can be made with it")
        self.python = os.path.realpath(getattr(sys, "_base_executable", sys.executable))
        self.image = IMAGE
        packed = home / "image.tar"
        pack(packed, self.python)
        try:
            self.size = packed.stat().st_size
            self.engine = Engine()
            try:
                self.engine.put(IMAGE, packed)
            except BaseException:
                self.engine.close()
                raise
        finally:
            packed.unlink()

    def __str__(self) -> str:
        where = "one of our own" if self.engine.own else "it ran already"
        return (
            f"engine at {self.engine.host} ({where})\nimage {IMAGE}, {self.size / 1e6:.0f} MB of this machine's files"
        )

    def __enter__(self) -> Docker:
        return self

    def __exit__(self, *exception: object) -> None:
        self.engine.close()

    def left(self, workspace: str) -> list[str]:
        """What the engine still has of a workspace."""
        filters = {"label": [f"nexus.workspace={workspace}"]}
        api = self.engine.api
        return [
            *(item["Id"] for item in api.containers(all=True, filters=filters)),
            *(item["Name"] for item in api.networks(filters=filters)),
            *(item["Name"] for item in api.volumes(filters=filters)["Volumes"] or []),
            *(item["Id"] for item in api.images(all=True, filters=filters)),
        ]


def pack(target: Path, python: str) -> None:
    """Write the files of the image, as a tar."""
    stdlib = Path(sysconfig.get_path("stdlib"))
    packages = Path(_ask(python, "import site; print(site.getsitepackages()[0])"))
    found = [*_below(stdlib, stdlib), *((path, packages / name) for path, name in _files(TESTS))]
    programs = [(_real(name), Path("/usr/bin", name)) for name in PROGRAMS]
    programs += [(Path(python), Path(python)), (Path(python), Path("/usr/bin/python3"))]
    binaries = [path for path, _ in programs] + [
        path for path, _ in found if path.suffix == ".so" or ".so." in path.name
    ]
    with tarfile.open(target, "w", dereference=True) as tar:
        for folder, mode in (("usr/bin", 0o755), ("tmp", 0o1777), ("etc", 0o755), ("root", 0o755)):
            made = tarfile.TarInfo(folder)
            made.type, made.mode = tarfile.DIRTYPE, mode
            tar.addfile(made)
        link = tarfile.TarInfo("bin")
        link.type, link.linkname = tarfile.SYMTYPE, "usr/bin"
        tar.addfile(link)
        for path, name in [*programs, *((library, library) for library in _libraries(binaries)), *found]:
            tar.add(path, str(name).lstrip("/"), recursive=False, filter=_anybodys)


def _anybodys(info: tarfile.TarInfo) -> tarfile.TarInfo:
    """Owned by root, and everybody may read it."""
    info.uid = info.gid = 0
    info.uname = info.gname = ""
    info.mode |= 0o555 if info.mode & stat.S_IXUSR else 0o444
    return info


def _below(folder: Path, name: Path) -> Iterator[tuple[Path, Path]]:
    """Python's library: each file, and where it goes."""
    for place, folders, files in os.walk(folder, followlinks=True):
        folders[:] = [one for one in folders if one not in WITHOUT and not one.startswith("config-")]
        for file in files:
            path = Path(place, file)
            if path.is_file() and not file.startswith("_tkinter"):
                yield path, name / path.relative_to(folder)


def _files(names: Iterable[str]) -> Iterator[tuple[Path, Path]]:
    """The files of distributions and of all that they require: each, and where it goes below site-packages."""
    todo, done = [*names], set[str]()
    while todo:
        name = re.split(r"[^A-Za-z0-9._-]", todo.pop(), maxsplit=1)[0]
        if name.lower() in done:
            continue
        done.add(name.lower())
        try:
            one = distribution(name)
        except PackageNotFoundError:
            continue  # for another system or another Python
        todo += [text for text in one.requires or [] if "extra ==" not in text]
        for file in one.files or []:
            path = Path(str(one.locate_file(file)))
            if ".." not in file.parts and path.is_file():
                yield path, Path(str(file))


def _real(program: str) -> Path:
    return Path(os.path.realpath(str(shutil.which(program))))


def _libraries(programs: Iterable[Path]) -> list[Path]:
    """The shared libraries that programs are linked to, and where the loader finds them."""
    listed = subprocess.run(["ldd", *programs], capture_output=True, text=True, check=False).stdout
    found = {word for word in listed.split() if word.startswith("/") and not word.endswith(":")}
    return [Path(path) for path in sorted({*found, "/etc/ld.so.cache"}) if os.path.isfile(path)]


def _ask(python: str, code: str) -> str:
    return subprocess.run([python, "-I", "-c", code], capture_output=True, text=True, check=True).stdout.strip()
