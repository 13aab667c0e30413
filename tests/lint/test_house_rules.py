"""Rules of the house that no linter knows: sizes, layers, one way to start a process, nothing unfinished."""

from __future__ import annotations

import ast
import json
import os
import re
from collections import Counter
from graphlib import CycleError, TopologicalSorter
from pathlib import Path

import pytest

ROOT = Path(__file__).resolve().parents[2]
DAEMON = ROOT / "daemon" / "nexusd"
SDK = ROOT / "sdk-python" / "src" / "nexus_sdk"
CODE = [DAEMON, SDK, ROOT / "cli" / "boulder", ROOT / "schema" / "generate", ROOT / "benchmarks", ROOT / "scripts"]
OTHER_LANGUAGES = {"sdk-typescript": (".ts", ".js", ".mjs"), "sdk-go": (".go",), "daemon": (".go", ".c", ".js")}
"""What is written in other languages, by folder."""
NOT_OURS = {"node_modules", "dist", "docs", "build", ".venv"}
MOST_LINES = 600

LAYERS = [
    {"__main__"},
    {"daemon"},
    {"upkeep"},
    {"server"},
    {"api"},
    {"auth", "workspaces"},
    {"processes", "files", "git", "wire"},
    {"backends"},
    {"store", "config", "observe"},
    {"failpoints", "ids", "version"},
]
"""Packages of the daemon, from the top down: each may import from its own floor's members' lower floors only."""

SAME_FLOOR = {("server", "api"), ("files", "wire")}

UPWARD = {
    # The confinement of paths is one module, and starting a process needs a directory resolved through it.
    ("backends", "files"),
}


def modules(folder: Path) -> list[Path]:
    return sorted(path for path in folder.rglob("*.py") if "__pycache__" not in path.parts)


def every_module() -> list[Path]:
    return [path for folder in CODE for path in modules(folder)] + modules(ROOT / "tests")


def every_source() -> list[Path]:
    """Every file of code, in any language."""
    found = every_module()
    for folder, endings in OTHER_LANGUAGES.items():
        for home, folders, files in os.walk(ROOT / folder):
            folders[:] = [name for name in folders if name not in NOT_OURS]
            found += [Path(home, name) for name in files if name.endswith(endings)]
    return found


def is_generated(path: Path) -> bool:
    return "enerated" in path.read_text()[:200]


def floor(package: str) -> int:
    return next(number for number, names in enumerate(LAYERS) if package in names)


def imports(path: Path) -> set[str]:
    """Full names of the modules that a file imports, type checking included."""
    found = set()
    for node in ast.walk(ast.parse(path.read_text())):
        if isinstance(node, ast.Import):
            found |= {alias.name for alias in node.names}
        elif isinstance(node, ast.ImportFrom) and node.module:
            found.add(node.module)
    return found


def imported(path: Path) -> set[str]:
    """As `imports`, with what is taken from a module: it may be a module itself."""
    taken = {
        f"{node.module}.{alias.name}"
        for node in ast.walk(ast.parse(path.read_text()))
        if isinstance(node, ast.ImportFrom)
        for alias in node.names
    }
    return imports(path) | taken


def test_every_language_is_looked_at():
    counts = Counter(path.suffix for path in every_source())
    assert counts[".ts"] > 50
    assert counts[".go"] > 50


def test_no_module_is_too_long_to_read():
    long = {
        str(path.relative_to(ROOT)): lines
        for path in every_source()
        if not is_generated(path) and (lines := path.read_text().count("\n")) > MOST_LINES
    }
    assert long == {}


def test_every_package_of_the_daemon_has_a_floor():
    names = {path.name for path in DAEMON.iterdir() if path.is_dir() and path.name != "__pycache__"}
    names |= {path.stem for path in DAEMON.glob("*.py")} - {"__init__"}
    assert names <= set().union(*LAYERS)


def test_arrows_run_down():
    up = set()
    for path in modules(DAEMON):
        parts = path.relative_to(DAEMON).parts
        mine = parts[0].removesuffix(".py")
        if mine == "__init__":
            continue
        for name in imports(path):
            words = name.split(".")
            if words[0] != "nexusd" or len(words) < 2:
                continue
            theirs = words[1]
            if theirs != mine and floor(theirs) <= floor(mine) and (mine, theirs) not in UPWARD:
                up.add(f"{path.relative_to(ROOT)} imports {name}")
    assert up == set()


@pytest.mark.parametrize(
    "package", [folder for folder in CODE if (folder / "__init__.py").exists()], ids=lambda p: p.name
)
def test_no_imports_run_in_a_circle(package):
    """Neither those of type checking nor those in functions: such modules are read, and changed, as one."""
    home = package.parent
    names = {path: ".".join(path.relative_to(home).with_suffix("").parts) for path in modules(package)}
    ours = {name.removesuffix(".__init__") for name in names.values()}
    graph = {name.removesuffix(".__init__"): imported(path) & ours for path, name in names.items()}
    assert len(graph) > 5
    try:
        TopologicalSorter(graph).prepare()
    except CycleError as error:
        pytest.fail(" <- ".join(error.args[1]))


@pytest.mark.parametrize("folder", [SDK / "wire", SDK / "protocol"])
def test_the_ground_floor_imports_nothing_of_ours(folder):
    allowed = {"wire": ("nexus_sdk.wire", "nexus_sdk.protocol"), "protocol": ("nexus_sdk.protocol",)}[folder.name]
    for path in modules(folder):
        for name in imports(path):
            if name.split(".")[0] in ("nexus_sdk", "nexusd", "boulder"):
                assert name.startswith(allowed), f"{path.name} imports {name}"


def test_the_wire_core_does_no_input_or_output():
    for path in modules(SDK / "wire"):
        assert imports(path).isdisjoint({"asyncio", "socket", "websockets", "threading"}), path


STARTS_PROCESSES = {
    "backends/host/libc.py": "posix_spawn itself, for spawn.py alone",
    "backends/host/spawn.py": "the one way to start a process of a workspace on this host",
    "backends/keeper/upgrading.py": "our own nexus-init, asked which it is",
    "git/child.py": "the one way to run git",
}


def test_processes_are_started_in_one_place():
    """A workspace's process is started by `Machine.spawn` and by nobody else."""
    guilty = set()
    for path in modules(DAEMON):
        name = str(path.relative_to(DAEMON))
        if name in STARTS_PROCESSES:
            continue
        source = path.read_text()
        if imports(path) & {"subprocess", "pty", "multiprocessing"}:
            guilty.add(name)
        if re.search(r"create_subprocess|os\.(fork|forkpty|exec[lv]|posix_spawn|system|popen|spawn)", source):
            guilty.add(name)
    assert guilty == set()


UNFINISHED = re.compile(
    r"\b(TO"
    r"DO|FIX"
    r"ME|XX"
    r"X|HA"
    r"CK)\b|raise NotImplemented"
    r"Error|not implemented "
    r"yet"
    r"|panic\(\"not implemented|throw new Error\(\"not implemented|@ts-"
    r"(nocheck|ignore)|\b(test|it|describe)\.(only|todo)\("
)


def test_nothing_is_left_unfinished():
    assert [str(path) for path in every_source() if UNFINISHED.search(path.read_text())] == []


def test_the_version_is_the_same_everywhere():
    from nexusd.version import VERSION

    for package in ("daemon", "cli", "sdk-python"):
        text = (ROOT / package / "pyproject.toml").read_text()
        assert f'version = "{VERSION}"' in text, package
    assert json.loads((ROOT / "sdk-typescript" / "package.json").read_text())["version"] == VERSION
