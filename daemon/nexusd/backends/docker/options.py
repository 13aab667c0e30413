"""The options of a machine: refused where they make no sense or cannot be had, completed, and put in figures."""

from __future__ import annotations

import re
from collections.abc import Mapping, Sequence
from typing import Any

import msgspec
from nexus_sdk.protocol.errors import InvalidParams, OptionUnsupported
from nexus_sdk.protocol.types import MachineOptions

from nexusd.config.resources import Resources, parse_resources

_REFERENCE = re.compile(r"[a-z0-9][A-Za-z0-9._:/@-]*")


def complete(
    options: MachineOptions, ports: Sequence[str], classes: Mapping[str, str], default_class: str | None, image: str
) -> MachineOptions:
    """The options with what the configuration adds.

    Args:
        options: as the caller gave them.
        ports: names of the workspace's ports.
        classes: resource classes by name.
        default_class: the class of a workspace that names none.
        image: the image of a workspace that names none.

    Raises:
        InvalidParams: an option makes no sense.
    """
    has_image, builds = options.image is not msgspec.UNSET, options.build is not msgspec.UNSET
    if has_image and builds:
        raise _invalid("build", "an image is either named or built")
    if has_image and not _REFERENCE.fullmatch(str(options.image)):
        raise _invalid("image", f"{options.image!r} is no name of an image")
    if options.build is not msgspec.UNSET:
        for field in ("context", "dockerfile"):
            value = getattr(options.build, field)
            if value.startswith("/") or "\0" in value or ".." in value.split("/"):
                raise _invalid(f"build.{field}", f"{value!r} is not a path below the worktree")
    chosen = options.resource_class if options.resource_class is not msgspec.UNSET else default_class
    if chosen is not None and chosen not in classes:
        raise _invalid("resource_class", f"there is no class {chosen!r}; this node has {', '.join(sorted(classes))}")
    for name in options.container_ports:
        if name not in ports:
            raise _invalid(f"container_ports.{name}", f"the workspace has no port named {name!r}: {', '.join(ports)}")
    inside = list(options.container_ports.values())
    if len(set(inside)) != len(inside):
        raise _invalid("container_ports", "two names lead to the same port")
    return msgspec.structs.replace(
        options,
        image=options.image if has_image or builds else image,
        resource_class=msgspec.UNSET if chosen is None else chosen,
    )


def resources(options: MachineOptions, classes: Mapping[str, str]) -> Resources:
    """The limits in figures. A class that the configuration no longer has limits nothing by itself."""
    base = Resources()
    if options.resource_class is not msgspec.UNSET and options.resource_class in classes:
        base = parse_resources(classes[options.resource_class])
    given = {name: getattr(options, name) for name in Resources.__struct_fields__}
    return msgspec.structs.replace(base, **{k: v for k, v in given.items() if v is not msgspec.UNSET})


def supported(options: MachineOptions, limits: Resources, info: Mapping[str, Any]) -> None:
    """Refuse what an engine cannot do. The engine itself would leave some of it out with a warning.

    Args:
        options: completed.
        limits: from `resources`.
        info: what the engine tells of itself.

    Raises:
        OptionUnsupported: it cannot.
    """
    if limits.memory is not None and not info.get("MemoryLimit"):
        raise unsupported("memory", "the engine's kernel does not limit memory (cgroup memory controller)")
    if limits.pids is not None and not info.get("PidsLimit"):
        raise unsupported("pids", "the engine's kernel does not limit processes (cgroup pids controller)")
    if limits.cpu is not None and not (info.get("CpuCfsQuota") and info.get("CpuCfsPeriod")):
        raise unsupported("cpu", "the engine's kernel does not limit processors (CFS quota)")
    if limits.storage is not None and not _limits_storage(info):
        status = dict(info.get("DriverStatus") or [])
        below = f" on {status['Backing Filesystem']}" if "Backing Filesystem" in status else ""
        raise unsupported(
            "storage",
            f"the engine's storage driver {info.get('Driver', '?')}{below} has no quotas; overlay2 on xfs with pquota, "
            "btrfs and zfs have",
        )
    if options.user == "owner" and any("name=userns" in text for text in info.get("SecurityOptions") or []):
        raise unsupported(
            "user", "the engine maps user ids (userns-remap), so files would belong to neither owner nor root"
        )


def rootless(info: Mapping[str, Any]) -> bool:
    """Whether the engine runs without root: then root inside is the engine's own user outside."""
    return any("name=rootless" in text for text in info.get("SecurityOptions") or [])


def unsupported(option: str, reason: str) -> OptionUnsupported:
    """The engine cannot do what an option asks for."""
    return OptionUnsupported(f"option {option}: {reason}", backend="docker", option=option, reason=reason)


def _limits_storage(info: Mapping[str, Any]) -> bool:
    driver = info.get("Driver")
    if driver == "overlay2":
        return dict(info.get("DriverStatus") or []).get("Backing Filesystem") == "xfs"
    return driver in ("btrfs", "zfs", "devicemapper", "windowsfilter")


def _invalid(option: str, reason: str) -> InvalidParams:
    return InvalidParams(f"options.{option}: {reason}", path=f"$.options.{option}", reason=reason)
