"""Help, options that all commands take, typos, and what a start imports."""

from __future__ import annotations

import importlib
import json
import subprocess
import sys

import click
import pytest
from boulder.app import ENTRIES, cli
from boulder.command import Command, CommonOption, LazyGroup
from click.testing import CliRunner


def every_command() -> list[tuple[str, str, click.Command]]:
    """Path, help in the list, and the command, of every command there is."""
    found: list[tuple[str, str, click.Command]] = []

    def walk(path: str, group: LazyGroup) -> None:
        for name, entry in group.entries.items():
            module, _, attribute = entry.target.partition(":")
            command = getattr(importlib.import_module(module), attribute)
            found.append((f"{path} {name}", entry.help, command))
            if isinstance(command, LazyGroup):
                walk(f"{path} {name}", command)

    walk("boulder", cli)
    return found


COMMANDS = every_command()


@pytest.mark.parametrize(("path", "listed", "command"), COMMANDS, ids=[path for path, _, _ in COMMANDS])
def test_every_command_has_help_and_the_common_options(path: str, listed: str, command: click.Command) -> None:
    done = CliRunner().invoke(cli, [*path.split()[1:], "--help"])
    assert done.exit_code == 0, done.output
    assert "Usage: " in done.output and "--json" in done.output and "Common options:" in done.output
    assert listed.endswith(".") and listed[0].isupper()
    assert sum(isinstance(param, CommonOption) for param in command.params) == 4
    for param in command.params:
        if isinstance(param, click.Option):
            assert param.help, f"{path} {param.opts} has no help"


def test_the_list_says_what_the_command_says() -> None:
    for path, listed, command in COMMANDS:
        if isinstance(command, Command) and "the same" not in listed.lower() and not listed.startswith("Another name"):
            assert listed == command.short_help, path


def test_without_arguments_there_is_help() -> None:
    done = CliRunner().invoke(cli, [])
    assert done.exit_code == 0
    for part in ("Workspaces:", "Inside a workspace:", "Daemon and access:", "Examples:", "boulder up fix-login"):
        assert part in done.output
    for name, entry in ENTRIES.items():
        assert (f"\n  {name} " in done.output) is bool(entry.section)


@pytest.mark.parametrize(("typo", "meant"), [("exce", "exec"), ("wokspace", "workspace"), ("swich", "switch")])
def test_a_typo_gets_a_suggestion(typo: str, meant: str) -> None:
    done = CliRunner().invoke(cli, [typo])
    assert done.exit_code == 2
    assert f"there is no command '{typo}'" in done.stderr and meant in done.stderr


def test_a_wrong_option_says_how_to_get_help() -> None:
    done = CliRunner().invoke(cli, ["ls", "--nonsense"])
    assert done.exit_code == 2
    assert "--nonsense" in done.stderr and "usage: " in done.stderr and "try: " in done.stderr


def test_a_wrong_command_line_as_json() -> None:
    done = CliRunner().invoke(cli, ["--json", "ls", "--nonsense"])
    assert done.exit_code == 2
    assert json.loads(done.stderr)["error"]["name"] == "usage"


@pytest.mark.parametrize("args", [["--json", "completion", "bash"], ["completion", "bash", "--json"]])
def test_common_options_stand_before_and_after_the_command(args: list[str]) -> None:
    from boulder.context import App

    app = App()
    CliRunner().invoke(cli, args, obj=app)
    assert app.out.json is True


@pytest.mark.parametrize("shell", ["bash", "zsh", "fish"])
def test_completion_scripts(shell: str) -> None:
    done = CliRunner().invoke(cli, ["completion", shell])
    assert done.exit_code == 0
    assert f"_BOULDER_COMPLETE={shell}_complete" in done.output


def test_completion_of_commands_needs_none_of_them() -> None:
    from click.shell_completion import ShellComplete

    found = [item.value for item in ShellComplete(cli, {}, "boulder", "_BOULDER_COMPLETE").get_completions([], "po")]
    assert found == ["port"]


@pytest.mark.parametrize(
    ("args", "absent"),
    [
        (["--version"], ["asyncio", "nexus_sdk", "websockets"]),
        (["--help"], ["asyncio", "nexus_sdk", "boulder.commands.up"]),
        (["completion", "bash"], ["asyncio", "nexus_sdk", "boulder.commands.doctor"]),
    ],
)
def test_a_start_imports_only_what_it_needs(args: list[str], absent: list[str]) -> None:
    code = (
        "import sys\n"
        "from boulder.app import cli\n"
        "try:\n    cli.main(sys.argv[1:])\n"
        "except SystemExit:\n    pass\n"
        "print('\\n'.join(sys.modules), file=sys.stderr)\n"
    )
    done = subprocess.run([sys.executable, "-c", code, *args], capture_output=True, text=True, check=True)
    loaded = set(done.stderr.split())
    assert "click" in loaded
    assert not loaded & set(absent)
