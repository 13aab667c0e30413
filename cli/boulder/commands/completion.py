"""`boulder completion`."""

from __future__ import annotations

import click

from boulder.command import Command, pass_app
from boulder.context import App

_ADD = "COMPREPLY+=($value)"


@click.command("completion", cls=Command, short_help="Print what makes a shell complete boulder.")
@click.argument("shell", type=click.Choice(["bash", "zsh", "fish"]))
@pass_app
def command(app: App, shell: str) -> None:
    """Print the script that makes a shell complete commands, options, workspaces and processes.

    \b
    bash:  eval "$(boulder completion bash)"  in ~/.bashrc
    zsh:   eval "$(boulder completion zsh)"  in ~/.zshrc, after compinit
    fish:  boulder completion fish > ~/.config/fish/completions/boulder.fish
    """
    from click.shell_completion import get_completion_class

    from boulder.app import cli

    found = get_completion_class(shell)
    assert found is not None, "click knows the three shells"
    # the source itself: click's own way to it asks bash for its version, which need not be installed here
    complete = found(cli, {}, "boulder", "_BOULDER_COMPLETE")
    script = complete.source_template % complete.source_vars()
    # what ends in a colon is the beginning of NAME:path, and goes on
    script = (
        script.replace(_ADD, _ADD + "\n            [[ $value == *: ]] && compopt -o nospace")
        if shell == "bash"
        else script
    )
    app.out.line(script)
