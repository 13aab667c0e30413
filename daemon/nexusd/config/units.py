"""Durations and sizes as people write them.

A duration is a number of seconds, or numbers with units, largest first: ``90``, ``1.5``, ``"500ms"``, ``"1h30m"``.
A size is a number of bytes, or a number with one binary unit: ``4096``, ``"16M"``, ``"1.5GiB"``.
"""

from __future__ import annotations

import re

_SECONDS = {"d": 86400.0, "h": 3600.0, "m": 60.0, "s": 1.0, "ms": 0.001}
_PARTS = re.compile(r"(\d+(?:\.\d+)?)(ms|[dhms])", re.ASCII)
_NUMBER = re.compile(r"\d+(?:\.\d+)?", re.ASCII)
_SIZE = re.compile(r"(\d+(?:\.\d+)?)([KMGT]?)(i?B)?", re.IGNORECASE | re.ASCII)
_BYTES = {"": 1, "K": 1 << 10, "M": 1 << 20, "G": 1 << 30, "T": 1 << 40}

LONGEST = 64
"""Characters that are looked at; anything longer is not a number that somebody wrote."""


def parse_duration(value: object) -> float:
    """A duration in seconds. Raises ValueError, with what would be right, for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int | float):
        raise ValueError('a duration such as "30s", "1h30m" or "500ms"')
    if not isinstance(value, str):
        if not 0 <= value < 1e12:
            raise ValueError("a duration that is not negative")
        return float(value)
    text = value.strip()
    if len(text) > LONGEST:
        raise ValueError('a duration such as "30s", "1h30m" or "500ms"')
    if _NUMBER.fullmatch(text):
        return parse_duration(float(text))
    seconds, position, rank = 0.0, 0, -1
    units = list(_SECONDS)
    while position < len(text):
        part = _PARTS.match(text, position)
        if part is None or units.index(part[2]) <= rank:
            raise ValueError('a duration such as "30s", "1h30m" or "500ms", largest unit first')
        rank = units.index(part[2])
        seconds += float(part[1]) * _SECONDS[part[2]]
        position = part.end()
    if not text:
        raise ValueError('a duration such as "30s", "1h30m" or "500ms"')
    return parse_duration(seconds)


def parse_size(value: object) -> int:
    """A size in bytes. Raises ValueError, with what would be right, for anything else."""
    if isinstance(value, bool) or not isinstance(value, str | int):
        raise ValueError('a size such as "16M" or "4G", or a whole number of bytes')
    if isinstance(value, int):
        if not 0 <= value < 1 << 63:
            raise ValueError("a size that is not negative and below 8 EiB")
        return value
    text = value.strip()
    match = _SIZE.fullmatch(text) if len(text) <= LONGEST else None
    if match is None:
        raise ValueError('a size such as "16M" or "4G", or a whole number of bytes')
    number, unit, suffix = match[1], match[2].upper(), match[3] or ""
    if unit and suffix.lower() == "b":
        raise ValueError(f'"{number}{unit}" or "{number}{unit}iB", which count in 1024s; "{text}" could mean either')
    size = float(number) * _BYTES[unit] if "." in number else int(number) * _BYTES[unit]
    if size != int(size):
        raise ValueError("a size that is a whole number of bytes")
    return parse_size(int(size))


def format_duration(seconds: float) -> str:
    """The shortest text that `parse_duration` reads as `seconds`, to the millisecond."""
    left = round(seconds * 1000)
    text = ""
    for unit, factor in (("d", 86_400_000), ("h", 3_600_000), ("m", 60_000), ("s", 1000), ("ms", 1)):
        count, left = divmod(left, factor)
        if count:
            text += f"{count}{unit}"
    return text or "0s"


def format_size(size: int) -> str:
    """The shortest text that `parse_size` reads as `size`."""
    for unit in ("T", "G", "M", "K"):
        if size and size % _BYTES[unit] == 0:
            return f"{size // _BYTES[unit]}{unit}"
    return str(size)
