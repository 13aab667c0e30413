"""What the engine is asked to make for a workspace: one container, closed wherever nothing has to be open."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import msgspec

from nexusd.backends.base import MachineSpec
from nexusd.backends.docker import names
from nexusd.backends.docker.names import Marks
from nexusd.config.resources import Resources

ROOT_CAPABILITIES = ("CHOWN", "DAC_OVERRIDE", "FOWNER", "FSETID", "KILL", "NET_BIND_SERVICE", "SETGID", "SETUID")
"""What root inside keeps: what package managers need to unpack files and to drop to their own users."""

_PROCESSORS = 1_000_000_000
_LOG = {"Type": "json-file", "Config": {"max-size": "1m", "max-file": "2"}}


class Person(msgspec.Struct, frozen=True):
    """Whom a machine's processes run as, inside."""

    uid: int
    gid: int


class Recipe(msgspec.Struct, frozen=True, kw_only=True):
    """What a container is made of.

    Attributes:
        spec: the workspace.
        image: the engine's id of the image.
        person: whom it runs as.
        limits: what it may use.
        processors: how many the engine's host has.
        command: what its first process is.
        helper: the helper's program on this node; None where the image brings what `command` needs.
        run: the run directory on this node.
        git: directories on this node that are shown inside at the same place, read-only.
        home: where the home directory is in memory; empty where it is on the root filesystem.
    """

    spec: MachineSpec
    image: str
    person: Person
    limits: Resources
    processors: int
    command: Sequence[str]
    helper: Path | None
    run: Path
    git: Sequence[Path] = ()
    home: str = ""

    def container(self, marks: Marks) -> dict[str, Any]:
        """The body of the engine's ``POST /containers/create``."""
        spec = self.spec
        return {
            "Image": self.image,
            "Hostname": spec.name,
            "User": f"{self.person.uid}:{self.person.gid}",
            "WorkingDir": names.ROOT,
            "Entrypoint": list(self.command),
            "Cmd": [],
            "Labels": marks.labels(spec.workspace),
            # What the image says of its own service is not what runs here.
            "Healthcheck": {"Test": ["NONE"]},
            "StopSignal": "SIGTERM",
            "HostConfig": {
                "NetworkMode": names.container(spec.workspace),
                "Mounts": self.mounts(),
                "Tmpfs": self._memory_files(),
                "ReadonlyRootfs": spec.options.read_only,
                "CapDrop": ["ALL"],
                "CapAdd": list(ROOT_CAPABILITIES) if self.person.uid == 0 else [],
                "SecurityOpt": ["no-new-privileges"],
                "IpcMode": "private",
                "RestartPolicy": {"Name": "no"},
                "LogConfig": _LOG,
                **self._limited(),
            },
        }

    def mounts(self) -> list[dict[str, Any]]:
        """What of this node is shown inside."""
        found = [_bind(Path(self.spec.worktree), names.ROOT), _bind(self.run, names.RUN)]
        if self.helper is not None:
            found.append(_bind(self.helper, names.HELPER, read_only=True))
        return found + [_bind(path, str(path), read_only=True) for path in self.git]

    def _memory_files(self) -> dict[str, str]:
        if not self.spec.options.read_only:
            return {}
        own = f"uid={self.person.uid},gid={self.person.gid},mode=0700"
        return {
            "/tmp": "exec,size=1g,mode=1777",  # noqa: S108 - inside the container
            "/run": f"size=64m,uid={self.person.uid},gid={self.person.gid},mode=0755",
            self.home or names.HOME: f"exec,size=1g,{own}",
        }

    def _limited(self) -> dict[str, Any]:
        limits, found = self.limits, dict[str, Any]()
        if limits.cpu is not None:
            # The engine refuses more than its host has; so many it has at most anyway.
            found["NanoCpus"] = int(min(limits.cpu, self.processors) * _PROCESSORS)
        if limits.memory is not None:
            found["Memory"] = found["MemorySwap"] = limits.memory
        if limits.pids is not None:
            found["PidsLimit"] = limits.pids
        if limits.storage is not None:
            found["StorageOpt"] = {"size": str(limits.storage)}
        return found


def network(workspace: str, internal: bool, marks: Marks, subnet: str | None) -> dict[str, Any]:
    """The body of the engine's ``POST /networks/create``: a bridge of the workspace's own.

    Args:
        workspace: its id.
        internal: whether it leads nowhere.
        marks: ours.
        subnet: addresses to use; None: the engine chooses.
    """
    body: dict[str, Any] = {
        "Name": names.container(workspace),
        "CheckDuplicate": True,
        "Driver": "bridge",
        "Internal": internal,
        "Labels": marks.labels(workspace),
    }
    if subnet is not None:
        body["IPAM"] = {"Driver": "default", "Config": [{"Subnet": subnet}]}
    return body


def environment(spec: MachineSpec, image: Mapping[str, str], home: str, user: str) -> dict[str, str]:
    """What every process in the container has in its environment, before the workspace's own."""
    found = {"PATH": "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin", "LANG": "C.UTF-8", **image}
    found.update(HOME=home, USER=user, LOGNAME=user)
    # The git directory cannot be written, and belongs to whom it belongs to.
    found.update(
        GIT_OPTIONAL_LOCKS="0", GIT_CONFIG_COUNT="1", GIT_CONFIG_KEY_0="safe.directory", GIT_CONFIG_VALUE_0="*"
    )
    return found


def _bind(source: Path, target: str, *, read_only: bool = False) -> dict[str, Any]:
    return {
        "Type": "bind",
        "Source": str(source),
        "Target": target,
        "ReadOnly": read_only,
        # Mounts that are made on either side later stay on their side.
        "BindOptions": {"Propagation": "rprivate"},
    }
