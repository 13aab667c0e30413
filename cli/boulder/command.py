"""How commands are built: options that all of them take, coroutines as callbacks, and groups that import late."""

from __future__ import annotations

import difflib
import importlib
import inspect
import os
import sys
from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass
from typing import Any, NoReturn, TypeVar

import click

from boulder.context import App

__all__ = ["Command", "Entry", "Group", "LazyGroup", "pass_app"]

F = TypeVar("F", bound=Callable[..., Any])

pass_app = click.make_pass_decorator(App)
"""Passes the `App` of this invocation as the first argument."""


def _set(name: str) -> Callable[[click.Context, click.Parameter, Any], Any]:
    def callback(ctx: click.Context, param: click.Parameter, value: Any) -> Any:
        # an option that was not given must not undo one that was, before the subcommand
        if ctx.get_parameter_source(param.name or "") is not click.core.ParameterSource.DEFAULT:
            ctx.ensure_object(App).set(name, value)
        return value

    return callback


class CommonOption(click.Option):
    """An option that every command takes; shown apart from its own."""


def common_options() -> list[click.Parameter]:
    """Return fresh copies of the options that every command takes."""
    shared: dict[str, Any] = {"expose_value": False, "is_eager": True}
    return [
        CommonOption(
            ["--json"], is_flag=True, callback=_set("json"), help="Print the protocol's objects as JSON.", **shared
        ),
        CommonOption(
            ["-q", "--quiet"], is_flag=True, callback=_set("quiet"), help="Print only what names things.", **shared
        ),
        CommonOption(
            ["--color"],
            type=click.Choice(["auto", "always", "never"]),
            callback=_set("color"),
            help="When to use colour.  [default: auto]",
            **shared,
        ),
        CommonOption(
            ["--url"],
            metavar="URL",
            callback=_set("url"),
            help="Where the daemon is.  [default: $NEXUS_URL, else the socket in $NEXUS_HOME]",
            **shared,
        ),
    ]


class _Common(click.Command):
    """Adds the common options and prints them in a section of their own."""

    def __init__(self, *args: Any, **kwargs: Any) -> None:
        settings = {"help_option_names": ["-h", "--help"], "max_content_width": 100}
        kwargs["context_settings"] = settings | (kwargs.get("context_settings") or {})
        super().__init__(*args, **kwargs)
        self.params.extend(common_options())

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the command's own options, then the common ones."""
        own: list[tuple[str, str]] = []
        common: list[tuple[str, str]] = []
        for param in self.get_params(ctx):
            record = param.get_help_record(ctx)
            if record is not None and isinstance(param, click.Option):
                (common if isinstance(param, CommonOption) or "--help" in param.opts else own).append(record)
        if own:
            with formatter.section("Options"):
                formatter.write_dl(own)
        if common:
            with formatter.section("Common options"):
                formatter.write_dl(common)


class Command(_Common):
    """A command; its callback may be a coroutine function, and may return an exit code."""

    def invoke(self, ctx: click.Context) -> Any:
        """Call the callback, and run what it returns on an event loop."""
        result = super().invoke(ctx)
        if inspect.iscoroutine(result):
            import asyncio

            return asyncio.run(result)
        return result


