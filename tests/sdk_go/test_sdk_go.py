"""The Go SDK's own checks: format, vet, lint, known vulnerabilities, and its tests with the race detector."""

from __future__ import annotations

import shutil
import subprocess

import pytest
from go_toolchain import MODULE, Go, unavailable

STATICCHECK = "honnef.co/go/tools/cmd/staticcheck@v0.8.2"
GOVULNCHECK = "golang.org/x/vuln/cmd/govulncheck@v1.1.4"
UNREACHABLE = ("dial tcp", "no such host", "i/o timeout", "connection refused", "Forbidden", "TLS handshake")
"""What a tool says that could not be fetched, or could not fetch what it needs."""


def tool(go: Go, package: str) -> subprocess.CompletedProcess[str]:
    """Run a tool on the whole module; skips where it cannot be had."""
    ran = go.run("run", package, "./...")
    if ran.returncode != 0 and "fetching vulnerabilities" in ran.stdout:
        # The tool is there, the database that it asks is not: nothing about this module can be told.
        pytest.skip(f"the vulnerability database cannot be reached: {ran.stdout[-200:]}")
    if ran.returncode != 0 and any(sign in ran.stdout for sign in UNREACHABLE):
        unavailable(f"{package} cannot be had here: {ran.stdout[-300:]}")
    return ran


def test_it_is_formatted(go: Go) -> None:
    ran = subprocess.run(
        [str(go.gofmt), "-l", "."],
        cwd=MODULE,
        env=go.environ,
        capture_output=True,
        text=True,
        timeout=60.0,
        check=False,
    )
    assert (ran.returncode, ran.stdout, ran.stderr) == (0, "", "")


def test_the_module_is_tidy(go: Go) -> None:
    ran = go.run("mod", "tidy", "-diff")
    if ran.returncode != 0 and any(sign in ran.stdout for sign in UNREACHABLE):
        unavailable(f"modules cannot be had here: {ran.stdout[-300:]}")
    assert ran.returncode == 0, ran.stdout


def test_vet_has_nothing_to_say(go: Go) -> None:
    ran = go.run("vet", "./...")
    assert ran.returncode == 0, ran.stdout


def test_staticcheck_has_nothing_to_say(go: Go) -> None:
    ran = tool(go, STATICCHECK)
    assert ran.returncode == 0, ran.stdout


def test_no_vulnerability_is_known(go: Go) -> None:
    ran = tool(go, GOVULNCHECK)
    assert ran.returncode == 0, ran.stdout


def test_its_tests_pass_with_the_race_detector(go: Go) -> None:
    """Vectors, a broken server, a real daemon, fifty cuts, and every example of the documentation."""
    race = ["-race"] if shutil.which("gcc") or shutil.which("cc") else []
    ran = go.run("test", *race, "-count=1", "-timeout=540s", "./...")
    assert ran.returncode == 0, ran.stdout[-8000:]
