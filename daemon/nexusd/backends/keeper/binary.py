"""The program that is put into machines: where it is, and the secret that it is given."""

from __future__ import annotations

import filecmp
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


def binary(arch: str | None = None, keep: Path | None = None) -> Path:
    """The nexus-init for an architecture. Blocking.

    Args:
        arch: as `architecture` names it; ours by default.
        keep: a directory for a copy, whose path then is the answer. It stays the same from one installation to the
            next, for machines name it for as long as they are there, and it can be executed, which some installers
            forget to say of what is in a package. None: what the package carries, as it is.

    Raises:
        BackendFailed: this installation does not carry it, or the copy cannot be made.
    """
    arch = arch or architecture()
    path = DIRECTORY / f"nexus-init-{arch}"
    if not path.is_file():
        raise _unusable(
            f"nexus-init for {arch} is missing from this installation ({path})",
            "In a checkout, run `make init`; it takes a Go toolchain from the package index where there is none.",
            f"{path} is not there",
        )
    if keep is not None:
        try:
            return _copied(path, keep)
        except OSError as error:
            reason = error.strerror or str(error)
            raise _unusable(
                f"nexus-init cannot be copied to {keep}: {reason}", f"See to it that {keep} can be written.", reason
            ) from None
    if not os.access(path, os.X_OK):
        raise _unusable(f"{path} cannot be executed", f"chmod 755 {path}", "it is not marked as executable")
    return path


def _copied(path: Path, keep: Path) -> Path:
    copy = keep / path.name
    if copy.is_file() and os.access(copy, os.X_OK) and filecmp.cmp(path, copy, shallow=False):
        return copy
    keep.mkdir(mode=0o700, parents=True, exist_ok=True)
    new = keep / f"{path.name}.{secrets.token_hex(4)}"
    try:
        with open(os.open(new, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC, 0o700), "wb") as file:
            file.write(path.read_bytes())
            os.fchmod(file.fileno(), 0o755)  # who runs it inside of a container is another user
            file.flush()
            os.fsync(file.fileno())
        new.replace(copy)
    finally:
        new.unlink(missing_ok=True)
    return copy


def _unusable(message: str, hint: str, reason: str) -> BackendFailed:
    return BackendFailed(message, hint=hint, backend="keeper", step="binary", reason=reason)


def new_secret(directory: Path) -> bytes:
    """A new secret for a machine, also in ``directory/secret``, which nexus-init reads once and removes. Blocking."""
    secret = secrets.token_bytes(32)
    path = directory / "secret"
    path.unlink(missing_ok=True)
    fd = os.open(path, os.O_WRONLY | os.O_CREAT | os.O_EXCL | os.O_CLOEXEC | os.O_NOFOLLOW, 0o600)
    with open(fd, "wb") as file:
        file.write(secret)
    return secret
