"""Resource classes: limits of a machine by name, as a person writes them: ``cpu=2, memory=4G, pids=2048``."""

from __future__ import annotations

import msgspec

from nexusd.config.units import parse_size

LEAST_MEMORY = 6 * 1024 * 1024
"""The least memory, in bytes, that a container engine accepts as a limit."""


class Resources(msgspec.Struct, frozen=True, kw_only=True):
    """What a machine may use at most; None: no limit.

    Attributes:
        cpu: processors; fractions are parts of one.
        memory: bytes, without swap.
        pids: processes and threads.
        storage: bytes written outside of the worktree.
    """

    cpu: float | None = None
    memory: int | None = None
    pids: int | None = None
    storage: int | None = None


def parse_resources(text: str) -> Resources:
    """The limits that a text names. Raises ValueError with what is wrong."""
    found: dict[str, float | int] = {}
    for item in text.split(","):
        name, equals, value = (part.strip() for part in item.partition("="))
        if not name and not equals:
            continue
        if name not in Resources.__struct_fields__ or not equals:
            raise ValueError(f"{item.strip()!r} is none of cpu=, memory=, pids= and storage=")
        if name in found:
            raise ValueError(f"{name} is given twice")
        found[name] = _number(name, value)
    return Resources(**found)  # type: ignore[arg-type] # cpu is a float, the others are whole


def _number(name: str, value: str) -> float | int:
    try:
        if name == "cpu":
            cpu = float(value)
            if not 0.01 <= cpu <= 1024:
                raise ValueError
            return cpu
        number = int(value) if name == "pids" else parse_size(value)
        if number < {"memory": LEAST_MEMORY, "pids": 8, "storage": 1024 * 1024}[name]:
            raise ValueError
        return number
    except ValueError:
        right = {
            "cpu": "a number of processors from 0.01 to 1024",
            "memory": "a size of at least 6M",
            "pids": "a whole number of at least 8",
            "storage": "a size of at least 1M",
        }[name]
        raise ValueError(f"{name}={value} is not {right}") from None
