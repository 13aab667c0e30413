"""Errors of the command line's own, and how every error is shown: what happened, where, what to try."""

from __future__ import annotations

import os
import re
from collections.abc import Mapping
from typing import Any

import click
import msgspec
from nexus_sdk.exceptions import NexusError

from boulder.hints import hint
from boulder.output import Output, encode
from boulder.text import clean

__all__ = ["CliError", "describe", "show", "show_usage"]

_MAX_FIELD = 200
_MAX_ITEMS = 20


class CliError(NexusError):
    """Something is wrong on this side, and the daemon was not asked.

    Args:
        message: what happened, to which thing.
        hint: what to try next.
        name: the machine-readable name.
        exit: the exit code.
    """

    def __init__(self, message: str, *, hint: str = "", name: str = "cli_error", exit: int = 1) -> None:
        super().__init__(message, hint=hint)
        self.name = name
        self.exit = exit


def describe(error: BaseException) -> dict[str, Any]:
    """Return the object that ``--json`` prints for an error, without its outer ``error``."""
    if isinstance(error, NexusError):
        wire = error.to_wire()
        found: dict[str, Any] = {
            "name": error.name,
            "code": error.code,
            "message": error.message,
            "hint": error.hint,
            "retryable": error.retryable,
            "may_have_run": error.may_have_run,
            "details": wire["data"].get("details"),
        }
        return found
    if isinstance(error, click.ClickException):
        name, message = "usage", error.format_message()
    elif isinstance(error, OSError):
        name, message = "os_error", _system(error)
    elif isinstance(error, UnicodeEncodeError) and isinstance(error.object, str) and "surrogates" in error.reason:
        name, message = "not_utf8", f"{os.fsencode(error.object)!r} is not UTF-8, and the protocol knows no other text"
    else:
        name, message = "unexpected", f"{type(error).__name__}: {error}"
    return {
        "name": name,
        "code": 0,
        "message": message,
        "hint": "",
        "retryable": False,
        "may_have_run": False,
        "details": None,
    }


def show(error: BaseException, out: Output) -> None:
    """Print an error to stderr."""
    found = describe(error)
    if out.json:
        out.warn(encode({"error": found}).decode(), style=None)
        return
    message = clean(found["message"], lines=True).rstrip()
    out.warn(out.styled("error:", "bold red", err=True) + f" {message}", style=None)
    for line in _where(found["details"], message):
        out.warn(f"  {line}", style=None)
    if found["may_have_run"]:
        out.warn("  it may have had its effect: the answer was lost, not the call", style=None)
    advice = hint(error) if isinstance(error, NexusError) else found["hint"]
    if advice:
        out.warn("  " + out.styled("try:", "cyan", err=True) + f" {clean(advice)}", style=None)


def show_usage(error: click.UsageError, out: Output) -> None:
    """Print what is wrong with the command line."""
    if out.json:
        show(error, out)
        return
    message = clean(error.format_message(), lines=True)
    out.warn(out.styled("error:", "bold red", err=True) + f" {message}", style=None)
    if error.ctx is not None:
        out.warn(f"  {clean(error.ctx.get_usage()).replace('Usage: ', 'usage: ')}", style=None)
        out.warn("  " + out.styled("try:", "cyan", err=True) + f" {error.ctx.command_path} --help", style=None)


def _where(details: Any, message: str) -> list[str]:
    """Return the details as lines, without what the message says already: scalars together, lists below."""
    if isinstance(details, msgspec.Struct):
        details = msgspec.to_builtins(details)
    if not isinstance(details, Mapping):
        return []
    scalars = [
        f"{name} {clean(str(value))[:_MAX_FIELD]}"
        for name, value in details.items()
        if isinstance(value, str | int) and not isinstance(value, bool) and value and not _said(str(value), message)
    ]
    lines = ["at: " + ", ".join(scalars)] if scalars else []
    for name, value in details.items():
        if isinstance(value, list) and value:
            lines.append(f"{name}:")
            lines += [f"  {_item(item)}" for item in value[:_MAX_ITEMS]]
            if len(value) > _MAX_ITEMS:
                lines.append(f"  and {len(value) - _MAX_ITEMS} more")
    return lines


def _said(value: str, message: str) -> bool:
    return re.search(rf"(?<!\w){re.escape(clean(value))}(?!\w)", message) is not None


def _item(item: Any) -> str:
    if isinstance(item, Mapping):
        return clean(", ".join(f"{key} {value}" for key, value in item.items()))[:_MAX_FIELD]
    return clean(str(item))[:_MAX_FIELD]


def _system(error: OSError) -> str:
    what = error.strerror or str(error) or type(error).__name__
    return f"{os.fspath(error.filename)!r}: {what}" if error.filename is not None else what
