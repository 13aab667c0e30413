"""The program that is put into machines: where it is, and the secret that it is given."""

from __future__ import annotations

import os
import platform
import secrets
from pathlib import Path

from nexus_sdk.protocol.errors import BackendFailed

__all__ = ["architecture", "binary", "new_secret"]

DIRECTORY = Path(__file__).with_name("bin")
"""Where the package carries it, one file for each architecture."""

_ARCHITECTURES = {"x86_64": "amd64", "amd64": "amd64", "aarch64": "arm64", "arm64": "arm64"}


def architecture(machine: str | None = None) -> str:
    """What Go and container engines call a kind of processor; `machine` is its name in the kernel, ours by default."""
    name = machine or platform.machine()
    return _ARCHITECTURES.get(name, name)


def binary(arch: str | None = None) -> Path:
    """The nexus-init for an architecture, ours by default.

    Raises:
        BackendFailed: this installation does not carry it.
    """
    arch = arch or architecture()
    path = DIRECTORY / f"nexus-init-{arch}"
    if not os.access(path, os.X_OK):
        raise BackendFailed(
            f"nexus-init for {arch} is missing from this installation ({path})",
            hint="In a checkout, run `make init`; it takes a Go toolchain from the package index where there is none.",
            backend="keeper",
            step="binary",
            reason=f"{path} is not there",
        )
    return path


def new_secret(directory: Path) -> bytes:
    """A new secret for a machine, also in ``directory/secret``, which nexus-init reads once and removes. Blocking."""
    secret = secrets.token_bytes(32)
    path = directory / "secret"
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(fd, "wb") as file:
        file.write(secret)
    return secret
