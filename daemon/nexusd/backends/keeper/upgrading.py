"""An older nexus-init in a machine that runs is replaced by the one that this installation brings; nothing else ends.

A daemon that was upgraded finds machines with the program of its predecessor. The program is put in its place where the
protocol is the same; where it is another, `Keeper.connect` has refused already and said what to do.
"""

from __future__ import annotations

import asyncio
import logging
import os
import subprocess
from pathlib import Path
from typing import Final

import msgspec
from nexus_sdk.protocol.errors import BackendFailed

from nexusd.backends.keeper.keeper import Keeper

__all__ = ["About", "about", "current"]

VERSION_TIMEOUT: Final = 10.0
"""Seconds for a program to say which it is; it does so within some milliseconds."""

_log = logging.getLogger("nexusd.backends.keeper")
_known: dict[tuple[str, int, int, int], About] = {}


class About(msgspec.Struct, frozen=True):
    """What a nexus-init says of itself.

    Attributes:
        version: of the release.
        build: of the sources that it was made of.
        protocols: those that it speaks with daemons.
        handovers: the versions of the state that it can take over from another.
    """

    version: str
    build: str
    protocols: list[int]
    handovers: list[int]


async def about(program: Path) -> About:
    """What a program says of itself; it is asked once. Raises BackendFailed where it does not say."""
    try:
        status = os.stat(program)
        mark = (str(program), status.st_ino, status.st_size, status.st_mtime_ns)
        if mark not in _known:
            _known[mark] = msgspec.json.decode(await asyncio.to_thread(_ask, program), type=About)
        return _known[mark]
    except (OSError, subprocess.SubprocessError, msgspec.DecodeError) as error:
        raise BackendFailed(
            f"{program} does not say which nexus-init it is: {error}",
            hint="Install Nexus again; in a checkout, run `make init`.",
            backend="keeper",
            step="version",
            reason=str(error),
        ) from None


async def current(keeper: Keeper, program: Path) -> None:
    """Put `program` in the place of what a keeper runs, if that is another build and no newer version.

    Where that fails the keeper goes on as it was, with all its processes: it is a warning in the log, and tried again
    with the next connection.

    Raises:
        BackendFailed: the keeper is gone since, and its processes with it.
    """
    try:
        ours = await about(program)
        if keeper.build == ours.build or _order(keeper.version) > _order(ours.version):
            return
        before = f"{keeper.version} ({keeper.build})"
        await keeper.upgrade(program, ours.build)
        _log.info("nexus-init %s of process %d was replaced by %s (%s)", before, keeper.pid, ours.version, ours.build)
    except BackendFailed as error:
        if keeper.closed.done():
            raise
        _log.warning("nexus-init %s (%s) goes on as it is: %s", keeper.version, keeper.build, error.message)


def _ask(program: Path) -> bytes:
    done = subprocess.run([program, "version"], capture_output=True, timeout=VERSION_TIMEOUT, check=True)
    return done.stdout


def _order(version: str) -> tuple[int, ...]:
    """What versions are compared by; one that is none is the oldest."""
    try:
        return tuple(map(int, version.split(".")))
    except ValueError:
        return ()
