"""Programs like nexus-init that are other versions of it, built from these sources."""

from __future__ import annotations

import re
import shutil
from collections.abc import Callable
from dataclasses import replace
from pathlib import Path

import pytest
from go_toolchain import ROOT, Go

MakeInit = Callable[..., Path]
_PACKAGE = "github.com/nexus-workspaces/nexus/init/internal/version"


@pytest.fixture(scope="session")
def make_init(go: Go, tmp_path_factory: pytest.TempPathFactory) -> MakeInit:
    """Builds a nexus-init: ``make_init(version=, build=, protocol=, handover=)``; the same arguments build it once."""
    made: dict[tuple[str, str, int, int], Path] = {}

    def make(version: str = "0.1.0", build: str = "other", protocol: int = 1, handover: int = 1) -> Path:
        key = version, build, protocol, handover
        if key not in made:
            folder = tmp_path_factory.mktemp("init")
            sources = folder / "sources"
            shutil.copytree(ROOT / "init", sources)
            constants = sources / "internal" / "version" / "version.go"
            text, count = re.subn(r"const Protocol = \d+", f"const Protocol = {protocol}", constants.read_text())
            text, again = re.subn(r"const Handover = \d+", f"const Handover = {handover}", text)
            assert (count, again) == (1, 1)
            constants.write_text(text)
            program = folder / "nexus-init"
            flags = f"-s -w -X {_PACKAGE}.Build={build} -X {_PACKAGE}.Version={version}"
            done = replace(go, module=sources).run(
                *("build", "-trimpath", "-ldflags", flags, "-o", str(program), "./cmd/nexus-init"), CGO_ENABLED="0"
            )
            assert done.returncode == 0, done.stdout
            made[key] = program
        return made[key]

    return make
