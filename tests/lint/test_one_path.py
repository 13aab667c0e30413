"""There is one way to a tenant's file: no module of the daemon opens or changes paths but those named here.

What a caller names goes through `nexusd.files.beneath`. A module that touches files of the daemon's own is listed with
its reason; a new one fails this test until its author has said why it may.
"""

from __future__ import annotations

import ast
from pathlib import Path

import pytest

SOURCE = Path(__file__).resolve().parents[2] / "daemon" / "nexusd"

ALLOWED = {
    # The one path module and what works on the descriptors it gives.
    "files/beneath.py": "resolves every path of a caller",
    "files/walker.py": "the same without openat2, component by component",
    "files/walk.py": "reads directories that are open",
    "files/acting.py": "opens an entry by name in an open directory, to see what is mounted there",
    "files/stage.py": "makes and renames temporary files in an open directory",
    "files/remove.py": "unlinks by name in an open directory",
    "files/copytree.py": "opens directories by name in an open directory, never following",
    "files/replica.py": "copies a tree by name in open directories, never following",
    "files/tree.py": "renames, unlinks and changes modes by descriptor",
    "files/listing.py": "reads links by name in an open directory",
    "files/watchtree.py": "reads directories that are open",
    "files/watch.py": "reads a limit of the system from /proc",
    # The daemon's own files, whose paths no tenant chooses.
    "config/*": "configuration of the node and its users",
    "store/*": "the database and its directory",
    "auth/*": "keys in the daemon's home",
    "processes/*": "output logs in the daemon's home",
    "server/*": "sockets in the daemon's home",
    "observe/*": "log files in the daemon's home",
    "git/*": "repositories and worktrees made by the daemon, and what git says of them",
    "workspaces/*": "the directory of worktrees and the records beside it",
    "backends/*": "the root directories themselves, and /proc",
    "api/system.py": "memory of the daemon itself, from /proc",
    "daemon.py": "the daemon's home",
    "__main__.py": "the daemon's home",
    "failpoints.py": "a file named by the tests' environment",
}

OPENING = {
    "open", "mkdir", "makedirs", "remove", "unlink", "rmdir", "rename", "renames", "replace", "symlink", "link",
    "chmod", "chown", "lchown", "truncate", "mkfifo", "mknod", "utime", "scandir", "listdir", "walk", "fwalk",
    "readlink", "removedirs", "setxattr", "removexattr",
}  # fmt: skip
PATHLIB = {
    "open", "read_text", "read_bytes", "write_text", "write_bytes", "unlink", "rmdir", "mkdir", "touch", "rename",
    "symlink_to", "hardlink_to", "chmod", "iterdir", "rglob", "readlink",
}  # fmt: skip


def touches(tree: ast.AST) -> list[tuple[int, str]]:
    """Calls in a module that open or change something by its path, with their lines."""
    found: list[tuple[int, str]] = []
    modules = {"os": "os", "shutil": "shutil", "tempfile": "tempfile", "io": "io", "aiofiles": "aiofiles"}
    direct: dict[str, str] = {}
    for node in ast.walk(tree):
        if isinstance(node, ast.Import):
            for alias in node.names:
                if alias.name.split(".")[0] in modules:
                    modules[alias.asname or alias.name.split(".")[0]] = alias.name.split(".")[0]
        elif isinstance(node, ast.ImportFrom) and node.module in modules:
            direct.update({alias.asname or alias.name: f"{node.module}.{alias.name}" for alias in node.names})
    paths = _path_names(tree)
    for node in ast.walk(tree):
        if not isinstance(node, ast.Call):
            continue
        called = node.func
        if isinstance(called, ast.Name):
            name = direct.get(called.id, called.id)
            module, _, last = name.rpartition(".")
            if name == "open" or module in ("shutil", "tempfile", "aiofiles") or (module == "os" and last in OPENING):
                found.append((node.lineno, name))
        elif isinstance(called, ast.Attribute) and isinstance(called.value, ast.Name):
            module = modules.get(called.value.id, "")
            if module in ("shutil", "tempfile", "aiofiles") or (module in ("os", "io") and called.attr in OPENING):
                found.append((node.lineno, f"{module}.{called.attr}"))
            elif called.value.id in paths and called.attr in PATHLIB:
                found.append((node.lineno, f"Path.{called.attr}"))
        elif isinstance(called, ast.Attribute) and called.attr in PATHLIB and _is_path(called.value, paths):
            found.append((node.lineno, f"Path.{called.attr}"))
    return found


def _path_names(tree: ast.AST) -> set[str]:
    """Names that are assigned or annotated as pathlib paths."""
    names: set[str] = set()
    for node in ast.walk(tree):
        if isinstance(node, ast.arg) and node.annotation is not None and "Path" in _words(node.annotation):
            names.add(node.arg)
        elif (
            isinstance(node, ast.AnnAssign) and isinstance(node.target, ast.Name) and "Path" in _words(node.annotation)
        ):
            names.add(node.target.id)
        elif isinstance(node, ast.Assign) and _is_path(node.value, names):
            names.update(target.id for target in node.targets if isinstance(target, ast.Name))
    return names


def _words(node: ast.AST) -> set[str]:
    return {part.id for part in ast.walk(node) if isinstance(part, ast.Name)}


def _is_path(node: ast.AST, names: set[str]) -> bool:
    return any(
        isinstance(part, ast.Name) and (part.id in names or part.id in ("Path", "pathlib")) for part in ast.walk(node)
    )


def allowed(path: str) -> bool:
    """Whether a module is on the list."""
    return path in ALLOWED or any(
        f"{path.rsplit('/', depth)[0]}/*" in ALLOWED for depth in range(1, path.count("/") + 1)
    )


def test_no_other_module_touches_paths() -> None:
    offences = [
        f"daemon/nexusd/{path}:{line}: {call}"
        for file in sorted(SOURCE.rglob("*.py"))
        if not allowed(path := file.relative_to(SOURCE).as_posix())
        for line, call in touches(ast.parse(file.read_text()))
    ]
    assert offences == [], "go through nexusd.files.beneath, or list the module with its reason"


def test_every_listed_module_of_the_files_package_exists_and_needs_it() -> None:
    for path in ALLOWED:
        if path.startswith("files/"):
            assert touches(ast.parse((SOURCE / path).read_text())), f"{path} is listed for nothing"


@pytest.mark.parametrize(
    "text",
    [
        "open('x')",
        "import os\nos.open('x', 0)",
        "import os as system\nsystem.unlink('x')",
        "from os import rename as r\nr('a', 'b')",
        "import shutil\nshutil.rmtree('x')",
        "from shutil import copy\ncopy('a', 'b')",
        "from pathlib import Path\nPath('x').write_text('y')",
        "from pathlib import Path\np = Path('x') / 'y'\np.unlink()",
        "from pathlib import Path\ndef f(p: Path): p.read_bytes()",
        "from pathlib import Path\ndef f(p: Path): (p / 'x').mkdir()",
        "import io\nio.open('x')",
        "import aiofiles\naiofiles.open('x')",
    ],
)
def test_the_check_sees(text: str) -> None:
    assert touches(ast.parse(text))


@pytest.mark.parametrize(
    "text", ["'a'.replace('b', 'c')", "import os\nos.close(1)", "beneath.open('x')", "x.remove(1)"]
)
def test_the_check_passes_over(text: str) -> None:
    assert not touches(ast.parse(text))
