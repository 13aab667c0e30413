"""The TypeScript SDK, installed and built, with Node.js from this machine or from the package index."""

from __future__ import annotations

import os
import sys

import pytest
from node_toolchain import PACKAGE, Node, unavailable

from benchmarks.toolchains import Unavailable, fingerprint, install_packages, node_path, packages_lock


@pytest.fixture(scope="session")
def node(tmp_path_factory: pytest.TempPathFactory) -> Node:
    """Node.js, with the package installed and built."""
    environ = {name: value for name, value in os.environ.items() if not name.startswith("NEXUS_")}
    environ |= {"NEXUS_TEST_PYTHON": sys.executable, "NO_COLOR": "1"}
    try:
        programs = node_path(tmp_path_factory.mktemp("node"))
        if programs is not None:
            environ["PATH"] = os.pathsep.join([programs, environ["PATH"]])
        with packages_lock():
            install_packages(environ)
            return built(Node(environ))
    except Unavailable as reason:
        unavailable(str(reason))


def built(node: Node) -> Node:
    """Build the package, unless the build is of these sources."""
    folders = ("src", "driver", "scripts")
    sources = fingerprint(
        [path for folder in folders for path in (PACKAGE / folder).rglob("*.*s")]
        + [*PACKAGE.glob("tsconfig*.json"), *PACKAGE.glob("package*.json")]
    )
    stamp = PACKAGE / "node_modules" / ".nexus-built"
    if not stamp.is_file() or stamp.read_text() != sources or not (PACKAGE / "dist" / "driver.js").exists():
        made = node.run("npm", "run", "--silent", "build")
        assert made.returncode == 0, made.stdout
        stamp.write_text(sources)
    return node
