"""The keys of the model as a flat table, and the checks that turn what was written into a value of one."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any, get_args, get_origin, get_type_hints

import msgspec

from nexusd.config.model import Config, Section
from nexusd.config.units import format_duration, format_size, parse_duration, parse_size

_TRUE = {"true", "yes", "on", "1"}
_FALSE = {"false", "no", "off", "0"}
_VARIABLE = re.compile(r"[A-Za-z_][A-Za-z0-9_]*\Z")


class Key(msgspec.Struct, frozen=True, kw_only=True):
    """One key.

    Attributes:
        name: with dots, such as ``daemon.port``.
        kind: how it is written: text, integer, flag, duration, size, list, map, path or choice.
        nullable: whether null is a value.
        default: its default.
        description: what it is for.
        least: smallest value or length; None for no bound.
        most: largest value or length; None for no bound.
        choices: the values of a choice.
        project: whether a repository may set it.
    """

    name: str
    kind: str
    nullable: bool
    default: Any
    description: str
    least: float | None
    most: float | None
    choices: tuple[str, ...]
    project: bool

    @property
    def variable(self) -> str:
        """The environment variable that sets it."""
        return "NEXUS_" + self.name.upper().replace(".", "__")

    def accepts(self) -> str:
        """What may be written, for a person."""
        if self.choices:
            words = "one of " + ", ".join(self.choices)
        else:
            words = {
                "text": "text",
                "integer": "a whole number",
                "flag": "true or false",
                "duration": 'a duration such as "30s" or "1h30m"',
                "size": 'a size such as "16M" or "4G"',
                "list": "a list of texts",
                "map": "names and their values",
                "path": 'an absolute path, or one from "~/"',
            }[self.kind]
        if self.kind in ("integer", "duration", "size"):
            words += _bounds(self)
        return words + (", or null" if self.nullable else "")


def _number(kind: str, value: float) -> str:
    if kind == "duration":
        return format_duration(value)
    return format_size(int(value)) if kind == "size" else str(int(value))


def _bounds(key: Key) -> str:
    least = None if key.least is None else _number(key.kind, key.least)
    most = None if key.most is None else _number(key.kind, key.most)
    if least is not None and most is not None:
        return f" from {least} to {most}"
    if most is not None:
        return f", at most {most}"
    return "" if least is None else f", at least {least}"


def _walk(section: Section, prefix: str) -> dict[str, Key]:
    found: dict[str, Key] = {}
    for name, hint in get_type_hints(type(section), include_extras=True).items():
        value = getattr(section, name)
        if isinstance(value, Section):
            found.update(_walk(value, f"{prefix}{name}."))
            continue
        kind, meta = get_args(hint)
        extra = meta.extra
        found[prefix + name] = Key(
            name=prefix + name,
            kind=extra["kind"],
            nullable=type(None) in get_args(kind) and get_origin(kind) is not tuple,
            default=value,
            description=meta.description,
            least=extra["least"],
            most=extra["most"],
            choices=extra["choices"],
            project=extra["project"],
        )
    return found


KEYS: Mapping[str, Key] = _walk(Config(), "")
"""Every key, by name, in the order of the model."""

SECTIONS = frozenset(name[:dot] for name in KEYS for dot in (i for i, character in enumerate(name) if character == "."))
"""Every name that has keys below it."""


def build(values: Mapping[str, Any]) -> Config:
    """The configuration in which the keys of `values` have these values, and all others their defaults."""
    config: Config = _build(Config(), "", values)
    return config


def _build(section: Any, prefix: str, values: Mapping[str, Any]) -> Any:
    changes: dict[str, Any] = {}
    for name in section.__struct_fields__:
        inner = getattr(section, name)
        if isinstance(inner, Section):
            changes[name] = _build(inner, f"{prefix}{name}.", values)
        elif prefix + name in values:
            changes[name] = values[prefix + name]
    return msgspec.structs.replace(section, **changes)


def check(key: Key, value: object) -> Any:
    """The value of a key from what a file holds.

    Raises ValueError with what is wrong; `Key.accepts` says what is right.
    """
    if value is None:
        if key.nullable:
            return None
        raise ValueError("null is not a value of this key; leave it out to have the default")
    checked = _check_kind(key, value)
    if key.kind in ("integer", "duration", "size"):
        _check_bounds(key, checked)
    elif isinstance(checked, str):
        _check_text(key, checked)
    return checked


def read(key: Key, text: str) -> Any:
    """The value of a key from the text of a flag or a variable. Raises ValueError with what is wrong."""
    value: object = text
    if key.nullable and text in ("", "null"):
        value = None
    elif key.kind == "integer":
        if not re.fullmatch(r"\s*-?[0-9]{1,18}\s*", text):
            raise ValueError(f"{_show(text)} is not a whole number")
        value = int(text)
    elif key.kind == "flag":
        lowered = text.strip().lower()
        if lowered not in _TRUE | _FALSE:
            raise ValueError(f"{_show(text)} is neither true nor false")
        value = lowered in _TRUE
    elif key.kind == "list":
        value = [item.strip() for item in text.split(",") if item.strip()]
    elif key.kind == "map":
        value = _read_map(text)
    return check(key, value)


def _read_map(text: str) -> dict[str, str]:
    """``NAME=value`` pairs between commas; a JSON object where values hold commas."""
    if text.lstrip().startswith("{"):
        try:
            return msgspec.json.decode(text, type=dict[str, str])
        except msgspec.DecodeError as error:
            raise ValueError(f"not a JSON object of texts ({error})") from None
    pairs: dict[str, str] = {}
    for item in text.split(","):
        name, equals, value = item.partition("=")
        if not equals:
            raise ValueError("not NAME=value pairs between commas")
        pairs[name.strip()] = value
    return pairs


def _show(value: object) -> str:
    text = repr(value)
    return text if len(text) <= 60 else text[:57] + "..."


def _found(value: object) -> str:
    names = {bool: "true or false", int: "a number", float: "a number", str: "text", list: "a list", dict: "a section"}
    name = names.get(type(value), type(value).__name__)
    return f"found {name}" if isinstance(value, list | dict) else f"found {name}: {_show(value)}"


def _check_kind(key: Key, value: object) -> Any:
    if key.kind == "duration":
        return _unit(parse_duration, value)
    if key.kind == "size":
        return _unit(parse_size, value)
    if key.kind == "integer":
        if isinstance(value, bool) or not isinstance(value, int):
            raise ValueError(_found(value))
        return value
    if key.kind == "flag":
        if not isinstance(value, bool):
            raise ValueError(_found(value))
        return value
    if key.kind == "list":
        if not isinstance(value, list | tuple):
            raise ValueError(_found(value))
        for item in value:
            if not isinstance(item, str) or not item:
                raise ValueError(f"an item of the list is not a text: {_show(item)}")
        return tuple(value)
    if key.kind == "map":
        return _check_map(value)
    if not isinstance(value, str):
        raise ValueError(_found(value) + ("; put it in quotes" if isinstance(value, bool | int | float) else ""))
    if key.kind == "path" and value.startswith("~/"):
        return os.path.expanduser(value)
    return value


def _unit(parse: Any, value: object) -> Any:
    try:
        return parse(value)
    except ValueError as error:
        raise ValueError(f"{_found(value)}; it must be {error}") from None


def _check_map(value: object) -> dict[str, str]:
    if not isinstance(value, Mapping):
        raise ValueError(_found(value))
    for name, item in value.items():
        if not isinstance(name, str) or not _VARIABLE.match(name):
            raise ValueError(f"{_show(name)} is not a name: letters, digits and _, not a digit first")
        if not isinstance(item, str):
            raise ValueError(f"the value of {name} is not a text")
        if "\0" in item:
            raise ValueError(f"the value of {name} holds a NUL character")
    return dict(value)


def _check_bounds(key: Key, value: float) -> None:
    if (key.least is not None and value < key.least) or (key.most is not None and value > key.most):
        raise ValueError(f"{_number(key.kind, value)} is out of bounds")


def _check_text(key: Key, value: str) -> None:
    if key.choices and value not in key.choices:
        raise ValueError(f"{_show(value)} is not a choice{did_you_mean(value, key.choices)}")
    if any(ord(character) < 32 or ord(character) == 127 for character in value):
        raise ValueError("it holds a control character")
    if key.kind == "path" and not os.path.isabs(value):
        raise ValueError(f"{_show(value)} is not an absolute path")
    length = len(os.fsencode(value))
    if key.least is not None and length < key.least:
        raise ValueError("it is empty" if not length else "it is too short")
    if key.most is not None and length > key.most:
        raise ValueError(f"it is longer than {key.most:g} bytes")


def _closest(name: str, known: tuple[str, ...] | list[str], cutoff: float) -> list[str]:
    import difflib  # only where something is wrong

    return difflib.get_close_matches(name, known, n=1, cutoff=cutoff)


def suggest(name: str, known: tuple[str, ...] | list[str]) -> str | None:
    """The known name that was probably meant, or None."""
    # the right last word in the wrong section is a likelier slip than two letters
    last = name.rpartition(".")[2]
    same = [other for other in known if "." in other and other.rpartition(".")[2] == last]
    close = same if len(same) == 1 else _closest(name, known, 0.7)
    return close[0] if close else None


def did_you_mean(name: str, known: tuple[str, ...] | list[str]) -> str:
    """``; did you mean …?`` or nothing."""
    close = _closest(name, known, 0.6)
    return f"; did you mean {close[0]}?" if close else ""
