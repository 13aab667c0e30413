"""Arguments and options that several commands share."""

from __future__ import annotations

import re
from collections.abc import Callable, Sequence
from typing import Any, TypeVar

import click

__all__ = ["argument_name", "env_option", "label_option", "option_name", "pairs"]

F = TypeVar("F", bound=Callable[..., Any])

_VARIABLE = re.compile(r"[^=\0]+")


def complete_workspace(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    """Names of workspaces, for a shell's completion; none when the daemon does not answer at once."""
    from boulder.completing import workspace_names

    return workspace_names(ctx, incomplete)


def complete_process(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    """Ids of processes, for a shell's completion."""
    from boulder.completing import process_ids

    return process_ids(ctx, incomplete)


def complete_place(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    """Files here and workspaces, for a shell's completion."""
    from boulder.completing import places

    return places(ctx, incomplete)


def complete_directory(ctx: click.Context, param: click.Parameter, incomplete: str) -> list[Any]:
    """Directories here, for a shell's completion."""
    from click.shell_completion import CompletionItem

    return [CompletionItem(incomplete, type="dir")]


def argument_name(function: F) -> F:
    """Add NAME, which may be left out."""
    return click.argument("name", required=False, shell_complete=complete_workspace)(function)


def option_name(function: F) -> F:
    """Add ``--workspace NAME``, where the arguments have another use."""
    return click.option(
        "-w", "--workspace", "name", metavar="NAME", shell_complete=complete_workspace, help="The workspace."
    )(function)


def env_option(function: F) -> F:
    """Add ``--env K=V``, any number of times."""
    return click.option(
        "-e", "--env", multiple=True, metavar="NAME=VALUE", help="Set a variable; NAME alone takes it from here."
    )(function)


def label_option(function: F) -> F:
    """Add ``--label K=V``, any number of times."""
    return click.option("-l", "--label", "labels", multiple=True, metavar="NAME=VALUE", help="Set a label.")(function)


def pairs(items: Sequence[str], what: str, environ: dict[str, str] | None = None) -> dict[str, str]:
    """Return ``NAME=VALUE`` items as a mapping.

    Args:
        items: as given.
        what: the option, for the message.
        environ: where the value of a NAME without a value is taken from; None where that is a mistake.
    """
    found: dict[str, str] = {}
    for item in items:
        name, equals, value = item.partition("=")
        if not _VARIABLE.fullmatch(name):
            raise click.UsageError(f"{what} {item!r} has no name")
        if not equals:
            if environ is None:
                raise click.UsageError(f"{what} {item!r} has no value; write {name}=VALUE")
            if name not in environ:
                raise click.UsageError(f"{what} {name}: there is no such variable here")
            value = environ[name]
        found[name] = value
    return found
