"""`boulder config`."""

from __future__ import annotations

import os
import subprocess
from pathlib import Path
from typing import TYPE_CHECKING, Any

import click

from boulder.arguments import complete_directory
from boulder.command import Command, Entry, LazyGroup, pass_app
from boulder.context import App

if TYPE_CHECKING:
    from nexus_sdk.protocol import types

ENTRIES = {
    "get": Entry("boulder.commands.config:get", "Keys in force, and where each comes from."),
    "validate": Entry("boulder.commands.config:validate", "Check a configuration, and say what is wrong."),
    "path": Entry("boulder.commands.config:path", "Where the files are."),
}
_NODE_CONFIG = "/etc/nexus/config.yaml"
_LIMIT = 262_144
_CHECK_SECONDS = 30


@click.command("config", cls=LazyGroup, entries=ENTRIES, no_args_is_help=True)
def group() -> None:
    """The configuration of the daemon: layers of files, flags and variables, the later ones winning."""


@click.command("get", cls=Command, short_help="Keys in force, and where each comes from.")
@click.argument("prefix", required=False, default="")
@click.option("--repo", metavar="PATH", shell_complete=complete_directory, help="With the layer of this repository.")
@click.option("--set", "only_set", is_flag=True, help="Only what is not a default.")
@pass_app
def get(app: App, prefix: str, repo: str | None, only_set: bool) -> None:
    """Show the keys that begin with PREFIX, their values, and where each value comes from."""
    from boulder.calls import daemon
    from boulder.errors import CliError
    from boulder.exits import NOT_FOUND

    params: dict[str, Any] = {"prefix": prefix}
    if repo is not None:
        params["repository"] = os.path.abspath(os.path.expanduser(repo))
    found: types.ConfigValues = daemon(app).call("config.get", params)
    if prefix and not found.entries:
        raise CliError(
            f"no key begins with {prefix!r}",
            hint="`boulder config get` lists all",
            name="key_not_found",
            exit=NOT_FOUND,
        )
    entries = [entry for entry in found.entries if not only_set or entry.source != "default"]

    def human() -> None:
        rows = [
            ((entry.key, "bold"), value_text(entry.value), (entry.source, "dim" if entry.source == "default" else None))
            for entry in entries
        ]
        app.out.table(("KEY", "VALUE", "FROM"), rows, empty="everything is at its default")

    app.out.result(found, human, [value_text(entry.value) for entry in entries])


def value_text(value: Any) -> str:
    """Return a value as it is written in a file."""
    import json

    return value if isinstance(value, str) else json.dumps(value, ensure_ascii=False)


@click.command("validate", cls=Command, short_help="Check a configuration, and say what is wrong.")
@click.argument("file", required=False, type=click.Path(path_type=Path))
@click.option(
    "--layer", type=click.Choice(["node", "user", "project"]), default="user", show_default=True, help="What FILE is."
)
@pass_app
def validate(app: App, file: Path | None, layer: str) -> int:
    """Check FILE, or without one all that is in force here. The exit code is 1 where something is wrong.

    Without FILE no daemon is needed: a configuration that is wrong keeps it from starting.
    """
    if file is None:
        return check_in_force(app)
    return check_file(app, file, layer)


def check_file(app: App, file: Path, layer: str) -> int:
    """Let the daemon check one file; return the exit code."""
    from boulder.calls import daemon
    from boulder.text import clean

    text = file.read_text(errors="replace")
    if len(text) > _LIMIT:
        raise click.UsageError(f"{file} is longer than {_LIMIT} characters")
    found: types.ConfigValidated = daemon(app).call("config.validate", {"text": text, "layer": layer})

    def human() -> None:
        for problem in found.problems:
            place = f"{file}:{problem.line}" if isinstance(problem.line, int) else str(file)
            key = f" {problem.key}:" if problem.key else ""
            app.out.line(f"{clean(place)}:{clean(key)} {clean(problem.message)}")
            if isinstance(problem.suggestion, str):
                app.out.line(f"  try: {clean(problem.suggestion)}")
        if found.valid:
            app.out.line(f"{clean(str(file))} is valid")

    app.out.result(found, human, [problem.key for problem in found.problems])
    return 0 if found.valid else 1


def check_in_force(app: App) -> int:
    """Run the daemon's own check of everything that is in force; return the exit code."""
    from boulder.node.start import daemon_argv, environment
    from boulder.text import clean

    done = subprocess.run(
        [*daemon_argv(), "--check"],
        env=environment(app.home),
        stdin=subprocess.DEVNULL,
        capture_output=True,
        text=True,
        timeout=_CHECK_SECONDS,
        check=False,
    )
    said = clean((done.stdout + done.stderr).rstrip("\n"), lines=True)
    app.out.result({"valid": done.returncode == 0, "text": said}, lambda: app.out.line(said))
    return 0 if done.returncode == 0 else 1


@click.command("path", cls=Command, short_help="Where the files are.")
@pass_app
def path(app: App) -> None:
    """Show where the files of the configuration are, low layers first, and which of them exist."""
    from boulder.names import checkout

    places = {"node": Path(os.environ.get("NEXUS_NODE_CONFIG") or _NODE_CONFIG), "user": app.home / "config.yaml"}
    here = checkout()
    if here is not None:
        places["project"] = here.root / ".nexus" / "config.yaml"
    found = [{"layer": layer, "path": str(file), "exists": file.exists()} for layer, file in places.items()]

    def human() -> None:
        rows = [
            (layer, str(file), ("exists", "green") if file.exists() else ("not there", "dim"))
            for layer, file in places.items()
        ]
        app.out.table(("LAYER", "FILE", ""), rows, empty="")

    app.out.result({"files": found}, human, [str(file) for file in places.values()])
