"""The options that say how a machine is made, as they reach the daemon."""

from __future__ import annotations

import click
import pytest
from boulder.machines import machine_options, parse_size, wanted_machine
from click.testing import CliRunner
from nexus_sdk.protocol.types import ImageBuild, MachineOptions


def read(*argv: str) -> MachineOptions | None:
    """The options of a command line. Raises click.UsageError."""
    found = []

    @click.command()
    @machine_options
    def command(**options):
        found.append(wanted_machine(**options))

    result = CliRunner().invoke(command, argv, standalone_mode=False)
    if result.exception is not None:
        raise result.exception
    return found[0]


def test_nothing_said_is_nothing_asked() -> None:
    assert read() is None


def test_everything_said() -> None:
    assert read(
        *[
            "--image",
            "debian:12",
            "--class",
            "small",
            "--cpu",
            "1.5",
            "--memory",
            "4G",
            "--pids",
            "100",
            "--storage",
            "10g",
            "--read-only",
            "--root",
        ],
        *["--pull", "always", "--container-port", "web=3000"],
    ) == MachineOptions(
        image="debian:12",
        resource_class="small",
        cpu=1.5,
        memory=4 << 30,
        pids=100,
        storage=10 << 30,
        read_only=True,
        user="root",
        pull="always",
        container_ports={"web": 3000},
    )
    assert read("--no-egress") == MachineOptions(egress=False)


def test_a_build() -> None:
    assert read("--build", "docker", "--build-arg", "A=b=c", "--target", "dev") == MachineOptions(
        build=ImageBuild(context="docker", args={"A": "b=c"}, target="dev")
    )
    assert read("--dockerfile", "Dockerfile.dev") == MachineOptions(build=ImageBuild(dockerfile="Dockerfile.dev"))


@pytest.mark.parametrize(
    "argv",
    [
        ["--image", "x", "--build", "."],
        ["--target", "dev"],
        ["--build-arg", "A=b"],
        ["--container-port", "web=http"],
        ["--container-port", "web=70000"],
        ["--memory", "lots"],
        ["--pull", "sometimes"],
    ],
)
def test_what_does_not_fit_together_is_refused(argv: list[str]) -> None:
    with pytest.raises(click.UsageError):
        read(*argv)


@pytest.mark.parametrize(
    ("text", "size"), [("1", 1), ("512M", 512 << 20), ("1.5G", 3 << 29), ("2GiB", 2 << 30), ("4kb", 4096)]
)
def test_sizes(text: str, size: int) -> None:
    assert parse_size(text) == size
