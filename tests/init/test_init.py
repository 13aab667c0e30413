"""nexus-init's own checks: format, vet, lint, its tests with the race detector, and what it is built to."""

from __future__ import annotations

import json
import os
import shutil
import subprocess

from go_toolchain import ROOT, Go, unavailable

STATICCHECK = "honnef.co/go/tools/cmd/staticcheck@v0.8.2"
UNREACHABLE = ("dial tcp", "no such host", "i/o timeout", "connection refused", "Forbidden", "TLS handshake")
"""What the go command says when it cannot fetch a tool."""
BUILT = ROOT / "daemon" / "nexusd" / "backends" / "keeper" / "bin"
MOST_BYTES = 6 << 20
MOST_LINES = 600


def test_it_is_formatted(go: Go) -> None:
    command = [str(go.gofmt), "-l", "."]
    ran = subprocess.run(
        command, cwd=go.module, env=go.environ, capture_output=True, text=True, timeout=60.0, check=False
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_it_needs_the_standard_library_only(go: Go) -> None:
    assert "require" not in (go.module / "go.mod").read_text()
    ran = go.run("mod", "tidy", "-diff")
    assert ran.returncode == 0, ran.stdout


def test_vet_has_nothing_to_say(go: Go) -> None:
    for architecture in ("amd64", "arm64"):
        ran = go.run("vet", "./...", GOARCH=architecture, CGO_ENABLED="0")
        assert ran.returncode == 0, ran.stdout


def test_staticcheck_has_nothing_to_say(go: Go) -> None:
    ran = go.run("run", STATICCHECK, "./...")
    if ran.returncode != 0 and any(sign in ran.stdout for sign in UNREACHABLE):
        unavailable(f"staticcheck cannot be had here: {ran.stdout[-300:]}")
    assert ran.returncode == 0, ran.stdout


def test_files_are_short_enough_to_read(go: Go) -> None:
    files = list(go.module.rglob("*.go"))
    assert len(files) > 30
    assert not [path for path in files if len(path.read_text().splitlines()) > MOST_LINES]


def test_its_tests_pass_with_the_race_detector(go: Go) -> None:
    """The real program over its real socket: kills, upgrades, fifty cuts."""
    race = ["-race"] if shutil.which("gcc") or shutil.which("cc") else []
    ran = go.run("test", *race, "-count=1", "-timeout=540s", "./...")
    assert ran.returncode == 0, ran.stdout[-8000:]


def test_it_is_built_small_and_the_same_each_time(go: Go) -> None:
    def build() -> dict[str, bytes]:
        ran = subprocess.run(
            [str(ROOT / "scripts" / "build_init")], env=go.environ, capture_output=True, timeout=600.0, check=False
        )
        assert ran.returncode == 0, ran.stderr
        return {path.name: path.read_bytes() for path in BUILT.glob("nexus-init-*")}

    first = build()
    (BUILT / ".stamp").unlink()
    assert build() == first
    assert set(first) == {"nexus-init-amd64", "nexus-init-arm64"}
    assert all(len(program) < MOST_BYTES for program in first.values())
    native = {"x86_64": "amd64", "aarch64": "arm64"}[os.uname().machine]
    said = subprocess.run([BUILT / f"nexus-init-{native}", "version"], capture_output=True, timeout=60.0, check=True)
    assert json.loads(said.stdout)["protocols"] == [1]
    assert not [name for name, program in first.items() if b"/ld-linux" in program or b"/ld-musl" in program]
