"""Options that say how a workspace's machine is made."""

from __future__ import annotations

import re
from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Final, TypeVar

import click

from boulder.arguments import pairs

if TYPE_CHECKING:
    from nexus_sdk.protocol.types import MachineOptions

__all__ = ["machine_options", "parse_size", "wanted_machine"]

F = TypeVar("F", bound=Callable[..., Any])

_SIZE = re.compile(r"(\d+(?:\.\d+)?)\s*([kmgt]?)(?:i?b)?", re.IGNORECASE)
_BYTES: Final = {"": 1, "k": 1 << 10, "m": 1 << 20, "g": 1 << 30, "t": 1 << 40}


def parse_size(text: str) -> int:
    """Read a size such as ``512M``, ``4G`` or ``1048576`` and return bytes. Raises ValueError: it is none."""
    match = _SIZE.fullmatch(text.strip())
    if match is None:
        raise ValueError(f"{text!r} is no size; write 512M or 4G")
    return int(float(match[1]) * _BYTES[match[2].lower()])


class Size(click.ParamType[Any]):
    """A size on the command line, in bytes."""

    name = "size"

    def convert(self, value: Any, param: click.Parameter | None, ctx: click.Context | None) -> int:
        """Read it."""
        try:
            return value if isinstance(value, int) else parse_size(value)
        except ValueError as error:
            self.fail(str(error), param, ctx)


def machine_options(function: F) -> F:
    """Add the options, for backends that make machines."""
    for option in reversed(
        (
            click.option("--image", help="The image its machine is made from.  [default: the configured one]"),
            click.option("--build", metavar="DIR", help="Build the image from this directory of the repository."),
            click.option("--dockerfile", metavar="PATH", help="The Dockerfile, below --build.  [default: Dockerfile]"),
            click.option("--build-arg", "build_args", multiple=True, metavar="NAME=VALUE", help="A build argument."),
            click.option("--target", help="The stage of the build to stop at."),
            click.option("--pull", type=click.Choice(["missing", "always", "never"]), help="When to fetch the image."),
            click.option("--class", "resource_class", metavar="NAME", help="Limits by name, such as small or large."),
            click.option("--cpu", type=float, help="Processors it may use at most."),
            click.option("--memory", type=Size(), help="Memory it may use at most, such as 4G."),
            click.option("--pids", type=int, help="Processes and threads it may have at most."),
            click.option("--storage", type=Size(), help="What it may write outside of the worktree, such as 10G."),
            click.option("--read-only", is_flag=True, help="Only its worktree, /tmp and home can be written."),
            click.option("--root", is_flag=True, help="Run as root inside, to install packages."),
            click.option("--no-egress", is_flag=True, help="Let it reach no other host."),
            click.option(
                "--container-port",
                "ports_inside",
                multiple=True,
                metavar="NAME=PORT",
                help="A port inside.",
            ),
        )
    ):
        function = option(function)
    return function


def wanted_machine(
    *,
    image: str | None,
    build: str | None,
    dockerfile: str | None,
    build_args: tuple[str, ...],
    target: str | None,
    pull: Any,
    resource_class: str | None,
    cpu: float | None,
    memory: int | None,
    pids: int | None,
    storage: int | None,
    read_only: bool,
    root: bool,
    no_egress: bool,
    ports_inside: tuple[str, ...],
) -> MachineOptions | None:
    """The options that were given; None where none was.

    Raises:
        click.UsageError: they do not fit together.
    """
    import msgspec
    from nexus_sdk.protocol.types import ImageBuild, MachineOptions

    def given(value: Any) -> Any:
        return msgspec.UNSET if value is None else value

    building: Any = msgspec.UNSET
    if build is not None or dockerfile is not None:
        building = ImageBuild(
            context=build or ".",
            dockerfile=dockerfile or "Dockerfile",
            target=given(target),
            args=pairs(build_args, "--build-arg"),
        )
        if image is not None:
            raise click.UsageError("an image is either named with --image or built with --build")
    elif build_args or target is not None:
        raise click.UsageError("--build-arg and --target need --build")
    inside = pairs(ports_inside, "--container-port")
    if not all(port.isdigit() and 0 < int(port) < 65536 for port in inside.values()):
        raise click.UsageError("--container-port NAME=PORT needs a number from 1 to 65535")
    options = MachineOptions(
        image=given(image),
        build=building,
        pull=pull or "missing",
        resource_class=given(resource_class),
        cpu=given(cpu),
        memory=given(memory),
        pids=given(pids),
        storage=given(storage),
        read_only=read_only,
        user="root" if root else "owner",
        egress=not no_egress,
        container_ports={name: int(port) for name, port in inside.items()},
    )
    return options if msgspec.to_builtins(options) else None