class Group(_Common, click.Group):
    """A group of commands, with suggestions for a mistyped one."""

    command_class = Command

    def format_options(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands first: they are what one looks for."""
        self.format_commands(ctx, formatter)
        _Common.format_options(self, ctx, formatter)

    def resolve_command(
        self, ctx: click.Context, args: list[str]
    ) -> tuple[str | None, click.Command | None, list[str]]:
        """Find the command, or say which one was probably meant."""
        name = args[0]
        if self.get_command(ctx, name) is None and not name.startswith("-"):
            close = difflib.get_close_matches(name, self.list_commands(ctx), n=3, cutoff=0.5)
            message = f"there is no command {name!r}"
            if close:
                message += "; did you mean " + " or ".join(close) + "?"
            raise click.UsageError(message, ctx)
        return super().resolve_command(ctx, args)


@dataclass(frozen=True, slots=True)
class Entry:
    """A command that is not imported yet.

    Attributes:
        target: ``module:attribute``.
        help: its short help, so that a list of commands imports none of them.
        section: heading under which the list shows it; empty hides it.
    """

    target: str
    help: str
    section: str = "Commands"


class LazyGroup(Group):
    """A group whose commands are imported when they are used.

    Args:
        entries: the commands, in the order of the help.
        examples: lines shown below the list, as command and what it does.
    """

    def __init__(
        self, *args: Any, entries: Mapping[str, Entry], examples: Sequence[tuple[str, str]] = (), **kwargs: Any
    ) -> None:
        super().__init__(*args, **kwargs)
        self.entries = entries
        self.examples = examples

    def list_commands(self, ctx: click.Context) -> list[str]:
        """Names of all commands that are shown."""
        return [name for name, entry in self.entries.items() if entry.section]

    def get_command(self, ctx: click.Context, cmd_name: str) -> click.Command | None:
        """Import a command."""
        entry = self.entries.get(cmd_name)
        if entry is None:
            return None
        module, _, attribute = entry.target.partition(":")
        command: click.Command = getattr(importlib.import_module(module), attribute)
        return command

    def format_commands(self, ctx: click.Context, formatter: click.HelpFormatter) -> None:
        """Write the commands by section, then the examples."""
        sections: dict[str, list[tuple[str, str]]] = {}
        for name, entry in self.entries.items():
            if entry.section:
                sections.setdefault(entry.section, []).append((name, entry.help))
        for section, rows in sections.items():
            with formatter.section(section):
                formatter.write_dl(rows)
        if self.examples:
            with formatter.section("Examples"):
                formatter.write_dl(list(self.examples), col_max=46)

    def shell_complete(self, ctx: click.Context, incomplete: str) -> list[Any]:
        """Complete names without importing commands."""
        from click.shell_completion import CompletionItem

        names = [
            CompletionItem(name, help=entry.help)
            for name, entry in self.entries.items()
            if entry.section and name.startswith(incomplete)
        ]
        return names or click.Command.shell_complete(self, ctx, incomplete)


class RootGroup(LazyGroup):
    """The whole program: turns what a command raises into a message and an exit code."""

    def make_context(
        self, info_name: str | None, args: list[str], parent: click.Context | None = None, **extra: Any
    ) -> click.Context:
        """Give each invocation an `App` of its own."""
        extra.setdefault("obj", App())
        return super().make_context(info_name, args, parent, **extra)

    def invoke(self, ctx: click.Context) -> Any:
        """Run the command; take what click would turn into codes of its own."""
        try:
            return super().invoke(ctx)
        except BrokenPipeError:
            # whoever read our output has seen enough
            _drop_output()
            return 128 + 13
        except KeyboardInterrupt:
            return 130

    def main(
        self,
        args: Sequence[str] | None = None,
        prog_name: str | None = None,
        complete_var: str | None = None,
        standalone_mode: bool = True,
        windows_expand_args: bool = True,
        **extra: Any,
    ) -> Any:
        """Run, and end the process with the exit code that `boulder.exits` documents."""
        app = extra.setdefault("obj", App())
        if not standalone_mode:
            return super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
        try:
            result = super().main(args, prog_name, complete_var, standalone_mode=False, **extra)
            sys.stdout.flush()
        except SystemExit:
            raise
        except BaseException as error:
            sys.exit(_ended(error, app))
        sys.exit(result if isinstance(result, int) else 0)


def _ended(error: BaseException, app: App) -> int:
    """Say why we end, and return the exit code."""
    if isinstance(error, KeyboardInterrupt | click.Abort):
        return 130
    if isinstance(error, click.exceptions.Exit):
        return error.exit_code
    from boulder import errors, exits

    if isinstance(error, click.UsageError):
        errors.show_usage(error, app.out)
        return exits.USAGE
    if isinstance(error, click.ClickException):
        errors.show(error, app.out)
        return error.exit_code
    if isinstance(error, BaseExceptionGroup):
        error = _first(error)
    if not isinstance(error, Exception):
        _reraise(error)
    if os.environ.get("BOULDER_DEBUG"):
        import traceback

        traceback.print_exception(error)
    if isinstance(error, OSError) and error.filename is None:
        _drop_output()
    errors.show(error, app.out)
    code = error.exit if isinstance(error, errors.CliError) else exits.exit_code(error)
    return app.failure_code(error, code)


def _drop_output() -> None:
    """Let what stdout still holds go nowhere: its flush at exit would fail like the one before."""
    try:
        sys.stdout.flush()
    except (OSError, ValueError):
        os.dup2(os.open(os.devnull, os.O_WRONLY), sys.stdout.fileno())


def _first(group: BaseExceptionGroup[Any]) -> BaseException:
    """The first cause in a group: the others followed from it."""
    first: BaseException = group
    while isinstance(first, BaseExceptionGroup):
        first = first.exceptions[0]
    return first


def _reraise(error: BaseException) -> NoReturn:
    raise error
