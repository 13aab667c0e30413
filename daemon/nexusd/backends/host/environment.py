"""The environment of a process in a workspace: a clean base, the workspace's own, the call's own, and the markers."""

from __future__ import annotations

import os
import pwd
import re
from collections.abc import Iterable, Mapping
from functools import lru_cache

from nexusd.backends.base import MachineSpec, SpawnSpec
from nexusd.backends.host.census import INSTANCE, PROCESS, WORKSPACE

_PASSED = ("PATH", "HOME", "USER", "LOGNAME", "SHELL", "LANG", "LANGUAGE", "TZ")
_DEFAULT_PATH = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin"
TERMINAL = "xterm-256color"
"""What a terminal calls itself where the caller does not say."""


def base(environ: Mapping[str, str] = os.environ) -> dict[str, str]:
    """What is passed on from the daemon's own environment: who and where the user is, and the language.

    Everything else stays behind, above all the daemon's own secrets and the user's agents (SSH_AUTH_SOCK).
    """
    passed = {name: environ[name] for name in _PASSED if environ.get(name)}
    passed.update((name, value) for name, value in environ.items() if name.startswith("LC_") and value)
    try:
        user = pwd.getpwuid(os.geteuid())
    except KeyError:
        user = None
    passed.setdefault("PATH", _DEFAULT_PATH)
    passed.setdefault("HOME", user.pw_dir if user else "/")
    passed.setdefault("USER", user.pw_name if user else str(os.geteuid()))
    passed.setdefault("LOGNAME", passed["USER"])
    passed.setdefault("SHELL", (user.pw_shell if user else "") or "/bin/sh")
    if not any(name in passed for name in ("LANG", "LC_ALL", "LC_CTYPE")):
        passed["LANG"] = "C.UTF-8"
    return passed


def build(common: Mapping[str, str], machine: MachineSpec, spec: SpawnSpec, instance: str) -> dict[str, str]:
    """The whole environment of one process. Markers win over whatever the workspace or the call says.

    Args:
        common: what every process there has: from `base`, or from the image of a container.
        machine: the workspace.
        spec: the process.
        instance: id of the daemon's state, the same across restarts.
    """
    environ = dict(common)
    if spec.pty is not None:
        environ["TERM"] = TERMINAL
    environ.update(machine.env)
    environ.update(spec.env)
    for name, port in machine.ports.items():
        # What a server inside binds, which in a machine with a network of its own is not always the number outside.
        environ[port_variable(name)] = str(machine.options.container_ports.get(name, port))
    environ["NEXUS_WORKSPACE_NAME"] = machine.name
    environ["NEXUS_GENERATION"] = str(machine.generation)
    environ[INSTANCE] = instance
    environ[WORKSPACE] = machine.workspace
    environ[PROCESS] = spec.process
    return environ


@lru_cache(maxsize=256)
def port_variable(name: str) -> str:
    """Name of the variable that holds a port: ``web-1`` is in ``NEXUS_PORT_WEB_1``."""
    return "NEXUS_PORT_" + re.sub(r"[^A-Z0-9]", "_", name.upper())


def unusable(argv: Iterable[str], environ: Mapping[str, str]) -> tuple[str, str] | None:
    """The first thing in a command that cannot be passed to a program, as (field, reason); None where all can."""
    for index, argument in enumerate(argv):
        if "\0" in argument:
            return f"$.argv[{index}]", "contains a NUL character"
    for name, value in environ.items():
        if not name or "=" in name or "\0" in name:
            return "$.env", f"{name!r} cannot be the name of a variable"
        if "\0" in value:
            return f"$.env.{name}", "contains a NUL character"
    return None
